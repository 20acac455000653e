"""From rows of the tables to facts, also under other settings of counting and contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from mslesion.criteria.facts import FACT_NAMES, Facts, with_implied_facts
from mslesion.criteria.rules.brain_loss import BrainLoss, evaluate_brain_loss
from mslesion.criteria.rules.susceptibility import (
    SELECT_SIX_2024,
    VeinCounts,
    apply_vein_rule,
    count_veins,
)
from mslesion.criteria.verdicts import WITHOUT_CAPS
from mslesion.schema.locations import (
    DEEP_WHITE,
    JUXTACORTICAL,
    LOCATION_CLASSES,
    PERIVENTRICULAR,
)
from mslesion.schema.ratings import LesionRating

UNLIKE_MS = "load_unlike_ms"
"""Check by which the lesions of a visit are not those of multiple sclerosis."""
NOT_USED = (
    "the segmented lesions are not used, because the load does not look like multiple sclerosis "
    f"({UNLIKE_MS})"
)
OTHER_CONTACTS_MM = (1.5, 3.0)
"""Contact distances of the alternative settings, beside that of the table."""

REGIONS = {one.name: one.count_column for one in LOCATION_CLASSES if one.is_mcdonald}
"""Fact, and column of visits.csv, of each location class that a rule asks for."""
MEASURED_BY = {
    **{name: name for name in ("lesion_count", *REGIONS.values())},
    "non_enhancing_count": "lesion_count",
    **{name: name for name in ("new_t2_count", "enlarging_count", "combined_unique_active_count")},
    "brain_loss_pct_per_year": "pbvc_pct_per_year",
}
"""Column of visits.csv or changes.csv on which each fact rests that is measured."""

Row = Mapping[str, Any]


def known(row: Row | None, name: str) -> Any:
    """A value of a row; None if there is no row, no such name, or the value is missing.

    Parameters
    ----------
    row : mapping or None
        Values by column name.
    name : str
        Column.

    Returns
    -------
    object
    """
    value = None if row is None else row.get(name)
    if value is None or pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRows:
    """All that is known of one visit, as rows of the tables."""

    visit: Row
    """Row of visits.csv."""
    lesions: Sequence[Row] | None = None
    """Its rows of lesions.csv; without them the visit's own counts are taken."""
    change: Row | None = None
    """Row of changes.csv that ends with this visit."""
    expansion_rates: Sequence[float] | None = None
    """Mean rate of each slowly expanding candidate of the pair, in %/y."""
    enlarging_candidates: int = 0
    """Further candidates, in lesions that enlarge by the rule of the pair."""
    rated: Row = field(default_factory=dict)
    """Clinical data and ratings, by the names of `Facts`."""
    rated_lesions: Sequence[LesionRating] = ()
    """A rater's lesions."""

    @property
    def doubt(self) -> str:
        """Why no fact is taken from the segmented lesions; empty if they are used.

        A rater who states that other causes were excluded decides otherwise.
        """
        flags = (known(self.visit, "flags") or "").split(";")
        is_odd = any(flag.startswith(f"{UNLIKE_MS}:") for flag in flags)
        return NOT_USED if is_odd and not known(self.rated, "other_causes_excluded") else ""


def facts_of_visit(rows: VisitRows) -> Facts:
    """Facts of one visit, lesions counted by their centres where those are known.

    Parameters
    ----------
    rows : VisitRows
        The visit.

    Returns
    -------
    Facts

    Examples
    --------
    >>> lesions = [{"location": "periventricular", "center_count": 2}, {"location": "deep_white"}]
    >>> facts = facts_of_visit(VisitRows(visit={}, lesions=lesions))
    >>> facts.lesion_count, facts.periventricular_count, facts.cord_count
    (3, 2, None)
    """
    if rows.doubt:
        return _assemble(replace(rows, change=None), {})
    if rows.lesions is not None:
        return _assemble(rows, count_lesions(rows.lesions))
    counts = {name: known(rows.visit, name) for name in REGIONS.values()}
    return _assemble(rows, {"lesion_count": known(rows.visit, "lesion_count"), **counts})


def alternatives_of_visit(rows: VisitRows) -> dict[str, Facts]:
    """The same visit under other settings, by the name of the setting.

    Lesions counted by components, other contact distances, and without the lesions at
    the ventricles' horns. A setting the rows do not allow is left out.

    Parameters
    ----------
    rows : VisitRows
        The visit.

    Returns
    -------
    dict of str to Facts
        Empty without lesion rows.
    """
    if rows.lesions is None or rows.doubt:
        return {}
    settings: dict[str, dict] = {"if lesions are counted by components": {"by_centers": False}}
    for contact_mm in OTHER_CONTACTS_MM:
        settings[f"if contact is {contact_mm:g} mm"] = {"contact_mm": contact_mm}
    settings[WITHOUT_CAPS] = {"with_caps": False}
    counted = {name: count_lesions(rows.lesions, **options) for name, options in settings.items()}
    return {
        name: _assemble(rows, counts)
        for name, counts in counted.items()
        if counts["periventricular_count"] is not None
    }


