"""Comparisons of two groups against values worked out another way."""

import sys
from math import exp, log, nan, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import gammaln
from scipy.stats import t

from mslesion.errors import MissingToolError, MSLesionError, TableError
from mslesion.statistics import (
    compare_counts,
    compare_slopes,
    compare_volumes,
    compare_yearly_changes,
)

pytest.importorskip("statsmodels")

GROUPS = {"group": "arm", "reference": "placebo"}


def frame(placebo, drug, name="value", **columns):
    table = pd.DataFrame(
        {
            "participant_id": [f"{n:03d}" for n in range(len(placebo) + len(drug))],
            "arm": ["placebo"] * len(placebo) + ["drug"] * len(drug),
            name: [*placebo, *drug],
        }
    )
    return table.assign(**columns)


def test_poisson_where_counts_vary_little():
    # 20 lesions in 8 years against 10 in 10: (10 / 10) / (20 / 8) = 0.4;
    # the error of the log ratio is sqrt(1/20 + 1/10)
    years = [1.0, 2, 3, 2, 2, 2, 3, 3]
    table = frame([3, 5, 7, 5], [2, 2, 3, 3], years=years)
    found = compare_counts(table, "value", years="years", **GROUPS)
    assert found.model == "Poisson (no overdispersion)"
    assert found.estimate == pytest.approx(0.4)
    half = 1.959964 * sqrt(1 / 20 + 1 / 10)
    assert found.ci95_low == pytest.approx(exp(log(0.4) - half), rel=1e-5)
    assert found.ci95_high == pytest.approx(exp(log(0.4) + half), rel=1e-5)
    assert (found.reference_subjects, found.other_subjects) == (4, 4)
    assert (found.reference_group, found.other_group) == ("placebo", "drug")


OVERDISPERSED = ([0, 0, 1, 2, 3, 5, 9, 14, 20, 2], [0, 0, 0, 1, 1, 2, 3, 6, 0, 4])


def test_negative_binomial_agrees_with_its_likelihood():
    placebo, drug = (np.array(counts, float) for counts in OVERDISPERSED)
    found = compare_counts(frame(placebo, drug), "value", **GROUPS)
    assert found.model == "negative binomial"
    # With one mean a group the likeliest means are the sample means ...
    assert found.estimate == pytest.approx(drug.mean() / placebo.mean(), rel=1e-4)

    # ... and the dispersion k is the one that makes the counts likeliest.
    def unlikely(log_k):
        k, total = exp(log_k[0]), 0.0
        for counts in (placebo, drug):
            mean = counts.mean()
            total += np.sum(
                gammaln(counts + 1 / k) - gammaln(1 / k) - gammaln(counts + 1)
                - (counts + 1 / k) * np.log1p(k * mean) + counts * np.log(k * mean)
            )  # fmt: skip
        return -total

    k = exp(minimize(unlikely, [0.0], method="Nelder-Mead").x[0])
    # The variance of the log of a mean of n counts is (1 / mean + k) / n.
    error = sqrt(sum((1 / counts.mean() + k) / 10 for counts in (placebo, drug)))
    assert log(found.ci95_high / found.ci95_low) / 2 / 1.959964 == pytest.approx(error, rel=1e-3)


def test_a_model_that_does_not_converge_is_said(monkeypatch):
    monkeypatch.setattr("mslesion.statistics.two_groups._fitted", lambda fit: None)
    found = compare_counts(frame(*OVERDISPERSED), "value", **GROUPS)
    assert (found.note, np.isnan(found.estimate)) == ("the model did not converge", True)


@pytest.mark.parametrize(("group", "rest"), [([0, 0, 0], [1, 2, 3]), ([1, 2, 3], [0, 0, 0])])
def test_a_group_without_lesions_has_no_ratio(group, rest):
    found = compare_counts(frame(group, rest), "value", **GROUPS)
    assert np.isnan(found.estimate)
    assert found.note == "a group has no lesion at all"


