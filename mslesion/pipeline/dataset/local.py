"""Jobs on this machine: in this process, or in processes of their own with one thread each.

This module imports nothing but the standard library: a new process reads it first, and sets its
number of threads before any array library is loaded.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

AUTO = "auto"
"""As many jobs as the cores and the memory in view allow."""
MEMORY_PER_JOB = 2.5 * 2**30
"""Bytes. A pair with FLAIR and T1w of 1 mm takes up to 2 GiB in one thread (docs/performance.md),
and the system needs some too."""
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)  # fmt: skip
"""Variables of the environment that say how many threads a library may use."""


def use_one_thread() -> None:
    """Let this process use one thread, as many of them share the cores."""
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"


class InProcess(Executor):
    """Does each job at once, in this process."""

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Do a job; the future that is given has its result.

        Parameters
        ----------
        fn : callable
            The work.
        *args, **kwargs
            What it is called with.

        Returns
        -------
        Future
        """
        future: Future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class LocalExecutor(Executor):
    """Processes of one job each: one that is killed costs only its own job.

    A pool of several processes is lost as a whole with one of them. Here each thread has a pool
    of one process, and starts another one if that is lost. If this process ends in any way, so do
    the others.

    Parameters
    ----------
    n_jobs : int
        Number of processes.
    """

    def __init__(self, n_jobs: int) -> None:
        self._threads = ThreadPoolExecutor(n_jobs)
        self._own = threading.local()
        self._pools: list[ProcessPoolExecutor] = []
        # Nothing is ever sent: the other end sees when this one is closed
        self._there, self._here = get_context("spawn").Pipe(duplex=False)

    def submit(self, fn: Callable, /, *args, **kwargs) -> Future:
        """Do a job in the next process that is free.

        Parameters
        ----------
        fn : callable
            The work.
        *args, **kwargs
            What it is called with; all of it can be pickled.

        Returns
        -------
        Future
            With a BrokenProcessPool as its exception if the process is lost.
        """
        return self._threads.submit(self._do, fn, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """End the processes.

        Parameters
        ----------
        wait : bool
            Whether to let the jobs under way end; else their processes are stopped.
        cancel_futures : bool
            Whether jobs that wait are given up.
        """
        if not wait:
            self._here.close()
        self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        for pool in self._pools:
            pool.shutdown(wait=True)
        self._here.close()
        self._there.close()

    def __exit__(self, kind, error, trace) -> None:
        self.shutdown(wait=kind is None, cancel_futures=kind is not None)

    def _do(self, fn: Callable, args, kwargs):
        """Hand a job to the process of this thread, and wait for it."""
        pool = getattr(self._own, "pool", None)
        if pool is None:
            pool = self._own.pool = ProcessPoolExecutor(
                1, get_context("spawn"), initializer=_begin, initargs=(self._there,)
            )
            self._pools.append(pool)
        try:
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenProcessPool:
            self._own.pool = None
            self._pools.remove(pool)
            pool.shutdown(wait=False)
            raise


def _begin(alive: Connection) -> None:
    """Prepare a new process: one thread, and no life after the run that started it."""
    use_one_thread()

    def watch() -> None:
        try:
            alive.recv_bytes()
        except (EOFError, OSError):
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def jobs_here(n_jobs: int | str | None) -> int:
    """How many jobs are done at a time on this machine.

    Parameters
    ----------
    n_jobs : int, "auto" or None
        As many as `available_jobs`, if "auto"; one, if None.

    Returns
    -------
    int
    """
    if n_jobs == AUTO:
        return available_jobs()
    return 1 if n_jobs is None else int(n_jobs)


def available_jobs() -> int:
    """How many jobs the cores and the memory in view allow; at least one.

    Returns
    -------
    int
    """
    return max(1, int(min(available_cores(), available_memory() / MEMORY_PER_JOB)))


def available_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: its affinity, and the limit of its control group.

    Parameters
    ----------
    root : Path
        Where the file system begins.

    Returns
    -------
    int
    """
    has_affinity = hasattr(os, "sched_getaffinity")  # not on every system
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    for folder in _groups(root, "cpu"):
        quota, period = _read(folder / "cpu.max").split() or ("max", "0")
        if quota == "max":
            quota = _read(folder / "cpu.cfs_quota_us") or "-1"
            period = _read(folder / "cpu.cfs_period_us") or "0"
        if int(quota) > 0 and int(period) > 0:
            cores = min(cores, max(1, int(quota) // int(period)))
    return cores


def available_memory(root: Path = Path("/")) -> float:
    """Bytes of memory that this process may use: what is free, within its control groups.

    Parameters
    ----------
    root : Path
        Where the file system begins.

    Returns
    -------
    float
        Infinite where the system does not tell.
    """
    memory = float("inf")
    for line in _read(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            memory = int(line.split()[1]) * 1024.0
    for folder in _groups(root, "memory"):
        for limit, used, cached in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most = _read(folder / limit)
            if most.isdigit():
                stat = dict(line.split() for line in _read(folder / "memory.stat").splitlines())
                # What is cached of files is given back when memory is needed
                taken = int(_read(folder / used) or 0) - int(stat.get(cached, 0))
                memory = min(memory, int(most) - taken)
    return memory


def _groups(root: Path, controller: str) -> list[Path]:
    """Folders of the control groups of this process, the innermost first; none without them.

    Lines of ``/proc/self/cgroup`` are ``0::/path`` (version 2) and ``4:memory:/path`` (version 1).
    Inside a container the path may not be there; the top folder then holds its limits.
    """
    folders = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / (controller if controllers else "")
        own = top / path.lstrip("/")
        folders += [own, *(folder for folder in own.parents if folder.is_relative_to(top))]
    return folders


def _read(path: Path) -> str:
    """Content of a small file of the system; empty where there is none."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
