"""A whole study: two groups compared in the measures that trials use."""

from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd

from mslesion.errors import TableError
from mslesion.schema.columns import as_table
from mslesion.schema.comparisons import COMPARISONS
from mslesion.schema.identifiers import bare_label
from mslesion.schema.time import DAYS_PER_YEAR, iso_day
from mslesion.schema.visits import used_for
from mslesion.statistics.two_groups import (
    Comparison,
    compare_counts,
    compare_slopes,
    compare_volumes,
    compare_yearly_changes,
)

FIRST_VISIT_COUNTS = ("lesion_count", "lesion_count_centers")
FIRST_VISIT_VOLUMES = ("lesion_volume_ml", "t1_hypointense_volume_ml")
CHANGE_COUNTS = ("new_t2_count", "enlarging_count", "combined_unique_active_count")
"""Summed over the intervals of a subject, per year."""
YEARLY_CHANGES = ("pbvc_pct_per_year", "pvvc_pct_per_year", "thalamus_pct_per_year")


def compare_groups(
    visits: pd.DataFrame,
    groups: Mapping[str, str],
    *,
    reference: str,
    changes: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Compare two groups in every measure that the tables hold.

    Parameters
    ----------
    visits : DataFrame
        visits.csv.
    groups : mapping of str to str
        Group of each subject; subjects without one are left out.
    reference : str
        The group that is compared with.
    changes : DataFrame, optional
        changes.csv. Only pairs of consecutive visits are used.

    Returns
    -------
    DataFrame
        By the declaration `COMPARISONS`. Measures without any value are left out.

    Raises
    ------
    TableError
        If no subject has a group, or there are not two groups.
    MissingToolError
        Without statsmodels.
    """
    visits = _in_order(_in_groups(visits, groups))
    named = {"group": "group", "reference": reference}
    found: list[Comparison] = []
    first = visits.drop_duplicates("participant_id")
    found += [compare_counts(first, m, **named) for m in _there(first, FIRST_VISIT_COUNTS)]
    found += [compare_volumes(first, m, **named) for m in _there(first, FIRST_VISIT_VOLUMES)]
    if changes is not None:
        pairs = _consecutive(_in_groups(changes, groups), visits)
        for measure in _there(pairs, CHANGE_COUNTS):
            total = _totals(pairs, measure)
            found.append(compare_counts(total, measure, years="interval_years", **named))
        rates = _there(pairs, YEARLY_CHANGES)
        found += [compare_yearly_changes(pairs, measure, **named) for measure in rates]
    timed = visits.assign(years=_years_since_first(visits))
    if timed["years"].notna().any():
        found += [
            compare_slopes(timed, m, years="years", **named)
            for m in _there(timed, used_for("slope"))
        ]
    rows = [{"position": n} | asdict(one) for n, one in enumerate(found, start=1)]
    return as_table(rows, COMPARISONS)


def _in_groups(table: pd.DataFrame, groups: Mapping[str, str]) -> pd.DataFrame:
    """Rows of subjects with a group, and the group as a column."""
    labels = {bare_label(subject): group for subject, group in groups.items()}
    table = table.assign(group=table["participant_id"].map(bare_label).map(labels))
    rows = table[table["group"].notna()]
    if rows.empty:
        raise TableError(
            "No participant of the table has a group, but two groups are compared. Give the "
            "group of each participant_id."
        )
    return rows


def _in_order(visits: pd.DataFrame) -> pd.DataFrame:
    """Visits of each subject in order of their dates, or else of their labels."""
    keys = [name for name in ("participant_id", "visit_date", "session_id") if name in visits]
    return visits.sort_values(keys, kind="stable")


def _there(table: pd.DataFrame, measures: tuple[str, ...]) -> list[str]:
    """Measures with values."""
    return [name for name in measures if name in table and table[name].notna().any()]


def _consecutive(pairs: pd.DataFrame, visits: pd.DataFrame) -> pd.DataFrame:
    """Pairs of a visit and the one before it."""
    sessions = visits["session_id"].fillna("")  # a visit without label
    before = sessions.groupby(visits["participant_id"]).shift()
    wanted = set(zip(visits["participant_id"], before, sessions, strict=True))
    start, end = (pairs[name].fillna("") for name in ("session_from", "session_to"))
    keys = zip(pairs["participant_id"], start, end, strict=True)
    return pairs[[key in wanted for key in keys]]


def _totals(pairs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Counts and years of a subject, over the intervals in which both are known."""
    known = pairs.dropna(subset=[measure, "interval_years"])
    sums = known.groupby(["participant_id", "group"], as_index=False)[
        [measure, "interval_years"]
    ].sum()
    return sums[sums["interval_years"] > 0]


def _years_since_first(visits: pd.DataFrame) -> pd.Series:
    """Years since the first visit of the subject; empty without dates."""
    if "visit_date" not in visits:
        return pd.Series(float("nan"), index=visits.index)
    days = visits["visit_date"].map(lambda text: iso_day(text).toordinal(), na_action="ignore")
    days = days.astype("float64")
    return (days - days.groupby(visits["participant_id"]).transform("min")) / DAYS_PER_YEAR
