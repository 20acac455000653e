"""Merge the results of all visits into tables and one page per participant."""

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from mslesion.clinical.ratings import dataset_ratings
from mslesion.errors import DatasetError
from mslesion.io.derivatives import write_dataset
from mslesion.io.nifti import write_bytes
from mslesion.io.tables import write_csv
from mslesion.pipeline.dataset.calibration import finished_calibration
from mslesion.pipeline.dataset.interpretation import apply_criteria
from mslesion.pipeline.dataset.merge_changes import merge_changes
from mslesion.pipeline.dataset.pages import subject_parts
from mslesion.pipeline.dataset.ratings import check_records
from mslesion.pipeline.pair.compare import check_rows
from mslesion.pipeline.pair.records import finished_pairs, in_time
from mslesion.pipeline.visit.records import read_record
from mslesion.reports import page
from mslesion.reports.cohort.page import cohort_page
from mslesion.reports.opening import front_part
from mslesion.reports.overview import by_subject
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
    as_table,
)
from mslesion.schema.ratings import Ratings

OF_VISITS = (VISITS, LESIONS, QUALITY, CRITERIA, PANELS)
"""Tables that are always written."""
BETWEEN_VISITS = (CHANGES, LESION_CHANGES, EXPANSIONS, TRAJECTORIES)
"""Tables that are written where a patient has two visits or more."""
ASKED_FOR = (RATED_LESIONS, CALIBRATION)
"""Tables that are written where they have rows."""


def write_group(
    output: Path, *, raw: str, ratings: Ratings | None = None
) -> dict[str, pd.DataFrame]:
    """Merge the results of visits and pairs into tables and one page per participant.

    Parameters
    ----------
    output : Path
        The output dataset.
    raw : str
        The dataset that the scans came from.
    ratings : Ratings, optional
        Clinical data and ratings; by default those of the dataset (`dataset_ratings`).

    Returns
    -------
    dict of str to DataFrame
        The merged tables by name; without rows if the only visit of an older run failed.

    Raises
    ------
    DatasetError
        If there is nothing to merge, or a record cannot be read.
    TableError
        If clinical data are wrong or do not fit the visits; nothing is written then.
    """
    records = _finished_visits(output)
    ratings = dataset_ratings(raw) if ratings is None else ratings
    check_records(ratings, records)
    subjects: dict[str, list[dict]] = {}
    for record in records:
        subjects.setdefault(record["subject"], []).append(record)
    visits = {subject: in_time(subjects[subject]) for subject in sorted(subjects)}
    pairs = {subject: finished_pairs(output, own) for subject, own in visits.items()}
    tables = _measured(records, pairs) | merge_changes(visits, pairs, ratings=ratings)
    rows = [row for own in visits.values() for row in finished_calibration(output, own)]
    tables[CALIBRATION.name] = as_table(rows, CALIBRATION)
    tables |= apply_criteria(output, tables, ratings=ratings)
    # From here on all fits, and is written
    _write_tables(tables, output, has_pairs=any(len(own) > 1 for own in visits.values()))
    link = os.path.relpath(raw, output)  # an absolute path would tell of the machine
    write_dataset(output, version=version("mslesion"), raw=link, subjects=list(visits))
    parts = (
        (subject, subject_parts(own, pairs[subject], tables, ratings=ratings))
        for subject, own in visits.items()
    )
    order = {subject: [one["session"] for one in own] for subject, own in visits.items()}
    _write_pages(parts, tables, order=order, output=output)
    groups = {
        subject: ratings.facts_of(subject, own[-1]).get("group") for subject, own in order.items()
    }
    document = cohort_page(
        tables,
        order,
        version=version("mslesion"),
        groups={subject: group for subject, group in groups.items() if group},
    )
    write_bytes(document.encode(), output / "index.html")
    return tables


def _finished_visits(output: Path) -> list[dict]:
    """The records of all finished visits."""
    paths = sorted((output / "logs" / "visits").glob("*/*.json"))
    if not paths and not has_outputs(output):
        raise DatasetError(
            f"{output} has no finished visit, but finished visits are merged. Run the "
            "participant level first."
        )
    return [read_record(path) for path in paths]


def _measured(records: Sequence[Mapping], pairs: Mapping) -> dict[str, pd.DataFrame]:
    """The tables of what was measured at each visit, and of the checks of visits and pairs."""
    rows = {
        declared.name: [row for record in records for row in record[key]]
        for declared, key in ((VISITS, "visits"), (LESIONS, "lesions"), (QUALITY, "quality"))
    }
    for subject, own in pairs.items():
        rows[QUALITY.name] += [row for pair in own for row in check_rows(subject, pair)]
    return {one.name: as_table(rows[one.name], one) for one in (VISITS, LESIONS, QUALITY)}


def _write_tables(tables: Mapping[str, pd.DataFrame], output: Path, *, has_pairs: bool) -> None:
    """Write the tables at the root of the output; remove those that there are no longer."""
    for declared in (*OF_VISITS, *BETWEEN_VISITS, *ASKED_FOR):
        is_empty = declared in ASKED_FOR and not len(tables[declared.name])
        if is_empty or (declared in BETWEEN_VISITS and not has_pairs):
            for ending in ("csv", "json"):
                (output / f"{declared.name}.{ending}").unlink(missing_ok=True)
        else:
            write_csv(tables[declared.name], declared, output)


def _write_pages(
    parts: Iterable[tuple[str, Sequence[str]]],
    tables: Mapping[str, pd.DataFrame],
    *,
    order: Mapping[str, Sequence[str]],
    output: Path,
) -> None:
    """Write a page per participant; remove those of other subjects."""
    screens = by_subject(tables)
    for subject, own in parts:
        front = front_part(screens[subject], subject, order[subject])
        document = page.subject_page(subject, [front, *own], version=version("mslesion"))
        write_bytes(document.encode(), output / f"sub-{subject}.html")
    for old in output.glob("sub-*.html"):
        if old.stem.removeprefix("sub-") not in order:
            old.unlink()


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
