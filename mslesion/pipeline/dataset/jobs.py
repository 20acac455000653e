"""Many visits: in processes of their own, each visit's failure its own row."""

import logging
import os
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from mslesion.errors import DatasetError, MSLesionError
from mslesion.io.dataset import Visit
from mslesion.io.lesion_masks import MaskFile, find_lesion_mask
from mslesion.io.nifti import load_mask, load_scan
from mslesion.io.tables import write_tsv
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.outputs import clear_visit, write_visit
from mslesion.pipeline.visit.process import process_visit
from mslesion.pipeline.visit.records import fingerprint, is_made_from, read_record, record_path
from mslesion.schema import FAILURES, as_table
from mslesion.schema.modalities import reference_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One visit to do."""

    visit: Visit
    root: Path
    output: Path
    settings: Settings
    masks: Path | None

    def outcome(self, state: str, **more) -> "Outcome":
        """How the job ended.

        Parameters
        ----------
        state : str
            "done", "unchanged" or "failed".
        **more
            Further fields of `Outcome`.

        Returns
        -------
        Outcome
        """
        return Outcome(self.visit, state, **more)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    visit: Visit
    state: str
    """"done", "unchanged" or "failed"."""
    error: str = ""
    reason: str = ""
    seconds: float = 0.0
    session_from: str | None = None
    """Of a pair, its first visit; None for a visit alone."""
    step: str = ""
    """What was done with the visit, if not all of it."""

    @property
    def name(self) -> str:
        """What was done, for a line of the log."""
        if self.session_from is None:
            return f"{self.visit.name} {self.step}".rstrip()
        return f"{self.visit.name} compared with ses-{self.session_from}"


def process_job(job: Job) -> Outcome:
    """Do one visit, unless its record says that nothing changed.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    Outcome
        Also when the visit fails; nothing is raised.
    """
    return attempt(job, _do_visit)


def attempt(job, work: Callable[..., str]) -> Outcome:
    """Do a job's work; whatever goes wrong in it is its outcome.

    Parameters
    ----------
    job : Job
        What to do; its `outcome` makes the `Outcome`.
    work : callable
        A function of the job that returns its state.

    Returns
    -------
    Outcome
    """
    start = time.perf_counter()
    try:
        return job.outcome(work(job), seconds=time.perf_counter() - start)
    except (MSLesionError, OSError) as error:
        return job.outcome("failed", error=type(error).__name__, reason=str(error))
    except Exception as error:  # a broken scan must not end the cohort
        log.debug("%s", traceback.format_exc())
        place = traceback.extract_tb(error.__traceback__)[-1].name
        reason = f"{error!r} at {place}. Please report it."
        return job.outcome("failed", error=type(error).__name__, reason=reason)


def _do_visit(job: Job) -> str:
    """The work of a visit; returns its state."""
    visit = job.visit
    if visit.problem:
        raise DatasetError(visit.problem)
    mask = find_lesion_mask(job.masks, visit) if job.masks else None
    extra = (mask.path,) if mask else ()
    made_from = fingerprint(visit, settings=job.settings, extra=extra)
    if is_made_from(made_from, record_path(job.output, visit), read=read_record):
        return "unchanged"
    clear_visit(job.output, visit)
    result = process_visit(
        visit,
        lesion_mask=_read_mask(mask, visit, job.settings),
        segmenter=(mask.maker, "") if mask else ("", ""),
        settings=job.settings,
    )
    write_visit(result, job.output, root=job.root, made_from=made_from)
    return "done"


def run_cohort(
    work: Callable[[Job], Outcome],
    jobs: Sequence[Job],
    *,
    n_jobs: int = 1,
    progress: bool = False,
    unit: str = "visit",
) -> list[Outcome]:
    """Do every job; a worker that is killed costs only its own job.

    Each worker process has one job at a time, so when the pool breaks, the jobs that
    were under way are tried again, one by one, to find the guilty one.

    Parameters
    ----------
    work : callable
        `process_job`, or another function of a job.
    jobs : sequence of Job
        What to do; other jobs have an `outcome` as `Job` has.
    n_jobs : int
        Worker processes; 1 works in this process.
    progress : bool
        Whether to draw a bar.
    unit : str
        What the bar counts.

    Returns
    -------
    list of Outcome
        In the order of the jobs.
    """
    outcomes: dict[int, Outcome] = {}
    with tqdm(total=len(jobs), disable=not progress, unit=unit) as bar:

        def finish(number: int, outcome: Outcome) -> None:
            outcomes[number] = outcome
            bar.update()
            _report(outcome)

        if n_jobs == 1:
            for number, job in enumerate(jobs):
                finish(number, work(job))
        else:
            suspects = _run_pool(work, jobs, range(len(jobs)), n_jobs, finish)
            for number in suspects:  # each alone: only the guilty one falls again
                if _run_pool(work, jobs, [number], 1, finish):
                    reason = "The worker process was killed. Is there enough memory?"
                    lost = jobs[number].outcome("failed", error="WorkerLost", reason=reason)
                    finish(number, lost)
    return [outcomes[number] for number in range(len(jobs))]


def _run_pool(work, jobs, numbers, n_jobs, finish) -> list[int]:
    """Do some jobs in processes; returns those under way when a process was lost."""
    waiting = list(numbers)
    suspects: list[int] = []
    while waiting:
        pool = ProcessPoolExecutor(n_jobs, get_context("spawn"), initializer=_one_thread)
        running = {}
        try:
            while waiting or running:
                while waiting and len(running) < n_jobs:
                    future = pool.submit(work, jobs[waiting[0]])  # raises if the pool broke
                    running[future] = waiting.pop(0)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    finish(running[future], future.result())
                    del running[future]
        except BrokenProcessPool:
            for future, number in running.items():
                if future.done() and future.exception() is None:
                    finish(number, future.result())
                else:
                    suspects.append(number)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return suspects


def _one_thread() -> None:
    """Workers share the cores: one thread each."""
    os.environ["OMP_NUM_THREADS"] = "1"


def write_failures(outcomes: Sequence[Outcome], output: Path) -> None:
    """Write ``logs/failures.tsv``: a row a failed visit or pair, none if all went well.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of this run.
    output : Path
        The output dataset.
    """
    rows = [
        {
            "participant_id": outcome.visit.subject,
            "session_id": outcome.visit.session or None,
            "session_from": outcome.session_from,
            "error": outcome.error,
            "reason": f"{outcome.step.capitalize()}: {outcome.reason}"
            if outcome.step
            else outcome.reason,
        }
        for outcome in outcomes
        if outcome.state == "failed"
    ]
    write_tsv(as_table(rows, FAILURES), output / "logs" / "failures.tsv")


def _read_mask(mask: MaskFile | None, visit: Visit, settings: Settings):
    """A given mask and its affine; on the reference's grid unless it may be resampled."""
    if mask is None:
        return None
    like = None
    if not settings.resample_masks:
        like = load_scan(visit.scans[reference_of(visit.scans)])
    return load_mask(mask.path, like=like, label=mask.label)


def _report(outcome: Outcome) -> None:
    """One log line a job."""
    if outcome.state == "failed":
        log.error("%s failed: %s", outcome.name, outcome.reason)
    else:
        log.info("%s %s (%.0f s)", outcome.name, outcome.state, outcome.seconds)
