"""Criteria at every merge: whose lesions a rater means, and facts checked before any work."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from mslesion import cli
from mslesion.criteria import CRITERIA as RULES
from mslesion.errors import GeometryError, TableError
from mslesion.pipeline.dataset import run
from mslesion.pipeline.dataset.interpretation import apply_criteria
from mslesion.pipeline.dataset.jobs import PAGE, Outcome, do_job
from mslesion.pipeline.visit.records import RECORD_KEYS, part_path, record_path
from mslesion.reports.parts import Part
from mslesion.schema import CRITERIA, LESIONS, PANELS, RATED_LESIONS, VISITS, as_table
from mslesion.schema.ratings import LesionRating, Ratings

AFFINE = np.diag([-2.0, 2, 2, 1])
"""x = -2 i, y = 2 j, z = 2 k mm."""


def save(path, data, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)


def lesion_map():
    """Lesion 1 at voxels 5..6, lesion 2 at voxel 12 of each axis, in a brain of 2..17."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[5:7, 5:7, 5:7] = 1
    labels[12, 12, 12] = 2
    return labels


@pytest.fixture
def output(tmp_path):
    """The maps of one visit."""
    start = tmp_path / "out/sub-01/ses-1/anat/sub-01_ses-1_space-orig"
    brain = np.zeros((20, 20, 20), np.uint8)
    brain[2:18, 2:18, 2:18] = 1
    save(start.with_name(start.name + "_seg-lesions_dseg.nii.gz"), lesion_map())
    save(start.with_name(start.name + "_desc-brain_mask.nii.gz"), brain)
    return tmp_path / "out"


def tables():
    who = {"participant_id": "01", "session_id": "1"}
    rows = [
        who | {"lesion_id": n, "location": place, "center_count": 1}
        for n, place in ((1, "periventricular"), (2, "deep_white"))
    ]
    return {
        "visits": as_table([who | {"lesion_count": 2}], VISITS),
        "lesions": as_table(rows, LESIONS),
    }


def rate(*ratings, folders=(), **facts):
    return Ratings({("01", "1"): facts}, {("01", "1"): ratings}, folders)


def matched(output, ratings):
    frame = apply_criteria(output, tables(), ratings=ratings)[RATED_LESIONS.name]
    return [tuple(row) for row in frame[["lesion_id", "matched_by"]].itertuples(index=False)]


def test_all_tables_without_facts(output):
    found = apply_criteria(output, tables(), ratings=Ratings())
    assert set(found) == {CRITERIA.name, PANELS.name, RATED_LESIONS.name}
    assert list(found["criteria"]["rule"]) == [rule.name for rule in RULES]
    assert len(found["rated_lesions"]) == 0
    assert set(found["panels"]["panel"]) == {"pre-clinical"}


def test_lesions_by_position(output):
    """Centre of lesion 2 is (-24, 24, 24); 4 mm beside it is 4 mm away, 6 mm is too far."""
    ratings = rate(
        LesionRating(position_mm=(-20.0, 24, 24), prl=True, place="in/rims.csv, row 2"),
        LesionRating(position_mm=(-10.0, 10, 10), prl=False, place="in/rims.csv, row 3"),
        LesionRating(position_mm=(-30.0, 24, 24), prl=False, place="in/rims.csv, row 4"),
    )
    frame = apply_criteria(output, tables(), ratings=ratings)["rated_lesions"]
    assert list(frame["lesion_id"].astype(object).where(frame["lesion_id"].notna(), None)) == [
        2, 1, None,
    ]  # fmt: skip
    assert frame["distance_mm"].tolist()[:2] == pytest.approx([4.0, 0.0])
    assert list(frame["prl"]) == [True, False, False]
    assert list(frame["place"]) == ["rims.csv, row 2", "rims.csv, row 3", "rims.csv, row 4"]
    assert list(frame["matched_by"]) == ["position"] * 3


