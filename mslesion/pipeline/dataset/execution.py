"""Many jobs at a time: in processes of their own, each job's failure its own outcome."""

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from tqdm import tqdm

from mslesion.pipeline.dataset.jobs import FAILED, Job, Outcome, do_job

log = logging.getLogger(__name__)

Work = Callable[[Job], Outcome]


def run_jobs(
    jobs: Sequence[Job],
    *,
    work: Work = do_job,
    n_jobs: int = 1,
    progress: bool = False,
    unit: str = "visit",
) -> list[Outcome]:
    """Do every job; a worker that is killed costs only its own job.

    Each worker process has one job at a time, so when the pool breaks, the jobs that
    were under way are tried again, one by one, to find the guilty one.

    Parameters
    ----------
    jobs : sequence of Job
        What to do; none of them needs another one.
    work : callable
        A function of a job that gives its outcome.
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
            log.log(logging.ERROR if outcome.state == FAILED else logging.INFO, outcome.text)

        if n_jobs == 1:
            for number, job in enumerate(jobs):
                finish(number, work(job))
        else:
            pool = _Pool(work, jobs, finish)
            for number in pool.run(range(len(jobs)), n_jobs):  # each alone: the guilty one falls
                if pool.run([number], 1):
                    reason = "The worker process was killed, probably for lack of memory."
                    finish(number, Outcome(jobs[number], FAILED, "WorkerLost", reason))
    return [outcomes[number] for number in range(len(jobs))]


class _Pool:
    """Jobs in processes, each process with one job at a time."""

    def __init__(self, work: Work, jobs: Sequence[Job], finish: Callable[[int, Outcome], None]):
        self.work, self.jobs, self.finish = work, jobs, finish

    def run(self, numbers: Sequence[int], n_jobs: int) -> list[int]:
        """Do some of the jobs; returns those under way when a process was lost."""
        waiting = list(numbers)
        suspects: list[int] = []
        while waiting:
            pool = ProcessPoolExecutor(n_jobs, get_context("spawn"), initializer=_one_thread)
            running: dict[Future[Outcome], int] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < n_jobs:
                        future = pool.submit(self.work, self.jobs[waiting[0]])  # raises if broken
                        running[future] = waiting.pop(0)
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        self.finish(running[future], future.result())
                        del running[future]
            except BrokenProcessPool:
                for future, number in running.items():
                    if future.done() and future.exception() is None:
                        self.finish(number, future.result())
                    else:
                        suspects.append(number)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return suspects


def _one_thread() -> None:
    """Workers share the cores: one thread each."""
    os.environ["OMP_NUM_THREADS"] = "1"
