"""The course over all visits: curves as inline SVG, and their numbers in a table."""

from collections.abc import Collection, Sequence
from datetime import date
from html import escape
from itertools import pairwise

import numpy as np
import pandas as pd

from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.reports.marks import Problem, mark, problems_of, problems_on
from mslesion.reports.screen import CHANGED, VISITED
from mslesion.schema import CHANGES, TRAJECTORIES, VISITS
from mslesion.schema.identifiers import session_name
from mslesion.schema.time import iso_day
from mslesion.schema.visits import BIOMARKERS, label_of, used_for

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 24, 26
"""Size of a curve and its margins, in pixels."""
BRAIN_CHANGE, BRAIN_CHANGE_LABEL = "pbvc_pct", "Brain volume change since the first visit"
_UNITS = {column.name: column.unit_on_pages for column in VISITS.columns} | {BRAIN_CHANGE: "%"}


def course_section(
    visits: pd.DataFrame, changes: pd.DataFrame, trajectories: pd.DataFrame, *, began: date | None
) -> str:
    """Curves of one subject.

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
    str
        HTML; empty with fewer than two visits.
    """
    if len(visits) < 2:
        return ""
    rows = [row for _, row in visits.iterrows()]
    sources = {name: [(VISITS, row, name) for row in rows] for name in used_for("curve")}
    sources = {BRAIN_CHANGE: _brain_change(rows, changes)} | sources
    series = {name: [_value(one) for one in cells] for name, cells in sources.items()}
    series = {
        name: values for name, values in series.items() if sum(not pd.isna(v) for v in values) > 1
    }
    times, ticks = _times(visits)
    breaks = _breaks(visits, times, began)
    apart = _withheld_steps(rows, changes)
    own = trajectories[trajectories["track_id"].isna()]
    problems = {name: _problems(cells, rows) for name, cells in sources.items()}
    drawn = "".join(
        curve(
            _label(name),
            _UNITS[name],
            times,
            values,
            ticks=ticks,
            breaks=breaks,
            notes=["; ".join(one.text for one in found) for found in problems[name]],
            apart=apart if _is_brain(name) else (),
        )
        for name, values in series.items()
    )
    head = "".join(f'<th scope="col" class="number">{escape(text)}</th>' for text in ticks)
    lines = [
        f"<tr><td>{escape(_label(name))}</td>"
        f"{''.join(map(_cell, sources[name], problems[name]))}"
        f"<td>{escape(_UNITS[name])}</td><td>{_slope(own, name)}</td></tr>"
        for name in series
    ]
    return (
        f'<section><h2>Course over {len(visits)} visits</h2><div class="curves">{drawn}</div>'
        f"{KEY if any(found for name in series for found in problems[name]) else ''}"
        f'<div class="wide"><table><thead><tr><th></th>{head}<th scope="col">unit</th>'
        f'<th scope="col">slope per year (95 % interval)</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
        '<p class="note">Curves of volumes hold the difference of two segmentations; brain volume '
        "change is measured on both scans at once. Slopes are Theil-Sen, from three visits on one "
        "scanner; an interval needs four.</p></section>"
    )


