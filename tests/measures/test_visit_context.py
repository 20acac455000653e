"""Which prerequisites a visit meets, and what the registered measures make of it."""

import numpy as np
import pytest
from visit_contexts import ANATOMY, SHAPE, USUAL, visit

from mslesion.imaging.intensity import TissueScale
from mslesion.measures.appearance import TissueReference
from mslesion.measures.registry import MEASURES
from mslesion.schema import modalities
from mslesion.schema import structures as s
from mslesion.schema.visits import BIOMARKERS

FLAT = TissueReference(TissueScale(60.0, 5.0), TissueScale(60.0, 5.0))


@pytest.mark.parametrize(
    ("changes", "unmet"),
    [
        ({}, set()),
        ({"sees_skull": False}, {"skull"}),
        ({"lesions": None}, {"lesion_map", "lesion"}),
        ({"checks": {"brain_cut_off_cm2": 40.0}}, set()),
        ({"checks": {"brain_cut_off_cm2": 40.1}}, {"whole_brain"}),
        ({"has_orientation": False}, {"orientation"}),
        ({"is_mirrored": True}, {"not_mirrored"}),
        ({"unfit_scans": {"T1wGd"}}, {"fitting_t1w_after_contrast"}),
        (
            {"scans": {"FLAIR": np.ones(SHAPE)}, "unfit_scans": {"T1w"}},
            {"fitting_t1w", "t1w", "t1w_before_contrast"},
        ),
        ({"checks": {"flair_t1w_overlap": 0.85}}, set()),
        ({"checks": {"flair_t1w_overlap": 0.84}}, {"t1w_covers_brain"}),
        ({"checks": {"lesion_outside_brain": 50.1}}, set()),  # the network's own lesions
        ({"checks": {"lesion_outside_brain": 50.1}, "probability": None}, {"fitting_mask"}),
        ({"checks": {"lesion_dark_on_flair": 50.1}, "probability": None}, {"fitting_mask"}),
        ({"checks": {"lesion_share_of_brain": 50.1}, "probability": None}, {"fitting_mask"}),
        ({"checks": {"lesion_share_of_brain": 50.0}, "probability": None}, set()),
        ({"checks": {"bright_vessels_on_t1w": 2.1}}, {"t1w_looks_plain"}),
        ({"checks": {"bright_vessels_on_t1w": 2.1}, "t1_contrast": False}, set()),
        ({"t1_contrast": True}, {"t1w_without_agent"}),
        ({"references": {"FLAIR": USUAL, "T1w": FLAT}}, {"t1w_contrast"}),
        ({"scans": {"T1w": np.ones(SHAPE)}}, {"flair"}),
        ({"scans": {"FLAIR": np.ones(SHAPE)}}, {"t1w", "t1w_before_contrast"}),
        ({"affine": np.diag([1, 1, 2.0, 1])}, set()),
        ({"affine": np.diag([1, 1, 2.1, 1])}, {"thin_slices_for_centers"}),
        ({"affine": np.diag([1, 1, 5.1, 1])}, {"thin_slices_for_centers", "thin_slices"}),
    ],
)
def test_unmet(changes, unmet):
    assert visit(**changes).unmet == unmet | {"t1w_after_contrast"}


def test_a_scan_after_contrast_agent_alone():
    found = visit(scans={"FLAIR": np.ones(SHAPE), "T1wGd": np.ones(SHAPE)}).unmet
    assert found == {"t1w_before_contrast"}


def test_the_t1_index_needs_a_plain_t1w():
    # (60 - 60) / (100 - 60) = 0
    assert visit().t1_index == pytest.approx(np.zeros(SHAPE))
    assert visit(t1_contrast=True).t1_index is None


def test_lesion_rows():
    (row,) = visit().lesion_rows
    assert row["volume_mm3"] == 64
    assert row["flair_z_mean"] == pytest.approx((110 - 100) / 5)
    assert row["t1_index_mean"] == pytest.approx(0)
    foreign = visit(probability=None, checks={"lesion_outside_brain": 60.0})
    assert foreign.lesion_rows == []
    assert len(foreign.all_lesion_rows) == 1
    assert visit(lesions=None).lesion_rows == visit(lesions=None).all_lesion_rows == []


def test_every_biomarker_is_measured():
    """A column that no measure gives would be empty for a reason that is not true."""
    anatomy = ANATOMY.copy()
    anatomy[:, :, 0] = np.resize([part.number for part in s.STRUCTURES], (12, 12))
    noise = np.random.default_rng(0).normal(100, 5, SHAPE)  # without spread, no comparison
    scans = dict.fromkeys(modalities.NAMES, noise) | {"T1w": np.full(SHAPE, 60.0)}
    whole = visit(anatomy=anatomy, working_anatomy=anatomy, scans=scans)
    measured = {name for measure in MEASURES for name in measure(whole)}
    missing = set(BIOMARKERS) - measured
    assert not missing, f"Add the measure of {missing} to MEASURES in mslesion/measures/registry.py"


def test_measures_give_declared_columns():
    row = {}
    for measure in MEASURES:
        found = measure(visit())
        assert not row.keys() & found.keys()
        row |= found
    assert row.keys() <= BIOMARKERS.keys()
    assert row["lesion_volume_ml"] == pytest.approx(0.064)
    assert row["white_matter_ml"] == pytest.approx(1.728)
    assert row["lesion_burden_white_matter_pct"] == pytest.approx(100 * 64 / 1728)
    assert row["thalamus_ml"] is None  # none in the map


def test_a_brain_that_is_cut_off_has_no_volumes():
    cut = visit(checks={"brain_cut_off_cm2": 41.0})
    assert set(cut.volumes.values()) == {None}
