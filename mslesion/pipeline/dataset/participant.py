"""What is known of one participant, as a job: its page, and its rows of all tables.

The rows are kept as the text of the tables, so that those of all participants are merged line by
line.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.nifti import write_bytes
from mslesion.io.tables import csv_lines, write_json
from mslesion.pipeline.dataset.calibration import calibration_path, finished_calibration
from mslesion.pipeline.dataset.interpretation import apply_criteria
from mslesion.pipeline.dataset.jobs import PAGE, Job, Step
from mslesion.pipeline.dataset.merge_changes import merge_changes
from mslesion.pipeline.dataset.ratings import check_records, find_label_map
from mslesion.pipeline.pair.compare import check_rows
from mslesion.pipeline.pair.records import finished_pairs, in_time, pairs_folder
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.viewer_files import viewer_part
from mslesion.pipeline.visit.records import (
    PART_SUFFIX,
    read_json_record,
    subject_records,
    visits_folder,
)
from mslesion.reports.participant.page import Pair, participant_page
from mslesion.schema import CALIBRATION, LESIONS, QUALITY, TABLES, VISITS, as_table
from mslesion.schema.ratings import Ratings
from mslesion.schema.version import package_version

PARTICIPANT_FORMAT = 3
"""Raised when records of older versions can no longer be read."""
PARTICIPANT_KEYS = ("subject", "made_from", "sessions", "group", "tables")
"""What the record of every participant has."""


def participant_path(output: Path, subject: str) -> Path:
    """Where the record of a participant lies.

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
    return output / "logs" / "participants" / f"sub-{subject}.json"


def page_path(output: Path, subject: str) -> Path:
    """Where the page of a participant lies.

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
    return output / f"sub-{subject}.html"


def page_job(
    subject: str, *, root: Path, output: Path, settings: Settings, ratings: Ratings
) -> Job:
    """The job of a participant.

    Parameters
    ----------
    subject : str
        Label without ``sub-``.
    root, output : Path
        The input and the output dataset.
    settings : Settings
        Of the run.
    ratings : Ratings
        Clinical data and ratings of the participant alone.

    Returns
    -------
    Job
    """
    visit = Visit(subject, "", {})
    return Job(PAGE_STEP, (visit,), root, output, settings, ratings=ratings)


@dataclass(frozen=True, slots=True)
class Participant:
    """What is known of one participant."""

    visits: Sequence[Mapping]
    """Records of its visits, in order of time."""
    pairs: Sequence[Mapping]
    """Records of its pairs."""
    tables: Mapping[str, pd.DataFrame]
    """Its rows of all tables, by name."""


def read_participant(output: Path, subject: str, *, ratings: Ratings) -> Participant:
    """All that is finished of a participant, interpreted.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.
    ratings : Ratings
        Clinical data and ratings of the participant alone.

    Returns
    -------
    Participant

    Raises
    ------
    DatasetError
        If nothing is finished, or a record cannot be read.
    TableError
        If the clinical data do not fit the visits.
    """
    records = subject_records(output, subject)
    if not records:
        raise DatasetError(
            f"{visits_folder(output, subject)} has no finished visit, but finished visits are "
            "merged. Run the participant level first."
        )
    check_records(ratings, records)
    visits = in_time(records)
    pairs = finished_pairs(output, visits)
    rows = {
        declared.name: [row for record in records for row in record[key]]
        for declared, key in ((VISITS, "visits"), (LESIONS, "lesions"), (QUALITY, "quality"))
    }
    rows[QUALITY.name] += [row for pair in pairs for row in check_rows(subject, pair)]
    rows[CALIBRATION.name] = finished_calibration(output, visits)
    tables = {one.name: as_table(rows[one.name], one) for one in TABLES if one.name in rows}
    tables |= merge_changes({subject: visits}, {subject: pairs}, ratings=ratings)
    tables |= apply_criteria(output, tables, ratings=ratings)
    return Participant(visits, pairs, tables)


def clear_participant(output: Path, subject: str) -> None:
    """Remove the record and the page of a participant.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.
    """
    participant_path(output, subject).unlink(missing_ok=True)
    page_path(output, subject).unlink(missing_ok=True)


def read_participant_record(path: Path) -> dict:
    """The record of a participant.

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
    return read_json_record(path, keys=PARTICIPANT_KEYS, what="participant")


def _record(job: Job) -> Path:
    return participant_path(job.output, job.visit.subject)


def _read(path: Path) -> dict:
    record = read_participant_record(path)
    beside = page_path(path.parents[2], record["subject"])
    if not beside.is_file():
        raise DatasetError(
            f"{beside} is missing, but each participant has a page. Run the group level."
        )
    return record


def _fingerprint(job: Job) -> dict:
    """What the page depends on: the records of visits, pairs and calibration, and the ratings."""
    output, subject, ratings = job.output, job.visit.subject, job.ratings or Ratings()
    folders = (visits_folder(output, subject), pairs_folder(output, subject))
    paths = [path for folder in folders for path in sorted(folder.glob("*.*"))]
    calibration = calibration_path(output, subject)
    paths += [calibration] if calibration.is_file() else []
    names = [path.stem for path in visits_folder(output, subject).glob("*.json")]
    maps = [find_label_map(ratings.folders, name) for name in sorted(names) if ratings.lesions]
    columns = {table.name: table.names for table in TABLES}
    known = {"facts": ratings.facts, "lesions": ratings.lesions, "statements": ratings.statements}
    return {
        "format": PARTICIPANT_FORMAT,
        "version": package_version(),
        # Lines of other columns could not be merged
        "columns": hashlib.sha256(repr(columns).encode()).hexdigest(),
        "files": {path.name: _content(path) for path in paths},
        "ratings": hashlib.sha256(repr(known).encode()).hexdigest(),
        "label_maps": [_content(path) for path in maps if path],
        "viewer": job.settings.viewer,
    }


def _content(path: Path) -> str:
    """Hash of a record or a label map; of what was written with a record, its size."""
    try:
        if path.suffix in (PART_SUFFIX, ".npz", ".gz"):
            return str(path.stat().st_size)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:  # removed just now, by another run
        return ""


def _clear(job: Job) -> None:
    clear_participant(job.output, job.visit.subject)


def _work(job: Job, made_from: dict, folder: Path) -> None:
    """Interpret what is finished of a participant, and write its page and its rows."""
    subject, ratings = job.visit.subject, job.ratings or Ratings()
    found = read_participant(job.output, subject, ratings=ratings)
    sessions = [visit["session"] for visit in found.visits]
    facts = [ratings.facts_of(subject, session) for session in sessions]
    began = [one["treatment_start_date"] for one in facts if one.get("treatment_start_date")]
    document = participant_page(
        subject,
        found.tables,
        visits={visit["session"]: visit["part"] for visit in found.visits},
        pairs=[Pair(one["session_from"], one["session_to"], one["part"]) for one in found.pairs],
        viewer=viewer_part(job.output, found.visits, found.pairs) if job.settings.viewer else "",
        began=min(began, default=None),
        version=package_version(),
    )
    write_bytes(document.encode(), page_path(folder, subject))
    by_name = {table.name: table for table in TABLES}
    record = {
        "subject": subject,
        "made_from": made_from,
        "sessions": sessions,
        "group": ratings.facts_of(subject, sessions[-1]).get("group"),
        "tables": {name: csv_lines(frame, by_name[name]) for name, frame in found.tables.items()},
    }
    write_json(record, participant_path(folder, subject))


PAGE_STEP = Step(PAGE, _record, _read, _fingerprint, _clear, _work)
