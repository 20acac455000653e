import numpy as np
import pytest
from scipy import stats

from mslesion.evaluation import measure_volume_agreement


def agreement(predicted, reference):
    return measure_volume_agreement(predicted_mm3=predicted, reference_mm3=reference)


def test_numbers_by_hand():
    # Differences 1, 1, 1: bias 1 without spread. ICC(A,1): scan means 1.5, 2.5, 3.5 give
    # 2 between scans, side means 3 and 2 give 3 * 0.5 between sides, no error:
    # 2 / (2 + 2/3 * 1.5) = 2/3. Percent errors 100, 50, 33.
    found = agreement([2, 3, 4], [1, 2, 3])
    assert found.scan_count == 3
    assert found.pearson_r == pytest.approx(1)
    assert found.spearman_rho == pytest.approx(1)
    assert found.icc_a1 == pytest.approx(2 / 3)
    assert found.bias_mm3 == found.lower_limit_mm3 == found.upper_limit_mm3 == 1
    assert found.median_absolute_error_pct == pytest.approx(50)


def test_limits_by_hand():
    # Differences -2, 0, 2: standard deviation 2
    found = agreement([8, 20, 32], [10, 20, 30])
    assert found.bias_mm3 == 0
    assert found.lower_limit_mm3 == pytest.approx(-3.92)
    assert found.upper_limit_mm3 == pytest.approx(3.92)


def test_correlations_are_those_of_scipy():
    rng = np.random.default_rng(4)
    x = rng.lognormal(8, 1, 25).round(-3)  # with ties
    y = x * rng.normal(1, 0.3, 25)
    found = agreement(x, y)
    assert found.pearson_r == pytest.approx(stats.pearsonr(x, y).statistic)
    assert found.spearman_rho == pytest.approx(stats.spearmanr(x, y).statistic)


def test_icc_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(5)
    values = np.column_stack([rng.normal(0, 1, 12), rng.normal(0.5, 1, 12)])
    values[:, 1] += values[:, 0]
    n = len(values)
    total = ((values - values.mean()) ** 2).sum()
    rows = 2 * ((values.mean(1) - values.mean()) ** 2).sum()
    columns = n * ((values.mean(0) - values.mean()) ** 2).sum()
    error = (total - rows - columns) / (n - 1)
    rows /= n - 1
    expected = (rows - error) / (rows + error + 2 * (columns - error) / n)
    assert agreement(*values.T).icc_a1 == pytest.approx(expected)


def test_a_bias_lowers_the_icc_alone():
    x = np.array([1.0, 4, 2, 8])
    found = agreement(x + 10, x)
    assert found.pearson_r == pytest.approx(1)
    assert found.icc_a1 < 0.3
    assert agreement(x, x).icc_a1 == pytest.approx(1)
    assert agreement(-x, x).icc_a1 < 0


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_scans_have_no_correlation(count):
    found = agreement(np.arange(count) + 1.0, np.arange(count) + 2.0)
    undefined = (found.pearson_r, found.spearman_rho, found.icc_a1)
    assert np.isnan([*undefined, found.lower_limit_mm3, found.upper_limit_mm3]).all()
    assert np.isnan(found.bias_mm3) == (count == 0)
    assert np.isnan(found.median_absolute_error_pct) == (count == 0)


def test_volumes_without_spread():
    same = [0.1, 0.1, 0.1]
    assert np.isnan(
        [agreement(same, [1, 2, 3]).pearson_r, agreement([1, 2, 3], same).pearson_r]
    ).all()
    assert np.isnan(agreement(same, same).icc_a1)
    assert agreement(same, same).bias_mm3 == 0


def test_scans_without_a_volume_are_left_out():
    found = agreement([2, np.nan, 3, 4, 9], [1, 5, 2, 3, np.nan])
    assert found == agreement([2, 3, 4], [1, 2, 3])


def test_percent_error_needs_a_reference_volume():
    assert agreement([5, 3], [0, 2]).median_absolute_error_pct == pytest.approx(50)
    assert np.isnan(agreement([5, 3], [0, 0]).median_absolute_error_pct)
