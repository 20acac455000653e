"""The first screen of a subject: the latest visit, in the order of a structured report.

Technique, lesions by region, change since the previous visit, brain volume, published rules,
quality; each value carries the table, row and column it is of.
"""

import json
from collections.abc import Mapping
from html import escape

import pandas as pd

from mslesion.criteria.facts_of_visit import MEASURED_BY
from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.reports.criteria_section import STATE_MARKS, provisional_mark, words_of
from mslesion.reports.marks import MARKS, numbered_list, other_flags
from mslesion.reports.page import region_name
from mslesion.reports.screen import CHANGED, NOT_ASSESSABLE, VISITED, Screen, make_screen
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS
from mslesion.schema.identifiers import bare_label, session_name
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
BRAIN_RATES = ("pbvc_pct_per_year", "pvvc_pct_per_year", "thalamus_pct_per_year")
"""Change of the brain on the first screen, in columns of changes.csv."""
OF_PATTERN = ("new_t2_count", "enlarging_count", *BRAIN_RATES, "atrophied_lesion_volume_mm3")
"""Columns that the pattern of the panel rests on."""


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
        HTML. Its quality is the worst state of the checks of the visit, of its comparisons with
        earlier visits, and of those checks of the earlier visits that concern change; every
        number that one of them concerns is marked.
    """
    screen = make_screen(tables, subject, session)
    visit = screen.visit
    cards = (
        _technique(screen), _lesions(screen), _change(screen), _brain(screen), _rules(screen),
        _quality(screen),
    )  # fmt: skip
    name = format_value(visit["session_id"]) or "the visit"
    day = "" if pd.isna(visit["visit_date"]) else f", {visit['visit_date']}"
    badge = f'<span class="state {screen.state.split()[0]}">{escape(MARKS[screen.state])}</span>'
    return (
        f'<section class="overview"><h2>Overview of {escape(name + day)} '
        f'<small>Quality {badge}</small></h2><div class="cards">{"".join(cards)}</div></section>'
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


def _card(title: str, body: str, *, mark: str = "") -> str:
    """One part of the screen; `mark` says whose values it holds."""
    return f"<div {mark}><h3>{escape(title)}</h3>{body}</div>"


def _items(items: list[tuple[str, str]]) -> str:
    """Names with values, as HTML, in two columns."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in items)
    return f"<dl>{rows}</dl>"


def _technique(screen: Screen) -> str:
    """Scans, scanner, contrast agent, and whether the previous visit used the same."""
    visit, change = screen.visit, screen.change
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


