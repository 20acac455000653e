"""Panel of MRI activity since the previous visit: lesions, brain volume, named rules."""

from collections.abc import Mapping

from mslesion.criteria.caveats import LITERATURE_THRESHOLD
from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import brain_loss_of_pair, known
from mslesion.criteria.logic import at_least
from mslesion.criteria.panels.domains import (
    GROUPS,
    LOW,
    USUAL,
    VALIDATED,
    PanelRow,
    rule_row,
    state_of,
)
from mslesion.criteria.rules import CRITERIA_BY_NAME
from mslesion.criteria.rules.brain_loss import (
    MIN_YEARS_FOR_CUTOFF,
    BrainLoss,
    is_long_enough,
)
from mslesion.criteria.verdicts import evaluate_criterion

PANEL = "activity"
RULES_SHOWN = ("neda3_mri", "neda4_mri", "lublin2013_activity", "magnims2016_score", "meda")
MIN_YEARS_FOR_CONFIDENCE = 2.0
"""Atrophy over less time (`is_long_enough`) is dominated by measurement error."""

_COUNTS = (
    ("new T2 lesions", "new_t2_count"),
    ("enlarging T2 lesions", "enlarging_count"),
    ("contrast-enhancing lesions", "followup_gd_count"),
    ("combined unique active lesions", "combined_unique_active_count"),
)


def activity_panel(facts: Facts, change: Mapping) -> list[PanelRow]:
    """What changed since the previous visit.

    Parameters
    ----------
    facts : Facts
        Facts of the later visit.
    change : mapping
        Row of changes.csv of the pair.

    Returns
    -------
    list of PanelRow
    """
    confidence, why = lesion_confidence(change)
    rows = []
    for domain, name in _COUNTS:
        value, met = getattr(facts, name), at_least(1, name)(facts)
        rows.append(
            PanelRow(
                panel=PANEL,
                domain=domain,
                state=state_of(met=met),
                value=None if value is None else float(value),
                threshold=">= 1",
                confidence=None if met is None else confidence,
                evidence=VALIDATED,
                text=why,
            )
        )
    verdicts = [evaluate_criterion(CRITERIA_BY_NAME[name], facts) for name in RULES_SHOWN]
    return [*rows, *_brain_rows(facts, change), *(rule_row(PANEL, v) for v in verdicts)]


def lesion_confidence(change: Mapping) -> tuple[str, str]:
    """Confidence in the change of lesions, with the reason.

    Parameters
    ----------
    change : mapping
        Row of changes.csv.

    Returns
    -------
    tuple of str, shape (2,)
    """
    reasons = []
    if known(change, "same_scanner") is False:
        reasons.append("another scanner")
    if known(change, "quality_state") in ("warn", "fail"):
        reasons.append("quality of the pair: " + known(change, "quality_state"))
    return (LOW, "Low: " + ", ".join(reasons) + ".") if reasons else (USUAL, "")


def atrophy_confidence(change: Mapping) -> tuple[str, str]:
    """Confidence in a change of volume, with the reason.

    Parameters
    ----------
    change : mapping
        Row of changes.csv.

    Returns
    -------
    tuple of str, shape (2,)
    """
    if known(change, "brain_change_assessable") is False:
        return LOW, f"Brain change is not assessable: {known(change, 'brain_change_reason')}."
    _, why = lesion_confidence(change)
    reasons = [why.removeprefix("Low: ").removesuffix(".")] if why else []
    years = known(change, "interval_years")
    if not is_long_enough(years, MIN_YEARS_FOR_CONFIDENCE):
        reasons.append(f"interval under {MIN_YEARS_FOR_CONFIDENCE:g} years")
    if known(change, "pseudoatrophy_window"):
        reasons.append("a treatment began: volume may decrease through loss of oedema")
    return (LOW, "Low: " + ", ".join(reasons) + ".") if reasons else (USUAL, "")


def _brain_rows(facts: Facts, change: Mapping) -> list[PanelRow]:
    """Brain volume loss against the cut-off of its age, and against 0.4 %."""
    loss = brain_loss_of_pair(change, age_years=facts.age_years)
    confidence, why = atrophy_confidence(change)
    limit = "age not known or without a cut-off"
    if loss.age_cutoff is not None:
        limit = f"whole 95 % interval above {loss.age_cutoff:.2f} (95th percentile of the age)"
    return [
        PanelRow(
            panel=PANEL,
            domain=domain,
            state=state_of(met=met),
            value=loss.loss,
            unit="percent/year",
            ci95_low=loss.ci_low,
            ci95_high=loss.ci_high,
            threshold=threshold,
            confidence=None if met is None else confidence,
            evidence=GROUPS,
            text=" ".join(filter(None, (why, why_undecided(loss, change, met=met)))),
        )
        for domain, met, threshold in (
            ("brain volume loss relative to age", loss.exceeds_age_cutoff, limit),
            (
                "brain volume loss over 0.4 %/y",
                loss.exceeds_0_4,
                f"whole 95 % interval above 0.4 ({LITERATURE_THRESHOLD})",
            ),
        )
    ]


def why_undecided(loss: BrainLoss, change: Mapping, *, met: bool | None) -> str:
    """Why it is open whether a brain volume loss exceeds its cut-off.

    Parameters
    ----------
    loss : BrainLoss
        The loss.
    change : mapping
        Row of changes.csv.
    met : bool or None
        Whether it exceeds the cut-off.

    Returns
    -------
    str
        Empty where it was decided or nothing was measured.
    """
    years = known(change, "interval_years")
    if met is not None or loss.loss is None:
        return ""
    if not is_long_enough(years, MIN_YEARS_FOR_CUTOFF):
        return f"Cut-offs require an interval of {MIN_YEARS_FOR_CUTOFF:g} year or more."
    if loss.ci_low is None:
        return no_interval(change)
    return "The 95 % interval includes the cut-off, or there is no cut-off."


def no_interval(change: Mapping) -> str:
    """Why a change of volume has no interval.

    Parameters
    ----------
    change : mapping
        Row of changes.csv.

    Returns
    -------
    str
    """
    kind = known(change, "pair_kind")
    of = f" for this kind of pair ({kind})" if kind else ""
    return f"Without an interval: its error was not measured{of}."
