"""One visit on a phantom head: what is found is what was put in."""

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import phantoms
import pytest
import visit_phantoms as heads
from lesion_columns import LESION_BIOMARKERS
from scipy import ndimage as ndi

from mslesion.clinical.visit_facts import VisitFacts
from mslesion.errors import GeometryError, ImageError, StepError
from mslesion.io.dataset import find_visits
from mslesion.io.scan_choice import PREFERRED, SAME_CONTENT, ScanChoice
from mslesion.measures import visit_context
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit import head as visit_head
from mslesion.pipeline.visit.measure import measure_visit
from mslesion.pipeline.visit.prepare import prepare_visit
from mslesion.pipeline.visit.process import process_visit
from mslesion.schema import LESIONS, QUALITY, VISITS, check_table
from mslesion.schema import structures as s
from mslesion.schema.structures import BRAIN
from mslesion.schema.visits import BIOMARKERS
from mslesion.segmentation.lesions.instances import find_lesions

INTRACRANIAL_ML = 4 / 3 * np.pi * heads.INTRACRANIAL_MM.prod() / 1000
MEASURES = VISITS.names[
    VISITS.names.index("lesion_volume_ml") : VISITS.names.index("quality_state")
]


@pytest.fixture
def visit_of(tmp_path, monkeypatch):
    """Writes a head as a BIDS visit, lets the network know it, and gives the visit."""

    def write(one, **options):
        heads.teach(monkeypatch, one)
        heads.write_bids(tmp_path, one, **options)
        (visit,) = find_visits(tmp_path)
        return visit

    return write


def reasons(row):
    """Reason by column."""
    text = row["empty_because"]
    return {} if not isinstance(text, str) else dict(p.split(": ", 1) for p in text.split(";"))


def check_reasons(result):
    """Every measure that is empty has its reason, and none that is there."""
    row = result.visits.iloc[0]
    empty = {name for name in MEASURES if not isinstance(row[name], str) and row.isna()[name]}
    assert set(reasons(row)) == empty


def test_lesions_are_those_of_the_phantom(plain):
    row = plain.visits.iloc[0]
    assert row["lesion_count"] == row["lesion_count_centers"] == 4
    assert row["lesion_volume_ml"] == pytest.approx(4 * heads.LESION_ML, rel=0.15)
    for short in ("periventricular", "juxtacortical", "infratentorial", "deep_white"):
        assert row[f"{short}_count"] == 1, short
    assert row["intracortical_count"] == row["deep_grey_count"] == 0
    places = dict(zip(plain.lesions["location"], plain.lesions["hemisphere"], strict=True))
    assert places == {
        "periventricular": "right", "juxtacortical": "right", "infratentorial": "right",
        "deep_white": "left",
    }  # fmt: skip


def test_centroids_are_in_world_millimetres(plain):
    found = plain.lesions.set_index("location")[["x_mm", "y_mm", "z_mm"]]
    for name, offset in heads.LESIONS.items():
        assert found.loc[name].to_numpy() == pytest.approx(phantoms.CENTRE_MM + offset, abs=0.5)


def test_one_black_hole(plain):
    row = plain.visits.iloc[0]
    assert row["t1_hypointense_volume_ml"] == pytest.approx(heads.LESION_ML, rel=0.3)
    assert row["t1_t2_lesion_ratio"] == pytest.approx(0.25, abs=0.06)
    # 130 lies (130 - 180) / (300 - 180) = -0.42 on the scale, 250 at 0.58
    index = plain.lesions.set_index("location")["t1_index_mean"]
    assert index[heads.BLACK_HOLE] == pytest.approx(-0.42, abs=0.15)
    assert index["periventricular"] == pytest.approx(0.58, abs=0.15)


