"""What the first screen of a subject shows: the latest visit, its change, and their checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mslesion.io.tables import format_value
from mslesion.reports.marks import Mark, Problem, numbered_mark, problems_of, problems_on, worst
from mslesion.reports.values import Measure, Value, row_of, value_of
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS
from mslesion.schema.identifiers import rows_of_pair, rows_of_visit, session_name
from mslesion.schema.prerequisites import read_reasons, reason_of_pair

VISITED = {column.name: column for column in VISITS.columns}
CHANGED = {column.name: column for column in CHANGES.columns}
"""Columns of a visit and of a change by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """What the first screen shows."""

    visit: pd.Series
    change: pd.Series | None
    """The pair with the previous visit."""
    criteria: pd.DataFrame
    panels: pd.DataFrame
    state: str
    """The worst state of the visit and its pairs."""
    listed: Sequence[Problem]
    """All checks that did not pass, in the order of their numbers on the screen."""
    of_visit: Sequence[Problem]
    of_change: Sequence[Problem]
    """Of `change` and of both its visits."""

    def mark(self, *names: str) -> Mark | None:
        """Mark of a number by the columns it rests on.

        Parameters
        ----------
        *names : str
            Columns of visits.csv or changes.csv.

        Returns
        -------
        Mark or None
            None if all checks on them passed.
        """
        found = problems_on(self.of_visit, [VISITED[name] for name in names if name in VISITED])
        found += problems_on(self.of_change, [CHANGED[name] for name in names if name in CHANGED])
        return numbered_mark(found, listed=self.listed)

    def value(self, name: str) -> Value:
        """A value with its row.

        Parameters
        ----------
        name : str
            Column of visits.csv or changes.csv.

        Returns
        -------
        Value
        """
        table, row = (VISITS, self.visit) if name in VISITED else (CHANGES, self.change)
        return value_of(row[name], name, row=row_of(table, row))

    def measure(self, name: str) -> Measure:
        """A value with its name, unit and mark, or why it is empty.

        Parameters
        ----------
        name : str
            Column of visits.csv or changes.csv.

        Returns
        -------
        Measure
        """
        column = VISITED.get(name) or CHANGED[name]
        value = self.value(name)
        return Measure(
            label=column.label,
            description=column.description,
            value=value,
            unit=column.unit_on_pages,
            reason="" if value.written else self.reason(name),
            mark=self.mark(name) if value.written else None,
        )

    def reason(self, name: str) -> str:
        """Why a value is empty.

        Parameters
        ----------
        name : str
            Column of visits.csv or changes.csv.

        Returns
        -------
        str
            Empty if no reason was recorded.
        """
        if name in VISITED:
            return read_reasons(self.visit["empty_because"]).get(name, "")
        return reason_of_pair(self.change, CHANGED[name])


def make_screen(tables: Mapping[str, pd.DataFrame], subject: str, session: str) -> Screen:
    """What the first screen shows, and every problem that concerns a part of it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    subject, session : str
        Labels of the subject and of its latest visit.

    Returns
    -------
    Screen
    """
    visits = tables[VISITS.name]
    visit = visit_row(visits, subject, session)
    criteria = rows_of_visit(tables[CRITERIA.name], subject, session)
    change = change_of(tables, criteria)
    of_visit = problems_of(visit)
    listed, of_change, states = [*of_visit], [], [visit["quality_state"]]
    for row in _changes_to(tables, subject, session):
        earlier = format_value(row["session_from"])
        name = session_name(earlier)
        own = problems_of(row, f"change since {name}")
        earlier_rows = rows_of_visit(visits, subject, earlier).to_dict("records")
        before = [
            one
            for visited in earlier_rows
            for one in problems_on(problems_of(visited, name), list(CHANGED.values()))
        ]
        listed += [one for one in (*own, *before) if one not in listed]
        states.append(row["quality_state"])
        if change is not None and earlier == format_value(change["session_from"]):
            of_change = [*own, *before, *of_visit]
    return Screen(
        visit=visit,
        change=change,
        criteria=criteria,
        panels=rows_of_visit(tables[PANELS.name], subject, session),
        state=worst([*states, *(one.state for one in listed)]),
        listed=listed,
        of_visit=of_visit,
        of_change=of_change,
    )


def _changes_to(tables: Mapping[str, pd.DataFrame], subject: str, session: str) -> list[pd.Series]:
    """Rows of the pairs that end with a visit."""
    if CHANGES.name not in tables:
        return []
    rows = rows_of_visit(tables[CHANGES.name], subject, session, column="session_to")
    return [row for _, row in rows.iterrows()]


def visit_row(table: pd.DataFrame, subject: str, session: str) -> pd.Series:
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
