"""Many visits: what is redone, what is skipped, and what a failure costs."""

import errno
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import visit_phantoms as heads
from job_runs import run_jobs, write_group

from mslesion.errors import DatasetError, StepError
from mslesion.io import nifti
from mslesion.io.dataset import Visit, find_visits
from mslesion.io.lesion_masks import mask_folder
from mslesion.pipeline.dataset.calibration import CALIBRATION_STEP
from mslesion.pipeline.dataset.failures import merge_failures, note_outcome
from mslesion.pipeline.dataset.jobs import FAILED, Job, Outcome, do_job
from mslesion.pipeline.dataset.run import run_dataset
from mslesion.pipeline.pair.jobs import PAIR_STEP
from mslesion.pipeline.pair.records import Pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit import head as visit_head
from mslesion.pipeline.visit import jobs as visit_jobs
from mslesion.pipeline.visit.jobs import VISIT_STEP, find_visit_jobs
from mslesion.pipeline.visit.records import part_path, record_path
from mslesion.reports.parts import Part
from mslesion.schema import FAILURES

SETTINGS = Settings()


def jobs_of(names):
    """Jobs without files."""
    return [
        Job(VISIT_STEP, (Visit(name, "", {}),), Path("in"), Path("out"), SETTINGS) for name in names
    ]


def does(job):
    """Work that succeeds."""
    return Outcome(job, "done")


def does_or_is_killed(job):
    """Work whose process is killed at subject B, as by a system out of memory."""
    if job.visit.subject == "B":
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(job, "done", seconds=os.getpid())


def does_phantom(job):
    """A whole visit of the phantom in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        heads.teach(patch, heads.head())
        patch.setattr(visit_head, "MIN_BRAIN_ML", heads.MIN_BRAIN_ML)
        return do_job(job)


@pytest.fixture
def dataset(tmp_path, plain, monkeypatch):
    """Two visits with files, done by a stand-in that gives the phantom's result."""
    root = tmp_path / "in"
    for subject in ("01", "02"):
        folder = heads.write_bids(root, heads.head(), subject=subject, modalities=())
        # Content that differs, under the names of scans; the stand-in does not read it
        (folder / f"sub-{subject}_ses-1_FLAIR.nii.gz").write_bytes(subject.encode())
    calls = []

    def stand_in(visit, *, settings, lesion_mask=None, anatomy=None, segmenter=None):
        calls.append(visit.subject)
        who = {
            name: getattr(plain, name).assign(
                participant_id=pd.array([visit.subject] * len(getattr(plain, name)), dtype="string")
            ).astype(getattr(plain, name).dtypes.to_dict())
            for name in ("visits", "lesions", "quality")
        }  # fmt: skip
        return replace(plain, visit=visit, settings=settings, **who)

    monkeypatch.setattr(visit_jobs, "process_visit", stand_in)
    monkeypatch.setattr("mslesion.pipeline.visit.outputs.visit_part", lambda _result: Part())
    return root, tmp_path / "out", calls


def run(root, output, *, settings=SETTINGS, masks=None, **options):
    """All visits of a dataset, and their states."""
    jobs = jobs_in(root, output, settings=settings, masks=masks)
    return [outcome.state for outcome in run_jobs(jobs, **options)]


def jobs_in(root, output, *, settings=SETTINGS, masks=None):
    """A job for each visit of a dataset."""
    masks = masks and mask_folder(masks)
    return find_visit_jobs(
        find_visits(root), root=root, output=output, settings=settings, masks=masks
    )


def test_rerun_skips_what_is_finished(dataset):
    root, output, calls = dataset
    assert run(root, output) == ["done", "done"]
    stamps = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file()}
    assert run(root, output) == ["unchanged", "unchanged"]
    assert calls == ["01", "02"]
    for path, stamp in stamps.items():
        assert path.stat().st_mtime_ns == stamp


def test_a_changed_setting_redoes_all(dataset):
    root, output, calls = dataset
    run(root, output)
    assert run(root, output, settings=Settings(contact_mm=3.0)) == ["done", "done"]
    assert run(root, output, settings=Settings(contact_mm=3.0)) == ["unchanged", "unchanged"]
    assert calls == ["01", "02"] * 2


