"""The size of the head at both visits, compared by what lies outside the brain.

The voxel size of scanners is off by up to 1 or 2 %, and each percent of length is three of brain
volume. Skull and scalp keep their size while the brain shrinks, so the scale is found on a shell
around the intracranial space and nowhere in it, as SIENA does with its images of the skull.

Both scans are brought to one local contrast, which leaves the place of their edges and takes
shading and gain away. An affine motion is then fitted to their difference (Gauss and Newton),
treating both alike; only its stretch is kept, for the brain says better where it lies.
"""

from dataclasses import replace
from itertools import product

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy import ndimage as ndi
from scipy.linalg import expm

from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import Grid, resample, resample_mask
from mslesion.longitudinal.alignment.common_frame import Frame, HeadScale
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps

SPACING_MM = 2.0
"""Voxel size on which the shells are compared."""
SHELL_MM = (3.0, 20.0)
"""Skull and scalp lie this far from the intracranial space: from (exclusive), to (inclusive)."""
SMOOTH_MM = 1.0
"""Width by which scans are smoothed, so that their gradients are steady."""
LOCAL_MM = 8.0
"""Width of the window whose mean and spread are taken out."""
LEAST_SPREAD = 0.1
"""Added to the spread (in squares), by the brain's median: air has no contrast of its own."""
ROBUST_LEVEL = 0.5
"""Differences beyond this, in local spreads, pull less: eyes, jaw and neck move."""
REACH_MM = 80.0
"""Distance at which a stretch counts as much as a shift of as many millimetres."""
STEPS = 12
"""Steps at most."""
SMALL_STEP_MM = 1e-3
"""The fit ends with a step that moves nothing by more (exclusive)."""
MIN_SHELL_VOXELS = 2000
"""Each eighth of the shell has as many voxels (inclusive), or no scale is found."""


def scale_by_skull(frame: Frame, first: VisitMaps, second: VisitMaps, modality: str) -> Frame:
    """Correct the size of the head between two visits by the skull.

    Parameters
    ----------
    frame : Frame
        Where the visits lie.
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.

    Returns
    -------
    Frame
        With the scale of the head, and stretched by it where it is precise; the given frame if
        a visit does not see the skull, or too little of it is in both views. Exactly opposite
        when the visits change places.

    References
    ----------
    Smith et al. 2002, 10.1006/nimg.2002.1040 (the skull constrains the scale).
    """
    if not (first.sees_skull and second.sees_skull):
        return frame
    scale = find_head_scale(frame, first, second, modality)
    if scale is None or not scale.is_precise:
        return replace(frame, head_scale=scale)
    centre = apply_affine(frame.grid.affine, (np.array(frame.grid.shape) - 1) / 2)
    first_half, second_half = (
        _around(centre, from_matvec(expm(sign * scale.log_stretch / 2))) for sign in (-1, 1)
    )
    return replace(
        frame,
        to_first=frame.to_first @ first_half,
        to_second=frame.to_second @ second_half,
        head_scale=scale,
    )


def find_head_scale(
    frame: Frame, first: VisitMaps, second: VisitMaps, modality: str
) -> HeadScale | None:
    """How much larger the head is at the second visit, by its skull.

    Parameters
    ----------
    frame : Frame
        Where the visits lie, to a few millimetres.
    first, second : VisitMaps
        The visits; both have the modality and show the skull.
    modality : str
        Which scan.

    Returns
    -------
    HeadScale or None
        None if too little of the skull is in both views.
    """
    grid = _grid_with_skull(frame.grid)
    given = (frame.to_first, frame.to_second)
    scans = [visit.scans[modality] for visit in (first, second)]
    inside, seen = np.zeros(grid.shape, bool), np.ones(grid.shape, bool)
    for visit, scan, to in zip((first, second), scans, given, strict=True):
        to_anatomy = np.linalg.inv(scan.from_reference) @ to
        inside |= resample_mask(
            visit.anatomy > 0, visit.anatomy_affine, to=grid, transform=to_anatomy
        )
        view = np.ones(scan.data.shape, np.float32)
        seen &= resample(view, scan.affine, to=grid, transform=to) > 0.99
    if not inside.any():
        return None
    distance = ndi.distance_transform_edt(~inside, sampling=SPACING_MM)
    shell = seen & (distance > SHELL_MM[0]) & (distance <= SHELL_MM[1])
    centre = apply_affine(grid.affine, np.argwhere(inside).mean(axis=0))
    places = apply_affine(grid.affine, np.argwhere(shell)) - centre
    eighths = (places > 0) @ (4, 2, 1)
    if np.bincount(eighths, minlength=8).min() < MIN_SHELL_VOXELS:
        return None
    contrasts = [
        _local_contrast(visit, scan) for visit, scan in zip((first, second), scans, strict=True)
    ]
    try:
        found, sums = _fit(contrasts, given, grid=grid, shell=shell, places=places, centre=centre)
        error_points = _error_points(*sums, eighths)
    except np.linalg.LinAlgError:  # half of the shell shows no edge at all
        return None
    stretches = [_log_stretch(to) - _log_stretch(way) for to, way in zip(found, given, strict=True)]
    shells = [
        resample(values, affine, to=grid, transform=to)[shell]
        for (values, affine), to in zip(contrasts, found, strict=True)
    ]
    return HeadScale(
        log_stretch=stretches[1] - stretches[0],
        error_points=error_points,
        correlation=float(np.corrcoef(*shells)[0, 1]),
        longest_voxel_mm=max(max(spacing_mm(scan.affine)) for scan in scans),
    )


