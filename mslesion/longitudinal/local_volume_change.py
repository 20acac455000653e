"""Local volume change around the lesions of a pair, kept for the comparison with later pairs.

Whether a candidate for slow expansion expanded evenly depends on the visits between: on their
volume change at the points of the candidate.
"""

from typing import NamedTuple

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage as ndi

from mslesion.longitudinal.comparison import PairComparison

MARGIN_VOXELS = 3
"""The change is kept this far around the lesions."""


class LocalVolumeChange(NamedTuple):
    """Volume change around the first visit's lesions, and where the candidates are."""

    change_pct: np.ndarray
    """(I, J, K) float16 in the common frame; 0 far from lesions."""
    to_first: np.ndarray
    """(4, 4) from voxels of the frame to world points of the first visit's reference in mm."""
    points: np.ndarray
    """(N, 3) float32: world points of the candidates' voxels at the first visit, in mm."""
    candidate: np.ndarray
    """(N,) int32: number of the candidate that each point is of."""


def volume_change_around_lesions(comparison: PairComparison) -> LocalVolumeChange | None:
    """The local volume change of a pair around its lesions.

    Parameters
    ----------
    comparison : PairComparison
        The comparison.

    Returns
    -------
    LocalVolumeChange or None
        None where it was not measured.
    """
    brain = comparison.brain
    if brain.volume_ratio is None:
        return None
    place = brain.aligned.placed
    to_first = place.to_reference[0] @ place.frame.grid.affine
    near = ndi.binary_dilation(place.outlined[0] > 0, iterations=MARGIN_VOXELS)
    change_pct = np.where(near, 100 * (brain.volume_ratio - 1), 0).astype(np.float16)
    found = () if brain.expansion is None else brain.expansion.candidates
    voxels = [one.voxels for one in found]
    points = apply_affine(to_first, np.concatenate(voxels)) if voxels else np.zeros((0, 3))
    candidate = np.repeat(np.arange(1, len(voxels) + 1), [len(v) for v in voxels])
    return LocalVolumeChange(
        change_pct, to_first, points.astype(np.float32), candidate.astype(np.int32)
    )


def mean_volume_change_pct(local: LocalVolumeChange | None, points: np.ndarray) -> float | None:
    """Mean volume change of a pair at points of its first visit.

    Parameters
    ----------
    local : LocalVolumeChange or None
        Of the pair.
    points : (N, 3) array
        World points in mm.

    Returns
    -------
    float or None
        In percent; None if it was not measured, or without points.
    """
    if local is None or not len(points):
        return None
    voxels = apply_affine(np.linalg.inv(local.to_first), points).T
    values = ndi.map_coordinates(local.change_pct.astype(np.float32), voxels, order=1)
    return float(values.mean())
