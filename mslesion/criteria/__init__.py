"""Published rules and panels with three-valued results, and no score of disease."""

from mslesion.criteria.facts import Facts, with_implied_facts
from mslesion.criteria.facts_of_visit import VisitRows, alternatives_of_visit, facts_of_visit
from mslesion.criteria.panels.domains import PanelRow
from mslesion.criteria.rows import criterion_row, make_criteria_tables
from mslesion.criteria.rules import CRITERIA, CRITERIA_BY_NAME
from mslesion.criteria.rules.activity import modified_rio
from mslesion.criteria.rules.brain_loss import (
    evaluate_brain_loss,
    in_pseudoatrophy_window,
    loss_cutoff_pct_per_year,
)
from mslesion.criteria.rules.susceptibility import (
    VEIN_RULES,
    apply_vein_rule,
    count_veins,
    rim_category,
)
from mslesion.criteria.verdicts import WITHOUT_CAPS, Criterion, Verdict, evaluate_criterion

__all__ = [
    "CRITERIA",
    "CRITERIA_BY_NAME",
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
    "criterion_row",
    "evaluate_brain_loss",
    "evaluate_criterion",
    "facts_of_visit",
    "in_pseudoatrophy_window",
    "loss_cutoff_pct_per_year",
    "make_criteria_tables",
    "modified_rio",
    "rim_category",
    "with_implied_facts",
]