def curve(
    label: str,
    unit: str,
    times: Sequence[float],
    values: Sequence[float | None],
    *,
    ticks: Sequence[str],
    breaks: Sequence[tuple[float, str]] = (),
    notes: Sequence[str] = (),
    apart: Collection[int] = (),
) -> str:
    """One curve.

    Parameters
    ----------
    label, unit : str
        What is drawn.
    times : sequence of float
        Time of each visit.
    values : sequence of float or None
        Value at each visit; what is missing is left out.
    ticks : sequence of str
        Name of each visit.
    breaks : sequence of (float, str)
        Where values before and after cannot be compared, and why.
    notes : sequence of str
        Checks of each visit that concern the value and did not pass; empty if all passed.
    apart : collection of int
        Positions of visits that no line joins to the one before.

    Returns
    -------
    str
        SVG.
    """
    notes = notes or [""] * len(times)
    points = [
        (t, float(v), n, note)
        for t, v, n, note in zip(times, values, ticks, notes, strict=True)
        if not pd.isna(v)
    ]
    known = [point[1] for point in points]
    low, high = min(known), max(known)
    room = (high - low) * 0.15 or max(abs(high) * 0.05, 0.5)
    low, high = low - room, high + room
    first, last = min(times), max(times)

    def x(time: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (time - first) / ((last - first) or 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [
        f'<svg role="img" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">',
        f"<title>{escape(label)}</title>",
        f'<text x="4" y="14" class="name">{escape(label)}'
        f"{f', {escape(unit)}' if unit else ''}</text>",
    ]
    for value in _grid(low, high):
        at = f"{y(value):.1f}"
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y(value) + 4:.1f}" class="end">{value:g}</text>')
    for time, why in breaks:
        at = f"{x(time):.1f}"
        parts.append(f'<line class="break" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text x="{x(time) + 3:.1f}" y="{TOP + 8}" class="why">{escape(why)}</text>')
    for line in _lines(times, values, apart):
        joined = " ".join(f"{x(time):.1f},{y(value):.1f}" for time, value in line)
        parts.append(f'<polyline points="{joined}"/>')
    for time, value, name, note in points:
        title = f"{name}: {format_value(value)}" + (f"; look at: {note}" if note else "")
        parts.append(_point(x(time), y(value), title=title, is_warned=bool(note)))
    for time, text in _spread(times, ticks):
        where = "start" if time == first else "last" if time == last else "middle"
        parts.append(
            f'<text x="{x(time):.1f}" y="{HEIGHT - 8}" class="{where}">{escape(text)}</text>'
        )
    return "".join([*parts, "</svg>"])


def _lines(times, values, apart: Collection[int]) -> list[list[tuple[float, float]]]:
    """Known points, in parts that may be joined."""
    lines: list[list[tuple[float, float]]] = [[]]
    for position, (time, value) in enumerate(zip(times, values, strict=True)):
        if position in apart:
            lines.append([])
        if not pd.isna(value):
            lines[-1].append((time, float(value)))
    return [line for line in lines if len(line) > 1]


def _point(x: float, y: float, *, title: str, is_warned: bool = False) -> str:
    """A dot, or an open diamond for a value to look at."""
    inside = f"<title>{escape(title)}</title>"
    if not is_warned:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5">{inside}</circle>'
    corners = f"M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6z"
    return f'<path class="warned" d="{corners}">{inside}</path>'


KEY = (
    '<p class="key curves"><span><svg width="14" height="14">'
    f"{_point(7, 7, title='all passed')}</svg> all checks that concern the value passed</span>"
    f'<span><svg width="14" height="14">{_point(7, 7, title="not all passed", is_warned=True)}'
    "</svg> one did not; the table below says its state</span></p>"
)
"""What the points of a curve mean."""


def _problems(cells: Sequence, rows: Sequence[pd.Series]) -> list[list[Problem]]:
    """Of each cell, the checks that concern it and did not pass."""
    return [_problems_of_cell(cell, rows) for cell in cells]


def _problems_of_cell(cell, rows: Sequence[pd.Series]) -> list[Problem]:
    """Checks of the visit; of a change, those of the pair and of both visits."""
    if not isinstance(cell, tuple):
        return []
    declared, row, name = cell
    if declared is VISITS:
        return problems_on(problems_of(row), [VISITED[name]])
    found = problems_of(row)
    ends = {format_value(row[end]) for end in ("session_from", "session_to")}
    for visit in rows:
        session = format_value(visit["session_id"])
        if session in ends:
            found += problems_of(visit, session_name(session))
    return problems_on(found, [CHANGED[name]])


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


def _brain_change(rows: Sequence[pd.Series], changes: pd.DataFrame) -> list:
    """Where brain volume change from the first visit to each stands; 0 for the first."""
    sessions = [format_value(row["session_id"]) for row in rows]
    direct = changes[changes["session_from"].fillna("") == sessions[0]]
    by_session = {format_value(row["session_to"]): row for _, row in direct.iterrows()}
    found = [by_session.get(session) for session in sessions[1:]]
    cells = [None if row is None else (CHANGES, row, BRAIN_CHANGE) for row in found]
    is_known = any(not pd.isna(_value(cell)) for cell in cells)
    return [0.0 if is_known else None, *cells]


def _withheld_steps(rows: Sequence[pd.Series], changes: pd.DataFrame) -> set[int]:
    """Positions of visits whose brain cannot be compared with that of the visit before."""
    withheld = changes[changes["brain_change_assessable"].fillna(value=True).eq(other=False)]
    steps = set(zip(withheld["session_from"], withheld["session_to"], strict=True))
    sessions = [row["session_id"] for row in rows]
    return {n for n, step in enumerate(pairwise(sessions), start=1) if step in steps}


def _is_brain(name: str) -> bool:
    """Whether a measure of a visit is a volume of the brain or of a part of it."""
    return name in BIOMARKERS and BIOMARKERS[name].group == "brain"


def _value(cell) -> float | None:
    """Value of a place in a table."""
    return cell[1][cell[2]] if isinstance(cell, tuple) else cell


def _cell(cell, problems: Sequence[Problem]) -> str:
    """A value with the table and row that contain it, and the state of its checks."""
    if not isinstance(cell, tuple):
        return f'<td class="number">{show_value(cell) or "&ndash;"}</td>'
    table, row, name = cell
    value = value_tag(row[name], name, tag="span", kind="")
    columns = [(VISITED if table is VISITS else CHANGED)[name]]
    state = "" if pd.isna(row[name]) else mark(problems, columns, words=False)
    return f'<td class="number" {row_mark(table, row)}>{value}{state}</td>'


def _slope(trajectories: pd.DataFrame, measure: str) -> str:
    """Slopes of a measure, by segment."""
    texts = []
    for _, row in trajectories[trajectories["measure"] == measure].iterrows():
        slope, low, high = (
            value_tag(row[name], name, tag="span")
            for name in ("slope_per_year", "ci95_low", "ci95_high")
        )
        interval = "" if pd.isna(row["ci95_low"]) else f" ({low} to {high})"
        texts.append(f"<span {row_mark(TRAJECTORIES, row)}>{slope}{interval}</span>")
    return "; ".join(texts)


def _label(name: str) -> str:
    return BRAIN_CHANGE_LABEL if name == BRAIN_CHANGE else label_of(name)


def _grid(low: float, high: float) -> list[float]:
    """A few round values between two."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(factor for factor in (5, 2, 1) if (high - low) / (step * factor) >= 2)
    counts = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return [float(count * step) + 0.0 for count in counts]  # + 0.0: no minus before a zero


def _spread(times: Sequence[float], ticks: Sequence[str]) -> list[tuple[float, str]]:
    """First and last name, and those between while there is room."""
    if len(times) <= 2:
        return list(zip(times, ticks, strict=True))
    short = [text.split(" (")[0] for text in ticks]
    shown = [(times[0], short[0])]
    for time, text in zip(times[1:-1], short[1:-1], strict=True):
        if min(time - shown[-1][0], times[-1] - time) >= (times[-1] - times[0]) / 6:
            shown.append((time, text))
    return [*shown, (times[-1], short[-1])]
