"""What happened to every lesion between two masks on one grid, without the scans."""

from collections.abc import Mapping

from mslesion.errors import GeometryError
from mslesion.imaging.grid import spacing_mm
from mslesion.longitudinal.lesions.changes import (
    DEFAULT_RULE,
    LesionChanges,
    OutlinedLesions,
    describe_changes,
)
from mslesion.longitudinal.lesions.evidence import ChangeEvidence
from mslesion.segmentation.lesions.instances import LesionMap


def compare_masks_alone(
    first: LesionMap,
    second: LesionMap,
    *,
    years: float | None = None,
    rule: str = DEFAULT_RULE,
    locations: tuple[Mapping[int, str], Mapping[int, str]] = ({}, {}),
) -> LesionChanges:
    """Compare the lesions of two masks, borders taken as drawn.

    Parameters
    ----------
    first, second : LesionMap
        Lesions of both visits on one grid.
    years : float, optional
        Time between the visits.
    rule : str
        Which rule decides what is enlarging; the classes of all rules are given.
    locations : tuple of mapping, shape (2,)
        Location class of each visit's lesions, by their numbers.

    Returns
    -------
    LesionChanges
        Positions in its rows (``i``, ``j``, ``k``) are voxel indices of the grid.

    Raises
    ------
    GeometryError
        If the masks have different shapes.
    """
    if first.labels.shape != second.labels.shape:
        raise GeometryError(
            f"The masks have {first.labels.shape} and {second.labels.shape} voxels, but masks are "
            "compared on one grid. Bring them to one grid."
        )
    evidence = ChangeEvidence(
        kept=first.mask & second.mask,
        gained=second.mask & ~first.mask,
        lost=first.mask & ~second.mask,
        spacing_mm=spacing_mm(first.affine),
    )
    return describe_changes(
        evidence,
        (
            OutlinedLesions(first.labels, locations[0]),
            OutlinedLesions(second.labels, locations[1]),
        ),
        pair=None,
        thickest_mm=max(evidence.spacing_mm),
        years=years,
        rule=rule,
    )
