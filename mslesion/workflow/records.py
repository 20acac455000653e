"""The record of a finished visit: what was measured, and from what it was made."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.loaders.dataset import Visit
from mslesion.workflow.settings import Settings

RECORD_FORMAT = 2
"""Raised when records of older versions can no longer be read."""
RECORD_KEYS = ("subject", "session", "made_from", "visits", "lesions", "qc")
"""What every record has."""


def record_path(output: Path, visit: Visit) -> Path:
    """Where the record of a visit lies.

    Parameters
    ----------
    output : Path
        The output dataset.
    visit : Visit
        The visit.

    Returns
    -------
    Path
    """
    return output / "logs" / "visits" / f"{visit.name}.json"


def part_path(output: Path, visit: Visit) -> Path:
    """Where a visit's part of the page lies.

    Parameters
    ----------
    output : Path
        The output dataset.
    visit : Visit
        The visit.

    Returns
    -------
    Path
    """
    return record_path(output, visit).with_suffix(".html")


def fingerprint(visit: Visit, *, settings: Settings, extra: tuple[Path, ...] = ()) -> dict:
    """What the outputs of a visit depend on.

    Parameters
    ----------
    visit : Visit
        Its scans and facts.
    settings : Settings
        Of the run.
    extra : tuple of Path
        Other files, such as a given mask.

    Returns
    -------
    dict
        Content hashes, settings, facts and version; plain values.
    """
    files = {name: _hash(path) for name, path in sorted(visit.scans.items())}
    files |= {path.name: _hash(path) for path in extra}
    facts = {name: str(getattr(visit.facts, name)) for name in visit.facts.__slots__}
    return {
        "format": RECORD_FORMAT,
        "version": version("mslesion"),
        "files": files,
        "settings": settings.of_visit(),
        "facts": facts,
    }


def read_record(path: Path) -> dict:
    """The record of a finished visit, and its part of the page as "part".

    Parameters
    ----------
    path : Path
        Of the record.

    Returns
    -------
    dict

    Raises
    ------
    DatasetError
        If it cannot be read or lacks something.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
        part = path.with_suffix(".html").read_text("utf-8")
        missing = [key for key in RECORD_KEYS if key not in record]
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}), but each finished visit has its record there and "
            "an .html beside it. Remove the record and run the participant level again."
        ) from error
    if missing:
        raise DatasetError(
            f"{path} has no {missing[0]!r}, but each record has it. Remove the record and run "
            "the participant level again."
        )
    return record | {"part": part}


def subject_records(output: Path, subject: str) -> list[dict]:
    """Records of all finished visits of one subject.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.

    Returns
    -------
    list of dict

    Raises
    ------
    DatasetError
        If one cannot be read.
    """
    folder = output / "logs" / "visits"
    paths = [folder / f"sub-{subject}.json", *sorted(folder.glob(f"sub-{subject}_ses-*.json"))]
    return [read_record(path) for path in paths if path.is_file()]


def _hash(path: Path) -> str:
    """Content hash of a file."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
