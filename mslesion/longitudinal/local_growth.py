"""Local growth around the lesions of a pair, so that later pairs can be held against it.

Whether a candidate for slow expansion grew evenly can be told only when the visits between
are compared too: by their growth at the points of the candidate.
"""

from typing import NamedTuple

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage as ndi

from mslesion.longitudinal.comparison import PairComparison

MARGIN_VOXELS = 3
"""Growth is kept this far around the lesions."""


class LocalGrowth(NamedTuple):
    """Growth around the first visit's lesions, and where the candidates are."""

    growth_pct: np.ndarray
    """(I, J, K) float16 in the common frame; 0 far from lesions."""
    to_first: np.ndarray
    """(4, 4) from voxels of the frame to world points of the first visit's reference in mm."""
    points: np.ndarray
    """(N, 3) float32: world points of the candidates' voxels at the first visit, in mm."""
    candidate: np.ndarray
    """(N,) int32: number of the candidate that each point is of."""


def growth_around_lesions(comparison: PairComparison) -> LocalGrowth | None:
    """The growth of a pair around its lesions.

    Parameters
    ----------
    comparison : PairComparison
        The comparison.

    Returns
    -------
    LocalGrowth or None
        None where growth was not measured.
    """
    brain = comparison.brain
    if brain.volume_ratio is None:
        return None
    place = brain.aligned.placed
    to_first = place.to_reference[0] @ place.frame.grid.affine
    near = ndi.binary_dilation(place.outlined[0] > 0, iterations=MARGIN_VOXELS)
    growth_pct = np.where(near, 100 * (brain.volume_ratio - 1), 0).astype(np.float16)
    found = () if brain.expansion is None else brain.expansion.candidates
    voxels = [one.voxels for one in found]
    points = apply_affine(to_first, np.concatenate(voxels)) if voxels else np.zeros((0, 3))
    candidate = np.repeat(np.arange(1, len(voxels) + 1), [len(v) for v in voxels])
    return LocalGrowth(growth_pct, to_first, points.astype(np.float32), candidate.astype(np.int32))


def mean_growth_pct(growth: LocalGrowth | None, points: np.ndarray) -> float | None:
    """Mean growth of a pair at points of its first visit.

    Parameters
    ----------
    growth : LocalGrowth or None
        Of the pair.
    points : (N, 3) array
        World points in mm.

    Returns
    -------
    float or None
        In percent; None without growth or without points.
    """
    if growth is None or not len(points):
        return None
    voxels = apply_affine(np.linalg.inv(growth.to_first), points).T
    values = ndi.map_coordinates(growth.growth_pct.astype(np.float32), voxels, order=1)
    return float(values.mean())
