"""Whether two visits show one head, the same way round.

Two heads, laid on each other, have the same lobes and ventricles, but not the same sulci; a head
and its mirror image have more in common, but not their sulci either. One head keeps its own for
years, whatever the scanner. So the detail of the two scans is held against each other, and the
tissues of the two anatomy maps, for the scans may differ in contrast and the maps may err.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.grid import world_mm
from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid, resample, shrink
from mslesion.longitudinal.alignment.common_frame import SAMPLING, Frame, coarser
from mslesion.longitudinal.alignment.placing import SEEN, PlacedScan, VisitMaps, brain_on_scan
from mslesion.schema import structures as s

SPACING_MM = 2.0
"""Voxel size on which the heads are held against each other."""
DETAIL_SIGMA_MM = (1.0, 6.0)
"""Detail is what a scan smoothed by the first has and smoothed by the second has not: sulci,
gyri and the borders of nuclei, but neither noise nor the shading of a coil. Ours."""
DETAIL_PERCENTILES = (1, 99)
"""Brighter and darker voxels are cut off here: vessels and lesions change. Ours."""
TISSUE_OF = np.zeros(1 + max(one.number for one in s.STRUCTURES), np.intp)
"""Fluid 0, grey 1, white 2, by the number of the structure."""
for _structure in s.STRUCTURES:
    TISSUE_OF[_structure.number] = (s.FLUID, s.GREY, s.WHITE).index(_structure.kind)
MIN_COMMON_ML = 20
"""Less of the brain in common (exclusive) tells nothing. Ours."""
DETAIL_SHARE = 0.5
"""Share of the detail in the score; the agreement of the tissues has the rest. Ours."""


@dataclass(frozen=True, slots=True)
class Identity:
    """How alike two heads are; None is what could not be told."""

    score: float | None
    """1 for one head scanned twice without noise, 0 where nothing agrees."""
    mirror_gain: float | None
    """The score with the second visit mirrored, less the score."""


def measure_identity(
    first: VisitMaps, second: VisitMaps, modality: str, *, frame: Frame
) -> Identity:
    """Score of two visits as they are, and what mirroring one of them gains.

    Parameters
    ----------
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.
    frame : Frame
        Where they lie.

    Returns
    -------
    Identity
    """
    one, other = reduced(first, modality), reduced(second, modality)
    grid = coarser(frame.grid, spacing_mm=SPACING_MM)
    placed = _place(one, modality, grid, frame.to_first)
    score = _score(placed, _place(other, modality, grid, frame.to_second))
    if score is None:
        return Identity(None, None)
    turned = mirrored(other)
    fixed, moving = one.scans[modality], turned.scans[modality]
    match = register_rigid(
        np.where(brain_on_scan(one, fixed), fixed.data, 0), fixed.affine,
        np.where(brain_on_scan(turned, moving), moving.data, 0), moving.affine, sampling=SAMPLING,
    )  # fmt: skip
    mirror_score = _score(placed, _place(turned, modality, grid, match.matrix @ frame.to_first))
    return Identity(score, None if mirror_score is None else mirror_score - score)


def reduced(visit: VisitMaps, modality: str) -> VisitMaps:
    """A visit with one scan, on voxels of about `SPACING_MM`, and without lesions.

    Parameters
    ----------
    visit : VisitMaps
        The visit.
    modality : str
        Which scan.

    Returns
    -------
    VisitMaps
    """
    scan = visit.scans[modality]
    data, affine = shrink(scan.data, scan.affine, size_mm=SPACING_MM)
    return replace(
        visit,
        scans={modality: replace(scan, data=data, affine=affine)},
        lesions=None,
        lesions_affine=None,
        probability=None,
    )


def mirrored(visit: VisitMaps) -> VisitMaps:
    """A visit as if its scans were stored mirrored left to right.

    Parameters
    ----------
    visit : VisitMaps
        Without lesions (`reduced`).

    Returns
    -------
    VisitMaps
    """
    flip = np.diag([-1.0, 1, 1, 1])
    middle = world_mm(visit.anatomy_affine, (np.array(visit.anatomy.shape) - 1) / 2)
    flip[0, 3] = 2 * middle[0]
    scans = {}
    for name, scan in visit.scans.items():
        # The reflection in the axes of the reference, seen from those of the scan
        own = scan.from_reference @ flip @ np.linalg.inv(scan.from_reference)
        scans[name] = PlacedScan(scan.data, own @ scan.affine, scan.from_reference)
    return replace(visit, scans=scans, anatomy_affine=flip @ visit.anatomy_affine)


def detail_correlation(
    first: np.ndarray, second: np.ndarray, inside: np.ndarray, *, voxel_mm: float = SPACING_MM
) -> float | None:
    """Correlation of the detail of two scans.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans of one contrast in the common frame.
    inside : (I, J, K) bool array
        The brain at both visits.
    voxel_mm : float
        Side of the voxels.

    Returns
    -------
    float or None
        None where a scan is flat.
    """
    parts = [_detail(scan, inside, voxel_mm) for scan in (first, second)]
    parts = [part - part.mean() for part in parts]
    power = np.sqrt(np.prod([(part**2).sum() for part in parts]))
    return float((parts[0] * parts[1]).sum() / power) if power > 0 else None


def tissue_agreement(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float | None:
    """How far fluid, grey and white matter lie at the same places, beyond chance.

    Parameters
    ----------
    first, second : (I, J, K) int array
        Anatomy maps in the common frame.
    inside : (I, J, K) bool array
        The brain at both visits.

    Returns
    -------
    float or None
        Cohen's kappa: 1 where all voxels agree, 0 for chance. None where there is one
        tissue only.

    References
    ----------
    Cohen 1960, 10.1177/001316446002000104.
    """
    tissues = [TISSUE_OF[anatomy[inside]] for anatomy in (first, second)]
    shares = [np.bincount(tissue, minlength=3) / max(1, tissue.size) for tissue in tissues]
    chance = float((shares[0] * shares[1]).sum())
    if not tissues[0].size or chance >= 1:
        return None
    return (float((tissues[0] == tissues[1]).mean()) - chance) / (1 - chance)


def _place(visit: VisitMaps, modality: str, grid: Grid, to: np.ndarray) -> tuple:
    """Scan, anatomy and what the scan covers, on the frame's grid."""
    scan = visit.scans[modality]
    data = resample(scan.data, scan.affine, to=grid, transform=to)
    has = resample((scan.data > 0).astype(np.float32), scan.affine, to=grid, transform=to)
    anatomy = resample(
        visit.anatomy, visit.anatomy_affine, to=grid,
        transform=np.linalg.inv(scan.from_reference) @ to, order=0,
    )  # fmt: skip
    return data, anatomy, has >= SEEN


