"""Two visits of a patient, compared, as tables: for the command and for researchers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.imaging.resampling import Grid
from mslesion.io.tables import rows_of
from mslesion.longitudinal.alignment.placing import VisitMaps
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.lesions.changes import DEFAULT_RULE
from mslesion.longitudinal.pair import compare_maps
from mslesion.longitudinal.rows import change_row, expansion_rows, lesion_rows
from mslesion.pipeline.dataset.merge_changes import merge_changes
from mslesion.pipeline.pair.maps import maps_of
from mslesion.pipeline.visit.process import VisitResult
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, QUALITY, as_table
from mslesion.schema.ratings import Ratings
from mslesion.schema.session_order import why_order_is_unknown

METHOD = {
    "segmenter": "lesions segmented by {} at the first visit and by {} at the second",
    "segmenter_version": "lesions segmented by version {} at the first visit and {} at the second",
    "lesion_threshold": "lesion threshold {} at the first visit and {} at the second",
    "min_size": "minimum lesion size {} at the first visit and {} at the second",
}
"""Columns of the visit table in which lesions that are compared may not differ, and the
reason that is given where they do."""
ORDER_ADVICE = "give the dates of both visits, such as acq_time in sessions.tsv"
"""End of the reason against a pair of which it is not known which visit came first."""


@dataclass(frozen=True, slots=True)
class VisitComparison:
    """What changed between two visits: tables as declared, and the change map."""

    changes: pd.DataFrame
    """One row with the columns of `mslesion.schema.CHANGES`."""
    lesions: pd.DataFrame
    """One row per lesion, columns of `mslesion.schema.LESION_CHANGES`."""
    expansions: pd.DataFrame
    """One row per candidate, columns of `mslesion.schema.EXPANSIONS`."""
    quality: pd.DataFrame
    """One row per check of the pair, columns of `mslesion.schema.QUALITY`."""
    change_map: np.ndarray | None
    """(I, J, K) uint8 on the grid of the second visit's lesions: 1 stable, 2 new, 3 grown
    and 4 lost part, 5 resolved; None if the lesion change is not assessable."""
    pair: PairComparison
    """Everything else: both visits in their common frame, deformation, reasons."""


def compare_visits(
    first: VisitResult | VisitMaps, second: VisitResult | VisitMaps, *, rule: str = DEFAULT_RULE
) -> VisitComparison:
    """Compare two visits of one patient.

    Parameters
    ----------
    first, second : VisitResult or VisitMaps
        The visits in order of time: results of `process_visit`, or arrays. Where they have two
        session labels and not both their days, the labels must say this order clearly
        (`mslesion.schema.session_order.order_of_labels`).
    rule : str
        Which rule says what is enlarging; all classes are given.

    Returns
    -------
    VisitComparison
        What cannot be compared is empty, with the reason in the row.

    Examples
    --------
    >>> from mslesion import process_visit
    >>> first = process_visit({"FLAIR": "ses-1_FLAIR.nii.gz"})  # doctest: +SKIP
    >>> second = process_visit({"FLAIR": "ses-2_FLAIR.nii.gz"})  # doctest: +SKIP
    >>> compare_visits(first, second).lesions[["track_id", "change"]]  # doctest: +SKIP
    """
    visits = (first, second)
    maps = [maps_of(one) if isinstance(one, VisitResult) else one for one in visits]
    if maps[0].session == maps[1].session:
        maps = [replace(one, session=name) for one, name in zip(maps, "12", strict=True)]
    rows = [
        rows_of(one.visits)[0] if isinstance(one, VisitResult) else _bare_row(one) for one in visits
    ]
    subject = second.visit.subject if isinstance(second, VisitResult) else "1"
    pair, widths_mm = compare_segmentations(*maps, rows=(rows[0], rows[1]), rule=rule)
    records = [
        {"session": one.session, "visits": [row], "lesions": _numbers(one)}
        for one, row in zip(maps, rows, strict=True)
    ]
    record = pair_record(pair, widths_mm=widths_mm)
    ours = {subject: records}, {subject: [record]}
    merged = merge_changes(*ours, ratings=Ratings())
    return VisitComparison(
        changes=merged[CHANGES.name],
        lesions=merged[LESION_CHANGES.name],
        expansions=merged[EXPANSIONS.name],
        quality=as_table(check_rows(subject, record), QUALITY),
        change_map=change_map(pair),
        pair=pair,
    )


def compare_segmentations(
    first: VisitMaps, second: VisitMaps, *, rows: tuple[Mapping, Mapping], rule: str
) -> tuple[PairComparison, tuple[float | None, float | None]]:
    """Compare two visits whose lesions may have been found in different ways.

    Parameters
    ----------
    first, second : VisitMaps
        The visits.
    rows : tuple of mapping, shape (2,)
        Their rows of the visit table.
    rule : str
        Which rule says what is enlarging.

    Returns
    -------
    pair : PairComparison
        Lesions found in two ways are not compared; the reason says so.
    widths_mm : tuple of float or None, shape (2,)
        Third-ventricle width of both.
    """
    reason = ""
    if first.lesions is not None and second.lesions is not None:
        reason = _why_not_alike(*rows)
    if reason:  # expansion and atrophied volume need the first visit's lesions alone
        second = replace(second, lesions=None, lesions_affine=None, probability=None)
    unordered = why_order_is_unknown((first.session, second.session), (first.day, second.day))
    pair = compare_maps(
        first, second, rule=rule, order_reason=unordered and f"{unordered}: {ORDER_ADVICE}"
    )
    if reason and not unordered:
        pair = replace(pair, lesions=replace(pair.lesions, reason=reason))
    return pair, (rows[0].get("third_ventricle_width_mm"), rows[1].get("third_ventricle_width_mm"))


def pair_record(
    pair: PairComparison, *, widths_mm: tuple[float | None, float | None] = (None, None)
) -> dict:
    """What is kept of a comparison: plain values.

    Parameters
    ----------
    pair : PairComparison
        The comparison.
    widths_mm : tuple of float or None, shape (2,)
        Third-ventricle width of both visits.

    Returns
    -------
    dict
        Rows of its tables, without what needs other visits too: tracks and constancy.
    """
    changes = pair.lesions.changes
    return plain_values(
        {
            "session_from": pair.first.session,
            "session_to": pair.second.session,
            "change": change_row(pair, widths_mm=widths_mm),
            "lesions": lesion_rows(pair),
            "links": [] if changes is None else [list(link) for link in changes.links],
            "expansions": expansion_rows(pair),
            "checks": pair.quality.rows,
        }
    )


def check_rows(subject: str, record: Mapping) -> list[dict]:
    """A pair's rows of the quality table.

    Parameters
    ----------
    subject : str
        Label without ``sub-``.
    record : mapping
        Of the pair.

    Returns
    -------
    list of dict
    """
    who = {
        "participant_id": subject,
        "session_id": record["session_to"] or None,
        "session_from": record["session_from"] or None,
    }
    return [who | row for row in record["checks"]]


def change_map(pair: PairComparison) -> np.ndarray | None:
    """The change map on the grid of the second visit's lesions.

    Parameters
    ----------
    pair : PairComparison
        The comparison.

    Returns
    -------
    (I, J, K) uint8 array or None
        None if the lesion change is not assessable.
    """
    if pair.lesions.changes is None:
        return None
    return pair.change_map(Grid(pair.second.lesions.shape, pair.second.lesions_affine))


def _why_not_alike(first: Mapping, second: Mapping) -> str:
    """Why lesions were not found in the same way; empty if they were."""
    for column, reason in METHOD.items():
        values = [row.get(column) or "(unknown)" for row in (first, second)]
        if values[0] != values[1]:
            return reason.format(*values)
    return ""


def _bare_row(maps: VisitMaps) -> dict:
    """A visit described by arrays alone."""
    return {
        "visit_date": None if maps.day is None else maps.day.isoformat(),
        "scanner_id": maps.scanner_id or None,
    }


def _numbers(maps: VisitMaps) -> list[dict]:
    """Number and volume of each lesion of a visit."""
    if maps.lesions is None:
        return []
    volumes = np.bincount(maps.lesions.ravel()) * voxel_volume_mm3(maps.lesions_affine)
    return [
        {"lesion_id": number, "volume_mm3": float(volumes[number])}
        for number in range(1, len(volumes))
        if volumes[number]
    ]


def plain_values(value):
    """Values that JSON can hold.

    Parameters
    ----------
    value : object
        Numbers of numpy, in lists and dicts.

    Returns
    -------
    object
    """
    if isinstance(value, dict):
        return {key: plain_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value