def test_a_changed_scan_redoes_its_visit(dataset):
    root, output, calls = dataset
    run(root, output)
    next(root.glob("sub-02/ses-1/anat/*_FLAIR.nii.gz")).write_bytes(b"new")
    assert run(root, output) == ["unchanged", "done"]
    assert calls == ["01", "02", "02"]


def test_a_fact_that_became_known_redoes_its_visit(dataset):
    root, output, _ = dataset
    run(root, output)
    (root / "participants.tsv").write_text("participant_id\tage\nsub-01\t41\n")
    assert run(root, output) == ["done", "unchanged"]


def test_another_version_redoes_all(dataset, monkeypatch):
    root, output, _ = dataset
    run(root, output)
    monkeypatch.setattr("mslesion.pipeline.visit.records.package_version", lambda: "9.9")
    assert run(root, output) == ["done", "done"]


@pytest.mark.parametrize("damage", ["record", "part", "half a record"])
def test_a_visit_without_record_or_page_is_done_again(dataset, damage):
    root, output, _ = dataset
    run(root, output)
    record, part = (which(output, Visit("01", "1", {})) for which in (record_path, part_path))
    if damage == "half a record":
        record.write_bytes(record.read_bytes()[:100])
    else:
        {"record": record, "part": part}[damage].unlink()
    assert run(root, output) == ["done", "unchanged"]


def test_old_maps_do_not_outlive_their_visit(dataset, monkeypatch):
    """A second run that fails, or has no probability, leaves no map of the first."""
    root, output, _ = dataset
    run(root, output)
    anat = output / "sub-01/ses-1/anat"
    assert any(anat.glob("*probseg*"))

    def fails(visit, **_options):
        raise StepError("The scan is odd. Look at it.")

    monkeypatch.setattr(visit_jobs, "process_visit", fails)
    assert run(root, output, settings=Settings(contact_mm=3.0)) == ["failed", "failed"]
    assert list(anat.iterdir()) == []
    assert not record_path(output, Visit("01", "1", {})).exists()


def test_a_mask_is_part_of_what_a_visit_is_made_from(dataset, tmp_path):
    root, output, calls = dataset
    one = heads.head()
    masks = tmp_path / "masks"
    for subject in ("01", "02"):
        heads.write_mask(masks, one, one.lesions, subject=subject)
        heads.write_bids(root, one, subject=subject, modalities=("FLAIR",))
    assert run(root, output, masks=masks) == ["done", "done"]
    assert run(root, output, masks=masks) == ["unchanged", "unchanged"]
    heads.write_mask(masks, one, one.lesion("deep_white"), subject="02")
    assert run(root, output, masks=masks) == ["unchanged", "done"]
    assert run(root, output) == ["done", "done"]  # without masks again
    assert calls == ["01", "02", "02", "01", "02"]


def test_a_missing_mask_fails_its_visit(dataset, tmp_path):
    root, output, _ = dataset
    one = heads.head()
    heads.write_mask(tmp_path / "masks", one, one.lesions, subject="01")
    heads.write_bids(root, one, subject="01", modalities=("FLAIR",))
    first, second = run_jobs(jobs_in(root, output, masks=tmp_path / "masks"))
    assert (first.state, second.state) == ("done", "failed")
    assert "has no lesion mask of sub-02_ses-1, but one is expected" in second.reason


def test_a_problem_of_the_dataset_fails_its_visit(dataset):
    root, output, calls = dataset
    folder = root / "sub-02/ses-1/anat"
    (folder / "sub-02_ses-1_acq-b_FLAIR.nii.gz").write_bytes(b"b")
    assert run(root, output) == ["done", "failed"]
    assert calls == ["01"]


