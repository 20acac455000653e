"""Detection and Dice of lesions by their size and location."""

import numpy as np
import pandas as pd
import pytest
from evaluation_phantoms import THICK, UNIT, empty, lines, rotated

from mslesion.errors import GeometryError, MaskError, StepError, TableError
from mslesion.evaluation import (
    SIZE_BINS_MM3,
    detect_by_group,
    measure_lesion_agreement,
    summarize_lesion_agreement,
)
from mslesion.schema import structures as s
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.columns import check_table
from mslesion.schema.lesion_agreement import LESION_AGREEMENT, LESION_AGREEMENT_SUMMARY
from mslesion.schema.locations import LOCATIONS


def slab(voxels, shape=(12, 12, 12)):
    """A connected mask of so many voxels: the first ones of the grid."""
    mask = empty(shape)
    mask.reshape(-1)[:voxels] = True
    return mask


def groups(predicted, reference, affine=UNIT, anatomy=None):
    found = detect_by_group(
        predicted=predicted, reference=reference, affine=affine, anatomy=anatomy
    )
    return {one.group: one for one in found}


def bins(predicted, reference, affine=UNIT):
    found = groups(predicted, reference, affine)
    assert list(found) == ["all", *SIZE_BINS_MM3]
    sizes = [found[name] for name in SIZE_BINS_MM3]
    return [one.reference_count for one in sizes], [one.detected_count for one in sizes]


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (2, [0, 0, 0, 0]),
        (3, [1, 0, 0, 0]),
        (9, [1, 0, 0, 0]),
        (10, [0, 1, 0, 0]),
        (99, [0, 1, 0, 0]),
        (100, [0, 0, 1, 0]),
        (999, [0, 0, 1, 0]),
        (1000, [0, 0, 0, 1]),
    ],
)
def test_a_class_has_its_smallest_size(voxels, expected):
    reference = slab(voxels)
    assert bins(reference, reference) == (expected, expected)
    assert bins(empty(), reference) == (expected, [0, 0, 0, 0])
    # counts are compared, so that rounding of the voxel volume has no say
    assert bins(empty(), reference, rotated(UNIT)) == (expected, [0, 0, 0, 0])


def test_thick_voxels():
    # 0.75 mm³: 13 voxels are 9.75 mm³, 14 are 10.5
    assert bins(empty(), slab(13), THICK)[0] == [1, 0, 0, 0]
    assert bins(empty(), slab(14), THICK)[0] == [0, 1, 0, 0]


def test_one_predicted_voxel_finds_a_lesion():
    reference = slab(200)
    one = empty()
    one[0, 0, 0] = True
    assert bins(one, reference) == ([0, 0, 1, 0], [0, 0, 1, 0])
    assert bins(~reference, reference) == ([0, 0, 1, 0], [0, 0, 0, 0])


def test_lesions_touching_at_a_corner_are_one():
    mask = empty()
    mask[:2, :2, :2] = mask[2:4, 2:4, 2:4] = True  # 8 + 8 voxels
    assert bins(mask, mask)[0] == [0, 1, 0, 0]


def test_no_lesions():
    assert bins(slab(5), empty()) == ([0, 0, 0, 0], [0, 0, 0, 0])
    found = measure_lesion_agreement(predicted=empty(), reference=empty(), affine=UNIT)
    check_table(found, LESION_AGREEMENT)
    metrics = ["sensitivity", "ppv", "f1", "dice_mean", "detected_dice_mean"]
    assert found[metrics].isna().all(axis=None)
    assert found["false_count"].eq(0).all()


def test_the_wide_table_has_the_sizes():
    names = [name for name in AGREEMENT.names if name.startswith("reference_count_")]
    assert names == [f"reference_count_{name}" for name in SIZE_BINS_MM3]
    assert np.all(np.diff(list(SIZE_BINS_MM3.values())) > 0)


def test_a_scan_by_hand():
    # Reference: 8 voxels, 20 voxels, 4 voxels. Predicted: 12 voxels of which 6 lie in the 20, 5
    # false ones. The lesion of 4 and that of 8 are missed.
    reference = lines((0, 8), (20, 40), (50, 54))
    predicted = lines((34, 46), (10, 15, 20))
    table = measure_lesion_agreement(
        predicted=predicted, reference=reference, affine=UNIT, participant_id="1"
    ).set_index("group")
    counts = ["reference_count", "detected_count", "predicted_count", "confirmed_count"]
    assert table.loc["all", counts].tolist() == [3, 1, 2, 1]
    assert table.loc["under_10mm3", counts].tolist() == [2, 0, 1, 0]
    assert table.loc["10_100mm3", counts].tolist() == [1, 1, 1, 1]
    assert table["false_count"].tolist() == [1, 1, 0, 0, 0]
    assert table["false_volume_mm3"].tolist() == [5, 5, 0, 0, 0]
    # Dice of the lesion of 20: 2 x 6 of 20 + 12 voxels
    dice = 12 / 32
    assert table.loc["10_100mm3", "dice_mean"] == dice
    assert table.loc["all", "dice_mean"] == pytest.approx(dice / 3)
    assert table.loc["all", "detected_dice_mean"] == dice
    # Sensitivity 1/3, predictive value 1/2
    assert table.loc["all", "f1"] == pytest.approx(2 / 5)
    assert table.loc["under_10mm3", ["sensitivity", "ppv", "f1", "dice_mean"]].tolist() == [0] * 4
    assert table.loc["from_1000mm3", ["sensitivity", "ppv", "f1"]].isna().all()


