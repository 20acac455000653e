"""Single lesions: which voxels of a lesion mask belong to one lesion.

Two ways of counting: connected components, and the centres of confluent lesions,
found where the lesion probability curves down in every direction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import MaskError, SettingsError
from mslesion.imaging.grid import min_voxel_count, spacing_mm, voxel_volume_mm3, world_mm
from mslesion.imaging.shape import longest_distance_mm, objects

FACES, EDGES, CORNERS = 1, 2, 3
"""Connectivity: neighbours across faces (6), edges too (18), corners too (26)."""

CENTER_SIGMA_MM = 1.0
"""Width of the Gaussian derivatives that find centres; also of the smoothing of a
binary mask. Chosen on phantoms: `docs/methods.md`."""
MIN_CENTER_MM3 = 10.0
"""Centres smaller than this are dropped (inclusive). Dworkin 2018: 10 voxels of 1 mm³."""
MAX_CENTER_SPACING_MM = 2.0
"""On voxels longer than this (exclusive) centres are not assessable."""


class MinSize(NamedTuple):
    """The minimum lesion size; all three conditions are inclusive."""

    volume_mm3: float = 0.0
    voxels: int = 1
    long_axis_mm: float = 0.0
    source: str = ""


MIN_SIZES: Mapping[str, MinSize] = MappingProxyType(
    {
        "clinical3mm": MinSize(long_axis_mm=3.0, source="McDonald and MAGNIMS reading practice"),
        "msseg": MinSize(volume_mm3=3.0, source="MSSEG 2016 evaluation (Anima)"),
        "lesvoloc": MinSize(volume_mm3=6.0, source="Lesion-volumetry-and-location: over 5 mm³"),
        "pennsive_cc": MinSize(voxels=27, source="PennSIVE lesion_count.R"),
        "dworkin": MinSize(volume_mm3=20.0, source="Dworkin 2018, PMC5895493"),
        "prl": MinSize(voxels=101, source="APRL, PennSIVE label_code.R: over 100 voxels"),
        "sel": MinSize(voxels=10, source="Elliott 2019, PMID 30566027"),
        "all": MinSize(source="every voxel"),
    }
)
"""Named rules of the minimum lesion size."""
DEFAULT_MIN_SIZE = "clinical3mm"


@dataclass(frozen=True, slots=True)
class LesionMap:
    """Single lesions on a grid."""

    labels: np.ndarray
    """(I, J, K) int32: 0 outside, 1..count in the lesions, without gaps."""
    affine: np.ndarray
    """(4, 4) voxel-to-world matrix in mm."""
    count: int
    parts: np.ndarray | None
    """(I, J, K) int32: lesions split at their centres, 1..n; None if not assessable."""
    center_counts: np.ndarray | None
    """(count,) centres of each lesion, at least 1; None if not assessable."""
    unfiltered_volume_mm3: float
    """Volume of the mask before small components were dropped."""

    @property
    def mask(self) -> np.ndarray:
        """(I, J, K) bool: the lesions that count."""
        return self.labels > 0

    @property
    def center_count(self) -> int | None:
        """Lesions when confluent ones are split; None if not assessable."""
        return None if self.center_counts is None else int(self.center_counts.sum())


def find_lesions(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    probability: np.ndarray | None = None,
    min_size: str = DEFAULT_MIN_SIZE,
    connectivity: int = CORNERS,
) -> LesionMap:
    """Split a lesion mask into single lesions.

    Parameters
    ----------
    mask : (I, J, K) bool array
        True inside lesions. An empty mask is valid and gives no lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    probability : (I, J, K) array, optional
        Lesion probability (0 to 1); without it the mask, smoothed, stands for it when
        centres are looked for.
    min_size : str
        One of `MIN_SIZES`; components below it are dropped.
    connectivity : {1, 2, 3}
        Which neighbours touch: faces; edges too; corners too.

    Returns
    -------
    LesionMap

    Raises
    ------
    MaskError
        If the mask is not boolean.
    SettingsError
        If `min_size` is not known.

    Examples
    --------
    >>> mask = np.zeros((9, 9, 9), bool)
    >>> mask[1:4, 1:4, 1:4] = mask[4, 4, 4] = mask[7, 7, 7] = True
    >>> find_lesions(mask, np.eye(4)).count
    1
    """
    if mask.dtype != bool:
        raise MaskError(
            f"The lesion mask has type {mask.dtype}, but bool is expected. Threshold a "
            "probability map yourself, so that the threshold is part of your own code."
        )
    labels = label_lesions(mask, affine, min_size=min_size, connectivity=connectivity)
    count = int(labels.max(initial=0))
    parts, center_counts = split_at_centers(labels, affine, probability=probability)
    unfiltered = float(np.count_nonzero(mask)) * voxel_volume_mm3(affine)
    return LesionMap(labels, affine, count, parts, center_counts, unfiltered)


def label_lesions(
    mask: np.ndarray, affine: np.ndarray, *, min_size: str, connectivity: int = CORNERS
) -> np.ndarray:
    """Number the components of a mask that are large enough.

    Parameters
    ----------
    mask : (I, J, K) bool array
        True inside lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    min_size, connectivity
        As for `find_lesions`.

    Returns
    -------
    (I, J, K) int32 array
        0 outside, 1..n in the lesions, without gaps.

    Raises
    ------
    SettingsError
        If `min_size` is not known.
    """
    if min_size not in MIN_SIZES:
        raise SettingsError(
            f"min_size is {min_size!r}, but it can be {', '.join(MIN_SIZES)}. Choose one of them."
        )
    labels, _ = ndi.label(mask, ndi.generate_binary_structure(3, connectivity))
    return _drop_small(labels, affine, MIN_SIZES[min_size])


def split_at_centers(
    labels: np.ndarray, affine: np.ndarray, *, probability: np.ndarray | None = None
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Split confluent lesions at their centres.

    A centre is a piece of a lesion of 10 mm³ or more in which all three curvatures of
    the probability map are negative; the other voxels go to the nearest centre of
    their lesion. A lesion with one centre or none stays whole.

    Parameters
    ----------
    labels : (I, J, K) int array
        0 outside, 1..n in the lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    probability : (I, J, K) array, optional
        Lesion probability; without it the mask is smoothed.

    Returns
    -------
    parts : (I, J, K) int32 array or None
        1..m in the parts; None where a voxel is longer than `MAX_CENTER_SPACING_MM`.
    center_counts : (n,) int array or None
        Parts of each lesion, at least 1.

    References
    ----------
    Dworkin et al. 2018, AJNR 39:626, PMC5895493.
    """
    spacing = np.array(spacing_mm(affine))
    if spacing.max() > MAX_CENTER_SPACING_MM:
        return None, None
    sigma = CENTER_SIGMA_MM / spacing
    least = min_voxel_count(MIN_CENTER_MM3, affine)
    reach = [int(np.ceil(6 * s)) for s in sigma]
    parts = np.zeros(labels.shape, np.int32)
    counts, total = [], 0
    for number, box, _ in objects(labels):
        wide = tuple(
            slice(max(0, s.start - r), min(n, s.stop + r))
            for s, r, n in zip(box, reach, labels.shape, strict=True)
        )
        mask = labels[wide] == number
        if probability is None:
            field = ndi.gaussian_filter(mask.astype(np.float64), sigma, mode="constant")
        else:
            # Other lesions in the box must not pull the centres of this one
            others = (labels[wide] > 0) & ~mask
            field = np.where(others, 0, probability[wide]).astype(np.float64)
        centers, found = ndi.label(
            mask & _all_curved_down(field, sigma, spacing), np.ones((3,) * 3)
        )
        sizes = np.bincount(centers.ravel(), minlength=found + 1)
        kept = [c for c in range(1, found + 1) if sizes[c] >= least]
        if len(kept) <= 1:
            parts[wide][mask] = total + 1
            counts.append(1)
            total += 1
            continue
        renumber = np.zeros(found + 1, np.int32)
        renumber[kept] = np.arange(1, len(kept) + 1)
        centers = renumber[centers]
        nearest = ndi.distance_transform_edt(
            centers == 0, sampling=spacing, return_distances=False, return_indices=True
        )
        parts[wide][mask] = total + centers[tuple(nearest)][mask]
        counts.append(len(kept))
        total += len(kept)
    return parts, np.array(counts, int)


