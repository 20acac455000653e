"""Engines: where the jobs of a run are done.

An engine is a context manager that gives `Workers`: any `concurrent.futures.Executor`, and how many
jobs are handed to it at a time. A new engine is one function of `EngineOptions` and one line in
`ENGINES`; what it needs of its own is a field of `EngineOptions` and an argument of the command.
This module imports no array library, as the command lists the engines in its help.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial

from mslesion.errors import SettingsError
from mslesion.pipeline.dataset.batch_engine import CLUSTERS, batch_engine
from mslesion.pipeline.dataset.dask_engine import dask_engine
from mslesion.pipeline.dataset.local import AUTO, InProcess, LocalExecutor, jobs_here
from mslesion.pipeline.dataset.workers import IN_FLIGHT, Engine, EngineOptions, Workers


@contextmanager
def local_engine(options: EngineOptions) -> Iterator[Workers]:
    """Processes on this machine; a single job at a time is done in this process.

    Parameters
    ----------
    options : EngineOptions
        Of the run.

    Yields
    ------
    Workers
    """
    n_jobs = jobs_here(options.n_jobs)
    with InProcess() if n_jobs == 1 else LocalExecutor(n_jobs) as executor:
        yield Workers(executor, n_jobs)


LOCAL, DASK = "local", "dask"
ENGINES: Mapping[str, Engine] = {
    LOCAL: local_engine,
    DASK: dask_engine,
    **{system: partial(batch_engine, system=system) for system in CLUSTERS},
}
"""The engines by name."""


def check_n_jobs(n_jobs: int | str | None) -> None:
    """Refuse what is no number of jobs.

    Parameters
    ----------
    n_jobs : int, str or None
        As in `EngineOptions`.

    Raises
    ------
    SettingsError
        If it is neither None, `AUTO` nor 1 or more.
    """
    if n_jobs not in (None, AUTO) and not (isinstance(n_jobs, int) and n_jobs >= 1):
        raise SettingsError(
            f"The number of jobs is {n_jobs}, but {AUTO!r} or 1 or more is expected. Correct "
            "--n-jobs (n_jobs)."
        )


@contextmanager
def open_workers(executor: str | Executor | None, options: EngineOptions) -> Iterator[Workers]:
    """Workers of a named engine, or those that the caller brings.

    Parameters
    ----------
    executor : str, Executor or None
        Name of an engine; None is `LOCAL`. An executor is left open.
    options : EngineOptions
        Of the run.

    Yields
    ------
    Workers

    Raises
    ------
    SettingsError
        If there is no such engine, or the number of jobs cannot be.
    """
    check_n_jobs(options.n_jobs)
    if isinstance(executor, Executor):
        yield Workers(executor, IN_FLIGHT)
        return
    if executor is not None and executor not in ENGINES:
        raise SettingsError(
            f"The executor is {executor!r}, but {', '.join(ENGINES)} or a "
            "concurrent.futures.Executor is expected. Choose one of them."
        )
    with ENGINES[executor or LOCAL](options) as workers:
        yield workers
