"""The lesions of one mask: how many, how large, where, and how they look."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from mslesion.api.anatomy import read_anatomy
from mslesion.errors import GeometryError, MaskError
from mslesion.imaging.grid import SHIFTED, check_same_grid, voxel_volume_mm3
from mslesion.imaging.resampling import Grid
from mslesion.io.images import Image, Mask, name_of, read_mask, read_scan
from mslesion.io.nifti import Scan
from mslesion.io.voxel_values import Label
from mslesion.measures.location import Surroundings, find_surroundings, locate_lesions
from mslesion.measures.single_lesions import find_edge_contacts, measure_single_lesions
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.process import VisitResult, process_visit
from mslesion.schema import LESIONS, as_table
from mslesion.schema.checks import FAIL, WARN
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.structures import BRAIN
from mslesion.segmentation.anatomy.label_maps import AUTO, Mapped
from mslesion.segmentation.anatomy.maps import to_scan_grid
from mslesion.segmentation.anatomy.midplane import Midplane, find_midplane
from mslesion.segmentation.lesions.instances import LesionMap, find_lesions

log = logging.getLogger(__name__)

MAX_LESION_ML = 1000.0
"""More lesion than this (exclusive) is a mask of the brain or an inverted one. Ours: a whole adult
brain has about 1200 ml, lesions a small part of it."""
MAX_BRAIN_PCT = 50.0
"""A mask of more than this share of the brain (exclusive) is not one of lesions: as the check
``lesion_share_of_brain`` of a visit."""
MAX_OUTSIDE_PCT = 50.0
"""With more of the lesion voxels (exclusive) where the anatomy map has no structure, mask and map
are of two heads or lie in two spaces: as the check ``lesion_outside_brain`` of a visit."""


def measure_lesions(
    mask: Image,
    *,
    flair: Image | None = None,
    t1w: Image | None = None,
    anatomy: Image | None = None,
    anatomy_labels: str | Mapped = AUTO,
    label: Label | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Measure every lesion of a mask.

    Size and shape need the mask alone. The location needs an anatomy map, or a scan in which
    the structures are then found, which takes half a minute or more. The look on FLAIR and T1w
    needs these scans. Checks of a visit with scans that do not pass are logged as warnings.

    Parameters
    ----------
    mask : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        Lesion mask: 0 and one other value, or lesions numbered 1 to n.
    flair, t1w : image, optional
        Scans of the same visit in the forms of `mask`. The mask lies on the grid of the
        FLAIR, or of the T1w where there is no FLAIR.
    anatomy : image, optional
        Label map of the same head. Without a scan it only has to share the world space of
        the mask.
    anatomy_labels : {"auto", "freesurfer", "dlmuse", "mslesion"} or mapping
        Numbering of the anatomy; a mapping takes each label to the name or number of one of
        our structures.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion; "all" takes every voxel above 0.
    settings : Settings, optional
        Smallest lesion that counts, rule of the location.

    Returns
    -------
    DataFrame
        One row per lesion with the columns of ``lesions.csv`` (`mslesion.schema.LESIONS`).
        Columns that the given images do not determine are empty. A mask without lesions gives no
        rows; lesions below the minimum size, by default a longest diameter of 3 mm, have none.

    Raises
    ------
    ImageError, MaskError, GeometryError
        If an image cannot be used, or the mask does not lie on the grid of the scan, does
        not fit what the scan shows, or lies outside the structures of the anatomy map; if
        it holds more than a litre.
    StepError
        If a scan shows no brain.

    Examples
    --------
    >>> from typing import NamedTuple

    import numpy as np
    >>> mask = np.zeros((20, 20, 20), np.uint8)
    >>> mask[5:9, 5:9, 5:9] = 1
    >>> lesions = measure_lesions((mask, np.eye(4)))
    >>> lesions[["lesion_id", "volume_mm3", "slice_count"]].to_numpy().tolist()
    [[1, 64.0, 4]]
    >>> int(lesions["location"].isna().sum())
    1
    """
    settings = settings or Settings()
    found = read_mask(mask, label=label)
    check_volume(found, name_of(mask, "mask"))
    scans = {
        name: read_scan(image, name=name)
        for name, image in ((FLAIR, flair), (T1W, t1w))
        if image is not None
    }
    structures = None if anatomy is None else read_anatomy(anatomy, anatomy_labels)
    if scans:
        return _with_scans(found, scans, structures, settings)
    lesions = find_lesions(*found, min_size=settings.min_size)
    head = None if structures is None else head_of(*structures)
    return lesion_table(lesions, head, settings=settings)


class Head(NamedTuple):
    """An anatomy map and what the location of lesions needs of it, found once."""

    labels: np.ndarray
    affine: np.ndarray
    midplane: Midplane
    surroundings: Surroundings


def head_of(labels: np.ndarray, affine: np.ndarray) -> Head:
    """Prepare an anatomy map for the location of lesions.

    Parameters
    ----------
    labels : (I, J, K) uint8 array
        Anatomy map in our own structures.
    affine : (4, 4) array
        Its voxel-to-world matrix in mm.

    Returns
    -------
    Head
    """
    midplane = find_midplane(labels, affine)
    return Head(labels, affine, midplane, find_surroundings(labels, affine, midplane=midplane))


