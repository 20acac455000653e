"""The synthetic follow-up holds what it says, and the scoring counts it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from nibabel.affines import apply_affine
from pair_phantoms import CENTRE, SHAPE, visit
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.shape import equivalent_diameter_mm
from mslesion.longitudinal.calibration import synthetic_followup
from mslesion.longitudinal.calibration.self_calibration import calibrate, score
from mslesion.longitudinal.calibration.synthetic_followup import (
    CONTRACTION_PCT,
    GAIN,
    NEW_DIAMETERS_MM,
    NEW_PER_SIZE,
    ROOM_MM,
    make_follow_up,
)
from mslesion.schema import CALIBRATION, as_table, check_table
from mslesion.schema import structures as s
from mslesion.segmentation.lesions.network import LesionNetwork
from mslesion.segmentation.lesions.protocol import LesionSegmenter

LESIONS = [
    (CENTRE - np.array([13, 0, 0]), 4.0),
    (CENTRE + np.array([13, 0, 0]), 4.0),
    (CENTRE + np.array([0, 13, 0]), 4.0),
    (CENTRE - np.array([0, 13, 0]), 3.0),
]


def baseline(lesions=LESIONS, **facts):
    facts = {"modalities": ("FLAIR",), "day": date(2020, 1, 1)} | facts
    return visit(lesions=lesions, seed=1, **facts)


def made_of(given, seed=0, **kwargs):
    return make_follow_up(given, rng=np.random.default_rng(seed), **kwargs)


@pytest.fixture(scope="module")
def made():
    return made_of(baseline())


def test_new_lesions_are_what_is_said(made):
    assert len(made.new_sizes) == made.new.max()
    assert NEW_PER_SIZE < len(made.new_sizes) <= 2 * NEW_PER_SIZE  # as the small head has room
    old = baseline().lesions > 0
    far = ndi.distance_transform_edt(~old)
    for number, name in made.new_sizes.items():
        own = made.new == number
        low, high = NEW_DIAMETERS_MM[name]
        assert low <= equivalent_diameter_mm(np.count_nonzero(own)) <= high
        assert ndi.label(own, np.ones((3, 3, 3)))[1] == 1
        assert far[own].min() > 1
        others = (made.new > 0) & ~own
        assert ndi.distance_transform_edt(~others)[own].min() > ROOM_MM
    assert (baseline().anatomy[made.new > 0] != s.LATERAL_VENTRICLES).all()


def test_grown_and_shrunk(made):
    """Four lesions of 5 mm and more: one grows, one shrinks, two stay."""
    groups = made.grown, made.shrunk, made.untouched
    assert [len(one) for one in groups] == [1, 1, 2]
    assert sorted(n for one in groups for n in one) == [1, 2, 3, 4]
    assert made.growth_mm == 1
    # Only the grown lesion and the new ones gained
    reach = ndi.binary_dilation(baseline().lesions == made.grown[0], iterations=2)
    assert (made.gained & ~reach == (made.new > 0)).all()
    rim = np.count_nonzero(made.gained & reach)
    before = np.count_nonzero(baseline().lesions == made.grown[0])
    diameters = equivalent_diameter_mm(before), equivalent_diameter_mm(before + rim)
    # 1 mm on each side
    assert diameters[1] - diameters[0] == pytest.approx(2, abs=0.3)


def test_brain_shrinks_by_what_is_said(made):
    """Volumes of the follow-up by those of the baseline are 1 by the determinant."""
    ratio = 1 / np.linalg.det(made.motion[:3, :3])
    assert 200 * (ratio - 1) / (ratio + 1) == pytest.approx(CONTRACTION_PCT)
    counts = [np.count_nonzero(v.anatomy) for v in (baseline(), made.visit)]
    assert 200 * (counts[1] - counts[0]) / sum(counts) == pytest.approx(CONTRACTION_PCT, abs=0.2)


def test_scans_show_the_new_lesions(made):
    """Where the motion puts them, as bright as the patient's own (0.4 above 1)."""
    flair = made.visit.scans["FLAIR"].data / GAIN
    for number, name in made.new_sizes.items():
        if name != "new_5_to_10_mm":
            continue
        deep = ndi.distance_transform_edt(made.new == number)
        place = np.unravel_index(deep.argmax(), SHAPE)
        there = np.round(apply_affine(np.linalg.inv(made.motion), place)).astype(int)
        near = tuple(slice(n - 1, n + 2) for n in there)
        assert flair[near].mean() == pytest.approx(1.35, abs=0.12)
    away = (made.visit.anatomy == s.WHITE_MATTER) & (made.visit.probability < 0.001)
    assert np.median(flair[away]) == pytest.approx(1, abs=0.01)


