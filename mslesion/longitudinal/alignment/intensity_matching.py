"""Two visits' scans on one intensity scale, without their differential bias field."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.intensity import MAD_TO_SD
from mslesion.longitudinal.alignment.blocks import binned, unbinned
from mslesion.longitudinal.alignment.deformation import (
    COARSE_LEVELS,
    box_around,
    find_displacement,
    meet_halfway,
)
from mslesion.schema import structures as s

BIAS_SIGMA_MM = 8.0
"""Width of the window in which the two scans are brought to one level. A receive coil's
field is steep at the brain's surface: at 15 mm 3 % were left there, which moved the
cortex. Ours."""
BIAS_VOXEL_MM = 2.0
"""Side of the blocks of voxels, about, on which the window is moved: a quarter of its width."""
BIAS_TURNS = 2
"""How often in a pass what the window left is smoothed and taken out as well."""
MAX_LOG_RATIO = 0.3
"""Log ratios beyond this are change or edges, not bias; they are cut off here."""
MAX_RATIO_SPREADS = 3.0
"""Log ratios this many spreads (exclusive) from their median are a change of tissue, as a
lesion that nobody outlined: after the first turn no bias is estimated there."""
MIN_LEVEL = 0.25
"""Voxels darker than this by white matter carry no bias estimate."""
PASSES = 2
"""How often the scans are moved onto each other and matched."""
LESION_MARGIN_MM = 2.0
"""Tissue this near to a lesion (inclusive) is not matched on."""
MIN_TISSUE_MM3 = 200
"""A tissue of which both scans show less (exclusive) has no level to match."""
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
    voxel_mm: float = 1.0,
) -> MatchedPair:
    """Bring two scans of one contrast to one scale, treating both alike.

    Each scan is mapped linearly so that its CSF, grey and white matter come closest
    to the mean of both scans; then the slow part of their log ratio, half of it each,
    is divided out. Levels and ratio are those of the scans moved onto each other: else
    they would take a part of the atrophy away.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans in the common frame.
    first_anatomy, second_anatomy : (I, J, K) int array
        Anatomy maps in the common frame.
    excluded : (I, J, K) bool array
        Lesions of either visit: no tissue for matching.
    voxel_mm : float
        Side of the voxels.

    Returns
    -------
    MatchedPair

    Raises
    ------
    StepError
        If a tissue is missing in both.
    """
    both = first_anatomy == second_anatomy
    both &= (
        ~ndi.binary_dilation(excluded, iterations=math.ceil(LESION_MARGIN_MM / voxel_mm))
        & (first > 0)
        & (second > 0)
    )
    masks = [both & np.isin(first_anatomy, parts) for parts in TISSUES]
    if min(np.count_nonzero(mask) for mask in masks) * voxel_mm**3 < MIN_TISSUE_MM3:
        raise StepError(
            "The two visits have no tissue in common, but common tissue is needed to match their "
            "intensities. Check that both show the same head."
        )
    a, b = _one_scale(first, second, masks)
    inside = (first > 0) & (second > 0) & ((first_anatomy > 0) | (second_anatomy > 0))
    box = box_around(inside)  # all that is measured lies in it
    inside, masks = inside[box], [mask[box] for mask in masks]
    for _ in range(PASSES):
        # Where the brain shrank, its borders darken: that is no bias field and no scale.
        # So both are measured on scans that are moved onto each other, ...
        moved = _moved_onto_each_other(a[box], b[box], inside, masks[2])
        # ... and away from the tissues' borders, where the maps err
        slope = ndi.gaussian_gradient_magnitude((moved[0] + moved[1]) / 2, CORE_SIGMA_VOXELS)
        cores = [mask & (slope <= np.quantile(slope[mask], CORE_SHARE)) for mask in masks]
        ratio = _slow_log_ratio(*moved, cores[1] | cores[2], voxel_mm)
        halves = np.exp(-ratio / 2), np.exp(ratio / 2)
        lines = _lines(*(scan * half for scan, half in zip(moved, halves, strict=True)), cores)
        a, b = (
            _on_line(scan * _widened(half, box, scan.shape), line, scan > 0)
            for scan, half, line in zip((a, b), halves, lines, strict=True)
        )
    mean = (a[box] + b[box]) / 2
    levels = tuple(float(np.median(mean[core])) for core in cores)
    spreads = tuple(_spread(mean[core]) for core in cores)
    noise = _spread((b - a)[box][masks[2]])
    return MatchedPair(a, b, noise, levels, spreads)


def _moved_onto_each_other(a, b, inside, white):
    """Both scans moved onto each other."""
    noise = _spread((b - a)[white])
    found = find_displacement(a, b, inside=inside, noise=noise, levels=COARSE_LEVELS)
    return meet_halfway(a, b, found)


def _widened(values: np.ndarray, box: tuple[slice, ...], shape: tuple) -> np.ndarray:
    """Values of a box in the whole array; those at its faces go on."""
    room = [(part.start, n - part.stop) for part, n in zip(box, shape, strict=True)]
    return np.pad(values, room, mode="edge")


def _one_scale(first, second, masks) -> list[np.ndarray]:
    """Both scans mapped linearly onto the mean of their tissues' levels."""
    return [
        _on_line(scan.astype(np.float32), line, scan > 0)
        for scan, line in zip((first, second), _lines(first, second, masks), strict=True)
    ]


def _on_line(scan: np.ndarray, line: tuple[float, float], seen: np.ndarray) -> np.ndarray:
    """A scan mapped linearly where it has values, 0 elsewhere."""
    slope, offset = np.float32(line)
    return np.where(seen, slope * scan + offset, np.float32(0))


def _lines(first, second, masks) -> list[tuple[float, float]]:
    """Slope and offset that bring each scan's tissue levels onto their mean."""
    levels = np.array([[np.median(scan[mask]) for mask in masks] for scan in (first, second)])
    common = (levels / levels[:, 2:]).mean(axis=0)
    lines = []
    for own in levels:
        centred = own - own.mean()
        slope = float((centred * (common - common.mean())).sum() / (centred**2).sum())
        lines.append((slope, float(common.mean() - slope * own.mean())))
    return lines


def _spread(values: np.ndarray) -> float:
    """Robust standard deviation."""
    return MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))


def _slow_log_ratio(first, second, where, voxel_mm: float) -> np.ndarray:
    """Smooth log ratio of two scans, first by second, filled in outside the brain."""
    spacing = max(1, round(BIAS_VOXEL_MM / voxel_mm))
    sigma = BIAS_SIGMA_MM / (voxel_mm * spacing)
    where = where & (first > MIN_LEVEL) & (second > MIN_LEVEL)
    # A difference of logarithms is exactly opposite when the scans change places
    logs = [np.log(scan[where]) for scan in (first, second)]
    values = np.clip(logs[0] - logs[1], -MAX_LOG_RATIO, MAX_LOG_RATIO)
    ratio = np.zeros(first.shape, np.float32)
    for turn in range(BIAS_TURNS):
        left = values - ratio[where]
        weights = np.ones(left.shape, np.float32)
        if turn:
            weights[np.abs(left - np.median(left)) > MAX_RATIO_SPREADS * _spread(left)] = 0
        sums = []
        for one in (weights, weights * left):
            volume = np.zeros(first.shape, np.float32)
            volume[where] = one
            blocks = binned(volume, spacing)
            sums.append(ndi.gaussian_filter(blocks, sigma, mode="constant", truncate=3))
        ratio += unbinned(sums[1] / np.maximum(sums[0], np.float32(1e-3)), first.shape, spacing)
    return ratio
