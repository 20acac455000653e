"""Geometry of a voxel grid: volumes, spacings and whether two grids agree.

A grid is a shape and a (4, 4) affine from voxel indices to world millimetres,
x to the right, y to the front, z to the head (RAS+, as nibabel gives it).
"""

import math
from itertools import product

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes

from mslesion.errors import GeometryError

AFFINE_TOLERANCE_MM = 1e-3
"""Two grids are exactly one when no corner is further apart than this, in mm (inclusive)."""
MAX_SHIFT_VOXELS = 0.1
"""Two grids are taken for one when no corner is further apart than this share of the shortest side
of a voxel (inclusive). Headers of FSL, SPM and ANTs round: a qform moves corners by 0.002 mm, a
float32 affine by less."""

SHIFTED = "%s lies up to a tenth of a voxel away from %s; its voxels are taken as they are"
"""What the log says where two grids are taken for one."""

HOW_TO_RESAMPLE = (
    "Resample it: --resample-masks in the command, mslesion.resample_mask(mask, like=scan) in "
    "Python."
)
"""The way out where two grids differ."""

SPACING_DECIMALS = 5
"""Spacings are rounded to 0.00001 mm: a float32 header holds no more, and turned 5 mm
slices must not become 5.0000002 mm ones, over a threshold of 5 mm."""

THICK_SLICE_MM = 2.0
"""A scan with longer voxels (exclusive) is taken for slices (2D) where nothing else tells."""

COUNT_TOLERANCE = 1e-6
"""Slack, relative, when a volume is turned into voxels: 20 mm³ is 20 voxels of
0.9999999 mm³, which is what rounding in a float32 header makes of 1 mm³."""


def voxel_volume_mm3(affine: np.ndarray) -> float:
    """Volume of one voxel in mm³, right under shear and rotation.

    Parameters
    ----------
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    float

    Examples
    --------
    >>> round(voxel_volume_mm3(np.diag([0.5, 0.5, 5, 1])), 6)
    1.25
    """
    return float(abs(np.linalg.det(np.asarray(affine, np.float64)[:3, :3])))


def spacing_mm(affine: np.ndarray) -> tuple[float, float, float]:
    """Distance between neighbouring voxels along each axis, in mm.

    Parameters
    ----------
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    tuple of float, shape (3,)
        Rounded to `SPACING_DECIMALS`.
    """
    sizes = voxel_sizes(np.asarray(affine, np.float64))
    return tuple(float(size) for size in np.round(sizes, SPACING_DECIMALS))


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The orthogonal matrix closest to axes that are nearly so, a mirror if they are one.

    Parameters
    ----------
    matrix : (3, 3) array
        Axes as columns, of unit length.

    Returns
    -------
    (3, 3) array
    """
    left, _, right = np.linalg.svd(matrix)
    return left @ right


def min_voxel_count(min_volume_mm3: float, affine: np.ndarray) -> int:
    """Fewest voxels whose volume reaches `min_volume_mm3` (inclusive).

    Counts are compared, never float volumes: ``3 * voxel_volume >= 3.0`` is false
    for many rotated 1 mm grids.

    Parameters
    ----------
    min_volume_mm3 : float
        A volume in mm³.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> min_voxel_count(3.0, np.eye(4)), min_voxel_count(3.01, np.eye(4))
    (3, 4)
    """
    count = min_volume_mm3 / voxel_volume_mm3(affine)
    return max(1, math.ceil(count * (1 - COUNT_TOLERANCE)))


def corner_gap_mm(shape: tuple, affine: np.ndarray, other_affine: np.ndarray) -> float:
    """Largest distance between the corners of two grids of one shape, in mm.

    Parameters
    ----------
    shape : tuple of int, shape (3,)
        Size of both grids in voxels.
    affine, other_affine : (4, 4) array
        Voxel-to-world matrices in mm.

    Returns
    -------
    float
    """
    corners = np.array(list(product(*((0, n - 1) for n in shape))), float)
    gap = apply_affine(affine, corners) - apply_affine(other_affine, corners)
    return float(np.linalg.norm(gap, axis=1).max())


def allowed_gap_mm(affine: np.ndarray, other_affine: np.ndarray) -> float:
    """How far apart the corners of two grids may be that are taken for one.

    Parameters
    ----------
    affine, other_affine : (4, 4) array
        Voxel-to-world matrices in mm.

    Returns
    -------
    float
        In mm (inclusive): `MAX_SHIFT_VOXELS` of the shortest side of a voxel.
    """
    shortest = min(*spacing_mm(affine), *spacing_mm(other_affine))
    return max(AFFINE_TOLERANCE_MM, MAX_SHIFT_VOXELS * shortest)


def is_same_grid(
    shape: tuple, affine: np.ndarray, other_shape: tuple, other_affine, *, exactly: bool = False
) -> bool:
    """Whether two grids are one.

    Parameters
    ----------
    shape, other_shape : tuple of int, shape (3,)
        Sizes in voxels.
    affine, other_affine : (4, 4) array
        Voxel-to-world matrices in mm.
    exactly : bool
        Whether corners may only be `AFFINE_TOLERANCE_MM` apart, not `allowed_gap_mm`.

    Returns
    -------
    bool
    """
    allowed = AFFINE_TOLERANCE_MM if exactly else allowed_gap_mm(affine, other_affine)
    return tuple(shape) == tuple(other_shape) and bool(
        corner_gap_mm(shape, affine, other_affine) <= allowed
    )


def check_same_grid(
    shape, affine, other_shape, other_affine, *, name, other_name, remedy=HOW_TO_RESAMPLE
) -> bool:
    """Raise unless two grids can be taken for one.

    Parameters
    ----------
    shape, other_shape : tuple of int, shape (3,)
        Sizes in voxels.
    affine, other_affine : (4, 4) array
        Voxel-to-world matrices in mm.
    name, other_name : str
        What the grids are called in the message.
    remedy : str
        End of the message: what to do.

    Returns
    -------
    bool
        Whether they are shifted against each other: no more than `allowed_gap_mm`, but
        more than `AFFINE_TOLERANCE_MM`.

    Raises
    ------
    GeometryError
        If the shapes differ, or a corner lies further away than `allowed_gap_mm`.
    """
    if tuple(shape) != tuple(other_shape):
        raise GeometryError(
            f"{name} has {_times(shape)} voxels, but {other_name} has "
            f"{_times(other_shape)}. {remedy}"
        )
    gap = corner_gap_mm(shape, affine, other_affine)
    allowed = allowed_gap_mm(affine, other_affine)
    if not gap <= allowed:  # a gap of NaN is no agreement
        raise GeometryError(
            f"{name} is placed up to {gap:.3g} mm away from {other_name}, but at most "
            f"{allowed:.3g} mm, a tenth of a voxel, is allowed. {remedy}"
        )
    return gap > AFFINE_TOLERANCE_MM


def world_mm(affine: np.ndarray, voxels: np.ndarray) -> np.ndarray:
    """World positions of voxel indices.

    Parameters
    ----------
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    voxels : (N, 3) array
        Voxel indices, whole or not.

    Returns
    -------
    (N, 3) array
        Positions in mm, RAS+.
    """
    return apply_affine(np.asarray(affine, np.float64), voxels)


def _times(shape) -> str:
    return " x ".join(str(int(n)) for n in shape)
