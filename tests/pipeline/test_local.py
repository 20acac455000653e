"""Jobs on this machine: how many, and that the processes end with the run."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from mslesion.pipeline.dataset.engines import EngineOptions, local_engine
from mslesion.pipeline.dataset.local import (
    MEMORY_PER_JOB,
    THREAD_VARIABLES,
    InProcess,
    LocalExecutor,
    available_cores,
    available_jobs,
    available_memory,
)

GIB = 2**30


def system(root, **files):
    """A file system of these files; two underscores stand for a slash, one for a dot or itself."""
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def group(root, name, content):
    path = root / "sys/fs/cgroup" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content + "\n")


def test_memory_without_control_groups(tmp_path):
    assert available_memory(tmp_path) == float("inf")
    system(tmp_path, proc__meminfo="MemTotal: 32 kB\nMemAvailable:   8388608 kB\n")
    assert available_memory(tmp_path) == 8 * GIB


def test_memory_of_version_2(tmp_path):
    """The limit of a group further up counts too; cached files do not count as used."""
    system(tmp_path, proc__meminfo="MemAvailable: 67108864 kB\n", proc__self__cgroup="0::/a/b\n")
    group(tmp_path, "a/b/memory.max", "max")
    assert available_memory(tmp_path) == 64 * GIB
    group(tmp_path, "a/memory.max", str(10 * GIB))
    group(tmp_path, "a/memory.current", str(5 * GIB))
    assert available_memory(tmp_path) == 5 * GIB
    group(tmp_path, "a/memory.stat", f"anon 1\ninactive_file {2 * GIB}")
    assert available_memory(tmp_path) == 7 * GIB


def test_memory_of_version_1(tmp_path):
    system(tmp_path, proc__self__cgroup="4:memory:/job\n3:cpu,cpuacct:/job\n")
    group(tmp_path, "memory/job/memory.limit_in_bytes", str(6 * GIB))
    group(tmp_path, "memory/job/memory.usage_in_bytes", str(1 * GIB))
    assert available_memory(tmp_path) == 5 * GIB


def test_memory_in_a_container_whose_group_is_not_seen(tmp_path):
    system(tmp_path, proc__self__cgroup="0::/outside\n")
    group(tmp_path, "memory.max", str(3 * GIB))
    assert available_memory(tmp_path) == 3 * GIB


def test_cores(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)
    assert available_cores(tmp_path) == 16
    system(tmp_path, proc__self__cgroup="0::/job\n")
    group(tmp_path, "job/cpu.max", "max 100000")
    assert available_cores(tmp_path) == 16
    group(tmp_path, "cpu.max", "350000 100000")
    assert available_cores(tmp_path) == 3
    group(tmp_path, "cpu.max", "50000 100000")
    assert available_cores(tmp_path) == 1


def test_cores_of_version_1(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)
    system(tmp_path, proc__self__cgroup="4:memory:/job\n3:cpu:/job\n")
    group(tmp_path, "cpu/job/cpu.cfs_quota_us", "-1")
    group(tmp_path, "cpu/job/cpu.cfs_period_us", "100000")
    assert available_cores(tmp_path) == 16
    group(tmp_path, "cpu/job/cpu.cfs_quota_us", "400000")
    assert available_cores(tmp_path) == 4


@pytest.mark.parametrize(
    ("cores", "memory", "expected"),
    [(8, 64 * GIB, 8), (8, 6 * GIB, 2), (8, 2 * MEMORY_PER_JOB, 2), (8, 1 * GIB, 1),
     (2, float("inf"), 2)],
)  # fmt: skip
def test_jobs_by_cores_and_memory(monkeypatch, cores, memory, expected):
    local = sys.modules[available_jobs.__module__]
    monkeypatch.setattr(local, "available_cores", lambda: cores)
    monkeypatch.setattr(local, "available_memory", lambda: memory)
    assert available_jobs() == expected


def test_one_job_needs_no_process():
    """One job at a time is what a run of Python does unless told otherwise."""
    with local_engine(EngineOptions()) as workers:
        assert isinstance(workers.executor, InProcess)
        assert workers.executor.submit(os.getpid).result() == os.getpid()
        with pytest.raises(ValueError, match="invalid literal"):
            workers.executor.submit(int, "a").result()


def threads():
    return os.getpid(), [os.environ.get(name) for name in THREAD_VARIABLES]


def test_processes_have_one_thread_and_end_with_the_executor():
    with LocalExecutor(2) as executor:
        found = [executor.submit(threads) for _ in range(4)]
        processes = {future.result()[0] for future in found}
        assert {tuple(future.result()[1]) for future in found} == {("1",) * 4}
    assert os.getpid() not in processes
    assert len(processes) <= 2
    assert not [pid for pid in processes if is_alive(pid)]


def test_jobs_under_way_are_stopped_when_the_run_is(tmp_path):
    executor = LocalExecutor(1)
    pid = executor.submit(os.getpid).result()
    future = executor.submit(time.sleep, 600)
    while not future.running():
        time.sleep(0.01)
    executor.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    ends(pid)
    assert isinstance(future.exception(), BrokenProcessPool)


SCRIPT = """
import os, time
from mslesion.pipeline.dataset.local import LocalExecutor
if __name__ == "__main__":
    executor = LocalExecutor(1)
    print(executor.submit(os.getpid).result(), flush=True)
    executor.submit(time.sleep, 600).result()
"""


def test_processes_end_with_a_run_that_was_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    run = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    pid = int(run.stdout.readline())
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    ends(pid)


def ends(pid):
    """Wait for the end of a process, which takes a moment after its files are closed."""
    for _ in range(100):
        if not is_alive(pid):
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} outlives its run")


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
