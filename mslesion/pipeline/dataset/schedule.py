"""The jobs of many people, each handed to an executor as soon as those it needs have ended."""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from queue import SimpleQueue
from typing import Protocol

from mslesion.errors import ExecutorError, MSLesionError
from mslesion.pipeline.dataset.jobs import FAILED, Job, Outcome, do_job
from mslesion.pipeline.dataset.workers import Workers

log = logging.getLogger(__name__)

Work = Callable[[Job], Outcome]

WORKER_LOST = "WorkerLost"
"""Error of a job whose process was lost twice, the second time without other jobs beside it."""
LOST_REASON = (
    "The process of this job was killed ({error}), probably for lack of memory. Give each job "
    "more memory or run fewer jobs at a time (--n-jobs), then run again."
)


class Plan(Protocol):
    """Jobs that depend on each other, such as those of one person."""

    def start(self) -> list[Job]:
        """The jobs that need no other one."""
        ...

    def take(self, outcome: Outcome) -> list[Job]:
        """The jobs that can begin now that one has ended, whether or not it failed."""
        ...


def run_plans(
    plans: Iterable[Plan],
    workers: Workers,
    *,
    work: Work = do_job,
    finish: Callable[[Outcome], None],
) -> None:
    """Do all jobs of all plans.

    The jobs of a plan that has begun come before those of the next one, which is only then asked
    for: few plans are in memory at a time. A job whose process is lost is done once more when
    all others have ended, alone, as it may have been one of several that together took too much
    memory.

    Parameters
    ----------
    plans : iterable of Plan
        What to do, in order.
    workers : Workers
        Who does it.
    work : callable
        A function of a job that gives its outcome, and raises nothing.
    finish : callable
        Called in this process with each outcome, as it comes.
    """
    _Run(plans, workers, work=work, finish=finish).all()


class _Run:
    """The state of a run."""

    def __init__(self, plans, workers: Workers, *, work: Work, finish: Callable) -> None:
        self.plans, self.workers, self.work, self.finish = iter(plans), workers, work, finish
        self.ready: deque[tuple[Plan, Job]] = deque()
        self.lost: deque[tuple[Plan, Job]] = deque()
        self.running: dict[Future, tuple[Plan, Job]] = {}
        self.ended: SimpleQueue[Future] = SimpleQueue()

    def all(self) -> None:
        while True:
            while len(self.running) < self.workers.in_flight and self._next():
                self._submit(*self.ready.popleft())
            if self.running:
                self._end(self.ended.get())
            elif self.lost:
                self._submit(*self.lost.popleft())
                self._end(self.ended.get(), is_alone=True)
            else:
                return

    def _next(self) -> bool:
        """Whether there is a job that can begin."""
        while not self.ready:
            plan = next(self.plans, None)
            if plan is None:
                return False
            self.ready.extend((plan, job) for job in plan.start())
        return True

    def _submit(self, plan: Plan, job: Job) -> None:
        try:
            future = self.workers.executor.submit(self.work, job)
        except RuntimeError as error:  # the executor is broken, or was shut down
            future = Future()
            future.set_exception(error)
        self.running[future] = (plan, job)
        future.add_done_callback(self.ended.put)

    def _end(self, future: Future, *, is_alone: bool = False) -> None:
        """Take the outcome of a job, and what can begin now."""
        plan, job = self.running.pop(future)
        try:
            outcome = future.result()
        except CancelledError as error:  # this run cancels none: the executor is gone
            raise ExecutorError(
                f"The executor has given up {job.name} and what else was under way, but the run "
                "needs it to the end. Finished visits are kept; start it and run again."
            ) from error
        except MSLesionError:  # no worker can do its work
            raise
        except Exception as error:
            log.debug("%s was lost: %r", job.name, error)
            if not is_alone:
                self.lost.append((plan, job))
                return
            outcome = _lost(job, error)
        self.finish(outcome)
        self.ready.extendleft((plan, one) for one in reversed(plan.take(outcome)))


def _lost(job: Job, error: Exception) -> Outcome:
    """The outcome of a job that ended without one."""
    kind = type(error).__name__
    if isinstance(error, BrokenExecutor | RuntimeError) or kind == "KilledWorker":  # Dask's name
        return Outcome(job, FAILED, WORKER_LOST, LOST_REASON.format(error=kind))
    return Outcome(job, FAILED, kind, f"{error!r} between two processes. Please report it.")