def test_a_confluent_prediction_is_shared_out():
    # One line of 16 over two lesions of 6 each: half of it belongs to each
    found = groups(lines((0, 16)), lines((0, 6), (10, 16)))["under_10mm3"]
    assert found.detected_count == 2
    assert found.dice_sum == pytest.approx(2 * 12 / 14)


def test_sizes_of_both_masks_are_their_own():
    # A reference lesion of 5 voxels found by a prediction of 12: no small one was predicted
    found = measure_lesion_agreement(
        predicted=lines((0, 12)), reference=lines((0, 5)), affine=UNIT
    ).set_index("group")
    small, medium = found.loc["under_10mm3"], found.loc["10_100mm3"]
    assert (small["sensitivity"], small["predicted_count"]) == (1, 0)
    assert pd.isna(small["f1"])
    assert (medium["reference_count"], medium["ppv"]) == (0, 1)


def head(shape=(64, 32, 8)):
    """White matter with a ventricle at one end and cortex at the other."""
    anatomy = np.full(shape, s.WHITE_MATTER, np.uint8)
    anatomy[:4], anatomy[-4:] = s.LATERAL_VENTRICLES, s.CORTEX
    return anatomy, UNIT


def test_lesions_by_location():
    reference = lines((4, 9), (20, 26), (54, 60))
    predicted = lines((4, 9), (40, 44))
    found = groups(predicted, reference, anatomy=head())
    assert list(found) == ["all", *SIZE_BINS_MM3, *LOCATIONS]
    counts = {
        name: (one.reference_count, one.detected_count, one.false_count)
        for name, one in found.items()
        if name in LOCATIONS and (one.reference_count or one.predicted_count)
    }
    assert counts == {
        "periventricular": (1, 1, 0), "juxtacortical": (1, 0, 0), "deep_white": (1, 0, 1)
    }  # fmt: skip


def test_no_location_on_thick_slices():
    mask = slab(5)
    assert "deep_white" in groups(mask, mask, np.diag([1.0, 1, 5, 1]), head((12, 12, 12)))
    assert "deep_white" not in groups(mask, mask, np.diag([1.0, 1, 5.1, 1]), head((12, 12, 12)))


def test_what_is_no_mask_or_no_anatomy():
    with pytest.raises(MaskError, match="is an array of uint8"):
        groups(slab(5).astype(np.uint8), slab(5))
    with pytest.raises(GeometryError, match=r"has .* voxels, but reference has"):
        groups(slab(5), slab(5, (8, 8, 8)))
    with pytest.raises(StepError, match="The anatomy map has no structure"):
        groups(slab(5), slab(5), anatomy=(np.zeros((12, 12, 12), np.uint8), UNIT))


def scan(patient, predicted, reference, **more):
    return measure_lesion_agreement(
        predicted=predicted, reference=reference, affine=UNIT, participant_id=patient, **more
    )


def test_lesions_of_all_scans_are_pooled():
    rows = pd.concat(
        [
            scan("1", lines((0, 8)), lines((0, 8), (20, 28))),
            scan("2", lines((0, 8), (40, 45)), lines((0, 8))),
            scan("3", lines((40, 47)), lines()),
        ]
    )
    table = summarize_lesion_agreement(rows, resamples=50)
    check_table(table, LESION_AGREEMENT_SUMMARY)
    table = table.set_index(["group", "metric"])
    small = table.loc["under_10mm3"]["estimate"]
    # 2 of 3 reference lesions, 2 of 4 predicted ones; 2 false ones of 5 and 7 mm³ in 3 scans
    assert small["sensitivity"] == pytest.approx(2 / 3)
    assert small["ppv"] == pytest.approx(1 / 2)
    assert small["f1"] == pytest.approx(4 / 7)
    assert small["dice_mean"] == pytest.approx(2 / 3)
    assert small["detected_dice_mean"] == 1
    assert small["false_count"] == pytest.approx(2 / 3)
    assert small["false_volume_mm3"] == pytest.approx(4)
    assert np.isnan(table.loc[("from_1000mm3", "f1"), "estimate"])
    one = table.loc[("under_10mm3", "sensitivity")]
    assert one[["scan_count", "reference_count", "predicted_count"]].tolist() == [3, 3, 4]
    assert one["lower"] <= one["estimate"] <= one["upper"]
    assert set(table["grouping"]) == {"all", "size"}


def test_a_summary_needs_the_participants():
    with pytest.raises(TableError, match=r"no participant_id, .* Give compare_lesions"):
        summarize_lesion_agreement(scan(None, lines(), lines()))
    with pytest.raises(TableError, match="other columns than declared"):
        summarize_lesion_agreement(scan("1", lines(), lines()).drop(columns="f1"))
