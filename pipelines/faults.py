"""What faults cost: nothing, if a run after the fault ends with the bytes of an undisturbed one.

    python pipelines/faults.py [--moments 20] [--seed 0] [--only kill-local full-disk ...]

The work of visits and pairs is pretended: files of some kilobytes under their real names. All else
is done as in a real run; `struck_cohort.py` says how a fault strikes.

Every line is one kind of fault: how many processes were killed, the exit codes of the disturbed
runs (-9: killed), and what differs afterwards. The exit code is 1 if anything does.
"""

import argparse
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from memory_group import is_possible, memory_group
from struck_cohort import (
    EAT,
    FULL,
    KILL,
    MEMORY,
    PEOPLE,
    READ_ONLY,
    RUN_FAULT,
    WORKER_FAULT,
    Cohort,
    Fault,
    struck_by,
)

from mslesion import cli

JOBS = ("visit_sub-01_ses-1", "pair_sub-01_ses-1_ses-2", "page_sub-01")
"""Starts of the names of the folders and failures of some jobs."""
GROUP_MEMORY = 2**30
"""Bytes for a run with two workers; without a fault it takes about half of them."""


def kill_local(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """A run in one process is killed."""
    for at in sorted(chance.sample(range(1, cohort.changes + 1), moments)):
        output = cohort.new_output()
        cohort.struck(output, KILL, at)
        cohort.check_half(output, f"killed at change {at}")
        cohort.check_rerun(output, f"killed at change {at}")


def kill_worker(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """Of a run with two worker processes, the run is killed, or each worker again and again."""
    for at, who in _moments(chance, moments):
        fault = {who: f"{KILL}:{at}"}
        _killed(cohort, fault, "--n-jobs", "2")


def kill_dask(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """Workers of a Dask cluster, or the run that has handed jobs to it, are killed."""
    from distributed import LocalCluster

    for at, who in _moments(chance, moments):
        fault, started = {who: f"{KILL}:{at}"}, dict(os.environ)
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        os.environ |= fault if who == WORKER_FAULT else {}
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(**options, silence_logs=logging.CRITICAL) as cluster:
            os.environ.pop(WORKER_FAULT, None)
            given = ("--executor", "dask", "--scheduler", cluster.scheduler_address)
            _killed(cohort, fault if who == RUN_FAULT else {}, *given, what=f"{who} {at}")
        os.environ.clear()
        os.environ |= started


def _moments(chance: random.Random, moments: int) -> Iterator[tuple[int, str]]:
    """Changes at which a worker and the run are killed in turn; the run itself makes fewer."""
    for number in range(moments):
        is_run = number % 2
        yield chance.randrange(1, 25 if is_run else 80), RUN_FAULT if is_run else WORKER_FAULT


def _killed(cohort: Cohort, fault: dict[str, str], *options: str, what: str = "") -> None:
    """A run in processes of its own, of which some are killed; then another one."""
    output, what = cohort.new_output(), what or f"{fault}"
    cohort.codes[cohort.run_apart(output, *options, **fault)] += 1
    cohort.check_half(output, what)
    cohort.check_rerun(output, what)


def kill_array(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """Of runs of one participant each, one is killed; then those of all others, then the group."""
    changes = cohort.changes // len(PEOPLE)
    for at in sorted(chance.sample(range(1, changes + 1), min(moments, changes))):
        output, victim = cohort.new_output(), chance.choice(PEOPLE)
        for subject in PEOPLE:
            kind, moment = (KILL, at) if subject == victim else (KILL, sys.maxsize)
            cohort.struck(output, kind, moment, "--participant-label", subject)
        what = f"task of {victim} killed at change {at}"
        cohort.check_half(output, what)
        if cohort.run(output, "--participant-label", victim) != cli.DONE:
            cohort.lost.append(f"{what}: the task does not succeed when it is repeated")
        cohort.struck(output, KILL, chance.randrange(1, 30), level="group")
        if cohort.run(output, level="group") != cli.DONE:
            cohort.lost.append(f"{what}: the group does not succeed")
        cohort.check_rerun(output, what)


def fails_from(
    cohort: Cohort, kind: str, moments: int, *, parts: tuple[str, ...] = (*JOBS, "")
) -> None:
    """From a moment on, nothing can be written: of a visit, a pair, a page, the whole run."""
    for only in parts:
        output = cohort.new_output()
        with struck_by(Fault(KILL, sys.maxsize, output, only=only)) as counter:
            cohort.run(output)
        total = max(counter.seen, 1)
        for step in range(moments):
            at, output = 1 + step * total // moments, cohort.new_output()
            what = f"{kind} from change {at} of {only or 'all'} on"
            code = cohort.struck(output, kind, at, only=only)
            # All may be there already: what is left to do is to remove an empty folder
            is_done = code == cli.DONE and cohort.is_whole(output)
            if code not in (cli.SOME_FAILED, cli.UNFINISHED) and not is_done:
                cohort.lost.append(f"{what}: the exit code is {code}")
            cohort.check_half(output, what)
            cohort.check_rerun(output, what)


def full_disk(cohort: Cohort, _chance: random.Random, moments: int) -> None:
    """Nothing can be added any more."""
    fails_from(cohort, FULL, min(moments, 5))


def read_only(cohort: Cohort, _chance: random.Random, moments: int) -> None:
    """Nothing can be changed any more."""
    fails_from(cohort, READ_ONLY, min(moments, 5))


def small_disk(cohort: Cohort, _chance: random.Random, moments: int) -> None:
    """A file system that is full, then one that is read-only; as root only."""
    if os.geteuid() != 0:
        cohort.lost.append("small disk: only root can mount a file system of its own")
        return
    size_kb = sum(map(len, cohort.reference.values())) // 1024
    for part in range(min(moments, 5)):
        size = f"size={size_kb * (part + 1) // (min(moments, 5) + 1)}k"
        _on_disk(cohort, size, before=size, after="size=1g")
    _on_disk(cohort, "a read-only disk", before="ro", after="rw")


def _on_disk(cohort: Cohort, what: str, *, before: str, after: str) -> None:
    """A run on a file system with some option, and another one when it is changed."""
    output = cohort.new_output()
    output.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", before, "faults", output], check=True)
    try:
        code = cohort.struck(output, KILL, sys.maxsize)
        if code not in (cli.SOME_FAILED, cli.UNFINISHED):
            cohort.lost.append(f"{what}: the exit code is {code}")
        cohort.check_half(output, what)
        subprocess.run(["mount", "-o", f"remount,{after}", output], check=True)
        cohort.check_rerun(output, what)
    finally:
        subprocess.run(["umount", output], check=True)


def out_of_memory(cohort: Cohort, _chance: random.Random, moments: int) -> None:
    """Memory that a job asks for is not there."""
    fails_from(cohort, MEMORY, min(moments, 5), parts=tuple(f"{job}~" for job in JOBS))


def memory_limit(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """The system kills each worker that takes more memory than its control group has."""
    if not is_possible():
        cohort.lost.append("memory limit: this process may not make a control group")
        return
    for at in sorted(chance.sample(range(1, 12), min(moments, 5))):
        output, what = cohort.new_output(), f"memory taken at change {at}"
        with memory_group(GROUP_MEMORY) as group:
            fault = {WORKER_FAULT: f"{EAT}:{at}"}
            code = cohort.run_apart(output, "--n-jobs", "2", group=group, **fault)
        cohort.codes[code] += 1
        if code != cli.SOME_FAILED:
            cohort.lost.append(f"{what}: the exit code is {code}")
        cohort.check_half(output, what)
        cohort.check_rerun(output, what)


def no_home(cohort: Cohort, _chance: random.Random, _moments: int) -> None:
    """No HOME, and a folder for temporary files that is not there: nothing needs them."""
    output = cohort.new_output()
    code = cohort.run_apart(output, HOME=None, TMPDIR="/nowhere", PYTHONPYCACHEPREFIX="/nowhere")
    cohort.codes[code] += 1
    if code != cli.DONE:
        cohort.lost.append(f"no HOME: the exit code is {code}")
    cohort.check_rerun(output, "no HOME")


def two_at_once(cohort: Cohort, _chance: random.Random, moments: int) -> None:
    """Two runs of everything into one output folder."""
    for number in range(max(1, moments // 5)):
        output = cohort.new_output()
        both = [cohort.start_apart(output, "--n-jobs", "1") for _ in range(2)]
        for one in both:
            code = one.wait()
            cohort.codes[code] += 1
            if code not in (cli.DONE, cli.SOME_FAILED):
                cohort.lost.append(f"two at once, {number}: the exit code is {code}")
        cohort.check_half(output, f"two at once, {number}")
        cohort.check_rerun(output, f"two at once, {number}")


Kind = Callable[[Cohort, random.Random, int], None]
KINDS: dict[str, Kind] = {
    "kill-local": kill_local,
    "kill-worker": kill_worker,
    "kill-dask": kill_dask,
    "kill-array": kill_array,
    "full-disk": full_disk,
    "read-only": read_only,
    "small-disk": small_disk,
    "out-of-memory": out_of_memory,
    "memory-limit": memory_limit,
    "no-home": no_home,
    "two-at-once": two_at_once,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    options = parser.parse_args()
    is_lossy = False
    for name in options.only:
        with tempfile.TemporaryDirectory(prefix="faults-") as folder:
            cohort = Cohort(Path(folder))
            KINDS[name](cohort, random.Random(options.seed), options.moments)
            killed = cohort.strikes()
        codes = ", ".join(f"{count} x {code}" for code, count in sorted(cohort.codes.items()))
        print(f"{name}: {killed} killed; exit codes {codes}; {len(cohort.lost)} lost")
        for line in cohort.lost:
            print(f"  {line}")
        is_lossy = is_lossy or bool(cohort.lost)
    return int(is_lossy)


if __name__ == "__main__":
    sys.exit(main())
