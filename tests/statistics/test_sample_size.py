"""Sample sizes against textbook values and another program."""

from math import sqrt

import numpy as np
import pytest

from mslesion.errors import SettingsError
from mslesion.statistics import (
    pair_noise,
    subjects_for_counts,
    subjects_for_means,
    yearly_change_sd,
)


@pytest.mark.parametrize(
    ("effect", "power", "subjects"),
    [(0.2, 0.8, 394), (0.5, 0.8, 64), (0.8, 0.8, 26), (0.5, 0.9, 86)],
)  # Cohen 1992, table 2 (0.2 there by interpolation 393), and his tables for 0.9
def test_means_by_the_textbook(effect, power, subjects):
    assert subjects_for_means(effect, 1.0, power=power) == subjects
    assert subjects_for_means(-effect * 3, 3.0, power=power) == subjects


@pytest.mark.parametrize("effect", [0.05, 0.3, 0.61, 1.5, 4.0])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_means_by_statsmodels(effect, alpha):
    power = pytest.importorskip("statsmodels.stats.power").TTestIndPower()
    found = subjects_for_means(effect, 1.0, alpha=alpha)
    assert power.power(effect, found, alpha) >= 0.8
    assert found == 2 or power.power(effect, found - 1, alpha) < 0.8


def test_dropout_is_added():
    # 64 / 0.9 = 71.1
    assert subjects_for_means(0.5, 1.0, dropout_fraction=0.1) == 72


def test_counts_by_hand():
    # (1.95996 + 0.84162)^2 = 7.8489; variance 1 / 2 + 1 / 1 + 2 * 1 = 3.5; log(0.5)^2 = 0.48045
    # 7.8489 * 3.5 / 0.48045 = 57.18
    assert subjects_for_counts(2.0, 0.5, dispersion=1.0, years=1.0) == 58
    # two years: 1 / 4 + 1 / 2 + 2 = 2.75: 44.93
    assert subjects_for_counts(2.0, 0.5, dispersion=1.0, years=2.0) == 45
    assert subjects_for_counts(2.0, 0.5, dispersion=1.0, years=2.0, dropout_fraction=0.25) == 60


@pytest.mark.slow
def test_counts_by_simulation():
    pytest.importorskip("statsmodels")
    import pandas as pd

    from mslesion.statistics import compare_counts

    subjects = subjects_for_counts(2.0, 0.5, dispersion=1.0, years=2.0)
    rng, found = np.random.default_rng(0), 0
    for _ in range(400):
        counts = [rng.negative_binomial(1, 1 / (1 + mean), subjects) for mean in (4.0, 2.0)]
        table = pd.DataFrame(
            {
                "participant_id": range(2 * subjects),
                "arm": ["a"] * subjects + ["b"] * subjects,
                "n": np.concatenate(counts),
            }
        )
        found += compare_counts(table, "n", group="arm", reference="a").p_value < 0.05
    assert found / 400 == pytest.approx(0.8, abs=0.06)


def test_noise():
    assert pair_noise([0.3, -0.4, 0.0]) == pytest.approx(sqrt(0.25 / 3))
    assert yearly_change_sd(0.3, 0.8, years=2.0) == pytest.approx(0.5)
    assert yearly_change_sd(0.3, 0.0, years=2.0) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair_noise([]), "There is no pair of scans"),
        (lambda: yearly_change_sd(1, 1, years=0), "years is 0, but it must be above 0"),
        (lambda: subjects_for_means(0, 1), "difference is 0 and sd is 1"),
        (lambda: subjects_for_means(1, 0), "difference is 1 and sd is 0"),
        (lambda: subjects_for_means(1e-5, 1), "needs more than 1000000 participants per arm"),
        (lambda: subjects_for_means(1, 1, power=1), "power is 1, but a value between 0 and 1"),
        (lambda: subjects_for_means(1, 1, alpha=0), "alpha is 0, but a value between 0 and 1"),
        (lambda: subjects_for_means(1, 1, dropout_fraction=1), "dropout_fraction is 1, but"),
        (lambda: subjects_for_counts(0, 2, dispersion=1, years=1), "The rate is 0, the ratio 2"),
        (lambda: subjects_for_counts(1, 1, dispersion=1, years=1), "the ratio not 1"),
        (lambda: subjects_for_counts(1, 2, dispersion=-1, years=1), "the dispersion -1"),
    ],
)
def test_what_cannot_be(call, message):
    with pytest.raises(SettingsError, match=message):
        call()