def test_volumes_are_those_of_the_ellipsoids(plain):
    row = plain.visits.iloc[0]
    ml = 4 / 3 * np.pi * heads.SCALE**3 / 1000
    assert row["tiv_ml"] == pytest.approx(INTRACRANIAL_ML, rel=0.02)
    assert row["lateral_ventricles_ml"] == pytest.approx(2 * ml * 6 * 26 * 6, rel=0.08)
    assert row["skull_stripped"] == False  # noqa: E712
    assert row["inputs"] == "FLAIR;T1w"


def test_tables_are_as_declared_and_nothing_is_empty_without_reason(plain):
    for frame, table in (
        (plain.visits, VISITS), (plain.lesions, LESIONS), (plain.quality, QUALITY)
    ):  # fmt: skip
        check_table(frame, table)
    check_reasons(plain)
    assert plain.visits.iloc[0]["quality_state"] == "pass"
    assert plain.lesion_labels.max() == 4
    assert plain.anatomy.shape == plain.lesion_labels.shape
    assert np.array_equal(plain.affine, plain.prepared.grid.affine)


@pytest.mark.parametrize("codes", ["LAS", "PIR"])
def test_storage_order_changes_no_voxel(visit_of, plain, codes):
    prepared = prepare_visit(visit_of(heads.head(), codes=codes).scans)
    assert np.array_equal(prepared.working["FLAIR"], plain.prepared.working["FLAIR"])
    # The T1w was registered from affines that differ in the last bits
    moved = np.abs(prepared.working["T1w"] - plain.prepared.working["T1w"])
    assert np.median(moved[plain.anatomy > 0]) < 1
    assert np.allclose(prepared.working_grid.affine, plain.prepared.working_grid.affine)
    assert prepared.reference_scan.stored_shape != plain.prepared.grid.shape or codes == "LAS"


def test_storage_order_changes_no_number(visit_of, plain):
    result = process_visit(visit_of(heads.head(), codes="LPS"))
    found, expected = (
        one.visits[MEASURES].astype(float).iloc[0].to_numpy() for one in (result, plain)
    )
    assert found == pytest.approx(expected, rel=1e-6, nan_ok=True)


@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.0, 1.0, 3.0)], ids=["coarse", "thick"])
def test_other_voxels(visit_of, spacing):
    """Measures on the FLAIR's own grid, whatever its voxels; thick slices have no centres."""
    one = heads.head(spacing, tilted=spacing[2] == 3)
    result = process_visit(visit_of(one))
    row = result.visits.iloc[0]
    assert result.anatomy.shape == one.shape
    assert row["lesion_count"] == 4
    assert row["lesion_volume_ml"] == pytest.approx(4 * heads.LESION_ML, rel=0.25)
    assert row["tiv_ml"] == pytest.approx(INTRACRANIAL_ML, rel=0.03)
    thick = spacing[2] > 2
    assert row.isna()["lesion_count_centers"] == thick
    assert row["flair_dim"] == ("2D" if thick else "3D")
    check_reasons(result)


def test_flair_alone(visit_of):
    result = process_visit(visit_of(heads.head(), modalities=("FLAIR",)))
    row = result.visits.iloc[0]
    assert row["lesion_count"] == 4
    assert reasons(row)["t1_index_mean"] == "no T1w"
    assert result.quality.set_index("check")["state"]["bright_vessels_on_t1w"] == "not assessable"
    check_reasons(result)


def test_t1_alone_has_volumes_and_no_lesions(visit_of):
    result = process_visit(visit_of(heads.head(), modalities=("T1w",)))
    row = result.visits.iloc[0]
    assert result.lesion_labels is None
    assert len(result.lesions) == 0
    assert row["brain_ml"] > 100
    assert {reasons(row)[name] for name in LESION_BIOMARKERS} == {"neither FLAIR nor lesion mask"}
    check_reasons(result)


def test_t1_alone_with_a_mask(visit_of):
    one = heads.head()
    visit = visit_of(one, modalities=("T1w",))
    result = process_visit(visit, lesion_mask=(one.lesions, one.affine), segmenter=("rater", "2"))
    row = result.visits.iloc[0]
    assert (row["segmenter"], row["segmenter_version"], row["lesion_count"]) == ("rater", "2", 4)
    assert reasons(row)["flair_z_mean"] == "no FLAIR"
    assert row.isna()["lesion_threshold"]
    check_reasons(result)


