"""From a change to a yearly rate, and how sure it is."""

from dataclasses import dataclass

from scipy.special import stdtrit

from mslesion.schema.change_errors import (
    FAILED_CHECK,
    NOT_T1W,
    OTHER_ANATOMY,
    OTHER_SCANNER,
    SAME_3D,
    SAME_MIXED,
    SAME_THICK,
    TOO_THICK,
    UNKNOWN_SCANNER,
    ChangeError,
)
from mslesion.schema.label_schemes import OWN_SOURCE
from mslesion.schema.modalities import T1W
from mslesion.schema.time import MIN_YEARS_FOR_RATE

THICK_MM = 2.0
"""Voxels are thick if their longest side is longer than this (exclusive)."""
THICKEST_MEASURED_MM = 4.0
"""No error was measured on thicker slices (exclusive)."""
CONFIDENCE = 0.95
"""Share of the errors that an interval covers."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A change, and per year where time allows."""

    change: float | None
    per_year: float | None
    """None without dates, or under `MIN_YEARS_FOR_RATE`."""
    ci95_low: float | None
    """Lower end of the 95 % interval of the yearly rate; None without a measured error."""
    ci95_high: float | None


def rate_of(change: float | None, years: float | None, *, error: ChangeError | None = None) -> Rate:
    """A change per year: linear, as the field does it.

    Parameters
    ----------
    change : float or None
        The whole change.
    years : float or None
        Time it took.
    error : ChangeError, optional
        Error of the change, in the change's unit.

    Returns
    -------
    Rate

    Examples
    --------
    >>> rate_of(-1.0, 2.0).per_year
    -0.5
    >>> rate_of(-1.0, 0.49).per_year is None
    True
    """
    if change is None or years is None or years < MIN_YEARS_FOR_RATE:
        return Rate(change, None, None, None)
    rate = change / years
    if error is None:
        return Rate(change, rate, None, None)
    half = half_width(error) / years
    return Rate(change, rate, rate - half, rate + half)


def half_width(error: ChangeError) -> float:
    """Half-width of the 95 % interval of a single change.

    A root mean square of few cases is itself uncertain, so Student's t takes the place of the
    normal distribution. The people are the degrees of freedom: that the true change is known to be
    none does not reduce them by one.

    Parameters
    ----------
    error : ChangeError
        The error.

    Returns
    -------
    float

    Examples
    --------
    >>> round(half_width(ChangeError(1.0, people=8)), 3)
    2.306
    """
    return float(stdtrit(error.people, (1 + CONFIDENCE) / 2)) * error.sd_points


def kind_of_pair(
    *,
    same_scanner: bool | None,
    modality: str,
    longest_mm: tuple[float, float],
    anatomy_sources: tuple[str, str],
    has_failed: bool,
) -> str:
    """What kind of pair this is, as far as the error of the brain change depends on it.

    Parameters
    ----------
    same_scanner : bool or None
        Whether both visits are from one scanner; None is not known.
    modality : str
        Scan from which the brain change is measured.
    longest_mm : tuple of float, shape (2,)
        Longest voxel side of the scan of each visit.
    anatomy_sources : tuple of str, shape (2,)
        What named the structures at each visit.
    has_failed : bool
        Whether a check says that the pair is unlike those that were measured.

    Returns
    -------
    str
        A key of `PAIR_KINDS`.
    """
    if has_failed:
        return FAILED_CHECK
    if modality != T1W:
        return NOT_T1W
    if set(anatomy_sources) != {OWN_SOURCE}:
        return OTHER_ANATOMY
    if not same_scanner:
        return UNKNOWN_SCANNER if same_scanner is None else OTHER_SCANNER
    if max(longest_mm) > THICKEST_MEASURED_MM:
        return TOO_THICK
    thick = sum(length > THICK_MM for length in longest_mm)
    return (SAME_3D, SAME_MIXED, SAME_THICK)[thick]
