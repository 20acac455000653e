"""What the visits left, merged: tables at the root of the output, a page a subject."""

import os
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.loaders.nifti import write_bytes
from mslesion.report import page
from mslesion.report.derivatives import write_dataset
from mslesion.report.tables import write_csv
from mslesion.tables import LESIONS, QUALITY, VISITS, as_table
from mslesion.workflow.records import read_record


def write_group(output: Path, *, raw: str) -> dict[str, pd.DataFrame]:
    """Merge what the visits left: tables at the root, one page a subject.

    Parameters
    ----------
    output : Path
        The output dataset.
    raw : str
        The dataset that the scans came from.

    Returns
    -------
    dict of str to DataFrame
        The merged tables by name; without rows if the only visit of an older run failed.

    Raises
    ------
    DatasetError
        If there is nothing to merge, or a record cannot be read.
    """
    paths = sorted((output / "logs" / "visits").glob("*.json"))
    if not paths and not has_outputs(output):
        raise DatasetError(
            f"{output} has no finished visit, but they are what is merged. "
            "Run the participant level first."
        )
    records = [read_record(path) for path in paths]
    merged = {}
    for declared, key in ((VISITS, "visits"), (LESIONS, "lesions"), (QUALITY, "qc")):
        rows = [row for record in records for row in record[key]]
        merged[declared.name] = as_table(rows, declared)
        write_csv(merged[declared.name], declared, output)
    subjects = sorted({record["subject"] for record in records})
    link = os.path.relpath(raw, output)  # an absolute path would tell of the machine
    write_dataset(output, version=version("mslesion"), raw=link, subjects=subjects)
    for subject in subjects:
        own = [record for record in records if record["subject"] == subject]
        parts = [record["part"] for record in sorted(own, key=lambda record: record["session"])]
        document = page.subject_page(subject, parts, version=version("mslesion"))
        write_bytes(document.encode(), output / f"sub-{subject}.html")
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