def test_rated_lesions_reach_rules_and_panels(output):
    ratings = rate(
        LesionRating(position_mm=(-24.0, 24, 24), prl=True, cvs=True),
        LesionRating(position_mm=(-10.0, 10, 10), cvs=False),
    )
    found = apply_criteria(output, tables(), ratings=ratings)
    panel = found["panels"][found["panels"]["panel"] == "susceptibility"]
    by_domain = panel.set_index("domain")
    assert by_domain.loc["paramagnetic rim lesions", "value"] == 1
    share = by_domain.loc["central vein sign, share 40"]
    assert (share["state"], share["value"]) == ("met", 1)  # 1 of 2
    assert "1 of 2 eligible lesions have a central vein; fewer than 10 eligible" in share["text"]
    assert by_domain.loc["central vein sign, select six 2024", "state"] == "not met"
    facts = found["criteria"].set_index("rule").loc["mcdonald2024_one_region", "facts_json"]
    assert json.loads(facts)["prl_count"] == 1


def test_lesions_by_the_rater_s_label_map(output, tmp_path):
    """The rater's lesion 7 is our 2, their 8 is none of ours."""
    theirs = np.zeros((20, 20, 20), np.uint8)
    theirs[12, 12, 11:14] = 7
    theirs[3, 3, 3] = 8
    folder = tmp_path / "ratings"
    save(folder / "sub-01_ses-1_dseg.nii.gz", theirs)
    ratings = rate(LesionRating(lesion=7, gd=True), LesionRating(lesion=8), folders=(folder,))
    assert matched(output, ratings) == [(2, "label map"), (pd.NA, "label map")]
    with pytest.raises(TableError, match=r"rates the lesion 9, but the rater's label map does"):
        matched(output, rate(LesionRating(lesion=9, place="a.csv, row 2"), folders=(folder,)))
    save(folder / "sub-01_ses-1_dseg.nii.gz", theirs, np.eye(4))
    with pytest.raises(GeometryError, match="the rater's label map"):
        matched(output, ratings)


def test_lesions_by_our_number(output):
    assert matched(output, rate(LesionRating(lesion=2))) == [(2, "number")]
    with pytest.raises(
        TableError,
        match=r"a.csv, row 2 rates the lesion 3, but lesions.csv has no such lesion for "
        r"sub-01_ses-1. Correct it, give x_mm, y_mm, z_mm, or put the rater's label map",
    ):
        matched(output, rate(LesionRating(lesion=3, place="a.csv, row 2")))


def test_a_lesion_outside_of_the_brain(output):
    with pytest.raises(TableError, match=r"a.csv, row 2 has a lesion at 0, 0, 0 mm, .* outside"):
        matched(output, rate(LesionRating(position_mm=(0, 0, 0), place="a.csv, row 2")))


def test_a_visit_without_lesion_map(tmp_path):
    """Its lesions could not be measured; the ratings stand for themselves."""
    none = {**tables(), "lesions": as_table([], LESIONS)}
    none["visits"] = as_table([{"participant_id": "01", "session_id": "1"}], VISITS)
    found = apply_criteria(tmp_path, none, ratings=rate(LesionRating(lesion=2, prl=True)))
    assert found["rated_lesions"]["lesion_id"].isna().all()
    assert found["rated_lesions"]["matched_by"].isna().all()


def test_ratings_of_no_visit_are_left_out(output):
    other = Ratings(lesions={("99", "1"): (LesionRating(lesion=1),)})
    assert len(apply_criteria(output, tables(), ratings=other)["rated_lesions"]) == 0


