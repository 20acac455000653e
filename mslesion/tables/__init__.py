"""Every column that mslesion writes, declared once: type, unit, meaning, source."""

from mslesion.tables.agreement import AGREEMENT, AGREEMENT_SUMMARY
from mslesion.tables.calibration import CALIBRATION
from mslesion.tables.changes import CHANGES, EXPANSIONS, LESION_CHANGES, TRAJECTORIES
from mslesion.tables.columns import (
    Column,
    Table,
    as_table,
    check_table,
    empty_table,
    sidecar,
)
from mslesion.tables.comparisons import COMPARISONS
from mslesion.tables.criteria import CRITERIA, PANELS, RATED_LESIONS
from mslesion.tables.failures import FAILURES
from mslesion.tables.lesions import LESIONS
from mslesion.tables.quality import QUALITY
from mslesion.tables.visits import VISITS

TABLES = (
    VISITS,
    LESIONS,
    QUALITY,
    CHANGES,
    LESION_CHANGES,
    EXPANSIONS,
    TRAJECTORIES,
    CALIBRATION,
    CRITERIA,
    PANELS,
    RATED_LESIONS,
    FAILURES,
    AGREEMENT,
    AGREEMENT_SUMMARY,
    COMPARISONS,
)

__all__ = [
    "AGREEMENT",
    "AGREEMENT_SUMMARY",
    "CALIBRATION",
    "CHANGES",
    "COMPARISONS",
    "CRITERIA",
    "EXPANSIONS",
    "FAILURES",
    "LESIONS",
    "LESION_CHANGES",
    "PANELS",
    "QUALITY",
    "RATED_LESIONS",
    "TABLES",
    "TRAJECTORIES",
    "VISITS",
    "Column",
    "Table",
    "as_table",
    "check_table",
    "empty_table",
    "sidecar",
]