def test_follow_up_is_a_year_later_and_the_maps_are_its_own(made):
    assert (made.visit.day - date(2020, 1, 1)).days == 365
    assert made.visit.lesions.shape == SHAPE
    assert ((made.visit.probability > 0.5) >= (made.visit.lesions > 0)).all()
    assert made_of(baseline(day=None)).visit.day is None
    given = replace(baseline(), probability=None)
    assert made_of(given).visit.probability is None


def test_same_seed_same_follow_up(made):
    again, other = made_of(baseline()), made_of(baseline(), seed=1)
    assert (again.visit.scans["FLAIR"].data == made.visit.scans["FLAIR"].data).all()
    assert (again.visit.probability == made.visit.probability).all()
    assert (again.new == made.new).all()
    assert (other.new != made.new).any()


def test_thick_slices():
    """Growth is a slice; the scans keep their grid."""
    given = baseline()
    affine = np.diag([1.0, 1, 3, 1])
    affine[2, 3] = 1
    scans = {n: replace(x, data=x.data[:, :, 1::3], affine=affine) for n, x in given.scans.items()}
    made = made_of(
        replace(given, scans=scans, lesions=given.lesions[:, :, 1::3], lesions_affine=affine,
                probability=given.probability[:, :, 1::3])
    )  # fmt: skip
    assert made.growth_mm == 3
    assert made.grid.shape[2] == pytest.approx(64, abs=2)
    assert made.visit.scans["FLAIR"].data.shape == (64, 64, 21)
    assert made.visit.lesions.shape == (64, 64, 21)


def test_what_is_found():
    found = calibrate(baseline())
    frame = as_table(
        [{"participant_id": "01", "session_id": "1"} | row for row in found.rows()], CALIBRATION
    )
    check_table(frame, CALIBRATION)
    frame = frame.set_index("item")
    made, recovered = frame.loc["new_5_to_10_mm", ["made_count", "recovered_count"]]
    assert made - 1 <= recovered <= made
    assert frame.loc["untouched", "recovered_count"] == 2
    assert frame.loc["false_new", "false_count"] == 0
    assert frame.loc["brain_volume", "recovered_pct"] == pytest.approx(-1, abs=0.25)
    assert frame.loc["enlarging", "note"] == "lesion masks given, not segmented"


def test_a_comparison_that_finds_nothing_scores_nothing(made):
    """The baseline against itself: every change is missed, none is made up."""
    from mslesion.longitudinal.pair import compare_maps

    same = replace(baseline(), day=date(2021, 1, 1))
    found = score(compare_maps(baseline(), same, is_one_head=True), made)
    recovered = {one.item: one.recovered for one in found.recoveries}
    assert recovered == {
        "new_3_to_5_mm": 0, "new_5_to_10_mm": 0, "enlarging": 0, "shrinking": 0, "untouched": 2,
    }  # fmt: skip
    assert (found.false_new, found.false_enlarging, found.false_shrinking) == (0, 0, 0)
    assert found.recovered_brain_pct == pytest.approx(0, abs=0.02)


