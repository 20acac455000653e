"""From lesion probability to the lesion mask."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.schema import structures as s

THRESHOLD = 0.5
"""From this probability on (inclusive) a voxel is lesion."""
CORE_PROBABILITY = 0.8
"""Somewhere a lesion must be as sure as this (inclusive): bright cortex and noise seldom
are. Chosen on the four patients of docs/validation.md, where it was measured."""
GROWTH_PROBABILITY = 0.1
"""A lesion may grow into voxels of more than this (exclusive). Chosen as the former."""
GROWTH_LEVEL = 0.6
"""It grows where the FLAIR is more than this share of the way (exclusive) from white matter
to lesion. The border of a blurred bright object is at half its height; at half, lesions of
known volume became 20 % too large."""
SMOOTHING_MM = 0.7
"""Standard deviation of the Gaussian that the FLAIR is smoothed by, against noise."""
GROWTH_TISSUE = (*s.LESION_TISSUE, *s.LATERAL_VENTRICLES_AND_PLEXUS, s.THIRD_VENTRICLE)
"""Where lesions grow: not into cortex, which is as bright on some scanners; the ventricles'
borders are among them, for periventricular lesions blur them."""
MAX_FLUID_SHARE = 0.5
"""A component with more of itself in CSF or choroid plexus (exclusive) is none: flow,
septum and plexus are bright on FLAIR too. AJNR 32:2054; Radiology 2001;221:251."""


CORNERS = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True)
class LesionMask:
    """A lesion mask, and what was taken out of it."""

    mask: np.ndarray
    """(I, J, K) bool."""
    removed: np.ndarray
    """(I, J, K) bool: components that lay in CSF or choroid plexus."""
    removed_count: int


def threshold_lesions(
    probability: np.ndarray,
    *,
    anatomy: np.ndarray,
    flair: np.ndarray | None = None,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    threshold: float = THRESHOLD,
) -> LesionMask:
    """Cut the lesion probability, without what lies in fluid or plexus.

    A lesion is a component from the threshold on that is surer than that somewhere
    (hysteresis, as in Canny's edges). With a FLAIR it then grows to where the FLAIR falls
    off towards white matter.

    Parameters
    ----------
    probability : (I, J, K) array
        Lesion probability, 0 to 1.
    anatomy : (I, J, K) int array
        Anatomy map on the same grid.
    flair : (I, J, K) array, optional
        FLAIR on the same grid, without bias field; without it nothing grows.
    spacing_mm : tuple of float, shape (3,)
        Voxel sizes.
    threshold : float
        From this probability on (inclusive) a voxel is lesion.

    Returns
    -------
    LesionMask
    """
    mask = (probability >= threshold) & (anatomy > 0)
    mask = _touching(mask & (probability >= CORE_PROBABILITY), mask)
    if flair is not None and mask.any():
        mask = _grown(mask, probability, anatomy, flair, spacing_mm)
    components, count = ndi.label(mask, CORNERS)
    if not count:
        return LesionMask(mask, np.zeros_like(mask), 0)
    fluid = np.isin(anatomy, s.indices(s.FLUID))
    share = ndi.mean(fluid, components, np.arange(1, count + 1))
    is_fluid = np.concatenate([[False], share > MAX_FLUID_SHARE])
    removed = is_fluid[components]
    return LesionMask(mask & ~removed, removed, int(is_fluid.sum()))


def _touching(seeds: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Components of `allowed` (26-connected) that hold a seed."""
    components, count = ndi.label(allowed, CORNERS)
    kept = np.zeros(count + 1, bool)
    kept[np.unique(components[seeds])] = True
    kept[0] = False
    return kept[components]


def _grown(mask, probability, anatomy, flair, spacing_mm) -> np.ndarray:
    """Lesions with what is as bright around them."""
    normal = (anatomy == s.WHITE_MATTER) & (probability <= GROWTH_PROBABILITY) & (flair > 0)
    if not normal.any():
        return mask
    white = float(np.median(flair[normal]))
    edge = white + GROWTH_LEVEL * (float(np.median(flair[mask])) - white)
    smooth = ndi.gaussian_filter(
        flair.astype(np.float32), [SMOOTHING_MM / size for size in spacing_mm]
    )
    bright = (smooth > max(edge, white)) & np.isin(anatomy, GROWTH_TISSUE)
    return _touching(mask, mask | (bright & (probability > GROWTH_PROBABILITY)))
