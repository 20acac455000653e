"""Rules and panels of a visit in full: facts used and missing, evidence, error, confidence."""

import json
from collections.abc import Mapping
from html import escape

import pandas as pd

from mslesion.criteria.caveats import (
    MRI_PART_ONLY,
    preclinical_caveat,
)
from mslesion.criteria.facts import FACT_WORDS
from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.reports.page import folded
from mslesion.schema import CRITERIA, PANELS

STATE_MARKS = {
    "met": "\N{BLACK CIRCLE} met",
    "not met": "\N{WHITE CIRCLE} not met",
    "present": "\N{BLACK CIRCLE} present",
    "not seen": "\N{WHITE CIRCLE} not seen",
    "reported": "\N{BULLET} reported",
    "not assessable": "? not assessable",
}
"""Every verdict and state with a mark that is read without colour."""
TITLES = {
    "pre-clinical": "Findings of this visit",
    "susceptibility": "Central veins and paramagnetic rims",
    "activity": "Activity since the previous visit",
    "progressive": "Progressive activity: nine domains, no score",
}
"""Headings of the panels, in their order on the page."""


def criteria_and_panels(criteria: pd.DataFrame, panels: pd.DataFrame, *, is_open: bool) -> str:
    """Rules and panels of one visit.

    Parameters
    ----------
    criteria, panels : DataFrame
        Rows of criteria.csv and panels.csv of the visit.
    is_open : bool
        Whether the panels of change are open at first.

    Returns
    -------
    str
        HTML.
    """
    parts = []
    for name in reversed(TITLES):  # the panel of change first: it is what is asked for
        rows = panels[panels["panel"] == name]
        if len(rows):
            shown = is_open and name in ("progressive", "activity")
            parts.append(folded(TITLES[name], panel_table(rows), is_open=shown))
    parts.append(folded("Published rules", criteria_table(criteria)))
    return "".join(parts)


def words_of(missing: str) -> list[str]:
    """Facts in words.

    Parameters
    ----------
    missing : str
        Names of facts, joined by semicolons.

    Returns
    -------
    list of str

    Examples
    --------
    >>> words_of("cord_count; oligoclonal_bands")
    ['spinal cord lesions', 'CSF-restricted oligoclonal bands']
    """
    return [FACT_WORDS[name] for name in missing.split("; ") if name]


def facts_in_words(facts_json: str) -> str:
    """Known facts of a rule, each with its value.

    Parameters
    ----------
    facts_json : str
        As in criteria.csv.

    Returns
    -------
    str

    Examples
    --------
    >>> facts_in_words('{"cord_count": 2, "incidental": true}')
    'spinal cord lesions 2; whether the lesions are an incidental finding: yes'
    """
    parts = []
    for name, value in json.loads(facts_json).items():
        is_flag = isinstance(value, bool)
        parts.append(f"{FACT_WORDS[name]}{':' if is_flag else ''} {show_value(value)}")
    return "; ".join(parts)


def criteria_table(criteria: pd.DataFrame) -> str:
    """Every rule with its verdict, and what the verdict rests on.

    Parameters
    ----------
    criteria : DataFrame
        Rows of criteria.csv of one visit.

    Returns
    -------
    str
        HTML.
    """
    body = "".join(_rule(row) for row in criteria.to_dict("records"))
    heads = ("rule", "verdict", "facts used", "not known", "changes", "evidence for the wording")
    return f'{_table(heads, body)}<p class="note">{escape(MRI_PART_ONLY)}</p>'


def provisional_mark(row: Mapping) -> str:
    """The word "provisional" for a rule that is so, else nothing.

    Parameters
    ----------
    row : mapping
        Row of criteria.csv.

    Returns
    -------
    str
        HTML.
    """
    if not row["provisional"]:
        return ""
    return '<br><small data-column="provisional" data-value="true">provisional</small>'


def _rule(row: Mapping) -> str:
    """One rule."""
    verdict = escape(STATE_MARKS[row["met"]])
    score = ""
    if not pd.isna(row["score_low"]):
        ends = [value_tag(row[n], n, tag="span", kind="") for n in ("score_low", "score_high")]
        text = ends[0] if row["score_low"] == row["score_high"] else " to ".join(ends)
        score = f"<br><small>score {text}</small>"
    missing = "; ".join(words_of(format_value(row["missing"])))
    changes = format_value(row["changes_if"])
    if not pd.isna(row["borderline"]) and row["borderline"]:
        changes = f"borderline: {changes}"
    elif pd.isna(row["borderline"]):
        changes = "not evaluated"
    return (
        f"<tr {row_mark(CRITERIA, row)}><td>{escape(row['title'])} "
        f"<small>{escape(row['rule'])}</small>{provisional_mark(row)}</td>"
        f'<td class="state" data-column="met" data-value="{escape(row["met"])}">{verdict}{score}'
        f"</td><td>{escape(facts_in_words(row['facts_json']))}</td><td>{escape(missing)}</td>"
        f"<td>{escape(changes)}</td>"
        f"<td>{escape(row['evidence'])} <small>{escape(row['source'])}</small></td></tr>"
    )


def panel_table(panel: pd.DataFrame) -> str:
    """One panel with its pattern or its caveat on top.

    Parameters
    ----------
    panel : DataFrame
        Rows of panels.csv of one visit and panel.

    Returns
    -------
    str
        HTML.
    """
    top = ""
    if panel["panel"].iloc[0] == "pre-clinical":
        met = panel.loc[panel["state"] == "met", "domain"]
        top = f"<p>{escape(preclinical_caveat(list(met)))}</p>"
    is_pattern = panel["domain"] == "pattern"
    for text in panel.loc[is_pattern, "text"]:
        top += f"<p><b>Pattern {escape(text)}</b></p>"
    body = "".join(_domain(row) for row in panel[~is_pattern].to_dict("records"))
    heads = ("domain", "state", "value", "noise floor", "present when", "confidence", "evidence")
    return top + _table((*heads, "details"), body)


def _domain(row: Mapping) -> str:
    """One domain."""
    unit = format_value(row["unit"]).replace("percent", "%").replace("^3", "\N{SUPERSCRIPT THREE}")
    value = value_tag(row["value"], "value", tag="span", kind="")
    if not pd.isna(row["value"]):
        value += f" {escape(unit)}"
    if not pd.isna(row["ci95_low"]):
        ends = (value_tag(row[n], n, tag="span", kind="") for n in ("ci95_low", "ci95_high"))
        value += f" <small>({' to '.join(ends)})</small>"
    text = "".join(
        f"<td>{escape(format_value(row[name]))}</td>"
        for name in ("threshold", "confidence", "evidence", "text")
    )
    return (
        f"<tr {row_mark(PANELS, row)}><td>{escape(row['domain'])}</td>"
        f'<td class="state" data-column="state" data-value="{escape(row["state"])}">'
        f"{escape(STATE_MARKS[row['state']])}</td>"
        f'<td class="number">{value}</td>{value_tag(row["noise_floor"], "noise_floor")}{text}</tr>'
    )


def _table(heads, body: str) -> str:
    """A table that may be scrolled sideways."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    return (
        '<div class="wide" tabindex="0"><table class="reading">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
