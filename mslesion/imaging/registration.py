"""Rigid registration of two scans of one head, the same bits every time."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from nibabel.affines import from_matvec

from mslesion.imaging.grid import nearest_rotation, spacing_mm, world_mm
from mslesion.imaging.itk import from_itk_transform, one_thread, to_itk

LEVELS_MM = (6.0, 3.0, 1.5)
"""Voxel size of each level, coarse to fine."""
SAMPLING = (1.0, 0.5, 0.12)
"""Share of the voxels that each level looks at, unless told otherwise."""
BINS = 32
"""Bins of the joint histogram."""
SEED = 1
ITERATIONS = 120
AXIS_DECIMALS, ORIGIN_DECIMALS = 5, 3
"""Digits of the axes (mm a voxel) and of the origin (mm) that count. Headers are in single
precision: the rest is rounding, which would lead the search elsewhere in a scan that was turned
or shifted as a whole. Ours."""
GRADIENT_TOLERANCE = 1e-8
"""Below this the search stops (inclusive). ITK's 1e-4 stops a correlation, whose slope is
small far from the best place too, millimetres before it."""


@dataclass(frozen=True, slots=True)
class RigidMatch:
    """How a moving scan lies to a fixed one."""

    matrix: np.ndarray
    """(4, 4): from world points of the fixed scan to those of the moving one, in mm."""
    similarity: float
    """Mutual information, or correlation, at the end; larger is better."""


@one_thread()
def register_rigid(
    fixed: np.ndarray,
    fixed_affine: np.ndarray,
    moving: np.ndarray,
    moving_affine: np.ndarray,
    *,
    metric: str = "mutual information",
    sampling: tuple[float, ...] = SAMPLING,
) -> RigidMatch:
    """Find the rigid motion between two scans of one head.

    The search starts from the headers' positions and from aligned centres of mass,
    whichever is more similar, and goes from coarse to fine. It runs in the axes of the
    fixed scan, so that both turned or shifted together give the same but for rounding.

    Parameters
    ----------
    fixed, moving : (I, J, K) array
        The scans, whole head or brain.
    fixed_affine, moving_affine : (4, 4) array
        Voxel-to-world matrices in mm.
    metric : {"mutual information", "correlation"}
        The first for two contrasts, the second for one contrast.
    sampling : tuple of float
        Share of the voxels that each level looks at, coarse to fine; fewer shares than
        `LEVELS_MM` leave the finest levels out.

    Returns
    -------
    RigidMatch

    References
    ----------
    Mattes et al. 2003, 10.1109/TMI.2003.809072 (mutual information); Avants et al.
    2014, 10.3389/fninf.2014.00044 (the ITK framework).
    """
    own_axes = _own_axes(fixed.shape, fixed_affine)
    fixed_affine, moving_affine = (
        from_matvec(np.round(moved[:3, :3], AXIS_DECIMALS), np.round(moved[:3, 3], ORIGIN_DECIMALS))
        for moved in (own_axes @ fixed_affine, own_axes @ moving_affine)
    )
    fixed_image = to_itk(fixed.astype(np.float32), fixed_affine)
    moving_image = to_itk(moving.astype(np.float32), moving_affine)
    centre = np.array(_centre_of_mass(fixed, fixed_affine))
    offset = np.array(_centre_of_mass(moving, moving_affine)) - centre
    starts = []
    for shift in (np.zeros(3), offset):
        start = sitk.Euler3DTransform()
        start.SetCenter((centre * (-1, -1, 1)).tolist())
        start.SetTranslation((shift * (-1, -1, 1)).tolist())
        starts.append(start)
    coarse = [_coarser(image, LEVELS_MM[0]) for image in (fixed_image, moving_image)]
    values = [_value(metric, start, coarse) for start in starts]
    transform = starts[int(np.argmin(values))]
    for size, share in zip(LEVELS_MM, sampling, strict=False):
        pair = [_coarser(image, size) for image in (fixed_image, moving_image)]
        method = _method(metric, transform, share)
        method.Execute(*pair)
        similarity = -method.GetMetricValue()
    matrix = np.linalg.inv(own_axes) @ from_itk_transform(transform) @ own_axes
    return RigidMatch(matrix, similarity)


def _own_axes(shape, affine) -> np.ndarray:
    """(4, 4) rigid motion of the world to a scan's own axes, its middle at 0."""
    turn = nearest_rotation(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    turn[:, 0] *= np.sign(np.linalg.det(turn))  # a mirrored grid is turned, not mirrored
    middle = world_mm(affine, (np.array(shape) - 1) / 2)
    return from_matvec(turn.T, -turn.T @ middle)


def _method(metric, start, share):
    """A registration of this metric that moves `start`."""
    method = sitk.ImageRegistrationMethod()
    if metric == "correlation":
        method.SetMetricAsCorrelation()
    else:
        method.SetMetricAsMattesMutualInformation(BINS)
    if share < 1:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(share, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0,
        minStep=1e-3,
        numberOfIterations=ITERATIONS,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=GRADIENT_TOLERANCE,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=True)
    return method


def _value(metric, start, images) -> float:
    """What the search makes small, at its start; infinite where the scans do not meet."""
    try:
        return _method(metric, start, 1.0).MetricEvaluate(*images)
    except RuntimeError:  # headers may place two heads a metre apart
        return float("inf")


def _coarser(image, size_mm):
    """An image with voxels of about this size, smoothed by taking means."""
    factors = [max(1, round(size_mm / s)) for s in image.GetSpacing()]
    return sitk.BinShrink(image, factors)


def _centre_of_mass(data, affine):
    """World position of the centre of what is brighter than average, in mm."""
    step = tuple(slice(None, None, max(1, round(4 / s))) for s in spacing_mm(affine))
    coarse = data[step]
    where = np.argwhere(coarse > coarse.mean()) * [s.step for s in step]
    return world_mm(affine, where.mean(axis=0))
