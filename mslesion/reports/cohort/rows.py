"""What the page of a cohort says about each visit: one row of values, and its columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.reports.marks import STATE_WORDS, VERDICT_WORDS
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS
from mslesion.schema.identifiers import SESSION, SUBJECT, identifier

VISIT_COLUMNS = (
    "age_years", "lesion_count", "lesion_volume_ml", "t1_hypointense_volume_ml", "bpf",
    "thalamus_ml",
)  # fmt: skip
CHANGE_COLUMNS = ("new_t2_count", "enlarging_count", "pbvc_pct_per_year")
"""Columns of visits.csv and of changes.csv in the row of a visit."""
RULES_SHOWN = {"mcdonald2017_dis": "Space 2017", "mcdonald2024_dis": "Space 2024"}
"""Rules with a column of their own; each rule can be filtered by."""
TEXT, NUMERIC, STATE = "text", "number", "state"
"""How the values of a column are compared and shown."""
_COLUMNS = {(table.name, one.name): one for table in (VISITS, CHANGES) for one in table.columns}
_VISIT = ["participant_id", "session_id"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of the table of visits."""

    name: str
    """Name in `cohort_rows` and in the file that the page can save."""
    title: str
    kind: str = TEXT
    marks: Mapping[str, str] | None = None
    """How states are shown; None shows the value."""


def title_of(table: str, column: str) -> str:
    """Title of a column of visits.csv or changes.csv.

    Parameters
    ----------
    table, column : str
        Names.

    Returns
    -------
    str
    """
    return _COLUMNS[table, column].title


SHOWN = (
    Shown("participant_id", "Participant"),
    Shown("session_id", "Session"),
    Shown("visit_date", "Date"),
    Shown("group", "Group"),
    Shown("scanner_id", "Scanner"),
    *(Shown(name, title_of(VISITS.name, name), NUMERIC) for name in VISIT_COLUMNS),
    *(Shown(name, title_of(CHANGES.name, name), NUMERIC) for name in CHANGE_COLUMNS),
    Shown("pattern", "Pattern"),
    *(Shown(rule, title, STATE, VERDICT_WORDS) for rule, title in RULES_SHOWN.items()),
    Shown("quality_state", "Quality of the visit", STATE, STATE_WORDS),
    Shown("pair_quality_state", "Quality of the pair", STATE, STATE_WORDS),
)
"""Columns of the table of visits, in order."""
FLAGS = ("flags", "pair_flags")
"""Columns with the checks that did not pass: of the visit, and of its pair."""


def cohort_rows(
    tables: Mapping[str, pd.DataFrame],
    sessions: Mapping[str, Sequence[str]],
    *,
    groups: Mapping[str, str],
) -> pd.DataFrame:
    """One row per visit with all that the page says about it.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    sessions : mapping of str to sequence of str
        Session labels of each subject, the latest last.
    groups : mapping of str to str
        Study group by subject label.

    Returns
    -------
    DataFrame
        Columns of `SHOWN` and `FLAGS`, every other biomarker of visits.csv and changes.csv,
        ``rule:<name>`` with the verdict of each rule, `session_from` of the pair that the rules
        were applied to, and ``is_latest``. Rows are in the order of `sessions`.
    """
    order = pd.DataFrame(
        [
            (identifier(subject, SUBJECT), identifier(one, SESSION) if one else "",
             groups.get(subject, ""), one == labels[-1])
            for subject, labels in sessions.items()
            for one in labels
        ],
        columns=[*_VISIT, "group", "is_latest"],
    )  # fmt: skip
    rows = order.merge(_keyed(tables[VISITS.name]), on=_VISIT, how="left")
    criteria = _keyed(tables[CRITERIA.name])
    rules = criteria.pivot_table(index=_VISIT, columns="rule", values="met", aggfunc="first")
    rules.columns = [f"rule:{rule}" for rule in rules.columns]
    compared = criteria.drop_duplicates(_VISIT)[[*_VISIT, "session_from"]]
    panels = _keyed(tables[PANELS.name])
    pattern = panels.loc[panels["domain"] == "pattern", [*_VISIT, "text"]].drop_duplicates(_VISIT)
    pattern = pattern.assign(pattern=pattern["text"].str.split(":").str[0]).drop(columns="text")
    for extra in (rules.reset_index(), compared, pattern):
        rows = rows.merge(extra, on=_VISIT, how="left")
    rows = rows.merge(_pairs(tables), on=[*_VISIT, "session_from"], how="left")
    for rule in RULES_SHOWN:
        rows[rule] = rows.get(f"rule:{rule}")
    return rows


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table whose visits without a session have an empty label, so that rows can be joined."""
    sessions = [name for name in ("session_id", "session_from") if name in frame]
    return frame.assign(**{name: frame[name].fillna("") for name in sessions})


def _pairs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of changes.csv by the visit that they end at."""
    changes = tables[CHANGES.name].rename(
        columns={
            "session_to": "session_id",
            "quality_state": "pair_quality_state",
            "flags": "pair_flags",
        }
    )
    return _keyed(changes)


def shown_columns(rows: pd.DataFrame) -> list[Shown]:
    """Columns of the table of visits; group and scanner only where one is known.

    Parameters
    ----------
    rows : DataFrame
        Of `cohort_rows`.

    Returns
    -------
    list of Shown
    """
    optional = ("group", "scanner_id")
    return [
        one
        for one in SHOWN
        if one.name not in optional or rows[one.name].fillna("").astype(str).ne("").any()
    ]


def column_data(rows: pd.DataFrame, column: Shown) -> dict:
    """A column as the page's script reads it.

    Parameters
    ----------
    rows : DataFrame
        Of `cohort_rows`.
    column : Shown
        Which column.

    Returns
    -------
    dict
        ``name``, ``title``, ``kind``, ``values`` as written in the CSV (None where missing), and
        ``shown``, the same rounded for the eye; None where it equals the values.
    """
    found = list(rows[column.name])
    written = [format_value(value) for value in found]
    data: dict = {"name": column.name, "title": column.title, "kind": column.kind, "shown": None}
    data["values"] = [text or None for text in written]
    if column.kind == NUMERIC:
        exact = [value if text else None for value, text in zip(found, written, strict=True)]
        data["shown"] = [show_value(value) for value in exact]
    elif column.marks is not None:
        data["shown"] = [column.marks.get(text, text) for text in written]
    return data


def numbers_of(rows: pd.DataFrame, column: str) -> pd.Series:
    """The numbers of a column as the CSV has them, without those that are missing.

    Parameters
    ----------
    rows : DataFrame
        Of `cohort_rows`.
    column : str
        A numeric column.

    Returns
    -------
    Series of float
        With the index of `rows`.
    """
    return rows[column].dropna().map(format_value).astype(float)
