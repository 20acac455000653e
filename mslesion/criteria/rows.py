"""The rows of criteria.csv and panels.csv, of one visit and of a cohort."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd

from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import (
    Row,
    VisitRows,
    alternatives_of_visit,
    facts_of_visit,
    known,
)
from mslesion.criteria.panels.activity import activity_panel
from mslesion.criteria.panels.preclinical import preclinical_panel
from mslesion.criteria.panels.progressive import progressive_panel
from mslesion.criteria.panels.susceptibility import susceptibility_panel
from mslesion.criteria.rules import CRITERIA
from mslesion.criteria.rules.brain_loss import in_pseudoatrophy_window
from mslesion.criteria.verdicts import Criterion, evaluate_criterion
from mslesion.errors import TableError
from mslesion.schema.columns import as_table
from mslesion.schema.criteria import CRITERIA as CRITERIA_TABLE
from mslesion.schema.criteria import PANELS
from mslesion.schema.ratings import Ratings
from mslesion.schema.time import iso_day


def criteria_rows(given: VisitRows) -> list[dict]:
    """Rows of criteria.csv of one visit, one per rule.

    Parameters
    ----------
    given : VisitRows
        The visit.

    Returns
    -------
    list of dict
    """
    facts, alternatives = facts_of_visit(given), alternatives_of_visit(given)
    return [
        _key(given) | criterion_row(criterion, facts, alternatives=alternatives, doubt=given.doubt)
        for criterion in CRITERIA
    ]


def criterion_row(
    criterion: Criterion,
    facts: Facts,
    *,
    alternatives: Mapping[str, Facts] | None = None,
    doubt: str = "",
) -> dict:
    """The columns of criteria.csv on one rule, without those that name the visit.

    Parameters
    ----------
    criterion : Criterion
        One of `CRITERIA`.
    facts : Facts
        What is known of the visit.
    alternatives : mapping of str to Facts, optional
        The same visit under other settings, as for `evaluate_criterion`.
    doubt : str
        Why measured facts are not used, as for `evaluate_criterion`.

    Returns
    -------
    dict
    """
    verdict = evaluate_criterion(criterion, facts, alternatives=alternatives, doubt=doubt)
    low, high = verdict.score or (None, None)
    return {
        "position": CRITERIA.index(criterion) + 1,
        "rule": criterion.name,
        "title": criterion.title,
        "version": criterion.version,
        "met": verdict.outcome,
        "score_low": low,
        "score_high": high,
        "facts_json": json.dumps(verdict.facts_used),
        "missing": "; ".join(verdict.missing),
        "borderline": verdict.borderline,
        "periventricular_only_caps": verdict.periventricular_only_caps,
        "changes_if": "; ".join(verdict.changes_if or ()),
        "provisional": criterion.provisional,
        "evidence": criterion.evidence,
        "source": criterion.source,
        "sentence": verdict.sentence,
    }


def panel_rows(given: VisitRows) -> list[dict]:
    """Rows of panels.csv of one visit, one per domain.

    Parameters
    ----------
    given : VisitRows
        The visit. Without a previous visit only the panels of one visit are made.

    Returns
    -------
    list of dict
    """
    facts = facts_of_visit(given)
    panels = [
        preclinical_panel(facts, given.visit),
        susceptibility_panel(facts, rated=given.rated, rated_lesions=given.rated_lesions),
    ]
    if given.change is not None:
        area, limit = known(given.rated, "ucca_mm2"), known(given.rated, "ucca_lower_limit_mm2")
        panels += [
            activity_panel(facts, given.change),
            progressive_panel(
                facts,
                given.visit,
                given.change,
                expansion_rates=given.expansion_rates,
                enlarging_candidates=given.enlarging_candidates,
                cord_area=None if area is None or limit is None else (area, limit),
            ),
        ]
    return [
        _key(given) | {"position": position} | asdict(row)
        for panel in panels
        for position, row in enumerate(panel, start=1)
    ]


def make_criteria_tables(
    visits: pd.DataFrame,
    lesions: pd.DataFrame | None = None,
    *,
    changes: pd.DataFrame | None = None,
    expansions: pd.DataFrame | None = None,
    lesion_changes: pd.DataFrame | None = None,
    ratings: Ratings | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """criteria.csv and panels.csv of a cohort.

    Parameters
    ----------
    visits : DataFrame
        visits.csv.
    lesions : DataFrame, optional
        lesions.csv. Without it nothing can be said of other settings.
    changes : DataFrame, optional
        changes.csv. Of the pairs that end with a visit, the shortest is taken.
    expansions : DataFrame, optional
        One row per slowly expanding candidate: participant_id, session_from, session_to,
        rate_pct_per_year and, to tell enlarging lesions, lesion_id.
    lesion_changes : DataFrame, optional
        lesion_changes.csv: which lesions enlarge.
    ratings : Ratings, optional
        Clinical data and ratings.

    Returns
    -------
    tuple of DataFrame, shape (2,)
        By the declarations `CRITERIA` and `PANELS`.

    Raises
    ------
    TableError
        If the lesion table does not hold the lesions that the visit table counts.
    """
    criteria, panels = [], []
    ratings = ratings or Ratings()
    visit_of = {key: rows[0] for key, rows in _by_visit(visits).items()}
    lesions_of, expansions_of = _by_visit(lesions), _by_visit(expansions, "session_to")
    changes_of = _by_visit(changes, "session_to")
    lesion_changes_of = _by_visit(lesion_changes, "session_to")
    for (subject, session), visit in visit_of.items():
        change = _shortest_change(changes_of.get((subject, session), ()))
        change = change and {**change, **_window(visit_of, visit, change, ratings)}
        found = None if expansions is None else expansions_of.get((subject, session), [])
        rates, enlarging = _rates(found, lesion_changes_of.get((subject, session), ()), change)
        given = VisitRows(
            visit=visit,
            lesions=None if lesions is None else _checked(visit, lesions_of),
            change=change,
            expansion_rates=rates,
            enlarging_candidates=enlarging,
            rated=ratings.facts_of(subject, session),
            rated_lesions=ratings.lesions_of(subject, session),
        )
        criteria += criteria_rows(given)
        panels += panel_rows(given)
    return as_table(criteria, CRITERIA_TABLE), as_table(panels, PANELS)


def _key(given: VisitRows) -> dict[str, str | None]:
    """The columns that identify the visit of a row."""
    return {
        "participant_id": known(given.visit, "participant_id"),
        "session_id": known(given.visit, "session_id"),
        "session_from": known(given.change, "session_from"),
    }


def _label(row: Row, name: str) -> str:
    """A label of a row; empty if there is none."""
    return str(known(row, name) or "")


def _by_visit(
    table: pd.DataFrame | None, column: str = "session_id"
) -> dict[tuple[str, str], list[dict]]:
    """Rows of a table by the subject and session they are of."""
    rows: dict[tuple[str, str], list[dict]] = {}
    for row in [] if table is None else table.to_dict("records"):
        rows.setdefault((_label(row, "participant_id"), _label(row, column)), []).append(row)
    return rows


def _checked(visit: Row, lesions_of: Mapping[tuple[str, str], list[dict]]) -> list[dict] | None:
    """Lesion rows of a visit; None where its lesions could not be measured."""
    count = known(visit, "lesion_count")
    if count is None:
        return None
    subject, session = _label(visit, "participant_id"), _label(visit, "session_id")
    rows = lesions_of.get((subject, session), [])
    if len(rows) != count:
        name = f"{subject} {session}".rstrip()
        raise TableError(
            f"The lesion table has {len(rows)} lesions of {name}, but the visit table has "
            f"{count}. Give both tables of the same run."
        )
    return rows


def _shortest_change(pairs: Sequence[dict]) -> dict | None:
    """The pair that ends with a visit; of several, the one of the shortest time."""
    return min(pairs, key=lambda row: known(row, "days") or 0, default=None)


def _window(
    visit_of: Mapping[tuple[str, str], Row], visit: Row, change: Row, ratings: Ratings
) -> dict[str, bool]:
    """Whether a treatment began between the visits, where the table does not say it."""
    before = visit_of.get((_label(visit, "participant_id"), _label(change, "session_from")))
    if known(change, "pseudoatrophy_window") is not None or before is None:
        return {}
    rated = [
        ratings.facts_of(_label(row, "participant_id"), _label(row, "session_id"))
        for row in (before, visit)
    ]
    first, second = (iso_day(known(row, "visit_date")) for row in (before, visit))
    if first is None or second is None:
        return {}
    window = in_pseudoatrophy_window(
        first,
        second,
        treatment_start=rated[1].get("treatment_start_date"),
        steroids=[day for facts in rated for day in facts.get("steroid_dates", ())],
    )
    return {"pseudoatrophy_window": window}


def _rates(
    expansions: Sequence[dict] | None, lesion_changes: Sequence[dict], change: Row | None
) -> tuple[list[float] | None, int]:
    """Rates of a pair's candidates, and how many more lie in new or enlarging lesions."""
    if expansions is None or change is None:
        return None, 0
    start = _label(change, "session_from")
    active = {
        number
        for row in lesion_changes
        if _label(row, "session_from") == start
        and (known(row, "size_change") == "enlarging" or known(row, "change") == "new")
        for number in _label(row, "lesions_from").split("+")
    }
    own = [row for row in expansions if _label(row, "session_from") == start]
    slow = [row for row in own if _label(row, "lesion_id") not in active]
    return [row["rate_pct_per_year"] for row in slow], len(own) - len(slow)
