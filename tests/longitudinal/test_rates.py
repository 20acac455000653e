"""Yearly rates with their measured error, and the kind of pair that the error depends on."""

import pytest

from mslesion.longitudinal.brain.rates import half_width, kind_of_pair, rate_of
from mslesion.schema.change_errors import CHANGE_ERRORS, PAIR_KINDS, ChangeError, source_of_error
from mslesion.schema.label_schemes import OWN_SOURCE


def test_rates():
    found = rate_of(-1.0, 2.0, error=ChangeError(0.5, people=8))
    # Student's t of 8 degrees of freedom is 2.306: 2.306 * 0.5 / 2 = 0.5765
    assert found.per_year == -0.5
    assert (found.ci95_low, found.ci95_high) == pytest.approx((-1.0765, 0.0765), abs=1e-4)
    assert rate_of(-1.0, 0.5).per_year == -2
    assert rate_of(-1.0, 0.499).per_year is None
    assert rate_of(None, 2.0).per_year is None
    without = rate_of(-1.0, 2.0)
    assert (without.per_year, without.ci95_low, without.ci95_high) == (-0.5, None, None)


@pytest.mark.parametrize(
    ("people", "expected"), [(1, 12.706), (3, 3.182), (10, 2.228), (100000, 1.960)]
)  # from tables of Student's t
def test_few_people_widen_the_interval(people, expected):
    assert half_width(ChangeError(1.0, people=people)) == pytest.approx(expected, abs=5e-4)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "same scanner, 3D"),
        ({"longest_mm": (2.0, 1.0)}, "same scanner, 3D"),
        ({"longest_mm": (2.1, 1.0)}, "same scanner, thick slices at one visit"),
        ({"longest_mm": (4.0, 2.1)}, "same scanner, thick slices"),
        ({"longest_mm": (1.0, 4.1)}, "slices over 4 mm"),
        ({"same_scanner": False}, "another scanner"),
        ({"same_scanner": None}, "scanner not known"),
        ({"modality": "FLAIR"}, "not on T1w"),
        ({"anatomy_sources": (OWN_SOURCE, "SynthSeg")}, "anatomy of another tool"),
        ({"has_failed": True}, "failed check"),
    ],
)
def test_kind_of_pair(change, expected):
    usual = {
        "same_scanner": True, "modality": "T1w", "longest_mm": (1.0, 1.0),
        "anatomy_sources": (OWN_SOURCE, OWN_SOURCE), "has_failed": False,
    }  # fmt: skip
    assert kind_of_pair(**usual | change) == expected
    assert expected in PAIR_KINDS


def test_every_error_names_its_source():
    for kind in PAIR_KINDS:
        errors = CHANGE_ERRORS.get(kind)
        if errors is None:
            assert source_of_error(kind) == f"not measured for this kind of pair: {kind}"
            continue
        assert set(errors) == {"pbvc", "pvvc", "thalamus"}
        for error in errors.values():
            assert error.sd_points > 0
            assert error.people >= 3
        people = errors["pbvc"].people
        assert source_of_error(kind) == f"measured on rescans of {people} people: {kind}"
    assert set(CHANGE_ERRORS) < set(PAIR_KINDS)
