from math import nan

import numpy as np
import pytest

from mslesion.errors import SettingsError, TableError
from mslesion.evaluation import bootstrap_interval

NAMES = [f"p{number:02d}" for number in range(30)]


def values(seed=0, count=30):
    return np.random.default_rng(seed).normal(0.6, 0.1, count)


def test_the_interval_of_a_mean_is_near_the_normal_one():
    x = values(count=200)
    found = bootstrap_interval(np.mean, [x], patients=[f"p{n}" for n in range(200)])
    half = 1.96 * x.std() / np.sqrt(200)
    assert found.estimate == pytest.approx(x.mean())
    assert found.lower == pytest.approx(x.mean() - half, abs=0.1 * half)
    assert found.upper == pytest.approx(x.mean() + half, abs=0.1 * half)


def test_the_same_seed_gives_the_same_interval():
    first = bootstrap_interval(np.mean, [values()], patients=NAMES)
    assert first == bootstrap_interval(np.mean, [values()], patients=NAMES)
    assert first != bootstrap_interval(np.mean, [values()], patients=NAMES, seed=1)


def test_the_order_of_rows_does_not_matter():
    order = np.random.default_rng(1).permutation(30)
    first = bootstrap_interval(np.mean, [values()], patients=NAMES)
    other = bootstrap_interval(np.mean, [values()[order]], patients=np.array(NAMES)[order])
    assert other == pytest.approx(first)


def test_more_scans_of_the_same_patients_do_not_narrow_it():
    once = bootstrap_interval(np.mean, [values()], patients=NAMES)
    many = bootstrap_interval(np.mean, [np.repeat(values(), 10)], patients=np.repeat(NAMES, 10))
    assert many == pytest.approx(once)


def test_columns_stay_together():
    x = values()
    found = bootstrap_interval(lambda a, b: float((a - b).mean()), [x, x - 1], patients=NAMES)
    assert found == pytest.approx((1, 1, 1))


def test_a_smaller_confidence_is_narrower():
    wide = bootstrap_interval(np.mean, [values()], patients=NAMES)
    narrow = bootstrap_interval(np.mean, [values()], patients=NAMES, confidence=0.5)
    assert wide.lower < narrow.lower < narrow.upper < wide.upper


def test_rows_without_a_value_are_left_out():
    x, names = [*values(), nan], [*NAMES, "p99"]
    assert bootstrap_interval(np.mean, [x], patients=names) == bootstrap_interval(
        np.mean, [values()], patients=NAMES
    )


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_patients_have_no_interval(count):
    found = bootstrap_interval(np.mean, [values(count=count)], patients=NAMES[:count])
    assert np.isnan(found.estimate) == (count == 0)
    assert np.isnan([found.lower, found.upper]).all()


def test_draws_without_a_value_are_left_out():
    # Two of three distinct values or more; a draw of one patient three times gives NaN
    def spread(x):
        return float(np.ptp(x)) if np.ptp(x) else nan

    found = bootstrap_interval(spread, [[1.0, 2.0, 3.0]], patients=NAMES[:3])
    assert found == (2, 1, 2)


def test_no_draw_has_a_value():
    def only_for_all(x):
        return 1.0 if sum(set(x)) == 6 else nan

    # Seed 0 draws patients 2, 1, 1: not all three
    found = bootstrap_interval(only_for_all, [[1.0, 2.0, 3.0]], patients=NAMES[:3], resamples=1)
    assert found.estimate == 1
    assert np.isnan([found.lower, found.upper]).all()


def test_each_row_needs_a_patient():
    with pytest.raises(TableError, match=r"\[3, 2\] rows, but there are 3 patients. Give"):
        bootstrap_interval(np.mean, [[1, 2, 3], [1, 2]], patients=NAMES[:3])


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_fraction(confidence):
    with pytest.raises(SettingsError, match=rf"confidence is {confidence}, but .* 0.95"):
        bootstrap_interval(np.mean, [values()], patients=NAMES, confidence=confidence)
