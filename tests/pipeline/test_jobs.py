"""The jobs of a run: what they hold, what they wait for, and how often they read a file."""

import pickle
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import visit_phantoms as heads

from mslesion.io.dataset import Visit, find_visits
from mslesion.io.lesion_masks import mask_folder
from mslesion.pipeline.dataset.calibration import CALIBRATION_STEP
from mslesion.pipeline.dataset.jobs import (
    DONE,
    FAILED,
    OUT_OF_MEMORY,
    UNCHANGED,
    Job,
    Outcome,
    do_job,
)
from mslesion.pipeline.pair import maps as pair_maps
from mslesion.pipeline.pair.jobs import PAIR_STEP
from mslesion.pipeline.pair.maps import VisitCache
from mslesion.pipeline.pair.records import Pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import VISIT_STEP, find_visit_jobs
from mslesion.schema import OUTCOMES, as_table, check_table

WHERE = (Path("in"), Path("out"), Settings())
FIRST, SECOND = (Visit("01", session, {"FLAIR": Path("a"), "T1w": Path("b")}) for session in "12")
PAIR_JOB = Job(PAIR_STEP, (FIRST, SECOND), *WHERE, pair=Pair("01", "1", "2", is_with_before=True))
JOBS = [
    Job(VISIT_STEP, (FIRST,), *WHERE),
    Job(VISIT_STEP, (SECOND,), *WHERE),
    PAIR_JOB,
    Job(CALIBRATION_STEP, (FIRST,), *WHERE),
]


def test_a_job_names_the_jobs_it_needs():
    assert [job.name for job in JOBS] == [
        "visit sub-01_ses-1", "visit sub-01_ses-2", "pair sub-01_ses-1_ses-2",
        "calibration sub-01_ses-1",
    ]  # fmt: skip
    assert [job.needs for job in JOBS] == [
        (), (), ("visit sub-01_ses-1", "visit sub-01_ses-2"), ("visit sub-01_ses-1",),
    ]  # fmt: skip


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_job_can_be_pickled_and_does_not_change(job):
    assert pickle.loads(pickle.dumps(job)) == job
    outcome = Outcome(job, DONE, seconds=1.5)
    assert pickle.loads(pickle.dumps(outcome)) == outcome
    with pytest.raises(FrozenInstanceError):
        job.output = Path("elsewhere")


def test_outcomes_are_a_declared_table():
    outcomes = [Outcome(JOBS[0], UNCHANGED), Outcome(PAIR_JOB, FAILED, "ImageError", "Odd.", 2.0)]
    table = as_table([outcome.row() for outcome in outcomes], OUTCOMES)
    check_table(table, OUTCOMES)
    assert table.iloc[0].dropna().to_dict() == {
        "participant_id": "sub-01", "session_id": "ses-1", "step": "visit", "inputs": "FLAIR;T1w",
        "state": "unchanged", "seconds": 0.0,
    }  # fmt: skip
    assert table.iloc[1].dropna().to_dict() == {
        "participant_id": "sub-01", "session_id": "ses-2", "session_from": "ses-1", "step": "pair",
        "inputs": "FLAIR;T1w", "state": "failed", "error": "ImageError", "reason": "Odd.",
        "seconds": 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "text"),
    [
        (Outcome(JOBS[0], DONE, seconds=12.4), "sub-01_ses-1 done (12 s)"),
        (Outcome(PAIR_JOB, UNCHANGED), "sub-01_ses-2 compared with ses-1 unchanged (0 s)"),
        (Outcome(JOBS[3], FAILED, "E", "Odd."), "sub-01_ses-1 calibration failed: Odd."),
    ],
)
def test_an_outcome_in_one_line(outcome, text):
    assert outcome.text == text


def test_any_executor_does_a_job(tmp_path):
    """A job that fails gives its outcome; nothing is raised."""
    visit = Visit("01", "1", {}, problem="The visit has two FLAIR scans. Keep one.")
    (job,) = find_visit_jobs([visit], root=tmp_path, output=tmp_path / "out", settings=Settings())
    with ThreadPoolExecutor(1) as executor:
        outcome = executor.submit(do_job, job).result()
    assert (outcome.state, outcome.error) == (FAILED, "DatasetError")
    assert outcome.reason == visit.problem


def test_each_file_of_a_visit_is_read_once(tmp_path, monkeypatch, opened):
    """Once for its content hash, and once to be measured, its mask included."""
    one = heads.head()
    heads.teach(monkeypatch, one)
    heads.write_bids(tmp_path / "in", one)
    heads.write_mask(tmp_path / "masks", one, one.lesions)
    (job,) = find_visit_jobs(
        find_visits(tmp_path / "in"),
        root=tmp_path / "in",
        output=tmp_path / "out",
        settings=Settings(),
        masks=mask_folder(tmp_path / "masks"),
    )
    opened.clear()
    assert do_job(job).state == DONE
    name = "sub-01_ses-1"
    images = {file: count for file, count in opened.items() if file.endswith(".nii.gz")}
    ends = ("FLAIR", "T1w", "label-L_mask")
    assert images == {f"{name}_{end}.nii.gz": 2 for end in ends}
    opened.clear()
    assert do_job(job).state == UNCHANGED
    assert {opened[f"{name}_{end}.nii.gz"] for end in ends} == {1}


def test_a_person_with_many_visits_reads_each_of_them_once(monkeypatch):
    """Each visit is compared with the one before and the first; three are kept at most."""
    reads, most = Counter(), []

    def read(visit, output, record):
        reads[visit.name] += 1
        return visit.name

    monkeypatch.setattr(pair_maps, "read_visit", read)
    cache = VisitCache()

    def compare(subject, *sessions, output=Path("out")):
        for session in sessions:
            record = {"made_from": {"session": session}}
            found = cache.read(Visit(subject, session, {}), output, record)
            assert found == f"sub-{subject}_ses-{session}"
            most.append(len(cache._kept))

    for later in "234567":
        compare("01", "1", later)
        if later != "2":
            compare("01", str(int(later) - 1), later)
    assert reads == {f"sub-01_ses-{n}": 1 for n in range(1, 8)}
    assert max(most) == 3
    compare("02", "1")  # another person: the others are forgotten
    assert list(reads.values()) == [1] * 8
    assert most[-1] == 1
    compare("02", "1", output=Path("elsewhere"))
    assert reads["sub-02_ses-1"] == 2
    cache.read(Visit("02", "1", {}), Path("elsewhere"), {"made_from": {"session": "done again"}})
    assert reads["sub-02_ses-1"] == 3
    cache.clear()
    assert not cache._kept


def test_refused_memory_is_named(tmp_path):
    def work(*_args):
        raise MemoryError

    step = replace(VISIT_STEP, work=work)
    (tmp_path / "flair").touch()
    visit = Visit("01", "1", {"FLAIR": tmp_path / "flair"})
    outcome = do_job(Job(step, (visit,), tmp_path, tmp_path / "out", Settings()))
    assert (outcome.state, outcome.error, outcome.reason) == (FAILED, "MemoryError", OUT_OF_MEMORY)
