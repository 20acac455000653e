"""Clinical data of a dataset, checked against its visits."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.affines import apply_affine

from mslesion.errors import MSLesionError, TableError
from mslesion.io.dataset import Visit
from mslesion.io.nifti import load_scan
from mslesion.schema.modalities import T1W_CONTRAST, reference_of
from mslesion.schema.ratings import MAY_DISAGREE, LesionRating, Ratings

log = logging.getLogger(__name__)

LABEL_MAPS = ("_dseg.nii", "_dseg.nii.gz")
"""Ends of the name of a rater's label map; it begins with the name of the visit."""


def check_ratings(ratings: Ratings, visits: Sequence[Visit]) -> None:
    """Hold facts against the visits they are of, before anything is measured.

    Parameters
    ----------
    ratings : Ratings
        What was read.
    visits : sequence of Visit
        All visits of the dataset.

    Raises
    ------
    TableError
        If a label lost its zeros, a scan after contrast agent contradicts the facts, or a
        rated lesion lies outside of the scan.
    """
    check_visits(ratings, [(visit.subject, visit.session) for visit in visits])
    for visit in visits:
        _check_contrast(ratings.facts_of(visit.subject, visit.session), visit)
        _check_positions(ratings.lesions_of(visit.subject, visit.session), visit)


def check_visits(ratings: Ratings, visits: Iterable[tuple[str, str]]) -> None:
    """Raise where a spreadsheet cut zeros off labels; tell of facts of no visit.

    Parameters
    ----------
    ratings : Ratings
        What was read.
    visits : iterable of (str, str)
        Subject and session labels of the dataset.

    Raises
    ------
    TableError
        If a rated label is not in the dataset, but is one of its labels without zeros.
    """
    sessions: dict[str, set[str]] = {}
    for subject, session in visits:
        sessions.setdefault(subject, set()).add(session)
    for subject in ratings.subjects:
        _check_label(subject, sessions, "subject", "sub")
    for subject, session in dict.fromkeys([*ratings.facts, *ratings.lesions]):
        if session is None or subject not in sessions or session in sessions[subject]:
            continue
        _check_label(session, sessions[subject], "session", "ses")
        there = ", ".join(sorted(sessions[subject]))
        log.warning("Clinical data of sub-%s ses-%s match no visit (%s)", subject, session, there)


def check_records(ratings: Ratings, records: Iterable[Mapping]) -> None:
    """Warn of dates, ages and scanners that are not those the visits were measured with.

    They are taken when a visit is measured, so that intervals and rates follow them.

    Parameters
    ----------
    ratings : Ratings
        What was read.
    records : iterable of mapping
        Records of the finished visits.
    """
    for record in records:
        subject, session = record["subject"], record["session"]
        row = next(iter(record["visits"]), {})
        for name in MAY_DISAGREE:
            stated = ratings.statements_of(subject, session, name)
            value = stated[0].value if stated else None
            value = value.isoformat() if isinstance(value, date) else value
            if value is not None and value != row.get(name):
                log.warning(
                    "%s was measured with %s %s, but the ratings give %s. Run the participant "
                    "level again with the same ratings.",
                    Visit(subject, session, {}).name, name, row.get(name), value,
                )  # fmt: skip


def _check_label(label: str, labels: Iterable[str], kind: str, prefix: str) -> None:
    """Raise if a label is one of others without its zeros."""
    if label in labels:
        return
    short = {other.lstrip("0"): other for other in labels}
    if label in short:
        raise TableError(
            f"The ratings have the {kind} {label!r}, but the dataset has {short[label]!r}: a "
            "spreadsheet removed the leading zeros. Format the column as text and write "
            f"{prefix}-{short[label]}."
        )


def _check_contrast(facts: Mapping[str, Any], visit: Visit) -> None:
    """Raise if no contrast agent is said to be given, and a scan after it is there."""
    if facts.get("contrast_given") is False and T1W_CONTRAST in visit.scans:
        raise TableError(
            f"The ratings state that {visit.name} was acquired without contrast agent, but "
            f"{visit.scans[T1W_CONTRAST]} is named as a scan after contrast agent. Correct one "
            "of them."
        )


def _check_positions(rated: Sequence[LesionRating], visit: Visit) -> None:
    """Raise if a rated position is outside of the scan that results lie on."""
    placed = [rating for rating in rated if rating.position_mm is not None]
    path = visit.scans.get(reference_of(visit.scans))
    if not placed or path is None:
        return
    try:
        scan = load_scan(path)
    except MSLesionError:
        return  # the visit itself will fail, with its reason
    for rating in placed:
        voxel = apply_affine(np.linalg.inv(scan.affine), rating.position_mm)
        if ((voxel < -0.5) | (voxel > np.array(scan.data.shape) - 0.5)).any():
            raise TableError(
                f"{rating.place} has a lesion at {rating.position_text} mm, which is "
                f"outside {path} ({_extent(scan)}). Check that x_mm is positive to the right, "
                "y_mm to the front and z_mm to the head, in the space of that scan."
            )


def _extent(scan) -> str:
    """From where to where a scan reaches along each axis."""
    ends = [(-0.5, n - 0.5) for n in scan.data.shape]
    corners = apply_affine(scan.affine, np.array(list(product(*ends))))
    spans = zip("xyz", corners.min(axis=0), corners.max(axis=0), strict=True)
    return ", ".join(f"{axis} {low:.0f} to {high:.0f}" for axis, low, high in spans)


def find_label_map(folders: Iterable[Path], visit_name: str) -> Path | None:
    """A rater's label map of a visit, in the folders of facts.

    Parameters
    ----------
    folders : iterable of Path
        Where to look, at any depth.
    visit_name : str
        Such as ``sub-01_ses-2``.

    Returns
    -------
    Path or None

    Raises
    ------
    TableError
        If there are several.
    """
    found = sorted(
        path
        for folder in folders
        for path in folder.rglob(f"{visit_name}_*")
        if path.name.endswith(LABEL_MAPS)
    )
    if len(found) > 1:
        raise TableError(
            f"{visit_name} has {len(found)} label maps of a rater ({found[0]}, {found[1]}), but "
            "one is expected. Keep one of them."
        )
    return found[0] if found else None
