"""The facts about a visit that rules use. None means "not known", never "no"."""

from dataclasses import dataclass, fields, replace
from math import nan
from types import MappingProxyType
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd

from mslesion.errors import TableError
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.ratings import COLUMN_BY_NAME, NOT_BY_CHANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts about one visit and, if there is a previous visit, about the change since then.

    Every fact is optional: None (or NaN) means that it is not known. Counts are of lesions
    of the minimum size in the brain unless stated otherwise.

    Raises
    ------
    TableError
        If a value is impossible: a negative or fractional count, an age or a percentage
        out of range, or a flag that is neither True nor False.

    Examples
    --------
    >>> import mslesion as ms
    >>> facts = ms.Facts(periventricular_count=3, cord_count=0, oligoclonal_bands=True)
    >>> facts.cord_count, facts.infratentorial_count
    (0, None)
    """

    lesion_count: int | None = None
    """T2 lesions, confluent ones counted by their centres where these are known."""
    periventricular_count: int | None = None
    juxtacortical_count: int | None = None
    intracortical_count: int | None = None
    infratentorial_count: int | None = None
    gd_count: int | None = None
    """Contrast-enhancing lesions at this visit; None if no contrast agent was given."""
    non_enhancing_count: int | None = None
    cord_count: int | None = None
    """Spinal cord lesions; None if the cord was not imaged."""
    optic_nerve_lesion: bool | None = None
    """By MRI, optical coherence tomography or visual evoked potentials."""
    symptomatic_infratentorial_count: int | None = None
    """Infratentorial lesions that explain the symptoms."""
    symptomatic_cord_count: int | None = None
    """Spinal cord lesions that explain the symptoms."""
    cvs_select_six: bool | None = None
    """Whether the select-six rule of the central vein sign is met."""
    prl_count: int | None = None
    """Paramagnetic rim lesions counted by a rater."""
    oligoclonal_bands: bool | None = None
    """Bands in the cerebrospinal fluid (CSF) that are absent from serum."""
    kappa_index_positive: bool | None = None
    """Kappa free light chain index above the laboratory's own cut-off."""

    new_t2_count: int | None = None
    enlarging_count: int | None = None
    followup_gd_count: int | None = None
    """Contrast-enhancing lesions at this visit if there is a previous visit."""
    combined_unique_active_count: int | None = None
    """Enhancing lesions plus new or enlarging lesions that do not enhance."""
    brain_loss_pct_per_year: float | None = None
    """Brain volume loss; a loss is positive."""
    relapse_count: int | None = None
    """Relapses since the previous visit."""

    clinical_dissemination_in_time: bool | None = None
    """Two or more attacks."""
    progression_12_months: bool | None = None
    """Twelve months of progression that relapses do not explain."""
    incidental: bool | None = None
    """Incidental finding: no symptom or sign of demyelination, past or present."""
    other_causes_excluded: bool | None = None
    """Other causes of the lesions were looked for and excluded."""
    age_years: float | None = None
    vascular_comorbidity: bool | None = None
    headache_disorder: bool | None = None

    def __post_init__(self) -> None:
        """Check every fact and give it the plain type of its field."""
        for name in FACT_NAMES:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_fact(name, getattr(self, name)))


FACT_NAMES = tuple(field.name for field in fields(Facts))
"""Names of all facts, in order."""
FACT_TYPES = MappingProxyType(
    {name: get_args(hint)[0] for name, hint in get_type_hints(Facts).items()}
)
"""Type of each fact: int for a count, float for a number, bool for a flag."""

FACT_RANGES = MappingProxyType(
    {
        "age_years": (COLUMN_BY_NAME["age_years"].low, COLUMN_BY_NAME["age_years"].high),
        "brain_loss_pct_per_year": (-100.0, 100.0),
    }
)
"""Smallest and largest value (both inclusive) of each fact that is a number."""

FACT_WORDS = MappingProxyType(
    {
        "lesion_count": "T2 lesions",
        **{one.count_column: f"{one.words} lesions" for one in LOCATION_CLASSES if one.is_mcdonald},
        "gd_count": "contrast-enhancing lesions",
        "non_enhancing_count": "non-enhancing lesions",
        "cord_count": "spinal cord lesions",
        "optic_nerve_lesion": "optic nerve lesion",
        "symptomatic_infratentorial_count": "symptomatic infratentorial lesions",
        "symptomatic_cord_count": "symptomatic spinal cord lesions",
        "cvs_select_six": "central vein sign (select six)",
        "prl_count": "paramagnetic rim lesions",
        "oligoclonal_bands": "CSF-restricted oligoclonal bands",
        "kappa_index_positive": "kappa free light chain index",
        "new_t2_count": "new T2 lesions",
        "enlarging_count": "enlarging T2 lesions",
        "followup_gd_count": "contrast-enhancing lesions at follow-up",
        "combined_unique_active_count": "combined unique active lesions",
        "brain_loss_pct_per_year": "brain volume loss per year",
        "relapse_count": "relapses since the previous visit",
        "clinical_dissemination_in_time": "second attack",
        "progression_12_months": "twelve months of progression",
        "incidental": "whether the lesions are an incidental finding",
        "other_causes_excluded": "whether other causes were excluded",
        "age_years": "age",
        "vascular_comorbidity": "vascular comorbidity",
        "headache_disorder": "headache disorder",
    }
)
"""Name of each fact in a sentence."""


