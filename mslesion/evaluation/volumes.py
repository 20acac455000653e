"""Agreement of volumes over a set of scans."""

from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.stats import rankdata

MIN_SCANS = 3
"""Correlations and limits of agreement need this many scans (inclusive)."""
LIMITS_SD = 1.96
"""Half width of the limits of agreement in standard deviations; Bland and Altman 1986."""


@dataclass(frozen=True, slots=True)
class VolumeAgreement:
    """How well predicted volumes agree with reference volumes; NaN where undefined."""

    scan_count: int
    pearson_r: float
    spearman_rho: float
    icc_a1: float
    """Intraclass correlation, two-way, absolute agreement, single measures."""
    bias_mm3: float
    """Mean of predicted minus reference (Bland-Altman)."""
    lower_limit_mm3: float
    """Lower 95 % limit of agreement."""
    upper_limit_mm3: float
    """Upper 95 % limit of agreement."""
    median_absolute_error_pct: float
    """Median of the error without sign in percent of the reference."""


def measure_volume_agreement(
    *, predicted_mm3: np.ndarray, reference_mm3: np.ndarray
) -> VolumeAgreement:
    """Compare the volumes of a set of scans.

    Parameters
    ----------
    predicted_mm3, reference_mm3 : (N,) array
        One volume a scan, in mm³. Scans where one is NaN are left out.

    Returns
    -------
    VolumeAgreement
        NaN for what is undefined: with under `MIN_SCANS` scans, where all volumes of a
        side are the same, and for the percent error of scans without reference volume.

    Examples
    --------
    >>> measure_volume_agreement(predicted_mm3=[2, 3, 4], reference_mm3=[1, 2, 3]).bias_mm3
    1.0
    """
    predicted = np.asarray(predicted_mm3, np.float64)
    reference = np.asarray(reference_mm3, np.float64)
    known = ~(np.isnan(predicted) | np.isnan(reference))
    predicted, reference = predicted[known], reference[known]
    return VolumeAgreement(
        scan_count=len(predicted),
        pearson_r=pearson_r(predicted, reference),
        spearman_rho=spearman_rho(predicted, reference),
        icc_a1=icc_a1(predicted, reference),
        bias_mm3=bias(predicted, reference),
        lower_limit_mm3=lower_limit(predicted, reference),
        upper_limit_mm3=upper_limit(predicted, reference),
        median_absolute_error_pct=median_absolute_error_pct(predicted, reference),
    )


def pearson_r(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Pearson's correlation of two (N,) arrays; NaN under 3 values or without spread."""
    if len(predicted) < MIN_SCANS or not np.ptp(predicted) or not np.ptp(reference):
        return nan
    x, y = predicted - predicted.mean(), reference - reference.mean()
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1, 1))


def spearman_rho(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Spearman's rank correlation of two (N,) arrays; NaN as `pearson_r`."""
    return pearson_r(rankdata(predicted), rankdata(reference))


def icc_a1(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Intraclass correlation ICC(A,1) of two (N,) arrays.

    Two-way, absolute agreement, single measures: a bias lowers it. NaN under 3 values,
    or where all values of both arrays are the same.

    Parameters
    ----------
    predicted, reference : (N,) array
        One value per scan.

    Returns
    -------
    float
        1 for equal arrays; can be negative.

    References
    ----------
    McGraw and Wong, Psychol Methods 1996, 10.1037/1082-989X.1.1.30, table 4.
    """
    values = np.column_stack([predicted, reference])
    n, k = values.shape
    if n < MIN_SCANS or not np.ptp(values):
        return nan
    scans, sides = values.mean(axis=1), values.mean(axis=0)
    rest = values - scans[:, None] - sides[None, :] + values.mean()
    between_scans = k * np.var(scans, ddof=1)
    between_sides = n * np.var(sides, ddof=1)
    error = np.sum(rest**2) / ((n - 1) * (k - 1))
    whole = between_scans + (k - 1) * error + k / n * (between_sides - error)
    return float((between_scans - error) / whole)


def bias(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Mean of predicted minus reference; NaN without values."""
    return float(np.mean(predicted - reference)) if len(predicted) else nan


def lower_limit(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Lower limit of agreement; NaN under 3 values."""
    return _limit(predicted - reference, -LIMITS_SD)


def upper_limit(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Upper limit of agreement; NaN under 3 values."""
    return _limit(predicted - reference, LIMITS_SD)


def median_absolute_error_pct(predicted: np.ndarray, reference: np.ndarray) -> float:
    """Median error without sign in percent of the reference; scans with 0 are left out."""
    has_volume = reference > 0
    if not has_volume.any():
        return nan
    error = np.abs(predicted - reference)[has_volume] / reference[has_volume]
    return float(100 * np.median(error))


def _limit(difference: np.ndarray, deviations: float) -> float:
    """Mean difference plus a number of standard deviations (n - 1)."""
    if len(difference) < MIN_SCANS:
        return nan
    return float(difference.mean() + deviations * difference.std(ddof=1))
