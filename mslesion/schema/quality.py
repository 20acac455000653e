"""qc.csv: one row a check."""

from mslesion.schema.columns import NUMBER, TEXT, Column, Table
from mslesion.schema.visits import STATES

QUALITY = Table(
    "qc",
    "One row a check of a visit, or of a pair of visits, with its value, threshold and state.",
    (
        Column("subject_id", TEXT, "Subject label, without sub-."),
        Column("session_id", TEXT, "Session label, without ses-; empty if there is none."),
        Column("session_from", TEXT, "Of a check of a pair, the pair's first visit; else empty."),
        Column("check_id", TEXT, "Identifier of the check."),
        Column("check", TEXT, "What is looked at."),
        Column("value", NUMBER, "What was found, in the unit beside it."),
        Column("unit", TEXT, "Unit of the value and the threshold."),
        Column("threshold", TEXT, "When the state is pass."),
        Column("state", TEXT, "Outcome.", levels=STATES),
        Column("detail", TEXT, "What follows from it, or why it is not assessable."),
    ),
    ("subject_id", "session_id", "session_from", "check_id"),
)  # fmt: skip
