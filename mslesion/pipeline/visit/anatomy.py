"""The anatomy of a visit: as our network found it, or placed from a given label map."""

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from nibabel.affines import apply_affine

from mslesion.errors import MaskError
from mslesion.imaging.grid import is_same_grid
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.schema.label_schemes import GIVEN_SOURCE, OWN_SOURCE
from mslesion.segmentation.anatomy.label_maps import (
    AUTO,
    fill_sulci,
    reaches_skull,
    recognise_scheme,
    to_structures,
)
from mslesion.segmentation.anatomy.maps import to_scan_grid

ON_OTHER_GRID = "anatomy_on_another_grid"
"""Named warning: a given label map lies on the grid of no scan of the visit; it was taken to lie
in the space of the scan in which its structures fit best."""
IN_SPACE_OF = "anatomy_in_space_of_{}"
"""Named warning beside it, where that is not the scan that the results lie on."""
FAR_MM, MIN_LEAD = 3.0, 0.02
"""A map is refused if two spaces further apart than this (exclusive, mean over the map's corners)
fit it about as well: `signal_share` of the better one leads by less than this (exclusive). On
eight T1w of 2 mm, labels in their place lead by 0.16 or more over the same 3 mm aside."""
MAX_POINTS = 200_000
"""Voxels of the map that are looked at, evenly spread."""
ANATOMY_SHIFTED = "anatomy_shifted"
"""Named warning: a given label map lies up to a tenth of a voxel away from the scan on whose grid
it is."""


class LabelMap(NamedTuple):
    """A given label map."""

    labels: np.ndarray
    """(I, J, K) whole numbers, axes closest to RAS+."""
    affine: np.ndarray
    """(4, 4) voxel-to-world matrix in mm."""
    name: str = "The given anatomy"
    """What it is called in errors, such as its path."""


@dataclass(frozen=True, slots=True)
class VisitAnatomy:
    """The structures of a visit's head."""

    native: np.ndarray
    """(I, J, K) uint8 on the reference's own grid, numbers of `STRUCTURES`."""
    working: np.ndarray
    """The same on the 1 mm grid."""
    source: str = OWN_SOURCE
    """Column ``anatomy_source``: `OWN_SOURCE`, or `GIVEN_SOURCE` and the scheme."""
    reaches_skull: bool = True
    """Whether the CSF around the brain is in it; else only that between the gyri."""
    warnings: tuple[str, ...] = ()
    """Named warnings."""
    name: str = ""
    """What a given map is called in errors."""


def own_anatomy(working: np.ndarray, *, prepared: Prepared) -> VisitAnatomy:
    """The anatomy that our network found.

    Parameters
    ----------
    working : (I, J, K) uint8 array
        Its map on the 1 mm grid.
    prepared : Prepared
        The visit's scans.

    Returns
    -------
    VisitAnatomy
    """
    native = to_scan_grid(working, prepared.working_grid.affine, to=prepared.grid)
    return VisitAnatomy(native, working)


def place_anatomy(label_map: LabelMap, *, scheme: str = AUTO, prepared: Prepared) -> VisitAnatomy:
    """A given label map, on the grids of a visit.

    A map on the grid of one of the visit's scans moves with that scan. Any other one is
    taken to lie in the world space of the scan in which its structures share the signal of the
    reference best, which named warnings say. Each structure is resampled by itself
    (`to_scan_grid`).

    Parameters
    ----------
    label_map : LabelMap
        The map.
    scheme : str
        Whose numbers the labels are, as for `to_structures`.
    prepared : Prepared
        The visit's scans.

    Returns
    -------
    VisitAnatomy
        Its sulci filled with CSF where the map does not reach the skull.

    Raises
    ------
    MaskError
        If the labels are not those of the scheme, or if the map lies on the grid of no scan and
        fits two spaces about as well.
    SettingsError
        If there is no such scheme.
    """
    labels, affine, name = label_map
    if scheme == AUTO:
        scheme = recognise_scheme(labels, name=name)
    structures = to_structures(labels, scheme, name=name)
    transform, warnings = _way_to(structures, affine, prepared, name=name)
    maps = [
        to_scan_grid(structures, affine, to=grid, transform=transform)
        for grid in (prepared.grid, prepared.working_grid)
    ]
    reaches = reaches_skull(structures)
    if not reaches:
        maps = [
            fill_sulci(one, grid.affine)
            for one, grid in zip(maps, (prepared.grid, prepared.working_grid), strict=True)
        ]
    return VisitAnatomy(*maps, f"{GIVEN_SOURCE}{scheme}", reaches, warnings, name)


