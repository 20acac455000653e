"""Charts of a cohort as SVG: how a measure is distributed, and its course in each person."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mslesion.io.tables import show_value
from mslesion.reports.cohort.rows import numbers_of, title_of
from mslesion.schema import CHANGES, VISITS
from mslesion.schema.visits import used_for

DISTRIBUTIONS = (
    *((VISITS.name, name) for name in used_for("histogram")),
    (CHANGES.name, "new_t2_count"), (CHANGES.name, "pbvc_pct_per_year"),
)  # fmt: skip
"""Table and column of each histogram."""
COURSES = {"lesion_volume_ml": "change_assessable", "bpf": "brain_change_assessable"}
"""Columns drawn over time, each with the column of changes.csv that says whether two visits may
be compared; those that may not are not joined."""
BINS = 12
WIDTH, HEIGHT = 240, 80
"""Of a chart, in its own units."""
OPAQUE_LINES = 40
"""Lines of so many persons or fewer are opaque; more are fainter, or they hide each other."""
FAINTEST = 0.03


@dataclass(frozen=True, slots=True)
class Histogram:
    """One measure over the latest visit of each person."""

    column: str
    title: str
    words: str
    """Its numbers in words."""
    low: float
    high: float
    """Ends of the axis."""
    median_at: float
    bars: tuple[tuple[float, float], ...]
    """Left end and height of each bar."""


@dataclass(frozen=True, slots=True)
class Course:
    """One measure over time, a line per person."""

    column: str
    title: str
    words: str
    lines: tuple[tuple[str, str], ...]
    """Identifier of the person, and the path."""

    @property
    def opacity(self) -> float:
        """Of each line, 0 to 1."""
        return round(min(1.0, max(FAINTEST, OPAQUE_LINES / max(1, len(self.lines)))), 3)


def histograms(rows: pd.DataFrame) -> Iterator[Histogram]:
    """The histograms.

    Parameters
    ----------
    rows : DataFrame
        Of `mslesion.reports.cohort.rows.cohort_rows`.

    Yields
    ------
    Histogram
        Without bars where no value is known.
    """
    latest = rows.loc[rows["is_latest"].astype(bool)]
    for table, column in DISTRIBUTIONS:
        yield histogram(column, title_of(table, column), list(numbers_of(latest, column)))


def histogram(column: str, title: str, values: Sequence[float]) -> Histogram:
    """One histogram.

    Parameters
    ----------
    column, title : str
        Of the measure.
    values : sequence of float
        One per person.

    Returns
    -------
    Histogram
    """
    if not values:
        return Histogram(column, title, "not assessable", 0, 1, 0, ())
    low, middle, high = min(values), float(np.median(values)), max(values)
    words = f"{_participants(len(values))}, median {show_value(middle)}"
    words += f", {show_value(low)} to {show_value(high)}"
    start, end = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, _ = np.histogram(values, BINS, (start, end))
    bars = tuple(
        (round(n * WIDTH / BINS + 1, 1), round(float(HEIGHT * count / counts.max()), 1))
        for n, count in enumerate(counts)
        if count
    )
    at = round(WIDTH * (middle - start) / (end - start), 1)
    return Histogram(column, title, words, start, end, at, bars)


def courses(rows: pd.DataFrame) -> Iterator[Course]:
    """The charts over time; time counts from the first visit of each person.

    Parameters
    ----------
    rows : DataFrame
        Of `mslesion.reports.cohort.rows.cohort_rows`.

    Yields
    ------
    Course
        Lines of the persons with two visits that may be compared, their dates known.
    """
    begun = rows.groupby("participant_id", sort=False).cumcount() == 0
    steps = rows["interval_years"].astype("float64").mask(begun, 0.0)
    years = steps.groupby(rows["participant_id"], sort=False).transform(
        lambda own: own.cumsum(skipna=False)
    )
    longest = float(years.max()) if years.notna().any() else 0.0
    for column, assessable in COURSES.items():
        numbers = numbers_of(rows, column).reindex(rows.index)
        joined = rows[assessable].astype("boolean").fillna(value=False) & ~begun
        lines = ()
        if longest > 0 and numbers.notna().any():
            low, high = float(numbers.min()), float(numbers.max())
            across = (WIDTH * years / longest).round(1)
            up = (HEIGHT * (1 - (numbers - low) / ((high - low) or 1.0))).round(1)
            lines = tuple(_lines(rows["participant_id"], across, up, joined))
        words = f"lines of {_participants(len(lines))}"
        if lines:
            words += f", 0 to {show_value(longest)} years, {show_value(low)} to {show_value(high)}"
        yield Course(column, title_of(VISITS.name, column), words, lines)


def _lines(people, across, up, joined) -> Iterator[tuple[str, str]]:
    """The path of each person who has at least two points that are joined."""
    points = pd.DataFrame({"person": people, "x": across, "y": up, "joined": joined})
    for person, own in points.groupby("person", sort=False):
        path, last = "", None
        for x, y, join in zip(own["x"], own["y"], own["joined"], strict=True):
            here = None if np.isnan(x) or np.isnan(y) else f"{x:g} {y:g}"
            if join and here and last:
                path += f"L{here}" if path.endswith(last) else f"M{last}L{here}"
            last = here
        if path:
            yield str(person), path


def _participants(count: int) -> str:
    """How many participants."""
    return f"{count} participant{'' if count == 1 else 's'}"