def test_volumes_on_the_log_scale():
    # Volumes + 0.1: 1, 2, 4 against 2, 4, 8, 16: geometric means 2 and 2^2.5
    table = frame([0.9, 1.9, 3.9], [1.9, 3.9, 7.9, 15.9])
    found = compare_volumes(table, "value", **GROUPS)
    assert found.estimate == pytest.approx(2**1.5)
    # HC3: sum of squares of a group per (n - 1)^2, in log 2: 2 / 4 + 5 / 9
    error = log(2) * sqrt(2 / 4 + 5 / 9)
    half = t.ppf(0.975, 5) * error
    assert found.ci95_low == pytest.approx(exp(1.5 * log(2) - half))
    assert found.ci95_high == pytest.approx(exp(1.5 * log(2) + half))
    # Hedges: 1.5 / sqrt((2 + 5) / 5), times 1 - 3 / (4 * 5 - 1)
    assert found.standardized_effect == pytest.approx(1.5 / sqrt(7 / 5) * 16 / 19)


def test_covariates_are_adjusted_for():
    # The value is exactly 2 * (drug) + 3 * age, up to noise that no group has more of.
    age = np.array([30.0, 40, 50, 60, 35, 45, 55, 65])
    noise = np.array([0.1, -0.1, -0.1, 0.1] * 2)
    table = frame([0] * 4, [0] * 4, age=age)
    table["value"] = 2 * (table["arm"] == "drug") + 3 * age + noise
    found = compare_yearly_changes(table, "value", covariates=["age"], **GROUPS)
    assert found.estimate == pytest.approx(2, abs=0.02)
    assert compare_yearly_changes(table, "value", **GROUPS).estimate == pytest.approx(17)


def test_no_volume_is_below_zero():
    with pytest.raises(TableError, match=r"value has -0.1 mL, but volumes are 0 or more"):
        compare_volumes(frame([1.0, 2, -0.1], [1.0, 2, 3]), "value", **GROUPS)


def test_values_that_are_all_the_same():
    found = compare_volumes(frame([1.0, 1, 1], [1.0, 1, 1]), "value", **GROUPS)
    assert (found.note, np.isnan(found.estimate)) == ("all values are the same", True)


@pytest.mark.parametrize("size", [2, 3])
def test_smallest_groups(size):
    found = compare_volumes(frame([1.0, 2, 3][:size], [2.0, 3, 5]), "value", **GROUPS)
    assert (found.note == "fewer than 3 participants in a group") is (size == 2)
    assert np.isnan(found.estimate) is np.bool_(size == 2)


def test_missing_values_are_left_out():
    found = compare_volumes(frame([1.0, 2, 4, nan], [2.0, 4, 8, None]), "value", **GROUPS)
    assert (found.reference_subjects, found.other_subjects) == (3, 3)


def repeated(subject_means, within):
    """Rows of subjects with three intervals each, offset by `within` about their mean."""
    rows = []
    for arm, means in subject_means.items():
        for number, mean in enumerate(means):
            rows += [
                {"participant_id": f"{arm}{number}", "arm": arm, "value": mean + offset, "years": n}
                for n, offset in enumerate(np.roll(within, number))
            ]
    return pd.DataFrame(rows)


def test_mixed_model_of_intervals_is_the_analysis_of_variance():
    # Balanced, so the estimate is the difference of the means of subjects' means, and its
    # error comes from the spread of those means alone.
    means = {"placebo": [-1.0, -0.6, -0.2, -0.8], "drug": [-0.5, -0.1, 0.1, -0.3]}
    found = compare_yearly_changes(repeated(means, [0.1, -0.1, 0.0]), "value", **GROUPS)
    assert found.model == "mixed, random intercept per participant"
    assert found.estimate == pytest.approx(-0.2 + 0.65, abs=1e-4)
    squares = sum(((np.array(m) - np.mean(m)) ** 2).sum() for m in means.values())
    error = sqrt(squares / 6 * (1 / 4 + 1 / 4))
    assert (found.ci95_high - found.ci95_low) / 2 / 1.959964 == pytest.approx(error, rel=1e-3)
    assert found.reference_subjects == 4


