"""From lesion probability to the lesion mask."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.schema import structures as s

THRESHOLD = 0.5
"""From this probability on (inclusive) a voxel is lesion, unless another threshold is set."""
MIN_THRESHOLD, MAX_THRESHOLD = 0.01, 0.99
"""Smallest and largest threshold (both inclusive): at 0 the whole brain would be lesion, and at
1 hardly anything."""
CORE_ODDS = 4.0
"""Somewhere a lesion must have these odds by those of the threshold (inclusive), a probability
of 0.8 at 0.5: bright cortex and noise seldom do. Chosen at 0.5 on the four patients of
docs/validation.md, where it was measured."""
GROWTH_ODDS = 1 / 9
"""A lesion may grow into voxels of more than these odds by those of the threshold (exclusive),
a probability of 0.1 at 0.5. Chosen as the former."""
NORMAL_PROBABILITY = 0.1
"""White matter is taken for normal up to this (inclusive), at any threshold."""
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
"""A component at the default threshold with more of itself in CSF or choroid plexus
(exclusive) is none: flow, septum and plexus are bright on FLAIR too. AJNR 32:2054; Radiology
2001;221:251."""


CORNERS = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True)
class LesionMask:
    """A lesion mask, and what was taken out of it."""

    mask: np.ndarray
    """(I, J, K) bool."""
    removed: np.ndarray
    """(I, J, K) bool: what was left out because it lay in CSF or choroid plexus."""
    removed_count: int
    """Components of which nothing was kept for that reason."""


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

    The mask at a lower threshold contains the mask at a higher one: the probabilities asked of
    the core and of what it grows into fall with the threshold, at a constant ratio of odds.
    Two things are decided at the default threshold for all: how bright a lesion is on the
    FLAIR, and which components lie in fluid or plexus, for components join as the threshold
    falls. Below the default threshold only tissue is added.

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
        From this probability on (inclusive) a voxel belongs to a component; `MIN_THRESHOLD` to
        `MAX_THRESHOLD`.

    Returns
    -------
    LesionMask
    """
    probability = np.where(anatomy > 0, probability, 0)
    cores = _with_cores(probability, THRESHOLD)
    bright = _bright(cores, probability, anatomy, flair, spacing_mm)
    found = _grown(cores, probability, bright, THRESHOLD)
    fluid = np.isin(anatomy, s.indices(s.FLUID))
    kept = found & ~_mostly(fluid, found)
    if threshold == THRESHOLD:
        return _lesion_mask(kept, found)
    in_fluid = found & ~kept
    found = _grown(_with_cores(probability, threshold), probability, bright, threshold)
    if threshold > THRESHOLD:
        return _lesion_mask(found & kept, found)
    allowed = kept | (found & ~fluid & ~in_fluid)
    sure = probability >= _at_odds(CORE_ODDS, threshold)
    return _lesion_mask(_touching(kept | (allowed & sure), allowed), found)


def _lesion_mask(mask: np.ndarray, found: np.ndarray) -> LesionMask:
    """A mask, and the rest of what was found before fluid and plexus were left out."""
    components, count = ndi.label(found, CORNERS)
    kept = np.unique(components[mask])
    return LesionMask(mask, found & ~mask, count - len(kept))


def _at_odds(ratio: float, threshold: float) -> float:
    """The probability whose odds are those of the threshold times a ratio.

    Written so that it rises with the threshold after rounding too.
    """
    return 1 / (1 + (1 - threshold) / threshold / ratio)


def _with_cores(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Components from the threshold on that are surer than that somewhere."""
    return _touching(probability >= _at_odds(CORE_ODDS, threshold), probability >= threshold)


def _touching(seeds: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Components of `allowed` (26-connected) that hold a seed."""
    components, count = ndi.label(allowed, CORNERS)
    kept = np.zeros(count + 1, bool)
    kept[np.unique(components[seeds])] = True
    kept[0] = False
    return kept[components]


def _mostly(fluid: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Components of a mask with more than `MAX_FLUID_SHARE` of themselves in fluid."""
    components, count = ndi.label(mask, CORNERS)
    share = ndi.mean(fluid, components, np.arange(1, count + 1)) if count else []
    return np.concatenate([[False], np.asarray(share) > MAX_FLUID_SHARE])[components]


def _bright(lesions, probability, anatomy, flair, spacing_mm) -> np.ndarray:
    """Where lesions may grow by the FLAIR; nowhere without FLAIR, lesion or white matter."""
    nowhere = np.zeros(anatomy.shape, bool)
    if flair is None or not lesions.any():
        return nowhere
    normal = (anatomy == s.WHITE_MATTER) & (probability <= NORMAL_PROBABILITY) & (flair > 0)
    if not normal.any():
        return nowhere
    white = float(np.median(flair[normal]))
    edge = white + GROWTH_LEVEL * (float(np.median(flair[lesions])) - white)
    smooth = ndi.gaussian_filter(
        flair.astype(np.float32), [SMOOTHING_MM / size for size in spacing_mm]
    )
    return (smooth > max(edge, white)) & np.isin(anatomy, GROWTH_TISSUE)


def _grown(lesions, probability, bright, threshold: float) -> np.ndarray:
    """Lesions with what is as bright around them."""
    likely = probability > _at_odds(GROWTH_ODDS, threshold)
    return _touching(lesions, lesions | (bright & likely))
