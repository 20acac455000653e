"""The row of a pair: orientations, thick slices, borders, and what empty masks are worth."""

from math import nan

import numpy as np
import pandas as pd
import pytest
from evaluation_phantoms import THICK, UNIT, blobs, disturbed, empty, lines, reoriented, rotated

from mslesion.errors import GeometryError, MaskError
from mslesion.evaluation import EMPTY_RULES, measure_agreement
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.columns import NUMBER, check_table

LESION = lines((0, 8))
SPECK = lines((0, 1))


def row(predicted, reference, affine=UNIT):
    table = measure_agreement(predicted=predicted, reference=reference, affine=affine)
    check_table(table, AGREEMENT)
    return table.iloc[0]


def numbers(one):
    """Counts and metrics as floats, empty ones as NaN."""
    values = one.drop(["participant_id", "session_id", "reason", "voxel_mm"])
    return {name: nan if pd.isna(value) else float(value) for name, value in values.items()}


@pytest.mark.parametrize("affine", [UNIT, THICK, rotated(UNIT), rotated(THICK)])
@pytest.mark.parametrize("codes", ["LAS", "LPS", "SRA", "PIR"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_axes_of_the_file_do_not_matter(affine, codes, seed):
    reference = blobs(seed)
    predicted = disturbed(reference, 10 + seed)
    first = numbers(row(predicted, reference, affine))
    turned_reference, turned_affine = reoriented(reference, affine, codes)
    turned_predicted, _ = reoriented(predicted, affine, codes)
    second = numbers(row(turned_predicted, turned_reference, turned_affine))
    assert second == pytest.approx(first, rel=1e-5, nan_ok=True)
    assert 0 < first["anima_f1"] < 1
    assert 0 < first["lesion_f1"] < 1


@pytest.mark.parametrize("affine", [UNIT, THICK])
def test_the_placement_of_the_grid_does_not_matter(affine):
    reference = blobs(2)
    predicted = disturbed(reference, 12)
    first, second = (numbers(row(predicted, reference, a)) for a in (affine, rotated(affine)))
    assert second == pytest.approx(first, rel=1e-5, nan_ok=True)


def test_the_border_of_the_grid_does_not_matter():
    reference = blobs(3)
    predicted = disturbed(reference, 13)
    assert reference[0].any()
    assert predicted[:, :, -1].any()
    first = numbers(row(predicted, reference))
    second = numbers(row(np.pad(predicted, 3), np.pad(reference, 3)))
    assert second == pytest.approx(first, nan_ok=True)


def test_swapping_the_masks_swaps_sensitivity_and_predictive_value():
    reference = blobs(4)
    predicted = disturbed(reference, 14)
    first, second = row(predicted, reference), row(reference, predicted)
    for family in ("voxel", "anima", "lesion"):
        assert first[f"{family}_sensitivity"] == pytest.approx(second[f"{family}_ppv"])
    assert first["isbi_ltpr"] == pytest.approx(1 - second["isbi_lfpr"])
    for metric in ("dice", "anima_f1", "lesion_f1", "hausdorff95_mm", "mean_surface_distance_mm"):
        assert first[metric] == pytest.approx(second[metric])


def test_equal_masks():
    one = row(blobs(5), blobs(5))
    for metric in ("dice", "anima_f1", "lesion_f1", "lesion_f1_iou50", "isbi_score"):
        assert one[metric] == 1
    for metric in ("hausdorff95_mm", "absolute_volume_error_mm3", "isbi_lfpr"):
        assert one[metric] == 0
    assert np.isnan(one["false_lesion_volume_mm3"])


def test_row_by_hand():
    # Reference 8 voxels of 0.75 mm³, predicted the last 4 and 4 more
    one = row(lines((4, 12)), LESION, THICK)
    assert one["voxel_mm"] == "0.5 x 0.5 x 3"
    assert one["voxel_volume_mm3"] == pytest.approx(0.75)
    assert one["dice"] == 0.5
    assert one["isbi_score"] == pytest.approx((0.5 / 8 + 0.5 / 8 + 1 / 4 + 1 / 4) * 4 / 3)
    # Both have distances 0 (4 times), 0.5, 1, 1.5, 2: mean 0.625, 95th percentile
    # between 1.5 and 2 at 0.65
    assert one["mean_surface_distance_mm"] == pytest.approx(0.625)
    assert one["hausdorff95_mm"] == pytest.approx(1.5 + 0.65 * 0.5)
    # IoU 4 / 12: a pair, but not at 0.5
    assert (one["lesion_matched_count"], one["lesion_matched_count_iou50"]) == (1, 0)
    assert one["reference_count_under_10mm3"] == one["detected_count_under_10mm3"] == 1


def test_subject_and_session_stand_in_the_row():
    table = measure_agreement(
        predicted=LESION, reference=LESION, affine=UNIT, participant_id="01", session_id="2"
    )
    assert table[["participant_id", "session_id"]].iloc[0].tolist() == ["sub-01", "ses-2"]
    assert table["reason"].isna().all()


WORTH = {
    # metric: both empty, reference empty, prediction empty
    "dice": (nan, nan, 0),
    "voxel_sensitivity": (nan, nan, 0),
    "voxel_ppv": (nan, nan, nan),
    "volume_error_mm3": (0, 8, -8),
    "absolute_volume_error_mm3": (0, 8, 8),
    "volume_error_fraction": (nan, nan, -1),
    "absolute_volume_error_fraction": (nan, nan, 1),
    "mean_surface_distance_mm": (nan, nan, nan),
    "hausdorff95_mm": (nan, nan, nan),
    "anima_sensitivity": (nan, nan, 0),
    "anima_ppv": (nan, nan, nan),
    "anima_f1": (nan, nan, 0),
    "false_lesion_count": (0, 1, nan),
    "false_lesion_volume_mm3": (0, 8, nan),
    "lesion_sensitivity": (nan, nan, 0),
    "lesion_ppv": (nan, nan, nan),
    "lesion_f1": (nan, nan, 0),
    "lesion_f1_iou50": (nan, nan, 0),
    "isbi_ltpr": (nan, nan, 0),
    "isbi_lfpr": (nan, nan, nan),
    "isbi_score": (nan, nan, 0),
    "predicted_volume_mm3": (0, 8, 0),
    "reference_volume_mm3": (0, 0, 8),
}


@pytest.mark.parametrize(
    ("case", "predicted", "reference"),
    [(0, lines(), lines()), (1, LESION, lines()), (2, lines(), LESION)],
)
def test_what_an_empty_mask_is_worth(case, predicted, reference):
    one = numbers(row(predicted, reference))
    found = {metric: one[metric] for metric in WORTH}
    expected = {metric: worth[case] for metric, worth in WORTH.items()}
    assert found == pytest.approx(expected, nan_ok=True)


def test_every_metric_has_a_worth():
    metrics = {column.name for column in AGREEMENT.columns if column.dtype == NUMBER}
    assert metrics - {"voxel_volume_mm3"} | {"false_lesion_count"} == set(WORTH)


def test_a_speck_is_no_lesion_but_a_voxel():
    # The prediction has a voxel, but no lesion of the smallest size
    one = row(SPECK, LESION)
    assert one["dice"] == pytest.approx(2 / 9)
    assert one["voxel_ppv"] == 1
    assert one["anima_f1"] == one["lesion_f1"] == 0
    assert np.isnan(one["anima_ppv"])
    assert one["isbi_ltpr"] == 1
    assert one["detected_count_under_10mm3"] == 1
    # The reference has one: no lesion to be found, and the prediction's lesion is false
    one = row(LESION, SPECK)
    assert np.isnan([one["anima_f1"], one["lesion_f1"]]).all()
    assert one["false_lesion_count"] == 1


def test_every_rule_is_used(monkeypatch):
    used = set()

    class Watched(dict):
        def __getitem__(self, name):
            used.add(name)
            return super().__getitem__(name)

    monkeypatch.setattr("mslesion.evaluation.empty.EMPTY_RULES", Watched(EMPTY_RULES))
    row(LESION, LESION)
    assert used == set(EMPTY_RULES)


def test_masks_are_checked():
    with pytest.raises(MaskError, match="predicted is an array of int64"):
        row(LESION.astype(np.int64), LESION)
    with pytest.raises(GeometryError, match="Resample"):
        row(empty(), LESION)
