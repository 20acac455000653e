"""Detection and Dice of single lesions, by their size and by where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from mslesion.evaluation.components import check_masks, count_overlaps, label_components
from mslesion.evaluation.lesion_matching import MIN_VOLUME_MM3
from mslesion.evaluation.sizes import SIZE_BINS_MM3, size_classes
from mslesion.imaging.grid import min_voxel_count, spacing_mm, voxel_volume_mm3
from mslesion.measures.location import MAX_SPACING_MM, find_surroundings, locate_lesions
from mslesion.schema.columns import as_table
from mslesion.schema.lesion_agreement import ALL, BY_LOCATION, BY_SIZE, LESION_AGREEMENT
from mslesion.schema.locations import LOCATIONS
from mslesion.segmentation.anatomy.midplane import find_midplane
from mslesion.segmentation.lesions.instances import CORNERS, assign_lesions

GROUPS: Mapping[str, tuple[str, ...]] = {
    ALL: (ALL,),
    BY_SIZE: tuple(SIZE_BINS_MM3),
    BY_LOCATION: tuple(LOCATIONS),
}
"""The groups of each grouping, in order."""


@dataclass(frozen=True, slots=True)
class LesionGroup:
    """Lesions of one size or place in both masks, and how far they agree."""

    grouping: str
    group: str
    reference_count: int
    detected_count: int
    """Reference lesions with a predicted voxel inside."""
    predicted_count: int
    confirmed_count: int
    """Predicted lesions with a reference voxel inside."""
    reference_volume_mm3: float
    predicted_volume_mm3: float
    false_volume_mm3: float
    """Of the predicted lesions that are not confirmed."""
    dice_sum: float
    """Over the reference lesions; 0 for a missed one."""

    @property
    def false_count(self) -> int:
        """Predicted lesions without a reference voxel inside."""
        return self.predicted_count - self.confirmed_count

    def columns(self) -> dict[str, float | str]:
        """Columns of `LESION_AGREEMENT` but those of the scan."""
        return {
            "grouping": self.grouping,
            "group": self.group,
            "reference_count": self.reference_count,
            "detected_count": self.detected_count,
            "predicted_count": self.predicted_count,
            "confirmed_count": self.confirmed_count,
            "false_count": self.false_count,
            "reference_volume_mm3": self.reference_volume_mm3,
            "predicted_volume_mm3": self.predicted_volume_mm3,
            "false_volume_mm3": self.false_volume_mm3,
            "sensitivity": share(self.detected_count, self.reference_count),
            "ppv": share(self.confirmed_count, self.predicted_count),
            "f1": f1_of_counts(
                self.detected_count, self.reference_count,
                self.confirmed_count, self.predicted_count,
            ),
            "dice_mean": share(self.dice_sum, self.reference_count),
            "detected_dice_mean": share(self.dice_sum, self.detected_count),
        }  # fmt: skip


def share(part: float, whole: float) -> float:
    """A part of a whole; NaN where the whole is 0."""
    return float(part / whole) if whole else nan


def f1_of_counts(detected: float, reference: float, confirmed: float, predicted: float) -> float:
    """F1 of a group of lesions.

    Parameters
    ----------
    detected, reference : float
        Reference lesions that were found, of how many.
    confirmed, predicted : float
        Predicted lesions that are true, of how many.

    Returns
    -------
    float
        Harmonic mean of sensitivity and predictive value; 0 where nothing was found. NaN
        without reference lesions, and where all that found them are predicted lesions of
        other groups.
    """
    sensitivity, ppv = share(detected, reference), share(confirmed, predicted)
    if np.isnan(sensitivity) or sensitivity == 0:
        return sensitivity
    return share(2 * sensitivity * ppv, sensitivity + ppv)


def detect_by_group(
    *,
    predicted: np.ndarray,
    reference: np.ndarray,
    affine: np.ndarray,
    anatomy: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[LesionGroup, ...]:
    """Detection and Dice of the lesions of each size, and of each location class.

    Lesions are 26-connected components of 3 mm³ or more. One voxel of the other mask inside, of
    whatever lesion, finds a reference lesion and confirms a predicted one. A lesion stands in
    the group of its own size and place: a reference lesion in that of the reference, a
    predicted one in that of the prediction. The Dice of a reference lesion is that with its
    part of the predicted lesions which reach into it, each voxel of theirs given to the
    nearest reference lesion that they reach into.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    anatomy : tuple of ((I, J, K) int array, (4, 4) array), optional
        Structures (`mslesion.schema.structures.STRUCTURES`) and their matrix, in the same
        space. Without it, or on voxels of more than 5 mm, there is no location.

    Returns
    -------
    tuple of LesionGroup
        All lesions, each of `SIZE_BINS_MM3`, and each location class if it is known.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.
    StepError
        If the anatomy is empty.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 8, 8, 8), bool)
    >>> reference[0, 0, :9] = reference[2:5, 2:5, 2:5] = predicted[2, 2, 2:5] = True
    >>> everything, small, *_ = detect_by_group(
    ...     predicted=predicted, reference=reference, affine=np.eye(4)
    ... )
    >>> everything.detected_count, small.reference_count, small.detected_count
    (1, 1, 0)
    """
    check_masks(predicted=predicted, reference=reference)
    min_voxels = min_voxel_count(MIN_VOLUME_MM3, affine)
    sides = (
        _lesions_of(reference, predicted, min_voxels=min_voxels),
        _lesions_of(predicted, reference, min_voxels=min_voxels),
    )
    classes: dict[str, tuple] = {
        ALL: tuple([ALL] * len(side.voxel_counts) for side in sides),
        BY_SIZE: tuple(size_classes(side.voxel_counts, affine) for side in sides),
    }
    if anatomy is not None and max(spacing_mm(affine)) <= MAX_SPACING_MM:
        classes[BY_LOCATION] = _locations(sides, affine, anatomy)
    dice = _dice_of_lesions(sides[0], predicted, affine)
    return tuple(
        _group(
            grouping, group, sides=sides, names=names, dice=dice, voxel_mm3=voxel_volume_mm3(affine)
        )
        for grouping, names in classes.items()
        for group in GROUPS[grouping]
    )


def measure_lesion_agreement(
    *,
    predicted: np.ndarray,
    reference: np.ndarray,
    affine: np.ndarray,
    anatomy: tuple[np.ndarray, np.ndarray] | None = None,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Measure how well single lesions agree with a reference, by size and location.

    Parameters
    ----------
    predicted, reference, affine, anatomy
        As `detect_by_group`.
    participant_id, session_id : str, optional
        Whose masks, for the rows; `summarize_lesion_agreement` needs the participant.

    Returns
    -------
    DataFrame
        One row a group with the columns of
        `mslesion.schema.lesion_agreement.LESION_AGREEMENT`.

    Raises
    ------
    MaskError, GeometryError, StepError
        As `detect_by_group`.
    """
    groups = detect_by_group(
        predicted=predicted, reference=reference, affine=affine, anatomy=anatomy
    )
    who = {"participant_id": participant_id, "session_id": session_id}
    rows = [{**who, "line": line, **group.columns()} for line, group in enumerate(groups, start=1)]
    return as_table(rows, LESION_AGREEMENT)


