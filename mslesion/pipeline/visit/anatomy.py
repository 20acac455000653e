"""The anatomy of a visit: as our network found it, or placed from a given label map."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

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
"""Named warning: a given label map lies on the grid of no scan of the visit, and was taken to
lie in the space of the scan that the results lie on."""
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
    taken to lie in the world space of the reference, which a named warning says. Each
    structure is resampled by itself (`to_scan_grid`).

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
        If the labels are not those of the scheme.
    SettingsError
        If there is no such scheme.
    """
    labels, affine, name = label_map
    if scheme == AUTO:
        scheme = recognise_scheme(labels, name=name)
    structures = to_structures(labels, scheme, name=name)
    transform, warnings = _way_to(structures.shape, affine, prepared)
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


def _way_to(shape, affine, prepared: Prepared) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """From the reference's world to a label map's, and what is to be said about it."""
    for name in sorted(prepared.scans, key=prepared.reference.__ne__):  # the reference first
        scan = prepared.scans[name]
        grids = (shape, affine, scan.data.shape, scan.affine)
        if is_same_grid(*grids):
            warnings = () if is_same_grid(*grids, exactly=True) else (ANATOMY_SHIFTED,)
            return prepared.transforms.get(name), warnings
    return None, (ON_OTHER_GRID,)