def signal_share(
    structures: np.ndarray, affine: np.ndarray, *, prepared: Prepared, transform: np.ndarray
) -> float:
    """How much of the signal's variance an anatomy map explains where it is taken to lie.

    Parameters
    ----------
    structures : (I, J, K) uint8 array
        The map, 0 outside the head.
    affine : (4, 4) array
        Its voxel-to-world matrix in mm.
    prepared : Prepared
        The visit; the signal is that of its reference.
    transform : (4, 4) array
        From the reference's world to that of the map.

    Returns
    -------
    float
        Variance between the structures divided by the whole variance, 0 to 1; 0 if nothing of
        the map lies on the scan.
    """
    voxels = np.argwhere(structures > 0)
    voxels = voxels[:: max(1, len(voxels) // MAX_POINTS)]
    way = np.linalg.inv(prepared.grid.affine) @ np.linalg.inv(transform) @ affine
    at = np.rint(apply_affine(way, voxels)).astype(int)
    scan = prepared.native[prepared.reference]
    is_seen = ((at >= 0) & (at < scan.shape)).all(axis=1)
    signal = scan[tuple(at[is_seen].T)].astype(np.float64)
    labels = structures[tuple(voxels[is_seen].T)]
    if not len(signal) or signal.std() == 0:
        return 0.0
    signal -= signal.mean()
    counts = np.bincount(labels)
    sums = np.bincount(labels, signal)
    between = (sums[counts > 0] ** 2 / counts[counts > 0]).sum()
    return float(between / (signal**2).sum())


def _way_to(
    structures: np.ndarray, affine: np.ndarray, prepared: Prepared, *, name: str
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """From the reference's world to a label map's, and what is to be said about it."""
    for modality in sorted(prepared.scans, key=prepared.reference.__ne__):  # the reference first
        scan = prepared.scans[modality]
        grids = (structures.shape, affine, scan.data.shape, scan.affine)
        if is_same_grid(*grids):
            warnings = () if is_same_grid(*grids, exactly=True) else (ANATOMY_SHIFTED,)
            return prepared.transforms.get(modality), warnings
    spaces = {prepared.reference: np.eye(4), **prepared.transforms}
    fits = {
        modality: signal_share(structures, affine, prepared=prepared, transform=transform)
        for modality, transform in spaces.items()
    }
    best = max(fits, key=fits.__getitem__)
    for other, fit in fits.items():
        apart = _distance_mm(structures.shape, affine, spaces[best], spaces[other])
        if apart > FAR_MM and fits[best] - fit < MIN_LEAD:
            both = " and ".join(sorted((best, other), key=list(spaces).index))
            raise MaskError(
                f"{name} lies on the grid of no scan and fits the spaces of {both}, which are "
                f"{apart:.0f} mm apart, about as well, but one is expected to fit better. "
                "Resample it onto the grid of the scan that it was made from."
            )
    if best == prepared.reference:
        return None, (ON_OTHER_GRID,)
    return spaces[best], (ON_OTHER_GRID, IN_SPACE_OF.format(best))


def _distance_mm(shape, affine: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """How far two transforms place the corners of a grid apart, on average."""
    corners = np.array(list(product(*((0, size - 1) for size in shape))))
    points = apply_affine(affine, corners)
    ways = (apply_affine(np.linalg.inv(one), points) for one in (first, second))
    return float(np.linalg.norm(np.subtract(*ways), axis=1).mean())
