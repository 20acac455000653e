"""What an engine takes and gives."""

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

IN_FLIGHT = 1000
"""Jobs at a time where nothing else limits them: enough to keep hundreds of workers busy, few
enough that the jobs of 10,000 visits are not all in memory."""


@dataclass(frozen=True, slots=True)
class Workers:
    """What an engine gives for as long as it is open."""

    executor: Executor
    """Does jobs. Where the process of a job is lost, its future has an exception; where the
    executor itself is lost, all its futures are cancelled."""
    in_flight: int
    """So many jobs are handed to the executor before one has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """What an engine may need to know."""

    n_jobs: int | str | None = None
    """Jobs at a time; `mslesion.pipeline.dataset.local.AUTO` leaves it to the engine, and None
    too, but on this machine it is one."""
    scheduler: str | None = None
    """Address of the scheduler of a Dask cluster."""
    job_walltime: str | None = None
    """Longest time of a job of a batch system, ``[D-]HH:MM:SS``; None as configured."""
    job_memory: str | None = None
    """Memory of one worker, such as ``4GB``; None as configured."""
    folders: tuple[Path, ...] = ()
    """Folders that every worker must see."""
    logs: Path | None = None
    """Folder for what workers print; None leaves it to the configuration."""


Engine = Callable[[EngineOptions], AbstractContextManager[Workers]]
