"""Failures: a record for each job that failed, gone when it succeeds, and their table."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.publishing import locked
from mslesion.io.tables import write_json, write_tsv
from mslesion.pipeline.dataset.jobs import CALIBRATION, FAILED, PAGE, Outcome
from mslesion.pipeline.visit.records import read_json_record
from mslesion.schema import FAILURES, as_table
from mslesion.schema.version import package_version

FAILURE_KEYS = (*FAILURES.names, "step", "when", "version")
"""What the record of every failure has."""
_STARTS = {CALIBRATION: "Calibration: ", PAGE: "Page: "}
"""Start of a reason in the table, where session labels do not say what failed."""


def failure_path(output: Path, *, subject: str, job: str) -> Path:
    """Where the record of a failure lies.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.
    job : str
        Name of the job.

    Returns
    -------
    Path
    """
    name = job.replace(" ", "_")
    return output / "logs" / "failures" / f"sub-{subject}" / f"{name}.json"


def note_outcome(outcome: Outcome, output: Path) -> None:
    """Write the record of a job that failed; remove that of one that did not.

    Parameters
    ----------
    outcome : Outcome
        Of the job.
    output : Path
        The output dataset.

    Raises
    ------
    OutputError
        If the record cannot be written.
    """
    path = failure_path(output, subject=outcome.job.visit.subject, job=outcome.job.name)
    if outcome.state != FAILED:
        _remove(path)
        return
    row = outcome.row()
    when = datetime.now(UTC).isoformat(timespec="seconds")
    kept = {name: row[name] for name in (*FAILURES.names, "step")}
    write_json(kept | {"when": when, "version": package_version()}, path)


def forget_failures(output: Path, subject: str, *, but: Collection[str]) -> None:
    """Remove the failures of a participant's jobs that are no longer there.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.
    but : collection of str
        Names of the jobs that are there.
    """
    kept = {failure_path(output, subject=subject, job=name) for name in but}
    for path in (output / "logs" / "failures" / f"sub-{subject}").glob("*.json"):
        if path not in kept:
            _remove(path)


def forget_participants(output: Path, *, but: Collection[str]) -> None:
    """Remove the failures of participants that are no longer there.

    Parameters
    ----------
    output : Path
        The output dataset.
    but : collection of str
        Labels of those that are there.
    """
    for folder in (output / "logs" / "failures").glob("sub-*"):
        if folder.name.removeprefix("sub-") not in but:
            shutil.rmtree(folder, ignore_errors=True)


def merge_failures(output: Path) -> None:
    """Write ``logs/failures.tsv`` from the records: one row per failure, none if all went well.

    Parameters
    ----------
    output : Path
        The output dataset.

    Raises
    ------
    OutputError
        If the table cannot be written.
    """
    with locked(output, "failures"):  # so that the last to write has read what others have left
        write_tsv(as_table(_rows(output), FAILURES), output / "logs" / "failures.tsv")


def _rows(output: Path) -> Iterator[dict]:
    """The rows of the table."""
    for path in sorted((output / "logs" / "failures").glob("*/*.json")):
        with suppress(DatasetError):  # removed just now, as the job has succeeded
            record = read_json_record(path, keys=FAILURE_KEYS, what="failure")
            row = {name: record[name] for name in FAILURES.names}
            yield row | {"reason": _STARTS.get(record["step"], "") + record["reason"]}


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
