"""Distances to a mask in millimetres, and masks grown, thinned or closed by a distance.

Whole scans are mostly far from what is measured, so grown, thinned and closed masks are computed in
the box of the mask; the result is the same as in the whole array.
"""

import math
from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

SLACK_MM = 1e-3
"""A distance this near to a limit is on it: ten voxels of 0.1 mm are 1 mm, whatever the rounding
(single precision, in coordinates of up to 300 mm)."""


def distance_mm(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Distance from each voxel to the nearest one in a mask.

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask.
    spacing : sequence of float, shape (3,)
        Voxel sizes in mm.

    Returns
    -------
    (I, J, K) float32 array
        In mm between the centres of voxels: 0 in the mask, infinite if it is empty.

    References
    ----------
    Maurer et al. 2003, 10.1109/TPAMI.2003.1177156 (exact distances in linear time).
    """
    return np.sqrt(_squared_mm2(mask, spacing))


def grown(mask: np.ndarray, spacing: Sequence[float], *, by_mm: float) -> np.ndarray:
    """Where a mask is no further away than a distance (inclusive).

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask.
    spacing : sequence of float, shape (3,)
        Voxel sizes in mm.
    by_mm : float
        The distance.

    Returns
    -------
    (I, J, K) bool array
    """
    out = np.zeros(mask.shape, bool)
    box = box_of(mask, [math.ceil(by_mm / size) for size in spacing])
    out[box] = _squared_mm2(mask[box], spacing) <= (by_mm + SLACK_MM) ** 2
    return out


def thinned(mask: np.ndarray, spacing: Sequence[float], *, by_mm: float) -> np.ndarray:
    """The voxels of a mask that are further inside than a distance (exclusive).

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask. Beyond the array there is nothing: its ends are no border of the mask.
    spacing : sequence of float, shape (3,)
        Voxel sizes in mm.
    by_mm : float
        The distance to the nearest voxel outside the mask.

    Returns
    -------
    (I, J, K) bool array
    """
    out = np.zeros(mask.shape, bool)
    box = box_of(mask, (1, 1, 1))
    out[box] = _squared_mm2(~mask[box], spacing) > (by_mm + SLACK_MM) ** 2
    return out


def closed(mask: np.ndarray, spacing: Sequence[float], *, by_mm: float) -> np.ndarray:
    """A mask with its clefts filled: grown by a ball and thinned by it again.

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask; it may touch the ends of the array.
    spacing : sequence of float, shape (3,)
        Voxel sizes in mm.
    by_mm : float
        Radius of the ball; clefts up to twice as wide are filled.

    Returns
    -------
    (I, J, K) bool array
        The mask and what is filled.
    """
    out = mask.copy()
    box = box_of(mask, (0, 0, 0))
    room = [(math.ceil(by_mm / size) + 1,) * 2 for size in spacing]
    wide = grown(np.pad(mask[box], room), spacing, by_mm=by_mm)
    inner = tuple(slice(low, -high) for low, high in room)
    out[box] |= thinned(wide, spacing, by_mm=by_mm)[inner]
    return out


def box_of(mask: np.ndarray, margin: Sequence[int]) -> tuple[slice, ...]:
    """The smallest box that holds a mask, with a margin.

    Parameters
    ----------
    mask : (I, J, K) bool array
        The mask.
    margin : sequence of int, shape (3,)
        Voxels on each side, as far as the array goes.

    Returns
    -------
    tuple of slice, shape (3,)
        Empty slices if the mask is empty.
    """
    box = []
    for axis, (size, more) in enumerate(zip(mask.shape, margin, strict=True)):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        found = np.flatnonzero(mask.any(axis=others))
        if not found.size:
            return (slice(0, 0),) * mask.ndim
        box.append(slice(max(0, int(found[0]) - more), min(size, int(found[-1]) + 1 + more)))
    return tuple(box)


def _squared_mm2(mask: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Squared distance to the nearest voxel of a mask, infinite if there is none."""
    if mask.all() or not mask.any():  # no border, which the filter starts from
        return np.where(mask, 0, np.inf).astype(np.float32)
    distances = sitk.SignedMaurerDistanceMapImageFilter()
    distances.SquaredDistanceOn()
    distances.UseImageSpacingOn()
    image = sitk.GetImageFromArray(np.ascontiguousarray(mask).view(np.uint8))
    image.SetSpacing([float(size) for size in reversed(spacing)])  # ITK counts axes from the last
    found = sitk.GetArrayFromImage(distances.Execute(image))
    return np.maximum(found, 0, out=found)  # negative inside