def test_intercepts_that_do_not_differ_are_left_out():
    means = {"placebo": [-0.6] * 5, "drug": [-0.2] * 5}
    found = compare_yearly_changes(repeated(means, [0.4, -0.4, 0.0]), "value", **GROUPS)
    assert found.model == "linear, errors clustered by participant"
    assert found.estimate == pytest.approx(0.4)
    assert np.isnan(found.standardized_effect)


def with_slopes(slopes, residual):
    """Five visits a subject on a line of the given slope, about which they scatter."""
    rng, rows, years = np.random.default_rng(0), [], np.arange(5.0)
    for arm, of_arm in slopes.items():
        for number, slope in enumerate(of_arm):
            noise = rng.normal(size=5) * residual
            values = 100 + 3 * rng.normal() + slope * years + noise
            rows += [
                {"participant_id": f"{arm}{number}", "arm": arm, "years": year, "value": value}
                for year, value in zip(years, values, strict=True)
            ]
    return pd.DataFrame(rows)


def test_mixed_model_of_slopes_is_the_test_of_the_subjects_slopes():
    rng = np.random.default_rng(1)
    slopes = {"placebo": -1 + rng.normal(size=12), "drug": -0.2 + rng.normal(size=12)}
    table = with_slopes(slopes, 0.5)
    found = compare_slopes(table, "value", years="years", **GROUPS)
    assert found.model == "mixed, random intercept and slope per participant"
    # Balanced: the difference of the mean slopes of the subjects, with their spread
    fitted = {
        arm: [
            np.polyfit(one["years"], one["value"], 1)[0]
            for _, one in rows.groupby("participant_id")
        ]
        for arm, rows in table.groupby("arm")
    }
    assert found.estimate == pytest.approx(np.mean(fitted["drug"]) - np.mean(fitted["placebo"]))
    squares = sum(((np.array(s) - np.mean(s)) ** 2).sum() for s in fitted.values())
    error = sqrt(squares / 22 * (1 / 12 + 1 / 12))
    assert (found.ci95_high - found.ci95_low) / 2 / 1.959964 == pytest.approx(error, rel=1e-3)
    assert 0 < found.standardized_effect < 3


def test_slopes_that_do_not_differ_are_left_out():
    table = with_slopes({"placebo": [-1.0] * 6, "drug": [-0.5] * 6}, 1.0)
    found = compare_slopes(table, "value", years="years", **GROUPS)
    assert found.model in (
        "mixed, random intercept per participant",
        "mixed, random intercept and slope per participant",
    )
    assert found.ci95_low < 0.5 < found.ci95_high


def test_subjects_with_one_visit_have_no_slope():
    table = with_slopes({"placebo": [-1.0, 0, 1], "drug": [-0.5, 0.2, 0.5]}, 1.0)
    first = table[table["years"] == 0]
    found = compare_slopes(first, "value", years="years", **GROUPS)
    assert (found.reference_subjects, found.note) == (0, "fewer than 3 participants in a group")


@pytest.mark.parametrize(
    ("arms", "reference"), [(["a", "a", "a"], "a"), (["a", "b", "c"], "a"), (["a", "b", "b"], "x")]
)
def test_two_groups_are_needed(arms, reference):
    table = pd.DataFrame({"participant_id": ["1", "2", "3"], "arm": arms, "value": [1, 2, 3]})
    with pytest.raises(TableError, match=r"two are expected and one of them is"):
        compare_volumes(table, "value", group="arm", reference=reference)


def test_one_row_a_subject():
    table = frame([1.0, 2, 3], [1.0, 2, 3])
    with pytest.raises(TableError, match="The subject '000' has several rows, but one is expected"):
        compare_counts(pd.concat([table, table]), "value", **GROUPS)


def test_without_statsmodels(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    with pytest.raises(MissingToolError, match=r"Install it: pip install 'mslesion\[stats\]'."):
        compare_volumes(frame([1.0, 2, 3], [1.0, 2, 4]), "value", **GROUPS)
    assert issubclass(MissingToolError, ImportError)
    assert issubclass(MissingToolError, MSLesionError)
