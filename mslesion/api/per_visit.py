"""What callers give for each visit of one person: as a list in order of time, or by session."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from mslesion.errors import SettingsError
from mslesion.io.images import Image
from mslesion.schema.identifiers import bare_label
from mslesion.schema.session_order import why_order_is_unknown

FIRST_DAY = date(2000, 1, 1)
"""Stands for the day of the first visit where only the days between visits are given; no
result holds it."""

_TWO_MASKS = "Give a list in order of time, or a mapping of session label to mask."

T = TypeVar("T")
PerVisit = Sequence[T] | Mapping[str, T]
"""Something for each visit in order of time, or by session label."""


def by_session(masks: PerVisit[Image]) -> tuple[list[str], list[Image]]:
    """Session labels and masks in order of time."""
    if isinstance(masks, Mapping):
        sessions, images = [str(key) for key in masks], list(masks.values())
    elif isinstance(masks, Sequence) and not isinstance(masks, str):
        images = list(masks)
        sessions = [str(number) for number in range(1, len(images) + 1)]
    else:
        raise SettingsError(
            f"masks is one {type(masks).__name__}, but two or more masks of one person are "
            f"expected. {_TWO_MASKS}"
        )
    if len(images) < 2:
        raise SettingsError(
            f"masks has {'one mask' if images else 'no mask'}, but two or more of one person are "
            f"expected. {_TWO_MASKS}"
        )
    return sessions, images


def matching(values: PerVisit[T] | None, sessions: Sequence[str], name: str) -> list[T | None]:
    """The value of each visit; None for each where none were given."""
    if values is None:
        return [None] * len(sessions)
    if isinstance(values, Mapping):
        of_session = {str(key): value for key, value in values.items()}
        missing = [session for session in sessions if session not in of_session]
        if missing:
            raise SettingsError(
                f"{name} has no session {missing[0]!r}, but masks has it. Give {name} for each "
                "session of the masks."
            )
        return [of_session[session] for session in sessions]
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise SettingsError(
            f"{name} is a {type(values).__name__}, but a list with a value for each mask, or a "
            "mapping by session, is expected. Give one of these."
        )
    if len(values) != len(sessions):
        raise SettingsError(
            f"{name} has {len(values)} values, but there are {len(sessions)} masks. Give one for "
            "each mask."
        )
    return list(values)


def as_dates(days: Sequence[int | date | None]) -> list[date | None]:
    """Dates of the visits, in rising order; numbers count from any fixed day."""
    dates: list[date | None] = []
    for day in days:
        if day is None or day is pd.NaT:
            dates.append(None)
        elif isinstance(day, date):
            dates.append(day.date() if isinstance(day, datetime) else day)
        elif isinstance(day, int | np.integer) and not isinstance(day, bool):
            dates.append(FIRST_DAY + timedelta(days=int(day)))
        else:
            raise SettingsError(
                f"days has {day!r}, but a date or a whole number of days is expected. Convert it, "
                "for example with datetime.date.fromisoformat."
            )
    known = [day for day in dates if day is not None]
    if any(later <= earlier for earlier, later in pairwise(known)):
        raise SettingsError(
            "days do not rise from each mask to the next, but masks are given in order of time. "
            "Sort both, or correct the days."
        )
    return dates


def check_order(
    sessions: Sequence[str], dates: Sequence[date | None], pairs: Sequence[tuple[int, int]]
) -> None:
    """Raise where neither the days nor the labels say that the masks are in order of time."""
    for start, end in pairs:
        why = why_order_is_unknown(
            (bare_label(sessions[start]), bare_label(sessions[end])), (dates[start], dates[end])
        )
        if why:
            raise SettingsError(
                f"masks has the sessions {', '.join(sessions)}, but their order of time must be "
                f"known ({why}). Give the days, or the masks as a list in order of time."
            )


def one_for_all(anatomy: Any, sessions: Sequence[str]) -> list:
    """The anatomy of each visit: one image may serve all visits."""
    is_array = isinstance(anatomy, tuple) and isinstance(anatomy[0], np.ndarray)
    if is_array or isinstance(anatomy, str) or not isinstance(anatomy, Sequence | Mapping):
        return [anatomy] * len(sessions)
    return matching(anatomy, sessions, "anatomy")
