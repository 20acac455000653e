"""Which job begins when, whatever does the jobs; what a lost process costs."""

from collections import Counter
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pytest
from job_runs import Independent, run_all
from run_stand_in import StandIn
from test_cohort_runs import does, does_or_is_killed, jobs_of

from mslesion.clinical.visit_facts import VisitFacts
from mslesion.errors import ExecutorError
from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset.jobs import FAILED, Outcome
from mslesion.pipeline.dataset.person import PersonPlan
from mslesion.pipeline.dataset.schedule import run_plans
from mslesion.pipeline.dataset.workers import Workers
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import find_visit_jobs
from mslesion.schema.ratings import Ratings


def plan_of(output, *sessions, days=None, calibrate=False, subject="01", **settings):
    """The plan of one person, all of whose visits are to be done."""
    days = days or {}
    visits = [
        Visit(subject, one, {"FLAIR": Path("f")}, VisitFacts(visit_date=days.get(one)))
        for one in sessions
    ]
    where = {"root": Path("in"), "output": output, "settings": Settings(calibrate=calibrate)}
    plan = {**where, "ratings": Ratings()}
    return PersonPlan(find_visit_jobs(visits, **where), visits, **plan)


def names(jobs):
    return [job.name.replace("sub-01_", "") for job in jobs]


class Person:
    """A plan whose visits end when the test says so."""

    def __init__(self, plan):
        self.plan, self.work = plan, StandIn()
        self.jobs = {job.visit.session: job for job in plan.start()}

    def ends(self, session):
        return names(self.plan.take(self.work(self.jobs[session])))

    def fails(self, session):
        return names(self.plan.take(Outcome(self.jobs[session], FAILED, "StepError", "Odd.")))


def test_a_pair_begins_as_soon_as_its_visits_are_done(tmp_path):
    person = Person(plan_of(tmp_path, "1", "2", "3"))
    assert person.ends("1") == []
    assert person.ends("2") == ["pair ses-1_ses-2"]
    assert person.ends("3") == ["pair ses-1_ses-3", "pair ses-2_ses-3"]


def test_a_pair_waits_for_a_visit_between(tmp_path):
    """Whether the third visit comes right after the first is not known before."""
    person = Person(plan_of(tmp_path, "1", "2", "3"))
    assert person.ends("2") == []
    assert person.ends("3") == ["pair ses-2_ses-3"]
    assert person.fails("1") == []
    person = Person(plan_of(tmp_path / "b", "1", "2", "3"))
    assert person.ends("1") == []
    assert person.ends("3") == []
    assert person.fails("2") == ["pair ses-1_ses-3"]


def test_visits_of_unsure_order_wait_for_all(tmp_path):
    """The dates contradict the labels: without a date of one of them, the labels would decide."""
    days = {"a": date(2021, 1, 1), "b": date(2020, 1, 1), "c": date(2022, 1, 1)}
    person = Person(plan_of(tmp_path, "a", "b", "c", days=days))
    assert person.ends("a") == person.ends("b") == []
    assert len(person.ends("c")) == 3


def test_calibration_begins_when_the_first_visit_is_known(tmp_path):
    person = Person(plan_of(tmp_path, "1", "2", "3", calibrate=True))
    assert person.ends("2") == []
    assert person.ends("3") == ["pair ses-2_ses-3"]
    assert person.ends("1") == [
        "pair ses-1_ses-2", "pair ses-1_ses-3", "calibration ses-1",
    ]  # fmt: skip


def test_plans_are_asked_for_one_by_one(tmp_path):
    """Few jobs are in memory; the jobs of a person that has begun come first."""
    begun, seen = [], []

    def plans():
        for subject in "ABC":
            begun.append(subject)
            yield plan_of(tmp_path, "1", "2", subject=subject)

    work = StandIn()

    def follow(job):
        seen.append((job.name.split()[0], job.visit.subject, len(begun)))
        return work(job)

    run_all(plans(), work=follow)
    assert seen == [
        (step, subject, number)
        for number, subject in enumerate("ABC", start=1)
        for step in ("visit", "visit", "pair", "page")
    ]