def test_skull_stripped_scan(visit_of):
    one = heads.head(skull=False)
    result = process_visit(visit_of(one, modalities=("FLAIR",)))
    row = result.visits.iloc[0]
    assert row["skull_stripped"]
    assert row["brain_ml"] > 100
    for name in ("tiv_ml", "head_scaling_ratio", "csf_ml", "lesion_volume_tiv_pct"):
        assert row.isna()[name]
        assert reasons(row)[name] == "no skull in the scan"
    check_reasons(result)


def test_skull_can_be_stated(visit_of):
    visit = visit_of(heads.head(), modalities=("FLAIR",))
    assert process_visit(visit, settings=Settings(skull_stripped="yes")).visits["tiv_ml"].isna()[0]


def measured(plain, facts=None, choices=(), **changes):
    """Rows of the ordinary visit whose segmentation has changed."""
    segmented = replace(plain.segmented, **changes)
    return measure_visit(
        plain.prepared,
        segmented,
        facts=facts or VisitFacts(),
        settings=Settings(),
        segmenter=("rater", ""),
        choices=choices,
    )


@pytest.mark.parametrize(
    ("reason", "flag"),
    [("3D before 2D", "FLAIR:several_scans"), (PREFERRED, None), (SAME_CONTENT, None)],
)
def test_a_scan_chosen_among_several_is_named(plain, reason, flag):
    choice = ScanChoice("FLAIR", Path("b_FLAIR.nii"), ("a_FLAIR.nii",), reason)
    row = measured(plain, choices=(choice, choice._replace(modality="T1w", reason=""))).visit
    text = "FLAIR: b_FLAIR.nii, not a_FLAIR.nii ({});T1w: b_FLAIR.nii, not a_FLAIR.nii ()"
    assert row["scan_choice"] == text.format(reason)
    assert row["flags"] == flag


def test_no_lesion(plain):
    none = find_lesions(np.zeros(plain.anatomy.shape, bool), plain.affine)
    row = pd.Series(measured(plain, lesions=none).visit)
    assert row["lesion_volume_ml"] == row["lesion_count"] == row["periventricular_count"] == 0
    assert reasons(row)["flair_z_mean"] == reasons(row)["t1_t2_lesion_ratio"] == "no lesion"


def test_contrast_agent_empties_the_t1_index(plain):
    row = measured(plain, facts=VisitFacts(t1_contrast=True)).visit
    assert row["t1_type"] == "contrast"
    assert reasons(row)["t1_hypointense_volume_ml"] == "the T1w was acquired after contrast agent"
    assert row["t1_hypointense_volume_ml"] is None


def test_sources_that_disagree(plain):
    """A named flag, and a check with both values."""
    text = (
        "visit_date 2020-02-01 (a.csv, column 'date') is used, not 2020-01-31 (b.tsv, column 'd')"
    )
    found = measured(plain, facts=VisitFacts(visit_date=date(2020, 2, 1), disagreements=(text,)))
    assert found.visit["visit_date"] == "2020-02-01"
    assert "facts_disagree:warn" in found.visit["flags"].split(";")
    (check,) = (row for row in found.quality if row["check"] == "facts_disagree")
    assert (check["value"], check["state"], check["detail"]) == (1, "warn", text)
    row = measured(plain).visit
    assert "facts_disagree" not in (row["flags"] or "")


def test_vessels_that_look_enhanced_empty_the_t1_index(plain):
    """5 % of the fluid as bright as 1.5 times white matter; unless said to be without agent."""
    bright = plain.segmented.corrected["T1w"].copy()
    fluid = np.flatnonzero(np.isin(plain.anatomy, (1, 4, 6)))
    bright.ravel()[fluid[::20]] = 450
    corrected = {**plain.segmented.corrected, "T1w": bright}
    row = measured(plain, corrected=corrected).visit
    assert "bright_vessels_on_t1w:warn" in row["flags"]
    assert reasons(row)["t1_index_mean"] == "the T1w appears contrast-enhanced"
    row = measured(plain, facts=VisitFacts(t1_contrast=False), corrected=corrected).visit
    assert row["t1_index_mean"] is not None


