"""Brain volume loss against its cut-offs."""

from datetime import date
from itertools import pairwise

import pytest

from mslesion.criteria import evaluate_brain_loss, in_pseudoatrophy_window, loss_cutoff_pct_per_year


@pytest.mark.parametrize(
    ("age", "published"), [(45, 0.52), (55, 0.77), (65, 1.05), (75, 1.45)]
)  # Opfer 2018, abstract
def test_cutoff_agrees_with_the_published_points(age, published):
    assert loss_cutoff_pct_per_year(age) == pytest.approx(published, abs=0.015)


@pytest.mark.parametrize(
    ("age", "cutoff"),
    [
        (17.9, None),
        (18, 0.52),
        (40, 0.52),  # the parabola alone would give 0.44
        (45, 0.52),
        # 3.75e-4 * 60^2 - 0.0143 * 60 + 0.409 = 1.35 - 0.858 + 0.409
        (60, 0.901),
        # 3.75e-4 * 80^2 - 0.0143 * 80 + 0.409 = 2.4 - 1.144 + 0.409
        (80, 1.665),
        (80.1, None),
    ],
)
def test_cutoff(age, cutoff):
    assert loss_cutoff_pct_per_year(age) == (None if cutoff is None else pytest.approx(cutoff))


def test_cutoff_never_falls_with_age():
    cutoffs = [loss_cutoff_pct_per_year(age / 10) for age in range(180, 801)]
    assert all(a <= b for a, b in pairwise(cutoffs))


@pytest.mark.parametrize(
    ("rate", "interval", "exceeds_age", "exceeds_0_4"),
    [
        (-0.9, (-1.1, -0.7), True, True),  # at 40 years the cut-off is 0.52
        (-0.6, (-0.8, -0.45), None, True),
        (-0.5, (-0.7, -0.3), None, None),
        (-0.2, (-0.4, 0.0), False, False),  # up to 0.4 is not over it
        (-0.6, (-0.7, -0.52), None, True),  # the interval begins on the cut-off
        (0.3, (0.1, 0.5), False, False),
    ],
)
def test_cutoffs_against_the_interval(rate, interval, exceeds_age, exceeds_0_4):
    loss = evaluate_brain_loss(rate, 2.0, ci95=interval, age_years=40)
    assert loss.exceeds_age_cutoff is exceeds_age
    assert loss.exceeds_0_4 is exceeds_0_4
    assert (loss.loss, loss.ci_low, loss.ci_high) == (-rate, -interval[1], -interval[0])


def test_a_loss_without_an_interval_is_not_judged():
    loss = evaluate_brain_loss(-3.0, 2.0, age_years=40)
    assert (loss.loss, loss.ci_low, loss.ci_high, loss.age_cutoff) == (3.0, None, None, 0.52)
    assert loss.exceeds_age_cutoff is None
    assert loss.exceeds_0_4 is None


@pytest.mark.parametrize(
    ("years", "has_rate", "is_judged"),
    # 0.05 years less than half a year and a year are enough: visits are planned in weeks
    [(0.44, False, False), (0.45, True, False), (0.94, True, False), (0.95, True, True)],
)
def test_short_intervals(years, has_rate, is_judged):
    loss = evaluate_brain_loss(-3.0, years, ci95=(-3.5, -2.5), age_years=50)
    assert (loss.loss is not None) is has_rate
    assert (loss.exceeds_age_cutoff is not None) is is_judged
    assert (loss.exceeds_0_4 is not None) is is_judged


def test_unknown_is_not_no():
    assert evaluate_brain_loss(None, 2.0, age_years=40).exceeds_0_4 is None
    assert evaluate_brain_loss(-1.0, None, age_years=40).loss is None
    assert evaluate_brain_loss(-1.0, 2.0, ci95=(-1.2, -0.8)).exceeds_age_cutoff is None
    assert evaluate_brain_loss(-1.0, 2.0, ci95=(-1.2, -0.8), age_years=85).age_cutoff is None


START = date(2020, 1, 1)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (date(2019, 1, 1), date(2019, 12, 31), False),  # before
        (date(2019, 6, 1), date(2020, 1, 1), False),  # ends on the day it begins
        (date(2019, 6, 1), date(2020, 1, 2), True),
        (date(2020, 3, 1), date(2021, 3, 1), True),
        (date(2020, 7, 1), date(2021, 7, 1), True),  # day 182
        (date(2020, 7, 2), date(2021, 7, 1), False),  # day 183: a new baseline
    ],
)
def test_window_of_a_treatment(first, second, expected):
    assert in_pseudoatrophy_window(first, second, treatment_start=START) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2020, 12, 2), True),  # 30 days before
        (date(2020, 12, 1), False),
        (date(2021, 1, 1), True),
        (date(2021, 1, 2), False),
    ],
)
def test_steroids(day, expected):
    window = in_pseudoatrophy_window(
        date(2019, 1, 1), date(2021, 1, 1), treatment_start=date(2010, 1, 1), steroids=[day]
    )
    assert window is expected


def test_unknown_start_is_open():
    first, second = date(2019, 1, 1), date(2021, 1, 1)
    assert in_pseudoatrophy_window(first, second) is None
    assert in_pseudoatrophy_window(first, second, steroids=[date(2010, 1, 1)]) is None
    assert in_pseudoatrophy_window(first, second, steroids=[second]) is True
