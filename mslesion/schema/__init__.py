"""Every column that mslesion writes, declared once: type, unit, meaning, source."""

from mslesion.schema.agreement import AGREEMENT, AGREEMENT_SUMMARY
from mslesion.schema.calibration import CALIBRATION
from mslesion.schema.changes import CHANGES, EXPANSIONS, LESION_CHANGES
from mslesion.schema.columns import (
    Column,
    Table,
    as_table,
    check_table,
    empty_table,
)
from mslesion.schema.comparisons import COMPARISONS
from mslesion.schema.criteria import CRITERIA, PANELS, RATED_LESIONS
from mslesion.schema.dictionaries import sidecar
from mslesion.schema.failures import FAILURES
from mslesion.schema.lesion_agreement import (
    LESION_AGREEMENT,
    LESION_AGREEMENT_SUMMARY,
    RATER_AGREEMENT,
    RATER_AGREEMENT_SUMMARY,
)
from mslesion.schema.lesions import LESIONS
from mslesion.schema.outcomes import OUTCOMES
from mslesion.schema.quality import QUALITY
from mslesion.schema.trajectories import TRAJECTORIES
from mslesion.schema.visits import VISITS

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
    LESION_AGREEMENT,
    LESION_AGREEMENT_SUMMARY,
    RATER_AGREEMENT,
    RATER_AGREEMENT_SUMMARY,
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
    "LESION_AGREEMENT",
    "LESION_AGREEMENT_SUMMARY",
    "LESION_CHANGES",
    "OUTCOMES",
    "PANELS",
    "QUALITY",
    "RATED_LESIONS",
    "RATER_AGREEMENT",
    "RATER_AGREEMENT_SUMMARY",
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
