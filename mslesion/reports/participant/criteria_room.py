"""Rules and panels of a visit: verdicts, facts used and missing, evidence, error, confidence."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mslesion.criteria.caveats import preclinical_caveat
from mslesion.criteria.facts import FACT_WORDS
from mslesion.io.tables import format_value, show_value
from mslesion.reports.marks import VERDICT_WORDS
from mslesion.reports.values import Row, Value, row_of, value_of
from mslesion.schema import CRITERIA, PANELS

TITLES = {
    "pre-clinical": "Findings of this visit",
    "susceptibility": "Central veins and paramagnetic rims",
    "activity": "Activity since the previous visit",
    "progressive": "Progressive activity: nine domains, no score",
}
"""Headings of the panels."""
OPEN_AT_FIRST = ("progressive", "activity")
"""Panels of the latest visit that are not folded: what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule, and what its verdict rests on."""

    row: Row
    title: str
    name: str
    is_provisional: bool
    met: str
    words: str
    score_low: Value
    score_high: Value
    facts: str
    missing: str
    changes: str
    evidence: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One domain of a panel."""

    row: Row
    name: str
    state: str
    words: str
    value: Value
    unit: str
    low: Value
    high: Value
    noise: Value
    texts: tuple[str, ...]
    """When it is present, confidence, evidence and details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel of a visit."""

    name: str
    title: str
    is_open: bool
    caveat: str
    patterns: tuple[str, ...]
    domains: tuple[Domain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriteriaRoom:
    """Rules and panels of one visit."""

    name: str
    """Of the visit."""
    panels: tuple[Panel, ...]
    verdicts: tuple[Verdict, ...]


def criteria_room(
    criteria: pd.DataFrame, panels: pd.DataFrame, *, name: str, is_latest: bool
) -> CriteriaRoom:
    """Rules and panels of one visit.

    Parameters
    ----------
    criteria, panels : DataFrame
        Rows of criteria.csv and panels.csv of the visit.
    name : str
        Of the visit.
    is_latest : bool
        Whether the panels of change are open at first.

    Returns
    -------
    CriteriaRoom
        The panel of change first: it is what is asked for.
    """
    found = [
        _panel(panels[panels["panel"] == one].to_dict("records"), one, is_latest=is_latest)
        for one in reversed(TITLES)
        if (panels["panel"] == one).any()
    ]
    return CriteriaRoom(
        name=name,
        panels=tuple(found),
        verdicts=tuple(_verdict(row) for row in criteria.to_dict("records")),
    )


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


def _verdict(row: Mapping) -> Verdict:
    """One rule."""
    changes = format_value(row["changes_if"])
    if pd.isna(row["borderline"]):
        changes = "not evaluated"
    elif row["borderline"]:
        changes = f"borderline: {changes}"
    return Verdict(
        row=row_of(CRITERIA, row),
        title=row["title"],
        name=row["rule"],
        is_provisional=bool(row["provisional"]),
        met=row["met"],
        words=VERDICT_WORDS[row["met"]],
        score_low=value_of(row["score_low"], "score_low"),
        score_high=value_of(row["score_high"], "score_high"),
        facts=facts_in_words(row["facts_json"]),
        missing="; ".join(words_of(format_value(row["missing"]))),
        changes=changes,
        evidence=row["evidence"],
        source=row["source"],
    )


def _panel(rows: Sequence[Mapping], name: str, *, is_latest: bool) -> Panel:
    """One panel with its patterns and its caveat."""
    met = [row["domain"] for row in rows if row["state"] == "met"]
    return Panel(
        name=name,
        title=TITLES[name],
        is_open=is_latest and name in OPEN_AT_FIRST,
        caveat=preclinical_caveat(met) if name == "pre-clinical" else "",
        patterns=tuple(row["text"] for row in rows if row["domain"] == "pattern"),
        domains=tuple(_domain(row) for row in rows if row["domain"] != "pattern"),
    )


def _domain(row: Mapping) -> Domain:
    """One domain."""
    unit = format_value(row["unit"]).replace("percent", "%").replace("^3", "\N{SUPERSCRIPT THREE}")
    return Domain(
        row=row_of(PANELS, row),
        name=row["domain"],
        state=row["state"],
        words=VERDICT_WORDS[row["state"]],
        value=value_of(row["value"], "value"),
        unit=unit,
        low=value_of(row["ci95_low"], "ci95_low"),
        high=value_of(row["ci95_high"], "ci95_high"),
        noise=value_of(row["noise_floor"], "noise_floor"),
        texts=tuple(
            format_value(row[name]) for name in ("threshold", "confidence", "evidence", "text")
        ),
    )
