"""Brain volume loss against cut-offs, with its error, and when it must not be read so.

Loss is positive: 0.5 is a loss of half a percent per year, a PBVC of -0.5.
"""

from collections.abc import Iterable
from datetime import date
from math import isnan
from typing import NamedTuple

from mslesion.criteria.rules.activity import NEDA_BRAIN_LOSS_PCT_PER_YEAR
from mslesion.schema.time import MIN_YEARS_FOR_RATE

MIN_YEARS_FOR_CUTOFF = 1.0
"""A rate is compared with a cut-off from this many years on (inclusive)."""
SCHEDULE_YEARS = 0.05
"""An interval may be this much shorter (inclusive) than it should be: visits a year apart are
planned as 52 weeks, which are 364 days (mslesion)."""
YOUNG_CUTOFF_PCT_PER_YEAR = 0.52
"""Cut-off up to 45 years: 95th percentile at 45 (Opfer 2018), and the cut-off of 95 %
specificity of De Stefano 2016 (10.1136/jnnp-2014-309903)."""
CUTOFF_AGES_YEARS = (18.0, 80.0)
"""Ages with a cut-off (inclusive)."""
PSEUDOATROPHY_DAYS = 183
"""Volume may decrease through loss of oedema for so long after treatment start (6 months;
recalled)."""
STEROID_DAYS = 30
"""A scan this many days or fewer after steroids is flagged (mslesion)."""


class BrainLoss(NamedTuple):
    """A yearly brain volume loss against its cut-offs, in percent per year."""

    loss: float | None
    ci_low: float | None
    """None if the error of the loss is not known."""
    ci_high: float | None
    age_cutoff: float | None
    """95th percentile of healthy people of that age; None if the age is not known."""
    exceeds_age_cutoff: bool | None
    """None if the interval includes the cut-off or is not known, or if the time is too short."""
    exceeds_0_4: bool | None
    """The same for the literature threshold, not age-adjusted."""


def loss_cutoff_pct_per_year(age_years: float) -> float | None:
    """95th percentile of the yearly brain loss of healthy people of an age.

    A parabola through the four published points (0.52, 0.77, 1.05, 1.45 at 45, 55, 65, 75
    years; Opfer 2018, PMID 29407463), held at 0.52 where it falls below. For PBVC of the
    SIENA or boundary-shift kind only.

    Parameters
    ----------
    age_years : float
        Age at the later visit.

    Returns
    -------
    float or None
        None outside of `CUTOFF_AGES_YEARS`.

    Examples
    --------
    >>> [round(loss_cutoff_pct_per_year(age), 2) for age in (30, 45, 55, 65, 75)]
    [0.52, 0.52, 0.76, 1.06, 1.45]
    """
    youngest, oldest = CUTOFF_AGES_YEARS
    if not youngest <= age_years <= oldest:
        return None
    fitted = 3.75e-4 * age_years**2 - 0.0143 * age_years + 0.409
    return max(YOUNG_CUTOFF_PCT_PER_YEAR, fitted) if age_years > 45 else YOUNG_CUTOFF_PCT_PER_YEAR


def evaluate_brain_loss(
    pbvc_pct_per_year: float | None,
    years: float | None,
    *,
    ci95: tuple[float, float] | None = None,
    age_years: float | None = None,
) -> BrainLoss:
    """Compare a yearly brain volume change, with its error, with the cut-offs.

    Parameters
    ----------
    pbvc_pct_per_year : float or None
        Change per year in percent; a loss is negative.
    years : float or None
        Time between the visits.
    ci95 : tuple of float, shape (2,), optional
        95 % interval of the change per year; None if its error is not known.
    age_years : float or None
        Age at the later visit.

    Returns
    -------
    BrainLoss
        A cut-off is exceeded if the whole interval lies beyond it, not exceeded if it
        lies before it, else None; also None without an interval.

    Examples
    --------
    >>> evaluate_brain_loss(-0.9, 2.0, age_years=40, ci95=(-1.2, -0.6)).exceeds_age_cutoff
    True
    """
    age_cutoff = None if age_years is None else loss_cutoff_pct_per_year(age_years)
    if pbvc_pct_per_year is None or not is_long_enough(years, MIN_YEARS_FOR_RATE):
        return BrainLoss(None, None, None, age_cutoff, None, None)
    if ci95 is None:
        return BrainLoss(-pbvc_pct_per_year, None, None, age_cutoff, None, None)
    least, most = -ci95[1], -ci95[0]
    in_time = is_long_enough(years, MIN_YEARS_FOR_CUTOFF)
    return BrainLoss(
        -pbvc_pct_per_year,
        least,
        most,
        age_cutoff,
        exceeds(age_cutoff, least, most) if in_time else None,
        exceeds(NEDA_BRAIN_LOSS_PCT_PER_YEAR, least, most) if in_time else None,
    )


def is_long_enough(years: float | None, least: float) -> bool:
    """Whether an interval is long enough, with a tolerance for the planning of visits.

    Parameters
    ----------
    years : float or None
        Time between the visits.
    least : float
        How long it should be, in years; `SCHEDULE_YEARS` less is enough.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_long_enough(364 / 365.25, 1.0), is_long_enough(0.9, 1.0), is_long_enough(None, 1.0)
    (True, False, False)
    """
    return years is not None and years >= least - SCHEDULE_YEARS - 1e-9


def exceeds(cutoff: float | None, low: float, high: float) -> bool | None:
    """Whether a value known to lie between two bounds is over a cut-off.

    Parameters
    ----------
    cutoff : float or None
        What must be exceeded (exclusive).
    low, high : float
        Bounds; NaN is not known.

    Returns
    -------
    bool or None
        None where the bounds are on both sides of the cut-off.

    Examples
    --------
    >>> exceeds(0.5, 0.6, 0.9), exceeds(0.5, 0.1, 0.5), exceeds(0.5, 0.4, 0.9)
    (True, False, None)
    """
    if cutoff is None or isnan(low) or isnan(high):
        return None
    return True if low > cutoff else (False if high <= cutoff else None)


def in_pseudoatrophy_window(
    first: date,
    second: date,
    *,
    treatment_start: date | None = None,
    steroids: Iterable[date] = (),
) -> bool | None:
    """Whether brain volume between two visits may have changed by treatment alone.

    Parameters
    ----------
    first, second : date
        The two visits.
    treatment_start : date, optional
        When a disease-modifying treatment began.
    steroids : iterable of date
        Days of steroid courses.

    Returns
    -------
    bool or None
        True if any part of the `PSEUDOATROPHY_DAYS` from the start lies between the
        visits, or a visit is within `STEROID_DAYS` after steroids. Else None if no start
        is known: that is not a "no".

    Examples
    --------
    >>> start = date(2020, 1, 1)
    >>> in_pseudoatrophy_window(date(2019, 12, 1), date(2020, 12, 1), treatment_start=start)
    True
    >>> in_pseudoatrophy_window(date(2020, 8, 1), date(2021, 8, 1), treatment_start=start)
    False
    """
    waits = [(visit - day).days for visit in (first, second) for day in steroids]
    if any(0 <= wait <= STEROID_DAYS for wait in waits):
        return True
    if treatment_start is None:
        return None
    return second > treatment_start and (first - treatment_start).days < PSEUDOATROPHY_DAYS
