"""The page of a participant: what its templates show, from the tables and the parts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from mslesion.criteria.caveats import MRI_PART_ONLY
from mslesion.io.tables import format_value
from mslesion.reports.figures import LOCATION_COLORS, STRUCTURE_COLORS, WHITE
from mslesion.reports.key_pictures import CHANGE_COLOR
from mslesion.reports.marks import other_flags
from mslesion.reports.pair_figures import LINES, MAX_STRIPS
from mslesion.reports.participant.course import course_of
from mslesion.reports.participant.criteria_room import criteria_room
from mslesion.reports.participant.first_screen import first_screen
from mslesion.reports.participant.pair_room import PairRoom, pair_room
from mslesion.reports.participant.rules import rules_of
from mslesion.reports.participant.screen import Screen, make_screen
from mslesion.reports.participant.visit_room import visit_room
from mslesion.reports.parts import LOCATED, UNLOCATED, Part
from mslesion.reports.templating import render
from mslesion.schema import (
    CALIBRATION,
    CHANGES,
    CRITERIA,
    EXPANSIONS,
    LESION_CHANGES,
    LESIONS,
    PANELS,
    QUALITY,
    TRAJECTORIES,
    VISITS,
    Table,
    empty_table,
)
from mslesion.schema.identifiers import (
    SUBJECT,
    bare_label,
    identifier,
    rows_of_pair,
    rows_of_visit,
    session_name,
)
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.structures import STRUCTURES

ALONE = "There is no earlier visit to compare with."
FAILED = "The visits were not compared; logs/failures.tsv says why."


@dataclass(frozen=True, slots=True, kw_only=True)
class Color:
    """What a colour of the pictures means."""

    rgb: tuple[int, int, int]
    words: str
    letter: str = ""


_LOCATIONS = tuple(
    Color(rgb=LOCATION_COLORS[one.name], words=one.words) for one in LOCATION_CLASSES
)
KEYS = {
    LOCATED: _LOCATIONS,
    UNLOCATED: (*_LOCATIONS, Color(rgb=WHITE, words="location not assessable")),
    "structure": tuple(
        Color(rgb=STRUCTURE_COLORS[part.number], words=part.name) for part in STRUCTURES
    ),
    "change": tuple(
        Color(rgb=color, words=f"{meaning} ({line} line)", letter=letter)
        for letter, color, line, meaning in LINES.values()
    ),
}
"""Colours of the pictures by kind."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The labels of two visits that were compared, and what that left for the page."""

    session_from: str
    session_to: str
    part: Part


_TABLES = (
    VISITS, LESIONS, QUALITY, CHANGES, LESION_CHANGES, EXPANSIONS, TRAJECTORIES, CALIBRATION,
    CRITERIA, PANELS,
)  # fmt: skip


class _Own:
    """The rows of one participant."""

    def __init__(self, subject: str, tables: Mapping[str, pd.DataFrame]) -> None:
        self.subject = subject
        person = identifier(subject, SUBJECT)
        self.tables = {}
        for table in _TABLES:
            frame = tables.get(table.name)
            frame = empty_table(table) if frame is None else frame
            self.tables[table.name] = frame[frame["participant_id"] == person]

    def of(self, declared: Table) -> pd.DataFrame:
        """All its rows of a table."""
        return self.tables[declared.name]

    def visit(self, declared: Table, session: str) -> pd.DataFrame:
        """Its rows of one visit."""
        return rows_of_visit(self.of(declared), self.subject, session)

    def pair(self, declared: Table, pair: Pair, *, end: str = "session_to") -> pd.DataFrame:
        """Its rows of one pair."""
        sessions = (pair.session_from, pair.session_to)
        return rows_of_pair(self.of(declared), self.subject, sessions, end=end)


