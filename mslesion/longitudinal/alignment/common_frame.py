"""The common frame of two visits: a rigid motion and the head's difference in scale, halved.

Both visits are interpolated once and alike, into a space halfway between them.
Resampling only one of them would blur it and make change of its own.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from nibabel.affines import apply_affine
from scipy.linalg import expm, logm

from mslesion.imaging.grid import spacing_mm, world_mm
from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid
from mslesion.imaging.threads import together

FRAME_SPACING_MM = 1.0
"""Voxel size of the common frame."""
MARGIN_MM = 8.0
"""Room kept around the brains."""
POINTS_MM = 8.0
"""Distance of the points on which transforms are compared."""
SAMPLING = (1.0, 0.25)
"""Share of the voxels that each level of the registration looks at, without its finest level.
`refine_frame` goes on from there, and put the visits within 0.03 mm of where it put them after
twice as many voxels and that level (P14, 1018, LJL01, LJL03)."""
MAX_SCALE_ERROR_POINTS = 0.5
"""A scale of the head is corrected where its error, in percentage points of volume, is no larger
(inclusive). Ours: whole heads of 0.9 and 2 mm against their own moved, noisy copies gave 0.05 to
0.25, two pairs of thick slices 1.2 and 1.7."""
MIN_SCALE_CORRELATION = 0.9
"""And where the two skulls are as alike (inclusive); noise pulls to no scale. Ours: those copies
gave 0.95 and more, with fat suppressed too, a pair of two scanners 0.82."""
MAX_SCALE_VOXEL_MM = 2.1
"""And where no voxel is longer (inclusive), 2 mm of a wrong size included: on a pair with slices
of 3 to 4 mm, T1w and FLAIR gave 0.6 to 0.7 % though the brain showed no stretch."""


@dataclass(frozen=True, slots=True)
class HeadScale:
    """How much larger the head is at the second visit, by its skull.

    A head does not change its size: a difference tells of a scanner whose voxel size is off.
    """

    log_stretch: np.ndarray
    """(3, 3), symmetric: logarithm of the stretch along the axes of the frame."""
    error_points: float
    """Error (one standard deviation) of the volume, in percentage points: by how much the scales
    that single halves of the head give differ from that of the whole."""
    correlation: float
    """Of both skulls, brought together."""
    longest_voxel_mm: float

    @property
    def volume_pct(self) -> float:
        """Difference in volume, percent of the mean; opposite when the visits change places."""
        return 200 * float(np.tanh(np.trace(self.log_stretch) / 2))

    @property
    def largest_axis_pct(self) -> float:
        """Largest difference in length along right, front or head, without sign."""
        return 200 * float(np.tanh(np.abs(np.diag(self.log_stretch)) / 2).max())

    @property
    def is_precise(self) -> bool:
        """Whether it may be corrected."""
        return (
            self.error_points <= MAX_SCALE_ERROR_POINTS
            and self.correlation >= MIN_SCALE_CORRELATION
            and self.longest_voxel_mm <= MAX_SCALE_VOXEL_MM
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """Where two visits lie in their common frame."""

    grid: Grid
    """The frame's grid, of 1 mm as a rule, around both brains."""
    to_first: np.ndarray
    """(4, 4) from world points of the frame to those of the first visit, in mm."""
    to_second: np.ndarray
    """(4, 4) from world points of the frame to those of the second visit, in mm."""
    inconsistency_mm: float
    """Mean distance, in the brain, between the two ways of registering."""
    similarity: float
    """Mean similarity of the two ways."""
    correction_mm: float | None = None
    """Mean distance, in the brain, by which `refine_frame` corrected the motion, or would
    have; None if it could not tell."""
    head_scale: HeadScale | None = None
    """How the size of the head differs; None if a skull is not in view. Where it is precise,
    `to_first` and `to_second` hold it, half of it each; else they are rigid."""

    @property
    def first_to_second(self) -> np.ndarray:
        """(4, 4) from world points of the first visit to those of the second, in mm."""
        return self.to_second @ np.linalg.inv(self.to_first)


def find_frame(
    first: np.ndarray,
    first_affine: np.ndarray,
    second: np.ndarray,
    second_affine: np.ndarray,
    *,
    first_brain: np.ndarray,
    second_brain: np.ndarray,
) -> Frame:
    """Register two visits both ways and find the frame halfway between.

    Parameters
    ----------
    first, second : (I, J, K) array
        A scan of each visit, of the same contrast.
    first_affine, second_affine : (4, 4) array
        Voxel-to-world matrices in mm.
    first_brain, second_brain : (I, J, K) bool array
        Brain masks on the scans' grids; what lies outside is not used.

    Returns
    -------
    Frame

    References
    ----------
    Reuter et al. 2010, 10.1016/j.neuroimage.2010.07.020 (symmetric registration and
    the halfway space).
    """
    scans = [
        np.where(brain, scan, 0) for scan, brain in ((first, first_brain), (second, second_brain))
    ]
    there, back = together(
        partial(register_rigid, scans[0], first_affine, scans[1], second_affine, sampling=SAMPLING),
        partial(register_rigid, scans[1], second_affine, scans[0], first_affine, sampling=SAMPLING),
    )
    # The mean of both ways, and its half: exactly opposite when the visits change places
    mean_motion = (logm(there.matrix).real - logm(back.matrix).real) / 2
    to_first, to_second = expm(-mean_motion / 2), expm(mean_motion / 2)
    points = _brain_points(first_brain, first_affine), _brain_points(second_brain, second_affine)
    gaps = [
        apply_affine(motion.matrix, own) - apply_affine(np.linalg.inv(opposite.matrix), own)
        for motion, opposite, own in ((there, back, points[0]), (back, there, points[1]))
    ]
    means = [float(np.linalg.norm(gap, axis=1).mean()) for gap in gaps]
    inside = [
        apply_affine(np.linalg.inv(to), own)
        for to, own in ((to_first, points[0]), (to_second, points[1]))
    ]
    return Frame(
        grid=_grid_around(np.concatenate(inside)),
        to_first=to_first,
        to_second=to_second,
        inconsistency_mm=(means[0] + means[1]) / 2,
        similarity=(there.similarity + back.similarity) / 2,
    )


def _brain_points(brain: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Evenly spread world points of a brain mask."""
    step = [max(1, round(POINTS_MM / size)) for size in spacing_mm(affine)]
    coarse = np.argwhere(brain[:: step[0], :: step[1], :: step[2]]) * step
    return world_mm(affine, coarse)


def _grid_around(points: np.ndarray) -> Grid:
    """A 1 mm grid along the world's axes that holds all points and a margin."""
    low = np.floor(points.min(axis=0) - POINTS_MM - MARGIN_MM)
    high = np.ceil(points.max(axis=0) + POINTS_MM + MARGIN_MM)
    affine = np.diag([FRAME_SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = low
    return Grid(tuple(int(n) for n in (high - low) / FRAME_SPACING_MM + 1), affine)


def coarser(grid: Grid, *, spacing_mm: float) -> Grid:
    """A frame's grid with larger voxels, around the same box.

    Parameters
    ----------
    grid : Grid
        Of isotropic voxels.
    spacing_mm : float
        Their new side.

    Returns
    -------
    Grid
    """
    factor = spacing_mm / np.linalg.norm(grid.affine[:3, 0])
    affine = grid.affine @ np.diag([factor] * 3 + [1.0])
    return Grid(tuple(int(np.ceil(n / factor)) for n in grid.shape), affine)
