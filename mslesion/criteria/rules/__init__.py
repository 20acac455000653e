"""The published rules: dissemination in space and time, RIS, activity and response."""

from mslesion.criteria.rules.activity import ACTIVITY_CRITERIA
from mslesion.criteria.rules.mcdonald import MCDONALD_CRITERIA
from mslesion.criteria.rules.ris import RIS_CRITERIA

CRITERIA = (*MCDONALD_CRITERIA, *RIS_CRITERIA, *ACTIVITY_CRITERIA)
"""All rules; the place of a rule in this list is its `position` in criteria.csv."""

CRITERIA_BY_NAME = {criterion.name: criterion for criterion in CRITERIA}
"""The rules by name."""

__all__ = [
    "ACTIVITY_CRITERIA",
    "CRITERIA",
    "CRITERIA_BY_NAME",
    "MCDONALD_CRITERIA",
    "RIS_CRITERIA",
]
