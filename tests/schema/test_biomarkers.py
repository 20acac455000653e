"""The declarations of the biomarkers, and the reasons for empty values that follow from them."""

import pytest
from lesion_columns import LESION_BIOMARKERS

from mslesion.measures.load import MIN_RATIO_VOLUME_ML
from mslesion.measures.location import MAX_SPACING_MM
from mslesion.schema.checks import CHECKS
from mslesion.schema.columns import COUNT, NUMBER
from mslesion.schema.prerequisites import PREREQUISITES, reason_for
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
