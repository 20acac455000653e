"""`run_dataset` in Python: the table of outcomes, the paths, the dry run, what it refuses."""

from dataclasses import FrozenInstanceError

import pandas as pd
import pytest
from run_stand_in import StandIn, bids

import mslesion as ms
from mslesion.errors import DatasetError, SettingsError
from mslesion.pipeline.dataset import run
from mslesion.schema import OUTCOMES, check_table


@pytest.fixture(autouse=True)
def work(monkeypatch):
    """Instead of the jobs' work."""
    work = StandIn()
    monkeypatch.setattr(run, "do_job", work)
    return work


def states(summary):
    """How each job ended."""
    frame = summary.outcomes.astype(object).where(summary.outcomes.notna(), "")
    names = ["participant_id", "session_id", "session_from", "step", "state"]
    return [" ".join(filter(None, row)) for row in frame[names].to_numpy().tolist()]


def test_a_row_a_job(tmp_path):
    root = bids(tmp_path / "in", "01/1", "01/odd", "bad")
    summary = ms.run_dataset(root, tmp_path / "out")
    check_table(summary.outcomes, OUTCOMES)
    assert states(summary) == [
        "sub-01 ses-1 visit done", "sub-01 ses-odd ses-1 pair failed",
        "sub-01 ses-odd visit done", "sub-01 page done", "sub-bad visit failed",
    ]  # fmt: skip
    assert summary.failed["reason"].tolist() == [
        "A map is odd. Look at it.", "The scan is odd. Look at it.",
    ]  # fmt: skip
    assert summary.text == "2 of 3 visits done, 0 of 1 pairs compared"
    failures = pd.read_csv(tmp_path / "out/logs/failures.tsv", sep="\t")
    assert failures["reason"].tolist() == summary.failed["reason"].tolist()
    with pytest.raises(FrozenInstanceError):
        summary.output_dir = tmp_path


def test_folders_without_a_file_are_named(tmp_path):
    """As of DataLad subdatasets that are not installed; the others are done."""
    root = bids(tmp_path / "in", "01")
    (root / "sub-02").mkdir()
    (root / "sub-03/ses-1/anat").mkdir(parents=True)
    (root / "sub-04/func").mkdir(parents=True)
    (root / "sub-04/func/sub-04_bold.nii.gz").touch()  # installed, and has no anatomical scan
    summary = ms.run_dataset(root, tmp_path / "out", dry_run=True)
    assert states(summary) == [
        "sub-01 visit planned", "sub-02 visit failed", "sub-03 ses-1 visit failed",
    ]  # fmt: skip
    assert summary.failed["reason"].tolist() == [
        f"{root / name} has no file, but scans are expected. If it is a DataLad subdataset or a "
        f"git submodule, install it (datalad get -n {root / name}); otherwise remove the folder."
        for name in ("sub-02", "sub-03/ses-1")
    ]


def test_where_the_results_are(tmp_path):
    summary = ms.run_dataset(bids(tmp_path / "in", "01", "02"), str(tmp_path / "out"))
    assert summary.output_dir == tmp_path / "out"
    assert set(summary.tables) == {"visits", "lesions", "quality", "criteria", "panels"}
    assert len(pd.read_csv(summary.tables["visits"])) == 2
    assert summary.pages == {f"sub-{n}": tmp_path / f"out/sub-{n}.html" for n in ("01", "02")}
    assert len(summary.failed) == 0


def test_nothing_done_leaves_no_tables(tmp_path):
    summary = ms.run_dataset(bids(tmp_path / "in", "bad"), tmp_path / "out")
    assert states(summary) == ["sub-bad visit failed"]
    assert summary.tables == summary.pages == {}
    assert summary.text == "0 of 1 visits done"


def test_one_label_or_several(tmp_path, work):
    root = bids(tmp_path / "in", "01/1", "01/2", "02/1", "03/1")
    ms.run_dataset(root, tmp_path / "a", participants="01", sessions="ses-2")
    ms.run_dataset(root, tmp_path / "b", participants=["sub-01", "02"], sessions=("1",))
    assert [job.visit.name for job in work.seen] == [
        "sub-01_ses-2", "sub-01_ses-1", "sub-02_ses-1",
    ]  # fmt: skip


