"""What a person sees of a run: the bar, the log file, the time left, the summary, the dry run."""

import csv
import io
import sys
from pathlib import Path

import pandas as pd
import pytest
from run_stand_in import StandIn, bids

import mslesion as ms
from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset import progress, run
from mslesion.pipeline.dataset.jobs import DONE, FAILED, UNCHANGED, Job, Outcome
from mslesion.pipeline.dataset.participant import page_job
from mslesion.pipeline.dataset.progress import Progress, durations, expected_jobs
from mslesion.pipeline.dataset.summary import RunSummary
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import VISIT_STEP
from mslesion.schema import OUTCOMES, as_table
from mslesion.schema.ratings import Ratings


@pytest.fixture
def work(monkeypatch):
    work = StandIn()
    monkeypatch.setattr(run, "do_job", work)
    return work


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""

    class Clock:
        now = 0.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def job(session="1"):
    return Job(VISIT_STEP, (Visit("01", session, {}),), Path("in"), Path("out"), Settings())


def page():
    where = {"root": Path("in"), "output": Path("out"), "settings": Settings()}
    return page_job("01", **where, ratings=Ratings())


def logged(output):
    (path,) = (output / "logs/runs").glob("*.tsv")
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_calibration_is_expected_where_two_visits_are():
    found = expected_jobs([1, 2, 3], is_calibrating=True)
    assert found == {"visit": 6, "pair": 4, "calibration": 2, "page": 3}


def test_the_time_left_goes_by_the_jobs_before(tmp_path, clock):
    """Two of 30 s each in 40 s, as two run side by side: a second of work takes 2/3 s."""
    with Progress({"visit": 5, "pair": 1}, output=tmp_path, is_shown=False) as so_far:
        assert so_far.left_s() == 5 * 30 + 40  # what is assumed
        so_far.take(Outcome(job("1"), DONE, seconds=30))
        so_far.take(Outcome(job("2"), UNCHANGED))
        so_far.take(Outcome(job("3"), DONE, seconds=30))
        clock.now = 40.0
        assert so_far.left_s() == pytest.approx((2 * 30 + 40) * 40 / 60)
        so_far.take(Outcome(job("4"), FAILED, "E", "Odd.", seconds=5))
        clock.now = 60.0
        assert so_far.text == "visits 4/5, pairs 0/1, failed 1, 1 min left"  # 70 s of work


def test_more_jobs_than_expected_are_no_harm(tmp_path):
    with Progress({"visit": 1}, output=tmp_path, is_shown=False) as so_far:
        for session in "12":
            so_far.take(Outcome(job(session), UNCHANGED))
        assert so_far.text == "visits 2/2, failed 0, 0 s left"


def test_a_bar_on_a_terminal(tmp_path, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress({"visit": 2}, output=tmp_path, is_shown=True) as so_far:
        so_far.take(Outcome(job(), UNCHANGED))
    assert " 50%|" in screen.getvalue()
    assert "visits 1/2, failed 0, 30 s left" in screen.getvalue()


def test_a_line_a_job_in_a_file_of_the_run(tmp_path, work):
    root, output = bids(tmp_path / "in", "01/1", "01/odd", "bad"), tmp_path / "out"
    ms.run_dataset(root, output)
    rows = [(row["step"], row["job"], row["state"], row["reason"]) for row in logged(output)]
    assert rows == [
        ("visit", "sub-01_ses-1", "done", ""),
        ("visit", "sub-01_ses-odd", "done", ""),
        ("pair", "sub-01_ses-1_ses-odd", "failed", "A map is odd. Look at it."),
        ("page", "sub-01", "done", ""),
        ("visit", "sub-bad", "failed", "The scan is odd. Look at it."),
    ]


def test_a_log_file_that_cannot_be_written_ends_no_run(tmp_path, caplog):
    (tmp_path / "logs").write_text("a file")
    with Progress({"visit": 1}, output=tmp_path, is_shown=False) as so_far:
        so_far.take(Outcome(job(), DONE))
    assert "this run has no log file" in caplog.text


def test_durations_of_the_latest_runs(tmp_path):
    assert durations(tmp_path) == {}
    folder = tmp_path / "logs/runs"
    folder.mkdir(parents=True)
    head = "\t".join(progress.COLUMNS)
    lines = [
        "t\tvisit\ta\tdone\t10.0\t",
        "t\tvisit\tb\tdone\t20.0\t",
        "t\tpair\tc\tfailed\t5\tOdd.",
    ]
    (folder / "1.tsv").write_text("\n".join([head, *lines]))
    (folder / "2.tsv").write_text("broken")
    assert durations(tmp_path) == {"visit": 15.0}


def test_a_dry_run_says_what_is_left(tmp_path, work, monkeypatch):
    """Of three visits two are done, with their pair; the third has two pairs to come."""
    root, output = bids(tmp_path / "in", "01/1", "01/2", "01/3"), tmp_path / "out"
    monkeypatch.setattr(
        "mslesion.pipeline.dataset.plan.seems_finished", lambda job: job.visit.session != "3"
    )
    ms.run_dataset(root, output, sessions=["1", "2"])
    pair = output / "logs/pairs/sub-01/sub-01_ses-1_ses-2.json"
    pair.parent.mkdir(parents=True)
    pair.touch()
    (log,) = (output / "logs/runs").iterdir()
    log.write_text("\n".join(["\t".join(progress.COLUMNS), "t\tvisit\ta\tdone\t10\t",
                              "t\tpage\ta\tdone\t1\t"]))  # fmt: skip
    summary = ms.run_dataset(root, output, dry_run=True)
    assert summary.outcomes["state"].tolist() == ["unchanged", "unchanged", "planned"]
    # A visit of 10 s, two pairs of assumed 40 s, a page of 1 s
    assert summary.left == (
        "3 visits (2 done, 0 unusable), 3 pairs (1 done); about 2 min left with 1 at a time, as in "
        "the latest runs"
    )


def test_failures_in_words():
    outcomes = [Outcome(job(str(n)), FAILED, "E", "Odd.") for n in range(11)]
    outcomes.append(Outcome(page(), FAILED, "TableError", "Wrong."))
    rows = as_table([one.row() for one in outcomes], OUTCOMES)
    lines = RunSummary(rows, Path("out"), {}, {}).failures_text.splitlines()
    assert lines[0] == "12 failed (logs/failures.tsv has the reasons):"
    assert lines[1] == "  visit sub-01_ses-0: Odd."
    assert lines[-2:] == [
        "  and 2 more",
        "Correct what is named and run the same command again: what is finished is kept.",
    ]
    rows = as_table([outcomes[-1].row()], OUTCOMES)
    lines = RunSummary(rows, Path("out"), {}, {}).failures_text.splitlines()
    assert lines[1] == "  page sub-01: Wrong."
    assert RunSummary(rows.iloc[:0], Path("out"), {}, {}).failures_text == ""
    assert isinstance(rows, pd.DataFrame)