def _all_curved_down(field: np.ndarray, sigma: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Where all eigenvalues of the Hessian (per mm²) are negative."""
    hessian = np.empty((*field.shape, 3, 3))
    for a in range(3):
        for b in range(a, 3):
            order = [0, 0, 0]
            order[a] += 1
            order[b] += 1
            second = ndi.gaussian_filter(field, sigma, order=order, mode="constant")
            hessian[..., a, b] = hessian[..., b, a] = second / (spacing[a] * spacing[b])
    return np.linalg.eigvalsh(hessian)[..., 2] < 0


def _drop_small(labels: np.ndarray, affine: np.ndarray, least: MinSize) -> np.ndarray:
    """Renumbered labels of the components that are large enough."""
    sizes = np.bincount(labels.ravel())
    voxels = max(least.voxels, min_voxel_count(least.volume_mm3, affine))
    keep = sizes >= voxels
    keep[0] = False
    if least.long_axis_mm > 0:
        width = float(np.mean(spacing_mm(affine)))
        for number, box, mask in objects(labels):
            if keep[number]:
                points = world_mm(affine, np.argwhere(mask) + [s.start for s in box])
                longest = longest_distance_mm(points) + width
                keep[number] = longest >= least.long_axis_mm - 1e-6
    renumber = np.zeros(len(sizes), np.int32)
    renumber[keep] = np.arange(1, np.count_nonzero(keep) + 1)
    return renumber[labels]


def assign_lesions(
    mask: np.ndarray,
    outlined: np.ndarray,
    *,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> np.ndarray:
    """Numbers of a lesion mask by those of an outlined one.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Lesion voxels.
    outlined : (I, J, K) int array
        Lesions with numbers; their borders may lie elsewhere.
    spacing_mm : tuple of float, shape (3,)
        Voxel sides, for what is nearest.

    Returns
    -------
    (I, J, K) int32 array
        Each piece of the mask goes to the outlined lesions in it, each voxel to the
        nearest of them; pieces without any get numbers above theirs.
    """
    out = np.zeros(mask.shape, np.int32)
    pieces, _ = ndi.label(mask, np.ones((3, 3, 3)))
    following = int(outlined.max(initial=0))
    for number, box in enumerate(ndi.find_objects(pieces), start=1):
        piece = pieces[box] == number
        inside = np.where(piece, outlined[box], 0)
        found = np.unique(inside[inside > 0])
        if len(found) > 1:
            place = ndi.distance_transform_edt(
                inside == 0, sampling=spacing_mm, return_distances=False, return_indices=True
            )
            out[box][piece] = inside[tuple(axis[piece] for axis in place)]
            continue
        if not len(found):
            following += 1
        out[box][piece] = found[0] if len(found) else following
    return out
