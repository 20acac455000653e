"""Whether two visits hold one image: a copying error, also after another conversion.

Two acquisitions have noise of their own, even of one head on one scanner in one hour. What is
compared is how far each voxel lies from the mean of its neighbours, by the usual distance around
it: another data type or scale, shading, a curve of grey values or a skull taken off changes that
little. Another grid changes it much: a copy between whose voxels was interpolated is not found.
"""

from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
from scipy import ndimage as ndi

from mslesion.longitudinal.alignment.placing import PlacedScan

BOX_VOXELS = 64
"""Voxels a side, from the middle of the scans, that are compared."""
NOISE_SIDE, LEVEL_SIDE = 3, 7
"""Voxels a side over which a mean is taken off, and over which the rest is scaled."""
MIN_LEVEL = 1e-3
"""Where the noise is weaker than this share of the usual one, there is none to compare: a
constant background. Ours."""
FLAT_SHARE = 0.1
"""Share of the voxels, those of the lowest level by the signal, that are compared: inside a
tissue there is noise; at its borders there is the head, which two acquisitions share. Ours."""
MIN_VOXELS = 500
"""Fewer voxels (exclusive) tell nothing. Ours."""
GRID_TOLERANCE = 0.02
"""Two grids lie on each other where no voxel is further off (in voxels, inclusive)."""


def same_image_correlation(first: PlacedScan, second: PlacedScan) -> float | None:
    """How closely the voxels of one scan follow those of another, noise and all.

    Parameters
    ----------
    first, second : PlacedScan
        One modality of two visits.

    Returns
    -------
    float or None
        1 for one image; the highest value among all ways to turn and mirror an array of the
        same size, and the way that the headers tell, if it is one of whole voxels. None where
        there is no such way, or nothing to compare.
    """
    values = [_correlation(*pair) for pair in _overlays(first, second)]
    return max((value for value in values if value is not None), default=None)


def _overlays(first: PlacedScan, second: PlacedScan) -> Iterator[tuple]:
    """Noise of both scans, and where there is any, for each way to lay the arrays together."""
    if sorted(first.data.shape) == sorted(second.data.shape):
        own, other = (_noise(scan.data[_middle(scan.data.shape)]) for scan in (first, second))
        for axes, steps in product(permutations(range(3)), product((1, -1), repeat=3)):
            if np.transpose(second.data, axes).shape == first.data.shape:
                flip = tuple(slice(None, None, step) for step in steps)
                yield own, tuple(np.transpose(part, axes)[flip] for part in other)
    parts = _overlap(first, second)
    if parts is not None:
        yield tuple(_noise(part[_middle(part.shape)]) for part in parts)


def _middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The middle of an array, the same voxels when the array is mirrored."""
    sides = [min(n, BOX_VOXELS - (n - BOX_VOXELS) % 2) for n in shape]
    return tuple(
        slice((n - side) // 2, (n + side) // 2) for n, side in zip(shape, sides, strict=True)
    )


def _overlap(first: PlacedScan, second: PlacedScan) -> tuple[np.ndarray, np.ndarray] | None:
    """What both arrays hold of one place, if the second's voxels lie on the first's."""
    way = np.linalg.inv(second.affine) @ first.affine
    axes = np.abs(way[:3, :3]).argmax(axis=0)
    turn = np.sign(way[axes, range(3)])
    whole = np.zeros((3, 3))
    whole[axes, range(3)] = turn
    start = np.round(way[:3, 3])
    gap = np.abs(way[:3, :3] - whole) @ first.data.shape + np.abs(way[:3, 3] - start)
    if len(set(axes)) < 3 or gap.max() > GRID_TOLERANCE:
        return None
    other = np.transpose(second.data, axes)
    parts = []
    for axis, (sign, zero) in enumerate(zip(turn, start[axes].astype(int), strict=True)):
        if sign < 0:  # in the mirrored array the voxels are counted from the other end
            other = np.flip(other, axis)
            zero = other.shape[axis] - 1 - zero
        low = max(0, -zero)
        high = min(first.data.shape[axis], other.shape[axis] - zero)
        if high <= low:
            return None
        parts.append((slice(low, high), slice(low + zero, high + zero)))
    return first.data[tuple(a for a, _ in parts)], other[tuple(b for _, b in parts)]


def _noise(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of each voxel from its surroundings, scaled; the scale by the signal.

    The latter is infinite where there is nothing to compare.
    """
    values = data.astype(np.float64)
    rest = values - ndi.uniform_filter(values, NOISE_SIDE)
    level = np.sqrt(np.maximum(ndi.uniform_filter(rest**2, LEVEL_SIDE), 0))
    has = (ndi.minimum_filter(values, NOISE_SIDE) > 0) & (level > MIN_LEVEL * level.max())
    signal = np.where(has, ndi.uniform_filter(values, LEVEL_SIDE), 1)
    return np.where(has, rest / np.where(has, level, 1), 0), np.where(has, level / signal, np.inf)


def _correlation(first: tuple, second: tuple) -> float | None:
    """Correlation of the noise where both are flattest."""
    level = np.maximum(first[1], second[1])
    known = level[np.isfinite(level)]
    if known.size * FLAT_SHARE < MIN_VOXELS:
        return None
    flat = level <= np.quantile(known, FLAT_SHARE)
    a, b = first[0][flat], second[0][flat]
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
