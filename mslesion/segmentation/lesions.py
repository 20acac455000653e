"""From lesion probability to the lesion mask."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.segmentation import structures as s

THRESHOLD = 0.5
"""From this probability on (inclusive) a voxel is lesion."""
MAX_FLUID_SHARE = 0.5
"""A component with more of itself in CSF or choroid plexus (exclusive) is none: flow,
septum and plexus are bright on FLAIR too. AJNR 32:2054; Radiology 2001;221:251."""


@dataclass(frozen=True, slots=True)
class LesionMask:
    """A lesion mask, and what was taken out of it."""

    mask: np.ndarray
    """(I, J, K) bool."""
    removed: np.ndarray
    """(I, J, K) bool: components that lay in CSF or choroid plexus."""
    removed_count: int


def threshold_lesions(
    probability: np.ndarray, *, anatomy: np.ndarray, threshold: float = THRESHOLD
) -> LesionMask:
    """Cut the lesion probability, without what lies in fluid or plexus.

    Parameters
    ----------
    probability : (I, J, K) array
        Lesion probability, 0 to 1.
    anatomy : (I, J, K) int array
        Anatomy map on the same grid.
    threshold : float
        From this probability on (inclusive) a voxel is lesion.

    Returns
    -------
    LesionMask
    """
    mask = (probability >= threshold) & (anatomy > 0)
    components, count = ndi.label(mask, np.ones((3, 3, 3)))
    if not count:
        return LesionMask(mask, np.zeros_like(mask), 0)
    fluid = np.isin(anatomy, s.indices(s.FLUID))
    share = ndi.mean(fluid, components, np.arange(1, count + 1))
    is_fluid = np.concatenate([[False], share > MAX_FLUID_SHARE])
    removed = is_fluid[components]
    return LesionMask(mask & ~removed, removed, int(is_fluid.sum()))
