"""Slopes over visits, and where they are broken."""

from datetime import date

import numpy as np
import pytest

from mslesion.longitudinal.trajectories import (
    chain_difference_pct,
    fit_slope,
    in_order,
    measure_trajectories,
    split_visits,
)

YEAR = 365.25
DATES = [date(2020 + n, 1, 1) for n in range(6)]


def test_slope_is_the_median_of_slopes():
    # Slopes of (0,0), (1,1), (2,2), (3,9): 1, 1, 3, 1, 4, 7; the median is 2
    found = fit_slope([0, YEAR, 2 * YEAR, 3 * YEAR], [0, 1, 2, 9])
    assert found.per_year == pytest.approx(2)
    assert (found.visit_count, found.span_years) == (4, pytest.approx(3))


def test_interval_holds_the_slope():
    rng = np.random.default_rng(0)
    days = np.arange(10) * 100.0
    found = fit_slope(days, 3 + 2 * days / YEAR + 0.05 * rng.standard_normal(10))
    assert found.ci95_low < 2 < found.ci95_high
    assert found.ci95_high - found.ci95_low < 0.2


@pytest.mark.parametrize(
    ("days", "values", "is_there"),
    [
        ([0, 100, 200], [1, 2, 3], True),
        ([0, 200], [1, 3], False),  # two visits
        ([0, 100, 200], [1, None, 3], False),
        ([0, 100, 200], [1, float("nan"), 3], False),
        ([0, 50, 182], [1, 2, 3], False),  # under half a year
        ([0, 50, 182.625], [1, 2, 3], True),  # half a year exactly
    ],
)
def test_when_there_is_a_slope(days, values, is_there):
    assert (fit_slope(days, values) is not None) is is_there


def test_three_visits_have_no_interval():
    found = fit_slope([0, YEAR, 2 * YEAR], [1, 2, 3])
    assert (found.per_year, found.ci95_low, found.ci95_high) == (pytest.approx(1), None, None)


def positions(*args, **kwargs):
    return [(part.positions, part.starts_with) for part in split_visits(*args, **kwargs)]


def test_no_split():
    assert positions(DATES[:3]) == [((0, 1, 2), "first visit")]
    assert positions([]) == []
    assert positions([None, None]) == []


def test_split_at_scanner_change():
    # An unknown scanner splits nothing; coming back to the first is a change too
    found = positions(DATES[:5], ["a", "", "b", "b", "a"])
    assert found == [
        ((0, 1), "first visit"),
        ((2, 3), "scanner change"),
        ((4,), "scanner change"),
    ]


def test_split_where_a_change_is_not_assessable():
    found = positions(DATES[:5], apart={2})
    assert found == [((0, 1), "first visit"), ((2, 3, 4), "change not assessable")]
    # A visit without a date passes the break on to the next; before the first there is none
    found = positions([DATES[0], DATES[1], None, DATES[3], DATES[4]], apart={0, 2})
    assert found == [((0, 1), "first visit"), ((3, 4), "change not assessable")]
    # A scanner change is the better reason
    found = positions(DATES[:3], ["a", "b", "b"], apart={1})
    assert found == [((0,), "first visit"), ((1, 2), "scanner change")]


def test_split_at_treatment():
    # Start on 1 October 2021: re-baseline on 2 April 2022 (183 days); the visit of
    # 1 January 2022 belongs to no segment
    start = date(2021, 10, 1)
    found = positions(DATES[:5], treatment_start=start)
    assert found == [((0, 1), "first visit"), ((3, 4), "treatment")]


def test_treatment_bounds():
    # A visit on the day of the start is before it; one 183 days after is after it
    dates = [date(2020, 1, 1), date(2021, 1, 1), date(2021, 7, 2), date(2021, 7, 3)]
    found = positions(dates, treatment_start=dates[1])
    assert (dates[3] - dates[1]).days == 183
    assert found == [((0, 1), "first visit"), ((3,), "treatment")]


def test_all_visits_after_treatment_are_one_segment():
    found = positions(DATES[:3], treatment_start=date(2010, 1, 1))
    assert found == [((0, 1, 2), "first visit")]


def test_rows():
    rows = measure_trajectories(
        {"brain_ml": [1000, 990, 980, 1100, 1110, 1120], "empty": [None] * 6},
        DATES,
        ["a"] * 3 + ["b"] * 3,
    )
    assert [row["slope_per_year"] for row in rows] == pytest.approx([-10, 10], rel=0.002)
    assert [row["segment"] for row in rows] == [1, 2]
    assert [row["scanner_count"] for row in rows] == [1, 1]
    assert rows[0]["date_from"] == "2020-01-01"


def test_chain():
    assert chain_difference_pct(-1.0, [-0.4, -0.6]) == pytest.approx(0)
    assert chain_difference_pct(None, [1.0]) is None
    assert chain_difference_pct(1.0, [1.0, None]) is None
    assert chain_difference_pct(1.0, []) is None


def test_order_of_visits():
    assert in_order(DATES)
    assert in_order([DATES[0], None, DATES[1]])
    assert not in_order([DATES[0], DATES[0]])
    assert not in_order([DATES[1], DATES[0]])