@dataclass(frozen=True, slots=True)
class _Lesions:
    """Lesions of one mask."""

    labels: np.ndarray
    voxel_counts: np.ndarray
    is_true: np.ndarray
    """Whether a voxel of the other mask lies inside."""


def _lesions_of(mask: np.ndarray, other: np.ndarray, *, min_voxels: int) -> _Lesions:
    """The lesions of a mask, and which of them the other mask has too."""
    labels = label_components(mask, connectivity=CORNERS, min_voxels=min_voxels)
    voxel_counts = np.bincount(labels.ravel(), minlength=1)[1:]
    shared = np.bincount(labels[other], minlength=len(voxel_counts) + 1)[1:]
    return _Lesions(labels, voxel_counts, shared > 0)


def _locations(
    sides: tuple[_Lesions, _Lesions],
    affine: np.ndarray,
    anatomy: tuple[np.ndarray, np.ndarray],
) -> tuple[list[str], ...]:
    """Location class of each lesion of both masks, by one anatomy."""
    midplane = find_midplane(*anatomy)
    around = find_surroundings(*anatomy, midplane=midplane)
    return tuple(
        [
            row["location"]
            for row in locate_lesions(side.labels, affine, surroundings=around, midplane=midplane)
        ]
        for side in sides
    )


def _dice_of_lesions(reference: _Lesions, predicted: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Dice of each reference lesion with its part of the prediction; 0 where there is none."""
    count = len(reference.voxel_counts)
    parts = assign_lesions(predicted, reference.labels, spacing_mm=spacing_mm(affine))
    table = count_overlaps(predicted_labels=parts, reference_labels=reference.labels)
    own = range(1, min(count, table.shape[1] - 1) + 1)  # numbers above are of other lesions
    dice = np.zeros(count)
    for number in own:
        sizes = reference.voxel_counts[number - 1] + table[:, number].sum()
        dice[number - 1] = 2 * table[number, number] / sizes
    return dice


def _group(
    grouping: str, group: str, *, sides, names: tuple, dice: np.ndarray, voxel_mm3: float
) -> LesionGroup:
    """Counts, volumes and Dice of the lesions of a group."""
    reference, predicted = sides
    first, second = (np.array([name == group for name in own], bool) for own in names)
    volumes = predicted.voxel_counts * voxel_mm3
    return LesionGroup(
        grouping=grouping,
        group=group,
        reference_count=int(first.sum()),
        detected_count=int((first & reference.is_true).sum()),
        predicted_count=int(second.sum()),
        confirmed_count=int((second & predicted.is_true).sum()),
        reference_volume_mm3=float(reference.voxel_counts[first].sum() * voxel_mm3),
        predicted_volume_mm3=float(volumes[second].sum()),
        false_volume_mm3=float(volumes[second & ~predicted.is_true].sum()),
        dice_sum=float(dice[first].sum()),
    )
