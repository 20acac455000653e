"""A prediction and several raters: agreement with each, and of the raters with one another."""

from math import nan

import numpy as np
import pandas as pd
import pytest
from evaluation_phantoms import UNIT, empty, lines

import mslesion as ms
from mslesion.errors import GeometryError, SettingsError, TableError
from mslesion.evaluation import measure_rater_agreement, summarize_rater_agreement
from mslesion.schema.columns import as_table, check_table
from mslesion.schema.lesion_agreement import RATER_AGREEMENT, RATER_AGREEMENT_SUMMARY


def compared(predicted, raters, patient="1", session=None):
    rows = measure_rater_agreement(
        predicted=predicted, raters=raters, affine=UNIT, participant_id=patient,
        session_id=session,
    )  # fmt: skip
    check_table(rows, RATER_AGREEMENT)
    return rows


def rater(lower, upper):
    return lines((lower, upper))


def test_all_pairs():
    rows = compared(rater(0, 8), {"B": rater(4, 12), "A": rater(0, 8), "C": rater(20, 28)})
    assert rows["pair"].tolist() == ["prediction"] * 3 + ["raters"] * 3
    assert rows["rater"].tolist() == ["A", "B", "C", "A", "A", "B"]
    assert rows["other_rater"].fillna("").tolist() == ["", "", "", "B", "C", "C"]
    assert rows["dice"].tolist() == [1, 0.5, 0, 0.5, 0, 0]
    # Lines of 8 that share 4: one lesion, found by any overlap; Anima asks for 10 % of it
    assert rows["lesion_f1"].tolist() == [1, 1, 0, 1, 0, 0]
    assert rows["anima_f1"].tolist() == [1, 1, 0, 1, 0, 0]
    assert rows["volume_mm3"].eq(8).all()


@pytest.mark.parametrize("swap", [False, True])
def test_no_mask_is_the_reference(swap):
    pair = [lines((0, 8)), empty((64, 32, 8))][:: -1 if swap else 1]
    one = compared(pair[0], {"A": pair[1]}).iloc[0]
    assert one[["dice", "lesion_f1", "anima_f1"]].tolist() == [0, 0, 0]


def test_two_empty_masks_agree_on_nothing():
    one = compared(empty(), {"A": empty()}).iloc[0]
    assert one[["dice", "lesion_f1", "anima_f1"]].isna().all()


def test_ratio_by_hand():
    # Scan 1: ours agrees with A by 1 and with B by 0.5, they with one another by 0.5.
    # Scan 2: ours agrees with A by 0.5 and with B by 0.25 (2 of 8 voxels), they by 0.75.
    rows = pd.concat(
        [
            compared(rater(0, 8), {"A": rater(0, 8), "B": rater(4, 12)}),
            compared(rater(0, 8), {"A": rater(4, 12), "B": rater(6, 14)}, "2"),
            compared(rater(0, 8), {"A": rater(0, 8)}, "3"),  # one rater: no ratio
        ]
    )
    table = summarize_rater_agreement(as_table(rows, RATER_AGREEMENT))
    check_table(table, RATER_AGREEMENT_SUMMARY)
    table = table.set_index(["metric", "rater"])
    dice = table.loc["dice"]
    assert dice.index.tolist() == ["all", "A", "B"]
    assert dice["scan_count"].tolist() == [2, 2, 2]
    assert dice["prediction"].tolist() == [0.5625, 0.75, 0.375]
    assert dice["raters"].tolist() == [0.625] * 3
    assert dice["ratio"].tolist() == pytest.approx([0.9, 1.2, 0.6])
    assert dice["lower"].isna().all()  # two patients give no interval


def test_intervals_are_over_patients():
    rows = pd.concat(
        [
            compared(rater(0, 8), {"A": rater(0, 8), "B": rater(0, 8)}, f"{n}", session)
            for n in range(3)
            for session in ("1", "2")
        ]
    )
    line = summarize_rater_agreement(as_table(rows, RATER_AGREEMENT), resamples=20).iloc[0]
    assert line[["scan_count", "patient_count"]].tolist() == [6, 3]
    assert line[["ratio", "lower", "upper"]].tolist() == [1, 1, 1]


def test_raters_who_agree_nowhere():
    rows = compared(rater(0, 8), {"A": rater(0, 8), "B": rater(20, 28)})
    line = summarize_rater_agreement(rows).iloc[0]
    assert line["raters"] == 0
    assert pd.isna(line["ratio"])


def test_failed_scans_are_left_out():
    failed = as_table([{"participant_id": "2", "reason": "ImageError: torn"}], RATER_AGREEMENT)
    rows = pd.concat([compared(rater(0, 8), {"A": rater(0, 8), "B": rater(0, 8)}), failed])
    table = summarize_rater_agreement(as_table(rows, RATER_AGREEMENT))
    assert table["scan_count"].tolist() == [1] * 9
    none = summarize_rater_agreement(failed)
    assert none["rater"].tolist() == ["all"] * 3
    assert none["scan_count"].eq(0).all()


def test_what_cannot_be_compared():
    with pytest.raises(SettingsError, match="has a rater 'all', but this is the mean"):
        compared(rater(0, 8), {"all": rater(0, 8)})
    with pytest.raises(TableError, match=r"no participant_id, .* Give compare_raters"):
        summarize_rater_agreement(compared(rater(0, 8), {"A": rater(0, 8)}, None))
    with pytest.raises(TableError, match="other columns than declared"):
        summarize_rater_agreement(compared(rater(0, 8), {}).assign(more=nan))
    small = (np.zeros((4, 4, 4), np.uint8), UNIT)
    with pytest.raises(GeometryError, match="has 4 x 4 x 4 voxels"):
        ms.compare_raters(small, {"A": (np.zeros((5, 4, 4), np.uint8), UNIT)})


def test_no_rater():
    mask = (np.zeros((4, 4, 4), np.uint8), UNIT)
    assert len(ms.compare_raters(mask, {})) == 0
