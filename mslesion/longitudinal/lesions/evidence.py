"""What changed, voxel by voxel, from the scans and both lesion maps together.

Two lesion maps alone differ at every border, two scans alone at every vessel. A voxel is
lesion at one visit only where this is the most probable of four histories (never lesion,
always lesion, lesion at the second visit only, at the first only) by both probabilities and the
difference of the scans. Elsewhere both visits have the same lesions
(`mslesion.longitudinal.lesions.joint`). Swapped visits give swapped maps, bit for bit.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi
from scipy.special import ndtr
from skimage.morphology import ball

from mslesion.longitudinal.alignment.deformation import MIN_NOISE
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.lesions.joint import keep_lesions

MAX_LOGIT = 3.0
"""Probabilities count at most this much (log odds): a network is often too sure."""
MAX_EVIDENCE = 6.0
"""The scans' difference counts at most this much (log likelihood ratio)."""
CHANGE_COST = 2.0
"""Log odds by which change is rarer than none."""
UNLIKELY_PLACE_COST = 2.0
"""Further log odds in cortex, fluid and at the brain's edge, where vessels and flow change
the signal without a lesion."""
SURE_EVIDENCE = 3.0
"""Each piece of change holds a voxel of this much evidence by the scans (inclusive)."""
FLUID_SHARE = 0.25
"""Where a visit's voxel is darker than this share of fluid makes it (exclusive), tissue
and fluid changed places: the scans' difference tells of no lesion."""
MIN_MEAN_PROBABILITY = 0.05
"""And is a lesion by its visit's map to at least this degree (inclusive, on average): below,
the map says no as firmly as it is heard (`MAX_LOGIT`). The signal of whole regions may
change, as that of a brainstem next to pulsating vessels."""
MIN_CHANGE_MM3 = 4.0
"""Pieces of change smaller than this (exclusive) are dropped; voxels have 1 mm³."""
MISREGISTRATION_MM = 0.3
"""Typical error of the registration: times the slope, it adds to the noise."""
SMOOTHING_MM = 0.5
"""Difference, evidence and the search for fluid are smoothed by this much. At 0.7 the rim
by which a lesion grew spilled over its core: balls seemed to have been too small before, or
not to have grown."""
SLOPE_SIGMA_MM = 0.7
"""Scale at which the slope of the scans is computed."""
MIN_WEIGHT = 0.05
"""Of the surroundings at least this share counts as tissue, where fluid is left out."""
OWN_CHANGE_SHARE = 0.3
"""Lesions change their signal by about this share of their contrast without a change of
size: where both maps have one, it adds to the noise. Ours, from balls of known growth."""
CONTRAST = (0.12, 0.3, 0.6)
"""Least, usual and largest brightness of lesions above white matter (by white matter)."""
MAX_SCORE = 8.0
"""Differences further below 0 than this many standard deviations count as this many."""
EDGE_SHARE = 0.25
"""A voxel that changed by a smaller share of a lesion's contrast is beside the lesion. Half
would be its border, but young lesions are fainter. Without it lesions of known volume, put
into a real scan, came out half too large; `BORDER_SHARE` says what came of it."""
BORDER_SHARE, BORDER_REACH_VOXELS = 0.4, 3
"""Change ends where the scans' difference is less than this share of the largest so near
(exclusive; inclusive). A blurred object ends at half its height, and the largest holds noise.
By `EDGE_SHARE` alone new lesions of known volume came out 1.4 times too large on 1.6 mm voxels
(the sample data) and 5 % too small on 1 mm (P14); so 1.16 times and 7 %; with 0.45 it was 1.04
times and 13 %."""
BESIDE_SHARE = 0.1
"""Share of voxels without change that lie beside one."""
MIN_CONTRAST_VOXELS = 50
"""From fewer lesion voxels than this (exclusive) no contrast is measured."""


