"""The brain table: volumes of one anatomy map, by the columns of the visit table."""

from mslesion.schema.columns import DERIVED, TEXT, Column, Table
from mslesion.schema.visits import VISITS

BRAIN = Table(
    "brain",
    "One row per anatomy map: volumes of the brain and its parts.",
    (
        *(column for column in VISITS.columns if column.group == "brain"),
        Column(
            "empty_because",
            TEXT,
            "Reasons for empty values, as column: reason, separated by semicolons.",
            method=DERIVED,
            empty_when="no biomarker is empty",
        ),
    ),
    ("brain_ml",),
)
