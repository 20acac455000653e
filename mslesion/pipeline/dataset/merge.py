"""Merge the rows of all participants into the tables of the dataset, and make the cohort's page.

The records of the participants are read one after the other, so that the size of the dataset does
not matter.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from mslesion.io.derivatives import write_people
from mslesion.io.nifti import write_bytes
from mslesion.io.publishing import locked, not_written, publish, staged
from mslesion.io.tables import read_table, write_json
from mslesion.pipeline.dataset.jobs import lock_of
from mslesion.pipeline.dataset.participant import (
    clear_participant,
    participant_path,
    read_participant_record,
)
from mslesion.pipeline.visit.records import visits_folder
from mslesion.reports.cohort.page import cohort_page
from mslesion.schema import (
    CALIBRATION,
    CHANGES,
    CRITERIA,
    EXPANSIONS,
    LESION_CHANGES,
    LESIONS,
    PANELS,
    QUALITY,
    RATED_LESIONS,
    TRAJECTORIES,
    VISITS,
    empty_table,
    sidecar,
)
from mslesion.schema.version import package_version

OF_VISITS = (VISITS, LESIONS, QUALITY, CRITERIA, PANELS)
"""Tables that are always written."""
BETWEEN_VISITS = (CHANGES, LESION_CHANGES, EXPANSIONS, TRAJECTORIES)
"""Tables that are written where a patient has two visits or more."""
ASKED_FOR = (RATED_LESIONS, CALIBRATION)
"""Tables that are written where they have rows."""
MERGED = (*OF_VISITS, *BETWEEN_VISITS, *ASKED_FOR)
ON_THE_COHORT_PAGE: Mapping[str, tuple[str, ...]] = {
    VISITS.name: tuple(VISITS.names),
    CHANGES.name: tuple(CHANGES.names),
    CRITERIA.name: (
        "participant_id", "session_id", "session_from", "rule", "title", "position",
        "provisional", "met",
    ),
    PANELS.name: ("participant_id", "session_id", "domain", "text"),
}  # fmt: skip
"""Columns that the cohort's page is made from."""


def recorded_subjects(output: Path) -> list[str]:
    """All subjects with a finished visit, in the order of the tables.

    Parameters
    ----------
    output : Path
        The output dataset.

    Returns
    -------
    list of str
        Labels without ``sub-``.
    """
    return list(dict.fromkeys(subject for subject, _ in recorded_visits(output)))


def recorded_visits(output: Path) -> list[tuple[str, str]]:
    """All finished visits.

    Parameters
    ----------
    output : Path
        The output dataset.

    Returns
    -------
    list of (str, str)
        Subject and session labels, in the order of the tables; the session is empty for a visit
        without one.
    """
    found = []
    for folder in sorted((output / "logs" / "visits").glob("sub-*")):
        for path in sorted(folder.glob("*.json")):
            subject, _, session = path.stem.partition("_ses-")
            found.append((subject.removeprefix("sub-"), session))
    return found


def merge_participants(output: Path) -> None:
    """Write the tables of the dataset and the cohort's page from the records of participants.

    Parameters
    ----------
    output : Path
        The output dataset.

    Raises
    ------
    DatasetError
        If a record cannot be read.
    OutputError
        If a file cannot be written.
    """
    with locked(output, "group"), staged(output, "group") as folder:
        try:
            sessions, groups = _append_rows(output, folder)
        except OSError as error:
            raise not_written(output / f"{VISITS.name}.csv", error) from error
        has_pairs = any(len(own) > 1 for own in sessions.values())
        gone = []
        for table in MERGED:
            path = folder / f"{table.name}.csv"
            is_empty = path.stat().st_size == len(_head(table))
            if (table in ASKED_FOR and is_empty) or (table in BETWEEN_VISITS and not has_pairs):
                path.unlink()
                gone += [output / f"{table.name}.{ending}" for ending in ("csv", "json")]
            else:
                write_json(sidecar(table), path.with_suffix(".json"))
        write_people(folder, list(sessions))
        document = cohort_page(
            _for_the_page(folder), sessions, version=package_version(), groups=groups
        )
        write_bytes(document.encode(), folder / "index.html")
        for path in gone:
            path.unlink(missing_ok=True)
        publish(folder, output)


def remove_participants(output: Path, *, keep: set[str]) -> None:
    """Remove the pages and records of participants without a finished visit.

    Parameters
    ----------
    output : Path
        The output dataset.
    keep : set of str
        Labels of those that have one.
    """
    records = participant_path(output, "x").parent.glob("sub-*.json")
    pages = output.glob("sub-*.html")
    for subject in {path.stem.removeprefix("sub-") for path in (*records, *pages)} - keep:
        with locked(output, lock_of(subject)):
            if not any(visits_folder(output, subject).glob("*.json")):  # not even by now
                clear_participant(output, subject)


def has_outputs(output: Path) -> bool:
    """Whether a run has finished a visit here, now or before.

    Parameters
    ----------
    output : Path
        The output dataset.

    Returns
    -------
    bool
    """
    visits = output / "logs" / "visits"
    return (output / f"{VISITS.name}.csv").is_file() or any(visits.glob("*/*.json"))


def _append_rows(output: Path, folder: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Write the tables into a folder; gives the sessions in order and the group of each subject."""
    sessions, groups = {}, {}
    with ExitStack() as stack:
        files = {}
        for table in MERGED:
            path = folder / f"{table.name}.csv"
            files[table.name] = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            files[table.name].write(_head(table))
        for subject in recorded_subjects(output):
            path = participant_path(output, subject)
            if not path.is_file():  # its job failed, and has said why
                continue
            record = read_participant_record(path)
            sessions[subject] = record["sessions"]
            if record["group"]:
                groups[subject] = record["group"]
            for name, lines in record["tables"].items():
                files[name].write(lines)
    return sessions, groups


def _head(table) -> str:
    """The line of the column names."""
    return ",".join(table.names) + "\n"


def _for_the_page(folder: Path) -> dict[str, pd.DataFrame]:
    """The columns of the merged tables that the cohort's page is made from."""
    by_name = {table.name: table for table in MERGED}
    tables = {CHANGES.name: empty_table(CHANGES)}
    for name, columns in ON_THE_COHORT_PAGE.items():
        path = folder / f"{name}.csv"
        if path.is_file():
            tables[name] = read_table(path, by_name[name], columns=columns)
    return tables
