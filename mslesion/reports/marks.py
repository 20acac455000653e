"""Checks that did not pass, beside the numbers that they concern."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from mslesion.schema.checks import (
    CHECKS,
    FAIL,
    PAIR_CHECKS,
    PASS,
    SEVERITY,
    STATES,
    WARN,
    Check,
    checks_on,
)
from mslesion.schema.columns import Column

STATE_WORDS = {
    "pass": "\u2713 pass",
    "warn": "! warn",
    "fail": "\u2717 fail",
    "not assessable": "? not assessable",
}
"""Every state of a check with a mark that is read without colour."""
VERDICT_WORDS = {
    "met": "\N{BLACK CIRCLE} met",
    "not met": "\N{WHITE CIRCLE} not met",
    "present": "\N{BLACK CIRCLE} present",
    "not seen": "\N{WHITE CIRCLE} not seen",
    "reported": "\N{BULLET} reported",
    "not assessable": "? not assessable",
}
"""Every verdict and state of a rule with a mark that is read without colour."""
_BY_NAME = {check.name: check for check in (*CHECKS, *PAIR_CHECKS)}


class Problem(NamedTuple):
    """A check that did not pass."""

    check: Check
    state: str
    """`WARN` or `FAIL`."""
    of: str = ""
    """Whose check it is, where a page shows several: a visit, or a pair of visits."""

    @property
    def text(self) -> str:
        """What was checked, in words."""
        return self.check.description + (f" ({self.of})" if self.of else "")


def problems_of(row: Mapping, of: str = "") -> list[Problem]:
    """The checks of a visit or pair that did not pass.

    Parameters
    ----------
    row : mapping
        Row of visits.csv or changes.csv, with `flags`.
    of : str
        Whose row it is, in words.

    Returns
    -------
    list of Problem
        In the order of the column `flags`.
    """
    flags = (flag.partition(":") for flag in _flags(row))
    return [
        Problem(_BY_NAME[name], state, of)
        for name, _, state in flags
        if name in _BY_NAME and state in (WARN, FAIL)
    ]


def other_flags(row: Mapping) -> list[str]:
    """Flags of a row that are not of a check, such as warnings of a header.

    Parameters
    ----------
    row : mapping
        Row of visits.csv or changes.csv.

    Returns
    -------
    list of str
    """
    return [flag for flag in _flags(row) if flag.partition(":")[0] not in _BY_NAME]


def problems_on(problems: Iterable[Problem], columns: Sequence[Column]) -> list[Problem]:
    """Those that concern one of some columns.

    Parameters
    ----------
    problems : iterable of Problem
        Of the rows from which the values are.
    columns : sequence of Column
        Of the values.

    Returns
    -------
    list of Problem
    """
    checks = {check.name for column in columns for check in checks_on(column)}
    return [one for one in problems if one.check.name in checks]


def worst(states: Iterable) -> str:
    """The worst of some states; what is missing does not count.

    Parameters
    ----------
    states : iterable of str
        Of `STATES`.

    Returns
    -------
    str
        "pass" if there is none.
    """
    return max((one for one in states if one in STATES), key=SEVERITY.__getitem__, default=PASS)


@dataclass(frozen=True, slots=True)
class Mark:
    """Says beside a number that checks on it did not pass."""

    state: str
    """The worst: `WARN` or `FAIL`."""
    text: str
    names: str
    """The checks with their states, for programs."""
    title: str
    """The checks in words."""
    first: int = 0
    """Place of the first of them in the list of problems, from 1; 0 where the mark has none."""


def numbered_mark(found: Sequence[Problem], *, listed: Sequence[Problem]) -> Mark | None:
    """The mark of a number, with the places of its problems in a numbered list.

    Parameters
    ----------
    found : sequence of Problem
        Those that concern the number; one may stand there twice.
    listed : sequence of Problem
        All, in the order of their numbers.

    Returns
    -------
    Mark or None
        Its text is such as ``! warn 1, 3``; None where there is none.
    """
    numbers = sorted({listed.index(one) for one in found})
    if not numbers:
        return None
    text = " " + ", ".join(str(number + 1) for number in numbers)
    return _mark([listed[number] for number in numbers], text, first=numbers[0] + 1)


def mark(
    problems: Sequence[Problem], columns: Sequence[Column], *, words: bool = True
) -> Mark | None:
    """The mark of a number that stands apart from a numbered list.

    Parameters
    ----------
    problems : sequence of Problem
        Of the rows from which the number is.
    columns : sequence of Column
        Of the number.
    words : bool
        Whether the checks are named beside the state. They always are in the tooltip.

    Returns
    -------
    Mark or None
        None where no problem concerns the columns.
    """
    found = problems_on(problems, columns)
    if not found:
        return None
    return _mark(found, f": {'; '.join(one.text for one in found)}" if words else "")


def _mark(found: Sequence[Problem], text: str, *, first: int = 0) -> Mark:
    """A mark with the worst state and a text."""
    state = worst(one.state for one in found)
    return Mark(
        state=state,
        text=STATE_WORDS[state] + text,
        names=" ".join(f"{one.check.name}:{one.state}" for one in found),
        title="; ".join(one.text for one in found),
        first=first,
    )


def _flags(row: Mapping) -> list[str]:
    """Entries of the column `flags`."""
    flags = row["flags"]
    return [] if pd.isna(flags) or not flags else flags.split(";")