@dataclass(frozen=True, slots=True)
class ChangeEvidence:
    """Which voxels are lesion at both visits, and which at one only."""

    kept: np.ndarray
    """(I, J, K) bool: lesion at both."""
    gained: np.ndarray
    """(I, J, K) bool: lesion at the second visit only."""
    lost: np.ndarray
    """(I, J, K) bool: lesion at the first visit only."""
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Voxel sides."""

    @property
    def voxel_mm3(self) -> float:
        """Volume of a voxel."""
        return float(np.prod(self.spacing_mm))

    @property
    def first(self) -> np.ndarray:
        """(I, J, K) bool: lesion at the first visit."""
        return self.kept | self.lost

    @property
    def second(self) -> np.ndarray:
        """(I, J, K) bool: lesion at the second visit."""
        return self.kept | self.gained


def weigh_change(
    pair: MatchedPair,
    *,
    first_probability: np.ndarray,
    second_probability: np.ndarray,
    outlined: tuple[np.ndarray, np.ndarray],
    likely: np.ndarray,
    possible: np.ndarray,
) -> ChangeEvidence:
    """Which voxels are lesion at both visits, and which at one only.

    The maps and the scans say what changed (`likelihood_ratio`), the outlines what is lesion at
    both (`keep_lesions`).

    Parameters
    ----------
    pair : MatchedPair
        FLAIR of both visits on one scale, in the common frame, 1 mm voxels.
    first_probability, second_probability : (I, J, K) array
        Lesion probability of each visit.
    outlined : tuple of (I, J, K) int array, shape (2,)
        Lesions of each visit as outlined.
    likely : (I, J, K) bool array
        Tissue where lesions are common: white matter, brainstem, deep grey matter.
    possible : (I, J, K) bool array
        Where both scans show the brain; there is no change elsewhere.

    Returns
    -------
    ChangeEvidence
    """
    logits = [_logit(p) for p in (first_probability, second_probability)]
    healthy = likely & possible & (logits[0] < 0) & (logits[1] < 0)
    fluid = _was_fluid(pair)
    evidence = difference_evidence(
        pair, lesion=(logits[0] > 0) & (logits[1] > 0), white=healthy, fluid=fluid
    )
    place = np.where(likely, 0, UNLIKELY_PLACE_COST) + CHANGE_COST
    mean, gap = (logits[0] + logits[1]) / 2, (logits[1] - logits[0]) / 2
    # As far from possible change as the smoothing reaches
    near = ndi.binary_dilation(possible, np.ones((3, 3, 3)), math.ceil(4 * SMOOTHING_MM))
    changed = []
    for sign in (1, -1):
        seen = np.zeros(near.shape)
        seen[near] = likelihood_ratio(sign * evidence.score[near], evidence.contrast[near])
        # Tissue that became fluid is darker, but no lesion healed there
        seen = np.where(fluid, np.minimum(seen, 0), seen)
        margin = sign * gap + seen - place - np.abs(mean)
        margin = ndi.gaussian_filter(margin, SMOOTHING_MM)
        probability = second_probability if sign > 0 else first_probability
        mask = _to_border((margin > 0) & possible, sign * evidence.score / evidence.contrast)
        changed.append(_pieces(mask, seen, probability))
    gained, lost = changed  # never both: their margins add up to less than 0
    certainty = first_probability + second_probability
    kept = keep_lesions(*outlined, gained=gained, lost=lost, certainty=certainty)
    return ChangeEvidence(kept, gained, lost)


@dataclass(frozen=True, slots=True)
class DifferenceEvidence:
    """The scans' difference, and the most that a lesion makes of it."""

    score: np.ndarray
    """(I, J, K) second minus first visit, in standard deviations of no change."""
    contrast: np.ndarray
    """(I, J, K) brightness of a whole lesion, in the same unit."""


