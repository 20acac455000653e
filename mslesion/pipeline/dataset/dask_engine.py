"""Jobs on a Dask cluster that is running: by the address of its scheduler.

Dask does a job again on another worker if its worker is lost. If the scheduler is lost, it cancels
all jobs, and the run ends.
"""

import logging
import pickle
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import chdir, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mslesion.errors import ExecutorError, MissingToolError, SettingsError
from mslesion.pipeline.dataset.local import AUTO, use_one_thread
from mslesion.pipeline.dataset.workers import IN_FLIGHT, EngineOptions, Workers

log = logging.getLogger(__name__)

CONNECT_S = 30
"""Longest wait for the scheduler to answer."""
RETRIES = 2
"""How often Dask does a job again that ended with an exception. A lost worker is counted apart, by
``distributed.scheduler.allowed-failures`` of Dask's configuration."""
MEMORY = "memory"
"""Resource of a worker, in bytes, as ``dask worker --resources memory=8e9`` declares it."""


@contextmanager
def dask_engine(options: EngineOptions) -> Iterator[Workers]:
    """Workers of a Dask cluster.

    Parameters
    ----------
    options : EngineOptions
        With `scheduler`. With `job_memory`, a worker does as many bytes of jobs at a time as it
        declares of the resource `MEMORY`.

    Yields
    ------
    Workers

    Raises
    ------
    MissingToolError
        If ``distributed`` is not installed.
    SettingsError
        If there is no address, or the workers do not fit.
    ExecutorError
        If the scheduler does not answer.
    """
    distributed = import_tool("distributed")
    if options.scheduler is None:
        raise SettingsError(
            "The executor dask has no scheduler, but the address of a running one is expected. Add "
            "--scheduler tcp://HOST:PORT (scheduler)."
        )
    memory = None if options.job_memory is None else memory_bytes(options.job_memory)
    try:
        client = distributed.Client(options.scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ExecutorError(
            f"{options.scheduler} does not answer ({error}), but the scheduler of a Dask cluster "
            "is expected there. Start it, or correct --scheduler."
        ) from error
    with client:
        _check_workers(client, memory)
        is_left_open = options.n_jobs is None or options.n_jobs == AUTO
        in_flight = IN_FLIGHT if is_left_open else int(options.n_jobs)
        resources = None if memory is None else {MEMORY: memory}
        yield Workers(DaskExecutor(client, options.folders, resources=resources), in_flight)


class DaskExecutor(Executor):
    """Does jobs by a Dask client; each worker does one at a time, as this process would.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    folders : sequence of Path
        What every worker must see.
    resources : dict, optional
        What each job takes of a worker's resources.
    """

    def __init__(self, client, folders: Sequence[Path], *, resources: dict | None = None) -> None:
        more = {} if resources is None else {"resources": resources}
        self._executor = client.get_executor(pure=False, retries=RETRIES, **more)
        self._here = Place(Path.cwd(), tuple(folders), version("mslesion"))

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Hand a job to the cluster.

        Parameters
        ----------
        fn : callable
            The work.
        *args, **kwargs
            What it is called with; all of it can be pickled.

        Returns
        -------
        Future
            With a KilledWorker as its exception if several workers were lost with the job, an
            MSLesionError if a worker cannot do any job, cancelled if the scheduler is lost.
        """
        # As bytes, since the scheduler would read them too, with all libraries of the work
        work = pickle.dumps((fn, args, kwargs))
        return self._executor.submit(do_at, self._here, work)


class Place:
    """Where jobs are to be done as if they were done here.

    Parameters
    ----------
    folder : Path
        The current folder, from which relative paths start.
    folders : tuple of Path
        What must be there.
    made_by : str
        Version of mslesion.
    """

    def __init__(self, folder: Path, folders: tuple[Path, ...], made_by: str) -> None:
        self.folder, self.folders, self.made_by = folder, folders, made_by

    def check(self) -> None:
        """Whether this process is fit to do jobs.

        Raises
        ------
        ExecutorError
            If it has another version, or does not see a folder.
        """
        host = socket.gethostname()
        if (found := version("mslesion")) != self.made_by:
            raise ExecutorError(
                f"A worker on {host} has mslesion {found}, but the run has {self.made_by}. Install "
                "the same version on all workers and start them again."
            )
        for folder in (self.folder, *self.folders):
            if not (self.folder / folder).is_dir():
                raise ExecutorError(
                    f"A worker on {host} has no folder {self.folder / folder}, but all workers "
                    "read and write the same folders. Mount it there under the same path."
                )


def do_at(place: Place, work: bytes) -> Any:
    """Do work in the process of a worker.

    Parameters
    ----------
    place : Place
        Checked first.
    work : bytes
        A function and its arguments, pickled.

    Returns
    -------
    Any
        What the function gives.

    Raises
    ------
    ExecutorError
        If this worker cannot do any job of the run.
    """
    place.check()
    use_one_thread()
    with chdir(place.folder):  # each worker has one thread, so nothing else runs in this process
        function, args, kwargs = pickle.loads(work)
        return function(*args, **kwargs)


def import_tool(name: str) -> Any:
    """A package of the extra ``cluster``.

    Parameters
    ----------
    name : {"distributed", "dask_jobqueue"}
        Of the package.

    Returns
    -------
    module

    Raises
    ------
    MissingToolError
        If it is not installed.
    """
    try:
        return __import__(name)
    except ImportError as error:
        raise MissingToolError(
            f"{name.replace('_', '-')} is not installed, but this executor requires it. Install "
            "it: pip install 'mslesion[cluster]'."
        ) from error


def memory_bytes(text: str) -> int:
    """A size of memory.

    Parameters
    ----------
    text : str
        Such as ``4GB`` or ``4096MiB``.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    SettingsError
        If it is not a size.
    """
    from dask.utils import parse_bytes

    try:
        size = parse_bytes(text)
    except ValueError:
        size = 0
    if size <= 0:
        raise SettingsError(
            f"The memory of a job is {text!r}, but a size such as 4GB is expected. Correct "
            "--job-memory (job_memory)."
        )
    return size


def _check_workers(client, memory: int | None) -> None:
    """Refuse workers that could not do the jobs; there may be none yet."""
    workers = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        log.warning("The Dask cluster has no worker yet; the jobs wait for one.")
        return
    threads = max(worker["nthreads"] for worker in workers.values())
    if threads > 1:
        raise SettingsError(
            f"The Dask cluster has a worker of {threads} threads, but one thread a worker is "
            "expected. Start the workers with --nthreads 1."
        )
    most = max(worker["resources"].get(MEMORY, 0) for worker in workers.values())
    if memory is not None and most < memory:
        raise SettingsError(
            f"A job takes {memory:.3g} bytes of the resource {MEMORY!r}, but the workers declare "
            f"{most:.3g} at most. Start them with --resources {MEMORY}=BYTES, or leave out "
            "--job-memory."
        )