def participant_page(
    subject: str,
    tables: Mapping[str, pd.DataFrame],
    *,
    visits: Mapping[str, Part],
    pairs: Sequence[Pair] = (),
    viewer: str = "",
    began: date | None = None,
    version: str,
) -> str:
    """The page of a participant.

    Parameters
    ----------
    subject : str
        Label without ``sub-``.
    tables : mapping of str to DataFrame
        Its rows of all tables by name; a table that is not there has no rows.
    visits : mapping of str to Part
        Pictures and methods of its visits by session label, in order of time.
    pairs : sequence of Pair
        Its compared visits.
    viewer : str
        Of `mslesion.reports.viewer.section.viewer_section`.
    began : date, optional
        When a treatment began.
    version : str
        Of mslesion.

    Returns
    -------
    str
        A whole document that needs no network.
    """
    sessions = list(visits)
    own = _Own(subject, tables)
    rows = {session: own.visit(VISITS, session).iloc[0] for session in sessions}
    screen = make_screen(own.tables, subject, sessions[-1])
    in_time = pd.concat([own.visit(VISITS, session) for session in sessions])
    course = course_of(in_time, own.of(CHANGES), own.of(TRAJECTORIES), began=began)
    known = {row["item"]: row for row in own.of(CALIBRATION).to_dict("records")}
    of_pairs = [
        _pair_room(pair, own, rows, calibration=known) for pair in _latest_first(pairs, sessions)
    ]
    last = _last_pair(screen, pairs)
    return render(
        "participant.html",
        title=identifier(subject, SUBJECT),
        first=first_screen(
            screen,
            part=visits[sessions[-1]],
            change_part=last.part if last else Part(),
            trends=course.trends if course else (),
            calibration=known,
        ),
        visits=[
            visit_room(
                rows[session],
                lesions=own.visit(LESIONS, session),
                checks=_checks_of_visit(own, session),
                part=visits[session],
            )
            for session in reversed(sessions)
        ],
        pairs=of_pairs,
        course=course,
        rules=rules_of(screen),
        criteria=[
            criteria_room(
                own.visit(CRITERIA, session),
                own.visit(PANELS, session),
                name=session_name(session) if session else "",
                is_latest=session == sessions[-1],
            )
            for session in reversed(sessions)
        ],
        problems=list(screen.listed),
        other_flags=_other_flags(screen),
        keys=KEYS,
        location_colors=LOCATION_COLORS,
        change_color=CHANGE_COLOR,
        max_strips=MAX_STRIPS,
        viewer=viewer,
        mri_part_only=MRI_PART_ONLY,
        not_compared=FAILED if len(sessions) > 1 else ALONE,
        version=version,
    )


def _latest_first(pairs: Sequence[Pair], sessions: Sequence[str]) -> list[Pair]:
    """Pairs by their second visit, the latest first; that with the visit just before first."""
    order = {session: place for place, session in enumerate(sessions)}
    return sorted(pairs, key=lambda one: (-order[one.session_to], -order[one.session_from]))


def _pair_room(
    pair: Pair, own: _Own, rows: Mapping[str, pd.Series], *, calibration: Mapping
) -> PairRoom:
    return pair_room(
        own.pair(CHANGES, pair).iloc[0],
        tables={table.name: own.pair(table, pair) for table in (LESION_CHANGES, EXPANSIONS)},
        checks=own.pair(QUALITY, pair, end="session_id"),
        visits=[rows[session] for session in (pair.session_from, pair.session_to)],
        part=pair.part,
        calibration=calibration,
    )


def _last_pair(screen: Screen, pairs: Sequence[Pair]) -> Pair | None:
    """The pair that the first screen shows."""
    if screen.change is None:
        return None
    ends = [format_value(screen.change[f"session_{end}"]) for end in ("from", "to")]
    labels = [bare_label(end) for end in ends]
    return next((one for one in pairs if [one.session_from, one.session_to] == labels), None)


def _checks_of_visit(own: _Own, session: str) -> pd.DataFrame:
    """Checks of a visit, without those of the pairs that end with it."""
    rows = own.visit(QUALITY, session)
    return rows[rows["session_from"].isna()]


def _other_flags(screen: Screen) -> list[str]:
    """Flags that are not of a check, of the visit and of its change."""
    rows = [screen.visit] if screen.change is None else [screen.visit, screen.change]
    return [flag for row in rows for flag in other_flags(row)]
