"""quality.csv: one row a check."""

from mslesion.schema.checks import STATES
from mslesion.schema.columns import NUMBER, PARTICIPANT, SESSION_OF_ROW, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

QUALITY = Table(
    "quality",
    "One row a check of a visit, or of a pair of visits, with its value, threshold and state.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column("session_from", TEXT, "Of a check of a pair, the pair's first visit; else empty.",
               prefix=SESSION),
        Column("check", TEXT, "Name of the check."),
        Column("description", TEXT, "What is measured."),
        Column("value", NUMBER, "What was found, in the unit beside it."),
        Column("unit", TEXT, "Unit of the value and the threshold."),
        Column("threshold", TEXT, "When the state is pass."),
        Column("state", TEXT, "Outcome.", levels=STATES),
        Column("detail", TEXT, "What follows from it, or why it is not assessable."),
    ),
    ("participant_id", "session_id", "session_from", "check"),
)  # fmt: skip
