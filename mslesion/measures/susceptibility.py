"""Scores of rims and of central veins on susceptibility scans. Neither is validated.

Functions on arrays, for research; the command does not use them,
and no rule of `mslesion.criteria` does: those take what a rater counted.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage as ndi
from skimage.filters import frangi

from mslesion.errors import GeometryError
from mslesion.imaging.grid import min_voxel_count, spacing_mm
from mslesion.imaging.shape import objects

MIN_RIM_VOLUME_MM3 = 100.0
"""Smaller lesions have no rim score; one of exactly this volume has (mslesion)."""
RIM_MM = 1.0
"""The rim reaches this far to both sides of the lesion's border (inclusive; mslesion)."""
CORE_MM = 1.5
"""The core is deeper than this (exclusive; mslesion)."""
OUTSIDE_MM = (2.0, 4.0)
"""White matter around, from and to (both inclusive; mslesion)."""
RIM_OVER_OUTSIDE_MADS, RIM_OVER_CORE_MADS = 1.0, 0.5
"""How far a rim stands out (exclusive), in median absolute deviations of white matter."""
MIN_RIM_COVER = 2 / 3
"""A candidate has a rim in this share of directions or more (inclusive): two thirds of the
edge, as the consensus of raters is recalled (NAIMS 2024; its text was not seen)."""
MIN_VEIN_VOXELS = 27
"""Smaller lesions have no vein score (inclusive bound; lesiontools, centralveins.R)."""
PERMUTATIONS = 1000
"""Random placements of the same vesselness (lesiontools, centralveins.R)."""
VEIN_SIGMAS_MM = (0.5, 1.0)
"""Radii at which veins are looked for: they are under 2 mm wide (NAIMS 2016, recalled)."""
MAX_SPACING_RATIO = 1.25
"""Vesselness needs voxels as long as wide, up to this ratio (inclusive; mslesion)."""

DIRECTIONS = np.array([step for step in product((-1.0, 0.0, 1.0), repeat=3) if any(step)])
"""Towards the 26 neighbours of a voxel."""
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1, keepdims=True)


def score_rims(
    data: np.ndarray,
    affine: np.ndarray,
    *,
    lesions: np.ndarray,
    white: np.ndarray,
    is_bright: bool,
) -> list[dict]:
    """How much of each lesion's border is paramagnetic. Not validated.

    Parameters
    ----------
    data : (I, J, K) array
        Susceptibility map or filtered phase.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    lesions : (I, J, K) int array
        Number of the lesion, 0 outside.
    white : (I, J, K) bool array
        Normal-appearing white matter.
    is_bright : bool
        Whether what is paramagnetic is bright: true for susceptibility maps; for phase it
        depends on the vendor.

    Returns
    -------
    list of dict
        One row per lesion: `lesion_id`, `rim_cover` (share of the directions from its centroid,
        out of 26, in which the border stands out from both core and surroundings),
        `is_rim_candidate` and `reason` where there is no score.

    Notes
    -----
    Veins, cortex and ventricle walls beside a lesion give borders that stand out too.
    """
    signed = data if is_bright else -data
    normal = white & (lesions == 0)
    mad = 0.0
    if normal.any():
        mad = float(np.median(np.abs(signed[normal] - np.median(signed[normal]))))
    least = min_voxel_count(MIN_RIM_VOLUME_MM3, affine)
    rows = []
    for number, _, mask in objects(lesions):
        row = {"lesion_id": number, "rim_cover": None, "is_rim_candidate": None, "reason": ""}
        if np.count_nonzero(mask) < least:
            row["reason"] = f"under {MIN_RIM_VOLUME_MM3:g} mm3"
        elif not mad > 0:
            row["reason"] = "no white matter for comparison"
        else:
            cover = _rim_cover(
                signed, affine, lesions=lesions, number=number, normal=normal, mad=mad
            )
            row["reason"] = "no core or no surrounding white matter" if cover is None else ""
            if cover is not None:
                # Shares of whole directions: 2/3 itself is reached, whatever its last digit
                row |= {"rim_cover": cover, "is_rim_candidate": cover >= MIN_RIM_COVER - 1e-9}
        rows.append(row)
    return rows


