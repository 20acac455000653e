"""The jobs of a run: what each is made of, what it waits for, and how it ended.

A job holds all that its work needs, and can be pickled: it can be done in this process, in
another one or on another machine that sees the same folders. `do_job` does any job.
"""

import logging
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mslesion.errors import DatasetError, MSLesionError
from mslesion.io.dataset import Visit
from mslesion.io.lesion_masks import MaskFile
from mslesion.io.publishing import locked, publish, staged
from mslesion.pipeline.pair.records import Pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import finished_visit, is_made_from
from mslesion.schema.identifiers import session_name
from mslesion.schema.modalities import SEPARATOR
from mslesion.schema.ratings import Ratings

log = logging.getLogger(__name__)

OUT_OF_MEMORY = (
    "The process of this job got less memory than it asked for, but the job needs it. Give each "
    "job more memory or run fewer jobs at a time (--n-jobs), then run again."
)
ATTEMPTS = 3
"""A job is begun so many times where another run changes what it reads."""
VISIT, PAIR, CALIBRATION, PAGE = "visit", "pair", "calibration", "page"
"""The steps of a run, in order: a pair and a calibration wait for their visits, and the page of a
participant, with its rows of all tables, for all of them."""
DONE, UNCHANGED, FAILED, PLANNED = "done", "unchanged", "failed", "planned"
"""How a job ended; `PLANNED` is one of a dry run, to be done."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of work: functions of a job, defined in a module so that they can be pickled."""

    name: str
    """`VISIT`, `PAIR`, `CALIBRATION` or `PAGE`."""
    record: Callable[["Job"], Path]
    """Where the record of the finished job lies."""
    read: Callable[[Path], dict]
    """Reads and checks a record and what belongs to it; raises DatasetError."""
    fingerprint: Callable[["Job"], dict]
    """What the outputs depend on, as plain values. The job is done only if it differs from
    "made_from" in the record."""
    clear: Callable[["Job"], None]
    """Removes what an older run left of the job and of the jobs that need it, its record first."""
    work: Callable[["Job", dict, Path], None]
    """Does the job, given its fingerprint, and writes its outputs into a folder as they are to lie
    in the output dataset."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a run, for one visit, one pair of visits or one participant."""

    step: Step
    visits: tuple[Visit, ...]
    """One visit, or the two of a pair in order of time; of a page, a visit without session."""
    root: Path
    """The input dataset."""
    output: Path
    """The output dataset."""
    settings: Settings
    mask: MaskFile | None = None
    """The visit's given lesion mask; None if lesions are to be found."""
    label_map: Path | None = None
    """The visit's given label map of the anatomy; None if structures are to be found."""
    pair: Pair | None = None
    """Of a pair, its labels and whether its visits are neighbours."""
    ratings: Ratings | None = None
    """Of a page, the clinical data and ratings of the participant."""

    @property
    def visit(self) -> Visit:
        """The visit that the outputs belong to: of a pair, the second."""
        return self.visits[-1]

    @property
    def name(self) -> str:
        """Unique name of the job in a run, such as ``visit sub-01_ses-2``."""
        return f"{self.step.name} {self.pair.name if self.pair else self.visit.name}"

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the visits whose outputs this job reads; a page reads all that there is."""
        if self.step.name in (VISIT, PAGE):
            return ()
        return tuple(f"{VISIT} {visit.name}" for visit in self.visits)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended."""

    job: Job
    state: str
    """`DONE`, `UNCHANGED`, `FAILED` or `PLANNED`."""
    error: str = ""
    reason: str = ""
    seconds: float = 0.0
    record: Mapping | None = None
    """Of a visit that has results now, `finished_visit`; else None."""

    @property
    def text(self) -> str:
        """One line of a log."""
        job = self.job
        what = job.visit.name
        if job.pair is not None:
            what += f" compared with {session_name(job.pair.session_from)}"
        elif job.step.name != VISIT:
            what += f" {job.step.name}"
        if self.state == FAILED:
            return f"{what} failed: {self.reason}"
        return f"{what} {self.state} ({self.seconds:.0f} s)"

    def row(self) -> dict:
        """The outcome as a row of `mslesion.schema.OUTCOMES`.

        Returns
        -------
        dict
        """
        job = self.job
        return {
            "participant_id": job.visit.subject,
            "session_id": job.visit.session or None,
            "session_from": job.pair.session_from if job.pair else None,
            "step": job.step.name,
            "inputs": SEPARATOR.join(job.visit.scans) or None,
            "state": self.state,
            "error": self.error or None,
            "reason": self.reason or None,
            "seconds": self.seconds,
        }


def do_job(job: Job) -> Outcome:
    """Do a job, unless its record says that nothing changed.

    Its outputs are moved to their places together, the record last. Where another run does the
    same job at once, the first one that ends is kept.

    Parameters
    ----------
    job : Job
        What to do.

    Returns
    -------
    Outcome
        Also when the job fails; no error is raised.
    """
    start = time.perf_counter()

    def ended(state: str, error: Exception | None = None, reason: str = "") -> Outcome:
        kind = type(error).__name__ if error else ""
        # Told here, as on a cluster another machine may see the files only after a while
        record = finished_visit(job.output, job.visit) if job.step.name == VISIT else None
        return Outcome(job, state, kind, reason, time.perf_counter() - start, record)

    try:
        for _ in range(ATTEMPTS):
            made_from = job.step.fingerprint(job)
            if _is_finished(job, made_from):
                return ended(UNCHANGED)
            if _attempt(job, made_from):
                return ended(DONE)
        raise DatasetError(
            f"{job.output} has other results of sub-{job.visit.subject} than when {job.name} "
            "began, as another run is under way, but they are needed unchanged. Run again."
        )
    except (MSLesionError, OSError) as error:
        return ended(FAILED, error, str(error))
    except MemoryError as error:
        return ended(FAILED, error, OUT_OF_MEMORY)
    except Exception as error:  # a broken scan must not end the run
        log.debug("%s", traceback.format_exc())
        place = traceback.extract_tb(error.__traceback__)[-1].name
        return ended(FAILED, error, f"{error!r} at {place}. Please report it.")


def lock_of(subject: str) -> str:
    """Name of the lock under which the files of a participant are moved or removed.

    Parameters
    ----------
    subject : str
        Label without ``sub-``.

    Returns
    -------
    str
    """
    return f"sub-{subject}"


def _attempt(job: Job, made_from: dict) -> bool:
    """Do a job; False if what it reads was changed by another run in the meantime."""
    step, output, lock = job.step, job.output, lock_of(job.visit.subject)
    for visit in job.visits:
        if visit.problem:  # what there is of it stays
            raise DatasetError(visit.problem)
    with locked(output, lock):
        if _is_finished(job, made_from):
            return True
        step.clear(job)
    with staged(output, job.name.replace(" ", "_")) as folder:
        step.work(job, made_from, folder)
        with locked(output, lock):
            # What a visit reads is the input, which no run changes
            if step.name != VISIT and step.fingerprint(job) != made_from:
                return False
            if not _is_finished(job, made_from):
                step.clear(job)
                publish(folder, output, last=step.record(job))
    return True


def _is_finished(job: Job, made_from: dict) -> bool:
    return is_made_from(made_from, job.step.record(job), read=job.step.read)