class Network(LesionSegmenter):
    """Gives a probability that is known; cut by the rules of the package."""

    name, version, required_modalities = "known", "1", ("FLAIR",)
    mask = LesionNetwork.mask

    def __init__(self, given):
        self.given, self.seen = given, {}

    def probability(self, scans, *, anatomy, affine):
        self.seen.update(scans)
        return self.given


def test_segmented_anew(monkeypatch):
    """What the segmenter does not find is nowhere in the follow-up's map."""
    anatomy = baseline().anatomy
    monkeypatch.setattr(synthetic_followup, "predict_structures", lambda _scans: anatomy)
    network = Network(np.zeros(anatomy.shape, np.float32))
    made = made_of(baseline(modalities=("FLAIR", "T1w")), lesion_network=network)
    seen = network.seen
    assert {name: scan.shape for name, scan in seen.items()} == {"FLAIR": SHAPE, "T1w": SHAPE}
    assert seen["FLAIR"].min() >= 0
    assert not made.visit.lesions.any()
    assert not made.visit.probability.any()


def test_a_given_anatomy_is_not_made_anew(monkeypatch):
    """The true one moves along; the structure network is not run."""

    def fail(_scans):
        raise AssertionError("the structure network was run")

    monkeypatch.setattr(synthetic_followup, "predict_structures", fail)
    given = replace(baseline(), anatomy_source="given: freesurfer")
    made = made_of(given, lesion_network=Network(np.zeros(given.anatomy.shape, np.float32)))
    assert set(np.unique(made.visit.anatomy)) <= set(np.unique(given.anatomy))
    inside = given.anatomy > 0
    assert 0.5 < np.mean(made.visit.anatomy[inside] == given.anatomy[inside]) < 1


def test_segmented_anew_as_the_visit_was(monkeypatch):
    """With the visit's own threshold and smallest lesion."""
    given = baseline()
    anatomy = np.where(given.anatomy > 0, given.anatomy, s.WHITE_MATTER)
    monkeypatch.setattr(synthetic_followup, "predict_structures", lambda _scans: anatomy)
    unsure = np.zeros(given.anatomy.shape, np.float32)
    unsure[given.lesions > 0] = 0.85
    unsure[2, 2, 2] = 0.85  # one voxel
    network = Network(unsure)
    counts = {
        key: int(made_of(given, lesion_network=network, **{key[0]: key[1]}).visit.lesions.max())
        for key in (("threshold", 0.5), ("threshold", 0.9), ("min_size", "all"))
    }
    usual = counts["threshold", 0.5]
    assert usual > 0
    assert counts["threshold", 0.9] == 0
    assert counts["min_size", "all"] == usual + 1


def test_no_lesions():
    """Balls of the usual contrast; nothing to grow."""
    found = calibrate(baseline(lesions=[]))
    made = {one.item: one.made for one in found.recoveries}
    assert made["enlarging"] == made["shrinking"] == made["untouched"] == 0
    assert made["new_5_to_10_mm"] == NEW_PER_SIZE


def test_pair_that_cannot_be_compared():
    given = baseline()
    affine = np.diag([1.0, 1, 8, 1])
    affine[2, 3] = 3
    scans = {n: replace(x, data=x.data[:, :, 3::8], affine=affine) for n, x in given.scans.items()}
    found = calibrate(replace(given, scans=scans))
    assert "longest voxel side" in found.reason
    assert all(one.recovered is None for one in found.recoveries)
    frame = as_table(
        [{"participant_id": "01", "session_id": "1"} | row for row in found.rows()], CALIBRATION
    )
    check_table(frame, CALIBRATION)
    assert frame["recovered_count"].isna().all()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (baseline(modalities=("T1w",)), "has no FLAIR or no lesion map"),
        (replace(baseline(), lesions=None), "has no FLAIR or no lesion map"),
        (replace(baseline(), anatomy=np.full(SHAPE, s.CORTEX)), "has no white matter"),
    ],
)
def test_what_cannot_be_calibrated(given, text):
    with pytest.raises(StepError, match=text):
        calibrate(given)
