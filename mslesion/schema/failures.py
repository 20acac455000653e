"""logs/failures.tsv: one row per visit or pair that failed."""

from mslesion.schema.columns import (
    DERIVED,
    IDENTIFIER,
    PARTICIPANT,
    SESSION_OF_ROW,
    TEXT,
    Column,
    Table,
)
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
            "First visit of a pair that could not be compared.",
            prefix=SESSION,
            method=IDENTIFIER,
            empty_when="the row is of a visit, or that visit has no session label",
        ),
        Column("error", TEXT, "Kind of error.", method=DERIVED),
        Column("reason", TEXT, "Error message, with what to do.", method=DERIVED),
    ),
    ("participant_id", "session_id", "session_from"),
)