def _rim_cover(signed, affine, *, lesions, number, normal, mad) -> float | None:
    """Share of directions with a rim; None without core or surroundings."""
    size = np.array(spacing_mm(affine))
    box = _box(lesions == number, np.ceil(OUTSIDE_MM[1] / size).astype(int) + 1)
    mask, values, around = lesions[box] == number, signed[box], normal[box]
    half = size.min() / 2
    depth = np.where(
        mask,
        half - ndi.distance_transform_edt(mask, sampling=size),
        ndi.distance_transform_edt(~mask, sampling=size) - half,
    )
    own = mask | (lesions[box] == 0)
    core = depth < -CORE_MM
    outside = (depth >= OUTSIDE_MM[0]) & (depth <= OUTSIDE_MM[1]) & around
    if not core.any() or not outside.any():
        return None
    rim = np.argwhere((np.abs(depth) <= RIM_MM) & own)
    points = apply_affine(affine, rim) - apply_affine(affine, np.argwhere(mask)).mean(axis=0)
    sectors = (points @ DIRECTIONS.T).argmax(axis=1)
    levels = values[tuple(rim.T)]
    over = max(
        np.median(values[outside]) + RIM_OVER_OUTSIDE_MADS * mad,
        np.median(values[core]) + RIM_OVER_CORE_MADS * mad,
    )
    there = np.unique(sectors)
    return float(np.mean([levels[sectors == sector].mean() > over for sector in there]))


def score_veins(
    data: np.ndarray,
    affine: np.ndarray,
    *,
    lesions: np.ndarray,
    fluid: np.ndarray,
    seed: int = 0,
) -> list[dict]:
    """How probably a dark vessel runs through the middle of each lesion. Not validated.

    A re-implementation, in outline, of the central vein probability of the R package
    lesiontools: vesselness weighted by depth, against the same vesselness shuffled.

    Parameters
    ----------
    data : (I, J, K) array
        T2*-weighted scan, veins dark, bias field corrected, voxels about as long as wide.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    lesions : (I, J, K) int array
        Number of the lesion, 0 outside; confluent lesions split at their centres.
    fluid : (I, J, K) bool array
        CSF; a lesion that touches it is left out.
    seed : int
        Of the random placements.

    Returns
    -------
    list of dict
        One row per lesion: `lesion_id`, `vein_probability` (share of random placements whose
        vesselness lies less deep) and `reason` where there is none.

    Raises
    ------
    GeometryError
        If voxels are longer than wide.
    """
    size = np.array(spacing_mm(affine))
    if size.max() > MAX_SPACING_RATIO * size.min():
        sizes = "x".join(f"{length:g}" for length in size)
        raise GeometryError(
            f"The T2* scan has voxels of {sizes} mm, but vesselness requires cubic voxels. "
            "Resample it first."
        )
    rng = np.random.default_rng(seed)
    touching = ndi.binary_dilation(fluid, np.ones((3, 3, 3)))
    sigmas = [sigma / size.mean() for sigma in VEIN_SIGMAS_MM]
    rows = []
    for number, place, mask in objects(lesions):
        row = {"lesion_id": number, "vein_probability": None, "reason": ""}
        if np.count_nonzero(mask) < MIN_VEIN_VOXELS:
            row["reason"] = f"under {MIN_VEIN_VOXELS} voxels"
        elif (touching[place] & mask).any():
            row["reason"] = "touches fluid"
        else:
            box = _box(lesions == number, np.full(3, int(np.ceil(4 * max(sigmas))) + 1))
            mask = lesions[box] == number
            vessels = frangi(data[box].astype(float), sigmas=sigmas, black_ridges=True)[mask]
            depth = ndi.distance_transform_edt(mask, sampling=size)[mask]
            row["vein_probability"] = _share_below(vessels, depth, rng)
        rows.append(row)
    return rows


def _share_below(vessels: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> float:
    """Share of shuffles of the vesselness with a smaller sum over the depth."""
    score = vessels @ depth
    shuffled = [rng.permutation(vessels) @ depth for _ in range(PERMUTATIONS)]
    return float(np.mean(np.array(shuffled) < score))


def _box(mask: np.ndarray, pad: Sequence[int]) -> tuple[slice, ...]:
    """The box of a mask with a margin in voxels."""
    (box,) = ndi.find_objects(mask.astype(np.uint8))
    return tuple(
        slice(max(0, part.start - int(n)), part.stop + int(n))
        for part, n in zip(box, pad, strict=True)
    )