def difference_evidence(
    pair: MatchedPair, *, lesion: np.ndarray, white: np.ndarray, fluid: np.ndarray
) -> DifferenceEvidence:
    """The scans' difference by what it is where nothing changed.

    Parameters
    ----------
    pair : MatchedPair
        FLAIR of both visits on one scale.
    lesion : (I, J, K) bool array
        Lesion at both visits: its brightness is what a new lesion should have.
    white : (I, J, K) bool array
        Tissue without lesions, whose median difference is none.
    fluid : (I, J, K) bool array
        Where a visit has fluid: the difference there tells nothing of its neighbours.

    Returns
    -------
    DifferenceEvidence
    """
    mean = (pair.first.astype(np.float64) + pair.second) / 2
    least, usual, largest = CONTRAST
    contrast = usual
    if np.count_nonzero(lesion) >= MIN_CONTRAST_VOXELS:
        contrast = float(np.clip(np.median(mean[lesion]) - pair.levels[2], least, largest))
    slope = ndi.gaussian_gradient_magnitude(mean, SLOPE_SIGMA_MM)
    weight = ndi.gaussian_filter((~fluid).astype(np.float64), SMOOTHING_MM)
    difference = np.where(fluid, 0, pair.second.astype(np.float64) - pair.first)
    difference = ndi.gaussian_filter(difference, SMOOTHING_MM) / np.maximum(weight, MIN_WEIGHT)
    if white.any():
        difference -= np.median(difference[white])
    variance = max(pair.noise, MIN_NOISE) ** 2 + (MISREGISTRATION_MM * slope) ** 2
    variance += np.where(lesion, (OWN_CHANGE_SHARE * contrast) ** 2, 0)
    spread = np.sqrt(variance)
    return DifferenceEvidence(difference / spread, contrast / spread)


def likelihood_ratio(score: np.ndarray, contrast: np.ndarray) -> np.ndarray:
    """Log likelihood of a difference with a lesion at one visit only, against none.

    With one, the difference is normal around a value from `EDGE_SHARE` of the contrast to
    the whole of it, each as probable: young lesions are fainter, and a border voxel holds a
    part of the lesion only. Without one it is normal around 0, or, next to a lesion, around
    less than that part. A lesion may be brighter than the contrast.

    Parameters
    ----------
    score, contrast : array
        Difference and contrast in standard deviations.

    Returns
    -------
    array
        Limited to `MAX_EVIDENCE` either way.

    Examples
    --------
    >>> likelihood_ratio(np.array([-2.0, 0, 2, 4, 20]), np.array(8.0)).round(1)
    array([-6. , -4.6,  0.1,  4.9,  6. ])
    """
    score = np.maximum(score, -MAX_SCORE)
    edge = EDGE_SHARE * contrast
    lesion = np.where(score > contrast, 0.5, ndtr(score - edge) - ndtr(score - contrast))
    beside = (ndtr(score) - ndtr(score - edge)) / edge
    none = np.exp(-(score**2) / 2) / np.sqrt(2 * np.pi)
    none = (1 - BESIDE_SHARE) * none + BESIDE_SHARE * beside
    least = np.finfo(float).tiny
    ratio = np.log(np.maximum(lesion / (contrast - edge), least)) - np.log(np.maximum(none, least))
    return np.clip(ratio, -MAX_EVIDENCE, MAX_EVIDENCE)


def _was_fluid(pair: MatchedPair) -> np.ndarray:
    """Where one of the scans is as dark as if it held `FLUID_SHARE` of fluid."""
    csf, _, white = pair.levels
    darker = ndi.gaussian_filter(np.minimum(pair.first, pair.second), SMOOTHING_MM)
    return darker < white - FLUID_SHARE * (white - csf)


def _logit(probability: np.ndarray) -> np.ndarray:
    """Log odds, limited."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.clip(np.log(p / (1 - p)), -MAX_LOGIT, MAX_LOGIT)


def _to_border(mask: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Change as far as the scans' difference, by a lesion's contrast, holds on."""
    near = ball(BORDER_REACH_VOXELS)
    largest = ndi.maximum_filter(np.where(mask, strength, -np.inf), footprint=near)
    return mask & (strength >= BORDER_SHARE * largest)


def _pieces(mask, seen, probability) -> np.ndarray:
    """Pieces that are large enough, hold a voxel that is sure, and may be lesion."""
    pieces, count = ndi.label(mask, np.ones((3, 3, 3)))
    if not count:
        return mask
    sizes = np.bincount(pieces.ravel())
    sure = np.zeros(count + 1, bool)
    sure[np.unique(pieces[mask & (seen >= SURE_EVIDENCE)])] = True
    total = np.bincount(pieces.ravel(), weights=probability.ravel().astype(np.float64))
    keep = (sizes >= MIN_CHANGE_MM3) & sure & (total >= MIN_MEAN_PROBABILITY * sizes)
    keep[0] = False
    return keep[pieces]
