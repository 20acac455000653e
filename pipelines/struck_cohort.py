"""A cohort whose work is pretended, and faults that strike it, for `faults.py`.

A fault strikes at one change of the output folder, counted by an audit hook of Python: a file that
is opened to be written, moved or removed, a folder that is made. So each moment between two changes
can be tried, whatever else the machine does.
"""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from memory_group import inside

from mslesion import cli
from mslesion.io.nifti import write_bytes
from mslesion.io.publishing import WORK_FOLDER
from mslesion.io.tables import write_json
from mslesion.pipeline.dataset import run
from mslesion.pipeline.dataset.jobs import PAIR, VISIT, Job, Outcome, do_job
from mslesion.pipeline.pair.records import PAIR_KEYS, pair_path
from mslesion.pipeline.visit.records import PART_SUFFIX, RECORD_KEYS, part_path, record_path
from mslesion.reports.parts import Part
from mslesion.schema import CHANGES

PEOPLE, SESSIONS = ("01", "02"), ("1", "2")
MAPS, MAP_BYTES = 4, 20_000
"""Files of each visit besides its record."""
OF_ONE_RUN = ("logs/runs", "logs/workers", "logs/submissions")
"""Folders of the output whose files tell of a run, and differ between runs."""
WORKER_FAULT, RUN_FAULT = "MSLESION_WORKER_FAULT", "MSLESION_RUN_FAULT"
"""Variables of the environment with the fault of each worker and of the run, such as kill:17."""
KILL, FULL, READ_ONLY, MEMORY, EAT = "kill", "full", "read-only", "memory", "eat"
"""The process is killed; nothing can be added to the output; nothing can be changed there; memory
that is asked for is not there; the process takes memory until the system kills it."""
EATEN_AT_ONCE, EATEN_AT_MOST = 2**24, 2**32
"""Bytes that a process takes in one step, and before it gives up as nothing has killed it."""


class Fault:
    """Strikes at the n-th change of a folder that this process makes, and from then on."""

    def __init__(self, kind: str, at: int, folder: Path, *, only: str = "") -> None:
        self.kind, self.at, self.folder, self.only = kind, at, str(folder), only
        self.seen = 0

    def __call__(self, event: str, args: tuple) -> None:
        """Strike or let it pass, before each change."""
        if not self._is_change(event, args):
            return
        self.seen += 1
        if self.seen < self.at:
            return
        if self.kind in (KILL, EAT):
            self.at = sys.maxsize  # the mark is no change of the output
            with strikes_of(Path(self.folder)).open("a") as file:
                file.write("x")
        if self.kind == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == EAT:
            eaten = [b"x" * EATEN_AT_ONCE for _ in range(EATEN_AT_MOST // EATEN_AT_ONCE)]
            raise RuntimeError(f"Nothing has killed a process of {len(eaten)} pieces of memory.")
        if self.kind == MEMORY:
            raise MemoryError
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


def strikes_of(output: Path) -> Path:
    """A file beside an output folder with a letter for each process that was killed."""
    return output.with_name(f"strikes-{output.name}")


_faults: list[Fault] = []
"""At most one; a hook cannot be taken away."""
_is_hooked = False


def begin(fault: Fault) -> None:
    """Let a fault strike this process from now on."""
    global _is_hooked
    if not _is_hooked:
        sys.addaudithook(lambda event, args: _faults[0](event, args) if _faults else None)
        _is_hooked = True
    _faults[:] = [fault]


@contextmanager
def struck_by(fault: Fault) -> Iterator[Fault]:
    """A fault in this process, for as long as the block lasts."""
    begin(fault)
    try:
        yield fault
    finally:
        _faults.clear()


def strike_from(variable: str, output: Path) -> None:
    """Let the fault of the environment strike this process, from now to its end."""
    if variable in os.environ and not _faults:
        kind, at = os.environ[variable].split(":")
        begin(Fault(kind, int(at), output))


def do_pretended(job: Job) -> Outcome:
    """As `do_job`, the work of visits and pairs apart."""
    strike_from(WORKER_FAULT, job.output)
    pretended = {VISIT: pretend_visit, PAIR: pretend_pair}
    work = pretended.get(job.step.name, job.step.work)
    return do_job(replace(job, step=replace(job.step, work=work)))


def pretend_visit(job: Job, made_from: dict, folder: Path) -> None:
    visit = job.visit
    for number in range(MAPS):
        name = f"{visit.name}_space-orig_desc-{number}_mask.nii.gz"
        write_bytes(content_of(name), folder / visit.folder / "anat" / name)
    write_bytes(Part().to_text().encode(), part_path(folder, visit))
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
    write_bytes(Part().to_text().encode(), path.with_suffix(PART_SUFFIX))
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
    """Content of all files, but those that tell of a run, and those that a worker just removes."""
    found = {}
    for folder, _, names in os.walk(output):
        for path in (Path(folder) / name for name in names):
            name = path.relative_to(output).as_posix()
            with suppress(FileNotFoundError):
                found |= {} if tells_of_run(name) else {name: path.read_bytes()}
    return dict(sorted(found.items()))


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
        """How often the disturbed runs ended so."""
        self.lost: list[str] = []
        """What was not as it should be."""

    def new_output(self) -> Path:
        """An output folder of its own."""
        self.count += 1
        return self.folder / f"out{self.count}"

    def arguments(self, output: Path, *more: str, level: str = "participant") -> list[str]:
        """Of the command."""
        return [str(self.root), str(output), level, *more]

    def run(self, output: Path, *more: str, level: str = "participant") -> int:
        """A run in this process."""
        real, run.do_job = run.do_job, do_pretended
        try:
            return cli.main(self.arguments(output, "--n-jobs", "1", *more, level=level))
        finally:
            run.do_job = real

    def run_apart(self, output: Path, *more: str, **options) -> int:
        """A run in a process of its own, with variables of the environment."""
        return self.start_apart(output, *more, **options).wait()

    def start_apart(
        self,
        output: Path,
        *more: str,
        level: str = "participant",
        group: Path | None = None,
        **variables,
    ) -> subprocess.Popen:
        """A run in a process of its own, perhaps in a control group, which is not waited for."""
        code = "import sys, struck_cohort as cohort; sys.exit(cohort.main_pretended(sys.argv[1:]))"
        paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        kept = {name: value for name, value in os.environ.items() if name not in variables}
        given = {name: value for name, value in variables.items() if value is not None}
        environment = kept | given | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-c", code, *self.arguments(output, *more, level=level)]
        command = inside(group, command) if group else command
        return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def forked(self, work: Callable[[], int]) -> int:
        """The exit code of work in a copy of this process; the negative signal if it is killed."""
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
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

    def strikes(self) -> int:
        """How many processes were killed."""
        return sum(path.stat().st_size for path in self.folder.glob("strikes-*"))

    def is_whole(self, output: Path) -> bool:
        """Whether all files are there, and perhaps some that are not finished."""
        found = snapshot(output)
        return all(found.get(name) == content for name, content in self.reference.items())

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
    strike_from(RUN_FAULT, Path(argv[1]))
    return cli.main(argv)
