import numpy as np
import pandas as pd
import pytest
from evaluation_phantoms import UNIT, blobs, disturbed, lines

from mslesion.errors import TableError
from mslesion.evaluation import (
    bootstrap_interval,
    measure_agreement,
    measure_volume_agreement,
    summarize_agreement,
)
from mslesion.schema.agreement import AGREEMENT, AGREEMENT_SUMMARY
from mslesion.schema.columns import as_table, check_table, empty_table


def compared(subject, seed, session=None):
    reference = blobs(seed, share=0.03 + 0.01 * (seed % 5))
    return measure_agreement(
        predicted=disturbed(reference, 100 + seed),
        reference=reference,
        affine=UNIT,
        participant_id=subject,
        session_id=session,
    )


@pytest.fixture(scope="module")
def rows():
    scans = [compared(f"{number:02d}", number) for number in range(5)]
    scans.append(compared("00", 7, "2"))
    scans.append(
        measure_agreement(
            predicted=lines((0, 8)), reference=lines(), affine=UNIT, participant_id="healthy"
        )
    )
    failed = as_table([{"participant_id": "broken", "reason": "ImageError: torn"}], AGREEMENT)
    return as_table(pd.concat([*scans, failed]), AGREEMENT)


@pytest.fixture(scope="module")
def summary(rows):
    table = summarize_agreement(rows, resamples=200)
    check_table(table, AGREEMENT_SUMMARY)
    return table.set_index("metric")


def test_means_are_over_the_scans_where_defined(rows, summary):
    # 6 scans of 5 patients have lesions; the healthy one has false lesions alone
    assert summary.loc["dice", "estimate"] == pytest.approx(rows["dice"].mean())
    assert summary.loc["dice", ["scan_count", "patient_count"]].tolist() == [6, 5]
    assert summary.loc["false_lesion_count", "estimate"] == 1
    assert summary.loc["false_lesion_volume_mm3", "estimate"] == 8
    assert summary.loc["false_lesion_count", "scan_count"] == 1
    assert np.isnan(summary.loc["false_lesion_count", "lower"])


def test_intervals_are_over_patients(rows, summary):
    measured = rows[rows["dice"].notna()]
    expected = bootstrap_interval(
        np.mean, [measured["dice"]], patients=measured["participant_id"].tolist(), resamples=200
    )
    assert summary.loc["dice", ["estimate", "lower", "upper"]].tolist() == pytest.approx(expected)


def test_sizes_are_pooled_over_lesions(rows, summary):
    found = rows["detected_count_10_100mm3"].sum() / rows["reference_count_10_100mm3"].sum()
    assert summary.loc["sensitivity_10_100mm3", "estimate"] == pytest.approx(found)
    assert np.isnan(summary.loc["sensitivity_from_1000mm3", "estimate"])  # no such lesion


def test_volumes_are_those_of_the_set(rows, summary):
    measured = rows[rows["reason"].isna()]
    expected = measure_volume_agreement(
        predicted_mm3=measured["predicted_volume_mm3"],
        reference_mm3=measured["reference_volume_mm3"],
    )
    for name in ("pearson_r", "spearman_rho", "icc_a1", "median_absolute_error_pct"):
        assert summary.loc[f"volume_{name}", "estimate"] == pytest.approx(getattr(expected, name))
    for name in ("bias_mm3", "lower_limit_mm3", "upper_limit_mm3"):
        assert summary.loc[f"volume_{name}", "estimate"] == pytest.approx(getattr(expected, name))
        assert summary.loc[f"volume_{name}", "units"] == "mm^3"
    assert summary.loc["volume_pearson_r", "scan_count"] == 7


def test_isbi_score_with_correlation(rows, summary):
    measured = rows[rows["isbi_score"].notna()]
    r = np.corrcoef(measured["predicted_volume_mm3"], measured["reference_volume_mm3"])[0, 1]
    expected = 0.75 * measured["isbi_score"].mean() + 0.25 * r
    assert summary.loc["isbi_score_with_correlation", "estimate"] == pytest.approx(expected)


def test_limits_enclose_the_estimate(summary):
    known = summary.dropna(subset=["lower"])
    known = known[known["kind"] == "mean"]
    assert (known["lower"] <= known["estimate"]).all()
    assert (known["estimate"] <= known["upper"]).all()


def test_no_rows_give_no_values():
    table = summarize_agreement(empty_table(AGREEMENT))
    assert table["estimate"].isna().all()
    assert (table["scan_count"] == 0).all()


def test_one_scan_has_estimates_without_intervals(rows):
    table = summarize_agreement(rows.head(1)).set_index("metric")
    assert table.loc["dice", "estimate"] == rows["dice"].iloc[0]
    assert table["lower"].isna().all()


def test_patients_must_be_known(rows):
    nameless = rows.assign(
        participant_id=pd.array([None] * len(rows), dtype=rows["participant_id"].dtype)
    )
    with pytest.raises(
        TableError, match=r"Some rows have no participant_id, .* Give compare_masks"
    ):
        summarize_agreement(nameless)


def test_other_tables_are_refused(rows):
    with pytest.raises(TableError, match="other columns than declared"):
        summarize_agreement(rows.drop(columns="dice"))
