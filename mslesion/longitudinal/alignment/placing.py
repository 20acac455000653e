"""What a visit brings to a comparison, and how it comes into the common frame."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import product

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy import ndimage as ndi

from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import Grid, resample, resample_mask
from mslesion.longitudinal.alignment.common_frame import Frame, find_frame
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair, match_intensities
from mslesion.schema.label_schemes import OWN_SOURCE

FWHM_PER_SIGMA = 2.3548
SAME_THICKNESS_MM = 0.5
"""Slices whose thickness differs by no more (inclusive) are taken to be equally sharp."""
DEPTH_MM = 4.0
"""Distances from a lesion are followed this far outside."""
SEEN = 0.99
"""A voxel whose surroundings had at least this share of values is seen."""


@dataclass(frozen=True, slots=True)
class PlacedScan:
    """A scan on its own grid, and where it lies to its visit's reference."""

    data: np.ndarray
    affine: np.ndarray
    from_reference: np.ndarray = field(default_factory=lambda: np.eye(4))
    """(4, 4) from world points of the visit's reference to those of this scan, in mm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitMaps:
    """One visit, segmented."""

    scans: Mapping[str, PlacedScan]
    """By modality."""
    anatomy: np.ndarray
    """(I, J, K) int: numbers of `STRUCTURES`, best on about 1 mm voxels."""
    anatomy_affine: np.ndarray
    lesions: np.ndarray | None = None
    """(I, J, K) int: single lesions on the reference's grid; None if not assessable."""
    lesions_affine: np.ndarray | None = None
    probability: np.ndarray | None = None
    """(I, J, K) lesion probability on the grid of `lesions`; None for a given mask."""
    session: str = ""
    day: date | None = None
    scanner_id: str = ""
    flair_dim: str = ""
    """ "2D" or "3D"; empty if not known. """
    sees_skull: bool | None = None
    anatomy_source: str = OWN_SOURCE
    """What named the structures, as in the column of the visit table."""
    locations: Mapping[int, str] = field(default_factory=dict)
    """Location class of each lesion, by its number."""


@dataclass(frozen=True, slots=True)
class PlacedPair:
    """One modality of both visits in its common frame."""

    frame: Frame
    scans: tuple[np.ndarray, np.ndarray]
    anatomies: tuple[np.ndarray, np.ndarray]
    seen: np.ndarray
    """(I, J, K) bool: where both scans have values."""
    outlined: tuple[np.ndarray, np.ndarray]
    """(I, J, K) int: lesions of each visit; 0 everywhere where they are not assessable."""
    to_reference: tuple[np.ndarray, np.ndarray]
    """(4, 4) from world points of the frame to those of each visit's reference, in mm."""
    thickest_mm: float
    """Longest voxel side of both scans."""
    thickness_gap_mm: float

    @property
    def lesions(self) -> np.ndarray:
        """(I, J, K) bool: lesion at either visit."""
        return (self.outlined[0] > 0) | (self.outlined[1] > 0)

    @property
    def brain(self) -> np.ndarray:
        """(I, J, K) bool: in the outline of the brain at both visits, and in both scans."""
        return (self.anatomies[0] > 0) & (self.anatomies[1] > 0) & self.seen


def register_visits(first: VisitMaps, second: VisitMaps, modality: str) -> Frame:
    """The common frame of two visits by one of their scans.

    Parameters
    ----------
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.

    Returns
    -------
    Frame
    """
    scans = [visit.scans[modality] for visit in (first, second)]
    brains = [brain_on_scan(*one) for one in zip((first, second), scans, strict=True)]
    return find_frame(
        scans[0].data, scans[0].affine, scans[1].data, scans[1].affine,
        first_brain=brains[0], second_brain=brains[1],
    )  # fmt: skip


def brain_on_scan(visit: VisitMaps, scan: PlacedScan) -> np.ndarray:
    """The outline of a visit's brain on the grid of one of its scans.

    Parameters
    ----------
    visit : VisitMaps
        The visit.
    scan : PlacedScan
        The scan.

    Returns
    -------
    bool array of shape ``scan.data.shape``
    """
    return resample_mask(
        visit.anatomy > 0,
        visit.anatomy_affine,
        to=Grid(scan.data.shape, scan.affine),
        transform=np.linalg.inv(scan.from_reference),
    )


