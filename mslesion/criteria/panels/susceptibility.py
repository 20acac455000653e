"""Panel of central veins and paramagnetic rims counted by a rater."""

from collections.abc import Sequence

from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import Row, known
from mslesion.criteria.panels.domains import REPLICATED, USUAL, PanelRow, state_of
from mslesion.criteria.rules.susceptibility import (
    VEIN_RULES,
    VeinCounts,
    apply_vein_rule,
    count_veins,
    rim_category,
)
from mslesion.schema.ratings import LesionRating

PANEL = "susceptibility"
STATES = {True: "met", False: "not met", None: "not assessable"}


def susceptibility_panel(
    facts: Facts, *, rated: Row, rated_lesions: Sequence[LesionRating] = ()
) -> list[PanelRow]:
    """Rim lesions, and every rule of the central vein sign with numerator and denominator.

    Parameters
    ----------
    facts : Facts
        Facts of the visit.
    rated : mapping
        Clinical data and ratings.
    rated_lesions : sequence of LesionRating
        A rater's list, which goes before counts.

    Returns
    -------
    list of PanelRow
        Empty where no rim and no vein was rated.
    """
    rows = []
    if facts.prl_count is not None:
        rows.append(
            PanelRow(
                panel=PANEL,
                domain="paramagnetic rim lesions",
                state=state_of(met=facts.prl_count >= 1),
                value=float(facts.prl_count),
                threshold=">= 1",
                confidence=USUAL,
                evidence=REPLICATED,
                text=f"Category {rim_category(facts.prl_count)}. The definition of a "
                "rim (two thirds of the edge, two slices) is recalled, not confirmed.",
            )
        )
    counts = vein_counts(facts, rated=rated, rated_lesions=rated_lesions)
    if counts is None:
        return rows
    for rule in VEIN_RULES:
        result = apply_vein_rule(rule, counts)
        text = f"{result.numerator} of {result.denominator} eligible lesions have a central vein"
        unrated = f"{counts.unrated} not rated" if counts.unrated else ""
        parts = (text, unrated, result.note, f"performance: {rule.performance}")
        rows.append(
            PanelRow(
                panel=PANEL,
                domain=f"central vein sign, {rule.name.replace('_', ' ')}",
                state=STATES[result.met],
                value=float(result.numerator),
                threshold=rule.text,
                confidence=None if result.met is None else USUAL,
                evidence=rule.evidence,
                text="; ".join(filter(None, parts)) + ".",
            )
        )
    return rows


def vein_counts(
    facts: Facts, *, rated: Row, rated_lesions: Sequence[LesionRating] = ()
) -> VeinCounts | None:
    """Counts of the central vein sign: from the list of lesions, or else as given.

    Parameters
    ----------
    facts : Facts
        For the number of all lesions, which a list tells by itself.
    rated : mapping
        Clinical data and ratings.
    rated_lesions : sequence of LesionRating
        A rater's list.

    Returns
    -------
    VeinCounts or None
        None where nothing was rated.
    """
    if any(lesion.cvs is not None for lesion in rated_lesions):
        return count_veins(rated_lesions)
    positive, eligible = known(rated, "cvs_positive_count"), known(rated, "cvs_eligible_count")
    if positive is None or eligible is None:
        return None
    return VeinCounts(positive=positive, negative=eligible - positive, total=facts.lesion_count)
