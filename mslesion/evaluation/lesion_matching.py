"""Lesion detection by pairs: each lesion is matched with one of the other mask at most."""

import numpy as np
from scipy.optimize import linear_sum_assignment

from mslesion.errors import SettingsError
from mslesion.evaluation.components import check_masks, count_overlaps, label_components
from mslesion.evaluation.detection import Detection
from mslesion.imaging.grid import min_voxel_count
from mslesion.segmentation.lesions.instances import CORNERS

MIN_VOLUME_MM3 = 3.0
"""Lesions of this volume or more count (inclusive), in mm³."""
ANY_OVERLAP_IOU = 0.0
"""As `min_iou`: one shared voxel is enough."""
HALF_IOU = 0.5
"""As `min_iou`: panoptic quality's threshold (Kirillov 2019), here inclusive."""

_TIE_BREAK = 1e-9
"""Added to each pair, so that of two assignments of equal sum the one with more pairs
wins, whatever the orientation."""


def match_lesions(
    *,
    predicted: np.ndarray,
    reference: np.ndarray,
    affine: np.ndarray,
    min_iou: float = ANY_OVERLAP_IOU,
) -> Detection:
    """Match lesions one to one, so that the sum of their IoU is largest.

    Lesions are 26-connected components of `MIN_VOLUME_MM3` or more; smaller ones are
    background. Unlike the rule of Anima this penalises splits and merges: one
    predicted lesion over two reference lesions finds one of them.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    min_iou : float
        Pairs whose intersection over union is smaller cannot match (inclusive: just
        this value can); 0 asks for one shared voxel.

    Returns
    -------
    Detection
        `confirmed_count` and `detected_count` are the number of pairs.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.
    SettingsError
        If `min_iou` is not in 0 to 1.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 8, 8, 8), bool)
    >>> reference[0, 0, :3] = reference[0, 0, 5:] = predicted[0, 0] = True
    >>> detection = match_lesions(predicted=predicted, reference=reference, affine=np.eye(4))
    >>> detection.sensitivity, detection.ppv
    (0.5, 1.0)
    """
    check_masks(predicted=predicted, reference=reference)
    if not 0 <= min_iou <= 1:
        raise SettingsError(f"min_iou is {min_iou}, but 0 to 1 is expected. Give a fraction.")
    min_voxels = min_voxel_count(MIN_VOLUME_MM3, affine)
    table = count_overlaps(
        predicted_labels=label_components(predicted, connectivity=CORNERS, min_voxels=min_voxels),
        reference_labels=label_components(reference, connectivity=CORNERS, min_voxels=min_voxels),
    )
    pairs = _count_pairs(table, min_iou)
    return Detection(
        predicted_count=table.shape[1] - 1,
        reference_count=table.shape[0] - 1,
        confirmed_count=pairs,
        detected_count=pairs,
    )


def _count_pairs(table: np.ndarray, min_iou: float) -> int:
    """Pairs of the best assignment; those that cannot match take nobody's place."""
    overlap = table[1:, 1:]
    union = table.sum(axis=1)[1:, None] + table.sum(axis=0)[None, 1:] - overlap
    iou = overlap / union
    can_match = (overlap > 0) & (iou >= min_iou)
    rows, columns = linear_sum_assignment(np.where(can_match, iou + _TIE_BREAK, 0), maximize=True)
    return int(can_match[rows, columns].sum())
