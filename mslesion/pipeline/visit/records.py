"""The record of a finished visit: what was measured, and from what it was made."""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from mslesion.clinical.file_content import missing_content
from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.pipeline.settings import Settings
from mslesion.reports.parts import part_from
from mslesion.schema.version import package_version
from mslesion.segmentation.lesions.protocol import LesionSegmenter

RECORD_FORMAT = 8
"""Raised when records of older versions can no longer be read."""
RECORD_KEYS = (
    "subject", "session", "made_from", "visits", "lesions", "quality", "is_oriented",
)  # fmt: skip
"""What every record has."""
IS_THERE, READ = "is there", "read"
"""What is asked of the part of the page beside a record."""
PART_SUFFIX = ".page"
"""Of the file beside a record that has its part of the page, as JSON."""
PLANNED_FROM = ("visit_date", "lesion_volume_ml")
"""What the plan of later jobs needs to know of a finished visit."""


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
    return visits_folder(output, visit.subject) / f"{visit.name}.json"


def visits_folder(output: Path, subject: str) -> Path:
    """Where the records of the visits of a subject lie.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.

    Returns
    -------
    Path
    """
    return output / "logs" / "visits" / f"sub-{subject}"


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
    return record_path(output, visit).with_suffix(PART_SUFFIX)


def fingerprint(
    visit: Visit,
    *,
    settings: Settings,
    lesion_network: LesionSegmenter | None = None,
    given: Mapping[str, Path] | None = None,
    content: Callable[[Path], str] | None = None,
) -> dict:
    """What the outputs of a visit depend on.

    Parameters
    ----------
    visit : Visit
        Its scans and facts.
    settings : Settings
        Of the run.
    lesion_network : LesionSegmenter, optional
        What finds the lesions; None for a given mask.
    given : mapping of str to Path, optional
        Files made elsewhere by what they are, such as a lesion mask.
    content : callable, optional
        What tells the content of a file; by default `hash_of`.

    Returns
    -------
    dict
        Content hashes, settings, lesion network, facts and version; plain values.
    """
    files = {**visit.scans, **(given or {})}
    files = {name: (content or hash_of)(path) for name, path in sorted(files.items())}
    # Where a fact was read is not among them: a renamed table changes no output
    names = [name for name in visit.facts.__slots__ if name != "sources"]
    facts = {name: str(getattr(visit.facts, name)) for name in names}
    return {
        "format": RECORD_FORMAT,
        "version": package_version(),
        "files": files,
        "settings": settings.of_visit(),
        "lesion_network": lesion_network and [lesion_network.name, lesion_network.version],
        "facts": facts,
        "choices": [choice.text for choice in visit.choices],
    }


def read_record(path: Path) -> dict:
    """The record of a finished visit, and its `Part` of the page as "part".

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
    return read_json_record(path, keys=RECORD_KEYS, what="finished visit", part=READ)


def check_record(path: Path) -> dict:
    """The record of a finished visit, without its part of the page, which must be there.

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
    return read_json_record(path, keys=RECORD_KEYS, what="finished visit", part=IS_THERE)


def read_json_record(path: Path, *, keys: Sequence[str], what: str, part: str = "") -> dict:
    """A record, checked for what each one has.

    Parameters
    ----------
    path : Path
        Of the record.
    keys : sequence of str
        What it must have.
    what : str
        What it is a record of, for the error.
    part : {"", `IS_THERE`, `READ`}
        Whether the part of the page beside it must be there, or is read too, as "part".

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
        beside = path.with_suffix(PART_SUFFIX)
        if part == IS_THERE:
            beside.stat()
        found = {"part": part_from(beside.read_text("utf-8"))} if part == READ else {}
        missing = [key for key in keys if key not in record]
    except (OSError, ValueError, TypeError, KeyError) as error:
        also = f" and a {PART_SUFFIX} file beside it" if part else ""
        raise DatasetError(
            f"{path} cannot be read ({error}), but each {what} has its record in this "
            f"file{also}. Remove the record and run the participant level again."
        ) from error
    if missing:
        raise DatasetError(
            f"{path} has no {missing[0]!r}, but the record of each {what} has it. "
            "Remove the record and run the participant level again."
        )
    return record | found


def is_made_from(made_from: dict, path: Path, *, read: Callable[[Path], dict]) -> bool:
    """Whether a record is there, whole, and of just these inputs, settings and version.

    Parameters
    ----------
    made_from : dict
        Fingerprint of what is to be done.
    path : Path
        Of the record.
    read : callable
        Reads and checks the record; raises DatasetError.

    Returns
    -------
    bool
    """
    try:
        return read(path)["made_from"] == made_from
    except DatasetError:
        return False


def digest(made_from: Mapping) -> str:
    """One hash of a visit's fingerprint.

    Parameters
    ----------
    made_from : mapping
        Plain values.

    Returns
    -------
    str
    """
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


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
    return [read_record(path) for path in _paths_of(output, subject)]


def finished_visit(output: Path, visit: Visit) -> dict | None:
    """What later jobs are planned from: whose a finished visit is, its day, whether it has lesions.

    Parameters
    ----------
    output : Path
        The output dataset.
    visit : Visit
        The visit.

    Returns
    -------
    dict or None
        A part of the record: subject, session, and `PLANNED_FROM` of the row as "visits". None
        if the visit is not finished, or its record cannot be read.
    """
    return _planned_from(record_path(output, visit))


def finished_visits(output: Path, subject: str, *, but: Collection[str] = ()) -> dict[str, dict]:
    """What `finished_visit` gives of all visits of one subject.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.
    but : collection of str
        Labels of sessions that are left out, their records unread.

    Returns
    -------
    dict of str to dict
        By session label.
    """
    left_out = {record_path(output, Visit(subject, session, {})) for session in but}
    found = [_planned_from(path) for path in _paths_of(output, subject) if path not in left_out]
    return {record["session"]: record for record in found if record}


def _paths_of(output: Path, subject: str) -> list[Path]:
    """Paths of the records of one subject, in order."""
    return sorted(visits_folder(output, subject).glob("*.json"))


def _planned_from(path: Path) -> dict | None:
    """The part of a record that jobs are planned from."""
    try:
        record = read_json_record(path, keys=RECORD_KEYS, what="finished visit")
    except DatasetError:
        return None
    row = next(iter(record["visits"]), {})
    kept = {name: row.get(name) for name in PLANNED_FROM}
    return {"subject": record["subject"], "session": record["session"], "visits": [kept]}


def hash_of(path: Path) -> str:
    """Content hash of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str

    Raises
    ------
    DatasetError
        If its content is not there.
    """
    if problem := missing_content(path):
        raise DatasetError(problem)
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