class Slow(Executor):
    """Does nothing until it is full; counts what is in flight."""

    def __init__(self, size):
        self.size, self.waiting, self.most = size, [], 0

    def submit(self, work, job):
        future = Future()
        self.waiting.append((future, work, job))
        self.most = max(self.most, len(self.waiting))
        while len(self.waiting) >= self.size:
            first, work, job = self.waiting.pop(0)
            first.set_result(work(job))
        return future


def test_no_more_jobs_are_in_flight_than_the_engine_says():
    executor = Slow(3)
    outcomes = []
    jobs = jobs_of("ABCDEFG")
    plans = [Independent(jobs[:4]), Independent(jobs[4:])]
    with pytest.raises(TimeoutError):  # the last two are never done
        run_plans(plans, Workers(executor, 3), work=does, finish=_up_to(5, outcomes))
    assert executor.most == 3


def _up_to(number, outcomes):
    """Takes outcomes, and stops the run at the last one."""

    def finish(outcome):
        outcomes.append(outcome)
        if len(outcomes) == number:
            raise TimeoutError

    return finish


@pytest.mark.parametrize("executor", [ThreadPoolExecutor(3), None])
def test_any_executor_does_the_jobs(executor):
    outcomes = run_all([Independent(jobs_of("ABCD"))], work=does, executor=executor)
    assert sorted(outcome.job.visit.subject for outcome in outcomes) == list("ABCD")


def test_an_ordinary_pool_that_breaks_ends_the_run_with_outcomes():
    """It cannot go on; every job has an outcome, and what was done stays done."""
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    outcomes = run_all([Independent(jobs_of("ABCD"))], work=does_or_is_killed, executor=pool)
    states = {outcome.job.visit.subject: outcome.state for outcome in outcomes}
    assert states == {"A": "done", "B": "failed", "C": "failed", "D": "failed"}
    assert {outcome.error for outcome in outcomes} == {"", "WorkerLost"}


class KilledWorker(Exception):  # noqa: N818
    """As Dask names it."""


@pytest.mark.parametrize("error", [KilledWorker("x"), BrokenProcessPool()])
def test_a_lost_job_is_done_once_more_alone(error):
    """The first time it is lost, the second time not: several jobs together took too much."""
    tries, beside = Counter(), []

    class Losing(Executor):
        def submit(self, work, job):
            future = Future()
            tries[job.visit.subject] += 1
            beside.append(job.visit.subject)
            if job.visit.subject == "A" and tries["A"] == 1:
                future.set_exception(error)
            else:
                future.set_result(work(job))
            return future

    outcomes = run_all([Independent(jobs_of("ABC"))], work=does, executor=Losing())
    assert beside == ["A", "B", "C", "A"]
    assert {outcome.state for outcome in outcomes} == {"done"}


def test_an_error_that_is_no_lost_worker_is_named():
    class Breaking(Executor):
        def submit(self, work, job):
            future = Future()
            future.set_exception(TypeError("cannot pickle"))
            return future

    (outcome,) = run_all([Independent(jobs_of("A"))], work=does, executor=Breaking())
    assert (outcome.state, outcome.error) == (FAILED, "TypeError")
    assert outcome.reason.startswith("TypeError('cannot pickle') between two processes.")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CancelledError(), "The executor has given up visit sub-A and what else was under way"),
        (ExecutorError("A worker sees no input."), "A worker sees no input"),
    ],
)
def test_a_lost_executor_ends_the_run(error, message):
    """What was done before stays done; no job is listed as failed."""
    outcomes = []

    class Lost(Executor):
        def submit(self, work, job):
            future = Future()
            if job.visit.subject == "A":
                future.set_exception(error)
            else:
                future.set_result(work(job))
            return future

    with pytest.raises(ExecutorError, match=message):
        run_plans(
            [Independent(jobs_of("BAC"))], Workers(Lost(), 1), work=does, finish=outcomes.append
        )
    assert [outcome.job.visit.subject for outcome in outcomes] == ["B"]
