"""logs/failures.tsv: one row per visit or pair that failed."""

from mslesion.schema.columns import PARTICIPANT, SESSION_OF_ROW, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

FAILURES = Table(
    "failures",
    "One row per failed visit or pair of visits, with the reason.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column(
            "session_from",
            TEXT,
            "First visit of a pair that could not be compared; otherwise empty.",
            prefix=SESSION,
        ),
        Column("error", TEXT, "Kind of error."),
        Column("reason", TEXT, "Error message, with what to do."),
    ),
    ("participant_id", "session_id", "session_from"),
)
