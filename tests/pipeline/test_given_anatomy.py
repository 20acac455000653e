"""A visit whose anatomy was made elsewhere: the structure network is not run."""

import json

import numpy as np
import phantoms
import pytest
import visit_phantoms as heads
from test_visit import MEASURES, check_reasons, reasons

from mslesion.errors import MaskError, StepError
from mslesion.io.anatomy_files import anatomy_folder
from mslesion.io.dataset import find_visits
from mslesion.pipeline.dataset.jobs import do_job
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit import head as visit_head
from mslesion.pipeline.visit.jobs import find_visit_jobs
from mslesion.pipeline.visit.process import process_visit
from mslesion.pipeline.visit.records import part_path, read_record, record_path
from mslesion.schema import structures as s

FREESURFER = Settings(anatomy_labels="freesurfer")
TO_FREESURFER = {
    # structure: label of the left, of the right
    s.EXTRA_AXIAL_CSF: (24, 24), s.CORTEX: (3, 42), s.WHITE_MATTER: (2, 41),
    s.LATERAL_VENTRICLES: (4, 43), s.CHOROID_PLEXUS: (31, 63), s.THIRD_VENTRICLE: (14, 14),
    s.THALAMUS: (10, 49), s.BASAL_GANGLIA: (12, 51), s.BRAINSTEM: (16, 16),
    s.CEREBELLAR_GREY: (8, 47), s.CEREBELLAR_WHITE: (7, 46),
}  # fmt: skip
SKULL_COLUMNS = ("tiv_ml", "head_scaling_ratio", "csf_ml", "lesion_volume_tiv_pct",
                 "lesion_volume_normalised_ml")  # fmt: skip


def freesurfer(one):
    """The phantom's anatomy with FreeSurfer's numbers."""
    right = phantoms.world(one.shape, one.affine)[..., 0] > phantoms.CENTRE_MM[0]
    labels = np.zeros(one.shape, np.int32)
    for structure, (left_label, right_label) in TO_FREESURFER.items():
        inside = one.labels == structure
        labels[inside] = np.where(right, right_label, left_label)[inside]
    return labels


@pytest.fixture
def visit_of(tmp_path, monkeypatch):
    """Writes a head as a visit; its structures are known to no network."""

    def fail(_scans):
        raise AssertionError("the structure network was run")

    def write(one, **options):
        heads.teach(monkeypatch, one)
        monkeypatch.setattr(visit_head, "predict_structures", fail)
        heads.write_bids(tmp_path / "in", one, **options)
        (visit,) = find_visits(tmp_path / "in")
        return visit

    return write


def test_a_map_on_the_flairs_grid_gives_the_same_numbers(visit_of, plain):
    one = heads.head()
    result = process_visit(
        visit_of(one), anatomy=(freesurfer(one), one.affine), settings=FREESURFER
    )
    assert np.array_equal(result.anatomy, plain.anatomy)
    row, expected = result.visits.iloc[0], plain.visits.iloc[0]
    found, known = (one.visits[MEASURES].astype(float).iloc[0] for one in (result, plain))
    assert found.to_numpy() == pytest.approx(known.to_numpy(), rel=1e-6, nan_ok=True)
    assert (row["anatomy_source"], expected["anatomy_source"]) == ("given: freesurfer", "mslesion")
    assert not isinstance(row["flags"], str)
    assert reasons(row)["fourth_ventricle_ml"] == "not found in the given anatomy"
    check_reasons(result)


def test_without_csf_around_the_brain(visit_of, plain):
    """As in FreeSurfer's aseg: what needs the skull is empty, nothing else changes much."""
    one = heads.head()
    labels = freesurfer(one)
    labels[labels == 24] = 0
    result = process_visit(visit_of(one), anatomy=(labels, one.affine), settings=FREESURFER)
    row, expected = result.visits.iloc[0], plain.visits.iloc[0]
    for name in SKULL_COLUMNS:
        assert row.isna()[name], name
        assert reasons(row)[name] == "the given anatomy has no CSF around the brain"
    for name in ("brain_ml", "bpf", "grey_matter_ml", "lateral_ventricles_ml", "lesion_count"):
        assert row[name] == expected[name], name
    assert row["skull_stripped"] == False  # noqa: E712
    assert result.lesions["location"].tolist() == plain.lesions["location"].tolist()
    check_reasons(result)


