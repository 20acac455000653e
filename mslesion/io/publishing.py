"""Results that are there whole or not at all, whoever else writes into the same folder.

A job writes into a folder of its own, `staged`; when all of it is there, `publish` moves it to its
place. Two runs that do the same job at once are kept apart by `locked`, for as long as files are
moved.
"""

import errno
import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from mslesion.errors import OutputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

WORK_FOLDER = ".work"
"""Folder of the output in which unfinished results and locks lie while a run is under way."""
PART = ".part"
"""Ending of a file that is being written; it is renamed when it is whole."""
HALF_FILES = tuple(f"{folder}.*~*~*~*{PART}" for folder in ("", "logs/", "logs/failures/*/"))
"""Where such files may lie outside `WORK_FOLDER`."""
ABANDONED_S = 2 * 24 * 3600
"""A folder of a process that cannot be asked is taken for abandoned after this time: no job takes
two days."""
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What a file system says that has no locks."""


@contextmanager
def staged(output: Path, name: str) -> Iterator[Path]:
    """A folder for the results of a job until they are complete; it is gone at the end.

    Parameters
    ----------
    output : Path
        The output dataset.
    name : str
        Of the job, for a person who finds the folder.

    Yields
    ------
    Path
        An empty folder on the same file system as the output.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    folder = output / WORK_FOLDER / name_of_own(name)
    while not folder.is_dir():
        try:
            folder.mkdir(parents=True)
        except FileNotFoundError:  # the folder around it was removed in between
            continue
        except OSError as error:
            raise not_written(folder, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, output: Path, *, last: Path | None = None) -> None:
    """Move all files of a folder to their places in the output.

    Parameters
    ----------
    folder : Path
        Of `staged`.
    output : Path
        The output dataset.
    last : Path, optional
        File in the output that is moved after all others: it says that they are there.

    Raises
    ------
    OutputError
        If a file cannot be moved.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    places = {output / path.relative_to(folder): path for path in files}
    for place in sorted(places, key=lambda place: (place == last, place)):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            places[place].replace(place)
        except OSError as error:
            raise not_written(place, error) from error


@contextmanager
def locked(output: Path, name: str) -> Iterator[None]:
    """Wait until no other process holds this lock, and hold it.

    The system gives it back when a process ends, however it ends. On a file system without locks
    this does nothing.

    Parameters
    ----------
    output : Path
        The output dataset.
    name : str
        What is locked.
    """
    path = output / WORK_FOLDER / f"{name}.lock"
    handle = _hold(path)
    try:
        yield
    finally:
        if handle is not None:
            path.unlink(missing_ok=True)  # while it is held: who waits for it sees that it is gone
            os.close(handle)


def name_of_own(name: str) -> str:
    """A name that no other process gives, and that says which one does.

    Parameters
    ----------
    name : str
        For a person who finds what is called so.

    Returns
    -------
    str
        The name, this machine, this process and a random number.
    """
    return f"{name}~{_here()}~{os.getpid()}~{uuid4().hex[:8]}"


def remove_abandoned(output: Path) -> None:
    """Remove what runs that were killed left unfinished, and the folder of it if it is empty.

    Parameters
    ----------
    output : Path
        The output dataset.
    """
    work = output / WORK_FOLDER
    for folder in work.glob("*~*~*~*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
    for pattern in HALF_FILES:
        for file in output.glob(pattern):
            if _is_abandoned(file):
                with suppress(OSError):
                    file.unlink()
    with suppress(OSError):  # others are at work, or nothing can be written here
        for path in work.glob("*.lock"):
            handle = _hold(path, waits=False)
            if handle is not None:
                path.unlink(missing_ok=True)
                os.close(handle)
        work.rmdir()


def _is_abandoned(path: Path) -> bool:
    """Whether the process that `name_of_own` names has ended, as far as can be known here."""
    _, where, process, _ = path.name.removesuffix(PART).rsplit("~", 3)
    try:
        is_old = time.time() - path.stat().st_mtime > ABANDONED_S
    except OSError:
        return False  # it ended just now
    if not process.isdigit():
        return False  # no name of ours
    return is_old or (where == _here() and not _is_running(int(process)))


def _hold(path: Path, *, waits: bool = True) -> int | None:
    """An open file on which the lock is held; None where there are no locks, or it is taken."""
    if fcntl is None:
        return None
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # the folder was removed in between
            continue
        except OSError as error:
            raise not_written(path, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it has removed the file: then this is a lock that no one else sees
            if os.fstat(handle).st_ino == path.stat().st_ino:
                return handle
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(handle)
            return None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(handle)
                raise not_written(path, error) from error
            log.debug("%s has no locks (%s)", path.parent, error)
            os.close(handle)
            return None
        os.close(handle)


def _here() -> str:
    """Name of the machine; in a container, of the container."""
    with suppress(OSError):
        return f"{socket.gethostname()}.{Path('/proc/self/ns/pid').stat().st_ino}"
    return socket.gethostname()


def _is_running(process: int) -> bool:
    """Whether a process of this machine has not ended; true where that cannot be asked."""
    if fcntl is None:
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Where nobody asks how it ended, as in some containers, a process that has ended stays listed
    with suppress(OSError):
        status = Path(f"/proc/{process}/stat").read_text()
        return status.rpartition(")")[2].split()[0] != "Z"
    return True


def made_folder(path: Path) -> Path:
    """A folder, made if it is not there.

    Parameters
    ----------
    path : Path
        Of the folder.

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(path, error) from error
    return path


def not_written(path: Path, error: OSError) -> OutputError:
    """The error of a result that cannot be written.

    Parameters
    ----------
    path : Path
        Of the file or folder.
    error : OSError
        What the system says.

    Returns
    -------
    OutputError
    """
    return OutputError(
        f"{path} cannot be written ({error.strerror or error}), but the results are written "
        "there. Free space or choose another output folder, then run again."
    )
