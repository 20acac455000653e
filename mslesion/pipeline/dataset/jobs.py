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

from mslesion.errors import MSLesionError
from mslesion.io.dataset import Visit
from mslesion.io.lesion_masks import MaskFile
from mslesion.pipeline.pair.records import Pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import finished_visit, is_made_from
from mslesion.schema.identifiers import session_name
from mslesion.schema.modalities import SEPARATOR

log = logging.getLogger(__name__)

VISIT, PAIR, CALIBRATION = "visit", "pair", "calibration"
"""The steps of a run, in order: a pair and a calibration wait for their visits."""
DONE, UNCHANGED, FAILED, PLANNED = "done", "unchanged", "failed", "planned"
"""How a job ended; `PLANNED` is one of a dry run."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kind of work: functions of a job, defined in a module so that they can be pickled."""

    name: str
    """`VISIT`, `PAIR` or `CALIBRATION`."""
    record: Callable[["Job"], Path]
    """Where the record of the finished job lies."""
    read: Callable[[Path], dict]
    """Reads and checks a record; raises DatasetError."""
    fingerprint: Callable[["Job"], dict]
    """What the outputs depend on, as plain values. The job is done only if it differs from
    "made_from" in the record."""
    work: Callable[["Job", dict], None]
    """Does the job, given its fingerprint. The record is written last."""


@dataclass(frozen=True, slots=True)
class Job:
    """One step of a run, for one visit or one pair of visits."""

    step: Step
    visits: tuple[Visit, ...]
    """One visit, or the two of a pair in order of time."""
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
        """Names of the jobs whose outputs this one reads; they come first."""
        if self.step.name == VISIT:
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
        made_from = job.step.fingerprint(job)
        if is_made_from(made_from, job.step.record(job), read=job.step.read):
            return ended(UNCHANGED)
        job.step.work(job, made_from)
        return ended(DONE)
    except (MSLesionError, OSError) as error:
        return ended(FAILED, error, str(error))
    except Exception as error:  # a broken scan must not end the run
        log.debug("%s", traceback.format_exc())
        place = traceback.extract_tb(error.__traceback__)[-1].name
        return ended(FAILED, error, f"{error!r} at {place}. Please report it.")
