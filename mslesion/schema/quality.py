"""quality.csv: one row per check."""

from mslesion.schema.checks import STATES
from mslesion.schema.columns import (
    DERIVED,
    IDENTIFIER,
    NUMBER,
    PARTICIPANT,
    SESSION_OF_ROW,
    TEXT,
    Column,
    Table,
    described,
)
from mslesion.schema.identifiers import SESSION

QUALITY = Table(
    "quality",
    "One row per quality check of a visit or pair of visits, with its value, threshold and state.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column("session_from", TEXT, "First visit of the pair for a check of a pair.",
               prefix=SESSION, method=IDENTIFIER,
               empty_when="the check is of one visit, or that visit has no session label"),
        *described(
        DERIVED,
        Column("check", TEXT, "Name of the check.", method=IDENTIFIER),
        Column("description", TEXT, "What is measured."),
        Column("value", NUMBER, "Measured value, in the unit given beside it.",
               method="As the description of the check says.",
               empty_when="the check is not assessable"),
        Column("unit", TEXT, "Unit of the value and of the threshold.",
               empty_when="the value has no unit"),
        Column("threshold", TEXT, "Condition for the state pass."),
        Column("state", TEXT, "Outcome.", levels=STATES),
        Column("detail", TEXT, "Consequence of the state, or the reason why it is not assessable.",
               empty_when="the check passed, or its input is missing"),
        ),
    ),
    ("participant_id", "session_id", "session_from", "check"),
)  # fmt: skip
