"""logs/failures.tsv: one row a visit or pair that failed."""

from mslesion.schema.columns import TEXT, Column, Table

FAILURES = Table(
    "failures",
    "One row a visit, or a pair of visits, that failed, with the reason.",
    (
        Column("subject_id", TEXT, "Subject label, without sub-."),
        Column("session_id", TEXT, "Session label, without ses-; empty if there is none."),
        Column(
            "session_from", TEXT, "First visit of a pair that could not be compared; else empty."
        ),
        Column("error", TEXT, "Kind of error."),
        Column("reason", TEXT, "What is wrong and what to do."),
    ),
    ("subject_id", "session_id", "session_from"),
)
