"""Whether the edges of two scans of a head lie at the same places, block by block.

A registration brings the head of one person roughly onto that of another. Their gyri, sulci and
ventricles still do not meet, which the edges in each small block show, whatever the contrast.
"""

from itertools import product

import numpy as np
from scipy import fft
from scipy import ndimage as ndi

STEP = 2
"""Voxels of the working grid of 1 mm along each side of a voxel here."""
BLOCK, REACH = 10, 3
"""Side of a block, and largest shift along each axis (inclusive), in voxels of 2 mm."""
NEAR = 1
"""A block that fits best within this shift (inclusive), in voxels of 2 mm, is in place."""
LEAST_FILLED = 0.4
"""A block counts if this share of it is brain (inclusive)."""
LEAST_BLOCKS = 8
"""With fewer blocks (exclusive) nothing is said."""
NOISE_SHARE = 0.5
"""A gradient whose square is this share of the brain's median counts half."""
_PRODUCTS = ((0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (0, 1, 2.0), (0, 2, 2.0), (1, 2, 2.0))
"""Components of two gradients that are multiplied in a squared scalar product, and how often."""


def share_in_place(fixed: np.ndarray, moving: np.ndarray, brain: np.ndarray) -> float | None:
    """Share of the brain in which two registered scans have their edges at the same places.

    The brain is divided into blocks of 20 mm. In each, the moving scan is shifted by up to 6 mm
    along every axis. If the edges fit best within 2 mm, the block is in place; a block counts by
    how well they fit at best. The fit is the squared scalar product of the gradients, each
    divided by its length (normalised gradient fields): it does not depend on which tissue is
    the brighter one.

    Parameters
    ----------
    fixed, moving : (I, J, K) array
        Two scans on the working grid of 1 mm, registered.
    brain : (I, J, K) bool array
        Where they are compared.

    Returns
    -------
    float or None
        Percent; None where the brain has fewer than 8 blocks or a scan has no edge in it.

    References
    ----------
    Haber and Modersitzki 2006, 10.1007/11866763_89 (normalised gradient fields).
    """
    inside = _coarse(brain) >= 0.5
    if not inside.any():
        return None
    box = ndi.find_objects(inside.astype(np.uint8))[0]
    # The outer border of the brain is left out: skulls are taken off anew in each scan
    inside = ndi.binary_erosion(_padded(inside[box]))
    edges = [_edge_products(_padded(_coarse(scan)[box]), inside) for scan in (fixed, moving)]
    fits = []
    for corner in product(*(range(REACH, n - REACH, BLOCK) for n in inside.shape)):
        block = tuple(slice(first, first + BLOCK) for first in corner)
        if inside[block].mean() < LEAST_FILLED:
            continue
        around = tuple(slice(one.start - REACH, one.stop + REACH) for one in block)
        masked = edges[0][(slice(None), *block)] * inside[block]
        fits.append(_fit_by_shift(masked, edges[1][(slice(None), *around)]))
    if len(fits) < LEAST_BLOCKS:
        return None
    best = np.array([fit.max() for fit in fits])
    if best.sum() <= 0:
        return None
    shifts = np.array([np.unravel_index(fit.argmax(), fit.shape) for fit in fits]) - REACH
    near = np.linalg.norm(shifts, axis=1) <= NEAR
    return float(100 * best[near].sum() / best.sum())


def _coarse(data: np.ndarray) -> np.ndarray:
    """An array on voxels of 2 mm, smoothed before."""
    return ndi.gaussian_filter(data.astype(np.float32), STEP / 2)[::STEP, ::STEP, ::STEP]


def _padded(data: np.ndarray) -> np.ndarray:
    """An array with whole blocks along each axis and room for the shifts on all sides."""
    return np.pad(data, [(REACH, REACH + -size % BLOCK) for size in data.shape])


def _edge_products(data: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """(6, I, J, K): products of the components of the gradients, each of a length up to 1."""
    gradient = np.stack(np.gradient(data))
    squared = (gradient**2).sum(axis=0)
    floor = NOISE_SHARE * np.median(squared[inside]) + np.finfo(np.float32).tiny
    gradient /= np.sqrt(squared + floor)
    return np.stack([gradient[a] * gradient[b] * np.sqrt(many) for a, b, many in _PRODUCTS])


def _fit_by_shift(block: np.ndarray, around: np.ndarray) -> np.ndarray:
    """(7, 7, 7): how well a block fits its surroundings, by shift along each axis."""
    size, axes = around.shape[1:], (1, 2, 3)
    spectra = fft.rfftn(block, size, axes=axes).conj() * fft.rfftn(around, axes=axes)
    shifts = slice(2 * REACH + 1)
    return fft.irfftn(spectra.sum(axis=0), size)[shifts, shifts, shifts]
