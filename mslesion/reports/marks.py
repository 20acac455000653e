"""Checks that did not pass, beside the numbers that they concern."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
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

MARKS = {
    "pass": "\u2713 pass",
    "warn": "! warn",
    "fail": "\u2717 fail",
    "not assessable": "? not assessable",
}
"""Every state of a check with a mark that is read without colour."""
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


def numbered_mark(found: Sequence[Problem], *, listed: Sequence[Problem]) -> str:
    """The mark of a number, with the places of its problems in a numbered list.

    Parameters
    ----------
    found : sequence of Problem
        Those that concern the number; one may stand there twice.
    listed : sequence of Problem
        All of the first screen, as `numbered_list` lists them.

    Returns
    -------
    str
        HTML, such as ``! warn 1, 3``; empty where there is none.
    """
    numbers = sorted({listed.index(one) for one in found})
    text = " " + ", ".join(str(number + 1) for number in numbers)
    return _mark([listed[number] for number in numbers], text)


def mark(problems: Sequence[Problem], columns: Sequence[Column], *, words: bool = True) -> str:
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
    str
        HTML; empty where no problem concerns the columns.
    """
    found = problems_on(problems, columns)
    return _mark(found, f": {'; '.join(one.text for one in found)}" if words else "")


def numbered_list(problems: Sequence[Problem]) -> str:
    """The problems to which the marks of `numbered_mark` point.

    Parameters
    ----------
    problems : sequence of Problem
        In the order of their numbers.

    Returns
    -------
    str
        HTML; empty without problems.
    """
    items = "".join(
        f'<li title="{escape(one.check.consequence)}"><b class="{one.state}">'
        f"{escape(MARKS[one.state])}</b> {escape(one.text)}</li>"
        for one in problems
    )
    return f'<ol class="problems">{items}</ol>' if items else ""


def _mark(found: Sequence[Problem], text: str) -> str:
    """A mark with the worst state and a text; the checks are named in its tooltip."""
    if not found:
        return ""
    state = worst(one.state for one in found)
    names = " ".join(f"{one.check.name}:{one.state}" for one in found)
    title = "; ".join(one.text for one in found)
    return (
        f' <small class="mark {state}" data-checks="{escape(names)}" title="{escape(title)}">'
        f"{escape(MARKS[state] + text)}</small>"
    )


def _flags(row: Mapping) -> list[str]:
    """Entries of the column `flags`."""
    flags = row["flags"]
    return [] if pd.isna(flags) or not flags else flags.split(";")