def test_t1_without_contrast_between_tissues(plain):
    tissue = plain.segmented.references["T1w"]
    turned = replace(tissue, white=tissue.grey, grey=tissue.white)
    references = {**plain.segmented.references, "T1w": turned}
    row = measured(plain, references=references).visit
    reason = "white matter is not brighter than cortex on the T1w"
    assert reasons(row)["t1_index_mean"] == reason


def test_a_structure_that_is_not_found_has_no_volume(plain):
    anatomy = np.where(np.isin(plain.anatomy, (6, 8)), 3, plain.anatomy)  # as if all were white
    rows = measured(plain, anatomy=anatomy)
    for name in (
        "thalamus_ml",
        "thalamus_left_ml",
        "third_ventricle_ml",
        "third_ventricle_width_mm",
    ):
        assert rows.visit[name] is None, name
        assert reasons(rows.visit)[name] == "not found in the scan"
    states = {row["check"]: (row["value"], row["state"]) for row in rows.quality}
    assert states["structures_missing"] == (
        1.0,
        "warn",
    )  # the third ventricle may be too thin to be seen
    assert rows.visit["brain_ml"] > 100


def test_a_little_lesion_has_no_ratio(plain):
    one = heads.head().lesion("deep_white")
    row = measured(plain, lesions=find_lesions(one, plain.affine)).visit
    assert row["t1_t2_lesion_ratio"] is None
    assert reasons(row)["t1_t2_lesion_ratio"] == "under 0.5 ml of lesion"
    assert row["t1_hypointense_volume_ml"] > 0


def _inside_lesions(plain, structure):
    """Anatomy in which all lesions lie in a structure."""
    return np.where(plain.segmented.lesions.mask, structure, plain.anatomy).astype(np.uint8)


def _noisy(plain):
    """The FLAIR with noise of a sixth of white matter."""
    flair = plain.segmented.corrected["FLAIR"]
    white = plain.segmented.references["FLAIR"].white.median
    grain = np.random.default_rng(0).standard_normal(flair.shape)
    return {**plain.segmented.corrected, "FLAIR": flair + white / 6 * grain}


@pytest.mark.parametrize(
    ("check", "state", "changes"),
    [
        ("lesion_in_choroid_plexus", "warn",
         lambda plain: {"anatomy": _inside_lesions(plain, s.CHOROID_PLEXUS)}),
        ("lesion_in_fluid", "warn",
         lambda plain: {"anatomy": _inside_lesions(plain, s.LATERAL_VENTRICLES)}),
        ("lesion_outside_brain", "fail",
         lambda plain: {"anatomy": _inside_lesions(plain, 0)}),
        ("flair_signal_to_noise", "warn", lambda plain: {"corrected": _noisy(plain)}),
        ("lesion_volume_ml", "warn",
         lambda plain: {"lesions": find_lesions(plain.anatomy > 0, plain.affine)}),
    ],
)  # fmt: skip
def test_an_input_on_which_a_check_does_not_pass(plain, check, state, changes):
    def state_of(found):
        return {row["check"]: row["state"] for row in found.quality}[check]

    assert state_of(measured(plain)) == "pass"
    assert state_of(measured(plain, **changes(plain))) == state


def test_a_load_unlike_ms(plain):
    """A ball of 36 mm: the numbers stay, and the check names what is odd."""
    centre = phantoms.CENTRE_MM + np.array([14, 0, 0])
    ball = phantoms.ellipsoid(plain.anatomy.shape, plain.affine, centre=centre, radii=(18,) * 3)
    found = measured(plain, lesions=find_lesions(ball, plain.affine))
    assert "load_unlike_ms:warn" in found.visit["flags"]
    assert found.visit["lesion_volume_ml"] == pytest.approx(24.4, rel=0.02)
    detail = next(row["detail"] for row in found.quality if row["check"] == "load_unlike_ms")
    # Not a voxel lies at the centre of the ball
    assert detail == "a mass 34 mm thick; 97 % of the load on one side"
    assert "load_unlike_ms" not in (measured(plain).visit["flags"] or "")


