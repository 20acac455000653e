"""What the numbers mean: published rules and panels, in three values, without a score."""

from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import VisitRows, alternatives_of_visit, facts_of_visit
from mslesion.criteria.panels.domains import PanelRow
from mslesion.criteria.panels.preclinical import preclinical_wording
from mslesion.criteria.rows import criteria_rows, make_criteria_tables, panel_rows
from mslesion.criteria.rules.activity import ACTIVITY, modified_rio
from mslesion.criteria.rules.brain_loss import (
    in_pseudoatrophy_window,
    judge_brain_loss,
    loss_cutoff_pct_per_year,
)
from mslesion.criteria.rules.mcdonald import MCDONALD
from mslesion.criteria.rules.ris import ISOLATED
from mslesion.criteria.rules.susceptibility import (
    VEIN_RULES,
    apply_vein_rule,
    count_veins,
    rim_category,
)
from mslesion.criteria.verdicts import WITHOUT_CAPS, Criterion, Verdict, judge

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
