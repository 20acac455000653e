"""The common frame of two visits: a rigid motion, halved.

Both visits are interpolated once and alike, into a space halfway between them.
Resampling only one of them would blur it and make change of its own.
"""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from nibabel.affines import apply_affine
from scipy.linalg import expm, logm

from mslesion.imaging.grid import nearest_rotation, spacing_mm, world_mm
from mslesion.imaging.itk import from_itk_transform, one_thread, to_itk
from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid

FRAME_SPACING_MM = 1.0
"""Voxel size of the common frame."""
MARGIN_MM = 8.0
"""Room kept around the brains."""
POINTS_MM = 8.0
"""Distance of the points on which transforms are compared."""


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
    there = register_rigid(scans[0], first_affine, scans[1], second_affine)
    back = register_rigid(scans[1], second_affine, scans[0], first_affine)
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


def find_scales(
    first: np.ndarray,
    first_affine: np.ndarray,
    second: np.ndarray,
    second_affine: np.ndarray,
    *,
    first_to_second: np.ndarray,
) -> np.ndarray:
    """How much larger the second scan's head is along each axis.

    A head does not change its size: a factor other than 1 tells of a scanner whose
    voxel size is off. 0.1 % of length is 0.3 % of volume.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans with the skull.
    first_affine, second_affine : (4, 4) array
        Voxel-to-world matrices in mm.
    first_to_second : (4, 4) array
        The rigid motion.

    Returns
    -------
    (3,) array
        Factor along right, front, head; the mean of both ways of registering.
    """
    there = _scales_one_way(first, first_affine, second, second_affine, first_to_second)
    inverse = np.linalg.inv(first_to_second)
    back = _scales_one_way(second, second_affine, first, first_affine, inverse)
    return np.sqrt(there / back)


@one_thread()
def _scales_one_way(fixed, fixed_affine, moving, moving_affine, rigid) -> np.ndarray:
    """Scales of the moving head by the fixed one's."""
    start = sitk.ScaleVersor3DTransform()
    matrix = np.diag([-1.0, -1, 1, 1]) @ rigid @ np.diag([-1.0, -1, 1, 1])
    turn = sitk.VersorRigid3DTransform()
    turn.SetMatrix(nearest_rotation(matrix[:3, :3]).ravel().tolist(), 1e-6)
    start.SetRotation(turn.GetVersor())
    start.SetTranslation(matrix[:3, 3].tolist())
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(32)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.3, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(0.5, 1e-4, 100, relaxationFactor=0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    images = []
    for data, affine in ((fixed, fixed_affine), (moving, moving_affine)):
        image = to_itk(data.astype(np.float32), affine)
        images.append(sitk.BinShrink(image, [max(1, round(2 / s)) for s in spacing_mm(affine)]))
    method.Execute(*images)
    stretched = from_itk_transform(start)[:3, :3]
    return np.linalg.norm(stretched, axis=0)


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
