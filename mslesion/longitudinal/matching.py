"""Two visits' scans on one intensity scale, without their differential bias field."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.preparation.intensity import MAD_TO_SD
from mslesion.segmentation import structures as s

BIAS_SIGMA_MM = 15.0
"""Width of the window in which the two scans are brought to one level."""
MAX_LOG_RATIO = 0.3
"""Log ratios beyond this are change or edges, not bias; they are cut off here."""
MIN_LEVEL = 0.25
"""Voxels darker than this by white matter carry no bias estimate."""
MIN_TISSUE_VOXELS = 200
CORE_SHARE = 0.3
"""Share of a tissue's voxels, those of the least slope, that are free of its neighbours."""
CORE_SIGMA_VOXELS = 0.7

TISSUES = (
    (s.LATERAL_VENTRICLES, s.THIRD_VENTRICLE, s.FOURTH_VENTRICLE),
    (s.CORTEX,),
    (s.WHITE_MATTER,),
)
"""CSF, grey, white: what the scales are matched on."""


@dataclass(frozen=True, slots=True)
class MatchedPair:
    """Two scans on one scale, white matter at 1, in the common frame."""

    first: np.ndarray
    second: np.ndarray
    noise: float
    """Robust spread of their difference in white matter."""
    levels: tuple[float, float, float]
    """Common level of CSF, grey and white matter, away from their borders."""
    spreads: tuple[float, float, float]
    """Spread (scaled MAD) of each tissue around its level."""


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
    a, b = _one_scale(first, second, masks)
    ratio = _slow_log_ratio(a, b, both)
    a, b = a * np.exp(-ratio / 2), b * np.exp(ratio / 2)
    # Again, away from the tissues' borders: the maps' errors lie there
    slope = ndi.gaussian_gradient_magnitude((a + b) / 2, CORE_SIGMA_VOXELS)
    cores = [mask & (slope <= np.quantile(slope[mask], CORE_SHARE)) for mask in masks]
    a, b = _one_scale(a, b, cores)
    mean = (a + b) / 2
    levels = tuple(float(np.median(mean[core])) for core in cores)
    spreads = tuple(
        MAD_TO_SD * float(np.median(np.abs(mean[core] - level)))
        for core, level in zip(cores, levels, strict=True)
    )
    difference = (b - a)[masks[2]]
    noise = MAD_TO_SD * float(np.median(np.abs(difference - np.median(difference))))
    return MatchedPair(a.astype(np.float32), b.astype(np.float32), noise, levels, spreads)


def _one_scale(first, second, masks) -> list[np.ndarray]:
    """Both scans mapped linearly onto the mean of their tissues' levels."""
    levels = np.array([[np.median(scan[mask]) for mask in masks] for scan in (first, second)])
    common = (levels / levels[:, 2:]).mean(axis=0)
    scaled = []
    for scan, own in zip((first, second), levels, strict=True):
        centred = own - own.mean()
        slope = float((centred * (common - common.mean())).sum() / (centred**2).sum())
        offset = common.mean() - slope * own.mean()
        scaled.append(np.where(scan > 0, slope * scan.astype(np.float64) + offset, 0))
    return scaled


def _slow_log_ratio(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Smooth log ratio of two scans, first by second, filled in outside the brain."""
    where = where & (first > MIN_LEVEL) & (second > MIN_LEVEL)
    ratio = np.zeros(first.shape)
    # A difference of logarithms is exactly opposite when the scans change places
    logs = [np.log(scan[where]) for scan in (first, second)]
    ratio[where] = np.clip(logs[0] - logs[1], -MAX_LOG_RATIO, MAX_LOG_RATIO)
    weight = ndi.gaussian_filter(where.astype(np.float64), BIAS_SIGMA_MM, truncate=3)
    total = ndi.gaussian_filter(ratio, BIAS_SIGMA_MM, truncate=3)
    return total / np.maximum(weight, 1e-3)
