"""A column's declaration, and what follows from it: types, checks, dictionaries."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from mslesion.errors import TableError
from mslesion.schema.identifiers import SESSION, SUBJECT, identifier

TEXT, NUMBER, COUNT, FLAG = "string", "float64", "Int64", "boolean"
"""The column types: text, decimal number, whole number, true/false. All may be empty."""
UNITS_ON_PAGES = {
    "percent": "%", "percent/year": "%/year", "percentage points": "points", "mm^3": "mm³",
    "year": "years",
}  # fmt: skip
"""Units that pages write in another way than tables do."""


IDENTIFIER = "Identifies the row; not measured."
GIVEN = "As the files of the dataset state it; not measured."
RATED = "As the rater states it; not measured."
SETTING = "Setting or version of this run; not measured."
DERIVED = "Follows by rule from other values of this run, and has their errors."
NOT_MEASURED = (IDENTIFIER, GIVEN, RATED, SETTING, DERIVED)
"""Methods of columns that have no error of their own."""


class Column(NamedTuple):
    """One column of a table that is written."""

    name: str
    dtype: str
    description: str
    units: str | None = None
    """Unit in the notation of BIDS; None for counts, ratios and text."""
    source: str | None = None
    """Source of the definition: a paper, or "mslesion"."""
    levels: Mapping[str, str] | None = None
    """The values a text column can have, with their meaning."""
    prefix: str = ""
    """Start of every value of a column of identifiers; a bare label is given it."""
    label: str = ""
    """Short name on pages and plots."""
    group: str = ""
    """Of a biomarker: load, location, look or brain."""
    requires: tuple[str, ...] = ()
    """What a biomarker needs, of `mslesion.schema.prerequisites`; the first one that is not met
    is the reason for an empty value."""
    uses: tuple[str, ...] = ()
    """Where a biomarker is shown or compared besides the tables, of
    `mslesion.schema.visits.USES`."""
    method: str = ""
    """How the values are measured, or one of `NOT_MEASURED`."""
    empty_when: str = ""
    """When a value is empty, besides what `requires` says."""
    has_course: bool = True
    """Whether the course of a biomarker over the visits is measured."""

    @property
    def unit_on_pages(self) -> str:
        """Unit as pages write it; empty for counts, ratios and text."""
        return UNITS_ON_PAGES.get(self.units or "", self.units or "")

    @property
    def title(self) -> str:
        """Label and unit, as the head of a column or a plot; the name where there is no label."""
        return ", ".join(filter(None, (self.label or self.name, self.unit_on_pages)))


def described(
    method: str,
    *columns: Column,
    group: str = "",
    requires: tuple[str, ...] = (),
    empty_when: str = "",
) -> tuple[Column, ...]:
    """Columns with what holds for all of them, where they say nothing else.

    Parameters
    ----------
    method : str
        How the values are measured.
    *columns : Column
        The columns.
    group, requires, empty_when
        As of `Column`. A column with prerequisites of its own is not given `empty_when`.

    Returns
    -------
    tuple of Column
    """
    return tuple(
        column._replace(
            method=column.method or method,
            group=column.group or group,
            empty_when=column.empty_when or ("" if column.requires else empty_when),
            requires=column.requires or requires,
        )
        for column in columns
    )


NO_SESSION = "the visits of the participant have no session label"
PARTICIPANT = Column(
    "participant_id", TEXT, "Participant, such as sub-007.", prefix=SUBJECT, method=IDENTIFIER
)
SESSION_OF_ROW = Column(
    "session_id",
    TEXT,
    "Session, such as ses-01.",
    prefix=SESSION,
    method=IDENTIFIER,
    empty_when=NO_SESSION,
)
PAIR_OF_SESSIONS = described(
    IDENTIFIER,
    Column("session_from", TEXT, "First session of the pair.", prefix=SESSION),
    Column("session_to", TEXT, "Second session of the pair.", prefix=SESSION),
    empty_when=NO_SESSION,
)
"""The columns that identify the participant and the visit of a row."""


class Table(NamedTuple):
    """A table that is written: its file name, its meaning and its columns."""

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    """The columns that identify a row; rows are sorted by them."""

    @property
    def names(self) -> list[str]:
        """Column names, in order."""
        return [column.name for column in self.columns]


def empty_table(table: Table) -> pd.DataFrame:
    """No rows, but every column with its type.

    Parameters
    ----------
    table : Table
        What to make.

    Returns
    -------
    DataFrame
    """
    return pd.DataFrame({c.name: pd.Series(dtype=_pandas(c.dtype)) for c in table.columns})


def as_table(rows: Iterable[Mapping] | pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows in the declared order and types; what is missing is empty.

    Parameters
    ----------
    rows : iterable of mapping, or DataFrame
        Values by column name. Names that are not declared are an error.
    table : Table
        The declaration.

    Returns
    -------
    DataFrame
        Sorted by the table's key.

    Raises
    ------
    TableError
        If a name is not declared, or a value does not fit its type.
    """
    if not isinstance(rows, pd.DataFrame):
        rows = list(rows)
        rows = pd.DataFrame(rows, index=range(len(rows)))
    frame = rows
    unknown = sorted(set(frame.columns) - set(table.names))
    if unknown:
        raise TableError(
            f"{table.name} has the column {unknown[0]!r}, but it is not declared. Declare it in "
            "mslesion.schema or remove it."
        )
    if not len(frame):
        return empty_table(table)
    out = {}
    for column in table.columns:
        values = frame.get(column.name)
        if values is None:
            values = pd.Series([None] * len(frame), index=frame.index, dtype=object)
        if values.dtype == object:
            values = values.where(values.notna(), None)  # float64 takes None, not pd.NA
        if column.prefix:
            values = values.map(partial(_identified, prefix=column.prefix), na_action="ignore")
        try:
            out[column.name] = values.astype(_pandas(column.dtype))
        except (TypeError, ValueError) as error:
            raise TableError(
                f"{table.name} has in column {column.name!r} a value that is not {column.dtype} "
                f"({error}). Give a {column.dtype} or leave it empty."
            ) from error
    result = pd.DataFrame(out).sort_values(list(table.key), kind="stable")
    return result.reset_index(drop=True)


