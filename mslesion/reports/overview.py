"""The first screen of a subject: the latest visit, in the order of a structured report.

Technique, lesions by region, change since the previous visit, brain volume, published rules,
quality; each value carries the table, row and column it is of.
"""

from collections.abc import Mapping
from html import escape

import pandas as pd

from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.reports.criteria_section import STATE_MARKS, provisional_mark, words_of
from mslesion.reports.page import MARKS, region_name
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS, Table
from mslesion.schema.checks import CHECKS
from mslesion.schema.identifiers import bare_label, rows_of_pair, rows_of_visit, session_name
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.modalities import in_words

RULES = {
    "mcdonald2017_dis": "McDonald 2017, space",
    "mcdonald2017_dit": "McDonald 2017, time by MRI",
    "mcdonald2024_dis": "McDonald 2024, space",
    "mcdonald2024_four_regions": "McDonald 2024, four regions",
    "mcdonald2024_two_regions": "McDonald 2024, two regions with support",
    "mcdonald2024_incidental": "McDonald 2024, incidental finding",
    "ris2009": "RIS 2009",
    "ris2023": "RIS 2023",
    "neda3_mri": "NEDA-3, MRI part",
    "lublin2013_activity": "Lublin 2013, MRI activity",
}
"""Rules of the first screen, with short names; all rules are listed in the details."""
AFTER_A_VISIT = ("neda3_mri", "lublin2013_activity")
"""Rules on what changed: on the first screen where visits were compared."""
ONLY_IF_MET = ("mcdonald2024_incidental", "ris2009", "ris2023")
"""Rules on incidental findings: on the first screen only if they are met."""
MAX_MISSING = 2
"""Unknown facts that are named on the first screen; the rest is counted."""
UNKNOWN = "not known"
_COLUMNS = {(table.name, one.name): one for table in (VISITS, CHANGES) for one in table.columns}


def overview(tables: Mapping[str, pd.DataFrame], subject: str, session: str) -> str:
    """The first screen.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    subject, session : str
        Labels of the subject and of its latest visit.

    Returns
    -------
    str
        HTML.
    """
    visit = row_of(tables[VISITS.name], subject, session)
    criteria = rows_of_visit(tables[CRITERIA.name], subject, session)
    panels = rows_of_visit(tables[PANELS.name], subject, session)
    change = change_of(tables, criteria)
    cards = (
        _technique(visit, change),
        _lesions(visit, panels),
        _change(change),
        _brain(visit, change, panels),
        _rules(criteria, panels, has_change=change is not None),
        _quality(visit),
    )
    name = format_value(visit["session_id"]) or "the visit"
    day = "" if pd.isna(visit["visit_date"]) else f", {visit['visit_date']}"
    return (
        f'<section class="overview"><h2>Overview of {escape(name + day)}</h2>'
        f'<div class="cards">{"".join(cards)}</div></section>'
    )


def by_subject(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, pd.DataFrame]]:
    """The tables of each subject alone, so that a large cohort is searched once.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.

    Returns
    -------
    dict of str to dict of str to DataFrame
        Tables by bare subject label and name; those of the first screen only.
    """
    names = [t.name for t in (VISITS, CRITERIA, PANELS, CHANGES) if t.name in tables]
    parts = {name: dict(tuple(tables[name].groupby("participant_id"))) for name in names}
    return {
        bare_label(subject): {
            name: parts[name].get(subject, tables[name].iloc[:0]) for name in names
        }
        for subject in parts[VISITS.name]
    }


def row_of(table: pd.DataFrame, subject: str, session: str) -> pd.Series:
    """The row of one visit.

    Parameters
    ----------
    table : DataFrame
        The visit table.
    subject, session : str
        Labels; the session is empty for a visit without one.

    Returns
    -------
    Series
    """
    return rows_of_visit(table, subject, session).iloc[0]


def change_of(tables: Mapping[str, pd.DataFrame], criteria: pd.DataFrame) -> pd.Series | None:
    """The pair that the rules of a visit were applied to.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    criteria : DataFrame
        Rows of criteria.csv of one visit.

    Returns
    -------
    Series or None
        None where nothing was compared.
    """
    changes = tables.get(CHANGES.name)
    if changes is None or not len(criteria):
        return None
    one = criteria.iloc[0]
    # A pair whose first visit has no label has an empty session_from too
    sessions = format_value(one["session_from"]), format_value(one["session_id"])
    found = rows_of_pair(changes, one["participant_id"], sessions)
    return found.iloc[0] if len(found) else None