def place_pair(first: VisitMaps, second: VisitMaps, modality: str, frame: Frame) -> PlacedPair:
    """Bring one modality of two visits into their common frame, each interpolated once.

    Parameters
    ----------
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.
    frame : Frame
        Where they lie; its grid may have any isotropic voxels.

    Returns
    -------
    PlacedPair
    """
    scans = [visit.scans[modality] for visit in (first, second)]
    moved, anatomies, views, outlined, to_references = [], [], [], [], []
    for visit, scan, to in zip(
        (first, second), scans, (frame.to_first, frame.to_second), strict=True
    ):
        to_reference = np.linalg.inv(scan.from_reference) @ to
        values = resample(scan.data, scan.affine, to=frame.grid, transform=to, order=3)
        has = resample((scan.data > 0).astype(np.float32), scan.affine, to=frame.grid, transform=to)
        views.append(has >= SEEN)
        # The spline overshoots next to the border of what was scanned
        moved.append(np.where(has > 0, np.maximum(values, 0), 0).astype(np.float32))
        anatomies.append(
            resample(
                visit.anatomy,
                visit.anatomy_affine,
                to=frame.grid,
                transform=to_reference,
                order=0,
            )
        )
        outlined.append(place_lesions(visit, frame.grid, to_reference))
        to_references.append(to_reference)
    sides = [max(spacing_mm(scan.affine)) for scan in scans]
    moved = _equally_sharp(moved, scans, frame)
    return PlacedPair(
        frame=frame,
        scans=(moved[0], moved[1]),
        anatomies=(anatomies[0], anatomies[1]),
        seen=views[0] & views[1],
        outlined=(outlined[0], outlined[1]),
        to_reference=(to_references[0], to_references[1]),
        thickest_mm=max(sides),
        thickness_gap_mm=abs(sides[0] - sides[1]),
    )


def match_placed(place: PlacedPair) -> MatchedPair:
    """Both scans of a frame on one scale.

    Parameters
    ----------
    place : PlacedPair
        On isotropic voxels.

    Returns
    -------
    MatchedPair

    Raises
    ------
    StepError
        If a tissue is missing in both.
    """
    return match_intensities(
        *place.scans,
        first_anatomy=place.anatomies[0],
        second_anatomy=place.anatomies[1],
        excluded=place.lesions,
        voxel_mm=spacing_mm(place.frame.grid.affine)[0],
    )


def _equally_sharp(moved, scans, frame: Frame) -> list[np.ndarray]:
    """Smooth the scan of the thinner slices across the slices of the other."""
    from_frame = frame.to_first, frame.to_second
    sides = [max(spacing_mm(scan.affine)) for scan in scans]
    if abs(sides[0] - sides[1]) <= SAME_THICKNESS_MM:
        return moved
    thin = int(np.argmin(sides))
    thick = scans[1 - thin]
    normal = thick.affine[:3, int(np.argmax(spacing_mm(thick.affine)))]
    axis = int(np.argmax(np.abs(np.linalg.inv(from_frame[1 - thin])[:3, :3] @ normal)))
    sigma = np.sqrt(max(sides) ** 2 - min(sides) ** 2) / FWHM_PER_SIGMA
    out = list(moved)
    out[thin] = ndi.gaussian_filter1d(
        moved[thin], sigma / spacing_mm(frame.grid.affine)[axis], axis=axis
    )
    return out


def place_lesions(visit: VisitMaps, grid: Grid, to_reference: np.ndarray) -> np.ndarray:
    """Lesions of a visit in the common frame, their borders kept where they were.

    Parameters
    ----------
    visit : VisitMaps
        The visit.
    grid : Grid
        The frame's grid.
    to_reference : (4, 4) array
        From world points of the frame to those of the visit's reference, in mm.

    Returns
    -------
    int32 array of shape ``grid.shape``
        0 everywhere if the visit's lesions are not assessable. A lesion too thin for the
        linear border keeps its nearest voxels.
    """
    out = np.zeros(grid.shape, np.int32)
    if visit.lesions is None or not visit.lesions.any():
        return out
    reach = [math.ceil(DEPTH_MM / side) + 1 for side in spacing_mm(visit.lesions_affine)]
    labels, start = _cut_out(visit.lesions.astype(np.int32), reach)
    affine = visit.lesions_affine @ from_matvec(np.eye(3), start)
    there = _part_around(grid, labels.shape, np.linalg.inv(to_reference) @ affine)
    if there is None:
        return out
    part = Grid(
        tuple(one.stop - one.start for one in there),
        grid.affine @ from_matvec(np.eye(3), [one.start for one in there]),
    )
    out[there] = _place_labels(labels, affine, to=part, transform=to_reference)
    return out