def check_fact(name: str, value: Any, *, place: str = "Facts") -> Any:
    """Check the value of one fact.

    Parameters
    ----------
    name : str
        One of `FACT_NAMES`.
    value : object
        Its value; None, NaN and `pandas.NA` mean "not known".
    place : str
        Where the value comes from, for the message.

    Returns
    -------
    int, float, bool or None
        The value in the plain type of the fact.

    Raises
    ------
    TableError
        If the fact cannot have this value.

    Examples
    --------
    >>> check_fact("cord_count", 2.0), check_fact("cord_count", float("nan"))
    (2, None)
    """
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    found: Any = value.item() if isinstance(value, np.generic) else value
    kind, is_flag = FACT_TYPES[name], isinstance(found, bool)
    number = float(found) if isinstance(found, int | float) and not is_flag else nan
    if kind is bool:
        expected, fits = "this fact is either True or False", is_flag
    elif kind is int:
        expected = "a count is a whole number of 0 or more"
        fits = number >= 0 and number.is_integer()
    else:
        low, high = FACT_RANGES[name]
        expected = f"this fact is a number from {low:g} to {high:g}"
        fits = low <= number <= high
    if not fits:
        raise TableError(
            f"{place} has {name} = {found!r}, but {expected}. "
            "Correct the value, or give None if it is not known."
        )
    return kind(found)


REGION_COUNTS = tuple(one.count_column for one in LOCATION_CLASSES if one.is_mcdonald)
"""Counts of lesions of which each lesion is in one at most."""
NO_MORE_THAN = (
    (REGION_COUNTS, "lesion_count"),
    (("non_enhancing_count",), "lesion_count"),
    (("symptomatic_cord_count",), "cord_count"),
)
"""Counts whose sum cannot be larger than another count."""


def check_together(facts: Facts, *, place: str = "Facts") -> None:
    """Raise if facts that a person gives cannot be true together.

    Parameters
    ----------
    facts : Facts
        Each possible by itself.
    place : str
        Where they come from, for the message.

    Raises
    ------
    TableError
        If there are more lesions in the regions, more that do not enhance or more symptomatic
        ones than there are lesions, or if an incidental finding has an attack or a symptom.

    Examples
    --------
    >>> check_together(Facts(lesion_count=3, periventricular_count=3))
    """
    for parts, whole in NO_MORE_THAN:
        limit = getattr(facts, whole)
        known = {name: getattr(facts, name) or 0 for name in parts}
        if limit is not None and sum(known.values()) > limit:
            names = " + ".join(f"{name} = {count}" for name, count in known.items() if count)
            raise TableError(
                f"{place} has {names}, but at most {whole} = {limit} is expected. Correct one of "
                "them, or give None for what is not known."
            )
    for name in NOT_BY_CHANCE if facts.incidental else ():
        if getattr(facts, name):
            raise TableError(
                f"{place} has {name} = {getattr(facts, name)!r}, but incidental = True excludes "
                "it. Correct one of them, or give None for what is not known."
            )


def with_implied_facts(facts: Facts) -> Facts:
    """Add the unknown facts that follow from the known ones.

    - An enhancing lesion at a visit with a previous one is enhancement at follow-up.
    - T2 lesions that do not enhance are the others.
    - If nothing enhances, the active lesions are the new and the enlarging ones.
    - In an incidental finding no lesion is symptomatic.

    Parameters
    ----------
    facts : Facts
        The known facts.

    Returns
    -------
    Facts
        A fact that was known is unchanged.

    Examples
    --------
    >>> facts = with_implied_facts(Facts(lesion_count=9, gd_count=1, new_t2_count=0))
    >>> facts.non_enhancing_count, facts.followup_gd_count
    (8, 1)
    """
    implied: dict[str, Any] = {}
    new, enlarging = facts.new_t2_count, facts.enlarging_count
    followup_gd = facts.followup_gd_count
    if followup_gd is None and (new is not None or enlarging is not None):
        implied["followup_gd_count"] = followup_gd = facts.gd_count
    if followup_gd == 0 and new is not None and enlarging is not None:
        implied["combined_unique_active_count"] = new + enlarging
    if facts.lesion_count is not None and facts.gd_count is not None:
        implied["non_enhancing_count"] = max(0, facts.lesion_count - facts.gd_count)
    if facts.incidental:
        implied |= dict.fromkeys(("symptomatic_infratentorial_count", "symptomatic_cord_count"), 0)
    unknown = {name: value for name, value in implied.items() if getattr(facts, name) is None}
    return replace(facts, **unknown) if unknown else facts
