"""Runs side by side in one output folder: nothing of others is lost, nothing is mixed."""

import threading
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from run_stand_in import StandIn, bids

import mslesion as ms
from mslesion.errors import DatasetError, OutputError
from mslesion.io.dataset import Visit
from mslesion.io.tables import write_json
from mslesion.pipeline.dataset import run
from mslesion.pipeline.dataset.jobs import DONE, FAILED, UNCHANGED, VISIT, Job, Outcome, do_job
from mslesion.pipeline.dataset.jobs import Step as JobStep
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import read_json_record


@pytest.fixture
def work(monkeypatch):
    """Instead of the work of visits and pairs."""
    work = StandIn()
    monkeypatch.setattr(run, "do_job", work)
    return work


def failures(output):
    frame = pd.read_csv(output / "logs/failures.tsv", sep="\t", dtype=str, keep_default_na=False)
    return [f"{row.participant_id} {row.session_id}" for row in frame.itertuples()]


def test_a_run_of_one_participant_writes_only_what_is_its_own(tmp_path, work):
    root, output = bids(tmp_path / "in", "01/1", "02/1", "bad/1"), tmp_path / "out"
    ms.run_dataset(root, output, participants="bad")
    ms.run_dataset(root, output, participants="01")
    before = (output / "sub-01.html").read_bytes()
    summary = ms.run_dataset(root, output, participants="02")
    assert failures(output) == ["sub-bad ses-1"]
    assert summary.tables == {}
    assert not (output / "participants.tsv").exists()
    assert (output / "dataset_description.json").exists()
    assert (output / "sub-01.html").read_bytes() == before
    assert set(summary.pages) == {"sub-01", "sub-02"}
    assert not (output / ".work").exists()
    summary = ms.run_dataset(root, output, level="group")
    frame = pd.read_csv(summary.tables["visits"])
    assert frame["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert failures(output) == ["sub-bad ses-1"]


def test_the_tables_of_single_runs_are_those_of_one_run(tmp_path, work):
    root = bids(tmp_path / "in", "01/1", "01/2", "02/1", "03")
    ms.run_dataset(root, tmp_path / "a")
    for subject in ("03", "01", "02"):
        ms.run_dataset(root, tmp_path / "b", participants=subject)
    ms.run_dataset(root, tmp_path / "b", level="group")
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.*")} for name in "ab"
    )
    assert one == other
    assert "visits.csv" in one


def test_a_run_of_one_session_leaves_the_tables(tmp_path, work):
    root, output = bids(tmp_path / "in", "01/1", "01/2"), tmp_path / "out"
    ms.run_dataset(root, output, sessions="1")
    assert not (output / "visits.csv").exists()
    assert (output / "sub-01.html").exists()


def test_a_failure_is_gone_when_the_job_succeeds(tmp_path, monkeypatch):
    root, output = bids(tmp_path / "in", "01/1", "01/2", "02/1"), tmp_path / "out"
    work = StandIn()

    def fails(job):
        if job.step.name == VISIT:
            return Outcome(job, FAILED, "StepError", "Odd.")
        return work(job)

    monkeypatch.setattr(run, "do_job", fails)
    ms.run_dataset(root, output)
    assert failures(output) == ["sub-01 ses-1", "sub-01 ses-2", "sub-02 ses-1"]
    monkeypatch.setattr(run, "do_job", work)
    ms.run_dataset(root, output, sessions="2")
    assert failures(output) == ["sub-01 ses-1", "sub-02 ses-1"]
    ms.run_dataset(root, output)
    assert failures(output) == []
    assert not list((output / "logs/failures").iterdir())


def test_failures_of_what_is_no_longer_there_are_forgotten(tmp_path, work):
    root, output = bids(tmp_path / "in", "01/1", "01/odd", "bad/1"), tmp_path / "out"
    ms.run_dataset(root, output)
    assert failures(output) == ["sub-01 ses-odd", "sub-bad ses-1"]
    for folder in ("sub-01/ses-odd", "sub-bad"):
        (root / folder).rename(tmp_path / folder.replace("/", "_"))
    (output / "logs/visits/sub-01/sub-01_ses-odd.json").unlink()
    ms.run_dataset(root, output, participants="01")
    assert failures(output) == ["sub-bad ses-1"]
    ms.run_dataset(root, output)
    assert failures(output) == []


