"""Lesions of two visits, segmented together.

Where the scans show no change, both visits have one lesion with one border: that the outlines
differ is the noise of two segmentations. A lesion that was outlined at one visit only is then there
at both, and between two outlines of a lesion the border runs halfway. Only where the scans
changed do the visits differ.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.longitudinal.lesions.sizes import Size, is_under_floor

CORNERS = np.ones((3, 3, 3))
"""Voxels that share a corner touch."""


@dataclass(frozen=True, slots=True)
class JointLoad:
    """Lesions of a visit, by what both visits of a pair show."""

    volume_ml: float
    count: int


def keep_lesions(
    first: np.ndarray,
    second: np.ndarray,
    *,
    gained: np.ndarray,
    lost: np.ndarray,
    certainty: np.ndarray,
) -> np.ndarray:
    """Lesion at both visits: the outlines of both, averaged.

    Parameters
    ----------
    first, second : (I, J, K) int array
        Lesions of each visit as outlined, with numbers, in the common frame of isotropic voxels.
    gained, lost : (I, J, K) bool array
        Lesion at the second and at the first visit only, by the scans and both maps.
    certainty : (I, J, K) array
        Larger where both maps together are surer of lesion: decides between voxels that lie
        equally deep.

    Returns
    -------
    (I, J, K) bool array
        Nowhere gained or lost. Of a lesion that both outlined, as many voxels as the outlines
        have on average, taken from those that lie deepest in both. A lesion of which its visit
        would have nothing is kept as outlined: that the other outline differs is no event.
    """
    changed = gained | lost
    kept = _average((first > 0) & ~changed, (second > 0) & ~changed, certainty)
    found = kept.copy()
    for labels, own in ((first, kept | lost), (second, kept | gained)):
        is_missing = np.bincount(labels[own], minlength=int(labels.max(initial=0)) + 1) == 0
        is_missing[0] = False
        found |= is_missing[labels]
    return found & ~changed


def _average(first: np.ndarray, second: np.ndarray, certainty: np.ndarray) -> np.ndarray:
    """Pieces that two masks share, with the mean of their volumes and a border between theirs.

    A threshold on mean probabilities makes small lesions smaller with each interpolation, and on
    distances it falls on whole voxels; the mean of the volumes has neither fault. Lesions that
    touch are one piece: one that a single visit outlined beside another lesion keeps about half of
    its voxels.
    """
    both = first & second
    pieces, _ = ndi.label(first | second, CORNERS)
    for number, box in enumerate(ndi.find_objects(pieces), start=1):
        piece = pieces[box] == number
        shared = both[box] & piece
        missing = np.count_nonzero(piece) - np.count_nonzero(shared)
        if not shared.any() or not missing:
            continue
        outside = piece & ~shared
        depth = sum(_depth(mask[box] & piece) for mask in (first, second))
        order = np.lexsort((certainty[box][outside], depth[outside]))[::-1]
        # One outline alone has each of these voxels, so the mean volume takes half of them
        chosen = np.zeros(missing, bool)
        chosen[order[: (missing + 1) // 2]] = True
        both[box][outside] = chosen
    return both


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance to the border in voxels: positive inside, negative outside; the box ends outside."""
    padded = np.pad(mask, 1)
    depth = ndi.distance_transform_edt(padded) - ndi.distance_transform_edt(~padded)
    return depth[1:-1, 1:-1, 1:-1]


def measure_joint(
    mask: np.ndarray, kept: np.ndarray, *, voxel_mm3: float, thickest_mm: float
) -> JointLoad:
    """Number and volume of the lesions that one visit has by both.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Lesion at the visit.
    kept : (I, J, K) bool array
        Lesion at both visits.
    voxel_mm3 : float
        Volume of a voxel.
    thickest_mm : float
        Longest voxel side of both visits.

    Returns
    -------
    JointLoad
        Of the 26-connected pieces that both visits have in part, or that reach the detection
        floor: under it, a lesion of one visit alone counts neither as new nor here.
    """
    pieces, count = ndi.label(mask, CORNERS)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    is_lesion = np.bincount(pieces[kept], minlength=count + 1) > 0
    for number in np.flatnonzero(~is_lesion):
        size = Size(float(sizes[number] * voxel_mm3), 0.0, 0.0)  # its volume alone is asked for
        is_lesion[number] = not is_under_floor(size, thickest_mm=thickest_mm)
    is_lesion[0] = False
    return JointLoad(
        volume_ml=float(sizes[is_lesion].sum() * voxel_mm3 / 1000), count=int(is_lesion.sum())
    )
