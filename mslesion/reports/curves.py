"""Curves over the visits: where their lines, points and words stand. A template draws them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mslesion.io.tables import format_value, show_value


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a curve and its margins, in pixels."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int


LARGE = Size(width=340, height=170, left=46, right=12, top=24, bottom=26)
SMALL = Size(width=250, height=104, left=40, right=10, top=22, bottom=20)
"""Of the first screen."""
LETTER_WIDTH = 7.0
"""Of a name, at most on average, in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value on a curve."""

    x: float
    y: float
    title: str
    is_warned: bool
    """Whether a check on the value did not pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One curve, ready to be drawn."""

    label: str
    unit: str
    words: str
    """Its values in words."""
    size: Size
    grid: tuple[tuple[float, str], ...]
    """Height and text of each line of the grid."""
    breaks: tuple[tuple[float, str], ...]
    """Where values before and after cannot be compared, and why."""
    lines: tuple[str, ...]
    """Points that are joined, as SVG takes them."""
    points: tuple[Point, ...]
    ticks: tuple[tuple[float, str, str], ...]
    """Place, alignment and name of the visits that have room for a name."""

    @property
    def is_warned(self) -> bool:
        """Whether a check on one of its values did not pass."""
        return any(point.is_warned for point in self.points)


def draw_curve(
    label: str,
    unit: str,
    *,
    times: Sequence[float],
    values: Sequence[float | None],
    ticks: Sequence[str],
    breaks: Sequence[tuple[float, str]] = (),
    notes: Sequence[str] = (),
    apart: Collection[int] = (),
    size: Size = LARGE,
) -> Curve:
    """One curve.

    Parameters
    ----------
    label, unit : str
        What is drawn.
    times : sequence of float
        Time of each visit.
    values : sequence of float or None
        Value at each visit; what is missing is left out. One at least is known.
    ticks : sequence of str
        Name of each visit.
    breaks : sequence of (float, str)
        Where values before and after cannot be compared, and why.
    notes : sequence of str
        Checks of each visit that concern the value and did not pass; empty if all passed.
    apart : collection of int
        Positions of visits that no line joins to the one before.
    size : Size
        Of the curve.

    Returns
    -------
    Curve
    """
    known = [float(value) for value in values if not pd.isna(value)]
    low, high = min(known), max(known)
    room = (high - low) * 0.15 or max(abs(high) * 0.05, 0.5)
    low, high = low - room, high + room
    first, last = min(times), max(times)
    across, up = size.width - size.left - size.right, size.height - size.top - size.bottom

    def x(time: float) -> float:
        return round(size.left + across * (time - first) / ((last - first) or 1), 1)

    def y(value: float) -> float:
        return round(size.top + up * (high - value) / (high - low), 1)

    points, words = [], []
    rows = zip(times, values, ticks, notes or [""] * len(times), strict=True)
    for time, value, name, note in rows:
        if pd.isna(value):
            continue
        title = f"{name}: {format_value(value)}" + (f"; look at: {note}" if note else "")
        points.append(Point(x=x(time), y=y(float(value)), title=title, is_warned=bool(note)))
        words.append(f"{name.split(' (')[0]} {show_value(value)}")
    return Curve(
        label=label,
        unit=unit,
        words=f"{label}: {', '.join(words)}{f' {unit}' if unit else ''}",
        size=size,
        grid=tuple((y(value), f"{value:g}") for value in round_values(low, high)),
        breaks=tuple((x(time), why) for time, why in breaks),
        lines=tuple(
            " ".join(f"{x(time)},{y(value)}" for time, value in line)
            for line in _lines(times, values, apart)
        ),
        points=tuple(points),
        ticks=tuple(
            (x(time), _alignment(time, first, last), name)
            for time, name in _spread(times, ticks, width=across)
        ),
    )


def _lines(times, values, apart: Collection[int]) -> list[list[tuple[float, float]]]:
    """Known points, in parts that may be joined."""
    lines: list[list[tuple[float, float]]] = [[]]
    for position, (time, value) in enumerate(zip(times, values, strict=True)):
        if position in apart:
            lines.append([])
        if not pd.isna(value):
            lines[-1].append((time, float(value)))
    return [line for line in lines if len(line) > 1]


def _alignment(time: float, first: float, last: float) -> str:
    """To which side of its place a name stands."""
    return "start" if time == first else "last" if time == last else "middle"


def round_values(low: float, high: float) -> list[float]:
    """A few round values between two.

    Parameters
    ----------
    low, high : float
        Both ends.

    Returns
    -------
    list of float

    Examples
    --------
    >>> round_values(0.0, 1.0)
    [0.0, 0.5, 1.0]
    """
    step = 10 ** np.floor(np.log10((high - low) / 2))
    step *= next(factor for factor in (5, 2, 1) if (high - low) / (step * factor) >= 2)
    counts = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    return [float(count * step) + 0.0 for count in counts]  # + 0.0: no minus before a zero


def _spread(
    times: Sequence[float], ticks: Sequence[str], *, width: float
) -> list[tuple[float, str]]:
    """First and last name, and those between while there is room."""
    short = [text.split(" (")[0] for text in ticks]
    # The first and the last name stand on one side of their place, the others on both
    needed = 1.5 * LETTER_WIDTH * max(map(len, short)) / width * (times[-1] - times[0])
    shown = [(times[0], short[0])]
    for time, text in zip(times[1:-1], short[1:-1], strict=True):
        if min(time - shown[-1][0], times[-1] - time) >= needed:
            shown.append((time, text))
    return [*shown, (times[-1], short[-1])]
