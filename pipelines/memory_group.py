"""A control group of Linux whose processes share little memory, for `faults.py`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CONTROLLERS = Path("/sys/fs/cgroup")
LIMITS = {"memory": "memory.limit_in_bytes", ".": "memory.max"}
"""File of the limit by folder of the memory controller, in version 1 and 2 of control groups."""


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path]:
    """A control group; the system kills a process of it where more memory is touched.

    Parameters
    ----------
    limit_bytes : int
        Of all its processes together.

    Yields
    ------
    Path
        Of the group, for `inside`.

    Raises
    ------
    OSError
        If this process may not make one.
    """
    controller = "memory" if (CONTROLLERS / "memory").is_dir() else "."
    group = CONTROLLERS / controller / f"mslesion-faults-{os.getpid()}"
    group.mkdir()
    try:
        (group / LIMITS[controller]).write_text(str(limit_bytes))
        yield group
    finally:
        while (group / "cgroup.procs").read_text():  # a killed process takes a moment to be gone
            time.sleep(0.1)
        group.rmdir()


def inside(group: Path, command: Sequence[str]) -> list[str]:
    """A command that runs inside a control group, with all processes that it starts."""
    enter = f'echo $$ > {group / "cgroup.procs"} && exec "$@"'
    return ["/bin/sh", "-c", enter, "sh", *command]


def is_possible() -> bool:
    """Whether this process may make such a group and let a process enter it."""
    try:
        with memory_group(2**30) as group:
            done = subprocess.run(
                inside(group, [sys.executable, "-c", ""]), capture_output=True, check=False
            )
            return done.returncode == 0
    except OSError:
        return False
