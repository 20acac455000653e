"""Quality checks: states on both sides of every threshold, rows, flags."""

import pytest

from mslesion.schema import CHANGES, QUALITY, as_table
from mslesion.schema.checks import (
    CHECKS,
    FAIL,
    PAIR_CHECKS,
    PASS,
    STATES,
    UNKNOWN,
    WARN,
    Check,
    checks_on,
    flags,
    judge,
    worst_state,
)
from mslesion.schema.columns import check_table
from mslesion.schema.prerequisites import OF_PAIR, PREREQUISITES
from mslesion.schema.visits import BIOMARKERS

BY_NAME = {check.name: check for check in CHECKS}


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("header_problems", 0, PASS),
        ("header_problems", 1, WARN),
        ("longest_voxel_mm", 3.0, PASS),
        ("longest_voxel_mm", 3.01, WARN),
        ("longest_voxel_mm", 5.0, WARN),
        ("longest_voxel_mm", 5.01, FAIL),
        ("lesion_outside_brain", 10, PASS),
        ("lesion_outside_brain", 10.1, WARN),
        ("lesion_outside_brain", 50, WARN),
        ("lesion_outside_brain", 50.1, FAIL),
        ("lesion_share_of_brain", 20, PASS),
        ("lesion_share_of_brain", 20.1, WARN),
        ("lesion_share_of_brain", 50, WARN),
        ("lesion_share_of_brain", 50.1, FAIL),
        ("flair_signal_to_noise", 10, PASS),
        ("flair_signal_to_noise", 9.9, WARN),
        ("flair_signal_to_noise", 4, WARN),
        ("flair_signal_to_noise", 3.9, FAIL),
        ("load_unlike_ms", 0, PASS),
        ("load_unlike_ms", 1, WARN),
        ("edges_in_place", 55, PASS),
        ("edges_in_place", 54.9, WARN),
        ("edges_in_place", 45, WARN),
        ("edges_in_place", 44.9, FAIL),
        ("flair_t1w_overlap", 0.95, PASS),
        ("flair_t1w_overlap", 0.94, WARN),
        ("flair_t1w_overlap", 0.85, WARN),
        ("flair_t1w_overlap", 0.84, FAIL),
        ("brain_cut_off_cm2", 10, PASS),
        ("brain_cut_off_cm2", 40, WARN),
        ("brain_cut_off_cm2", 40.1, FAIL),
        ("bright_vessels_on_t1w", 2, PASS),
        ("bright_vessels_on_t1w", 2.1, WARN),
        ("facts_disagree", 0, PASS),
        ("facts_disagree", 1, WARN),
    ],
)
def test_thresholds_themselves_pass(name, value, state):
    assert BY_NAME[name].state(value) == state


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_finite_is_not_assessable(value):
    assert BY_NAME["longest_voxel_mm"].state(value) == UNKNOWN


def test_threshold_in_words():
    assert BY_NAME["longest_voxel_mm"].threshold == "<= 3"
    assert BY_NAME["flair_t1w_overlap"].threshold == ">= 0.95"
    assert {check.threshold[:2] for check in CHECKS} == {"<=", ">="}


@pytest.mark.parametrize("check", CHECKS + PAIR_CHECKS, ids=lambda check: check.name)
def test_declarations(check):
    assert check.name.replace("_", "a").isalnum()
    assert check.name == check.name.lower()
    assert check.description
    assert check.consequence.endswith((".", "?"))
    assert (check.warn_above is None) != (check.warn_below is None)
    if check.fail_above is not None:
        assert check.fail_above > check.warn_above
    if check.fail_below is not None:
        assert check.fail_below < check.warn_below
    for ending, unit in (("_mm", "mm"), ("_ml", "mL"), ("_cm2", "cm^2")):
        assert check.name.endswith(ending) == (check.unit == unit)


def test_names_differ():
    names = [check.name for check in CHECKS + PAIR_CHECKS]
    assert len(set(names)) == len(names)


def test_rows_are_a_table():
    rows = judge(
        CHECKS,
        {"longest_voxel_mm": 6.0, "flair_signal_to_noise": 30.0, "bright_vessels_on_t1w": None},
        details={"bright_vessels_on_t1w": "no T1w", "flair_signal_to_noise": "calm"},
    )
    frame = as_table([{"participant_id": "1", "session_id": None} | row for row in rows], QUALITY)
    check_table(frame, QUALITY)
    assert list(STATES) == [PASS, WARN, FAIL, UNKNOWN]
    assert [row["check"] for row in rows] == [check.name for check in CHECKS]
    found = {row["check"]: (row["state"], row["detail"]) for row in rows}
    assert found["longest_voxel_mm"] == (FAIL, BY_NAME["longest_voxel_mm"].consequence)
    assert found["flair_signal_to_noise"] == (PASS, "calm")
    assert found["bright_vessels_on_t1w"] == (UNKNOWN, "no T1w")
    assert found["header_problems"] == (UNKNOWN, "")  # was not given
    assert worst_state(rows) == FAIL
    assert flags(rows) == ["longest_voxel_mm:fail"]


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([PASS, UNKNOWN], PASS), ([PASS, WARN, UNKNOWN], WARN), ([WARN, FAIL, PASS], FAIL),
        ([PASS], PASS),
    ],
)  # fmt: skip
def test_worst_state(states, worst):
    assert worst_state([{"state": state} for state in states]) == worst


def test_no_check_at_all():
    assert worst_state([]) == UNKNOWN
    assert flags([]) == []


def test_a_check_of_ones_own():
    check = Check("own_mm", "own", "mm", ("brain",), warn_below=2, fail_below=1)
    assert [check.state(v) for v in (2, 1.5, 1, 0.5)] == [PASS, WARN, WARN, FAIL]


def test_every_check_concerns_columns():
    groups = {column.group for column in BIOMARKERS.values()}
    for check in (*CHECKS, *PAIR_CHECKS):
        assert check.concerns
        assert set(check.concerns) <= groups | set(PREREQUISITES) | set(OF_PAIR), check.name


def test_every_number_that_depends_on_scans_has_checks():
    measured = [*BIOMARKERS.values(), *(column for column in CHANGES.columns if column.requires)]
    assert len(measured) > 90
    for column in measured:
        assert checks_on(column), column.name
