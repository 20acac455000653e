"""Which scans a folder holds: BIDS datasets, plain trees, and what cannot be used."""

import errno
import os
import re
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from phantoms import write_nifti

from mslesion.errors import DatasetError, TableError
from mslesion.io.dataset import Visit, as_label, find_visits
from mslesion.io.names import plain_modality
from mslesion.schema.modalities import FLAIR, T1W, T1W_CONTRAST, T2W
from mslesion.schema.ratings import Ratings


def touch(root, *names):
    """Empty files: no scan is opened when visits are looked for."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def scans(visit):
    """File name by modality."""
    return {kind: path.name for kind, path in visit.scans.items()}


# ------------------------------------------------------------------ BIDS


def test_bids_with_sessions(tmp_path):
    touch(
        tmp_path,
        "sub-01/ses-2/anat/sub-01_ses-2_FLAIR.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii",
        "sub-01/ses-1/anat/sub-01_ses-1_T2w.nii.gz",
        "sub-01/ses-1/anat/sub-01_ses-1_ce-gadolinium_T1w.nii.gz",
        "sub-02/ses-1/anat/sub-02_ses-1_T1w.nii.gz",
    )
    visits = find_visits(tmp_path)
    assert [visit.name for visit in visits] == ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]
    assert [visit.folder for visit in visits] == [
        Path("sub-01/ses-1"), Path("sub-01/ses-2"), Path("sub-02/ses-1"),
    ]  # fmt: skip
    assert scans(visits[0]) == {
        FLAIR: "sub-01_ses-1_FLAIR.nii.gz",
        T1W: "sub-01_ses-1_T1w.nii",
        T2W: "sub-01_ses-1_T2w.nii.gz",
        T1W_CONTRAST: "sub-01_ses-1_ce-gadolinium_T1w.nii.gz",
    }
    assert all(visit.problem == "" for visit in visits)


def test_bids_without_sessions(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_FLAIR.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    visits = find_visits(str(tmp_path))
    assert [(visit.name, visit.session) for visit in visits] == [("sub-01", ""), ("sub-02", "")]
    assert visits[0].folder == Path("sub-01")


@pytest.mark.parametrize("other", [
    "sub-01/anat/sub-01_label-L_mask.nii.gz",
    "sub-01/anat/sub-01_FLAIR.bval",
    "sub-01/anat/sub-01_T2starw.nii.gz",
    "sub-01/anat/sub-01_part-phase_FLAIR.nii.gz",
    "sub-01/anat/sub-01_PDw.nii.gz",
    "sub-01/anat/._sub-01_FLAIR.nii.gz",
    "sub-01/func/sub-01_task-rest_bold.nii.gz",
    "sub-02/anat/sub-02_PDw.nii.gz",
    ".git/sub-03/anat/sub-03_FLAIR.nii.gz",
    "derivatives/tool/sub-01/anat/sub-01_FLAIR.nii.gz",
    "sourcedata/sub-09/anat/sub-09_FLAIR.nii.gz",
])  # fmt: skip
def test_bids_passes_over(tmp_path, other):
    touch(tmp_path, "sub-01/anat/sub-01_FLAIR.nii.gz", other)
    (visit,) = find_visits(tmp_path)
    assert scans(visit) == {FLAIR: "sub-01_FLAIR.nii.gz"}
    assert visit.problem == ""


def test_facts_of_a_visit(tmp_path):
    touch(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tsex\tage\nsub-01\tF\t41\n")
    (visit,) = find_visits(tmp_path)
    assert (visit.facts.sex, visit.facts.age_years) == ("female", 41.0)


def test_tables_beside_the_dataset(tmp_path):
    """Read once for all visits, and given to each."""
    touch(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz", "sub-02/anat/x_FLAIR.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t41\n")
    told = {("01", "1"): {"visit_date": date(2020, 1, 31)}, ("02", None): {"scanner_id": "A"}}
    first, second = find_visits(tmp_path, ratings=Ratings(told))
    assert (first.facts.visit_date, first.facts.age_years) == (date(2020, 1, 31), None)
    assert second.facts.scanner_id == "A"


def test_a_date_that_is_not_that_of_the_folder(tmp_path):
    touch(tmp_path, "P1/2020-01-31/flair.nii.gz")
    told = Ratings({("P1", "20200131"): {"visit_date": date(2020, 2, 1)}})
    (visit,) = find_visits(tmp_path, ratings=told)
    assert visit.facts.visit_date == date(2020, 2, 1)
    assert visit.facts.disagreements == (
        "visit_date 2020-02-01 (given) is used, not 2020-01-31 (name of the folder 2020-01-31)",
    )


def test_a_wrong_table_is_refused_as_a_whole(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_FLAIR.nii.gz", "sub-02/anat/sub-02_FLAIR.nii.gz")
    (tmp_path / "participants.tsv").write_text("participant_id\tage\nsub-01\t41\nsub-02\t300\n")
    with pytest.raises(TableError, match=r"participants.tsv, row 3, column 'age' has '300'"):
        find_visits(tmp_path)


def test_facts_that_cannot_be_read_cost_only_their_visit(tmp_path):
    names = [f"sub-0{n}/anat/sub-0{n}_FLAIR" for n in (1, 2)]
    touch(tmp_path, *(f"{name}.nii.gz" for name in names))
    (tmp_path / f"{names[0]}.json").write_text("{broken")
    first, second = find_visits(tmp_path)
    assert "sub-01_FLAIR.json cannot be read as JSON" in first.problem
    assert second.problem == ""


# ------------------------------------------------------------------ plain trees


def test_plain_tree(tmp_path):
    touch(
        tmp_path,
        "P_01/2020-01-31/p01_flair_sag.nii.gz",
        "P_01/2020-01-31/p01_T1_mprage.nii",
        "P_01/2020-01-31/p01_T1_post_gd.nii.gz",
        "P_01/2020-01-31/p01_t2_tse.nii.gz",
        "P_01/2020-01-31/p01_flair_lesion_mask.nii.gz",
        "P_01/2021-02-01/._p01_flair.nii.gz",
        "P_01/2021-02-01/p01_flair.nii.gz",
        "P_02/T1.nii.gz",
        "readme.txt",
        ".trash/old/flair.nii.gz",
    )
    visits = find_visits(tmp_path)
    assert [v.name for v in visits] == ["sub-P01_ses-20200131", "sub-P01_ses-20210201", "sub-P02"]
    assert scans(visits[0]) == {
        FLAIR: "p01_flair_sag.nii.gz",
        T1W: "p01_T1_mprage.nii",
        T2W: "p01_t2_tse.nii.gz",
        T1W_CONTRAST: "p01_T1_post_gd.nii.gz",
    }
    dates = [date(2020, 1, 31), date(2021, 2, 1), None]
    assert [visit.facts.visit_date for visit in visits] == dates
    assert all(visit.problem == "" for visit in visits)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FLAIR.nii", FLAIR),
        ("P1_T2_FLAIR.NII.GZ", FLAIR),
        ("3D-flair-t1matched.nii.gz", FLAIR),
        ("t1.nii.gz", T1W),
        ("mprage.nii.gz", T1W),
        ("T1w_pre_contrast.nii.gz", T1W),
        ("T1_noGd.nii.gz", T1W),
        ("native_t1.nii.gz", T1W),
        ("T1_without_gad.nii.gz", T1W),
        ("T1_Gd.nii.gz", T1W_CONTRAST),
        ("t1c.nii.gz", T1W_CONTRAST),
        ("T1w+C.nii.gz", T1W_CONTRAST),
        ("t1_km.nii.gz", T1W_CONTRAST),
        ("mprage_post.nii.gz", T1W_CONTRAST),
        ("gad_t1.nii.gz", T1W_CONTRAST),
        ("post-mprage.nii.gz", T1W_CONTRAST),
        ("t1_coronal.nii.gz", T1W),
        ("t1_cube.nii.gz", T1W),
        ("t2.nii.gz", T2W),
        ("visit1_t2.nii.gz", T2W),
        ("patient1.nii.gz", ""),
        ("subject12_visit2.nii.gz", ""),
        ("timepoint1_flair.nii.gz", FLAIR),
        ("pt2_t1.nii.gz", T1W),
        ("t2star.nii.gz", ""),
        ("swi_t2.nii.gz", ""),
        ("t1_brain_mask.nii.gz", ""),
        ("t1_roi.nii.gz", ""),
        ("flair_seg.nii.gz", ""),
        ("FlairMask.nii.gz", ""),
        ("flairmask.nii.gz", ""),
        ("mask_flair.nii.gz", ""),
        ("maskflair.nii.gz", ""),
        ("t1_lesionfilled.nii.gz", ""),
        ("T1w_aseg.nii.gz", ""),
        ("t1_segmented.nii.gz", ""),
        ("t2_adc.nii.gz", ""),
        ("SWI_T2.nii.gz", ""),
        ("maskell_flair.nii.gz", FLAIR),
        ("swift_flair.nii.gz", FLAIR),
        ("heroic_t1.nii.gz", T1W),
        ("segovia_t2.nii.gz", T2W),
        ("pd.nii.gz", ""),
        ("t1.dcm", ""),
        ("t1.nii.gz.part", ""),
        ("._t1.nii.gz", ""),
        (".nii", ""),
    ],
)
def test_plain_modality(name, kind):
    assert plain_modality(name) == kind


LABELS = ("mask01", "ROI_2", "lesion", "seg", "label", "swi", "adc", "prob", "T1cohort", "NA", "no")


@pytest.mark.parametrize("patient", LABELS)
def test_a_name_of_a_participant_says_nothing_about_the_scan(tmp_path, patient):
    touch(
        tmp_path,
        f"{patient}/V1/{patient}_V1_flair.nii.gz",
        f"{patient}/V1/{patient}_V1_t2.nii.gz",
        f"{patient}/V1/{patient}_V1_flair_mask.nii.gz",
        f"{patient}/V1/{patient}_V1_pd.nii.gz",
        "other/V1/t1.nii.gz",
    )
    visit = next(v for v in find_visits(tmp_path) if v.subject == as_label(patient, "sub"))
    assert scans(visit) == {
        FLAIR: f"{patient}_V1_flair.nii.gz", T2W: f"{patient}_V1_t2.nii.gz"
    }  # fmt: skip
    assert visit.problem == ""


@pytest.mark.parametrize("patient", [as_label(label, "sub") for label in LABELS])
def test_the_same_in_bids(tmp_path, patient):
    name = f"sub-{patient}/ses-mask/anat/sub-{patient}_ses-mask"
    touch(tmp_path, f"{name}_FLAIR.nii.gz", f"{name}_label-L_mask.nii.gz", "sub-1/anat/x_T1w.nii")
    (tmp_path / "participants.tsv").write_text(f"participant_id\tage\nsub-{patient}\t41\n")
    visit = next(v for v in find_visits(tmp_path) if v.subject == patient)
    assert scans(visit) == {FLAIR: f"sub-{patient}_ses-mask_FLAIR.nii.gz"}
    assert visit.facts.age_years == 41


@pytest.mark.parametrize("visit", ["T1", "T2"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flair", FLAIR), ("{}", None), ("P1_{}_flair", FLAIR), ("P1_{}_T2", T2W),
        ("{}_T1w", T1W), ("{}_sag", None), ("{}_gd_T1", T1W_CONTRAST), ("{}_mask", ""),
    ],
)  # fmt: skip
def test_visits_called_as_scans_are(visit, name, kind):
    """T1 and T2 are time points too; where nothing else tells, they are the scan."""
    kind = {"T1": T1W, "T2": T2W}[visit] if kind is None else kind
    assert plain_modality(f"{name.format(visit)}.nii.gz", labels=("P1", visit)) == kind


@pytest.mark.parametrize(
    ("text", "prefix", "label"),
    [
        ("01", "sub", "01"),
        ("sub-01", "sub", "01"),
        ("sub01", "sub", "01"),
        ("sub_P-7", "sub", "P7"),
        ("subject_01", "sub", "subject01"),
        ("ses-M12", "ses", "M12"),
        ("session2", "ses", "session2"),
        ("2020-01-31", "ses", "20200131"),
        ("sub-1", "ses", "sub1"),
        ("--", "sub", ""),
        ("Müller", "sub", "Mller"),
    ],
)
def test_as_label(text, prefix, label):
    assert as_label(text, prefix) == label


# ------------------------------------------------------------------ what a visit lacks


def test_visit_without_flair_and_t1(tmp_path):
    touch(tmp_path, "P1/V1/t2.nii.gz", "P1/V2/t1_gd.nii.gz")
    first, second = find_visits(tmp_path)
    assert first.problem == (
        "sub-P1_ses-V1 has T2w, but FLAIR or T1w is needed. Add one of them or leave the visit out."
    )
    assert second.problem == ""


ANNEX = "../../.git/annex/objects/Xv/9k/MD5E-s1234--0a1b.nii.gz/MD5E-s1234--0a1b.nii.gz"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (ANNEX, "is a link of git-annex without its content, .* git annex get sub-01_FLAIR.nii.gz"),
        ("lost.nii.gz", "is a link to lost.nii.gz, which does not exist, but its content is nee"),
    ],
)
@pytest.mark.parametrize("more", [False, True], ids=["alone", "one of two"])
def test_a_scan_without_content(tmp_path, target, text, more):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-02/anat/sub-02_FLAIR.nii.gz")
    (tmp_path / "sub-01/anat/sub-01_FLAIR.nii.gz").symlink_to(target)
    if more:
        write_nifti(tmp_path / "sub-01/anat/sub-01_run-2_FLAIR.nii", np.ones((3, 3, 3)), np.eye(4))
    first, second = find_visits(tmp_path)
    assert re.search(text, first.problem)
    assert second.problem == ""


def test_a_participant_without_content(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "sub-02").symlink_to("elsewhere")
    with pytest.raises(DatasetError, match="sub-02 is a link to elsewhere, which does not exist"):
        find_visits(tmp_path)


# ------------------------------------------------------------------ labels asked for


@pytest.fixture
def four(tmp_path):
    return touch(
        tmp_path, *(f"sub-{p}/ses-{v}/anat/x_FLAIR.nii.gz" for p in ("01", "A2") for v in (1, 2))
    )


@pytest.mark.parametrize(
    ("subjects", "sessions", "names"),
    [
        ((), (), ["sub-01_ses-1", "sub-01_ses-2", "sub-A2_ses-1", "sub-A2_ses-2"]),
        (("01",), (), ["sub-01_ses-1", "sub-01_ses-2"]),
        (("sub-A2",), ("ses-2",), ["sub-A2_ses-2"]),
        (("A2", "sub-01"), ("1",), ["sub-01_ses-1", "sub-A2_ses-1"]),
    ],
)
def test_labels(four, subjects, sessions, names):
    visits = find_visits(four, participants=subjects, sessions=sessions)
    assert [visit.name for visit in visits] == names


def test_of_some_participants_no_other_folder_is_read(four, opened):
    """Thousands of runs of one participant each would read everything thousands of times."""
    for subject in ("01", "A2"):
        (four / f"sub-{subject}/sub-{subject}_sessions.tsv").write_text("session_id\nses-1\n")
    opened.clear()
    find_visits(four, participants=("A2",))
    names = {name for name in opened if name.startswith("sub-")}
    assert "sub-A2_sessions.tsv" in names
    assert all(name.startswith("sub-A2") for name in names)


def test_labels_that_are_not_there(four):
    with pytest.raises(DatasetError, match=r"has no sub-03, but .* Choose among: 01, A2\."):
        find_visits(four, participants=("01", "sub-03"))
    with pytest.raises(DatasetError, match=r"has no ses-3, but it was requested.* among: 1, 2\."):
        find_visits(four, sessions=("3",))


@pytest.mark.parametrize("folders", [("P_1", "P-1"), ("sub_1", "1"), ("--", "P1")])
def test_folders_that_become_one_label(tmp_path, folders):
    touch(tmp_path, *(f"{folder}/flair.nii.gz" for folder in folders))
    with pytest.raises(DatasetError, match=r"two folders that become sub-.*Rename one of them"):
        find_visits(tmp_path)


# ------------------------------------------------------------------ what cannot be


def test_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="is not a folder, but a dataset is expected"):
        find_visits(tmp_path / "none")
    touch(tmp_path, "file.nii.gz")
    with pytest.raises(DatasetError, match="is not a folder"):
        find_visits(tmp_path / "file.nii.gz")


@pytest.mark.parametrize("names", [
    (), ("sub-01/anat/sub-01_bold.nii.gz",), ("flair.nii.gz",), ("P1/V1/deeper/flair.nii.gz",),
])  # fmt: skip
def test_nothing_to_use(tmp_path, names):
    with pytest.raises(DatasetError, match=r"has no scans, but sub-\*.*PATIENT/VISIT/\*flair"):
        find_visits(touch(tmp_path, *names))


READABLE = "sub-01/anat/sub-01_FLAIR.nii.gz"
CLOSED = "sub-02/anat"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="permissions are not enforced for this user; the simulated case below is",
)
def test_unreadable_folder(tmp_path):
    touch(tmp_path, READABLE, f"{CLOSED}/sub-02_FLAIR.nii.gz")
    (tmp_path / CLOSED).chmod(0)
    try:
        with pytest.raises(DatasetError, match="cannot be read, but the whole dataset is read"):
            find_visits(tmp_path)
    finally:
        (tmp_path / CLOSED).chmod(0o755)


@pytest.mark.parametrize("closed", [CLOSED, "sub-02", "."])
def test_unreadable_folder_simulated(tmp_path, monkeypatch, closed):
    """A folder that may not be listed is an error: its patients must not go missing."""
    touch(tmp_path, READABLE, f"{CLOSED}/sub-02_FLAIR.nii.gz")
    shut, listed = tmp_path / closed, Path.iterdir

    def iterdir(self):
        if self == shut:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    text = rf"{shut.name} cannot be read, but the whole .* Change the permissions of the folder"
    with pytest.raises(DatasetError, match=text):
        find_visits(tmp_path)


def test_visit_names_are_of_labels_only():
    assert Visit("01", "2", {}).name == "sub-01_ses-2"
    assert Visit("01", "", {}).name == "sub-01"
