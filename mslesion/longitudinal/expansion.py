"""Slowly expanding lesions: candidates, by the local volume change of a deformation.

Candidates, not findings: on real scans an open re-implementation of the same rule found
nearly every second untouched lesion expanding. So copies of the lesions are shifted into white
matter that looks normal, where nothing expands: the noise of the pair, and how many candidates
are expected by chance, are measured there and given beside the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.distance import grown
from mslesion.imaging.shape import objects
from mslesion.longitudinal.alignment.deformation import find_deformation
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair

SEED_PCT_PER_YEAR, GROW_PCT_PER_YEAR = 12.5, 4.0
"""A candidate begins where tissue grows this fast (inclusive) and goes on to where it
grows that fast (inclusive). Elliott 2019, PMID 30566027."""
LESION_STRAIN = 0.3
"""How uneven (mm per mm) the deformation may be that follows single lesions. With the 0.1
of the brain's, 0.45 of the true expansion of lesions of 8 to 10 mm was seen, with this one all
of it; lesions that did not grow stayed below `GROW_PCT_PER_YEAR`."""
MIN_CANDIDATE_VOXELS = 10
"""Smallest candidate (inclusive), of 1 mm³ voxels. Elliott 2019."""
MIN_LESION_MM3 = 100.0
"""Smaller lesions (exclusive) are not assessed: a border error of 0.1 mm is their seed."""
VENTRICLE_MARGIN_MM = 1.0
"""Voxels this near to a ventricle (inclusive) are left out: its widening leaks in."""
MIN_YEARS = 1.0
"""Least time between the visits (inclusive). Trials used two years."""
NOISE_SHIFTS_MM = (8, 16, 24)
"""How far copies of the lesions are shifted, along each axis and both ways, to measure
what is found where nothing expands."""
MIN_NORMAL_SHARE = 0.9
"""A copy counts if this share of it (inclusive) is white matter that looks normal."""
HUBER_SPREADS = 1.345
"""Residuals beyond this many spreads weigh less (95 % efficiency for normal errors)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A slowly expanding lesion candidate."""

    lesion_id: int
    """Lesion of the first visit."""
    volume_mm3: float
    rate_pct_per_year: float
    """Mean rate of local volume change."""
    concentricity: float | None
    """How much faster (%/y per mm) tissue grows towards the middle; None if it is one
    shell deep."""
    voxels: np.ndarray
    """(N, 3) voxels in the common frame."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """Candidates of a pair, and its noise."""

    candidates: tuple[Candidate, ...]
    noise_p95_pct_per_year: float | None
    """95th percentile of the mean rate of shifted copies, not below 0; None without room for
    them."""
    expected_by_chance: float | None
    """Candidates that the same rule finds in as many lesions where nothing expands; None
    without room for them."""
    assessed_count: int
    """Lesions that were assessed."""

    @property
    def volume_ml(self) -> float:
        """Volume of all candidates."""
        return sum(one.volume_mm3 for one in self.candidates) / 1000


def local_volume_ratio(pair: MatchedPair, *, inside: np.ndarray) -> np.ndarray:
    """Local volume change, by a deformation that is loose enough to follow single lesions.

    Parameters
    ----------
    pair : MatchedPair
        Scans of both visits in the common frame, 1 mm voxels.
    inside : (I, J, K) bool array
        Where they can be compared.

    Returns
    -------
    (I, J, K) float32 array
        Volume at the second visit divided by that at the first.

    Raises
    ------
    StepError
        If there is nothing to compare.
    """
    found = find_deformation(
        pair.first, pair.second, inside=inside, noise=pair.noise, strain=LESION_STRAIN
    )
    return found.volume_ratio


def find_expansion(
    lesions: np.ndarray,
    *,
    volume_ratio: np.ndarray,
    years: float,
    ventricles: np.ndarray,
    normal_white: np.ndarray,
) -> Expansion:
    """Candidates for slow expansion between two visits.

    Parameters
    ----------
    lesions : (I, J, K) int array
        Lesions of the first visit, in the common frame of 1 mm voxels.
    volume_ratio : (I, J, K) array
        Local volume at the second visit divided by that at the first.
    years : float
        Time between the visits, `MIN_YEARS` or more.
    ventricles : (I, J, K) bool array
        Ventricles of either visit.
    normal_white : (I, J, K) bool array
        White matter away from lesions.

    Returns
    -------
    Expansion

    References
    ----------
    Elliott et al. 2019, 10.1177/1352458518814117.
    """
    rate = 100 * (volume_ratio.astype(np.float64) - 1) / years
    far = ~grown(ventricles, (1, 1, 1), by_mm=VENTRICLE_MARGIN_MM)
    candidates, assessed = [], []
    for number, box, mask in objects(lesions):
        if np.count_nonzero(mask) < MIN_LESION_MM3:
            continue
        assessed.append((box, mask))
        usable = mask & far[box]
        candidates += [
            _candidate(number, piece, rate[box], box) for piece in _pieces(rate[box], usable)
        ]
    copies = [_shifted_copies(rate, box, mask, normal=normal_white & far) for box, mask in assessed]
    return Expansion(tuple(candidates), _noise(copies), _by_chance(copies), len(assessed))


def constancy(years: Sequence[float], expansions_pct: Sequence[float]) -> float | None:
    """How far a candidate is from expanding evenly.

    Parameters
    ----------
    years : sequence of float
        Time of each later visit since the first.
    expansions_pct : sequence of float
        The candidate's expansion from the first visit to each.

    Returns
    -------
    float or None
        Mean squared residual of a robust line through the origin, by the mean square of
        the expansions: 0 is even expansion. None with fewer than two later visits, or without
        expansion.
    """
    t, y = np.asarray(years, float), np.asarray(expansions_pct, float)
    power = float(np.mean(y**2)) if len(y) else 0.0
    if len(t) < 2 or power == 0:
        return None
    slope = _huber(t[:, None], y)[0]
    return float(np.mean((y - slope * t) ** 2)) / power


def _pieces(rate: np.ndarray, usable: np.ndarray) -> list[np.ndarray]:
    """Each seed with what hangs on it; seeds that meet stay separate."""
    neighbours = ndi.generate_binary_structure(3, 2)
    seeds, count = ndi.label(usable & (rate >= SEED_PCT_PER_YEAR), neighbours)
    if not count:
        return []
    room = usable & (rate >= GROW_PCT_PER_YEAR)
    owners = seeds
    while True:  # one voxel a round; where two meet, the seed of the lower number takes it
        highest = np.where(owners == 0, count + 1, owners)
        spread = ndi.grey_erosion(highest, footprint=neighbours, mode="nearest")
        grown = np.where(room & (owners == 0) & (spread <= count), spread, owners)
        if np.array_equal(grown, owners):
            break
        owners = grown
    sizes = np.bincount(owners.ravel(), minlength=count + 1)
    return [owners == n for n in range(1, count + 1) if sizes[n] >= MIN_CANDIDATE_VOXELS]


def _candidate(number: int, piece: np.ndarray, rate: np.ndarray, box) -> Candidate:
    """One candidate's measures."""
    depth = ndi.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1, 1:-1]
    shells = np.ceil(depth[piece] - 1e-9)
    values = rate[piece]
    concentricity = None
    if shells.max() > 1:
        levels = np.unique(shells)
        means = np.array([values[shells == level].mean() for level in levels])
        concentricity = float(_huber(np.column_stack([levels, np.ones(len(levels))]), means)[0])
    return Candidate(
        lesion_id=number,
        volume_mm3=float(np.count_nonzero(piece)),
        rate_pct_per_year=float(values.mean()),
        concentricity=concentricity,
        voxels=np.argwhere(piece) + [part.start for part in box],
    )