def _card(title: str, body: str, *, mark: str = "") -> str:
    """One part of the screen; `mark` says whose values it holds."""
    return f"<div {mark}><h3>{escape(title)}</h3>{body}</div>"


def _items(items: list[tuple[str, str]]) -> str:
    """Names with values, as HTML, in two columns."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in items)
    return f"<dl>{rows}</dl>"


def _value(row, name: str, unit: str = "") -> str:
    """A value with its unit, or that it is not known."""
    if pd.isna(row[name]):
        return value_tag(row[name], name, tag="span", kind="none", missing="not assessable")
    return value_tag(row[name], name, tag="b", kind="") + (f" {escape(unit)}" if unit else "")


def _measure(declared: Table, row, name: str) -> tuple[str, str]:
    """Declared label of a column, and its value with the declared unit."""
    column = _COLUMNS[declared.name, name]
    return column.label, _value(row, name, column.unit_on_pages)


def _technique(visit: pd.Series, change: pd.Series | None) -> str:
    """Scans, scanner, contrast agent, and whether the previous visit used the same."""
    scans = UNKNOWN if pd.isna(visit["inputs"]) else in_words(visit["inputs"])
    flair = ""
    if not pd.isna(visit["flair_dim"]):
        flair = f", FLAIR {visit['flair_dim']} {visit['flair_voxel_mm']} mm"
    field = "" if pd.isna(visit["field_t"]) else f", {show_value(visit['field_t'])} T"
    scanner = UNKNOWN if pd.isna(visit["scanner_id"]) else visit["scanner_id"]
    items = [("Scans", escape(scans + flair)), ("Scanner", escape(scanner + field))]
    if change is not None:
        same = change["same_scanner"]
        text = "whether it is the same is " + UNKNOWN
        if not pd.isna(same):
            text = "the same" if same else "another one; compare with caution"
        items.append(("Previous scanner", escape(text)))
    items.append(("Lesions by", escape("" if pd.isna(visit["segmenter"]) else visit["segmenter"])))
    return _card("Technique", _items(items))


def _lesions(visit: pd.Series, panels: pd.DataFrame) -> str:
    """Counts and volumes by region, and what a reader gave."""
    head = '<th scope="col">region</th>' + "".join(
        f'<th scope="col" class="number">{name}</th>' for name in ("lesions", "mL")
    )
    lines = [
        f"<tr><td>{escape(region_name(one.name))}</td>"
        f"{value_tag(visit[one.count_column], one.count_column)}"
        f"{value_tag(visit[one.volume_column], one.volume_column)}</tr>"
        for one in LOCATION_CLASSES
    ]
    lines.append(
        '<tr class="total"><td>all</td>'
        f"{value_tag(visit['lesion_count'], 'lesion_count')}"
        f"{value_tag(visit['lesion_volume_ml'], 'lesion_volume_ml')}</tr>"
    )
    items = [
        _measure(VISITS, visit, name)
        for name in ("lesion_count_centers", "t1_hypointense_volume_ml")
    ]
    if not pd.isna(visit["enhancing_candidate_count"]):
        label, value = _measure(VISITS, visit, "enhancing_candidate_count")
        items.append((label, f"{value}, to be inspected"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    body = table + _items(items) + _given(panels)
    return _card("Lesions", body, mark=row_mark(VISITS, visit))


def _given(panels: pd.DataFrame) -> str:
    """Lesions outside the brain and signs that only a reader gives."""
    names = {
        "spinal cord lesions": "Spinal cord (given)",
        "optic nerve lesion": "Optic nerve (given)",
        "contrast-enhancing lesions": "Enhancing (given)",
        "paramagnetic rim lesions": "Rims (given)",
    }
    of_visit = panels[panels["panel"] == "pre-clinical"]
    items = []
    for row in of_visit[of_visit["domain"].isin(list(names))].to_dict("records"):
        text = UNKNOWN if row["state"] == "not assessable" else row["state"]
        if not pd.isna(row["value"]):
            text = value_tag(row["value"], "value", tag="b", kind="")
        items.append((names[row["domain"]], f"<span {row_mark(PANELS, row)}>{text}</span>"))
    return _items(items)


def _change(change: pd.Series | None) -> str:
    """New, enlarging, shrinking and resolved lesions since the previous visit."""
    if change is None:
        return _card("Change", '<p class="none">There is no earlier visit to compare with.</p>')
    title = f"Change since {session_name(format_value(change['session_from']))}"
    if not pd.isna(change["interval_years"]):
        title += f" ({show_value(change['interval_years'])} years)"
    if not pd.isna(change["change_assessable"]) and not change["change_assessable"]:
        why = "" if pd.isna(change["change_reason"]) else f": {change['change_reason']}"
        return _card(title, f'<p class="none">Lesion change not assessable{escape(why)}.</p>')
    items = [
        _measure(CHANGES, change, name)
        for name in (
            "new_t2_count", "enlarging_count", "shrinking_count", "resolved_count",
            "net_change_ml",
        )
    ]  # fmt: skip
    if not pd.isna(change["quality_state"]):
        items.append(("Quality of the pair", escape(MARKS[change["quality_state"]])))
    return _card(title, _items(items), mark=row_mark(CHANGES, change))


def _brain(visit: pd.Series, change: pd.Series | None, panels: pd.DataFrame) -> str:
    """Brain volumes, and their change with its error against the cut-off."""
    mark = row_mark(VISITS, visit)
    items = []
    for name in ("bpf", "lateral_ventricles_ml", "thalamus_ml"):
        label, value = _measure(VISITS, visit, name)
        items.append((label, f"<span {mark}>{value}</span>"))
    if change is not None:
        mark = row_mark(CHANGES, change)
        label, rate = _measure(CHANGES, change, "pbvc_pct_per_year")
        if not pd.isna(change["pbvc_ci95_low"]):
            ends = (value_tag(change[n], n, tag="span", kind="") for n in _INTERVAL)
            rate += f" (95 % interval {' to '.join(ends)})"
        items.append((label, f"<span {mark}>{rate}</span>"))
        for name in ("pvvc_pct_per_year", "thalamus_pct_per_year"):
            label, rate = _measure(CHANGES, change, name)
            items.append((label, f"<span {mark}>{rate}</span>"))
        rows = panels[panels["domain"] == "global neurodegeneration"]
        for _, row in rows.iterrows():
            items.append(("Loss over the cut-off", escape(STATE_MARKS[row["state"]])))
        if not pd.isna(change["pseudoatrophy_window"]) and change["pseudoatrophy_window"]:
            items.append(
                ("Caution", "a treatment began: volume may decrease through loss of oedema")
            )
    return _card("Brain volume", _items(items))


_INTERVAL = ("pbvc_ci95_low", "pbvc_ci95_high")


def _rules(criteria: pd.DataFrame, panels: pd.DataFrame, *, has_change: bool) -> str:
    """Verdicts of the rules that are asked for most, and the pattern of the panel."""
    lines = []
    for row in criteria[criteria["rule"].isin(list(RULES))].to_dict("records"):
        rule = row["rule"]
        if rule in ONLY_IF_MET and row["met"] != "met":
            continue
        if rule in AFTER_A_VISIT and not has_change:
            continue
        note = ""
        names = words_of(format_value(row["missing"]))
        if names:
            more = f" and {len(names) - MAX_MISSING} more" if len(names) > MAX_MISSING else ""
            note = "not known: " + ", ".join(names[:MAX_MISSING]) + more
        elif not pd.isna(row["borderline"]) and row["borderline"]:
            note = "borderline"
        lines.append(
            f"<tr {row_mark(CRITERIA, row)}><td>{escape(RULES[rule])}{provisional_mark(row)}</td>"
            f'<td class="state" data-column="met" data-value="{escape(row["met"])}">'
            f"{escape(STATE_MARKS[row['met']])}</td></tr>"
        )
        if note:
            lines.append(f'<tr class="why"><td colspan="2">{escape(note)}</td></tr>')
    pattern = panels[panels["domain"] == "pattern"]
    text = "".join(f"<p>Pattern {escape(row['text'])}</p>" for _, row in pattern.iterrows())
    note = '<p class="note">Parts of published rules, not a diagnosis; all rules are below.</p>'
    return _card("Rules", f"<table><tbody>{''.join(lines)}</tbody></table>{text}{note}")


def _flag(flag: str) -> str:
    """A flag of the visit table in words: a check by what it measures."""
    check, _, state = flag.partition(":")
    return f"{_CHECKS[check]} ({state})" if check in _CHECKS else flag


_CHECKS = {check.name: check.description for check in CHECKS}


def _quality(visit: pd.Series) -> str:
    """The worst state of the checks, and which did not pass."""
    state = visit["quality_state"]
    if pd.isna(state):
        return _card("Quality", f'<p class="none">{UNKNOWN}</p>')
    flags = "; ".join(_flag(flag) for flag in format_value(visit["flags"]).split(";"))
    text = f'<p class="state {state.split()[0]}">{escape(MARKS[state])}</p>'
    return _card("Quality", text + (f"<p>{escape(flags)}</p>" if flags else ""))
