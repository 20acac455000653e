"""What faults cost: nothing, if a run after the fault ends with the bytes of an undisturbed one.

    python pipelines/faults.py [--moments 20] [--seed 0] [--only kill-local full-disk ...]

The work of visits and pairs is pretended: files of some kilobytes under their real names. All else
is done as in a real run. A fault strikes at one change of the output folder, counted by an audit
hook of Python: a file that is opened to be written, moved or removed, a folder that is made. So
each moment between two changes can be tried, whatever else the machine does.

Every line is one kind of fault: the exit codes of the disturbed runs, and what differs afterwards.
The exit code is 1 if anything does.
"""

import argparse
import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from mslesion import cli
from mslesion.io.nifti import write_bytes
from mslesion.io.publishing import WORK_FOLDER
from mslesion.io.tables import write_json
from mslesion.pipeline.dataset import run
from mslesion.pipeline.dataset.jobs import PAIR, VISIT, Job, Outcome, do_job
from mslesion.pipeline.pair.records import PAIR_KEYS, pair_path
from mslesion.pipeline.visit.records import RECORD_KEYS, part_path, record_path
from mslesion.schema import CHANGES

PEOPLE, SESSIONS = ("01", "02", "03"), ("1", "2")
MAPS, MAP_BYTES = 4, 20_000
"""Files of each visit besides its record."""
OF_ONE_RUN = ("logs/runs", "logs/workers", "logs/submissions")
"""Folders of the output whose files tell of a run, and differ between runs."""
VARIABLE = "MSLESION_FAULT"
"""Variable of the environment with the fault of a process that is started, such as kill:17."""
KILL, FULL, READ_ONLY = "kill", "full", "read-only"
"""The process is killed; nothing can be added to the output; nothing can be changed there."""


