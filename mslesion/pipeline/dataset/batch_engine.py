"""Jobs on a cluster with a batch system: dask-jobqueue submits the workers, Dask hands them jobs.

What the command does not say is read from the configuration file of dask-jobqueue (queue, account,
network interface, lines before the worker starts).
"""

import logging
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mslesion.errors import ExecutorError, SettingsError
from mslesion.io.publishing import made_folder
from mslesion.pipeline.dataset.dask_engine import DaskExecutor, import_tool, memory_bytes
from mslesion.pipeline.dataset.local import AUTO
from mslesion.pipeline.dataset.workers import EngineOptions, Workers

log = logging.getLogger(__name__)

CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
"""Class of dask-jobqueue by batch system."""
WITHOUT_SECONDS = ("lsf",)
"""Batch systems whose times are HH:MM."""
LIFETIME_SHARE, MIN_MARGIN_S = 0.9, 60
"""A worker hands its work over and ends after this share of the walltime, at least so many seconds
before its end; a worker that the batch system kills costs the time until Dask notices it."""
REFILL_S = 30.0
"""Time after which workers that have ended are replaced."""
_WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):([0-5]\d):([0-5]\d)")


@contextmanager
def batch_engine(options: EngineOptions, *, system: str) -> Iterator[Workers]:
    """Workers that a batch system starts; each is a job of its own, with one core.

    Parameters
    ----------
    options : EngineOptions
        With `n_jobs`, the number of workers.
    system : {"slurm", "pbs", "sge", "lsf"}
        The batch system.

    Yields
    ------
    Workers

    Raises
    ------
    MissingToolError
        If ``dask-jobqueue`` is not installed.
    SettingsError
        If the number of workers, memory or walltime are missing or cannot be.
    ExecutorError
        If the batch system takes no job.
    """
    jobqueue, distributed = import_tool("dask_jobqueue"), import_tool("distributed")
    if options.n_jobs is None or options.n_jobs == AUTO:
        raise SettingsError(
            f"The executor {system} has no number of jobs, but the number of workers to submit is "
            "expected. Add --n-jobs N (n_jobs)."
        )
    n_jobs = int(options.n_jobs)
    kind = getattr(jobqueue, CLUSTERS[system])
    settings = cluster_settings(options, system=system)
    command = kind.job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise ExecutorError(
            f"This machine has no command {command}, but the executor {system} submits its workers "
            "with it. Run mslesion where jobs are submitted, or choose another --executor."
        )
    cluster = kind(**settings)
    is_ended = threading.Event()
    try:
        _submit(cluster, n_jobs, system=system)
        refill = threading.Thread(target=_refill, args=(cluster, n_jobs, is_ended), daemon=True)
        refill.start()
        with distributed.Client(cluster, set_as_default=False) as client:
            # One job more for each worker, so that none waits for the next
            yield Workers(DaskExecutor(client, options.folders), 2 * n_jobs)
    finally:
        is_ended.set()
        cluster.close()


def cluster_settings(options: EngineOptions, *, system: str) -> dict[str, Any]:
    """Arguments of the class of dask-jobqueue.

    Parameters
    ----------
    options : EngineOptions
        Of the run.
    system : str
        A key of `CLUSTERS`.

    Returns
    -------
    dict
        Only what differs from its configuration.

    Raises
    ------
    SettingsError
        If memory or walltime are missing or cannot be.
    OutputError
        If the folder for logs cannot be made.
    """
    import dask.config

    def configured(name: str) -> Any:
        return dask.config.get(f"jobqueue.{system}.{name}", None)

    settings: dict[str, Any] = {"cores": 1, "processes": 1}
    if options.job_memory is not None:
        memory_bytes(options.job_memory)
        settings["memory"] = options.job_memory
    elif configured("memory") is None:
        raise SettingsError(
            f"The executor {system} has no memory of a job, but the batch system needs it. Add "
            "--job-memory 4GB (job_memory), or set it in dask-jobqueue's configuration."
        )
    if options.job_walltime is not None:
        seconds = walltime_s(options.job_walltime)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        ending = "" if system in WITHOUT_SECONDS else f":{seconds % 60:02}"
        settings["walltime"] = f"{hours:02}:{minutes:02}{ending}"
        lifetime = min(int(LIFETIME_SHARE * seconds), seconds - MIN_MARGIN_S)
        own = configured("worker-extra-args") or []
        settings["worker_extra_args"] = [*own, "--lifetime", f"{lifetime}s"]
    if options.logs is not None and configured("log-directory") is None:
        settings["log_directory"] = str(made_folder(options.logs).absolute())
    return settings


def walltime_s(text: str) -> int:
    """A walltime.

    Parameters
    ----------
    text : str
        ``HH:MM:SS``, with days as ``D-HH:MM:SS``.

    Returns
    -------
    int
        Seconds.

    Raises
    ------
    SettingsError
        If it has another form, or leaves a worker no time.
    """
    match = _WALLTIME.fullmatch(text)
    fields = match.groups() if match else ()
    days, hours, minutes, seconds = (int(part or 0) for part in fields or "0000")
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total <= 2 * MIN_MARGIN_S:
        raise SettingsError(
            f"The walltime of a job is {text!r}, but HH:MM:SS of more than two minutes is "
            "expected. Correct --job-walltime (job_walltime)."
        )
    return total


def _submit(cluster, n_jobs: int, *, system: str) -> None:
    """Submit the workers; the first answer of the batch system is waited for."""

    async def submit() -> None:
        cluster.scale(jobs=n_jobs)
        await cluster._correct_state()  # `scale` alone hides what the batch system says

    try:
        cluster.sync(submit)
    except RuntimeError as error:
        _forget_refused(cluster)
        words = str(error).partition("stderr:")[2].strip() or str(error)
        raise ExecutorError(
            f"{system} takes no job ({words}), but the workers are submitted to it. Correct "
            "dask-jobqueue's configuration, --job-memory or --job-walltime."
        ) from error


def _refill(cluster, n_jobs: int, is_ended: threading.Event) -> None:
    """Replace workers whose job of the batch system has ended: by walltime, or killed."""
    while not is_ended.wait(REFILL_S):
        _forget_refused(cluster)
        cluster.scale(jobs=n_jobs)


def _forget_refused(cluster) -> None:
    """Let go of workers that the batch system did not take; Dask would never submit them again."""
    for name, job in list(cluster.workers.items()):
        if job.status.name == "created":
            job.status = type(job.status).closed
            cluster.workers.pop(name, None)
