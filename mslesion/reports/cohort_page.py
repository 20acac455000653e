"""The page of a cohort: distributions, and one line per visit that can be sorted and filtered.

The page is whole without its script: all visits, in order. The script adds buttons to the
column heads and a form that keeps the visits for which a rule was met, not met or open.
"""

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files

import numpy as np
import pandas as pd

from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.reports.criteria_section import STATE_MARKS
from mslesion.reports.overview import by_subject, change_of
from mslesion.reports.page import MARKS, RESEARCH_USE, STYLE_FILE
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS
from mslesion.schema.criteria import OUTCOMES
from mslesion.schema.identifiers import rows_of_visit
from mslesion.schema.visits import used_for

SCRIPT_FILE = "cohort_page.js"

DISTRIBUTIONS = (
    *((VISITS.name, name) for name in used_for("histogram")),
    (CHANGES.name, "new_t2_count"), (CHANGES.name, "pbvc_pct_per_year"),
)  # fmt: skip
"""Table and column of each histogram."""
BINS = 12
WIDTH, HEIGHT = 240, 80
"""Of a histogram, in its own units."""
VISIT_COLUMNS = (
    "age_years", "lesion_count", "lesion_volume_ml", "t1_hypointense_volume_ml", "bpf",
)  # fmt: skip
CHANGE_COLUMNS = ("new_t2_count", "enlarging_count", "pbvc_pct_per_year")
"""Columns of visits.csv and of changes.csv in the line of a visit."""
RULES_SHOWN = {"mcdonald2017_dis": "Space 2017", "mcdonald2024_dis": "Space 2024"}
"""Rules with a column of their own; each rule can be filtered by."""
_TITLES = {
    (table.name, one.name): one.title for table in (VISITS, CHANGES) for one in table.columns
}


def cohort_page(
    tables: Mapping[str, pd.DataFrame], sessions: Mapping[str, Sequence[str]], *, version: str
) -> str:
    """The page of a cohort.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    sessions : mapping of str to sequence of str
        Session labels of each subject, the latest last.
    version : str
        Of mslesion.

    Returns
    -------
    str
        A whole document that needs no network.
    """
    lines, latest = [], []
    own = by_subject(tables)
    for subject, labels in sessions.items():
        for session in labels:
            line = _Line(own[subject], subject, session, is_latest=session == labels[-1])
            lines.append(line.html())
            latest += [line] if line.is_latest else []
    count = f"{len(sessions)} participants, {len(lines)} visits"
    folder = files("mslesion.reports")
    style, script = (folder.joinpath(n).read_text("utf-8") for n in (STYLE_FILE, SCRIPT_FILE))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>mslesion: cohort</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{style}</style></head><body><h1>Cohort: {count}</h1>"
        f'<p class="research">{escape(RESEARCH_USE)}</p>'
        f"<h2>Distributions</h2>{_distributions(latest)}<h2>Visits</h2>{_filter(tables)}"
        f'<div class="wide" tabindex="0"><table id="visits"><thead><tr>{_heads()}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>"
        '<p class="note">Visits that failed stand in logs/failures.tsv. Rules are parts of '
        "published criteria, no diagnosis; unknown facts leave them open.</p>"
        f'<p class="note">mslesion {escape(version)}</p><script>{script}</script></body></html>\n'
    )


class _Line:
    """One visit with what was found about it."""

    def __init__(self, tables, subject: str, session: str, *, is_latest: bool):
        self.is_latest = is_latest
        self.visit = rows_of_visit(tables[VISITS.name], subject, session).iloc[0]
        self.criteria = rows_of_visit(tables[CRITERIA.name], subject, session)
        self.panels = rows_of_visit(tables[PANELS.name], subject, session)
        self.change = change_of(tables, self.criteria)

    def value(self, table: str, column: str):
        """A value of the visit, or of its pair; None where there is no pair."""
        if table == VISITS.name:
            return self.visit[column]
        return None if self.change is None else self.change[column]

    def html(self) -> str:
        """The line of the table."""
        visit, rules = self.visit, self.criteria.set_index("rule")["met"]
        subject, session = visit["participant_id"], format_value(visit["session_id"])
        cells = [
            f'<th scope="row" data-value="{escape(subject)}">'
            f'<a href="{escape(subject)}.html">{escape(subject)}</a></th>',
            _text(session),
            _text(format_value(visit["visit_date"])),
            *(value_tag(visit[name], name) for name in VISIT_COLUMNS),
        ]
        for name in CHANGE_COLUMNS:
            if self.change is None:
                cells.append('<td class="number" data-value="">\N{EN DASH}</td>')
                continue
            mark = row_mark(CHANGES, self.change)
            cells.append(value_tag(self.change[name], name).replace("<td ", f"<td {mark} ", 1))
        pattern = self.panels.loc[self.panels["domain"] == "pattern", "text"]
        cells.append(_text(pattern.iloc[0].split(":")[0] if len(pattern) else ""))
        cells += [_text(rules.get(rule, ""), STATE_MARKS) for rule in RULES_SHOWN]
        cells.append(_text(format_value(visit["quality_state"]), MARKS))
        met, unknown = (
            " ".join(rules.index[rules == state]) for state in ("met", "not assessable")
        )
        return (
            f'<tr {row_mark(VISITS, visit)} data-latest="{"yes" if self.is_latest else "no"}" '
            f'data-met="{met}" data-open="{unknown}">{"".join(cells)}</tr>'
        )


