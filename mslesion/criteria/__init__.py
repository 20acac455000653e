"""What the numbers mean: published rules and panels, in three values, without a score."""

from mslesion.criteria.activity import ACTIVITY, modified_rio
from mslesion.criteria.atrophy import (
    in_pseudoatrophy_window,
    judge_brain_loss,
    loss_cutoff_pct_per_year,
)
from mslesion.criteria.facts import Facts
from mslesion.criteria.isolated import ISOLATED
from mslesion.criteria.judging import WITHOUT_CAPS, Criterion, Verdict, judge
from mslesion.criteria.mcdonald import MCDONALD
from mslesion.criteria.panels import PanelRow
from mslesion.criteria.preclinical_panel import preclinical_wording
from mslesion.criteria.rows import criteria_rows, make_criteria_tables, panel_rows
from mslesion.criteria.susceptibility import VEIN_RULES, apply_vein_rule, count_veins, rim_category
from mslesion.criteria.visits import VisitRows, alternatives_of_visit, facts_of_visit

CRITERIA = (*MCDONALD, *ISOLATED, *ACTIVITY)
"""All rules, CR-1 to CR-22."""

CRITERIA_BY_ID = {criterion.id: criterion for criterion in CRITERIA}
"""The rules by their id."""

__all__ = [
    "CRITERIA",
    "CRITERIA_BY_ID",
    "VEIN_RULES",
    "WITHOUT_CAPS",
    "Criterion",
    "Facts",
    "PanelRow",
    "Verdict",
    "VisitRows",
    "alternatives_of_visit",
    "apply_vein_rule",
    "count_veins",
    "criteria_rows",
    "facts_of_visit",
    "in_pseudoatrophy_window",
    "judge",
    "judge_brain_loss",
    "loss_cutoff_pct_per_year",
    "make_criteria_tables",
    "modified_rio",
    "panel_rows",
    "preclinical_wording",
    "rim_category",
]
