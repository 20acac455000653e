"""The score of the ISBI 2015 challenge and its lesion-wise rates.

The score is Dice / 8 + PPV / 8 + (1 - LFPR) / 4 + LTPR / 4 + Corr / 4, where Corr is
Pearson's r of the volumes over the scans. The challenge then scales it so that 90 is
about a human rater, by its raters' own scores; here it stays between 0 and 1.
"""

import numpy as np

from mslesion.evaluation.components import check_masks, count_overlaps, label_components
from mslesion.evaluation.detection import Detection
from mslesion.segmentation.lesions.instances import EDGES

DICE_WEIGHT = PPV_WEIGHT = 1 / 8
"""Weight of each voxel-wise part of the score; Carass 2017."""
LFPR_WEIGHT = LTPR_WEIGHT = CORRELATION_WEIGHT = 1 / 4
"""Weight of each lesion-wise part and of the volume correlation; Carass 2017."""


def detect_any_overlap(*, predicted: np.ndarray, reference: np.ndarray) -> Detection:
    """Detect lesions by a single shared voxel (LTPR, LFPR of ISBI 2015).

    Lesions are 18-connected components of any size.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.

    Returns
    -------
    Detection
        `sensitivity` is LTPR, `false_discovery_rate` is LFPR.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.

    References
    ----------
    Carass et al., NeuroImage 2017, 10.1016/j.neuroimage.2016.12.064.
    """
    check_masks(predicted=predicted, reference=reference)
    table = count_overlaps(
        predicted_labels=label_components(predicted, connectivity=EDGES),
        reference_labels=label_components(reference, connectivity=EDGES),
    )
    return Detection(
        predicted_count=table.shape[1] - 1,
        reference_count=table.shape[0] - 1,
        confirmed_count=int(table[1:, 1:].any(axis=0).sum()),
        detected_count=int(table[1:, 1:].any(axis=1).sum()),
    )


def score_isbi(*, dice: float, ppv: float, ltpr: float, lfpr: float) -> float:
    """Score of one scan, without the volume correlation.

    Parameters
    ----------
    dice, ppv : float
        Voxel-wise Dice and positive predictive value.
    ltpr, lfpr : float
        Of `detect_any_overlap`.

    Returns
    -------
    float
        0 to 1: the four parts are weighted up by 4/3 to make good for the fifth.

    Examples
    --------
    >>> round(score_isbi(dice=0.5, ppv=0.75, ltpr=0.6, lfpr=0.2), 4)
    0.675
    """
    parts = DICE_WEIGHT * dice + PPV_WEIGHT * ppv + LFPR_WEIGHT * (1 - lfpr) + LTPR_WEIGHT * ltpr
    return parts / (1 - CORRELATION_WEIGHT)


def score_isbi_set(scores: np.ndarray, *, correlation: float) -> float:
    """Score of a set of scans, with the volume correlation.

    Parameters
    ----------
    scores : (N,) array
        Of `score_isbi`.
    correlation : float
        Pearson's r of predicted and reference volumes over the same scans.

    Returns
    -------
    float
        At most 1.

    Examples
    --------
    >>> round(score_isbi_set([0.6, 0.8], correlation=0.9), 4)
    0.75
    """
    return float((1 - CORRELATION_WEIGHT) * np.mean(scores) + CORRELATION_WEIGHT * correlation)
