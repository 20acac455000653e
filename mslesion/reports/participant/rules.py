"""The rules that are asked for most, in short; and what a reader gave."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mslesion.criteria.facts_of_visit import MEASURED_BY
from mslesion.io.tables import format_value
from mslesion.reports.marks import VERDICT_WORDS, Mark
from mslesion.reports.participant.criteria_room import words_of
from mslesion.reports.participant.screen import Screen
from mslesion.reports.participant.visit_room import NOT_KNOWN
from mslesion.reports.values import NOT_ASSESSABLE, Row, Value, row_of, value_of
from mslesion.schema import CRITERIA, PANELS

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
"""Rules that stand first, with short names; all rules are listed in full."""
AFTER_A_VISIT = ("neda3_mri", "lublin2013_activity")
"""Rules on what changed: they stand first where visits were compared."""
ONLY_IF_MET = ("mcdonald2024_incidental", "ris2009", "ris2023")
"""Rules on incidental findings: they stand first only if they are met."""
MAX_MISSING = 2
"""Unknown facts that are named; the rest is counted."""
BRAIN_RATES = ("pbvc_pct_per_year", "pvvc_pct_per_year", "thalamus_pct_per_year")
OF_PATTERN = ("new_t2_count", "enlarging_count", *BRAIN_RATES, "atrophied_lesion_volume_mm3")
"""Columns that the pattern of the panel rests on."""
GIVEN = {
    "spinal cord lesions": "Spinal cord lesions",
    "optic nerve lesion": "Optic nerve lesion",
    "contrast-enhancing lesions": "Enhancing lesions",
    "paramagnetic rim lesions": "Lesions with a paramagnetic rim",
}
"""Domains of the panel of the visit that only a reader gives."""
CUT_OFF = "global neurodegeneration"
"""Domain that says whether the loss of brain is over the cut-off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortVerdict:
    """A rule in one line."""

    row: Row
    title: str
    is_provisional: bool
    met: str
    words: str
    mark: Mark | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a reader gave."""

    row: Row
    name: str
    value: Value
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What stands first among the criteria."""

    verdicts: tuple[ShortVerdict, ...]
    patterns: tuple[tuple[str, Mark | None], ...]
    cut_off: tuple[tuple[str, Mark | None], ...]
    """Whether the loss of brain is over the cut-off."""
    given: tuple[Given, ...]


def rules_of(screen: Screen) -> Rules:
    """The rules that are asked for most, at the latest visit.

    Parameters
    ----------
    screen : Screen
        The latest visit, its change and their checks.

    Returns
    -------
    Rules
    """
    panels = screen.panels
    has_change = screen.change is not None
    pattern = panels[panels["domain"] == "pattern"]
    of_pattern = screen.mark(*OF_PATTERN) if has_change else None
    loss = panels[panels["domain"] == CUT_OFF] if has_change else panels[:0]
    of_loss = screen.mark(BRAIN_RATES[0]) if has_change else None
    given = panels[(panels["panel"] == "pre-clinical") & panels["domain"].isin(list(GIVEN))]
    return Rules(
        verdicts=tuple(_short(row, screen) for row in _asked_for(screen)),
        patterns=tuple((text, of_pattern) for text in pattern["text"]),
        cut_off=tuple((VERDICT_WORDS[state], of_loss) for state in loss["state"]),
        given=tuple(_given(row) for row in given.to_dict("records")),
    )


def _asked_for(screen: Screen):
    """Rows of the rules that stand first."""
    rows = screen.criteria[screen.criteria["rule"].isin(list(RULES))]
    for row in rows.to_dict("records"):
        if row["rule"] in ONLY_IF_MET and row["met"] != "met":
            continue
        if row["rule"] in AFTER_A_VISIT and screen.change is None:
            continue
        yield row


def _short(row: Mapping, screen: Screen) -> ShortVerdict:
    """A rule in one line, with the checks of what it counts."""
    note = ""
    names = words_of(format_value(row["missing"]))
    if names:
        more = f" and {len(names) - MAX_MISSING} more" if len(names) > MAX_MISSING else ""
        note = f"{NOT_KNOWN}: {', '.join(names[:MAX_MISSING])}{more}"
    elif not pd.isna(row["borderline"]) and row["borderline"]:
        note = "borderline"
    measured = [MEASURED_BY[name] for name in json.loads(row["facts_json"]) if name in MEASURED_BY]
    return ShortVerdict(
        row=row_of(CRITERIA, row),
        title=RULES[row["rule"]],
        is_provisional=bool(row["provisional"]),
        met=row["met"],
        words=VERDICT_WORDS[row["met"]],
        mark=screen.mark(*measured),
        note=note,
    )


def _given(row: Mapping) -> Given:
    """What a reader gave of one domain."""
    return Given(
        row=row_of(PANELS, row),
        name=GIVEN[row["domain"]],
        value=value_of(row["value"], "value"),
        words=NOT_KNOWN if row["state"] == NOT_ASSESSABLE else row["state"],
    )
