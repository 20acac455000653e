"""Tables as files: CSV for people, TSV for BIDS, a data dictionary beside each."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.io.nifti import write_bytes
from mslesion.schema import Table, as_table, check_table, empty_table, sidecar

SIGNIFICANT_DIGITS = 6
"""Number of significant digits of decimal numbers in files."""
SHOWN_DIGITS = 3
"""Number of significant digits on pages. Whole numbers are never shortened, and the written value
is in the tooltip."""


def format_value(value) -> str:
    """Format a value as in every table and page.

    Parameters
    ----------
    value : object
        A number, text, true/false, or what is missing.

    Returns
    -------
    str
        Empty for what is missing.

    Examples
    --------
    >>> format_value(12.3456789), format_value(3), format_value(None), format_value(True)
    ('12.3457', '3', '', 'true')
    """
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return f"{value:.{SIGNIFICANT_DIGITS}g}"
    return str(value)


def show_value(value) -> str:
    """A value as a page shows it: the value of the CSV, rounded for the eye.

    Parameters
    ----------
    value : object
        A number, text, true/false, or what is missing.

    Returns
    -------
    str
        Empty for what is missing.

    Examples
    --------
    >>> [show_value(value) for value in (0.557056, 1103.47, 0.0, -0.25149, 12, "n", None)]
    ['0.557', '1103', '0', '-0.251', '12', 'n', '']
    """
    text = format_value(value)
    if not text or not isinstance(value, float | np.floating):
        return {"true": "yes", "false": "no"}.get(text, text)
    number = float(text) + 0.0  # no minus before a zero
    if abs(number) >= 10 ** (SHOWN_DIGITS - 1):
        return f"{number:.0f}"
    return f"{number:.{SHOWN_DIGITS}g}"


def as_text(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """A table with every value as text.

    Parameters
    ----------
    frame : DataFrame
        A table as declared.
    table : Table
        Its declaration.

    Returns
    -------
    DataFrame

    Raises
    ------
    TableError
        If the frame is not as declared.
    """
    check_table(frame, table)
    return pd.DataFrame(
        {
            column.name: pd.Series([format_value(v) for v in frame[column.name]], dtype=object)
            for column in table.columns
        }
    )


def csv_lines(frame: pd.DataFrame, table: Table) -> str:
    """The rows of a table as they stand in its CSV, without the line of the column names.

    Parameters
    ----------
    frame : DataFrame
        A table as declared.
    table : Table
        Its declaration.

    Returns
    -------
    str
        Empty without rows.

    Raises
    ------
    TableError
        If the frame is not as declared.
    """
    return as_text(frame, table).to_csv(index=False, header=False, lineterminator="\n")


def write_csv(
    frame: pd.DataFrame, table: Table, folder: str | Path, *, name: str | None = None
) -> Path:
    """Write ``<name>.csv`` and its data dictionary ``<name>.json``.

    Parameters
    ----------
    frame : DataFrame
        A table as declared.
    table : Table
        Its declaration.
    folder : str or Path
        Where to.
    name : str, optional
        Name of the file without its ending; by default that of the table.

    Returns
    -------
    Path
        Of the CSV.
    """
    path = Path(folder) / f"{name or table.name}.csv"
    text = as_text(frame, table).to_csv(index=False, lineterminator="\n")
    write_bytes(text.encode(), path)
    write_json(sidecar(table), path.with_suffix(".json"))
    return path


def read_table(path: Path, table: Table, *, columns: Sequence[str]) -> pd.DataFrame:
    """Some columns of a table that `write_csv` has written, with their declared types.

    Parameters
    ----------
    path : Path
        Of the CSV.
    table : Table
        Its declaration.
    columns : sequence of str
        Which columns.

    Returns
    -------
    DataFrame
    """
    types = {name: dtype for name, dtype in empty_table(table).dtypes.items() if name in columns}
    return pd.read_csv(
        path, usecols=list(columns), dtype=types, keep_default_na=False, na_values=[""]
    )[list(columns)]


def write_tsv(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table for BIDS: tabs, ``n/a`` for what is missing.

    Parameters
    ----------
    frame : DataFrame
        Any table.
    path : str or Path
        Where to.
    """
    text = frame.map(format_value).replace("", "n/a") if len(frame) else frame
    write_bytes(text.to_csv(sep="\t", index=False, lineterminator="\n").encode(), path)


def write_json(content: dict | list, path: str | Path) -> None:
    """Write JSON, indented, with a newline at the end.

    Parameters
    ----------
    content : dict or list
        Plain values.
    path : str or Path
        Where to.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_bytes(text.encode(), path)


def rows_of(frame: pd.DataFrame) -> list[dict]:
    """Rows of a table as plain values that JSON can hold.

    Parameters
    ----------
    frame : DataFrame
        A table as declared.

    Returns
    -------
    list of dict
        Missing values are None.
    """
    plain = frame.astype(object).where(frame.notna(), None)
    return [
        {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in row.items()
        }
        for row in plain.to_dict("records")
    ]


def merged(parts: Sequence[pd.DataFrame], table: Table) -> pd.DataFrame:
    """Tables of several visits as one, sorted by the table's key.

    Parameters
    ----------
    parts : sequence of DataFrame
        Tables as declared; may be none.
    table : Table
        Their declaration.

    Returns
    -------
    DataFrame
    """
    rows = [row for part in parts for row in rows_of(part)]
    return as_table(rows, table)