def test_without_choroid_plexus(visit_of, plain):
    """As in SynthSeg and DLMUSE, where it lies in the lateral ventricles."""
    one = heads.head()
    labels = freesurfer(one)
    labels[labels == 31], labels[labels == 63] = 4, 43
    result = process_visit(visit_of(one), anatomy=(labels, one.affine), settings=FREESURFER)
    row = result.visits.iloc[0]
    assert reasons(row)["choroid_plexus_ml"] == "not found in the given anatomy"
    assert row["lateral_ventricles_ml"] == plain.visits.iloc[0]["lateral_ventricles_ml"]
    assert (
        result.quality.set_index("check")["state"]["lesion_in_choroid_plexus"] == "not assessable"
    )
    check_reasons(result)


@pytest.mark.parametrize(("shift_mm", "flag"), [(0, ""), (0.0017, "anatomy_shifted")])
def test_a_map_on_the_t1s_grid_moves_with_the_t1(visit_of, plain, shift_mm, flag):
    """The T1w turned by 4 degrees and moved by 5 mm; the map lies on its voxels."""
    one = heads.head()
    visit = visit_of(one)
    angle = np.radians(4)
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    motion[:3, 3] = phantoms.CENTRE_MM - motion[:3, :3] @ phantoms.CENTRE_MM + [5, -2, 1]
    phantoms.write_nifti(visit.scans["T1w"], one.scan("T1w"), motion @ one.affine)
    affine = motion @ one.affine
    affine[0, 3] += shift_mm
    result = process_visit(visit, anatomy=(freesurfer(one), affine), settings=FREESURFER)
    assert result.visits["flags"].fillna("")[0] == flag
    for structure in (s.CORTEX, s.WHITE_MATTER, s.LATERAL_VENTRICLES):
        found, expected = result.anatomy == structure, plain.anatomy == structure
        both = np.count_nonzero(found & expected)
        assert 2 * both / (np.count_nonzero(found) + np.count_nonzero(expected)) > 0.9
    assert result.visits["lesion_count"][0] == 4


def test_a_map_on_another_grid_is_taken_to_lie_in_the_flairs_space(visit_of, plain):
    one, coarse = heads.head(), heads.head((2.0, 2.0, 2.0))
    visit = visit_of(one, modalities=("FLAIR",))
    result = process_visit(visit, anatomy=(freesurfer(coarse), coarse.affine), settings=FREESURFER)
    row = result.visits.iloc[0]
    assert row["flags"] == "anatomy_on_another_grid"
    assert row["brain_ml"] == pytest.approx(plain.visits["brain_ml"][0], rel=0.03)
    assert result.anatomy.shape == one.shape


def moved_t1(visit, one, shift_mm):
    """The T1w of a visit lies elsewhere in its world, as after the patient got up."""
    motion = np.eye(4)
    motion[:3, 3] = shift_mm
    phantoms.write_nifti(visit.scans["T1w"], one.scan("T1w"), motion @ one.affine)
    return motion


@pytest.mark.parametrize("space", ["FLAIR", "T1w"])
def test_a_map_on_another_grid_lies_where_its_structures_fit(visit_of, plain, space):
    """A conformed map of the T1w, 6 mm away from the FLAIR; and one of the FLAIR."""
    one, coarse = heads.head(), heads.head((2.0, 2.0, 2.0))
    visit = visit_of(one)
    motion = moved_t1(visit, one, (6, -2, 3))
    affine = coarse.affine if space == "FLAIR" else motion @ coarse.affine
    result = process_visit(visit, anatomy=(freesurfer(coarse), affine), settings=FREESURFER)
    flags = result.visits["flags"][0].split(";")
    own = ["anatomy_on_another_grid"]
    assert flags == (own if space == "FLAIR" else ["anatomy_in_space_of_T1w", *own])
    found, expected = result.anatomy == s.WHITE_MATTER, plain.anatomy == s.WHITE_MATTER
    both = np.count_nonzero(found & expected)
    assert 2 * both / (np.count_nonzero(found) + np.count_nonzero(expected)) > 0.85