def count_lesions(
    lesions: Sequence[Row],
    *,
    by_centers: bool = True,
    contact_mm: float | None = None,
    with_caps: bool = True,
) -> dict[str, int | None]:
    """Count lesions by location class.

    Parameters
    ----------
    lesions : sequence of mapping
        Rows of lesions.csv.
    by_centers : bool
        Count a component by its centres where their number is known, else as one.
    contact_mm : float, optional
        Distance within which a lesion touches ventricle or cortex (inclusive), in mm;
        the table's own classes if not given.
    with_caps : bool
        False leaves out periventricular lesions flagged as cap-like.

    Returns
    -------
    dict of str to int or None
        `lesion_count` and a count a class; the classes are None if a lesion has none.
    """
    total, counts = 0, dict.fromkeys(REGIONS.values(), 0)
    for lesion in lesions:
        location = _location(lesion, contact_mm)
        if not with_caps and location == PERIVENTRICULAR and known(lesion, "is_cap_like"):
            continue
        weight = max(1, known(lesion, "center_count") or 1) if by_centers else 1
        total += weight
        if location is None:
            counts = dict.fromkeys(counts)
        elif location in REGIONS and counts[REGIONS[location]] is not None:
            counts[REGIONS[location]] += weight
    return {"lesion_count": total, **counts}


def _location(lesion: Row, contact_mm: float | None) -> str | None:
    """Location class of a lesion, perhaps under another contact distance."""
    location = known(lesion, "location")
    if contact_mm is None or location not in (PERIVENTRICULAR, JUXTACORTICAL, DEEP_WHITE):
        return location
    ventricle, cortex = known(lesion, "ventricle_distance_mm"), known(lesion, "cortex_distance_mm")
    if ventricle is None or cortex is None:
        return None
    touching = {
        name
        for name, distance in ((PERIVENTRICULAR, ventricle), (JUXTACORTICAL, cortex))
        if distance <= contact_mm
    }
    if len(touching) == 2:
        nearer = PERIVENTRICULAR if ventricle <= cortex else JUXTACORTICAL
        return location if location in touching else nearer
    return touching.pop() if touching else DEEP_WHITE


def _assemble(rows: VisitRows, counts: Mapping[str, int | None]) -> Facts:
    """All facts: counts of the brain, change since the previous visit, and ratings."""
    values = {name: known(rows.rated, name) for name in FACT_NAMES} | counts
    values["gd_count"] = gd = _first(values["gd_count"], _count_listed(rows.rated_lesions, "gd"))
    values["age_years"] = _first(known(rows.visit, "age_years"), values["age_years"])
    values["prl_count"] = _first(values["prl_count"], _count_listed(rows.rated_lesions, "prl"))
    values["cvs_select_six"] = _select_six(rows, values["lesion_count"])
    return with_implied_facts(Facts(**values | _changed(rows.change, gd)))


def _changed(change: Row | None, gd: int | None) -> dict[str, Any]:
    """Facts on the change since the previous visit."""
    if change is None:
        return {}
    loss = brain_loss_of_pair(change)
    values = {
        "followup_gd_count": gd,
        # A point value whose interval includes the cut-off decides nothing
        "brain_loss_pct_per_year": None if loss.exceeds_0_4 is None else loss.loss,
    }
    if known(change, "change_assessable") is False:
        return values
    counted = ("new_t2_count", "enlarging_count", "combined_unique_active_count")
    return values | {name: known(change, name) for name in counted}


def brain_loss_of_pair(change: Row, *, age_years: float | None = None) -> BrainLoss:
    """Yearly brain volume loss of a pair, against its cut-offs.

    Parameters
    ----------
    change : mapping
        Row of changes.csv.
    age_years : float, optional
        Age at the later visit.

    Returns
    -------
    BrainLoss
    """
    low, high = known(change, "pbvc_ci95_low"), known(change, "pbvc_ci95_high")
    return evaluate_brain_loss(
        known(change, "pbvc_pct_per_year"),
        known(change, "interval_years"),
        ci95=None if low is None or high is None else (low, high),
        age_years=age_years,
    )


def _count_listed(rated: Sequence[LesionRating], name: str) -> int | None:
    """Count of a sign in a rater's list; None if no lesion has it and not all were rated."""
    ratings = [getattr(lesion, name) for lesion in rated]
    count = sum(rating is True for rating in ratings)
    return count if count or (ratings and None not in ratings) else None


def _select_six(rows: VisitRows, lesion_count: int | None) -> bool | None:
    """The select-six rule by a rater's list, or else by the counts that were given."""
    if any(lesion.cvs is not None for lesion in rows.rated_lesions):
        return apply_vein_rule(SELECT_SIX_2024, count_veins(rows.rated_lesions)).met
    positive = known(rows.rated, "cvs_positive_count")
    eligible = known(rows.rated, "cvs_eligible_count")
    if positive is None or eligible is None:
        return None
    counts = VeinCounts(positive=positive, negative=eligible - positive, total=lesion_count)
    return apply_vein_rule(SELECT_SIX_2024, counts).met


def _first(*values):
    """The first value that is known."""
    return next((value for value in values if value is not None), None)