def test_mask_of_another_person(visit_of):
    """Mostly outside the brain: no number, no map, and the reason."""
    one = heads.head()
    foreign = np.roll(one.lesions, 42, axis=0)
    result = process_visit(visit_of(one), lesion_mask=(foreign, one.affine))
    row = result.visits.iloc[0]
    assert row["quality_state"] == "fail"
    assert "lesion_outside_brain:fail" in row["flags"]
    assert reasons(row)["lesion_volume_ml"] == "the given mask does not match the scan"
    assert set(LESION_BIOMARKERS) <= set(reasons(row))
    assert len(result.lesions) == 0
    assert result.lesion_labels is None
    assert row["brain_ml"] > 100  # the brain is measured all the same
    check_reasons(result)


def test_mask_on_dark_tissue_is_foreign_too(plain):
    """Inside the brain, but darker than white matter: 250 in the FLAIR, here 50."""
    fluid = find_lesions(plain.anatomy == 4, plain.affine)
    rows = measured(plain, lesions=fluid, probability=None)
    states = {row["check"]: row["state"] for row in rows.quality}
    assert (states["lesion_outside_brain"], states["lesion_dark_on_flair"]) == ("pass", "fail")
    assert rows.visit.get("lesion_volume_ml") is None
    assert rows.lesions == []


def test_a_mask_of_the_brain_is_no_mask_of_lesions(plain):
    """Inside the brain and mostly not dark, but larger than half of it: no number is given."""
    brain = np.isin(plain.anatomy, BRAIN)
    bright = brain & (plain.segmented.corrected["FLAIR"] >= 250)
    assert np.count_nonzero(bright) > 0.5 * np.count_nonzero(brain)
    rows = measured(plain, lesions=find_lesions(bright, plain.affine), probability=None)
    states = {row["check"]: row["state"] for row in rows.quality}
    assert states["lesion_share_of_brain"] == "fail"
    assert (states["lesion_outside_brain"], states["lesion_dark_on_flair"]) != ("fail", "fail")
    assert rows.visit.get("lesion_volume_ml") is None
    assert reasons(rows.visit)["lesion_volume_ml"] == "the given mask does not match the scan"
    assert rows.lesions == []


def test_mask_on_another_grid(visit_of):
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    coarse = heads.head((2.0, 2.0, 2.0))
    with pytest.raises(GeometryError, match=r"The given lesion mask has 42 x 50 x 41 voxels, but"):
        process_visit(visit, lesion_mask=(coarse.lesions, coarse.affine))
    result = process_visit(
        visit,
        lesion_mask=(coarse.lesions, coarse.affine),
        settings=Settings(resample_masks=True),
    )
    assert result.visits["lesion_count"][0] == 4
    assert result.lesion_labels.shape == one.shape


@pytest.mark.parametrize("settings", [Settings(), Settings(resample_masks=True)])
def test_a_mask_that_is_shifted_by_rounding(visit_of, settings):
    """Up to a tenth of a voxel its voxels are taken as they are, and the flags say so."""
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    affine = one.affine.copy()
    for shift_mm, flag in ((0.0, None), (0.0017, "mask_shifted")):
        affine[0, 3] = one.affine[0, 3] + shift_mm
        result = process_visit(visit, lesion_mask=(one.lesions, affine), settings=settings)
        assert np.array_equal(result.lesion_labels > 0, one.lesions > 0)
        row = result.visits.iloc[0]
        assert (row["flags"] if isinstance(row["flags"], str) else None) == flag


