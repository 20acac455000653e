"""The summary of a visit at the top of its section."""

from html import escape

import pandas as pd

from mslesion.io.tables import row_mark, show_value, value_tag
from mslesion.reports.figures import LOCATION_COLORS
from mslesion.reports.marks import MARKS, mark, problems_of
from mslesion.reports.page import color_mark, region_name
from mslesion.schema import VISITS, Table
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.modalities import in_words
from mslesion.schema.prerequisites import read_reasons
from mslesion.schema.visits import label_of, used_for

NOT_ASSESSABLE = "not assessable"

_COLUMNS = {column.name: column for column in VISITS.columns}


def summary(row: pd.Series) -> str:
    """Technique, key figures, lesions by region, brain, and what could not be measured.

    Parameters
    ----------
    row : Series
        A row of the visit table.

    Returns
    -------
    str
        HTML.
    """
    tables = (
        f"<div><h3>Lesions by region</h3>{_regions(row)}</div>"
        f"<div><h3>Lesion appearance and ratios</h3>{_measures(row, 'lesion table')}</div>"
        f"<div><h3>Brain</h3>{_measures(row, 'brain table')}</div>"
    )
    return (
        f"<div {row_mark(VISITS, row)}>{_technique(row)}{_glance(row)}"
        f'<div class="columns">{tables}</div>{_missing(row)}</div>'
    )


def all_measures(row: pd.Series, declared: Table = VISITS) -> str:
    """Every column of a table with its value, unit and meaning.

    Parameters
    ----------
    row : Series
        A row of the table.
    declared : Table
        Which table.

    Returns
    -------
    str
        HTML, folded.
    """
    body = "".join(
        f"<tr><td>{escape(column.name)}</td>{value_tag(row[column.name], column.name, exact=True)}"
        f"<td>{escape(column.units or '')}</td><td>{escape(column.description)}</td></tr>"
        for column in declared.columns
    )
    return (
        f"<details><summary>All measures of {declared.name}.csv</summary>"
        f'<div class="wide" {row_mark(declared, row)}><table><thead><tr><th scope="col">column</th>'
        '<th scope="col" class="number">value</th><th scope="col">unit</th>'
        f'<th scope="col">meaning</th></tr></thead><tbody>{body}</tbody></table></div></details>'
    )


def _technique(row: pd.Series) -> str:
    """One line on the scans and how they were read."""
    parts = [in_words(row["inputs"])]
    if not pd.isna(row["flair_dim"]):
        parts.append(f"FLAIR {row['flair_dim']}, voxels {row['flair_voxel_mm']} mm")
    if not pd.isna(row["t1_type"]) and row["t1_type"] != "unknown":
        parts.append(f"T1w {row['t1_type']}")
    if not pd.isna(row["field_t"]):
        parts.append(f"{show_value(row['field_t'])} T")
    parts.append("without skull" if row["skull_stripped"] else "whole head")
    if not pd.isna(row["lesion_count"]):
        parts.append(f"lesions by {row['segmenter']}")
    return f'<p class="note">{escape("; ".join(parts))}</p>'


def _glance(row: pd.Series) -> str:
    """The boxes on top."""
    boxes = []
    problems, reasons = problems_of(row), read_reasons(row["empty_because"])
    for name in used_for("glance"):
        there = not pd.isna(row[name])
        number = value_tag(
            row[name], name, tag="b", kind="" if there else "none", missing=NOT_ASSESSABLE
        )
        if there:
            number += f" <small>{escape(_COLUMNS[name].unit_on_pages)}</small>"
            number += mark(problems, [_COLUMNS[name]])
        elif name in reasons:
            number += f" <small>{escape(reasons[name])}</small>"
        boxes.append(
            f'<div class="figure" title="{escape(_COLUMNS[name].description)}">'
            f"<span>{escape(_COLUMNS[name].label)}</span>{number}</div>"
        )
    state = row["quality_state"]
    boxes.append(
        '<div class="figure"><span>Quality checks</span>'
        f'<b class="state {state.split()[0]}">{escape(MARKS[state])}</b></div>'
    )
    return f'<div class="glance">{"".join(boxes)}</div>'


def _regions(row: pd.Series) -> str:
    """Count and volume of each location class, and of all."""
    lines = [
        f"<tr><td>{color_mark(LOCATION_COLORS[one.name])}{escape(region_name(one.name))}</td>"
        f"{_cell(row, one.count_column)}{_cell(row, one.volume_column)}</tr>"
        for one in LOCATION_CLASSES
    ]
    lines.append(
        f'<tr class="total"><td>all</td>{_cell(row, "lesion_count")}'
        f"{_cell(row, 'lesion_volume_ml')}</tr>"
    )
    return (
        '<table><thead><tr><th scope="col">region</th><th scope="col" class="number">lesions</th>'
        '<th scope="col" class="number">mL</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )


def _measures(row: pd.Series, use: str) -> str:
    """Some measures with their units."""
    lines = [
        f'<tr title="{escape(_COLUMNS[name].description)}"><td>{escape(_COLUMNS[name].label)}</td>'
        f"{_cell(row, name)}<td>{escape(_COLUMNS[name].unit_on_pages)}</td></tr>"
        for name in used_for(use)
    ]
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def _cell(row: pd.Series, name: str) -> str:
    """A value; a dash where it is empty."""
    return value_tag(row[name], name)


def _missing(row: pd.Series) -> str:
    """What is not assessable, by reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in read_reasons(row["empty_because"]).items():
        by_reason.setdefault(reason, []).append(label_of(name))
    if not by_reason:
        return ""
    text = "; ".join(f"{', '.join(names)} ({why})" for why, names in by_reason.items())
    return f'<p class="note"><b>Not assessable:</b> {escape(text)}.</p>'
