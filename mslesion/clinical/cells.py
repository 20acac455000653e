"""Tables of clinical data, cell by cell: separators, headers, numbers, dates, yes and no."""

import csv
import difflib
import io
import logging
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mslesion.clinical.file_content import missing_content
from mslesion.errors import TableError
from mslesion.schema.ratings import (
    COLUMN_BY_NAME,
    COUNT,
    DATE,
    DATES,
    FLAG,
    FREE_COLUMNS,
    KEYS,
    LESION,
    LEVEL,
    LIST_SEPARATOR,
    NO,
    NUMBER,
    UNKNOWN,
    VISIT,
    YES,
    RatedColumn,
)
from mslesion.schema.time import EARLIEST_DAY, is_possible_day

log = logging.getLogger(__name__)

SPREADSHEET_EPOCH = date(1899, 12, 30)
"""Day 0 of the numbers a spreadsheet makes of dates."""
OLD_AGE = "89+"
"""How BIDS writes ages of 89 years and more, to protect participants; read as 89."""
SIMILAR_NAME = 0.85
"""Column names this alike (difflib ratio, inclusive) are taken for a misspelling."""
SESSIONS_FILE = re.compile(r"sub-([A-Za-z0-9]+)_sessions\.tsv")
"""BIDS table of the sessions of one subject, who is named by the file."""
_LABEL = re.compile(r"[A-Za-z0-9]+")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_ISO = re.compile(r"\d{8}|\d{4}-\d{2}-\d{2}([T ].*)?")
_OTHER_SEPARATORS = {"\t": "tabs", ";": "semicolons", ",": "commas"}


class Cell(NamedTuple):
    """A value and where it was read."""

    value: Any
    path: Path
    row: int
    """Line of the file; the header is line 1."""
    column: str
    """Its name in the file."""

    @property
    def place(self) -> str:
        """Where it was read, in words."""
        return f"{self.path}, row {self.row}, column {self.column!r}"


def read_cells(path: Path, *, strict: bool) -> Iterator[dict[str, Cell]]:
    """Rows of a CSV or TSV file as cells by declared name; unknown values are None.

    Parameters
    ----------
    path : Path
        A file that ends in ``.csv`` (commas) or ``.tsv`` (tabs), in UTF-8.
    strict : bool
        Whether a column that is not declared is an error. If not, a name that resembles a
        declared one gives a warning in the log; columns of lesions are ignored, and so are
        columns of visits under other names in a table of persons.

    Yields
    ------
    dict of str to Cell

    Raises
    ------
    TableError
        With file, row, column and remedy.
    """
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(_text(path)), delimiter=separator)
    header = next(reader, [])
    names = _names(path, header, separator, strict=strict)
    for texts in reader:
        if not any(text.strip() for text in texts):
            continue
        if len(texts) != len(header):
            raise TableError(
                f"{path}, row {reader.line_num} has {len(texts)} values, but the header has "
                f"{len(header)}. Correct the row; put a value that holds the separator in quotes."
            )
        yield {
            name: _cell(Cell(text.strip(), path, reader.line_num, column), name)
            for name, column, text in zip(names, header, texts, strict=True)
            if name
        }


def _text(path: Path) -> str:
    """Content of a text file in UTF-8."""
    if problem := missing_content(path):
        raise TableError(problem)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise TableError(
            f"{path} cannot be read ({error.strerror}), but a table is expected. Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path} is not text in UTF-8, but a CSV or TSV file is expected. "
            "Save it as 'CSV UTF-8 (comma delimited)'."
        ) from error


def _names(path: Path, header: list[str], separator: str, *, strict: bool) -> list[str]:
    """Declared name of each column; empty for one that is not read."""
    if len(header) < 2:
        for other, word in _OTHER_SEPARATORS.items():
            if other != separator and other in "".join(header):
                raise TableError(
                    f"{path} is separated by {word}, but {_OTHER_SEPARATORS[separator]} are "
                    f"expected in a {path.suffix} file. Save it with "
                    f"{_OTHER_SEPARATORS[separator]} and a decimal point."
                )
    names = [_name(path, column.strip(), strict=strict) for column in header]
    if not strict:
        of_visits = "session_id" in names
        pairs = zip(names, header, strict=True)
        names = [n if _is_meant(n, column, of_visits=of_visits) else "" for n, column in pairs]
    if "participant_id" not in names and not SESSIONS_FILE.fullmatch(path.name):
        raise TableError(
            f"{path} has no column 'participant_id', but it identifies the rows. Give the column "
            "of the participant labels this name."
        )
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice:
        raise TableError(
            f"{path} has two columns for {twice!r}, but one is expected. Remove one of them."
        )
    return names


def _name(path: Path, column: str, *, strict: bool) -> str:
    """Declared name of one column."""
    low = column.lower()
    for key, others in KEYS.items():
        if low in (key, *others):
            return key
    if low in COLUMN_BY_NAME:
        return COLUMN_BY_NAME[low].name
    near = _similar_name(low)
    if near and not strict:
        log.warning("%s: the column %r is not read; was %r meant?", path, column, near)
    elif near or (strict and low not in FREE_COLUMNS):
        hint = f"Did you mean {near!r}?" if near else "Use a declared name or remove it."
        raise TableError(f"{path} has the column {column!r}, but it is not declared. {hint}")
    return ""