def test_a_flair_that_is_a_t1(visit_of, tmp_path):
    visit = visit_of(heads.head())
    scans = {"FLAIR": visit.scans["T1w"]}
    with pytest.raises(StepError, match=r"_T1w.nii.gz shows cortex at 0\.\d\d of white matter, as "
                                        r"in a T1w, but a FLAIR has bright cortex"):  # fmt: skip
        process_visit(scans)


def test_a_flair_that_is_a_t2(visit_of):
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    data = one.scan("FLAIR")
    data[np.isin(one.labels, (1, 4, 6))] = 600
    phantoms.write_nifti(visit.scans["FLAIR"], data, one.affine)
    with pytest.raises(
        StepError, match=r"shows ventricles at \d\.\d\d of white matter, as in a T2w"
    ):
        process_visit(visit)


@pytest.fixture
def lower_limit(monkeypatch):
    """The phantom is 25 cm2 at its widest: brain may be cut off over 15 cm2."""
    check = visit_context.CHECK_BY_NAME["brain_cut_off_cm2"]
    lower = replace(check, fail_above=15.0)
    monkeypatch.setitem(visit_context.CHECK_BY_NAME, "brain_cut_off_cm2", lower)


@pytest.mark.parametrize("is_zero", [False, True], ids=["the view ends", "empty slices"])
def test_half_a_head(visit_of, lower_limit, is_zero):
    """The view ends in the middle of the brain: what needs all of it is empty."""
    shape, affine = heads.head().shape, heads.head().affine
    if is_zero:
        half = heads.Head(shape, affine)
        visit = visit_of(half)
        for name, path in visit.scans.items():
            data = half.scan(name)
            data[:, 65:] = 0
            phantoms.write_nifti(path, data, affine, dtype=np.int16)
        half.labels[:, 65:] = 0  # which the network finds now
    else:
        visit = visit_of(heads.Head((shape[0], 65, shape[2]), affine))  # no forehead
    result = process_visit(visit)
    row = result.visits.iloc[0]
    assert row["brain_coverage"] == "partial"
    assert row.isna()[list(BIOMARKERS)].all()
    because = reasons(row)
    for name in ("brain_ml", "lesion_count", "periventricular_count", "flair_z_mean"):
        assert because[name] == "the view cuts off more than 40 cm2 of brain"
    assert len(result.lesions) == 4  # those in view are listed and drawn
    assert result.lesion_labels is not None
    assert "brain_cut_off_cm2:warn" in row["flags"]
    check_reasons(result)


def test_a_brain_without_skull_ends_by_itself(visit_of, plain):
    """Around it all slices are empty, but nothing is cut off."""
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    data = one.scan("FLAIR")
    data[~np.isin(one.labels, BRAIN)] = 0
    phantoms.write_nifti(visit.scans["FLAIR"], data, one.affine, dtype=np.int16)
    quality = process_visit(visit).quality.set_index("check")
    assert quality["value"]["brain_cut_off_cm2"] == 0
    assert plain.visits["brain_coverage"][0] == "whole"


def test_no_orientation_leaves_the_sides_empty(plain):
    flair = replace(plain.prepared.scans["FLAIR"], warnings=("no_orientation",))
    prepared = replace(plain.prepared, scans={**plain.prepared.scans, "FLAIR": flair})
    found = measure_visit(
        prepared, plain.segmented, facts=VisitFacts(), settings=Settings(), segmenter=("us", "")
    )
    assert [row["hemisphere"] for row in found.lesions] == [None] * 4
    because = reasons(found.visit)
    for side in ("left", "right"):
        assert found.visit[f"thalamus_{side}_ml"] is None
        text = "the header gives no orientation, so left and right are not known"
        assert because[f"thalamus_{side}_ml"] == text
    for name in ("thalamus_ml", "third_ventricle_width_mm", "periventricular_count"):
        assert found.visit[name] == plain.visits[name][0]
    assert "FLAIR:no_orientation" in found.visit["flags"]