def _shifted_copies(
    rate: np.ndarray, box: tuple[slice, ...], mask: np.ndarray, *, normal: np.ndarray
) -> list[tuple[float, int]]:
    """Mean rate, and number of candidates, of a lesion's copies in normal white matter."""
    found = []
    for axis in range(3):
        for distance in NOISE_SHIFTS_MM:
            for sign in (-1, 1):
                moved = list(box)
                start = box[axis].start + sign * distance
                moved[axis] = slice(start, start + mask.shape[axis])
                if start < 0 or moved[axis].stop > rate.shape[axis]:
                    continue
                there = mask & normal[tuple(moved)]
                if np.count_nonzero(there) >= MIN_NORMAL_SHARE * np.count_nonzero(mask):
                    values = rate[tuple(moved)]
                    found.append((float(values[there].mean()), len(_pieces(values, there))))
    return found


def _noise(copies: list[list[tuple[float, int]]]) -> float | None:
    """95th percentile of the mean rates. Tissue that shrinks everywhere sets no floor below 0."""
    means = [mean for of_lesion in copies for mean, _ in of_lesion]
    return max(0.0, float(np.percentile(means, 95))) if means else None


def _by_chance(copies: list[list[tuple[float, int]]]) -> float | None:
    """Sum over the lesions of the mean count of their copies.

    Where a lesion has no room for copies, the mean of the other lesions stands for it.
    """
    counts = [np.mean([count for _, count in of_lesion]) for of_lesion in copies if of_lesion]
    return float(np.mean(counts)) * len(copies) if counts else None


def _huber(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Robust regression by reweighting."""
    weights = np.ones(len(values))
    for _ in range(30):
        root = np.sqrt(weights)
        beta = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        residuals = np.abs(values - design @ beta)
        spread = 1.4826 * float(np.median(residuals))
        if spread <= 1e-12:
            break
        weights = np.minimum(1, HUBER_SPREADS * spread / np.maximum(residuals, 1e-12))
    return beta
