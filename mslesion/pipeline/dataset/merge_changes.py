"""Pairs of visits, merged: lesions tracked over all visits, trajectories, chains.

All of it is made from the records anew at each merge, so that visits that came one after
the other give the same tables as all at once.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pandas as pd

from mslesion.criteria.rules.brain_loss import in_pseudoatrophy_window
from mslesion.longitudinal.lesions.tracks import Link, track_lesions
from mslesion.longitudinal.trajectories import (
    CHAIN_LIMIT_PCT,
    chain_difference_pct,
    in_order,
    measure_trajectories,
)
from mslesion.pipeline.pair.constancy import with_constancy
from mslesion.pipeline.pair.records import day_of, in_time
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, TRAJECTORIES, as_table
from mslesion.schema.ratings import Ratings
from mslesion.schema.visits import BIOMARKERS

MEASURES = tuple(name for name, column in BIOMARKERS.items() if column.has_course)
"""Columns of the visit table whose trajectories are measured."""
BRAIN = "brain"
"""Group of the columns that the scale of a scanner changes as it changes the brain's."""
BRAIN_CHANGE, TRACK_VOLUME = "pbvc_pct", "lesion_volume_mm3"
"""Further trajectories: brain change since the first visit, volume of one lesion."""
JOINT = {
    "lesion_volume_joint_ml": ("lesion_volume_joint_from_ml", "lesion_volume_joint_to_ml"),
    "lesion_count_joint": ("lesion_count_joint_from", "lesion_count_joint_to"),
}
"""And how much the lesions by both visits of a pair changed since the first visit: the columns of
changes.csv by the name of the trajectory."""
ROUNDING = 1e-9
"""A sum of changes is not more exact."""
CHAIN = "chain_inconsistent"
"""Flag of a pair whose PBVC is not the sum of those of the visits between."""


def merge_changes(
    subjects: Mapping[str, Sequence[Mapping]],
    pairs: Mapping[str, Sequence[Mapping]],
    *,
    ratings: Ratings,
) -> dict[str, pd.DataFrame]:
    """The tables between visits.

    Parameters
    ----------
    subjects : mapping of str to sequence of mapping
        Records of each subject's visits.
    pairs : mapping of str to sequence of mapping
        Records of each subject's pairs.
    ratings : Ratings
        Clinical data and ratings: when a treatment began.

    Returns
    -------
    dict of str to DataFrame
        By the names of the tables.
    """
    tables = (CHANGES, LESION_CHANGES, EXPANSIONS, TRAJECTORIES)
    rows: dict[str, list[dict]] = {table.name: [] for table in tables}
    for subject, records in subjects.items():
        visits, own = in_time(records), pairs.get(subject, ())
        facts = {v["session"]: ratings.facts_of(subject, v["session"]) for v in visits}
        tracks = _tracks(visits, own)
        days = {visit["session"]: day_of(visit) for visit in visits}
        found = {
            CHANGES.name: _change_rows(days, own, facts),
            LESION_CHANGES.name: _lesion_rows(own, tracks),
            EXPANSIONS.name: [row for pair in own for row in with_constancy(pair, own, days)],
            TRAJECTORIES.name: _trajectory_rows(visits, own, facts, tracks),
        }
        for name, some in found.items():
            rows[name] += [{"participant_id": subject} | row for row in some]
    return {table.name: as_table(rows[table.name], table) for table in tables}


def _change_rows(days, pairs, facts) -> list[dict]:
    """Rows of changes.csv, with what needs more than the pair."""
    steps = {(p["session_from"], p["session_to"]): p["change"].get(BRAIN_CHANGE) for p in pairs}
    order = list(days)
    rows = []
    for pair in pairs:
        row = dict(pair["change"])
        a, b = pair["session_from"], pair["session_to"]
        between = order[order.index(a) : order.index(b) + 1]
        if len(between) > 2:
            chain = [steps.get(step) for step in pairwise(between)]
            gap = chain_difference_pct(row.get(BRAIN_CHANGE), chain)
            if gap is not None and abs(gap) > CHAIN_LIMIT_PCT + ROUNDING:
                row["flags"] = ";".join(filter(None, (row.get("flags"), CHAIN)))
        if days[a] and days[b]:
            row["pseudoatrophy_window"] = in_pseudoatrophy_window(
                days[a],
                days[b],
                treatment_start=facts[b].get("treatment_start_date"),
                steroids=[day for f in (facts[a], facts[b]) for day in f.get("steroid_dates", ())],
            )
        rows.append(row)
    return rows


