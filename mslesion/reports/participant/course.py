"""The course of one participant over all visits: curves, and their numbers in a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import pandas as pd

from mslesion.io.tables import format_value
from mslesion.reports.curves import LARGE, SMALL, Curve, Size, draw_curve
from mslesion.reports.marks import Mark, Problem, mark, problems_of, problems_on
from mslesion.reports.participant.screen import CHANGED, VISITED
from mslesion.reports.values import Value, row_of, value_of
from mslesion.schema import CHANGES, TRAJECTORIES, VISITS, Table
from mslesion.schema.identifiers import session_name
from mslesion.schema.time import iso_day
from mslesion.schema.visits import BIOMARKERS, label_of, used_for

BRAIN_CHANGE, BRAIN_CHANGE_LABEL = "pbvc_pct", "Brain change since first visit"
TRENDS = ("lesion_volume_ml", "t1_hypointense_volume_ml", BRAIN_CHANGE, "brain_ml", "thalamus_ml")
"""Curves of the first screen, those that matter most first."""
MAX_TRENDS = 4
_UNITS = {column.name: column.unit_on_pages for column in VISITS.columns} | {BRAIN_CHANGE: "%"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value of a curve stands: a column of a row of a table.

    What is not in a table has its number alone.
    """

    table: Table | None
    row: Mapping
    column: str
    problems: tuple[Problem, ...] = ()
    """Checks that concern it and did not pass."""

    @property
    def number(self) -> float | None:
        """The value."""
        return self.row[self.column]

    @property
    def value(self) -> Value:
        """The value for a page."""
        row = row_of(self.table, self.row) if self.table else None
        return value_of(self.number, self.column, row=row)

    @property
    def mark(self) -> Mark | None:
        """Its mark; None where all checks passed or nothing is known."""
        if self.table is None or pd.isna(self.number):
            return None
        column = (VISITED if self.table is VISITS else CHANGED)[self.column]
        return mark(self.problems, [column], words=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The change of a measure per year in one segment."""

    slope: Value
    low: Value
    high: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One measure over the visits."""

    name: str
    label: str
    unit: str
    is_of_brain: bool
    places: tuple[Place, ...]
    slopes: tuple[Slope, ...]
    curve: Curve
    trend: Curve
    """The same, small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All measures over the visits."""

    visits: int
    ticks: tuple[str, ...]
    series: tuple[Series, ...]

    def part(self, *, of_brain: bool) -> tuple[Series, ...]:
        """Its measures of the brain, or those of lesions.

        Parameters
        ----------
        of_brain : bool
            Which of both.

        Returns
        -------
        tuple of Series
        """
        return tuple(one for one in self.series if one.is_of_brain == of_brain)

    @property
    def trends(self) -> tuple[Curve, ...]:
        """The curves of the first screen."""
        by_name = {one.name: one.trend for one in self.series}
        return tuple(by_name[name] for name in TRENDS if name in by_name)[:MAX_TRENDS]


def course_of(
    visits: pd.DataFrame, changes: pd.DataFrame, trajectories: pd.DataFrame, *, began: date | None
) -> Course | None:
    """The course of one participant.

    Parameters
    ----------
    visits : DataFrame
        Its rows of visits.csv, in order of time.
    changes, trajectories : DataFrame
        Its rows of those tables.
    began : date, optional
        When a treatment began.

    Returns
    -------
    Course or None
        None with fewer than two visits.
    """
    if len(visits) < 2:
        return None
    rows = visits.to_dict("records")
    places = {BRAIN_CHANGE: _brain_change(rows, changes.to_dict("records"))}
    places |= {
        name: [Place(VISITS, row, name, _problems_of_visit(row, name)) for row in rows]
        for name in used_for("curve")
    }
    times, ticks = _times(visits)
    axis = {"times": times, "ticks": ticks, "breaks": _breaks(visits, times, began)}
    apart = _withheld_steps(rows, changes)
    own = trajectories[trajectories["track_id"].isna()]
    series = [
        _series(name, found, axis, slopes=own[own["measure"] == name], apart=apart)
        for name, found in places.items()
        if sum(not pd.isna(one.number) for one in found) > 1
    ]
    return Course(visits=len(visits), ticks=tuple(ticks), series=tuple(series))


def _series(name: str, places: Sequence[Place], axis: Mapping, *, slopes, apart) -> Series:
    """One measure with its curves."""
    label = BRAIN_CHANGE_LABEL if name == BRAIN_CHANGE else label_of(name)
    is_volume_of_brain = name in BIOMARKERS and BIOMARKERS[name].group == "brain"

    def curve(size: Size) -> Curve:
        return draw_curve(
            label,
            _UNITS[name],
            values=[one.number for one in places],
            notes=["; ".join(problem.text for problem in one.problems) for one in places],
            apart=apart if is_volume_of_brain else (),
            size=size,
            **axis,
        )

    return Series(
        name=name,
        label=label,
        unit=_UNITS[name],
        is_of_brain=is_volume_of_brain or name == BRAIN_CHANGE,
        places=tuple(places),
        slopes=tuple(_slope(row) for row in slopes.to_dict("records")),
        curve=curve(LARGE),
        trend=curve(SMALL),
    )


def _slope(row: Mapping) -> Slope:
    """A row of trajectories.csv."""
    names = {"slope": "slope_per_year", "low": "ci95_low", "high": "ci95_high"}
    where = row_of(TRAJECTORIES, row)
    return Slope(**{key: value_of(row[name], name, row=where) for key, name in names.items()})


def _problems_of_visit(row: Mapping, name: str) -> tuple[Problem, ...]:
    """Checks of a visit that concern a column and did not pass."""
    return tuple(problems_on(problems_of(row), [VISITED[name]]))


def _brain_change(rows: Sequence[Mapping], changes: Sequence[Mapping]) -> list[Place]:
    """Brain volume change from the first visit to each; 0 for the first where one is known."""
    sessions = [format_value(row["session_id"]) for row in rows]
    direct = [row for row in changes if format_value(row["session_from"]) == sessions[0]]
    by_session = {format_value(row["session_to"]): row for row in direct}
    found = []
    for session in sessions[1:]:
        row = by_session.get(session)
        if row is None:
            found.append(Place(None, {BRAIN_CHANGE: None}, BRAIN_CHANGE))
            continue
        problems = problems_of(row)
        for visit in rows:
            name = format_value(visit["session_id"])
            if name in (sessions[0], session):
                problems += problems_of(visit, session_name(name))
        on = tuple(problems_on(problems, [CHANGED[BRAIN_CHANGE]]))
        found.append(Place(CHANGES, row, BRAIN_CHANGE, on))
    is_known = any(not pd.isna(one.number) for one in found)
    return [Place(None, {BRAIN_CHANGE: 0.0 if is_known else None}, BRAIN_CHANGE), *found]


def _times(visits: pd.DataFrame) -> tuple[list[float], list[str]]:
    """Time of each visit in days, and its name; in steps where a date is missing."""
    names = [format_value(label) or "visit" for label in visits["session_id"]]
    dates = [iso_day(text) for text in visits["visit_date"]]
    if None in dates or sorted(set(dates)) != dates:
        return [float(n) for n in range(len(names))], names
    texts = [f"{name} ({day.isoformat()})" for name, day in zip(names, dates, strict=True)]
    return [float(day.toordinal()) for day in dates], texts


def _breaks(visits: pd.DataFrame, times, began: date | None) -> list[tuple[float, str]]:
    """Changes of scanner, and the beginning of a treatment."""
    found, known = [], ""
    for n, name in enumerate(visits["scanner_id"].fillna("")):
        if name and known and name != known:
            found.append(((times[n - 1] + times[n]) / 2, "scanner"))
        known = name or known
    if began is not None and times[0] < began.toordinal() < times[-1]:
        found.append((float(began.toordinal()), "treatment"))
    return found


def _withheld_steps(rows: Sequence[Mapping], changes: pd.DataFrame) -> set[int]:
    """Positions of visits whose brain cannot be compared with that of the visit before."""
    withheld = changes[changes["brain_change_assessable"].fillna(value=True).eq(other=False)]
    steps = set(zip(withheld["session_from"], withheld["session_to"], strict=True))
    sessions = [row["session_id"] for row in rows]
    return {n for n, step in enumerate(pairwise(sessions), start=1) if step in steps}
