"""Arrays on a coarser grid, as means over blocks of voxels, and back."""

import numpy as np


def binned(values: np.ndarray, spacing: int) -> np.ndarray:
    """Means over blocks of voxels.

    Parameters
    ----------
    values : (I, J, K) float32 array
        Values.
    spacing : int
        Voxels along each side of a block.

    Returns
    -------
    (L, M, N) float32 array
        Beyond the border the values are 0.
    """
    if spacing == 1:
        return values
    means = values
    for axis in (2, 1, 0):
        ahead = (slice(None),) * axis
        # Sums of whole slabs: numpy's mean over a short axis takes several times as long
        total = means[(*ahead, slice(0, None, spacing))].copy()
        for offset in range(1, spacing):
            slab = means[(*ahead, slice(offset, None, spacing))]
            total[(*ahead, slice(slab.shape[axis]))] += slab
        means = total / np.float32(spacing)
    return means


def unbinned(means: np.ndarray, shape: tuple, spacing: int) -> np.ndarray:
    """Values of all voxels, linear between the middles of the blocks.

    Parameters
    ----------
    means : (..., L, M, N) float32 array
        Values of the blocks.
    shape : tuple of int, shape (3,)
        Size of the result.
    spacing : int
        Voxels along each side of a block.

    Returns
    -------
    (..., I, J, K) float32 array
        Next to the border, the value of the last block.
    """
    if spacing == 1:
        return means
    for axis, length in zip((-3, -2, -1), shape, strict=True):
        last = means.shape[axis] - 1
        place = np.clip((np.arange(length) - (spacing - 1) / 2) / spacing, 0, last)
        low = np.minimum(place.astype(int), max(0, last - 1))
        share = (place - low).astype(np.float32).reshape(-1, *[1] * (-1 - axis))
        values = np.take(means, low, axis)
        values *= 1 - share
        high = np.take(means, np.minimum(low + 1, last), axis)
        high *= share
        values += high
        means = values
    return means
