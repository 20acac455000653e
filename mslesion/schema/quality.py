"""quality.csv: one row per check."""

from mslesion.schema.checks import STATES
from mslesion.schema.columns import NUMBER, PARTICIPANT, SESSION_OF_ROW, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

QUALITY = Table(
    "quality",
    "One row per quality check of a visit or pair of visits, with its value, threshold and state.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column("session_from", TEXT, "First visit of the pair for a check of a pair; otherwise "
                                     "empty.",
               prefix=SESSION),
        Column("check", TEXT, "Name of the check."),
        Column("description", TEXT, "What is measured."),
        Column("value", NUMBER, "Measured value, in the unit given beside it."),
        Column("unit", TEXT, "Unit of the value and of the threshold."),
        Column("threshold", TEXT, "Condition for the state pass."),
        Column("state", TEXT, "Outcome.", levels=STATES),
        Column("detail", TEXT, "Consequence of the state, or the reason why it is not assessable."),
    ),
    ("participant_id", "session_id", "session_from", "check"),
)  # fmt: skip