def _score(first: tuple, second: tuple) -> float | None:
    """Score of two placed visits; None with too little in common."""
    inside = (first[1] > 0) & (second[1] > 0) & first[2] & second[2]
    if np.count_nonzero(inside) * SPACING_MM**3 < 1000 * MIN_COMMON_ML:
        return None
    detail = detail_correlation(first[0], second[0], inside)
    if detail is None:
        return None
    agreement = tissue_agreement(first[1], second[1], inside)
    if agreement is None:
        return detail
    return DETAIL_SHARE * detail + (1 - DETAIL_SHARE) * agreement


def _detail(scan: np.ndarray, inside: np.ndarray, voxel_mm: float) -> np.ndarray:
    """What a scan shows between the two scales, in the voxels inside."""
    values = np.clip(scan, *np.percentile(scan[inside], DETAIL_PERCENTILES))
    fine, coarse = (_smoothed(values, inside, sigma / voxel_mm) for sigma in DETAIL_SIGMA_MM)
    return (fine - coarse)[inside].astype(np.float64)


def _smoothed(values: np.ndarray, inside: np.ndarray, sigma_voxels: float) -> np.ndarray:
    """Smooth values without those from outside."""
    weight = inside.astype(np.float32)
    total = ndi.gaussian_filter(values.astype(np.float32) * weight, sigma_voxels)
    return total / np.maximum(ndi.gaussian_filter(weight, sigma_voxels), 1e-3)