def test_a_visit_that_another_run_finished_meanwhile_is_compared(tmp_path):
    """Each of two runs does one visit; the one that ends last compares them."""
    root, output = bids(tmp_path / "in", "01/1", "01/2"), tmp_path / "out"
    work = StandIn()

    def meanwhile(job):
        if job.step.name == VISIT and job.visit.session == "1":
            run.do_job = work
            ms.run_dataset(root, output, sessions="2")
        return work(job)

    real, run.do_job = run.do_job, meanwhile
    try:
        ms.run_dataset(root, output, sessions="1")
    finally:
        run.do_job = real
    assert [pair.name for pair in work.pairs] == ["sub-01_ses-1_ses-2"]


def test_a_full_disk_at_the_record_of_a_failure_ends_no_run(tmp_path, work, monkeypatch, caplog):
    root, output = bids(tmp_path / "in", "bad", "01"), tmp_path / "out"

    def full(outcome, output):
        if outcome.state == FAILED:
            raise OutputError("disk full")

    monkeypatch.setattr(run, "note_outcome", full)
    summary = ms.run_dataset(root, output)
    assert len(summary.failed) == 1
    assert "disk full" in caplog.text
    assert (output / "sub-01.html").exists()


# One job, done twice at once


def record(job):
    return job.output / "logs/visits/sub-01/sub-01_ses-1.json"


def read(path):
    return read_json_record(path, keys=("made_from",), what="visit")


def clear(job):
    record(job).unlink(missing_ok=True)
    for path in job.output.glob("map*"):
        path.unlink()


class HalfError(Exception):
    """A run that was stopped."""


class Twice:
    """Work of a job in two threads, both of which are under way before one ends."""

    def __init__(self, contents=("same", "same"), stops=()):
        self.contents, self.stops = contents, stops
        self.barrier = threading.Barrier(2, timeout=30)
        self.threads = threading.local()

    def job(self, output, number):
        def fingerprint(job):
            return {"content": self.contents[number]}

        def work(job, made_from, folder):
            self.barrier.wait()
            for name in range(10):
                (folder / f"map{name}").write_text(made_from["content"])
                if number in self.stops and name == 5:
                    raise HalfError
            target = folder / record(job).relative_to(job.output)
            write_json({"made_from": made_from}, target)

        step = JobStep(VISIT, record, read, fingerprint, clear, work)
        return Job(step, (Visit("01", "1", {}),), Path("in"), output, Settings())

    def run(self, output):
        outcomes = [None, None]

        def one(number):
            outcomes[number] = do_job(self.job(output, number))

        threads = [threading.Thread(target=one, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes


def maps(output):
    return {path.read_text() for path in output.glob("map*")}


def test_two_runs_at_one_visit_end_with_one_whole_result(tmp_path):
    outcomes = Twice().run(tmp_path)
    assert [outcome.state for outcome in outcomes] == [DONE, DONE]
    assert len(list(tmp_path.glob("map*"))) == 10
    assert read(record(outcomes[0].job))["made_from"] == {"content": "same"}


def test_two_runs_of_different_settings_are_never_mixed(tmp_path):
    outcomes = Twice(("a", "b")).run(tmp_path)
    assert [outcome.state for outcome in outcomes] == [DONE, DONE]
    content = read(record(outcomes[0].job))["made_from"]["content"]
    assert maps(tmp_path) == {content}


def test_a_run_that_stops_does_no_harm_to_the_other(tmp_path):
    outcomes = Twice(stops=(1,)).run(tmp_path)
    assert [outcome.state for outcome in outcomes] == [DONE, FAILED]
    assert len(list(tmp_path.glob("map*"))) == 10
    assert do_job(Twice().job(tmp_path, 0)).state == UNCHANGED


def test_a_job_whose_inputs_change_is_begun_again(tmp_path):
    """What another run changes while a pair is compared; the third time is the last."""
    answers = iter("abbb")
    job = Twice().job(tmp_path, 0)

    def work(job, made_from, folder):
        write_json({"made_from": made_from}, folder / record(job).relative_to(job.output))

    def fingerprint(_job):
        return {"content": next(answers)}

    pair = replace(job, step=replace(job.step, name="pair", work=work, fingerprint=fingerprint))
    outcome = do_job(pair)
    assert outcome.state == DONE, outcome.reason
    assert read(record(job))["made_from"] == {"content": "b"}
    answers = iter("abcdef")
    outcome = do_job(pair)
    assert outcome.state == FAILED
    assert outcome.error == DatasetError.__name__
    assert "has other results of sub-01 than when pair sub-01_ses-1 began" in outcome.reason
    assert outcome.reason.endswith("Run again.")
