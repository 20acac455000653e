"""Which session came first, by the labels: only where they say so clearly.

A wrong order turns the sign of every change, so what is not clear is left to dates.
"""

import re
from collections.abc import Sequence
from datetime import date

BASELINES = ("baseline", "bl")
FOLLOW_UPS = ("followup", "fu")
STARTS = {"screening": 0} | dict.fromkeys((*BASELINES, "pre", ""), 1)
"""Labels before all others, and their order: of those with one number there can be one."""
MAX_COUNTER_DIGITS = 5
"""Numbers of more digits (exclusive) are dates, in an order that is clear for YYYYMMDD only; a
time may follow."""
YEARS = (1900, 2100)
"""Years (inclusive) of such a date."""
FIELD_STRENGTH = r"\d+t"
"""Such as 3T and 7T: two scanners, not two times."""


def order_of_labels(labels: Sequence[str]) -> list[str] | None:
    """Sessions of one subject in order of time, if their labels say it clearly.

    Clear are labels that differ in one number only (``1`` and ``2``, ``M00`` and ``M12``,
    ``2019`` and ``2021``, ``20190401`` and ``20200102``); ``screening``, ``baseline`` or ``bl``
    before such labels, or before a single ``followup``, ``fu`` or ``post``; and ``pre`` before
    ``post``, ``post1`` and so on. Upper and lower case are the same. A session without label
    comes before numbers of 2 and more.

    Parameters
    ----------
    labels : sequence of str
        Without ``ses-``.

    Returns
    -------
    list of str or None
        The labels in order; None if it is not clear.

    Examples
    --------
    >>> order_of_labels(["M12", "M6", "bl"]), order_of_labels(["post", "pre"])
    (['bl', 'M6', 'M12'], ['pre', 'post'])
    >>> order_of_labels(["a", "b"])
    """
    if len(labels) < 2:
        return list(labels)
    starts = sorted((STARTS[label.lower()], label) for label in labels if label.lower() in STARTS)
    rest = [label for label in labels if label.lower() not in STARTS]
    names = [label.lower() for label in rest]
    numbers = _numbers(names)
    if len({rank for rank, _ in starts}) < len(starts) or not all(
        _comes_before(start.lower(), names, numbers) for _, start in starts
    ):
        return None
    if numbers is not None:
        rest = [label for _, label in sorted(zip(numbers, rest, strict=True))]
    elif len(rest) > 1:
        return None
    return [label for _, label in starts] + rest


def why_order_is_unknown(sessions: tuple[str, str], days: tuple[date | None, date | None]) -> str:
    """Why it is not known that the first of two sessions is the earlier one; empty if it is.

    Where both days are known, they decide, not the labels: whether they rise is a check of its
    own.

    Parameters
    ----------
    sessions : tuple of str, shape (2,)
        Labels without ``ses-``.
    days : tuple of date or None, shape (2,)
        Their days.

    Returns
    -------
    str
    """
    order = order_of_labels(sessions)
    if None not in days or order == list(sessions):
        return ""
    first, second = (session or "(none)" for session in sessions)
    says = "do not say which came first" if order is None else f"say that {second} came first"
    return f"a date is missing, and the labels {first} and {second} {says}"


def _comes_before(start: str, names: Sequence[str], numbers: Sequence[int] | None) -> bool:
    """Whether a label of `STARTS` is clearly earlier than the others, in lower case."""
    if start == "pre":
        return all(re.fullmatch(r"post\d*", name) for name in names)
    if start == "":
        return numbers is not None and min(numbers) > 1
    is_single = len(names) == 1 and names[0] in (*FOLLOW_UPS, "post")
    return numbers is not None or is_single or not names


def _numbers(names: Sequence[str]) -> list[int] | None:
    """The number of each label, if labels differ in nothing else; otherwise None."""
    parts = [re.split(r"(\d+)", name) for name in names]
    if len({tuple(own[::2]) for own in parts}) != 1 or re.fullmatch(FIELD_STRENGTH, names[0]):
        return None
    columns = list(zip(*(own[1::2] for own in parts), strict=True))
    if len(names) == 1:
        return [int(columns[-1][0])] if columns else None
    varying = [one for one in columns if len(set(one)) > 1]
    if len(varying) != 1 or not _can_be_ordered(varying[0]):
        return None
    numbers = [int(digits) for digits in varying[0]]
    return numbers if len(set(numbers)) == len(numbers) else None


def _can_be_ordered(numbers: Sequence[str]) -> bool:
    """Whether numbers are counters, or all of them days that begin with the year."""
    if max(map(len, numbers)) <= MAX_COUNTER_DIGITS:
        return True
    return len(set(map(len, numbers))) == 1 and all(map(_is_day, numbers))


def _is_day(digits: str) -> bool:
    """Whether digits begin with YYYYMMDD."""
    try:
        day = date.fromisoformat(digits[:8])
    except ValueError:
        return False
    return len(digits) >= 8 and YEARS[0] <= day.year <= YEARS[1]
