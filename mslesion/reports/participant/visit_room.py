"""One visit on the page: technique, lesions by region, measures, checks, and what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.reports.marks import Mark, mark, problems_of
from mslesion.reports.participant.screen import VISITED
from mslesion.reports.parts import Part
from mslesion.reports.values import (
    Measure,
    TableOnPage,
    Value,
    count_of,
    row_of,
    table_on_page,
    value_of,
    whole_row,
)
from mslesion.schema import LESIONS, QUALITY, VISITS
from mslesion.schema.checks import FAIL, PASS, UNKNOWN, WARN
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.modalities import in_words
from mslesion.schema.prerequisites import read_reasons
from mslesion.schema.visits import BIOMARKERS, label_of, used_for

CHECK_COLUMNS = ("description", "value", "unit", "threshold", "state", "detail", "check")
WORST_FIRST = (FAIL, WARN, UNKNOWN, PASS)
"""States of checks in the order of the table."""
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Lesions of one location class, or of all."""

    name: str
    """Of the class; empty for all."""
    words: str
    count: Value
    volume: Value
    reason: str
    """Why both are empty, as far as known."""
    mark: Mark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """The checks of a visit or pair, the worst first."""

    title: str
    needs_look: bool
    table: TableOnPage


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRoom:
    """What the page shows of one visit."""

    name: str
    date: str
    technique: str
    has_lesion_map: bool
    regions: tuple[Region, ...]
    lesion_measures: tuple[Measure, ...]
    brain_measures: tuple[Measure, ...]
    missing: tuple[tuple[str, str], ...]
    """Reason, and what is not assessable for it."""
    lesions: TableOnPage | None
    checks: Checks | None
    all_measures: TableOnPage
    part: Part

    @property
    def title(self) -> str:
        """Name and date."""
        return ", ".join(filter(None, (self.name, self.date)))


def visit_room(
    row: pd.Series, *, lesions: pd.DataFrame, checks: pd.DataFrame, part: Part
) -> VisitRoom:
    """What the page shows of one visit.

    Parameters
    ----------
    row : Series
        Its row of visits.csv.
    lesions, checks : DataFrame
        Its rows of lesions.csv and quality.csv.
    part : Part
        Its pictures and methods.

    Returns
    -------
    VisitRoom
    """
    shown = (*used_for("glance"), *used_for("lesion table"), *used_for("brain table"))
    measures = [measure_of(row, name) for name in dict.fromkeys(shown)]
    reasons: dict[str, list[str]] = {}
    for name, reason in read_reasons(row["empty_because"]).items():
        reasons.setdefault(reason, []).append(label_of(name))
    largest_first = lesions.sort_values("volume_mm3", ascending=False, kind="stable")
    return VisitRoom(
        name=format_value(row["session_id"]) or "Visit",
        date=format_value(row["visit_date"]),
        technique=technique(row),
        has_lesion_map=not pd.isna(row["lesion_count"]),
        regions=tuple(_regions(row)),
        lesion_measures=tuple(one for one in measures if not is_of_brain(one.value.column)),
        brain_measures=tuple(one for one in measures if is_of_brain(one.value.column)),
        missing=tuple((reason, ", ".join(names)) for reason, names in reasons.items()),
        lesions=table_on_page(largest_first, LESIONS) if len(lesions) else None,
        checks=checks_of(checks),
        all_measures=whole_row(row, VISITS),
        part=part,
    )


def is_of_brain(name: str) -> bool:
    """Whether a column of visits.csv is a measure of the brain.

    Parameters
    ----------
    name : str
        Of the column.

    Returns
    -------
    bool
    """
    return BIOMARKERS[name].group == "brain"


def technique(row: Mapping) -> str:
    """One line on the scans and how they were read.

    Parameters
    ----------
    row : mapping
        Row of visits.csv.

    Returns
    -------
    str
    """
    parts = [NOT_KNOWN if pd.isna(row["inputs"]) else in_words(row["inputs"])]
    if not pd.isna(row["flair_dim"]):
        parts.append(f"FLAIR {row['flair_dim']}, voxels {row['flair_voxel_mm']} mm")
    if not pd.isna(row["t1_type"]) and row["t1_type"] != "unknown":
        parts.append(f"T1w {row['t1_type']}")
    scanner = NOT_KNOWN if pd.isna(row["scanner_id"]) else row["scanner_id"]
    field = "" if pd.isna(row["field_t"]) else f", {show_value(row['field_t'])} T"
    parts.append(f"scanner {scanner}{field}")
    if not pd.isna(row["skull_stripped"]):
        parts.append("without skull" if row["skull_stripped"] else "whole head")
    if not pd.isna(row["lesion_count"]) and not pd.isna(row["segmenter"]):
        parts.append(f"lesions by {row['segmenter']}")
    return "; ".join(parts)


def measure_of(row: Mapping, name: str) -> Measure:
    """A measure of a visit, with the checks that concern it in words.

    Parameters
    ----------
    row : mapping
        Row of visits.csv.
    name : str
        Its column.

    Returns
    -------
    Measure
    """
    column = VISITED[name]
    value = value_of(row[name], name, row=row_of(VISITS, row))
    return Measure(
        label=column.label,
        description=column.description,
        value=value,
        unit=column.unit_on_pages,
        reason="" if value.written else read_reasons(row["empty_because"]).get(name, ""),
        mark=mark(problems_of(row), [column]) if value.written else None,
    )


def checks_of(frame: pd.DataFrame) -> Checks | None:
    """The checks of a visit or pair, the worst first.

    Parameters
    ----------
    frame : DataFrame
        Its rows of quality.csv.

    Returns
    -------
    Checks or None
        None where there is no check.
    """
    if not len(frame):
        return None
    order = frame["state"].map({state: place for place, state in enumerate(WORST_FIRST)})
    rows = frame.loc[order.sort_values(kind="stable").index]
    return Checks(
        title=count_of(frame["state"]),
        needs_look=bool(frame["state"].isin([FAIL, WARN]).any()),
        table=table_on_page(rows, QUALITY, columns=CHECK_COLUMNS),
    )


def _regions(row: Mapping):
    """Count and volume of each location class, and of all."""
    names = [(one.name, one.words, one.count_column, one.volume_column) for one in LOCATION_CLASSES]
    problems, reasons = problems_of(row), read_reasons(row["empty_because"])
    where = row_of(VISITS, row)
    for name, words, *columns in (*names, ("", "all", "lesion_count", "lesion_volume_ml")):
        values = [value_of(row[column], column, row=where) for column in columns]
        why = {reasons.get(one.column, "") for one in values if not one.written} - {""}
        is_known = bool(values[0].written)
        yield Region(
            name=name,
            words=words,
            count=values[0],
            volume=values[1],
            reason="" if is_known or len(why) != 1 else why.pop(),
            mark=mark(problems, [VISITED[one] for one in columns], words=False)
            if is_known
            else None,
        )