def test_a_map_that_fits_two_spaces_as_well_is_refused(visit_of):
    """It has one structure, and so tells nothing of its place."""
    one, coarse = heads.head(), heads.head((2.0, 2.0, 2.0))
    visit = visit_of(one)
    moved_t1(visit, one, (6, -2, 3))
    whole = np.where(coarse.labels > 0, 2, 0)
    with pytest.raises(
        MaskError,
        match=r"lies on the grid of no scan and fits the spaces of "
        r"FLAIR and T1w, which are 7 mm apart, .* Resample it onto the grid",
    ):
        process_visit(visit, anatomy=(whole, coarse.affine), settings=FREESURFER)


@pytest.mark.parametrize("modality", ["FLAIR", "T1w"])
def test_a_map_of_another_place(visit_of, modality):
    one = heads.head()
    visit = visit_of(one, modalities=(modality,))
    labels = np.roll(freesurfer(one), 14, axis=2)
    with pytest.raises(
        StepError,
        match=rf"^The given anatomy has ventricles at \d\.\d\d of white matter on .+_{modality}"
        r"\.nii\.gz, but at most 0\.8 is expected\. Check that it is of this scan and lies in",
    ):
        process_visit(visit, anatomy=(labels, one.affine), settings=FREESURFER)


def test_a_map_beyond_the_view(visit_of):
    one = heads.head()
    away = one.affine.copy()
    away[0, 3] += 500
    with pytest.raises(
        StepError,
        match=r"^The given anatomy has 0 ml of brain in the view of .+_FLAIR\.nii\.gz, but 50 ml",
    ):
        process_visit(visit_of(one), anatomy=(freesurfer(one), away), settings=FREESURFER)


def test_labels_that_do_not_fit(visit_of):
    one = heads.head()
    visit, labels = visit_of(one, modalities=("FLAIR",)), freesurfer(one)
    with pytest.raises(MaskError, match=r"^The given anatomy has labels that fit none of the"):
        process_visit(visit, anatomy=(labels, one.affine))  # no hippocampus: not a whole head
    labels[labels == 16] = 500
    with pytest.raises(MaskError, match=r"^The given anatomy has label 500 in \d+ voxels, but the"):
        process_visit(visit, anatomy=(labels, one.affine), settings=FREESURFER)


def test_from_a_folder(visit_of, tmp_path):
    """The command's way: found, written down, and done again only when the map changes."""
    one = heads.head()
    visit = visit_of(one, modalities=("T1w",))
    labels = freesurfer(one)
    labels[labels == 24] = 0
    path = tmp_path / "subjects" / visit.name / "mri" / "aseg.nii.gz"
    phantoms.write_nifti(path, labels.astype(np.int16), one.affine)
    root, output = tmp_path / "in", tmp_path / "out"

    def job():
        folder = anatomy_folder(tmp_path / "subjects")
        options = {"root": root, "output": output, "settings": FREESURFER, "anatomy": folder}
        return find_visit_jobs([visit], **options)[0]

    assert do_job(job()).state == "done"
    record = read_record(record_path(output, visit))
    assert record["visits"][0]["anatomy_source"] == "given: freesurfer"
    assert set(record["made_from"]["files"]) == {"T1w", "anatomy"}
    about = output / visit.folder / "anat" / f"{visit.name}_space-orig_seg-anatomy_dseg.json"
    assert json.loads(about.read_text("utf-8"))["AnatomySource"] == "given: freesurfer"
    page = part_path(output, visit).read_text("utf-8")
    assert "label map that was made elsewhere, numbered as in FreeSurfer (aseg" in page
    assert "does not name the CSF around the brain" in page
    assert "convolutional network" not in page
    assert "MNI152" not in page.split("Methods")[-1]
    assert do_job(job()).state == "unchanged"
    labels[labels == 31] = 4
    phantoms.write_nifti(path, labels.astype(np.int16), one.affine)
    assert do_job(job()).state == "done"
    path.unlink()
    failed = do_job(job())
    assert (failed.state, failed.error) == ("failed", "DatasetError")
    assert "has no label map of the anatomy of sub-01_ses-1" in failed.reason