def _lesions(screen: Screen) -> str:
    """Counts and volumes by region, and what a reader gave."""
    visit = screen.visit
    pairs = [
        (region_name(one.name), one.count_column, one.volume_column) for one in LOCATION_CLASSES
    ]
    pairs.append(("all", "lesion_count", "lesion_volume_ml"))
    heads = ["lesions", "mL"]
    marks = [screen.mark(*names) for _, *names in pairs]
    if any(marks):
        heads.append("check")
    head = '<th scope="col">region</th>' + "".join(
        f'<th scope="col" class="number">{name}</th>' for name in heads
    )
    lines = []
    for (label, *names), mark in zip(pairs, marks, strict=True):
        kind = ' class="total"' if label == "all" else ""
        reasons = {screen.reason(name) for name in names if pd.isna(visit[name])} - {""}
        if pd.isna(visit[names[0]]) and len(reasons) == 1:
            text = f"{NOT_ASSESSABLE}: {reasons.pop()}"
            cells = f'<td class="none" colspan="{len(heads)}">{escape(text)}</td>'
        else:
            cells = "".join(value_tag(visit[name], name) for name in names)
            cells += f'<td class="number">{mark}</td>' if any(marks) else ""
        lines.append(f"<tr{kind}><td>{escape(label)}</td>{cells}</tr>")
    items = [
        _measure(screen, name) for name in ("lesion_count_centers", "t1_hypointense_volume_ml")
    ]
    if not pd.isna(visit["enhancing_candidate_count"]):
        label, value = _measure(screen, "enhancing_candidate_count")
        items.append((label, f"{value}, to be inspected"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
    body = table + _items(items) + _given(screen.panels)
    return _card("Lesions", body, mark=row_mark(VISITS, visit))


def _measure(screen: Screen, name: str) -> tuple[str, str]:
    """Declared label of a column, and its value."""
    return (VISITED.get(name) or CHANGED[name]).label, screen.value(name)


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
        text = UNKNOWN if row["state"] == NOT_ASSESSABLE else row["state"]
        if not pd.isna(row["value"]):
            text = value_tag(row["value"], "value", tag="b", kind="")
        items.append((names[row["domain"]], f"<span {row_mark(PANELS, row)}>{text}</span>"))
    return _items(items)


def _change(screen: Screen) -> str:
    """New, enlarging, shrinking and resolved lesions since the previous visit."""
    change = screen.change
    if change is None:
        return _card("Change", '<p class="none">There is no earlier visit to compare with.</p>')
    title = f"Change since {session_name(format_value(change['session_from']))}"
    if not pd.isna(change["interval_years"]):
        title += f" ({show_value(change['interval_years'])} years)"
    if not pd.isna(change["change_assessable"]) and not change["change_assessable"]:
        why = "" if pd.isna(change["change_reason"]) else f": {change['change_reason']}"
        return _card(title, f'<p class="none">Lesion change not assessable{escape(why)}.</p>')
    items = [
        _measure(screen, name)
        for name in (
            "new_t2_count", "enlarging_count", "shrinking_count", "resolved_count",
            "net_change_ml",
        )
    ]  # fmt: skip
    return _card(title, _items(items))


def _brain(screen: Screen) -> str:
    """Brain volumes, and their change with its error against the cut-off."""
    items = [_measure(screen, name) for name in ("bpf", "lateral_ventricles_ml", "thalamus_ml")]
    change = screen.change
    if change is not None:
        is_withheld = (
            not pd.isna(change["brain_change_assessable"])
            and not (change["brain_change_assessable"])
        )
        if is_withheld:  # one reason for all of it
            items.append(("Brain change", screen.value(BRAIN_RATES[0])))
        else:
            for name in BRAIN_RATES:
                label, rate = _measure(screen, name)
                items.append((label, rate + _interval(change, name)))
        rows = screen.panels[screen.panels["domain"] == "global neurodegeneration"]
        for _, row in rows.iterrows():
            verdict = escape(STATE_MARKS[row["state"]])
            items.append(("Loss over the cut-off", verdict + screen.mark(BRAIN_RATES[0])))
        if not pd.isna(change["pseudoatrophy_window"]) and change["pseudoatrophy_window"]:
            items.append(
                ("Caution", "a treatment began: volume may decrease through loss of oedema")
            )
    return _card("Brain volume", _items(items))


def _interval(change: pd.Series, rate: str) -> str:
    """The 95 % interval of a change per year, where there is one."""
    names = tuple(rate.replace("pct_per_year", f"ci95_{end}") for end in ("low", "high"))
    if change[list(names)].isna().any():
        return ""
    ends = " to ".join(value_tag(change[name], name, tag="span", kind="") for name in names)
    return f" <span {row_mark(CHANGES, change)}>(95 % interval {ends})</span>"


def _rules(screen: Screen) -> str:
    """Verdicts of the rules that are asked for most, and the pattern of the panel."""
    lines = []
    criteria = screen.criteria
    for row in criteria[criteria["rule"].isin(list(RULES))].to_dict("records"):
        rule = row["rule"]
        if rule in ONLY_IF_MET and row["met"] != "met":
            continue
        if rule in AFTER_A_VISIT and screen.change is None:
            continue
        note = ""
        names = words_of(format_value(row["missing"]))
        if names:
            more = f" and {len(names) - MAX_MISSING} more" if len(names) > MAX_MISSING else ""
            note = "not known: " + ", ".join(names[:MAX_MISSING]) + more
        elif not pd.isna(row["borderline"]) and row["borderline"]:
            note = "borderline"
        measured = [
            MEASURED_BY[name] for name in json.loads(row["facts_json"]) if name in MEASURED_BY
        ]
        lines.append(
            f"<tr {row_mark(CRITERIA, row)}><td>{escape(RULES[rule])}{provisional_mark(row)}</td>"
            f'<td class="state"><span data-column="met" data-value="{escape(row["met"])}">'
            f"{escape(STATE_MARKS[row['met']])}</span>{screen.mark(*measured)}</td></tr>"
        )
        if note:
            lines.append(f'<tr class="why"><td colspan="2">{escape(note)}</td></tr>')
    pattern = screen.panels[screen.panels["domain"] == "pattern"]
    mark = screen.mark(*OF_PATTERN) if screen.change is not None else ""
    text = "".join(f"<p>Pattern {escape(row['text'])}{mark}</p>" for _, row in pattern.iterrows())
    note = '<p class="note">Parts of published rules, not a diagnosis; all rules are below.</p>'
    return _card("Rules", f"<table><tbody>{''.join(lines)}</tbody></table>{text}{note}")


def _quality(screen: Screen) -> str:
    """The worst state of all checks, and those that did not pass, with their numbers."""
    text = f'<p class="state {screen.state.split()[0]}">{escape(MARKS[screen.state])}</p>'
    text += numbered_list(screen.listed)
    flags = other_flags(screen.visit)
    if screen.change is not None:
        flags += other_flags(screen.change)
    if flags:
        text += f"<p>Also flagged: {escape('; '.join(flags))}</p>"
    return _card("Quality", text)
