"""The first screen of a page: pictures, at most ten numbers with change and error, and trends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.reports.curves import Curve
from mslesion.reports.participant.pair_room import recovered
from mslesion.reports.participant.screen import Screen
from mslesion.reports.participant.visit_room import NOT_KNOWN, technique
from mslesion.reports.parts import FIRST, LOCATED, UNLOCATED, Part, Picture
from mslesion.reports.values import Measure, Value
from mslesion.schema.identifiers import session_name

HEADLINES = (
    ("lesion_volume_ml", "net_change_ml"),
    ("lesion_count", ""),
    ("", "new_t2_count"),
    ("", "enlarging_count"),
    ("t1_hypointense_volume_ml", ""),
    ("brain_ml", "pbvc_pct_per_year"),
    ("bpf", ""),
    ("thalamus_ml", "thalamus_pct_per_year"),
    ("lateral_ventricles_ml", "pvvc_pct_per_year"),
)
"""Rows of the first screen: a column of visits.csv, and the one of changes.csv beside it."""
WITHOUT_CHANGE = {
    "periventricular_count": "Periventricular lesions",
    "infratentorial_count": "Infratentorial lesions",
}
"""What a first visit shows besides, with its name: regions that the published rules count."""
COUNTED = ("new_t2_count", "enlarging_count")
"""Counts whose error is the size from which a change is detected."""
MAX_SLICES = 6
SLICES_BESIDE_CHANGE = 3
"""Slices of the visit, alone and beside lesions that changed."""
MAX_CHANGED = 6
"""Lesions that changed; the others are in the room of the change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A row of the first screen."""

    label: str
    description: str
    value: Measure | None
    """At the visit."""
    change: Measure | None
    """Since the previous visit."""
    interval: tuple[Value, Value] | None = None
    """The 95 % interval of the change."""
    error: Measure | None = None
    """From which size a change counts."""
    error_words: str = ""
    is_changed: bool = False
    """Whether the change is a count over 0, or lies beyond its error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """What stands first on the page."""

    visit: str
    date: str
    technique: str
    state: str
    since: str
    """What the change is since; empty where nothing was compared."""
    notes: tuple[str, ...]
    """What needs care."""
    headlines: tuple[Headline, ...]
    changed: tuple[Picture, ...]
    """New and enlarging lesions, at both visits."""
    more_changed: int
    """How many new and enlarging lesions are not among them."""
    slices: tuple[Picture, ...]
    key: str
    """Which colours all these pictures have, `LOCATED` or `UNLOCATED`."""
    has_lesion_map: bool
    lesion_count: int
    trends: tuple[Curve, ...]


def first_screen(
    screen: Screen,
    *,
    part: Part,
    change_part: Part,
    trends: Sequence[Curve],
    calibration: Mapping[str, Mapping],
) -> FirstScreen:
    """What stands first on the page.

    Parameters
    ----------
    screen : Screen
        The latest visit, its change and their checks.
    part, change_part : Part
        Pictures of the visit, and of the pair with the previous visit.
    trends : sequence of Curve
        Small curves.
    calibration : mapping of str to mapping
        The participant's rows of calibration.csv by item.

    Returns
    -------
    FirstScreen
    """
    visit, change = screen.visit, screen.change
    changed = [one for one in change_part.of(FIRST) if one.has_change][:MAX_CHANGED]
    slices = part.of(FIRST)[: SLICES_BESIDE_CHANGE if changed else MAX_SLICES]
    count = visit["lesion_count"]
    return FirstScreen(
        visit=format_value(visit["session_id"]) or "the visit",
        date=format_value(visit["visit_date"]),
        technique=technique(visit),
        state=screen.state,
        since="" if change is None else _since(change),
        notes=tuple(_notes(change)),
        headlines=tuple(_once(_headlines(screen, calibration))),
        changed=tuple(changed),
        more_changed=max(0, change_part.bigger_count - len(changed)),
        slices=tuple(sorted(slices, key=lambda one: one.place)),
        key=UNLOCATED if UNLOCATED in {one.key for one in (*changed, *slices)} else LOCATED,
        has_lesion_map=not pd.isna(count),
        lesion_count=0 if pd.isna(count) else int(count),
        trends=tuple(trends),
    )


def _since(change: Mapping) -> str:
    """What the change is since."""
    text = session_name(format_value(change["session_from"]))
    if pd.isna(change["interval_years"]):
        return text
    return f"{text} ({show_value(change['interval_years'])} years)"


def _notes(change: Mapping | None):
    """What needs care when the change is read."""
    if change is None:
        return
    if pd.isna(change["same_scanner"]):
        yield f"Whether the previous scanner is the same is {NOT_KNOWN}."
    elif not change["same_scanner"]:
        yield "The previous scanner is another one; compare with caution."
    if not pd.isna(change["pseudoatrophy_window"]) and change["pseudoatrophy_window"]:
        yield "A treatment began: volume may decrease through loss of oedema."


def _headlines(screen: Screen, calibration: Mapping[str, Mapping]):
    """The rows, in order."""
    has_change = screen.change is not None
    rows = [*HEADLINES] if has_change else [row for row in HEADLINES if row[0]]
    if not has_change:
        rows[2:2] = [(name, "") for name in WITHOUT_CHANGE]
    for of_visit, of_change in rows:
        value = screen.measure(of_visit) if of_visit else None
        change = screen.measure(of_change) if of_change and has_change else None
        if value is None and change is None:
            continue
        named = value or change
        interval = _interval(screen, of_change) if change and change.value.written else None
        is_counted = change is not None and of_change in COUNTED and bool(change.value.written)
        yield Headline(
            label=named.label or WITHOUT_CHANGE[of_visit],
            description=named.description,
            value=value,
            change=change,
            interval=interval,
            error=screen.measure("detection_floor_mm") if is_counted else None,
            error_words=recovered(of_change, calibration) if is_counted else "",
            is_changed=is_beyond(interval)
            if interval
            else is_counted and change.value.written != "0",
        )


def is_beyond(interval: tuple[Value, Value]) -> bool:
    """Whether an interval is without 0.

    Parameters
    ----------
    interval : tuple of Value, shape (2,)
        Lower and upper end.

    Returns
    -------
    bool
    """
    low, high = (float(end.written) for end in interval)
    return low > 0 or high < 0


def _interval(screen: Screen, rate: str) -> tuple[Value, Value] | None:
    """The 95 % interval of a change per year, where there is one."""
    if not rate.endswith("pct_per_year"):
        return None
    ends = tuple(
        screen.value(rate.replace("pct_per_year", f"ci95_{end}")) for end in ("low", "high")
    )
    return ends if all(end.written for end in ends) else None


def _once(rows):
    """The rows, each reason told where it stands first."""
    told: set[str] = set()
    for row in rows:
        parts = {}
        for name in ("value", "change"):
            measure = getattr(row, name)
            if measure is not None and measure.reason in told:
                parts[name] = replace(measure, reason="as above")
            elif measure is not None and measure.reason:
                told.add(measure.reason)
        yield replace(row, **parts)
