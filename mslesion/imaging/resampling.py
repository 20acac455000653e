"""Bringing arrays from one grid to another, and choosing the working grid."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mslesion.imaging.grid import SPACING_DECIMALS, spacing_mm, world_mm
from mslesion.imaging.itk import from_itk, to_itk, to_itk_transform

WORKING_SPACING_MM = 1.0
"""Voxel size of the grid that segmentation works on."""
SAME_SPACING = 0.02
"""A spacing this near to the working one (relative, inclusive) is kept as it is."""
MASK_NUDGE_MM = 1e-3
"""Masks are looked up this far to the right, front and head. Between two grids half a
voxel apart every border voxel is a tie; taken all alike, masks would grow by a slice."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A voxel grid."""

    shape: tuple[int, int, int]
    affine: np.ndarray


def working_grid(shape: tuple, affine: np.ndarray) -> Grid:
    """The 1 mm grid that covers a scan.

    It keeps the scan's axes, oblique ones too: slices stay slices, and they are set
    along the head as a rule. It is anchored to the scan's centre: the same scan stored
    elsewhere or mirrored gives the same voxels.

    Parameters
    ----------
    shape : tuple of int, shape (3,)
        Size of the scan.
    affine : (4, 4) array
        Its voxel-to-world matrix, axes closest to RAS+.

    Returns
    -------
    Grid
        The scan's own grid where that has 1 mm voxels already.
    """
    spacing = np.array(spacing_mm(affine))
    centre = world_mm(affine, (np.array(shape) - 1) / 2)
    gap = np.abs(spacing / WORKING_SPACING_MM - 1)
    if np.all(np.round(gap, SPACING_DECIMALS) <= SAME_SPACING):
        return Grid(tuple(int(n) for n in shape), np.array(affine, np.float64))
    size = tuple(int(n) for n in np.ceil(spacing * shape / WORKING_SPACING_MM - 1e-6))
    out = np.eye(4)
    out[:3, :3] = affine[:3, :3] / spacing * WORKING_SPACING_MM
    out[:3, 3] = centre - out[:3, :3] @ ((np.array(size) - 1) / 2)
    return Grid(size, out)


def resample(
    data: np.ndarray,
    affine: np.ndarray,
    *,
    to: Grid,
    transform: np.ndarray | None = None,
    order: int = 1,
) -> np.ndarray:
    """Values of an array on another grid.

    Parameters
    ----------
    data : (I, J, K) array
        Values.
    affine : (4, 4) array
        Voxel-to-world matrix of the values.
    to : Grid
        Grid of the result.
    transform : (4, 4) array, optional
        From world points of `to` to world points of `data`, in mm.
    order : {0, 1, 3}
        0: nearest neighbour, for labels; 1: linear; 3: cubic B-spline.

    Returns
    -------
    array of shape ``to.shape``
        0 outside. float32 for orders 1 and 3, the input's type for 0.
    """
    same_grid = np.array_equal(affine, to.affine) and data.shape == to.shape
    if transform is None and same_grid:
        return data if order == 0 else data.astype(np.float32)
    interpolator = {0: sitk.sitkNearestNeighbor, 1: sitk.sitkLinear, 3: sitk.sitkBSpline}[order]
    source = data if order == 0 else data.astype(np.float32)
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize(to.shape)
    reference = to_itk(np.zeros((1, 1, 1), np.uint8), to.affine)
    filter_.SetOutputOrigin(reference.GetOrigin())
    filter_.SetOutputSpacing(reference.GetSpacing())
    filter_.SetOutputDirection(reference.GetDirection())
    filter_.SetInterpolator(interpolator)
    filter_.UseNearestNeighborExtrapolatorOff()
    if transform is not None:
        filter_.SetTransform(to_itk_transform(transform))
    out = from_itk(filter_.Execute(to_itk(source, affine)))
    return out.astype(bool) if data.dtype == bool and order == 0 else out


def resample_mask(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    to: Grid,
    transform: np.ndarray | None = None,
) -> np.ndarray:
    """A mask on another grid, its border kept where it was.

    The mask is interpolated linearly and cut at one half; nearest neighbour would
    move borders and change volumes. Ties go to the mask at its left, back and lower
    borders and against it at the others (`MASK_NUDGE_MM`).

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask.
    affine : (4, 4) array
        Its voxel-to-world matrix.
    to : Grid
        Grid of the result.
    transform : (4, 4) array, optional
        From world points of `to` to world points of the mask, in mm.

    Returns
    -------
    bool array of shape ``to.shape``
    """
    if transform is None and np.array_equal(affine, to.affine) and mask.shape == to.shape:
        return mask
    nudged = np.eye(4) if transform is None else np.array(transform, np.float64)
    nudged[:3, 3] += MASK_NUDGE_MM
    return resample(mask.astype(np.float32), affine, to=to, transform=nudged) >= 0.5


def shrink(
    data: np.ndarray, affine: np.ndarray, *, size_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """An array with voxels of about a given size, each the mean of a block.

    Parameters
    ----------
    data : (I, J, K) array
        Values.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    size_mm : float
        Wanted side of the voxels; longer sides stay.

    Returns
    -------
    small : (L, M, N) float32 array
    affine : (4, 4) array
        Its voxel-to-world matrix.
    """
    blocks = [
        min(n, max(1, round(size_mm / side)))
        for n, side in zip(data.shape, spacing_mm(affine), strict=True)
    ]
    image = sitk.BinShrink(to_itk(data.astype(np.float32), np.eye(4)), blocks)
    step = np.diag([*map(float, blocks), 1.0])
    step[:3, 3] = (np.array(blocks) - 1) / 2
    return from_itk(image), np.asarray(affine, np.float64) @ step
