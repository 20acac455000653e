"""Quality checks: states on both sides of every threshold, noise against known noise."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from mslesion.measures.quality import (
    CHECKS,
    FAIL,
    PASS,
    UNKNOWN,
    WARN,
    Check,
    judge_quality,
    signal_to_noise,
    worst_state,
)
from mslesion.schema import QUALITY, as_table
from mslesion.schema.columns import check_table
from mslesion.schema.visits import STATES

BY_ID = {check.check_id: check for check in CHECKS}


@pytest.mark.parametrize(
    ("check_id", "value", "state"),
    [
        ("Q1", 0, PASS), ("Q1", 1, WARN),
        ("Q2", 3.0, PASS), ("Q2", 3.01, WARN), ("Q2", 5.0, WARN), ("Q2", 5.01, FAIL),
        ("Q3a", 10, PASS), ("Q3a", 10.1, WARN), ("Q3a", 50, WARN), ("Q3a", 50.1, FAIL),
        ("Q9", 10, PASS), ("Q9", 9.9, WARN), ("Q9", 4, WARN), ("Q9", 3.9, FAIL),
        ("Q11", 0.95, PASS), ("Q11", 0.94, WARN), ("Q11", 0.85, WARN), ("Q11", 0.84, FAIL),
        ("M1", 10, PASS), ("M1", 40, WARN), ("M1", 40.1, FAIL),
        ("Q15", 2, PASS), ("Q15", 2.1, WARN),
        ("Q16", 0, PASS), ("Q16", 1, WARN),
    ],
)  # fmt: skip
def test_thresholds_themselves_pass(check_id, value, state):
    assert BY_ID[check_id].state(value) == state


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_finite_is_not_assessable(value):
    assert BY_ID["Q2"].state(value) == UNKNOWN


def test_threshold_in_words():
    assert BY_ID["Q2"].threshold == "<= 3"
    assert BY_ID["Q11"].threshold == ">= 0.95"
    assert {check.threshold[:2] for check in CHECKS} == {"<=", ">="}


def test_declarations():
    assert len({check.check_id for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.consequence.endswith((".", "?")), check.check_id
        assert (check.warn_above is None) != (check.warn_below is None)
        if check.fail_above is not None:
            assert check.fail_above > check.warn_above
        if check.fail_below is not None:
            assert check.fail_below < check.warn_below


def test_rows_are_a_table():
    rows = judge_quality({"Q2": 6.0, "Q9": 30.0, "Q15": None}, {"Q15": "no T1w", "Q9": "calm"})
    frame = as_table([{"participant_id": "1", "session_id": None} | row for row in rows], QUALITY)
    check_table(frame, QUALITY)
    assert list(STATES) == [PASS, WARN, FAIL, UNKNOWN]
    by_id = {row["check_id"]: row for row in rows}
    assert list(by_id) == [check.check_id for check in CHECKS]
    assert by_id["Q2"]["state"] == FAIL
    assert by_id["Q2"]["detail"] == BY_ID["Q2"].consequence
    assert (by_id["Q9"]["state"], by_id["Q9"]["detail"]) == (PASS, "calm")
    assert (by_id["Q15"]["state"], by_id["Q15"]["detail"]) == (UNKNOWN, "no T1w")
    assert by_id["Q1"]["state"] == UNKNOWN  # was not given
    assert worst_state(rows) == FAIL


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([PASS, UNKNOWN], PASS), ([PASS, WARN, UNKNOWN], WARN), ([WARN, FAIL, PASS], FAIL),
        ([PASS], PASS),
    ],
)  # fmt: skip
def test_worst_state(states, worst):
    assert worst_state([{"state": state} for state in states]) == worst


def noisy(sd, *, shape=(40, 40, 40), slope=0.0, seed=0):
    """Tissue of 100 with a slope along the first axis and noise."""
    rng = np.random.default_rng(seed)
    drift = slope * np.arange(shape[0])[:, None, None]
    return 100 + drift + sd * rng.standard_normal(shape)


EVERYWHERE = np.ones((40, 40, 40), bool)


@pytest.mark.parametrize("sd", [2.0, 5.0, 20.0])
def test_signal_to_noise_is_median_by_sd(sd):
    """Within 4 %: the largest of three estimates, each of 46,000 second differences."""
    assert signal_to_noise(noisy(sd), EVERYWHERE) == pytest.approx(100 / sd, rel=0.04)


def test_slow_changes_are_no_noise():
    # From 100 to 178 along the first axis: the median is 139 where the erosion took 2 a side
    assert signal_to_noise(noisy(5, slope=2.0), EVERYWHERE) == pytest.approx(139 / 5, rel=0.05)


def test_an_interpolated_axis_does_not_hide_noise():
    smooth = ndi.gaussian_filter1d(noisy(5), 1.5, axis=0)
    apart = [noisy(5), smooth]
    sd = np.std(smooth)  # what is left of the noise, along the other axes
    assert sd < 0.6 * 5
    assert signal_to_noise(apart[1], EVERYWHERE) == pytest.approx(100 / sd, rel=0.06)


def test_only_the_tissue_is_looked_at():
    data = noisy(5)
    data[:, :, 20:] = 1000 * np.random.default_rng(1).random((40, 40, 20))
    tissue = EVERYWHERE.copy()
    tissue[:, :, 18:] = False
    assert signal_to_noise(data, tissue) == pytest.approx(20, rel=0.06)


def test_too_little_tissue_and_no_noise():
    tissue = np.zeros((40, 40, 40), bool)
    tissue[5:18, 5:18, 5:18] = True  # 13^3, eroded by 2: 9^3 = 729 voxels, under 1000
    assert signal_to_noise(noisy(5), tissue) is None
    tissue[5:19, 5:19, 5:19] = True  # 10^3 = 1000
    assert signal_to_noise(noisy(5), tissue) is not None
    assert signal_to_noise(noisy(0), EVERYWHERE) is None
    assert signal_to_noise(noisy(5), tissue * False) is None


def test_a_check_of_ones_own():
    check = Check("X", "own", "mm", warn_below=2, fail_below=1)
    assert [check.state(v) for v in (2, 1.5, 1, 0.5)] == [PASS, WARN, WARN, FAIL]