def test_disk_full_fails_the_visit_and_leaves_no_half_file(dataset, monkeypatch):
    """The third file does not fit; a rerun with space does it again."""
    root, output, _ = dataset
    written = []
    whole = nifti.os.fsync

    def full(handle):
        written.append(handle)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(handle)

    monkeypatch.setattr(nifti.os, "fsync", full)
    first, second = run_jobs(jobs_in(root, output))
    assert (first.state, first.error, second.state) == ("failed", "OutputError", "done")
    assert "cannot be written (No space left on device)" in first.reason
    assert first.reason.endswith("then run again.")
    assert not list(output.rglob("*.part"))
    assert not record_path(output, first.job.visit).exists()
    assert not (output / "sub-01").exists()
    assert not list((output / ".work").iterdir())
    monkeypatch.setattr(nifti.os, "fsync", whole)
    assert run(root, output) == ["done", "unchanged"]


def test_interrupt_in_the_middle_then_rerun_resumes(dataset, monkeypatch):
    root, output, calls = dataset
    stand_in = visit_jobs.process_visit

    def interrupted(visit, **options):
        if visit.subject == "02":
            raise KeyboardInterrupt
        return stand_in(visit, **options)

    monkeypatch.setattr(visit_jobs, "process_visit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(root, output)
    monkeypatch.setattr(visit_jobs, "process_visit", stand_in)
    assert run(root, output) == ["unchanged", "done"]
    assert calls == ["01", "02"]


def test_interrupt_while_writing_leaves_the_visit_unfinished(dataset, monkeypatch):
    root, output, _ = dataset
    whole = nifti.os.fsync
    written = []

    def interrupted(handle):
        written.append(handle)
        if len(written) == 5:
            raise KeyboardInterrupt
        whole(handle)

    monkeypatch.setattr(nifti.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(root, output)
    assert not list(output.rglob("*.part"))
    assert not record_path(output, Visit("01", "1", {})).exists()
    monkeypatch.setattr(nifti.os, "fsync", whole)
    assert run(root, output) == ["done", "done"]


def test_an_unforeseen_error_is_a_row_too(dataset, monkeypatch):
    root, output, _ = dataset

    def breaks(visit, **_options):
        return {}["nothing"]

    monkeypatch.setattr(visit_jobs, "process_visit", breaks)
    outcomes = run_jobs(jobs_in(root, output))
    assert [outcome.error for outcome in outcomes] == ["KeyError", "KeyError"]
    assert outcomes[0].reason == "KeyError('nothing') at breaks. Please report it."


def test_failures_are_a_table(tmp_path):
    where = (Path("in"), tmp_path, SETTINGS)
    visits = [Visit("02", "1", {}), Visit("01", "", {}), Visit("03", "1", {})]
    jobs = [Job(VISIT_STEP, (visit,), *where) for visit in visits]
    ends = (Visit("03", "0", {}), visits[2])
    pair = Job(PAIR_STEP, ends, *where, pair=Pair("03", "0", "1", is_with_before=True))
    outcomes = [
        Outcome(jobs[0], FAILED, "ImageError", "a.nii is odd.\tLook\nat it."),
        Outcome(jobs[1], FAILED, "StepError", "No brain."),
        Outcome(jobs[2], "done"),
        Outcome(pair, FAILED, "ImageError", "Odd."),
        Outcome(Job(CALIBRATION_STEP, (visits[2],), *where), FAILED, "StepError", "No lesion."),
    ]
    for outcome in outcomes:
        note_outcome(outcome, tmp_path)
    merge_failures(tmp_path)
    frame = pd.read_csv(tmp_path / "logs/failures.tsv", sep="\t", dtype=str, keep_default_na=False)
    assert list(frame.columns) == FAILURES.names
    assert frame.to_numpy().tolist() == [
        ["sub-01", "n/a", "n/a", "StepError", "No brain."],
        ["sub-02", "ses-1", "n/a", "ImageError", "a.nii is odd.\tLook\nat it."],
        ["sub-03", "ses-1", "ses-0", "ImageError", "Odd."],
        ["sub-03", "ses-1", "n/a", "StepError", "Calibration: No lesion."],
    ]
    for job in (*jobs, pair, outcomes[-1].job):
        note_outcome(Outcome(job, "unchanged"), tmp_path)
    merge_failures(tmp_path)
    assert not list((tmp_path / "logs/failures").iterdir())
    assert (tmp_path / "logs/failures.tsv").read_text() == "\t".join(FAILURES.names) + "\n"


def test_group_merges_what_the_visits_left(dataset):
    root, output, _ = dataset
    run(root, output)
    tables = write_group(output, raw=str(root))
    assert list(tables["visits"]["participant_id"]) == ["sub-01", "sub-02"]
    assert len(tables["lesions"]) == 8
    frame = pd.read_csv(output / "visits.csv", dtype=str)
    assert list(frame["participant_id"]) == ["sub-01", "sub-02"]
    people = pd.read_csv(output / "participants.tsv", sep="\t")
    assert list(people["participant_id"]) == ["sub-01", "sub-02"]
    before = {path.name: path.read_bytes() for path in output.glob("*.*")}
    write_group(output, raw=str(root))
    assert before == {path.name: path.read_bytes() for path in output.glob("*.*")}


def test_group_forgets_a_visit_that_now_fails(dataset):
    root, output, _ = dataset
    run(root, output)
    write_group(output, raw=str(root))
    for subject in ("01", "02"):
        record_path(output, Visit(subject, "1", {})).unlink()
        tables = write_group(output, raw=str(root))
        assert not (output / f"sub-{subject}.html").exists()
    assert len(tables["visits"]) == 0
    assert len((output / "visits.csv").read_text().splitlines()) == 1


def test_group_of_nothing(tmp_path):
    with pytest.raises(DatasetError, match="has no finished visit, but finished visits are merged"):
        run_dataset("in", tmp_path, level="group")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"sub-01_ses-1.json cannot be read \(Expecting property name"),
        ("[]", r"sub-01_ses-1.json has no 'subject', but the record of each finished visit"),
        (
            '{"subject": "01"}',
            r"has no 'session', but the record of .* has it\. Remove the record",
        ),
    ],
)
def test_group_names_a_broken_record(dataset, content, message):
    root, output, _ = dataset
    run(root, output)
    record_path(output, Visit("01", "1", {})).write_text(content)
    with pytest.raises(DatasetError, match=message):
        write_group(output, raw=str(root))