def lesion_table(lesions: LesionMap, head: Head | None, *, settings: Settings) -> pd.DataFrame:
    """The lesion table of a mask without scans.

    Parameters
    ----------
    lesions : LesionMap
        Lesions of the mask.
    head : Head or None
        Anatomy in the space of the mask; without it there is no location.
    settings : Settings
        Rule of the location.

    Returns
    -------
    DataFrame
        By the declaration `LESIONS`.

    Raises
    ------
    GeometryError
        If most of the lesions lie outside the structures of the map.
    MaskError
        If their volume is more than half of the brain.
    """
    rows = measure_single_lesions(lesions)
    if head is not None:
        places = _places(lesions, head, settings)
        rows = [row | place for row, place in zip(rows, places, strict=True)]
    return as_table(rows, LESIONS)


def check_volume(mask: Mask, name: str) -> None:
    """Raise if a mask holds more than lesions can.

    Parameters
    ----------
    mask : tuple of ((I, J, K) bool array, (4, 4) array)
        The mask with its affine.
    name : str
        What it is called in the error.

    Raises
    ------
    MaskError
        If it holds more than `MAX_LESION_ML`.
    """
    volume_ml = round(np.count_nonzero(mask[0]) * voxel_volume_mm3(mask[1]) / 1000, 6)
    if volume_ml > MAX_LESION_ML:
        raise MaskError(
            f"{name} has {volume_ml:.0f} ml of lesion, but at most {MAX_LESION_ML:.0f} ml is "
            "expected. Check whether it is inverted, or a mask of the brain."
        )


def _with_scans(
    mask: Mask,
    scans: Mapping[str, Scan],
    anatomy: tuple[np.ndarray, np.ndarray] | None,
    settings: Settings,
) -> pd.DataFrame:
    """The lesion table of a visit whose mask is given."""
    reference = next(iter(scans))
    if not settings.resample_masks:
        check_on_scan(mask, scans[reference], name="The mask", scan_name=f"the {reference} scan")
    if anatomy is not None:  # already in our own structures
        settings = replace(settings, anatomy_labels="mslesion")
    result = process_visit(scans, lesion_mask=mask, anatomy=anatomy, settings=settings)
    row = result.visits.iloc[0]
    if result.lesion_labels is None:
        raise MaskError(
            f"The mask does not fit the {reference} scan ({row['flags']}), but lesions lie in the "
            "brain and are brighter than white matter on FLAIR. Check that both are of one visit."
        )
    warn_of_checks(result, "the visit")
    return as_table(result.lesions.drop(columns=["participant_id", "session_id"]), LESIONS)


def check_on_scan(mask: Mask, scan: Scan, *, name: str, scan_name: str) -> None:
    """Raise unless a mask lies on the grid of its scan; a small shift is logged.

    Parameters
    ----------
    mask : tuple of ((I, J, K) bool array, (4, 4) array)
        The mask with its affine.
    scan : Scan
        The scan.
    name, scan_name : str
        What they are called in messages.

    Raises
    ------
    GeometryError
        If the grids differ by more than a tenth of a voxel.
    """
    if check_same_grid(
        mask[0].shape, mask[1], scan.data.shape, scan.affine, name=name, other_name=scan_name
    ):
        log.warning(SHIFTED, name, scan_name)


def warn_of_checks(result: VisitResult, name: str) -> None:
    """Log the checks of a visit with scans that did not pass.

    The lesion table has no place for them, and some tell that a mask is of another scan.

    Parameters
    ----------
    result : VisitResult
        The visit.
    name : str
        What it is called in the log.
    """
    checks = result.quality
    for row in checks[checks["state"].isin([WARN, FAIL])].itertuples():
        log.warning("%s of %s is %.3g (%s). %s", row.check, name, row.value, row.state, row.detail)


def _places(lesions: LesionMap, head: Head, settings: Settings) -> list[dict]:
    """Location columns by an anatomy map alone."""
    places = locate_lesions(
        lesions.labels,
        lesions.affine,
        surroundings=head.surroundings,
        midplane=head.midplane,
        scheme=settings.location_scheme,
        contact_mm=settings.contact_mm,
    )
    on_mask = to_scan_grid(head.labels, head.affine, to=Grid(lesions.labels.shape, lesions.affine))
    _check_inside(lesions.labels > 0, on_mask)
    _check_share_of_brain(lesions.labels > 0, on_mask)
    edges = find_edge_contacts(lesions.labels, on_mask > 0)
    return [place | edge for place, edge in zip(places, edges, strict=True)]


def _check_share_of_brain(mask: np.ndarray, anatomy: np.ndarray) -> None:
    """Raise if a mask holds more of the brain than lesions can."""
    brain = np.count_nonzero(np.isin(anatomy, BRAIN))
    share_pct = 100 * np.count_nonzero(mask) / brain if brain else 0.0
    if share_pct > MAX_BRAIN_PCT:
        raise MaskError(
            f"The mask has a volume of {share_pct:.0f} % of the brain of the anatomy map, but at "
            f"most {MAX_BRAIN_PCT:.0f} % is expected. Check whether it is a mask of the brain."
        )


def _check_inside(mask: np.ndarray, anatomy: np.ndarray) -> None:
    """Raise if most of the lesions lie where the anatomy map has no structure."""
    if not mask.any():
        return
    outside_pct = 100 * float(np.mean(anatomy[mask] == 0))
    if outside_pct > MAX_OUTSIDE_PCT:
        raise GeometryError(
            f"The mask has {outside_pct:.0f} % of its lesion voxels outside the structures of the "
            f"anatomy map, but at most {MAX_OUTSIDE_PCT:.0f} % is expected. Check that both are of "
            "one head and in one space."
        )
