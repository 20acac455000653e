"""Results are whole or not there: folders of jobs, locks, and what killed runs leave."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mslesion.errors import OutputError
from mslesion.io import publishing
from mslesion.io.publishing import locked, publish, remove_abandoned, staged


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def write(folder, **content):
    for name, text in content.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_files_are_moved_to_their_places_and_the_folder_is_gone(tmp_path):
    write(tmp_path, a="old", kept="kept")
    with staged(tmp_path, "job") as folder:
        write(folder, a="new", below__b="b")
        assert files(tmp_path)["a"] == "old"
        publish(folder, tmp_path)
    assert files(tmp_path) == {"a": "new", "below/b": "b", "kept": "kept"}
    remove_abandoned(tmp_path)
    assert not (tmp_path / ".work").exists()


def test_the_last_file_is_moved_last(tmp_path, monkeypatch):
    """Where the others cannot be moved, it is not there."""
    with staged(tmp_path, "job") as folder:
        write(folder, a_record="", z__map="")
        write(tmp_path, z="a file where a folder is needed")
        with pytest.raises(OutputError, match=r"z/map cannot be written \(.*\), but the results"):
            publish(folder, tmp_path, last=tmp_path / "a_record")
    assert "a_record" not in files(tmp_path)


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(FileExistsError), staged(tmp_path, "job") as folder:
        write(folder, a="half", a__b="")
    assert files(tmp_path) == {}


def test_a_folder_that_cannot_be_made(tmp_path):
    write(tmp_path, out="a file")
    with (
        pytest.raises(OutputError, match="Free space or choose another output folder"),
        staged(tmp_path / "out", "job"),
    ):
        pass
    with (
        pytest.raises(OutputError, match=r"x\.lock cannot be written"),
        locked(tmp_path / "out", "x"),
    ):
        pass


def test_one_at_a_time_holds_a_lock(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(20):
            with locked(tmp_path, "sub-01"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80
    assert max(most) == 1
    assert not list((tmp_path / ".work").iterdir())


def test_different_locks_do_not_wait(tmp_path):
    with locked(tmp_path, "sub-01"), locked(tmp_path, "sub-02"):
        assert len(list((tmp_path / ".work").iterdir())) == 2


SCRIPT = """
import sys, time
from pathlib import Path
from mslesion.io.publishing import locked, staged
output = Path(sys.argv[1])
with locked(output, "sub-01"), staged(output, "job") as folder:
    (folder / "half").write_text("half")
    print("in", flush=True)
    time.sleep(600)
"""


def test_a_killed_process_holds_no_lock_and_leaves_nothing(tmp_path):
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout.readline() == "in\n"
    remove_abandoned(tmp_path)
    assert sorted(files(tmp_path).values()) == ["", "half"]  # it runs, and holds the lock
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    remove_abandoned(tmp_path)
    assert files(tmp_path) == {}
    assert not (tmp_path / ".work").exists()
    with locked(tmp_path, "sub-01"):
        pass


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell")
def test_a_process_that_has_ended_but_is_still_listed(tmp_path):
    """As in a container whose first process does not ask how others ended."""
    run = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
    (tmp_path / ".work" / f"a~{publishing._here()}~{run.pid}~1").mkdir(parents=True)
    os.kill(run.pid, 0)
    remove_abandoned(tmp_path)
    assert not (tmp_path / ".work").exists()
    run.wait()


def test_what_is_not_abandoned_is_kept(tmp_path):
    """Of this process, and of another machine for two days."""
    here = publishing._here()
    names = {"a": f"a~{here}~{os.getpid()}~1", "b": "b~elsewhere~1~1", "c": "c~elsewhere~1~2"}
    for name in names.values():
        (tmp_path / ".work" / name).mkdir(parents=True)
    old = time.time() - publishing.ABANDONED_S - 60
    os.utime(tmp_path / ".work" / names["c"], (old, old))
    remove_abandoned(tmp_path)
    left = sorted(path.name[0] for path in (tmp_path / ".work").iterdir())
    assert left == ["a", "b"]


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def flock(_handle, _kind):
        raise OSError(publishing.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(publishing.fcntl, "flock", flock)
    with locked(tmp_path, "sub-01"), locked(tmp_path, "sub-01"):
        pass


def test_another_error_of_a_lock_is_told(tmp_path, monkeypatch):
    def flock(_handle, _kind):
        raise OSError(publishing.errno.EIO, "Input/output error")

    monkeypatch.setattr(publishing.fcntl, "flock", flock)
    with pytest.raises(OutputError, match="Input/output error"), locked(tmp_path, "sub-01"):
        pass


def _hold_and_count(output, number):
    for _ in range(number):
        with locked(output, "n"):
            path = output / "count"
            path.write_text(str(int(path.read_text()) + 1))


def test_processes_wait_for_each_other(tmp_path):
    write(tmp_path, count="0")
    context = multiprocessing.get_context("spawn")
    some = [context.Process(target=_hold_and_count, args=(tmp_path, 50)) for _ in range(3)]
    for process in some:
        process.start()
    for process in some:
        process.join()
    assert files(tmp_path)["count"] == "150"


def test_a_half_file_of_a_killed_process_is_removed(tmp_path):
    """One of this process, and a file that only looks like one, are kept."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    here, logs = publishing._here(), tmp_path / "logs/failures/sub-01"
    logs.mkdir(parents=True)
    half = [
        tmp_path / f".visits.csv~{here}~{ended.pid}~ab.part",
        logs / f".a~{here}~{ended.pid}~c.part",
    ]
    kept = [tmp_path / f".{publishing.name_of_own('a')}.part", tmp_path / ".notes~a~b~c.part"]
    for path in (*half, *kept):
        path.touch()
    remove_abandoned(tmp_path)
    assert set(tmp_path.rglob("*.part")) == set(kept)
