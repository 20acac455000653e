"""Two visits' scans on one intensity scale, without their differential bias field."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.segmentation import structures as s

BIAS_SIGMA_MM = 15.0
"""Width of the window in which the two scans are brought to one level."""
MAX_LOG_RATIO = 0.3
"""Log ratios beyond this are change or edges, not bias; they are cut off here."""
MIN_LEVEL = 0.25
"""Voxels darker than this by white matter carry no bias estimate."""
MIN_TISSUE_VOXELS = 200

TISSUES = ((s.LATERAL_VENTRICLES,), (s.CORTEX,), (s.WHITE_MATTER,))
"""CSF, grey, white: what the scales are matched on."""


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """Two scans on one scale, white matter at 1, in the common frame."""

    first: np.ndarray
    second: np.ndarray
    noise: float
    """Robust spread of their difference in white matter."""
    levels: tuple[float, float, float]
    """Common level of CSF, grey and white matter."""
    spreads: tuple[float, float, float]
    """Mean spread (MAD) of each tissue around its level."""


def match_intensities(
    first: np.ndarray,
    second: np.ndarray,
    *,
    first_anatomy: np.ndarray,
    second_anatomy: np.ndarray,
    excluded: np.ndarray,
) -> MatchedPair:
    """Bring two scans of one contrast to one scale, treating both alike.

    Each scan is mapped linearly so that its CSF, grey and white matter come closest
    to the mean of both scans; then the slow part of their log ratio, half of it each,
    is divided out.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans in the common frame, 1 mm voxels.
    first_anatomy, second_anatomy : (I, J, K) int array
        Anatomy maps in the common frame.
    excluded : (I, J, K) bool array
        Lesions of either visit: no tissue for matching.

    Returns
    -------
    MatchedPair

    Raises
    ------
    StepError
        If a tissue is missing in both.
    """
    both = first_anatomy == second_anatomy
    both &= ~ndi.binary_dilation(excluded, iterations=2) & (first > 0) & (second > 0)
    masks = [both & np.isin(first_anatomy, parts) for parts in TISSUES]
    if min(np.count_nonzero(mask) for mask in masks) < MIN_TISSUE_VOXELS:
        raise StepError(
            "The two visits have no tissue in common, but their intensities are matched on it. "
            "Check that both show the same head."
        )
    levels = np.array([[np.median(scan[mask]) for mask in masks] for scan in (first, second)])
    common = (levels / levels[:, 2:]).mean(axis=0)
    scaled = []
    for scan, own in zip((first, second), levels, strict=True):
        slope, intercept = np.polyfit(own, common, 1)
        scaled.append(np.where(scan > 0, slope * scan + intercept, 0).astype(np.float64))
    ratio = _slow_log_ratio(scaled[0], scaled[1], both)
    a, b = scaled[0] * np.exp(-ratio / 2), scaled[1] * np.exp(ratio / 2)
    spreads = tuple(
        float(np.mean([1.4826 * np.median(np.abs(x[m] - np.median(x[m]))) for x in (a, b)]))
        for m in masks
    )
    difference = (b - a)[masks[2]]
    noise = 1.4826 * float(np.median(np.abs(difference - np.median(difference))))
    return MatchedPair(
        a.astype(np.float32), b.astype(np.float32), noise, tuple(common.tolist()), spreads
    )


def _slow_log_ratio(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Smooth log ratio of two scans, first by second, filled in outside the brain."""
    where = where & (first > MIN_LEVEL) & (second > MIN_LEVEL)
    ratio = np.zeros(first.shape)
    ratio[where] = np.clip(np.log(first[where] / second[where]), -MAX_LOG_RATIO, MAX_LOG_RATIO)
    weight = ndi.gaussian_filter(where.astype(np.float64), BIAS_SIGMA_MM, truncate=3)
    total = ndi.gaussian_filter(ratio, BIAS_SIGMA_MM, truncate=3)
    return total / np.maximum(weight, 1e-3)
