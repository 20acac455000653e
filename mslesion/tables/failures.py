"""logs/failures.tsv: one row a visit that failed."""

from mslesion.tables.columns import TEXT, Column, Table

FAILURES = Table(
    "failures",
    "One row a visit that failed, with the reason.",
    (
        Column("subject_id", TEXT, "Subject label, without sub-."),
        Column("session_id", TEXT, "Session label, without ses-; empty if there is none."),
        Column("error", TEXT, "Kind of error."),
        Column("reason", TEXT, "What is wrong and what to do."),
    ),
    ("subject_id", "session_id"),
)