def _grid_with_skull(grid: Grid) -> Grid:
    """A grid around the frame's that holds the skull too."""
    low, high = apply_affine(grid.affine, [[0, 0, 0], np.array(grid.shape) - 1])
    low, high = low - SHELL_MM[1], high + SHELL_MM[1]
    shape = tuple(int(n) for n in np.ceil((high - low) / SPACING_MM) + 1)
    return Grid(shape, from_matvec(np.diag([SPACING_MM] * 3), low))


def _local_contrast(visit: VisitMaps, scan: PlacedScan) -> tuple[np.ndarray, np.ndarray]:
    """A scan by its local mean and spread, on voxels of up to `SPACING_MM`, and its affine."""
    brain = resample_mask(
        visit.anatomy > 0,
        visit.anatomy_affine,
        to=Grid(scan.data.shape, scan.affine),
        transform=np.linalg.inv(scan.from_reference),
    )
    level = np.median(scan.data[brain]) if brain.any() else scan.data.max()
    values, affine = _binned(scan.data, scan.affine)
    values = values / np.float32(max(level, np.finfo(np.float32).tiny))

    def smooth(data: np.ndarray, width_mm: float) -> np.ndarray:
        return ndi.gaussian_filter(data, width_mm / np.array(spacing_mm(affine)), truncate=3)

    values = smooth(values, SMOOTH_MM)
    values = values - smooth(values, LOCAL_MM)
    spread = np.sqrt(smooth(values**2, LOCAL_MM) + np.float32(LEAST_SPREAD) ** 2)
    return values / spread, affine


def _binned(data: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over blocks of voxels, no longer than `SPACING_MM`, and their affine."""
    factors = [max(1, int(SPACING_MM / side + 1e-3)) for side in spacing_mm(affine)]
    counts = [n // factor for n, factor in zip(data.shape, factors, strict=True)]
    kept = data[tuple(slice(n * f) for n, f in zip(counts, factors, strict=True))]
    split = [size for pair in zip(counts, factors, strict=True) for size in pair]
    blocks = kept.astype(np.float32).reshape(split).mean(axis=(1, 3, 5))
    return blocks, affine @ from_matvec(np.diag(factors), [(f - 1) / 2 for f in factors])


def _fit(contrasts, given, *, grid, shell, places, centre):
    """Motions of both visits that bring their shells together, and the sums of the last step."""
    found = list(given)
    for _ in range(STEPS):
        moved = [
            resample(values, affine, to=grid, transform=to)
            for (values, affine), to in zip(contrasts, found, strict=True)
        ]
        difference = (moved[1] - moved[0])[shell].astype(np.float64)
        slopes = [
            slope[shell].astype(np.float64) / SPACING_MM
            for slope in np.gradient((moved[0] + moved[1]) / 2)
        ]
        effects = [slopes[a] * places[:, b] / REACH_MM for a, b in product(range(3), range(3))]
        effects = np.stack(effects + slopes)
        weighted = effects / (1 + (difference / ROBUST_LEVEL) ** 2)
        step = -np.linalg.solve(weighted @ effects.T, weighted @ difference)
        motion = np.zeros((4, 4))
        motion[:3, :3], motion[:3, 3] = step[:9].reshape(3, 3) / REACH_MM, step[9:]
        halves = [_around(centre, expm(sign * motion / 2)) for sign in (-1, 1)]
        found = [to @ half for to, half in zip(found, halves, strict=True)]
        if np.abs(step).max() <= SMALL_STEP_MM:
            break
    return found, (effects, weighted, difference)


def _error_points(effects, weighted, difference, eighths) -> float:
    """How far the volumes that the halves of the shell give lie from that of the whole.

    Left, right, back, front, lower and upper half. Two halves that err independently make a
    whole whose variance is half of theirs, and so is their mean square distance from it.
    """
    gaps = []
    for bit, side in product((1, 2, 4), (0, 1)):
        half = (eighths & bit > 0) == side
        step = np.linalg.solve(
            weighted[:, half] @ effects[:, half].T, weighted[:, half] @ difference[half]
        )
        gaps.append(100 * np.trace(step[:9].reshape(3, 3)) / REACH_MM)
    return float(np.sqrt(np.mean(np.square(gaps))))


def _log_stretch(matrix: np.ndarray) -> np.ndarray:
    """Logarithm of the stretch in a linear map, without its rotation."""
    _, sizes, axes = np.linalg.svd(matrix[:3, :3])
    return axes.T @ np.diag(np.log(sizes)) @ axes


def _around(centre: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A map of points around a centre."""
    return from_matvec(np.eye(3), centre) @ matrix @ from_matvec(np.eye(3), -centre)
