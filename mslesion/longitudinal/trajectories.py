"""The course of a quantity over the visits: slope, interval, and where it is broken."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
from scipy import stats

from mslesion.schema.time import DAYS_PER_YEAR

MIN_VISITS = 3
"""A slope needs this many visits of one segment (inclusive)."""
MIN_SPAN_YEARS = 0.5
"""And this much time (inclusive)."""
REBASELINE_DAYS = 183
"""After a treatment began, volume may fall by loss of oedema for so long: the segment
begins again then."""
MIN_INTERVAL_VISITS = 4
"""With fewer visits the rank-based 95 % interval has no ends: there are too few slopes."""
CHAIN_LIMIT_PCT = 0.5
"""Direct and summed change further apart than this (exclusive) are inconsistent."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Visits that can be compared with each other."""

    positions: tuple[int, ...]
    """Positions of the visits, in order."""
    starts_with: str
    """Why it begins: "first visit", "scanner change", "treatment" or "change not assessable"."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Robust slope of a quantity over time."""

    per_year: float
    ci95_low: float | None
    ci95_high: float | None
    visit_count: int
    span_years: float


def split_visits(
    dates: Sequence[date | None],
    scanners: Sequence[str] | None = None,
    *,
    treatment_start: date | None = None,
    apart: Collection[int] = (),
) -> list[Segment]:
    """Split a patient's visits where values before and after cannot be compared.

    Parameters
    ----------
    dates : sequence of date or None
        Day of each visit, in order; visits without one belong to no segment.
    scanners : sequence of str, optional
        Scanner of each visit; empty is not known and splits nothing.
    treatment_start : date, optional
        When a treatment began. Visits in the `REBASELINE_DAYS` after it belong to no
        segment, later ones to a new one.
    apart : collection of int
        Positions of visits that cannot be compared with the one before.

    Returns
    -------
    list of Segment
    """
    names = list(scanners) if scanners is not None else [""] * len(dates)
    segments: list[tuple[list[int], str]] = []
    known, treated, is_apart = "", False, False
    rebaseline = None
    if treatment_start is not None:
        rebaseline = treatment_start + timedelta(days=REBASELINE_DAYS)
    for position, (day, name) in enumerate(zip(dates, names, strict=True)):
        is_apart = is_apart or position in apart
        if day is None:
            continue
        if rebaseline is not None and treatment_start < day < rebaseline:
            continue
        why = "" if segments else "first visit"
        if is_apart and segments:
            why = "change not assessable"
        if name and known and name != known:
            why = "scanner change"
        if rebaseline is not None and day >= rebaseline and not treated:
            treated = True
            why = "treatment" if segments else why
        known, is_apart = name or known, False
        if why:
            segments.append(([], why))
        segments[-1][0].append(position)
    return [Segment(tuple(positions), why) for positions, why in segments]


def fit_slope(days: Sequence[float], values: Sequence[float | None]) -> Slope | None:
    """Theil-Sen slope with its rank-based 95 % interval.

    Parameters
    ----------
    days : sequence of float
        Time of each visit.
    values : sequence of float or None
        The quantity; None and NaN are left out.

    Returns
    -------
    Slope or None
        None with fewer than `MIN_VISITS` values or less than `MIN_SPAN_YEARS`. The
        interval is None with fewer than `MIN_INTERVAL_VISITS` values.

    References
    ----------
    Sen 1968, 10.1080/01621459.1968.10480934.
    """
    pairs = [
        (t / DAYS_PER_YEAR, float(v))
        for t, v in zip(days, values, strict=True)
        if v is not None and np.isfinite(v)
    ]
    if len(pairs) < MIN_VISITS:
        return None
    years, found = (np.array(column) for column in zip(*pairs, strict=True))
    span = float(np.ptp(years))
    if span < MIN_SPAN_YEARS:
        return None
    result = stats.theilslopes(found, years, 0.95)
    low = high = None
    if len(pairs) >= MIN_INTERVAL_VISITS:
        low, high = float(result.low_slope), float(result.high_slope)
    return Slope(float(result.slope), low, high, len(pairs), span)


def measure_trajectories(
    values: Mapping[str, Sequence[float | None]],
    dates: Sequence[date | None],
    scanners: Sequence[str] | None = None,
    *,
    treatment_start: date | None = None,
    apart: Collection[int] = (),
) -> list[dict]:
    """Rows of trajectories.csv of one patient: each quantity in each segment.

    Parameters
    ----------
    values : mapping of str to sequence of float or None
        Each quantity at each visit.
    dates : sequence of date or None
        Day of each visit, in order.
    scanners : sequence of str, optional
        Scanner of each visit.
    treatment_start : date, optional
        When a treatment began.
    apart : collection of int
        Positions of visits that cannot be compared with the one before.

    Returns
    -------
    list of dict
        Without the subject. Quantities without a slope in any segment give no row.
    """
    names = list(scanners) if scanners is not None else [""] * len(dates)
    rows = []
    for number, part in enumerate(
        split_visits(dates, scanners, treatment_start=treatment_start, apart=apart), start=1
    ):
        days = [dates[p].toordinal() for p in part.positions]
        for measure, series in values.items():
            slope = fit_slope(days, [series[p] for p in part.positions])
            if slope is None:
                continue
            rows.append(
                {
                    "measure": measure,
                    "segment": number,
                    "starts_with": part.starts_with,
                    "date_from": dates[part.positions[0]].isoformat(),
                    "date_to": dates[part.positions[-1]].isoformat(),
                    "visit_count": slope.visit_count,
                    "span_years": slope.span_years,
                    "scanner_count": len({names[p] for p in part.positions} - {""}) or None,
                    "slope_per_year": slope.per_year,
                    "ci95_low": slope.ci95_low,
                    "ci95_high": slope.ci95_high,
                }
            )
    return rows


def chain_difference_pct(
    direct_pct: float | None, steps_pct: Sequence[float | None]
) -> float | None:
    """Direct change from the first to the last visit minus the steps between.

    Parameters
    ----------
    direct_pct : float or None
        Change by the pair of the first and the last visit.
    steps_pct : sequence of float or None
        Changes of the consecutive pairs.

    Returns
    -------
    float or None
        In percentage points; inconsistent beyond `CHAIN_LIMIT_PCT`. None where a step is
        not known.

    Examples
    --------
    >>> round(chain_difference_pct(-1.0, [-0.4, -0.3]), 3)
    -0.3
    """
    if direct_pct is None or not steps_pct or any(step is None for step in steps_pct):
        return None
    return direct_pct - sum(steps_pct)


def in_order(dates: Sequence[date | None]) -> bool:
    """Whether all known dates rise.

    Parameters
    ----------
    dates : sequence of date or None
        Day of each visit.

    Returns
    -------
    bool
        False where two are the same.
    """
    known = [day for day in dates if day is not None]
    return all(a < b for a, b in pairwise(known))