def test_order_of_outcomes_is_that_of_the_jobs():
    outcomes = run_jobs(jobs_of("CAB"), work=does)
    assert [outcome.job.visit.subject for outcome in outcomes] == ["C", "A", "B"]
    assert run_jobs([], work=does) == []


def test_a_killed_worker_costs_only_its_visit():
    outcomes = run_jobs(jobs_of("ABCD"), work=does_or_is_killed, n_jobs=2)
    assert [outcome.job.visit.subject for outcome in outcomes] == list("ABCD")
    assert [outcome.state for outcome in outcomes] == ["done", "failed", "done", "done"]
    assert outcomes[1].error == "WorkerLost"
    assert outcomes[1].reason == (
        "The process of this job was killed (BrokenProcessPool), probably for lack of memory. Give "
        "each job more memory or run fewer jobs at a time (--n-jobs), then run again."
    )
    assert os.getpid() not in {outcome.seconds for outcome in outcomes}


@pytest.mark.slow
def test_one_and_two_jobs_give_the_same_bits(tmp_path):
    root = tmp_path / "in"
    for subject in ("01", "02"):
        heads.write_bids(root, heads.head(), subject=subject)
    written = {}
    for n_jobs in (1, 2):
        output = tmp_path / str(n_jobs)
        outcomes = run_jobs(jobs_in(root, output), work=does_phantom, n_jobs=n_jobs)
        assert [outcome.state for outcome in outcomes] == ["done", "done"]
        written[n_jobs] = {
            path.relative_to(output).as_posix(): path.read_bytes()
            for path in output.rglob("*")
            if path.is_file()
        }
    assert written[1] == written[2]
    record = json.loads(written[1]["logs/visits/sub-02/sub-02_ses-1.json"])
    assert np.isfinite(record["visits"][0]["brain_ml"])
