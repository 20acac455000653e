"""Match a rater's lesions to the segmented lesions, by position or by the rater's label map."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from nibabel.affines import apply_affine
from scipy.spatial import cKDTree

from mslesion.errors import TableError
from mslesion.imaging.grid import SHIFTED, check_same_grid
from mslesion.schema.ratings import LesionRating

log = logging.getLogger(__name__)

MAX_DISTANCE_MM = 5.0
"""A position this far or less from a lesion means it (inclusive), in mm (mslesion)."""


class LesionMatch(NamedTuple):
    """A rating and the lesion it is of."""

    rating: LesionRating
    lesion_id: int | None
    """Number in the lesion map; None if there is no segmented lesion."""
    distance_mm: float | None
    """From the rated position to the lesion; None if it was matched by label maps."""


def match_by_position(
    ratings: Sequence[LesionRating],
    labels: np.ndarray,
    *,
    affine: np.ndarray,
    brain: np.ndarray | None = None,
    max_distance_mm: float = MAX_DISTANCE_MM,
) -> list[LesionMatch]:
    """Match rated positions to the nearest lesion.

    Parameters
    ----------
    ratings : sequence of LesionRating
        All with a position, in world millimetres of `affine`.
    labels : (I, J, K) int array
        Our lesion map, 0 is background.
    affine : (4, 4) array
        Voxel-to-world matrix in mm (RAS+).
    brain : (I, J, K) bool array, optional
        Brain mask; a position outside of it is an error.
    max_distance_mm : float
        A lesion further away than this from its nearest voxel centre is not meant.

    Returns
    -------
    list of LesionMatch
        In the order of the ratings. Two ratings may refer to one segmented lesion if the
        rater split what is confluent.

    Raises
    ------
    TableError
        If a rating has no position, or one outside the brain.
    """
    for rating in ratings:
        if rating.position_mm is None:
            raise TableError(
                f"{rating.place} has no x_mm, y_mm, z_mm, but lesions are matched by position. Add "
                "them, or match by the rater's label map: match_by_labels."
            )
        if brain is not None and not _is_inside(brain, affine, rating.position_mm):
            raise TableError(
                f"{rating.place} has a lesion at {rating.position_text} mm, which is "
                "outside the brain, but a position inside it is expected. Check that x_mm is "
                "positive to the right, y_mm to the front and z_mm to the head, in the space of "
                "the FLAIR."
            )
    voxels = np.argwhere(labels)
    if not len(voxels) or not ratings:
        return [LesionMatch(rating, None, None) for rating in ratings]
    tree = cKDTree(apply_affine(affine, voxels))
    distances, nearest = tree.query([rating.position_mm for rating in ratings])
    return [
        LesionMatch(rating, int(labels[tuple(voxels[index])]), float(distance))
        if distance <= max_distance_mm
        else LesionMatch(rating, None, None)
        for rating, distance, index in zip(ratings, distances, nearest, strict=True)
    ]


def match_by_labels(
    ratings: Sequence[LesionRating],
    labels: np.ndarray,
    rater_labels: np.ndarray,
    *,
    affine: np.ndarray,
    rater_affine: np.ndarray,
) -> list[LesionMatch]:
    """Match the lesions of a rater's label map to those they share most voxels with.

    Parameters
    ----------
    ratings : sequence of LesionRating
        All with the number of a lesion in `rater_labels`.
    labels : (I, J, K) int array
        Our lesion map, 0 is background.
    rater_labels : (I, J, K) int array
        The rater's map, on the same grid.
    affine, rater_affine : (4, 4) array
        Voxel-to-world matrices in mm.

    Returns
    -------
    list of LesionMatch
        In the order of the ratings.

    Raises
    ------
    GeometryError
        If the maps are on two grids.
    TableError
        If a rated number is not in the rater's map.
    """
    if check_same_grid(
        rater_labels.shape,
        rater_affine,
        labels.shape,
        affine,
        name="the rater's label map",
        other_name="the lesion map",
        remedy="Give the map on the grid of the lesion map.",
    ):
        log.warning(SHIFTED, "the rater's label map", "the lesion map")
    matches = []
    for rating in ratings:
        theirs = rater_labels == rating.lesion if rating.lesion else np.zeros_like(labels, bool)
        if not theirs.any():
            raise TableError(
                f"{rating.place} rates the lesion {rating.lesion}, but the rater's label map does "
                "not have it. Correct the number, or give the map that was rated."
            )
        counts = np.bincount(labels[theirs & (labels > 0)])
        matches.append(LesionMatch(rating, int(counts.argmax()) if len(counts) else None, None))
    return matches


def _is_inside(brain: np.ndarray, affine: np.ndarray, position_mm: Sequence[float]) -> bool:
    """Whether the voxel of a position is in the brain."""
    voxel = np.rint(apply_affine(np.linalg.inv(affine), position_mm)).astype(int)
    inside = ((voxel >= 0) & (voxel < brain.shape)).all()
    return bool(inside and brain[tuple(voxel)])
