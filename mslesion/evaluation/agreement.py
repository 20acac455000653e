"""All agreement of one pair of masks in one row."""

import numpy as np
import pandas as pd
from scipy.ndimage import find_objects

from mslesion.evaluation.anima import FalseLesions, detect_by_anima, measure_false_lesions
from mslesion.evaluation.components import check_masks
from mslesion.evaluation.detection import Detection
from mslesion.evaluation.empty import value_or_rule
from mslesion.evaluation.isbi import detect_any_overlap, score_isbi
from mslesion.evaluation.lesion_groups import LesionGroup, detect_by_group
from mslesion.evaluation.lesion_matching import HALF_IOU, match_lesions
from mslesion.evaluation.surfaces import SurfaceDistances, measure_surfaces
from mslesion.evaluation.voxels import VoxelOverlap, measure_overlap
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.columns import as_table
from mslesion.schema.lesion_agreement import BY_SIZE


def measure_agreement(
    *,
    predicted: np.ndarray,
    reference: np.ndarray,
    affine: np.ndarray,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Measure how well a lesion mask agrees with a reference mask.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid; either may be empty (see `EMPTY_RULES`).
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    participant_id, session_id : str, optional
        Whose masks, for the row; `summarize_agreement` needs the subject.

    Returns
    -------
    DataFrame
        One row with the columns of `mslesion.schema.agreement.AGREEMENT`.

    Raises
    ------
    MaskError, GeometryError
        If the arrays are not masks, or differ in size.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 8, 8, 8), bool)
    >>> predicted[0, 0, :5] = reference[0, 0, :4] = True
    >>> row = measure_agreement(predicted=predicted, reference=reference, affine=np.eye(4))
    >>> row[["dice", "anima_f1", "lesion_f1", "hausdorff95_mm"]].round(3).to_numpy().tolist()
    [[0.889, 1.0, 1.0, 0.8]]
    """
    check_masks(predicted=predicted, reference=reference)
    masks = _cut_margin(predicted, reference)
    placed = {**masks, "affine": affine}
    overlap = measure_overlap(**placed)
    row = {
        "participant_id": participant_id,
        "session_id": session_id,
        "voxel_mm": " x ".join(f"{size:.4g}" for size in spacing_mm(affine)),
        "voxel_volume_mm3": voxel_volume_mm3(affine),
        **_voxel_columns(overlap),
        **_surface_columns(measure_surfaces(**placed)),
        **_anima_columns(detect_by_anima(**placed), measure_false_lesions(**placed)),
        **_pair_columns(match_lesions(**placed), match_lesions(**placed, min_iou=HALF_IOU)),
        **_size_columns(detect_by_group(**placed)),
        **_isbi_columns(detect_any_overlap(**masks), overlap),
    }
    return as_table([row], AGREEMENT)


def _cut_margin(predicted, reference) -> dict[str, np.ndarray]:
    """Both masks without the empty margin, on which nothing depends."""
    box = find_objects((predicted | reference).view(np.uint8))
    cut = box[0] if box else ...
    return {"predicted": predicted[cut], "reference": reference[cut]}


def _voxel_columns(overlap: VoxelOverlap) -> dict[str, float]:
    return {
        "predicted_volume_mm3": overlap.predicted_volume_mm3,
        "reference_volume_mm3": overlap.reference_volume_mm3,
        "volume_error_mm3": overlap.volume_error_mm3,
        "absolute_volume_error_mm3": abs(overlap.volume_error_mm3),
        "volume_error_fraction": overlap.volume_error_fraction,
        "absolute_volume_error_fraction": abs(overlap.volume_error_fraction),
        "dice": overlap.dice,
        "voxel_sensitivity": overlap.sensitivity,
        "voxel_ppv": overlap.ppv,
    }


def _surface_columns(distances: SurfaceDistances) -> dict[str, float]:
    return {
        "mean_surface_distance_mm": distances.mean_mm,
        "hausdorff95_mm": distances.hausdorff95_mm,
    }


def _anima_columns(detection: Detection, false_lesions: FalseLesions) -> dict[str, float]:
    return {
        "anima_predicted_count": detection.predicted_count,
        "anima_reference_count": detection.reference_count,
        "anima_confirmed_count": detection.confirmed_count,
        "anima_detected_count": detection.detected_count,
        "anima_sensitivity": detection.sensitivity,
        "anima_ppv": detection.ppv,
        "anima_f1": detection.f1,
        "false_lesion_count": false_lesions.count,
        "false_lesion_volume_mm3": false_lesions.volume_mm3,
    }


def _pair_columns(any_overlap: Detection, half: Detection) -> dict[str, float]:
    return {
        "lesion_predicted_count": any_overlap.predicted_count,
        "lesion_reference_count": any_overlap.reference_count,
        "lesion_matched_count": any_overlap.detected_count,
        "lesion_sensitivity": any_overlap.sensitivity,
        "lesion_ppv": any_overlap.ppv,
        "lesion_f1": any_overlap.f1,
        "lesion_matched_count_iou50": half.detected_count,
        "lesion_f1_iou50": half.f1,
    }


def _size_columns(groups: tuple[LesionGroup, ...]) -> dict[str, int]:
    columns = {}
    for one in groups:
        if one.grouping == BY_SIZE:
            columns[f"reference_count_{one.group}"] = one.reference_count
            columns[f"detected_count_{one.group}"] = one.detected_count
    return columns


def _isbi_columns(detection: Detection, overlap: VoxelOverlap) -> dict[str, float]:
    rates = {"ltpr": detection.sensitivity, "lfpr": detection.false_discovery_rate}
    return {
        "isbi_ltpr": rates["ltpr"],
        "isbi_lfpr": rates["lfpr"],
        "isbi_score": value_or_rule(
            "isbi_score",
            lambda: score_isbi(dice=overlap.dice, ppv=overlap.ppv, **rates),
            predicted_count=overlap.predicted_count,
            reference_count=overlap.reference_count,
        ),
    }
