"""How far a run is: a bar on a terminal, a line per job in a log file, the time that is left."""

import csv
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

from mslesion.pipeline.dataset.jobs import CALIBRATION, DONE, FAILED, PAGE, PAIR, VISIT, Outcome

log = logging.getLogger(__name__)

ASSUMED_SECONDS: Mapping[str, float] = {VISIT: 30.0, PAIR: 40.0, CALIBRATION: 120.0, PAGE: 1.0}
"""What a job is taken to last before one of its kind has been timed in this output: round numbers
for scans of 1 mm and one thread."""
COLUMNS = ("time", "step", "job", "state", "seconds", "reason")
"""Columns of the log file of a run."""
RUNS_READ = 5
"""So many of the latest log files are read for the durations of jobs."""


def expected_jobs(visit_counts: Iterable[int], *, is_calibrating: bool) -> Counter[str]:
    """How many jobs a run has, if every visit succeeds.

    Parameters
    ----------
    visit_counts : iterable of int
        Visits of each participant. Each visit after the first is compared with the one before and
        with the first.
    is_calibrating : bool
        Whether calibration is asked for.

    Returns
    -------
    Counter of str
        By step.

    Examples
    --------
    >>> dict(expected_jobs([1, 2, 4], is_calibrating=False))
    {'visit': 7, 'pair': 6, 'page': 3}
    """
    jobs: Counter[str] = Counter()
    for count in visit_counts:
        jobs[VISIT] += count
        jobs[PAIR] += max(0, 2 * count - 3)
        if is_calibrating:
            jobs[CALIBRATION] += count > 1
        jobs[PAGE] += 1
    return jobs


class Progress:
    """Takes each outcome as it comes.

    Parameters
    ----------
    expected : mapping of str to int
        Jobs of each step, as `expected_jobs` gives them.
    output : Path
        The output dataset, for the log file.
    is_shown : bool
        Whether to draw a bar.
    """

    def __init__(self, expected: Mapping[str, int], *, output: Path, is_shown: bool) -> None:
        self.expected = dict(expected)
        self.ended: Counter[str] = Counter()
        self.failed = 0
        self.seconds: dict[str, list[float]] = {}
        self._known = durations(output) if is_shown else {}
        self._began = time.monotonic()
        self._file = _open_log(output)
        self._bar = tqdm(
            total=sum(self.expected.values()),
            disable=not is_shown,
            bar_format="{percentage:3.0f}%|{bar:20}| {elapsed}, {postfix}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        if self._file is not None:
            self._file.close()

    def take(self, outcome: Outcome) -> None:
        """Count, draw and write down how a job ended.

        Parameters
        ----------
        outcome : Outcome
            Of the job.
        """
        step = outcome.job.step.name
        self.ended[step] += 1
        self.failed += outcome.state == FAILED
        if outcome.state == DONE:
            self.seconds.setdefault(step, []).append(outcome.seconds)
        log.log(logging.ERROR if outcome.state == FAILED else logging.INFO, outcome.text)
        self._write(outcome)
        self._bar.update()
        if not self._bar.disable:
            self._bar.set_postfix_str(self.text)

    @property
    def text(self) -> str:
        """Visits, pairs, failures and the time that is left, in one line."""
        counts = [
            f"{step}s {self.ended[step]}/{max(self.ended[step], self.expected.get(step, 0))}"
            for step in (VISIT, PAIR)
            if self.expected.get(step)
        ]
        return ", ".join([*counts, f"failed {self.failed}", f"{in_words(self.left_s())} left"])

    def left_s(self) -> float:
        """Seconds until the end, if the jobs to come last as long as those before them."""
        busy = sum(sum(some) for some in self.seconds.values())
        open_jobs = {step: max(0, n - self.ended[step]) for step, n in self.expected.items()}
        known = self._known | {step: sum(s) / len(s) for step, s in self.seconds.items()}
        left = seconds_of(open_jobs, known)
        # Jobs run side by side: a second of work takes less than a second
        return left * (time.monotonic() - self._began) / busy if busy else left

    def _write(self, outcome: Outcome) -> None:
        if self._file is None:
            return
        job = outcome.job
        row = [_now(), job.step.name, job.name.split(" ", 1)[1], outcome.state]
        try:
            csv.writer(self._file, delimiter="\t", lineterminator="\n").writerow(
                [*row, f"{outcome.seconds:.1f}", " ".join(outcome.reason.split())]
            )
            self._file.flush()
        except OSError as error:  # a full disk; the results say so too
            log.debug("%s: %s", self._file.name, error)


def durations(output: Path) -> dict[str, float]:
    """Mean duration of the jobs of each step in the latest runs, in seconds.

    Parameters
    ----------
    output : Path
        The output dataset.

    Returns
    -------
    dict of str to float
        Of the steps of which a job was done.
    """
    found: dict[str, list[float]] = {}
    for path in sorted((output / "logs" / "runs").glob("*.tsv"))[-RUNS_READ:]:
        with suppress(OSError, ValueError), path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if row["state"] == DONE:
                    found.setdefault(row["step"], []).append(float(row["seconds"]))
    return {step: sum(some) / len(some) for step, some in found.items()}


def seconds_of(jobs: Mapping[str, int], known: Mapping[str, float]) -> float:
    """How long jobs take one after the other.

    Parameters
    ----------
    jobs : mapping of str to int
        Jobs of each step.
    known : mapping of str to float
        Mean duration of each step, of `durations`; `ASSUMED_SECONDS` where it is not there.

    Returns
    -------
    float

    Examples
    --------
    >>> seconds_of({"visit": 2, "page": 3}, {"visit": 10.0})
    23.0
    """
    return sum(n * known.get(step, ASSUMED_SECONDS[step]) for step, n in jobs.items())


def in_words(seconds: float) -> str:
    """A duration for a person.

    Parameters
    ----------
    seconds : float
        How long.

    Returns
    -------
    str

    Examples
    --------
    >>> [in_words(seconds) for seconds in (8, 130, 5400, 200_000)]
    ['8 s', '2 min', '1 h 30 min', '2 d 7 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _open_log(output: Path) -> TextIO | None:
    """The log file of this run, which no other run has; None where it cannot be written."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = output / "logs" / "runs" / f"{stamp}_{socket.gethostname()}_{os.getpid()}.tsv"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a", encoding="utf-8", newline="")
        file.write("\t".join(COLUMNS) + "\n")
    except OSError as error:
        log.warning("%s cannot be written (%s): this run has no log file", path, error)
        return None
    return file


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