def _text(value: str, marks: Mapping[str, str] | None = None) -> str:
    """A cell of text."""
    shown = (marks or {}).get(value, value)
    kind = ' class="state"' if marks else ""
    return f'<td{kind} data-value="{escape(value)}">{escape(shown)}</td>'


def _heads() -> str:
    """Column heads."""
    names = [("Participant", ""), ("Session", ""), ("Date", "")]
    names += [(_TITLES[VISITS.name, name], "number") for name in VISIT_COLUMNS]
    names += [(_TITLES[CHANGES.name, name], "number") for name in CHANGE_COLUMNS]
    names += [("Pattern", ""), *((name, "") for name in RULES_SHOWN.values()), ("Quality", "")]
    return "".join(
        f'<th scope="col"{f" class={kind}" if kind else ""}>{escape(name)}</th>'
        for name, kind in names
    )


def _filter(tables: Mapping[str, pd.DataFrame]) -> str:
    """The form that the script shows; of no use without it."""
    rules = tables[CRITERIA.name].drop_duplicates("rule").sort_values("position")
    options = "".join(
        f'<option value="{escape(row["rule"])}">{escape(row["title"])}'
        f"{' (provisional)' if row['provisional'] else ''}</option>"
        for _, row in rules.iterrows()
    )
    verdicts = "".join(f"<option>{escape(verdict)}</option>" for verdict in OUTCOMES)
    return (
        '<form id="filter" hidden><label>Rule <select name="rule">'
        f'<option value="">any</option>{options}</select></label> '
        f'<label>is <select name="verdict">{verdicts}</select></label> '
        '<label><input type="checkbox" name="latest"> latest visit of each participant</label> '
        '<button type="reset">Show all</button> <span id="shown" role="status"></span></form>'
    )


def _distributions(lines: Sequence[_Line]) -> str:
    """A histogram of each measure, over the latest visit of each person."""
    drawn = []
    for table, column in DISTRIBUTIONS:
        found = [line.value(table, column) for line in lines]
        values = [float(format_value(v)) for v in found if v is not None and not pd.isna(v)]
        drawn.append(_histogram(_TITLES[table, column], column, values))
    note = (
        '<p class="note">The latest visit of each participant; what changed is since the previous '
        "visit. The line is the median.</p>"
    )
    return f'{note}<div class="charts">{"".join(drawn)}</div>'


def _histogram(title: str, column: str, values: Sequence[float]) -> str:
    """One histogram with its numbers in words."""
    if not values:
        return f"<figure><figcaption><b>{escape(title)}</b><br>not assessable</figcaption></figure>"
    low, middle, high = min(values), float(np.median(values)), max(values)
    noun = "participant" if len(values) == 1 else "participants"
    words = f"{len(values)} {noun}, median {show_value(middle)}"
    words += f", {show_value(low)} to {show_value(high)}"
    span = (low, high) if high > low else (low - 0.5, high + 0.5)
    counts, _ = np.histogram(values, BINS, span)
    wide = WIDTH / BINS
    bars = "".join(
        f'<rect x="{n * wide + 1:.1f}" y="{HEIGHT * (1 - count / counts.max()):.1f}" '
        f'width="{wide - 2:.1f}" height="{HEIGHT * count / counts.max():.1f}"/>'
        for n, count in enumerate(counts)
        if count
    )
    at = WIDTH * (middle - span[0]) / (span[1] - span[0])
    return (
        f'<figure data-distribution="{column}"><figcaption><b>{escape(title)}</b><br>{words}'
        f'</figcaption><svg role="img" viewBox="0 0 {WIDTH} {HEIGHT + 2}" '
        f'aria-label="{escape(title)}: {words}">{bars}'
        f'<path d="M{at:.1f} 0V{HEIGHT}"/><path d="M0 {HEIGHT + 1}H{WIDTH}"/></svg></figure>'
    )
