"""Values of the tables as the templates of the pages take them.

A value on a page carries the table, row and column it is of and the text it has in the CSV, so
that a page can be compared with the tables.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.reports.marks import STATE_WORDS, Mark
from mslesion.schema import Table
from mslesion.schema.columns import COUNT, NUMBER, Column

NOT_ASSESSABLE = "not assessable"
NO_COLUMNS = frozenset({"participant_id", "session_id", "session_from", "session_to"})
"""Columns that say whose row it is; a table of one visit or pair does not repeat them."""


@dataclass(frozen=True, slots=True)
class Row:
    """Which row of which table a value is of."""

    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a table."""

    column: str
    written: str
    """As in the CSV; empty for what is missing."""
    shown: str
    """Rounded for the eye; empty for what is missing."""
    is_rounded: bool = False
    row: Row | None = None
    """None where an element around it says the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A value with its name, unit and the checks that concern it."""

    label: str
    description: str
    value: Value
    unit: str = ""
    reason: str = ""
    """Why there is no value, as far as known."""
    mark: Mark | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableOnPage:
    """Rows of a table."""

    name: str
    heads: tuple[Column, ...]
    rows: tuple[tuple[Row, tuple[Value, ...]], ...]


def row_of(table: Table, row: Mapping) -> Row:
    """Which row of which table a row is.

    Parameters
    ----------
    table : Table
        The declaration.
    row : mapping or Series
        The row.

    Returns
    -------
    Row

    Examples
    --------
    >>> from mslesion.schema import VISITS
    >>> row_of(VISITS, {"participant_id": "01", "session_id": "2"}).key
    '01|2'
    """
    return Row(table.name, "|".join(format_value(row[name]) for name in table.key))


def value_of(value, column: str, *, row: Row | None = None, exact: bool = False) -> Value:
    """A value for a page.

    Parameters
    ----------
    value : object
        A number, text, true/false, or what is missing.
    column : str
        Its column.
    row : Row, optional
        Its row, unless an element around it says so.
    exact : bool
        Whether it is shown as it is written, unrounded.

    Returns
    -------
    Value

    Examples
    --------
    >>> one = value_of(0.557056, "lesion_volume_ml")
    >>> one.shown, one.written, one.is_rounded
    ('0.557', '0.557056', True)
    """
    written = format_value(value)
    shown = written if exact else show_value(value)
    is_rounded = written != shown and isinstance(value, float | np.floating)
    return Value(column, written, shown, is_rounded, row)


def is_number(column: Column) -> bool:
    """Whether the values of a column are numbers, which stand to the right.

    Parameters
    ----------
    column : Column
        The declaration.

    Returns
    -------
    bool
    """
    return column.dtype in (NUMBER, COUNT)


def table_on_page(
    frame: pd.DataFrame, declared: Table, *, columns: Sequence[str] = ()
) -> TableOnPage:
    """Rows of a table for a page.

    Parameters
    ----------
    frame : DataFrame
        The rows, in order.
    declared : Table
        The declaration.
    columns : sequence of str
        Which columns; by default all but those that say whose row it is.

    Returns
    -------
    TableOnPage
    """
    names = columns or [name for name in declared.names if name not in NO_COLUMNS]
    heads = tuple(column for column in declared.columns if column.name in names)
    rows = tuple(
        (row_of(declared, row), tuple(value_of(row[one.name], one.name) for one in heads))
        for row in frame.to_dict("records")
    )
    return TableOnPage(name=declared.name, heads=heads, rows=rows)


def whole_row(row: Mapping, declared: Table) -> TableOnPage:
    """Every column of a row with its value as it is written.

    Parameters
    ----------
    row : mapping or Series
        The row.
    declared : Table
        The declaration.

    Returns
    -------
    TableOnPage
        With one row.
    """
    values = tuple(value_of(row[one.name], one.name, exact=True) for one in declared.columns)
    return TableOnPage(
        name=declared.name, heads=tuple(declared.columns), rows=((row_of(declared, row), values),)
    )


def count_of(states: Iterable[str]) -> str:
    """How often each state occurs, in words.

    Parameters
    ----------
    states : iterable of str
        States of checks.

    Returns
    -------
    str

    Examples
    --------
    >>> count_of(["pass", "fail", "pass"])
    '2 pass, 1 fail'
    """
    found = list(states)
    return ", ".join(f"{found.count(one)} {one}" for one in STATE_WORDS if one in found)
