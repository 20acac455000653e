"""What a visit brings to a comparison, and how it comes into the common frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import Grid, resample, resample_mask
from mslesion.imaging.threads import together
from mslesion.longitudinal.alignment.common_frame import Frame, find_frame
from mslesion.longitudinal.alignment.deformation import comparable_head
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair, match_intensities
from mslesion.longitudinal.alignment.lesion_placing import place_lesions
from mslesion.schema.label_schemes import OWN_SOURCE

FWHM_PER_SIGMA = 2.3548
SAME_THICKNESS_MM = 0.5
"""Slices whose thickness differs by no more (inclusive) are taken to be equally sharp."""
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
    comparable: np.ndarray
    """(I, J, K) bool: where they can be deformed onto each other."""
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
    one, other = together(
        partial(_place, first, scans[0], frame.grid, frame.to_first),
        partial(_place, second, scans[1], frame.grid, frame.to_second),
    )
    sides = [max(spacing_mm(scan.affine)) for scan in scans]
    seen = one.seen & other.seen
    moved = _equally_sharp([one.scan, other.scan], scans, frame)
    return PlacedPair(
        frame=frame,
        scans=(moved[0], moved[1]),
        anatomies=(one.anatomy, other.anatomy),
        seen=seen,
        comparable=comparable_head(
            one.anatomy, other.anatomy, seen, voxel_mm=spacing_mm(frame.grid.affine)[0]
        ),
        outlined=(one.outlined, other.outlined),
        to_reference=(one.to_reference, other.to_reference),
        thickest_mm=max(sides),
        thickness_gap_mm=abs(sides[0] - sides[1]),
    )


class _PlacedVisit(NamedTuple):
    """One visit in the common frame; the fields as in `PlacedPair`."""

    scan: np.ndarray
    anatomy: np.ndarray
    seen: np.ndarray
    outlined: np.ndarray
    to_reference: np.ndarray


def _place(visit: VisitMaps, scan: PlacedScan, grid: Grid, to: np.ndarray) -> _PlacedVisit:
    """Bring one visit to a grid, whose world points `to` takes to those of the scan."""
    to_reference = np.linalg.inv(scan.from_reference) @ to
    values = resample(scan.data, scan.affine, to=grid, transform=to, order=3)
    has = resample((scan.data > 0).astype(np.float32), scan.affine, to=grid, transform=to)
    anatomy = resample(
        visit.anatomy, visit.anatomy_affine, to=grid, transform=to_reference, order=0
    )
    outlined = np.zeros(grid.shape, np.int32)
    if visit.lesions is not None:
        outlined = place_lesions(
            visit.lesions, visit.lesions_affine, to=grid, transform=to_reference
        )
    return _PlacedVisit(
        # The spline overshoots next to the border of what was scanned
        scan=np.where(has > 0, np.maximum(values, 0), np.float32(0)),
        anatomy=anatomy,
        seen=has >= SEEN,
        outlined=outlined,
        to_reference=to_reference,
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
