"""logs/failures.tsv: one row a visit or pair that failed."""

from mslesion.schema.columns import PARTICIPANT, SESSION_OF_ROW, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

FAILURES = Table(
    "failures",
    "One row a visit, or a pair of visits, that failed, with the reason.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column(
            "session_from",
            TEXT,
            "First visit of a pair that could not be compared; else empty.",
            prefix=SESSION,
        ),
        Column("error", TEXT, "Kind of error."),
        Column("reason", TEXT, "What is wrong and what to do."),
    ),
    ("participant_id", "session_id", "session_from"),
)
