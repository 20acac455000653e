"""What the visits left, merged: tables at the root of the output, a page a subject."""

import os
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
from mslesion.reports.cohort_page import cohort_page
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
    """Merge what the visits and pairs left: tables at the root, one page a subject.

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
    paths = sorted((output / "logs" / "visits").glob("*.json"))
    if not paths and not has_outputs(output):
        raise DatasetError(
            f"{output} has no finished visit, but they are what is merged. "
            "Run the participant level first."
        )
    records = [read_record(path) for path in paths]
    subjects = sorted({record["subject"] for record in records})
    own = {one: in_time([r for r in records if r["subject"] == one]) for one in subjects}
    pairs = {one: finished_pairs(output, own[one]) for one in subjects}
    merged = {}
    for declared, key in ((VISITS, "visits"), (LESIONS, "lesions"), (QUALITY, "quality")):
        rows = [row for record in records for row in record[key]]
        if declared == QUALITY:
            rows += [
                row for one in subjects for pair in pairs[one] for row in check_rows(one, pair)
            ]
        merged[declared.name] = as_table(rows, declared)
    if ratings is None:
        ratings = dataset_ratings(raw)
    check_records(ratings, records)
    merged |= merge_changes(own, pairs, ratings=ratings)
    rows = [row for one in subjects for row in finished_calibration(output, own[one])]
    merged[CALIBRATION.name] = as_table(rows, CALIBRATION)
    merged |= apply_criteria(output, merged, ratings=ratings)
    has_pairs = any(len(visits) > 1 for visits in own.values())
    for declared in (*OF_VISITS, *BETWEEN_VISITS, *ASKED_FOR):  # written when all of it fits
        is_empty = declared in ASKED_FOR and not len(merged[declared.name])
        if is_empty or (declared in BETWEEN_VISITS and not has_pairs):
            for ending in ("csv", "json"):
                (output / f"{declared.name}.{ending}").unlink(missing_ok=True)
        else:
            write_csv(merged[declared.name], declared, output)
    link = os.path.relpath(raw, output)  # an absolute path would tell of the machine
    write_dataset(output, version=version("mslesion"), raw=link, subjects=subjects)
    order = {one: [record["session"] for record in own[one]] for one in subjects}
    screens = by_subject(merged)
    for subject in subjects:
        parts = [
            front_part(screens[subject], subject, order[subject]),
            *subject_parts(own[subject], pairs[subject], merged, ratings=ratings),
        ]
        document = page.subject_page(subject, parts, version=version("mslesion"))
        write_bytes(document.encode(), output / f"sub-{subject}.html")
    document = cohort_page(merged, order, version=version("mslesion"))
    write_bytes(document.encode(), output / "index.html")
    for old in output.glob("sub-*.html"):
        if old.stem.removeprefix("sub-") not in subjects:
            old.unlink()
    return merged


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
    return (output / f"{VISITS.name}.csv").is_file() or any(visits.glob("*.json"))
