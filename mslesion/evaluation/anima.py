"""Lesion detection by the rule of the MSSEG challenges (animaSegPerfAnalyzer).

The rule is that of Anima (commit a0e3b8a, ``animaSegPerfCAnalyzer.cxx``) with the
numbers its command line uses; the C++ class itself has others (0.05, 0.50, 0.50).
It differs from Anima in four points, none of which is in the published rule:

- The C++ loop over predicted lesions ends after as many steps as the reference has
  labels, background included, and then calls the lesion detected. With few reference
  lesions it so can stop before `GAMMA` is reached. Here the loop ends at `GAMMA` only.
- Anima adds up fractions, and so can miss `GAMMA` by rounding; here voxels are added.
- Of predicted lesions with the same overlap Anima takes whichever its sorting leaves
  first; here it is the larger, then the one less outside, in any orientation.
- Anima has no F1 where nothing was found; here it is 0 (see `mslesion.evaluation.empty`).
"""

import math
from dataclasses import dataclass

import numpy as np

from mslesion.evaluation.components import check_masks, count_overlaps, label_components
from mslesion.evaluation.detection import Detection
from mslesion.evaluation.empty import value_or_rule
from mslesion.imaging.grid import COUNT_TOLERANCE, voxel_volume_mm3
from mslesion.segmentation.lesions.instances import FACES

MIN_VOLUME_MM3 = 3.0
"""Components of this volume or less are dropped (exclusive), in mm³."""
ALPHA = 0.10
"""A lesion of which this share or less is covered is not detected (exclusive)."""
BETA = 0.70
"""A covering lesion with more than this share on background ends the search without
success (exclusive: just this share is allowed)."""
GAMMA = 0.65
"""The search ends with success at this share of the covered part (inclusive)."""


@dataclass(frozen=True, slots=True)
class FalseLesions:
    """Lesions predicted on a scan that has none."""

    count: float
    """NaN if the reference has lesions."""
    volume_mm3: float
    """NaN if the reference has lesions."""


def detect_by_anima(
    *, predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray
) -> Detection:
    """Detect lesions by the rule of the MSSEG challenges (SensL, PPVL, F1).

    Lesions are 6-connected components of more than `MIN_VOLUME_MM3`; smaller ones are
    background. A reference lesion is detected if more than `ALPHA` of it is covered,
    and if the predicted lesions that cover it, taken by decreasing overlap until they
    make up `GAMMA` of the covered part, lie with at most `BETA` of their size on
    background. Predicted lesions are confirmed by the same rule with the roles swapped.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    Detection
        `sensitivity` is SensL, `ppv` is PPVL.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.

    References
    ----------
    Commowick et al., Sci Rep 2018, 10.1038/s41598-018-31911-7.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 8, 8, 8), bool)
    >>> reference[0, 0, :4] = reference[4, 4, :4] = predicted[0, 0, :5] = True
    >>> detection = detect_by_anima(
    ...     predicted=predicted, reference=reference, affine=np.eye(4))
    >>> detection.sensitivity, detection.ppv
    (0.5, 1.0)
    """
    table = _lesion_overlaps(predicted, reference, affine)
    return Detection(
        predicted_count=table.shape[1] - 1,
        reference_count=table.shape[0] - 1,
        confirmed_count=_count_detected(table.T),
        detected_count=_count_detected(table),
    )


def measure_false_lesions(
    *, predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray
) -> FalseLesions:
    """Number and volume of the predicted lesions on a scan without reference lesions.

    This is what MSSEG-2 reports in place of Dice and F1 for patients without a new
    lesion. Lesions are those of `detect_by_anima`, on both sides.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    FalseLesions

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.
    """
    table = _lesion_overlaps(predicted, reference, affine)
    counts = {"predicted_count": table.shape[1] - 1, "reference_count": table.shape[0] - 1}
    voxels = int(table[:, 1:].sum())
    return FalseLesions(
        count=value_or_rule("false_lesion_count", lambda: table.shape[1] - 1, **counts),
        volume_mm3=value_or_rule(
            "false_lesion_volume_mm3", lambda: voxels * voxel_volume_mm3(affine), **counts
        ),
    )


def _lesion_overlaps(predicted, reference, affine) -> np.ndarray:
    """Overlap table of the lesions that count: (R + 1, P + 1)."""
    check_masks(predicted=predicted, reference=reference)
    count = MIN_VOLUME_MM3 / voxel_volume_mm3(affine)
    # min_voxel_count is inclusive; here the volume must be exceeded
    min_voxels = math.floor(count * (1 + COUNT_TOLERANCE)) + 1
    return count_overlaps(
        predicted_labels=label_components(predicted, connectivity=FACES, min_voxels=min_voxels),
        reference_labels=label_components(reference, connectivity=FACES, min_voxels=min_voxels),
    )


def _count_detected(table: np.ndarray) -> int:
    """Lesions in the rows of an overlap table that are detected by those in its columns."""
    sizes, outside = table.sum(axis=0), table[0]
    return sum(_is_detected(overlap, sizes=sizes, outside=outside) for overlap in table[1:])


def _is_detected(overlap: np.ndarray, *, sizes: np.ndarray, outside: np.ndarray) -> bool:
    """Whether a lesion is detected; entry 0 is its background, the others are lesions."""
    covered = int(overlap[1:].sum())
    if covered / int(overlap.sum()) <= ALPHA:
        return False
    covering = np.flatnonzero(overlap[1:]) + 1
    added = 0
    for other in sorted(covering, key=lambda o: (-overlap[o], -sizes[o], outside[o])):
        if outside[other] / sizes[other] > BETA:
            return False
        added += int(overlap[other])
        if added / covered >= GAMMA:
            break
    return True
