"""Published criteria applied to facts that are already known, without any scan."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any, cast

import pandas as pd

from mslesion.criteria import (
    CRITERIA,
    CRITERIA_BY_NAME,
    Criterion,
    Facts,
    criterion_row,
    with_implied_facts,
)
from mslesion.criteria.facts import FACT_NAMES, check_fact, check_together
from mslesion.errors import SettingsError, TableError
from mslesion.schema.columns import as_table
from mslesion.schema.criteria import CRITERIA as CRITERIA_TABLE
from mslesion.schema.identifiers import bare_label

IDENTIFIERS = ("participant_id", "session_id")
"""Columns beside the facts that say which visit a row is of."""


def evaluate_criteria(
    facts: Facts | Mapping[str, Any] | pd.DataFrame | Sequence[Facts | Mapping[str, Any]],
    rules: str | Sequence[str] | None = None,
) -> pd.DataFrame:
    """Apply published criteria of multiple sclerosis to the facts of one visit or of several.

    A research measurement, never a diagnosis: every rule is the part of a criterion that
    the facts decide.

    Parameters
    ----------
    facts : Facts, mapping, DataFrame, or sequence of Facts or mappings
        The facts of a visit by name, such as ``{"periventricular_count": 2}``; of several
        visits as a sequence, or as a DataFrame with one row per visit. The names are the
        fields of `Facts`. Mappings and DataFrames may also have `participant_id` and
        `session_id`. A fact that is absent, None or NaN is not known.
    rules : str or sequence of str, optional
        Names of the rules, such as ``"mcdonald2017_dis"``; all rules by default.

    Returns
    -------
    DataFrame
        The columns of criteria.csv, one row per visit and rule: visits in the order given,
        the rules of a visit in the order of criteria.csv. `met` is "met", "not met", or
        "not assessable" if the verdict depends on facts that are not known; `missing` names
        these. `borderline`, `periventricular_only_caps` and `session_from` need the lesions
        or an earlier visit and are empty.

    Raises
    ------
    TableError
        If a fact does not exist or has an impossible value, if two facts of a visit cannot be
        true together (`mslesion.criteria.facts.check_together`), or if a visit occurs twice.
    SettingsError
        If a rule does not exist.

    Notes
    -----
    Facts that follow from others are added: lesions that do not enhance from `lesion_count`
    and `gd_count`; enhancement at follow-up from `gd_count` where the change since a
    previous visit is known; `combined_unique_active_count` where nothing enhances; and no
    symptomatic lesion where the finding is incidental.

    Examples
    --------
    >>> import mslesion as ms
    >>> facts = {"periventricular_count": 3, "juxtacortical_count": 0, "intracortical_count": 0,
    ...          "infratentorial_count": 0}
    >>> rules = ["mcdonald2017_dis", "mcdonald2024_dis"]
    >>> table = ms.evaluate_criteria(facts, rules)
    >>> print(table[["rule", "met", "missing"]].to_string(index=False))
                rule            met                        missing
    mcdonald2017_dis not assessable                     cord_count
    mcdonald2024_dis not assessable cord_count; optic_nerve_lesion
    >>> ms.evaluate_criteria(facts | {"cord_count": 1}, "mcdonald2017_dis")["met"].item()
    'met'
    """
    criteria = _chosen(rules)
    seen: set[tuple[str, str]] = set()
    tables = []
    for place, row in _visits(facts):
        key = {name: _label(row.pop(name, None), name, place) for name in IDENTIFIERS}
        visit = (bare_label(key["participant_id"] or ""), bare_label(key["session_id"] or ""))
        if any(visit) and visit in seen:
            raise TableError(
                f"{place} has participant_id = {key['participant_id']!r} and session_id = "
                f"{key['session_id']!r} a second time, but each visit has one row. Remove one of "
                "the rows, or give each visit its own session_id."
            )
        seen.add(visit)
        given = _facts(row, place)
        check_together(given, place=place)
        known = with_implied_facts(given)
        rows = [key | criterion_row(criterion, known) for criterion in criteria]
        tables.append(as_table(rows, CRITERIA_TABLE))
    return pd.concat(tables, ignore_index=True) if tables else as_table([], CRITERIA_TABLE)


def _chosen(rules: str | Sequence[str] | None) -> Sequence[Criterion]:
    """The chosen rules in the order of criteria.csv, each once."""
    if rules is None:
        return CRITERIA
    names = [rules] if isinstance(rules, str) or not isinstance(rules, Iterable) else list(rules)
    for name in names:
        if name not in list(CRITERIA_BY_NAME):
            raise SettingsError(
                f"rules has {name!r}, but no rule has this name{_hint(name, CRITERIA_BY_NAME)}. "
                f"Give one or several of: {', '.join(CRITERIA_BY_NAME)}."
            )
    return [criterion for criterion in CRITERIA if criterion.name in names]


def _visits(facts: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each visit as a mapping, with the words that say where it stands."""
    if isinstance(facts, pd.DataFrame):
        for position, row in enumerate(_rows(facts)):
            yield f"facts, row {position}", row
    elif isinstance(facts, Facts | Mapping):
        yield "facts", _mapping(facts, "facts")
    elif isinstance(facts, Iterable) and not isinstance(facts, str | bytes):
        for position, one in enumerate(facts):
            yield f"facts[{position}]", _mapping(one, f"facts[{position}]")
    else:
        _mapping(facts, "facts")


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a DataFrame; a column that occurs twice is an error."""
    if not frame.columns.is_unique:
        name = frame.columns[frame.columns.duplicated()][0]
        raise TableError(
            f"facts has the column {name!r} twice, but each fact has one column. "
            "Remove one of the two."
        )
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def _mapping(one: Any, place: str) -> dict[str, Any]:
    """Facts of one visit as a mapping of its own."""
    if isinstance(one, Facts):
        return asdict(one)
    if isinstance(one, Mapping):
        return dict(one)
    raise TableError(
        f"{place} is of type {type(one).__name__}, but facts of a visit are expected. Give a "
        "mapping of fact names to values, mslesion.Facts, a DataFrame, or a sequence of them."
    )


def _label(value: Any, name: str, place: str) -> str | None:
    """Label of a participant or session; None if it is missing."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if not isinstance(value, str):
        raise TableError(
            f"{place} has {name} = {value!r}, but a label is text. Give text such as '01', and "
            "read labels from files as text, so that leading zeros are kept."
        )
    return value


def _facts(row: Mapping[str, Any], place: str) -> Facts:
    """Checked facts of one visit."""
    for name in row:
        if name not in FACT_NAMES:
            raise TableError(
                f"{place} has {name!r}, but no fact has this name{_hint(name, FACT_NAMES)}. Give "
                f"only {' and '.join(IDENTIFIERS)}, and facts: {', '.join(FACT_NAMES)}."
            )
    return Facts(**{name: check_fact(name, value, place=place) for name, value in row.items()})


def _hint(name: object, known: Iterable[str]) -> str:
    """The most similar known name, as a question; empty if there is none."""
    close = get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