def test_settings_masks_and_facts_are_handed_on(tmp_path, work):
    root = bids(tmp_path / "in", "01")
    mask = tmp_path / "masks/sub-01_label-L_mask.nii"
    mask.parent.mkdir()
    mask.touch()
    cord = tmp_path / "cord.csv"
    cord.write_text("participant_id,session_id,cord_count\n01,,1\n")
    settings = ms.Settings(min_size="msseg")
    summary = ms.run_dataset(
        root, tmp_path / "out", settings=settings, lesion_masks=mask.parent, ratings=cord
    )
    (job,) = work.seen
    assert (job.settings, job.mask.path) == (settings, mask)
    facts = pd.read_csv(summary.tables["criteria"])["facts_json"]
    assert facts.str.contains('"cord_count":').any()


def test_a_dry_run_writes_nothing(tmp_path, work):
    root = bids(tmp_path / "in", "01", "02", "03")
    (root / "sub-02/anat/sub-02_acq-b_T1w.nii.gz").touch()
    masks = tmp_path / "masks"
    masks.mkdir()
    (masks / "sub-01_label-L_mask.nii").touch()
    summary = ms.run_dataset(root, tmp_path / "out", lesion_masks=masks, dry_run=True)
    check_table(summary.outcomes, OUTCOMES)
    assert states(summary) == [
        "sub-01 visit planned", "sub-02 visit failed", "sub-03 visit failed",
    ]  # fmt: skip
    assert summary.text == "0 of 3 visits done"
    assert summary.outcomes["inputs"].tolist() == ["FLAIR;T1w", "FLAIR", "FLAIR;T1w"]
    assert summary.failed["error"].tolist() == ["DatasetError"] * 2
    assert "_T1w.nii.gz cannot be read" in summary.failed["reason"][0]
    assert "has no lesion mask of sub-03, but one is expected" in summary.failed["reason"][1]
    ms.run_dataset(root, tmp_path / "out", level="group", dry_run=True)
    assert work.seen == []
    assert not (tmp_path / "out").exists()


def test_group_level(tmp_path, work):
    root, output = bids(tmp_path / "in", "01", "02"), tmp_path / "out"
    ms.run_dataset(root, output)
    (output / "visits.csv").unlink()
    summary = ms.run_dataset(root, output, level="group")
    assert states(summary) == ["sub-01 page unchanged", "sub-02 page unchanged"]
    assert summary.text == ""
    check_table(summary.outcomes, OUTCOMES)
    assert len(pd.read_csv(summary.tables["visits"])) == 2
    assert len(work.seen) == 2


def test_an_outdated_pair_is_removed_by_the_run_alone(tmp_path, work):
    """A record of a pair with a session that is not there any more."""
    root, output = bids(tmp_path / "in", "01/1", "01/2", "01/3"), tmp_path / "out"
    old = output / "logs/pairs/sub-01/sub-01_ses-2_ses-4.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    ms.run_dataset(root, output, dry_run=True)
    assert old.exists()
    ms.run_dataset(root, output)
    assert not old.exists()
    assert [pair.name for pair in work.pairs] == [
        f"sub-01_ses-{a}_ses-{b}" for a, b in ("12", "13", "23")
    ]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"level": "session"}, SettingsError, "level is 'session', but participant or group is"),
        (
            {"executor": "moon"},
            SettingsError,
            "The executor is 'moon', but local, dask, slurm, ",
        ),
        ({"n_jobs": 0}, SettingsError, "The number of jobs is 0, but 'auto' or 1 or more is"),
        ({"n_jobs": "x", "dry_run": True}, SettingsError, "The number of jobs is x, but 'auto' or"),
        ({"participants": "99"}, DatasetError, "has no sub-99, but it was requested"),
        ({"sessions": "99"}, DatasetError, "has no ses-99, but it was requested"),
        ({"lesion_masks": "nowhere"}, DatasetError, "nowhere is not a folder, but lesion masks"),
    ],
)
def test_what_cannot_be(tmp_path, options, error, text):
    root = bids(tmp_path / "in", "01/1")
    with pytest.raises(error, match=text):
        ms.run_dataset(root, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_input_is_not_the_output(tmp_path):
    root = bids(tmp_path / "in", "01")
    with pytest.raises(DatasetError, match="is also the input, but scans are never modified"):
        ms.run_dataset(root, tmp_path / "in/../in")