def _cut_out(labels: np.ndarray, margin: list[int]) -> tuple[np.ndarray, list[int]]:
    """The box around labels with a margin, 0 beyond the array, and its first voxel there."""
    box = ndi.find_objects((labels > 0).astype(np.uint8))[0]
    start = [part.start - n for part, n in zip(box, margin, strict=True)]
    return np.pad(labels[box], [(n, n) for n in margin]), start


def _part_around(grid: Grid, shape: tuple, to_grid: np.ndarray) -> tuple[slice, ...] | None:
    """The part of a grid that an array lies in, given its way to the grid's world points."""
    corners = np.array(list(product(*((-1, n) for n in shape))))
    voxels = apply_affine(np.linalg.inv(grid.affine) @ to_grid, corners)
    low = np.clip(np.floor(voxels.min(axis=0)), 0, grid.shape).astype(int)
    high = np.clip(np.ceil(voxels.max(axis=0)) + 1, 0, grid.shape).astype(int)
    if (low >= high).any():
        return None
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _place_labels(
    labels: np.ndarray, affine: np.ndarray, *, to: Grid, transform: np.ndarray
) -> np.ndarray:
    """Lesions on another grid, by the depth of each place in the mask of all of them."""
    out = np.zeros(to.shape, np.int32)
    depth = _signed_distance(labels > 0, spacing_mm(affine))
    mask = resample(depth, affine, to=to, transform=transform, order=3) >= DEPTH_MM
    nearest = resample(labels, affine, to=to, transform=transform, order=0)
    if nearest.any():
        place = ndi.distance_transform_edt(
            nearest == 0, return_distances=False, return_indices=True
        )
        out[mask] = nearest[tuple(axis[mask] for axis in place)]
    is_missing = np.bincount(out.ravel(), minlength=int(labels.max()) + 1) == 0
    is_missing[0] = False
    restored = is_missing[nearest] & (out == 0)
    out[restored] = nearest[restored]
    return out


def _signed_distance(mask: np.ndarray, spacing: tuple) -> np.ndarray:
    """Distance into a mask plus `DEPTH_MM`, cut off at 0 outside.

    Its cubic interpolation keeps the volume of small balls (to 1 % at 8 mm); linear
    interpolation of the mask takes 2 % off there.
    """
    inside = ndi.distance_transform_edt(mask, sampling=spacing)
    outside = ndi.distance_transform_edt(~mask, sampling=spacing)
    return np.maximum(inside - outside + DEPTH_MM, 0).astype(np.float32)


def place_probability(visit: VisitMaps, grid: Grid, to_reference: np.ndarray) -> np.ndarray:
    """Lesion probability of a visit in the common frame; of a given mask, its own.

    Parameters
    ----------
    visit : VisitMaps
        With lesions.
    grid : Grid
        The frame's grid.
    to_reference : (4, 4) array
        From world points of the frame to those of the visit's reference, in mm.

    Returns
    -------
    float32 array of shape ``grid.shape``
    """
    source = visit.probability
    if source is None:
        source = visit.lesions > 0
    return resample(
        source.astype(np.float32), visit.lesions_affine, to=grid, transform=to_reference
    )


def labels_on_grid(
    labels: np.ndarray, affine: np.ndarray, *, to: Grid, transform: np.ndarray
) -> np.ndarray:
    """A label map on another grid: the label of the largest share wins.

    Parameters
    ----------
    labels : (I, J, K) int array
        Few labels, 0 outside.
    affine : (4, 4) array
        Its voxel-to-world matrix.
    to : Grid
        Grid of the result.
    transform : (4, 4) array
        From world points of `to` to world points of the labels, in mm.

    Returns
    -------
    uint8 array of shape ``to.shape``
    """
    out = np.zeros(to.shape, np.uint8)
    best = np.zeros(to.shape, np.float32)
    rest = np.ones(to.shape, np.float32)
    for value in np.unique(labels[labels > 0]):
        share = resample((labels == value).astype(np.float32), affine, to=to, transform=transform)
        out[share > best] = value
        best = np.maximum(best, share)
        rest -= share
    out[rest > best] = 0
    return out
