"""From a change to a yearly rate, and how sure it is."""

from dataclasses import dataclass

MIN_YEARS_FOR_RATE = 0.5
"""Changes are given per year from this much time on (inclusive)."""
SD_PAIR_PCT = {"good": 0.37, "ordinary": 0.52, "other": 0.80}
"""Standard deviation of one PBVC, in percentage points: 0.37 and 0.52 from back-to-back
scans (Cover 2011, PMID 21764565; independent errors or not), 0.80 from accepted pairs of
several centres (icobrain)."""
CI95 = 1.96
"""Half-width of a 95 % interval in standard deviations."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A change, and per year where time allows."""

    change: float | None
    per_year: float | None
    """None without dates, or under `MIN_YEARS_FOR_RATE`."""
    ci95_low: float | None
    """Lower end of the 95 % interval of the yearly rate."""
    ci95_high: float | None


def rate_of(change: float | None, years: float | None, *, sd: float | None = None) -> Rate:
    """A change per year: linear, as the field does it.

    Parameters
    ----------
    change : float or None
        The whole change.
    years : float or None
        Time it took.
    sd : float, optional
        Standard deviation of the change.

    Returns
    -------
    Rate

    Examples
    --------
    >>> rate_of(-1.0, 2.0, sd=0.5).per_year
    -0.5
    >>> rate_of(-1.0, 0.49).per_year is None
    True
    """
    if change is None or years is None or years < MIN_YEARS_FOR_RATE:
        return Rate(change, None, None, None)
    rate = change / years
    if sd is None:
        return Rate(change, rate, None, None)
    half = CI95 * sd / years
    return Rate(change, rate, rate - half, rate + half)


def sd_of_pair(*, same_scanner: bool | None, quality: str) -> float:
    """Standard deviation of one PBVC.

    Parameters
    ----------
    same_scanner : bool or None
        Whether both visits are from one scanner; None is not known.
    quality : {"pass", "warn", "fail"}
        Worst state of the checks of the pair.

    Returns
    -------
    float
        In percentage points.
    """
    if same_scanner is False or quality == "fail":
        return SD_PAIR_PCT["other"]
    return SD_PAIR_PCT["good" if same_scanner and quality == "pass" else "ordinary"]