@cache
def _similar_name(column: str) -> str:
    """The declared name that another one resembles; empty if there is none."""
    names = [*KEYS, *COLUMN_BY_NAME]
    return next(iter(difflib.get_close_matches(column, names, n=1, cutoff=SIMILAR_NAME)), "")


def _is_meant(name: str, column: str, *, of_visits: bool) -> bool:
    """Whether a column of a BIDS table is a declared one, not another with the same short name.

    Such tables hold many other columns: an "index" or "label" is not a lesion, and the "date"
    of a table of persons is not the date of a visit.
    """
    if not name or name in KEYS:
        return bool(name)
    of = COLUMN_BY_NAME[name].of
    by_other_name = column.strip().lower() != name
    return of != LESION and not (of == VISIT and by_other_name and not of_visits)


def _cell(cell: Cell, name: str) -> Cell:
    """A cell with its value in place of its text."""
    if name in KEYS:
        return cell._replace(value=_label(cell, name))
    if cell.value.lower() in UNKNOWN:
        return cell._replace(value=None)
    return cell._replace(value=_value(cell, COLUMN_BY_NAME[name]))


def _label(cell: Cell, name: str) -> str:
    """A subject or session label without its prefix."""
    label = cell.value.removeprefix("sub-" if name == "participant_id" else "ses-")
    if name == "session_id" and label.lower() in UNKNOWN:
        return ""
    if name == "session_id" and _DAY.fullmatch(label):  # a folder of a plain tree
        return label.replace("-", "")
    if not _LABEL.fullmatch(label):
        raise wrong(cell, "a label of letters and digits", "Write it as the folder is named.")
    return label


def _value(cell: Cell, column: RatedColumn) -> Any:
    """The value of a cell that is not empty."""
    text, low = cell.value, cell.value.lower()
    if column.kind == FLAG:
        if low not in YES + NO:
            raise wrong(cell, "yes or no", "Write yes or no; leave it empty if it is not known.")
        return low in YES
    if column.kind == LEVEL:
        levels = column.levels or {}
        for level, others in levels.items():
            if low in (level, *others):
                return level
        raise wrong(cell, " or ".join(levels), "Write one of them.")
    if column.kind == DATE:
        return _date(cell, text)
    if column.kind == DATES:
        return tuple(_date(cell, part.strip()) for part in text.split(LIST_SEPARATOR))
    return _number(cell, column) if column.kind in (COUNT, NUMBER) else text


def _number(cell: Cell, column: RatedColumn) -> float | int:
    """A number in its range, whole for a count."""
    expected = f"a {column.kind} from {column.low:g} to {column.high:g}"
    remedy = "Give it with a decimal point and without a unit; leave it empty if it is not known."
    text = cell.value
    if column.name == "age_years" and text == OLD_AGE:
        text = text.removesuffix("+")
    try:
        number = float(text)
    except ValueError as error:
        raise wrong(cell, expected, remedy) from error
    if not column.low <= number <= column.high:
        raise wrong(cell, expected, "Correct it; leave it empty if it is not known.")
    if column.kind == COUNT and number != int(number):
        raise wrong(cell, expected, remedy)
    return int(number) if column.kind == COUNT else number


def _date(cell: Cell, text: str) -> date:
    """A day in ISO form; a number that a spreadsheet made of a date is an error."""
    remedy = "Format the column as text and write the date as YYYY-MM-DD."
    if re.fullmatch(r"\d{5}(\.0)?", text):
        meant = SPREADSHEET_EPOCH + timedelta(days=int(float(text)))
        raise wrong(
            cell,
            "a date such as 2020-01-31",
            f"A spreadsheet converted {meant} to a number. {remedy}",
        )
    if not _ISO.fullmatch(text):
        raise wrong(cell, "a date such as 2020-01-31", remedy)
    day = parse_day(text)
    if day is None:
        raise wrong(cell, "a day that exists", "Correct it.")
    if not is_possible_day(day):
        raise wrong(
            cell,
            f"a day from {EARLIEST_DAY} to today",
            "Correct it; dates that are shifted to protect a person are before 1925.",
        )
    return day


def parse_day(text: str) -> date | None:
    """The day of an ISO 8601 date, with or without a time of day.

    Parameters
    ----------
    text : str
        Such as ``2020-01-31``, ``2020-01-31T09:00:00`` or ``20200131``.

    Returns
    -------
    date or None
        None if the text is not such a date.

    Examples
    --------
    >>> parse_day("20200131"), parse_day("month12")
    (datetime.date(2020, 1, 31), None)
    """
    if not _ISO.fullmatch(text.strip()):
        return None
    try:
        return datetime.fromisoformat(text.strip()).date()
    except ValueError:
        return None


def wrong(cell: Cell, expected: str, remedy: str) -> TableError:
    """The error of a cell.

    Parameters
    ----------
    cell : Cell
        What was read.
    expected : str
        What should stand there.
    remedy : str
        What to do.

    Returns
    -------
    TableError
    """
    return TableError(f"{cell.place} has {str(cell.value)!r}, but {expected} is expected. {remedy}")