def check_table(frame: pd.DataFrame, table: Table) -> None:
    """Raise unless a frame has just the declared columns, types and levels.

    Parameters
    ----------
    frame : DataFrame
        What is about to be written.
    table : Table
        The declaration.

    Raises
    ------
    TableError
        On the first difference.
    """
    wrong = set(frame.columns) ^ set(table.names)
    if not wrong and list(frame.columns) != table.names:
        raise TableError(
            f"{table.name} has its columns in a different order than declared. Pass it through "
            "mslesion.schema.as_table first."
        )
    if wrong:
        raise TableError(
            f"{table.name} has other columns than declared: {sorted(wrong)[:3]}. "
            "Pass it through mslesion.schema.as_table first."
        )
    for column in table.columns:
        found, wanted = frame[column.name].dtype, _pandas(column.dtype)
        if found != wanted:
            raise TableError(
                f"{table.name} has column {column.name!r} of type {found}, but {wanted} "
                "is declared. Pass it through mslesion.schema.as_table first."
            )
        if column.levels:
            odd = set(frame[column.name].dropna()) - set(column.levels)
            if odd:
                raise TableError(
                    f"{table.name} has the value {sorted(odd)[0]!r} in column "
                    f"{column.name!r}, but only {', '.join(column.levels)} are declared. "
                    "Use one of them or declare the level."
                )


def _identified(label: str, prefix: str) -> str | None:
    """A label with its prefix; None for an empty one."""
    return identifier(label, prefix) if label else None


def _pandas(dtype: str) -> pd.api.extensions.ExtensionDtype | np.dtype:
    """The pandas type of a declared one; text is never a categorical or object."""
    return pd.StringDtype(na_value=pd.NA) if dtype == TEXT else pd.api.types.pandas_dtype(dtype)
