"""Jobs that do not need each other, run and their outcomes collected."""

from concurrent.futures import Executor

from mslesion.pipeline.dataset.engines import EngineOptions, open_workers
from mslesion.pipeline.dataset.jobs import Job, Outcome, do_job
from mslesion.pipeline.dataset.person import PersonPlan
from mslesion.pipeline.dataset.schedule import run_plans


class Independent:
    """A plan of jobs that need no other one."""

    def __init__(self, jobs):
        self.jobs = jobs

    def start(self):
        return list(self.jobs)

    def take(self, outcome):
        return []


def run_all(plans, *, work=do_job, executor: str | Executor | None = None, n_jobs=1):
    """The outcomes of all jobs, as they came."""
    outcomes: list[Outcome] = []
    with open_workers(executor, EngineOptions(n_jobs=n_jobs)) as workers:
        run_plans(plans, workers, work=work, finish=outcomes.append)
    return outcomes


def run_jobs(jobs, **options):
    """The outcomes of jobs that need no other one, in their order."""
    outcomes = run_all([Independent(jobs)], **options)
    by_name = {outcome.job.name: outcome for outcome in outcomes}
    return [by_name[job.name] for job in jobs]


def later_jobs(root, output, visits, *, settings) -> list[Job]:
    """The pairs and calibrations of visits that are finished."""
    own: dict[str, list] = {}
    for visit in visits:
        own.setdefault(visit.subject, []).append(visit)
    where = {"root": root, "output": output, "settings": settings}
    return [job for some in own.values() for job in PersonPlan([], some, **where).start()]
