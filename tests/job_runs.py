"""Jobs that do not need each other, run and their outcomes collected."""

from concurrent.futures import Executor
from pathlib import Path

import pandas as pd

from mslesion.clinical.ratings import dataset_ratings
from mslesion.errors import DatasetError
from mslesion.io.tables import read_table
from mslesion.pipeline.dataset.engines import open_workers
from mslesion.pipeline.dataset.jobs import FAILED, PAGE, Job, Outcome, do_job
from mslesion.pipeline.dataset.merge import MERGED, recorded_subjects
from mslesion.pipeline.dataset.person import PersonPlan
from mslesion.pipeline.dataset.plan import RunPlan
from mslesion.pipeline.dataset.run import end_run
from mslesion.pipeline.dataset.schedule import run_plans
from mslesion.pipeline.dataset.workers import EngineOptions
from mslesion.pipeline.settings import Settings
from mslesion.schema import empty_table
from mslesion.schema.ratings import Ratings


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
    where = {"root": root, "output": output, "settings": settings, "ratings": Ratings()}
    jobs = [job for some in own.values() for job in PersonPlan([], some, **where).start()]
    return [job for job in jobs if job.step.name != PAGE]


def write_group(output, *, raw, ratings=None, settings=None) -> dict[str, pd.DataFrame]:
    """Pages and tables of what is finished; gives the tables. A failed page is an error."""
    plan = RunPlan(
        root=Path(raw),
        output=output,
        settings=settings or Settings(),
        ratings=dataset_ratings(raw) if ratings is None else ratings,
        pages=recorded_subjects(output),
    )
    for outcome in run_all(plan.plans()):
        if outcome.state == FAILED:
            raise DatasetError(outcome.reason)
    end_run(plan, is_whole=True)
    return {
        table.name: read_table(path, table, columns=table.names)
        if (path := output / f"{table.name}.csv").is_file()
        else empty_table(table)
        for table in MERGED
    }
