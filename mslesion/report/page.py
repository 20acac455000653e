"""One self-contained HTML page a subject, put together from a part for each visit."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd

from mslesion.report.figures import LOCATION_COLORS, STRUCTURE_COLORS, data_uri
from mslesion.report.tables import format_value
from mslesion.segmentation.structures import STRUCTURES
from mslesion.tables import QUALITY, VISITS, Table
from mslesion.tables.lesions import LOCATIONS

RESEARCH_USE = (
    "Research use only. Not a medical device. Not validated for individual prognosis. MRI measures "
    "of progression are associated with outcome at group level; a single patient's values are "
    "dominated by measurement error for intervals under two years. Low values do not show absence "
    "of disease."
)
KEY_FIGURES = (
    "lesion_volume_ml", "lesion_count_cc", "lesion_count_centers", "pv_count", "jc_count",
    "ic_count", "it_count", "dwm_count", "dgm_count", "lesion_burden_wm_pct", "lesion_tiv_pct",
    "t1_index_mean", "t1_hypo_volume_ml", "brain_ml", "bpf", "gm_ml", "wm_ml", "thalamus_ml",
    "lat_vent_ml", "v3_width_mm", "tiv_ml",
)  # fmt: skip
"""Columns of the visit table that stand at the top of a visit."""
STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8882; }
* { box-sizing: border-box }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 1180px; padding: 0 16px 60px }
h1 { font-size: 1.5rem } h2 { border-top: 2px solid var(--line); margin-top: 2.2rem; padding-top: 1rem }
h3 { margin: 1.6rem 0 .4rem } p.note { color: #777; font-size: .86rem }
.research { border: 2px solid #c60; padding: .6rem .9rem; border-radius: 6px }
table { border-collapse: collapse; font-size: .88rem } th, td { border-bottom: 1px solid var(--line);
  padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px }
.figure { background: var(--soft); border-radius: 6px; padding: .45rem .6rem }
.figure b { display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums }
.figure span { font-size: .78rem } img { max-width: 100%; height: auto; background: #000; display: block }
.key span { display: inline-block; margin: 0 .9rem .2rem 0; white-space: nowrap; font-size: .84rem }
.key i { display: inline-block; width: 12px; height: 12px; margin-right: .3rem; vertical-align: -1px }
.state { font-weight: 600; white-space: nowrap } .warn { color: #b60 } .fail { color: #c22 }
details { margin: .4rem 0 } summary { cursor: pointer }
"""
MARKS = {
    "pass": "\u2713 pass",
    "warn": "! warn",
    "fail": "\u2717 fail",
    "not assessable": "? not assessable",
}


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
    return (
        f"<h3>{escape(caption)}</h3>{note}"
        f'<img alt="{escape(caption)}" src="{data_uri(image)}" loading="lazy">'
    )


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
    items = "".join(
        f'<span><i style="background:rgb{color}"></i>{escape(name)}</span>' for name, color in names
    )
    return f'<p class="key">{items}</p>'


def location_key() -> str:
    """Colours of the location classes."""
    return color_key([(name.replace("_", " "), LOCATION_COLORS[name]) for name in LOCATIONS])


def structure_key() -> str:
    """Colours of the structures."""
    return color_key([(part.name, STRUCTURE_COLORS[part.index]) for part in STRUCTURES])


def key_figures(row: pd.Series) -> str:
    """The main figures of a visit with their units.

    Parameters
    ----------
    row : Series
        A row of the visit table.

    Returns
    -------
    str
        HTML.
    """
    columns = {column.name: column for column in VISITS.columns}
    boxes = []
    for name in KEY_FIGURES:
        column = columns[name]
        value = format_value(row[name]) or "not assessable"
        unit = f" {column.units}" if column.units and value != "not assessable" else ""
        boxes.append(
            f'<div class="figure" title="{escape(column.description)}">'
            f"<span>{escape(name)}</span>"
            f'<b data-column="{name}">{escape(value)}</b><span>{escape(unit)}</span></div>'
        )
    return f'<div class="figures">{"".join(boxes)}</div>'


def table(frame: pd.DataFrame, declared: Table, *, columns: Sequence[str] = ()) -> str:
    """A table as HTML; every number is as in the CSV.

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
        f'<th scope="col" title="{escape(c.description)}">{escape(c.name)}</th>' for c in shown
    )
    body = []
    for _, row in frame.iterrows():
        cells = []
        for column in shown:
            text = format_value(row[column.name])
            kind = ' class="number"' if column.dtype in ("float64", "Int64") else ""
            if column.name == "state":
                kind = f' class="state {text.split()[0] if text else ""}"'
                text = MARKS.get(text, text)
            cells.append(f"<td{kind}>{escape(text)}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def quality_table(frame: pd.DataFrame) -> str:
    """The checks of a visit.

    Parameters
    ----------
    frame : DataFrame
        Rows of the quality table.

    Returns
    -------
    str
        HTML.
    """
    names = ("check_id", "check", "value", "unit", "threshold", "state", "detail")
    return "<h3>Quality checks</h3>" + table(frame, QUALITY, columns=names)


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
    return f"<h3>Methods</h3><p>{escape(text)}</p><ol>{items}</ol>"


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
    title = f"sub-{subject}"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<p class="research">{escape(RESEARCH_USE)}</p>{"".join(parts)}'
        f'<p class="note">mslesion {escape(version)}</p></body></html>\n'
    )