class Fault:
    """Strikes at the n-th change of a folder that this process makes, and from then on."""

    def __init__(self, kind: str, at: int, folder: Path, *, only: str = "") -> None:
        self.kind, self.at, self.folder, self.only = kind, at, str(folder), only
        self.seen = 0

    """Called by Python before each change; raises, kills or lets it pass."""

    def __call__(self, event: str, args: tuple) -> None:
        if not self._is_change(event, args):
            return
        self.seen += 1
        if self.seen < self.at:
            return
        if self.kind == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == READ_ONLY:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        if event in ("open", "os.mkdir"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_change(self, event: str, args: tuple) -> bool:
        if event == "open":
            path, _, flags = args
            is_written = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            return is_written and self._is_inside(path)
        if event in ("os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            return self._is_inside(args[0])
        return False

    def _is_inside(self, path) -> bool:
        text = os.fspath(path) if isinstance(path, str | os.PathLike) else ""
        return text.startswith(self.folder) and self.only in text


_faults: list[Fault] = []
"""At most one; a hook cannot be taken away."""
_is_hooked = False


@contextmanager
def struck_by(fault: Fault) -> Iterator[Fault]:
    """A fault in this process, for as long as the block lasts."""
    global _is_hooked
    if not _is_hooked:
        sys.addaudithook(lambda event, args: _faults[0](event, args) if _faults else None)
        _is_hooked = True
    _faults[:] = [fault]
    try:
        yield fault
    finally:
        _faults.clear()


def do_pretended(job: Job) -> Outcome:
    """As `do_job`, the work of visits and pairs apart."""
    if VARIABLE in os.environ and not _faults:  # a worker: from its first job on
        kind, at = os.environ[VARIABLE].split(":")
        struck_by(Fault(kind, int(at), job.output)).__enter__()
    pretended = {VISIT: pretend_visit, PAIR: pretend_pair}
    work = pretended.get(job.step.name, job.step.work)
    return do_job(replace(job, step=replace(job.step, work=work)))


def pretend_visit(job: Job, made_from: dict, folder: Path) -> None:
    visit = job.visit
    for number in range(MAPS):
        name = f"{visit.name}_space-orig_desc-{number}_mask.nii.gz"
        write_bytes(content_of(name), folder / visit.folder / "anat" / name)
    write_bytes(b"<p>visit</p>", part_path(folder, visit))
    row = {"participant_id": f"sub-{visit.subject}", "session_id": f"ses-{visit.session}"}
    row |= {"visit_date": f"202{visit.session}-01-01", "brain_ml": 1000.0 + int(visit.subject)}
    record = {key: [] for key in RECORD_KEYS} | {"subject": visit.subject, "visits": [row]}
    record |= {"session": visit.session, "made_from": made_from}
    write_json(record, record_path(folder, visit))


def pretend_pair(job: Job, made_from: dict, folder: Path) -> None:
    pair, visit = job.pair, job.visit
    name = f"{visit.name}_from-ses{pair.session_from}_to-orig_mode-image_xfm.txt"
    write_bytes(content_of(name), folder / visit.folder / "anat" / name)
    path = pair_path(folder, pair)
    write_bytes(b"<p>pair</p>", path.with_suffix(".html"))
    who = {"session_from": pair.session_from, "session_to": pair.session_to}
    flags = {column.name: False for column in CHANGES.columns if column.dtype == "boolean"}
    record = {key: [] for key in PAIR_KEYS} | who | {"change": flags | who}
    write_json(record | {"subject": pair.subject, "made_from": made_from}, path)


def content_of(name: str) -> bytes:
    """Bytes that are another file's only if it has the same name."""
    return hashlib.shake_256(name.encode()).digest(MAP_BYTES)


def write_cohort(root: Path) -> None:
    """Visits whose scans are files of a few bytes."""
    for subject in PEOPLE:
        for session in SESSIONS:
            folder = root / f"sub-{subject}" / f"ses-{session}" / "anat"
            folder.mkdir(parents=True)
            for modality in ("FLAIR", "T1w"):
                name = f"sub-{subject}_ses-{session}_{modality}.nii.gz"
                (folder / name).write_bytes(name.encode())


def snapshot(output: Path) -> dict[str, bytes]:
    """Content of all files, but those that tell of a run."""
    files = (path for path in sorted(output.rglob("*")) if path.is_file())
    found = {path.relative_to(output).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in found.items() if not tells_of_run(name)}


def tells_of_run(name: str) -> bool:
    return name.startswith(OF_ONE_RUN)


class Cohort:
    """A cohort, what an undisturbed run makes of it, and what differs after others."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "in"
        write_cohort(self.root)
        self.count = 0
        output = self.new_output()
        with struck_by(Fault(KILL, sys.maxsize, output)) as counter:
            code = self.run(output)
        if code != cli.DONE:
            raise SystemExit(f"The undisturbed run ends with {code}, but 0 is expected.")
        self.changes = counter.seen
        """Of the output folder, by an undisturbed run in one process."""
        self.reference = snapshot(output)
        self.codes: Counter[int] = Counter()
        """How the disturbed runs ended."""
        self.lost: list[str] = []
        """What was not as it should be."""

    def new_output(self) -> Path:
        self.count += 1
        return self.folder / f"out{self.count}"

    def arguments(self, output: Path, *more: str, level: str = "participant") -> list[str]:
        return [str(self.root), str(output), level, *more]

    def run(self, output: Path, *more: str, level: str = "participant") -> int:
        """A run in this process."""
        real, run.do_job = run.do_job, do_pretended
        try:
            return cli.main(self.arguments(output, "--n-jobs", "1", *more, level=level))
        finally:
            run.do_job = real

    def run_apart(self, output: Path, *more: str, level: str = "participant", **variables) -> int:
        """A run in a process of its own, with variables of the environment."""
        return self.start_apart(output, *more, level=level, **variables).wait()

    def start_apart(self, output: Path, *more: str, level: str = "participant", **variables):
        code = "import sys, faults; sys.exit(faults.main_pretended(sys.argv[1:]))"
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        kept = {name: value for name, value in os.environ.items() if name not in variables}
        given = {name: value for name, value in variables.items() if value is not None}
        environment = kept | given | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-c", code, *self.arguments(output, *more, level=level)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def forked(self, work: Callable[[], int]) -> int:
        """The exit code of work in a copy of this process; the negative signal if it is killed."""
        child = os.fork()
        if child == 0:
            code = 99
            try:
                sys.stderr = Path(os.devnull).open("w")
                code = work()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def struck(self, output: Path, kind: str, at: int, *more: str, **options) -> int:
        """The exit code of a run that a fault strikes, in a copy of this process."""

        def work() -> int:
            with struck_by(Fault(kind, at, output, only=options.get("only", ""))):
                return self.run(output, *more, level=options.get("level", "participant"))

        code = self.forked(work)
        self.codes[code] += 1
        return code

    def check_half(self, output: Path, what: str) -> None:
        """After a fault, each file is whole: as of an undisturbed run, or of fewer visits."""
        for name, content in snapshot(output).items():
            is_merged = "/" not in name or name.startswith(("logs/participants", "logs/failures"))
            is_unfinished = name.startswith(f"{WORK_FOLDER}/") or name.endswith(".part")
            if not is_merged and not is_unfinished and content != self.reference.get(name):
                self.lost.append(f"{what}: {name} is not whole")

    def check_rerun(self, output: Path, what: str, *more: str) -> None:
        """Running again ends with the same bytes."""
        code = self.run(output, *more)
        if code != cli.DONE:
            self.lost.append(f"{what}: the rerun ends with {code}")
        found = snapshot(output)
        for name in sorted(found.keys() | self.reference.keys()):
            if found.get(name) != self.reference.get(name):
                state = "missing" if name not in found else "other bytes"
                extra = "" if name in self.reference else ", not in an undisturbed run"
                self.lost.append(f"{what}: {name} ({state}{extra})")


def main_pretended(argv: list[str]) -> int:
    """The command, its visits and pairs pretended."""
    run.do_job = do_pretended
    return cli.main(argv)


# Kinds of faults: each a function of the cohort, the random generator and the number of moments


def kill_local(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """A run in one process is killed."""
    for at in sorted(chance.sample(range(1, cohort.changes + 1), moments)):
        output = cohort.new_output()
        cohort.struck(output, KILL, at)
        cohort.check_half(output, f"killed at change {at}")
        cohort.check_rerun(output, f"killed at change {at}")


def kill_worker(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """Worker processes on this machine are killed, again and again; the run goes on."""
    for at in sorted(chance.sample(range(10, 60), min(moments, 50))):
        output, fault = cohort.new_output(), {VARIABLE: f"{KILL}:{at}"}
        cohort.codes[cohort.run_apart(output, "--n-jobs", "2", **fault)] += 1
        cohort.check_half(output, f"workers killed at change {at}")
        cohort.check_rerun(output, f"workers killed at change {at}")


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


def fails_from(cohort: Cohort, kind: str, moments: int) -> None:
    """From a moment on, nothing can be written: of a visit, a pair, a page, the whole run."""
    for only in ("visit_sub-01_ses-1", "pair_sub-01", "page_sub-01", ""):
        output = cohort.new_output()
        with struck_by(Fault(KILL, sys.maxsize, output, only=only)) as counter:
            cohort.run(output)
        total = max(counter.seen, 1)
        for step in range(moments):
            at, output = 1 + step * total // moments, cohort.new_output()
            what = f"{kind} from change {at} of {only or 'all'} on"
            code = cohort.struck(output, kind, at, only=only)
            if code not in (cli.SOME_FAILED, cli.UNFINISHED):
                cohort.lost.append(f"{what}: the exit code is {code}")
            cohort.check_half(output, what)
            cohort.check_rerun(output, what)


def full_disk(cohort: Cohort, chance: random.Random, moments: int) -> None:
    fails_from(cohort, FULL, min(moments, 5))


def read_only(cohort: Cohort, chance: random.Random, moments: int) -> None:
    fails_from(cohort, READ_ONLY, min(moments, 5))


def no_home(cohort: Cohort, chance: random.Random, moments: int) -> None:
    """No HOME, and a folder for temporary files that is not there: nothing needs them."""
    output = cohort.new_output()
    code = cohort.run_apart(output, HOME=None, TMPDIR="/nowhere", PYTHONPYCACHEPREFIX="/nowhere")
    cohort.codes[code] += 1
    if code != cli.DONE:
        cohort.lost.append(f"no HOME: the exit code is {code}")
    cohort.check_rerun(output, "no HOME")


def two_at_once(cohort: Cohort, chance: random.Random, moments: int) -> None:
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


KINDS: dict[str, Callable[[Cohort, random.Random, int], None]] = {
    "kill-local": kill_local,
    "kill-worker": kill_worker,
    "kill-array": kill_array,
    "full-disk": full_disk,
    "read-only": read_only,
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
        codes = ", ".join(f"{count} x {code}" for code, count in sorted(cohort.codes.items()))
        print(f"{name}: {cohort.changes} changes; exit codes {codes}; {len(cohort.lost)} lost")
        for line in cohort.lost:
            print(f"  {line}")
        is_lossy = is_lossy or bool(cohort.lost)
    return int(is_lossy)


if __name__ == "__main__":
    sys.exit(main())