def test_a_t1w_of_another_part_of_the_head(plain):
    """Half of the T1w is missing: lesions there would be black holes."""
    half = plain.prepared.native["T1w"].copy()
    half[:, : half.shape[1] // 2] = 0
    prepared = replace(plain.prepared, native={**plain.prepared.native, "T1w": half})
    found = measure_visit(
        prepared, plain.segmented, facts=VisitFacts(), settings=Settings(), segmenter=("us", "")
    ).visit
    for name in ("t1_hypointense_volume_ml", "t1_t2_lesion_ratio", "t1_index_mean"):
        assert found[name] is None
        assert reasons(found)[name] == "the T1w does not cover the brain of the FLAIR"
    assert found["lesion_count"] == 4


def in_place(result):
    """The row of the check that all scans show one head."""
    return result.quality.set_index("check").loc["edges_in_place"]


def warped(data, seed=1, amount_mm=6.0):
    """A scan of another head: smooth shifts that no rigid motion makes up for."""
    rng = np.random.default_rng(seed)
    shifts = [ndi.gaussian_filter(rng.standard_normal(data.shape), 8) for _ in range(3)]
    where = [
        grid + amount_mm * shift / shift.std()
        for grid, shift in zip(np.indices(data.shape), shifts, strict=True)
    ]
    return ndi.map_coordinates(data, where, order=1)


def test_all_scans_show_one_head(plain):
    assert in_place(plain)["value"] > 90
    assert plain.visits["inputs"][0] == "FLAIR;T1w"


def test_a_t1w_of_another_person(visit_of):
    """It is not used; the FLAIR is measured by itself, and the row says so."""
    one = heads.head()
    visit = visit_of(one)
    phantoms.write_nifti(visit.scans["T1w"], warped(one.scan("T1w")), one.affine)
    result = process_visit(visit)
    row = result.visits.iloc[0]
    assert in_place(result)["state"] == "fail"
    assert re.fullmatch(
        r"T1w is not used: another head, or not registered \(\d+ % in place\)",
        in_place(result)["detail"],
    )
    assert row["inputs"] == "FLAIR"
    assert {"T1w:other_head", "edges_in_place:fail"} <= set(row["flags"].split(";"))
    assert reasons(row)["t1_index_mean"] == "the T1w does not show the head of the FLAIR"
    assert result.prepared.transforms == {}
    assert row["lesion_count"] == 4
    assert list(result.lesions["hemisphere"].dropna().unique())  # the sides are known
    check_reasons(result)


def test_a_t1w_that_is_mirrored(visit_of, monkeypatch):
    """Either of the two may be the one: no side is given. The phantom is its own mirror image."""
    shares = iter([20.0, 90.0])
    monkeypatch.setattr(visit_head, "share_in_place", lambda *_: next(shares))
    result = process_visit(visit_of(heads.head()))
    row = result.visits.iloc[0]
    assert in_place(result)["detail"] == ("T1w is not used: mirrored left to right (20 % in place)")
    assert "T1w:mirrored" in row["flags"]
    assert row["inputs"] == "FLAIR"
    assert result.lesions["hemisphere"].isna().all()
    text = "two scans are mirror images of each other, so left and right are not known"
    assert reasons(row)["thalamus_left_ml"] == text
    check_reasons(result)


@pytest.mark.parametrize(
    ("shares", "state", "inputs"),
    [((50.0, 44.0), "warn", "FLAIR;T1w"), ((50.0, 51.0), "warn", "FLAIR"), ((None,), None, None)],
    ids=["fits best as it is", "fits better mirrored", "too small"],
)
def test_a_scan_that_hardly_fits(visit_of, monkeypatch, shares, state, inputs):
    given = iter(shares)
    monkeypatch.setattr(visit_head, "share_in_place", lambda *_: next(given))
    result = process_visit(visit_of(heads.head()))
    assert in_place(result)["state"] == (state or "not assessable")
    assert result.visits["inputs"][0] == (inputs or "FLAIR;T1w")


def test_an_anatomy_of_another_person(visit_of, monkeypatch):
    """A label map on the grid of a scan that is not used belongs to that head."""
    monkeypatch.setattr(visit_head, "share_in_place", lambda *_: 0.0)
    one, own = heads.head(), Settings(anatomy_labels="mslesion")
    visit = visit_of(one)
    process_visit(visit, anatomy=(one.labels, one.affine), settings=own)  # on the FLAIR's grid too
    cut = one.affine.copy()
    cut[0, 3] += 1
    phantoms.write_nifti(visit.scans["T1w"], one.scan("T1w")[1:], cut)
    with pytest.raises(StepError, match=r"lies on the grid of .*T1w.nii.gz, but that scan does "
                                        r"not fit .*FLAIR.nii.gz \(T1w is not used"):  # fmt: skip
        process_visit(visit, anatomy=(one.labels[1:], cut), settings=own)


def test_too_little_brain(visit_of, monkeypatch):
    monkeypatch.setattr(visit_head, "MIN_BRAIN_ML", 300.0)
    with pytest.raises(StepError, match=r"shows 1\d\d ml of brain, but 300 ml or more is expected"):
        process_visit(visit_of(heads.head(), modalities=("FLAIR",)))


def test_a_scan_of_zeros(visit_of):
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    phantoms.write_nifti(visit.scans["FLAIR"], np.zeros(one.shape), one.affine)
    with pytest.raises(ImageError, match="has the same value 0 in every voxel, but a scan"):
        process_visit(visit)


def test_two_slices(visit_of):
    one = heads.head()
    visit = visit_of(one, modalities=("FLAIR",))
    phantoms.write_nifti(visit.scans["FLAIR"], one.scan("FLAIR")[:, :, 40:42], one.affine)
    with pytest.raises(ImageError, match=r"covers 2 mm along axis 3 \(2 voxels\)"):
        process_visit(visit)


def test_unknown_modality_and_no_reference(visit_of):
    visit = visit_of(heads.head(), modalities=("FLAIR",))
    path = visit.scans["FLAIR"]
    with pytest.raises(ImageError, match="a scan named 'PD', but FLAIR, T1w"):
        prepare_visit({"PD": path})
    with pytest.raises(ImageError, match="has T2w, but a FLAIR or a T1w is required"):
        prepare_visit({"T2w": path})
    with pytest.raises(ImageError, match="has no scan, but a FLAIR or a T1w is required"):
        prepare_visit({})


def test_scans_of_different_heads_are_told(visit_of, monkeypatch):
    """A registration that wants to move the T1w by 90 mm is not believed."""
    from mslesion.imaging.registration import RigidMatch
    from mslesion.pipeline.visit import prepare

    visit = visit_of(heads.head())
    far = np.eye(4)
    far[0, 3] = 90
    monkeypatch.setattr(prepare, "register_rigid", lambda *_a, **_k: RigidMatch(far, 0.1))
    with pytest.raises(StepError, match="would have to move by 90 mm to fit"):
        prepare_visit(visit.scans)


def test_a_moved_t1_is_brought_back(visit_of):
    """T1w of a head that turned by 4 degrees and moved by 5 mm."""
    one = heads.head()
    visit = visit_of(one)
    angle = np.radians(4)
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    motion[:3, 3] = phantoms.CENTRE_MM - motion[:3, :3] @ phantoms.CENTRE_MM + [5, -2, 1]
    phantoms.write_nifti(visit.scans["T1w"], one.scan("T1w"), motion @ one.affine)
    prepared = prepare_visit(visit.scans)
    error = np.linalg.inv(motion) @ prepared.transforms["T1w"]
    corners = np.array([[x, y, z, 1] for x in (-40, 40) for y in (-50, 50) for z in (-40, 40)])
    corners[:, :3] += phantoms.CENTRE_MM.astype(int)
    moved = np.linalg.norm((corners @ error.T - corners)[:, :3], axis=1)
    assert moved.max() < 1.0
    assert prepared.native["T1w"].shape == one.shape
    assert prepared.t1_name == "T1w"
