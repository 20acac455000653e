"""The declarations of the biomarkers, and the reasons for empty values that follow from them."""

import pandas as pd
import pytest
from lesion_columns import LESION_BIOMARKERS

from mslesion.longitudinal.brain.volume_changes import MIN_STRUCTURE_ML
from mslesion.longitudinal.expansion import MIN_YEARS
from mslesion.measures.load import MIN_RATIO_VOLUME_ML
from mslesion.measures.location import MAX_SPACING_MM
from mslesion.schema import CHANGES
from mslesion.schema.checks import CHECKS
from mslesion.schema.columns import COUNT, NUMBER
from mslesion.schema.prerequisites import (
    OF_PAIR,
    PREREQUISITES,
    empty_when,
    read_reasons,
    reason_for,
    reason_of_pair,
    reasons_for_empty,
)
from mslesion.schema.time import MIN_YEARS_FOR_RATE
from mslesion.schema.visits import BIOMARKERS, USES, label_of, used_for
from mslesion.segmentation.lesions.instances import MAX_CENTER_SPACING_MM


@pytest.mark.parametrize("column", BIOMARKERS.values(), ids=lambda column: column.name)
def test_a_biomarker_is_declared_whole(column):
    assert column.dtype in (NUMBER, COUNT)
    assert column.group in ("load", "location", "look", "brain")
    assert column.requires
    assert set(column.requires) <= set(PREREQUISITES)
    assert set(column.uses) <= set(USES)
    assert column.label or not column.uses


def test_every_prerequisite_and_use_is_asked_for():
    asked = {name for column in BIOMARKERS.values() for name in column.requires}
    assert asked == set(PREREQUISITES)
    assert all(used_for(use) for use in USES)


def test_reason_is_that_of_the_first_unmet_prerequisite():
    requires = ("whole_brain", "lesion_map", "skull")
    assert reason_for(requires, {"skull", "lesion_map"}) == "neither FLAIR nor lesion mask"
    other = reason_for(requires, {"lesion_map"}, missing_scan="T2w")
    assert other == "neither T2w nor lesion mask"
    assert reason_for(requires, {"skull"}) == "no skull in the scan"
    assert reason_for(requires, set()) == "no skull in the scan"  # the last, if all are met


def test_reasons_fit_the_field_they_stand_in():
    """``empty_because`` is split at semicolons and colons."""
    assert not any(";" in text or ":" in text for text in PREREQUISITES.values())


def test_reasons_name_the_limits_of_the_code():
    (cut,) = (check.fail_above for check in CHECKS if check.name == "brain_cut_off_cm2")
    assert PREREQUISITES["whole_brain"] == f"the view cuts off more than {cut:g} cm2 of brain"
    assert PREREQUISITES["enough_lesion"] == f"under {MIN_RATIO_VOLUME_ML:g} ml of lesion"
    assert PREREQUISITES["thin_slices"] == f"voxels longer than {MAX_SPACING_MM:g} mm"
    text = f"voxels longer than {MAX_CENTER_SPACING_MM:g} mm"
    assert PREREQUISITES["thin_slices_for_centers"] == text


def test_names():
    assert label_of("thalamus_ml") == "Thalami"
    assert label_of("fourth_ventricle_ml") == "fourth_ventricle_ml"
    assert "brain_ml" not in LESION_BIOMARKERS
    assert "periventricular_count" in LESION_BIOMARKERS


def test_prerequisites_of_a_pair_are_asked_for():
    asked = {name for column in CHANGES.columns for name in column.requires}
    assert asked == set(OF_PAIR)
    assert not asked & set(PREREQUISITES)
    assert MIN_YEARS_FOR_RATE == 0.5  # "half a year"
    assert MIN_YEARS == 1.0  # "a year"
    assert MIN_STRUCTURE_ML == 1.0


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ({"change_assessable": False, "change_reason": "no FLAIR"}, "new_t2_count", "no FLAIR"),
        ({"change_assessable": False}, "new_t2_count", "the lesion change is not assessable"),
        (
            {"brain_change_assessable": False, "brain_change_reason": "another person"},
            "pvvc_pct_per_year",
            "another person",
        ),
        # The reason of the lesions is none of the brain's
        (
            {"change_assessable": False, "change_reason": "no FLAIR"},
            "pbvc_pct_per_year",
            "a visit has no date",
        ),
        ({"interval_years": None}, "new_t2_per_year", "a visit has no date"),
        ({"interval_years": 0.49}, "new_t2_per_year", "under half a year between the visits"),
        ({"interval_years": 0.5}, "sel_candidate_count", "under a year between the visits"),
        (
            {"interval_years": 2.0, "pair_kind": "another scanner"},
            "thalamus_ci95_low",
            "no error was measured for this kind of pair",
        ),
        (
            {"interval_years": 2.0, "pair_kind": "same scanner, 3D"},
            "thalamus_ci95_low",
            "the structure is under 1 ml",
        ),
        (
            {"interval_years": 2.0},
            "pvvc_pct_per_year",
            "the ventricles are under 1 ml or have no contrast at their border",
        ),
    ],
)
def test_reason_of_a_pair(row, name, reason):
    (column,) = (column for column in CHANGES.columns if column.name == name)
    assert reason_of_pair(row, column) == reason


def test_when_a_column_is_empty():
    assert empty_when(BIOMARKERS["tiv_ml"]) == (
        "the view cuts off more than 40 cm2 of brain; the given anatomy has no CSF around the "
        "brain; no skull in the scan"
    )
    column = BIOMARKERS["tiv_ml"]._replace(requires=(), empty_when="it rains")
    assert empty_when(column) == "it rains"
    assert empty_when(column._replace(empty_when="")) == "never"


def test_reasons_are_read_as_they_are_written():
    row = {"tiv_ml": None, "bpf": None}
    columns = [BIOMARKERS[name] for name in row]
    written = reasons_for_empty(row, columns, unmet={"skull"})
    assert read_reasons(written) == {
        "tiv_ml": "no skull in the scan",
        "bpf": "not found in the scan",
    }
    assert read_reasons(None) == read_reasons("") == read_reasons(pd.NA) == {}