def _tracks(visits, pairs) -> dict[tuple[str, int], int]:
    """Track of each lesion, by session and number."""
    order = {visit["session"]: position for position, visit in enumerate(visits)}
    links = {
        (order[pair["session_from"]], order[pair["session_to"]]): [
            Link(*link) for link in pair["links"]
        ]
        for pair in pairs
    }
    numbers = [[row["lesion_id"] for row in visit["lesions"]] for visit in visits]
    sessions = list(order)
    return {
        (sessions[position], number): track
        for (position, number), track in track_lesions(numbers, links).items()
    }


def _lesion_rows(pairs, tracks) -> list[dict]:
    """Rows of lesion_changes.csv with their tracks."""
    rows = []
    for pair in pairs:
        for row in pair["lesions"]:
            members = [
                (pair[f"session_{end}"], int(number))
                for end in ("from", "to")
                for number in (row[f"lesions_{end}"] or "").split("+")
                if number
            ]
            own = sorted({tracks[member] for member in members if member in tracks})
            rows.append(row | {"track_id": own[0] if own else None})
    return rows


def _trajectory_rows(visits, pairs, facts, tracks) -> list[dict]:
    """Rows of trajectories.csv; none where the dates do not rise."""
    dates = [day_of(visit) for visit in visits]
    if not in_order(dates):
        return []
    rows = [visit["visits"][0] if visit["visits"] else {} for visit in visits]
    series = {name: [row.get(name) for row in rows] for name in MEASURES}
    brain = {name: series.pop(name) for name in MEASURES if BIOMARKERS[name].group == BRAIN}
    first = visits[0]["session"]
    since_first = {p["session_to"]: p["change"] for p in pairs if p["session_from"] == first}
    changes = [since_first.get(visit["session"], {}) for visit in visits[1:]]
    series[BRAIN_CHANGE] = [0.0] + [change.get(BRAIN_CHANGE) for change in changes]
    for name, ends in JOINT.items():
        series[name] = [0.0] + [_difference(*map(change.get, ends)) for change in changes]
    began = [f["treatment_start_date"] for f in facts.values() if f.get("treatment_start_date")]
    common = {
        "dates": dates,
        "scanners": [row.get("scanner_id") or "" for row in rows],
        "treatment_start": min(began, default=None),
    }
    found = measure_trajectories(series, **common)
    found += measure_trajectories(brain, **common, apart=_withheld_steps(visits, pairs))
    for track, volumes in _track_volumes(visits, tracks).items():
        slopes = measure_trajectories({TRACK_VOLUME: volumes}, **common)
        found += [row | {"track_id": track} for row in slopes]
    return found


def _difference(before: float | None, after: float | None) -> float | None:
    """After minus before; None where one is not known."""
    return None if before is None or after is None else after - before


def _withheld_steps(visits, pairs) -> set[int]:
    """Positions of visits to which the brain did not change in a way that can be told.

    Volumes of the brain on both sides differ by what made the change not assessable.
    """
    order = {visit["session"]: position for position, visit in enumerate(visits)}
    return {
        order[pair["session_to"]]
        for pair in pairs
        if order[pair["session_to"]] == order[pair["session_from"]] + 1
        and pair["change"].get("brain_change_assessable") is False
    }


def _track_volumes(visits, tracks) -> dict[int, list[float | None]]:
    """Volume of each track at each visit; None where it has no lesion."""
    volumes: dict[int, list[float | None]] = {}
    for position, visit in enumerate(visits):
        for row in visit["lesions"]:
            track = tracks[visit["session"], row["lesion_id"]]
            series = volumes.setdefault(track, [None] * len(visits))
            series[position] = (series[position] or 0.0) + row["volume_mm3"]
    return volumes