# The command ---------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A dataset of one visit, and what was done of it."""
    root = tmp_path / "in"
    anat = root / "sub-01/ses-1/anat"
    anat.mkdir(parents=True)
    (anat / "sub-01_ses-1_FLAIR.nii.gz").touch()
    done = []

    def work(job):
        if job.step.name == PAGE:
            return do_job(job)
        done.append(job.visit.name)
        who = {"participant_id": "01", "session_id": "1"}
        record = {key: [] for key in RECORD_KEYS} | {
            "subject": "01", "session": "1", "visits": [who]
        }  # fmt: skip
        path = record_path(job.output, job.visit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
        part_path(job.output, job.visit).write_text(Part().to_text())
        return Outcome(job, "done")

    monkeypatch.setattr(run, "do_job", work)
    return root, tmp_path / "out", done


def call(*arguments):
    return cli.main([str(argument) for argument in (*arguments, "--n-jobs", 1)])


def met(output):
    frame = pd.read_csv(output / "criteria.csv", dtype=str).set_index("rule")
    return frame.loc["mcdonald2017_ppms", "facts_json"]


def test_facts_of_the_dataset_and_named_ones(study, tmp_path):
    root, output, _ = study
    (root / "participants.tsv").write_text("participant_id\tage\tocb\nsub-01\t40\tyes\n")
    cord = tmp_path / "cord.csv"
    cord.write_text("participant_id,session_id,cord_count\n01,1,3\n")
    assert call(root, output, "participant") == cli.DONE
    assert json.loads(met(output)) == {"oligoclonal_bands": True}
    assert call(root, output, "participant", "--ratings", cord) == cli.DONE
    assert json.loads(met(output)) == {"cord_count": 3, "oligoclonal_bands": True}
    assert call(root, output, "group") == cli.DONE  # without them again
    assert json.loads(met(output)) == {"oligoclonal_bands": True}
    for name in ("criteria.json", "panels.json", "index.html", "sub-01.html"):
        assert (output / name).is_file()
    assert not (output / "rated_lesions.csv").exists()


BAD = {
    "semicolons": ("a.csv", "participant_id;ocb\n01;yes\n", "is separated by semicolons"),
    "age of 200": ("participants.tsv", "participant_id\tage\nsub-01\t200\n",
                   "participants.tsv, row 2, column 'age' has '200', but a number from 0 to 120"),
    "before birth": ("a.csv", "participant_id,birth_date,onset_date\n01,1980-01-01,1979-01-01\n",
                     "row 2, column 'onset_date' has '1979-01-01', but a day after birth"),
    "spreadsheet date": ("a.csv", "participant_id,birth_date\n01,44197\n",
                         "A spreadsheet converted 2021-01-01 to a number"),
    "local date": ("a.csv", "participant_id,birth_date\n01,31.01.1980\n",
                   "column 'birth_date' has '31.01.1980', but a date such as 2020-01-31"),
    "twice": ("a.csv", "participant_id,ocb\n01,yes\n01,yes\n", "row 3 repeats row 2"),
    "gd without contrast": (
        "a.csv", "participant_id,session_id,contrast_given,gd_count\n01,1,no,2\n",
        "'gd_count' has '2', but an empty cell at a visit without contrast agent is expected"),
    "zeros cut": ("a.csv", "participant_id,ocb\n1,yes\n",
                  "the subject '1', but the dataset has '01'"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("level", ["participant", "group"])
def test_wrong_facts_end_the_run_before_it_begins(study, capsys, name, text, message, level):
    root, output, done = study
    assert call(root, output, "participant") == cli.DONE
    before = {path: path.read_bytes() for path in output.iterdir() if path.is_file()}
    done.clear()
    path = root / name if name.endswith(".tsv") else root / "ratings" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert call(root, output, level) == cli.UNUSABLE
    assert done == []
    said = capsys.readouterr().err
    assert message in said
    # Nothing is half-read: the tables are those of the run before
    assert before == {path: path.read_bytes() for path in output.iterdir() if path.is_file()}


def test_a_file_that_is_not_there(study, capsys):
    root, output, done = study
    assert call(root, output, "participant", "--ratings", root / "no.csv") == cli.UNUSABLE
    assert "no.csv cannot be read" in capsys.readouterr().err
    assert done == []
