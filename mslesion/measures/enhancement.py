"""Candidates for lesions that take up contrast agent, from T1w before and after it.

Candidates are no count of enhancing lesions: vessels, plexus and movement between the two
scans give some as well. They are never taken as a fact of a criterion; a reader's count is.
"""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage as ndi

from mslesion.imaging.distance import grown, thinned
from mslesion.imaging.grid import min_voxel_count, spacing_mm, voxel_volume_mm3
from mslesion.imaging.shape import elongation, objects
from mslesion.measures.appearance import LESION_MARGIN_MM
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.maps import brain_mask

MIN_RISE_SD = 3.0
"""A voxel rose by this many standard deviations of white matter or more (inclusive; mslesion)."""
MIN_LEVEL = 1.2
"""After contrast agent it is this bright by white matter or brighter (inclusive; mslesion)."""
MAX_DISTANCE_MM = 2.0
"""It lies in a lesion or this near to one (inclusive; mslesion)."""
EDGE_MM = 3.0
"""The rim of the brain, with its vessels, is left out up to this depth (inclusive; mslesion)."""
MIN_VOLUME_MM3 = 14.0
"""Smaller candidates are dropped; one of exactly this volume is kept: a ball of 3 mm."""
MAX_ELONGATION = 3.0
"""A candidate whose first principal axis is longer by more than this (exclusive) than its
second is taken for a vessel; a ring or a nodule is about as wide as long (mslesion)."""
MAD_TO_SD = 1.4826


@dataclass(frozen=True, slots=True)
class Enhancement:
    """Candidates of one visit."""

    labels: np.ndarray
    """(I, J, K) int: 0 outside, 1..n in the candidates."""
    count: int
    volume_mm3: float
    vessel_count: int
    """Components that were left out for their shape."""


def find_enhancement(
    before: np.ndarray,
    after: np.ndarray,
    affine: np.ndarray,
    *,
    anatomy: np.ndarray,
    lesions: np.ndarray,
) -> Enhancement | None:
    """Components that became brighter, at lesions and unlike vessels.

    Parameters
    ----------
    before, after : (I, J, K) array
        T1w without and with contrast agent on one grid, bias field corrected; 0 where
        nothing was recorded.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    anatomy : (I, J, K) int array
        Anatomy map on the same grid.
    lesions : (I, J, K) bool array
        T2 lesions.

    Returns
    -------
    Enhancement or None
        None where no white matter is left to compare with, or it does not vary.

    Notes
    -----
    Both scans are divided by their white matter; the rise is held against the spread of
    the rise in white matter more than 3 mm from lesions. Fluid, choroid plexus and the
    rim of the brain are left out. The thresholds are ours; they were neither fitted to scans
    nor validated.
    """
    size = spacing_mm(affine)
    seen = (before > 0) & (after > 0)
    white = (anatomy == s.WHITE_MATTER) & seen
    white &= ~grown(lesions, size, by_mm=LESION_MARGIN_MM)
    if not white.any():
        return None
    levels = [np.median(scan[white]) for scan in (before, after)]
    if min(levels) <= 0:
        return None
    level = after / levels[1]
    rise = level - before / levels[0]
    middle = np.median(rise[white])
    spread = MAD_TO_SD * np.median(np.abs(rise[white] - middle))
    if not spread > 0:
        return None
    inner = thinned(brain_mask(anatomy, affine), size, by_mm=EDGE_MM)
    # A small lesion is often called fluid or plexus by the anatomy: inside of it all counts
    tissue = np.isin(anatomy, s.BRAIN) | (lesions & (anatomy != s.CHOROID_PLEXUS))
    candidate = seen & inner & tissue & grown(lesions, size, by_mm=MAX_DISTANCE_MM)
    candidate &= ((rise - middle) / spread >= MIN_RISE_SD) & (level >= MIN_LEVEL)
    return _keep(candidate, affine)


def _keep(candidate: np.ndarray, affine: np.ndarray) -> Enhancement:
    """Components that are large enough and no vessels, numbered without gaps."""
    least = min_voxel_count(MIN_VOLUME_MM3, affine)
    found, _ = ndi.label(candidate, np.ones((3, 3, 3)))
    labels = np.zeros(candidate.shape, np.int32)
    count = vessels = 0
    for _, box, part in objects(found):
        if np.count_nonzero(part) < least:
            continue
        if elongation(apply_affine(affine, np.argwhere(part)), affine) > MAX_ELONGATION:
            vessels += 1
            continue
        count += 1
        labels[box][part] = count
    volume_mm3 = np.count_nonzero(labels) * voxel_volume_mm3(affine)
    return Enhancement(labels, count, volume_mm3, vessels)
