"""One self-contained HTML page per participant, assembled from one part per visit."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

import numpy as np
import pandas as pd

from mslesion.io.tables import row_mark, show_value, value_tag
from mslesion.reports.figures import LOCATION_COLORS, STRUCTURE_COLORS, data_uri
from mslesion.reports.marks import MARKS
from mslesion.schema import LESIONS, QUALITY, Table
from mslesion.schema.columns import COUNT, NUMBER, Column
from mslesion.schema.identifiers import SUBJECT, identifier
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.structures import STRUCTURES

RESEARCH_USE = (
    "Research use only. Not a medical device. Not validated for individual prognosis. MRI measures "
    "of progression are associated with outcome at group level; a single patient's values are "
    "dominated by measurement error for intervals under two years. Low values do not show absence "
    "of disease."
)
STYLE_FILE = "page.css"


def picture(image: np.ndarray | None, caption: str, look_for: str = "") -> str:
    """A picture with its caption and what to look for.

    Parameters
    ----------
    image : (rows, columns, 3) uint8 array or None
        None gives nothing.
    caption, look_for : str
        Plain text.

    Returns
    -------
    str
        HTML.
    """
    if image is None:
        return ""
    note = f'<p class="note">{escape(look_for)}</p>' if look_for else ""
    height, width = image.shape[:2]
    return (
        f"<h3>{escape(caption)}</h3>{note}"
        f'<div class="scan" tabindex="0"><img alt="{escape(caption)}" width="{width}" '
        f'height="{height}" src="{data_uri(image)}"></div>'
    )


def folded(title: str, content: str, *, is_open: bool = False) -> str:
    """Content behind a line that opens it.

    Parameters
    ----------
    title : str
        Plain text.
    content : str
        HTML; empty gives nothing.
    is_open : bool
        Whether it is open at first.

    Returns
    -------
    str
        HTML.
    """
    if not content:
        return ""
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(title)}</summary>{content}</details>"


def color_mark(color: tuple) -> str:
    """A small square of a colour.

    Parameters
    ----------
    color : tuple of int
        RGB.

    Returns
    -------
    str
        HTML.
    """
    return f'<i class="color" style="background:rgb{color}"></i>'


def color_key(names: Sequence[tuple[str, tuple]]) -> str:
    """What the colours of a picture mean.

    Parameters
    ----------
    names : sequence of (str, tuple)
        Name and RGB colour.

    Returns
    -------
    str
        HTML.
    """
    items = "".join(f"<span>{color_mark(color)}{escape(name)}</span>" for name, color in names)
    return f'<p class="key">{items}</p>'


_WORDS = {one.name: one.words for one in LOCATION_CLASSES}


def region_name(location: str) -> str:
    """A location class in words.

    Parameters
    ----------
    location : str
        As in the lesion table.

    Returns
    -------
    str

    Examples
    --------
    >>> region_name("deep_white"), region_name("deep_grey")
    ('deep white matter', 'deep grey matter')
    """
    return _WORDS.get(location, location)


def location_key() -> str:
    """Colours of the location classes."""
    return color_key([(one.words, LOCATION_COLORS[one.name]) for one in LOCATION_CLASSES])


def structure_key() -> str:
    """Colours of the structures."""
    return color_key([(part.name, STRUCTURE_COLORS[part.number]) for part in STRUCTURES])


def table(frame: pd.DataFrame, declared: Table, *, columns: Sequence[str] = ()) -> str:
    """A table as HTML; every number is that of the CSV, rounded for the eye.

    Parameters
    ----------
    frame : DataFrame
        Rows.
    declared : Table
        Meaning of the columns.
    columns : sequence of str
        Which columns; by default all.

    Returns
    -------
    str
        HTML.
    """
    shown = [c for c in declared.columns if not columns or c.name in columns]
    head = "".join(
        f'<th scope="col"{_kind(c)} title="{escape(c.description)}">{escape(c.name)}</th>'
        for c in shown
    )
    body = []
    for _, row in frame.iterrows():
        cells = []
        for column in shown:
            text = show_value(row[column.name])
            if column.dtype in (NUMBER, COUNT):
                cells.append(value_tag(row[column.name], column.name, missing=""))
            elif column.name == "state":
                kind = f"state {text.split()[0] if text else ''}"
                cells.append(f'<td class="{kind}">{escape(MARKS.get(text, text))}</td>')
            else:
                cells.append(f"<td>{escape(text)}</td>")
        body.append(f"<tr {row_mark(declared, row)}>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _kind(column: Column) -> str:
    """Numbers stand to the right."""
    return ' class="number"' if column.dtype in (NUMBER, COUNT) else ""


def quality_table(frame: pd.DataFrame) -> str:
    """The checks of a visit, the worst first; folded when none needs a look.

    Parameters
    ----------
    frame : DataFrame
        Rows of the quality table.

    Returns
    -------
    str
        HTML.
    """
    names = ("check", "description", "value", "unit", "threshold", "state", "detail")
    order = frame["state"].map({"fail": 0, "warn": 1, "not assessable": 2, "pass": 3})
    rows = frame.loc[order.sort_values(kind="stable").index]
    counts = frame["state"].value_counts()
    title = ", ".join(f"{counts[state]} {state}" for state in MARKS if state in counts)
    needs_look = bool(frame["state"].isin(["fail", "warn"]).any())
    shown = table(rows, QUALITY, columns=names)
    return folded(f"Quality checks: {title}", shown, is_open=needs_look)


def lesion_table(frame: pd.DataFrame) -> str:
    """The lesions of a visit, the largest first, folded.

    Parameters
    ----------
    frame : DataFrame
        Rows of the lesion table.

    Returns
    -------
    str
        HTML; nothing where there is no lesion.
    """
    if not len(frame):
        return ""
    names = [name for name in LESIONS.names if name not in ("participant_id", "session_id")]
    rows = frame.sort_values("volume_mm3", ascending=False, kind="stable")
    return folded("All lesions of lesions.csv", table(rows, LESIONS, columns=names))


def methods_text(text: str, references: Sequence[str]) -> str:
    """Methods with numbered references.

    Parameters
    ----------
    text : str
        Plain text.
    references : sequence of str
        In order.

    Returns
    -------
    str
        HTML.
    """
    items = "".join(f"<li>{escape(reference)}</li>" for reference in references)
    return folded("Methods and references", f"<p>{escape(text)}</p><ol>{items}</ol>")


def subject_page(subject: str, parts: Sequence[str], *, version: str) -> str:
    """The page of a subject.

    Parameters
    ----------
    subject : str
        Label without ``sub-``.
    parts : sequence of str
        HTML, in order.
    version : str
        Of mslesion.

    Returns
    -------
    str
        A whole document that needs no network.
    """
    title = identifier(subject, SUBJECT)
    style = files("mslesion.reports").joinpath(STYLE_FILE).read_text("utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="research">{escape(RESEARCH_USE)}</p>{"".join(parts)}'
        f'<p class="note">mslesion {escape(version)}</p></body></html>\n'
    )
