"""The file of a pair's local growth, and what is made of those of several pairs.

Each pair keeps its growth around the first visit's lesions, and where its candidates are
(`mslesion.longitudinal.local_growth`). How evenly a candidate grew is told when the pairs are
merged.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from mslesion.io.nifti import write_bytes
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.expansion import constancy
from mslesion.longitudinal.local_growth import (
    LocalGrowth,
    growth_around_lesions,
    mean_growth_pct,
)
from mslesion.schema.time import years_between


def growth_path(record: Path) -> Path:
    """Where the growth of a pair lies.

    Parameters
    ----------
    record : Path
        Of the pair.

    Returns
    -------
    Path
    """
    return record.with_suffix(".npz")


def write_growth(comparison: PairComparison, path: Path) -> None:
    """Keep the growth of a pair; nothing where it was not measured.

    Parameters
    ----------
    comparison : PairComparison
        The comparison.
    path : Path
        Where to.
    """
    growth = growth_around_lesions(comparison)
    if growth is None:
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **growth._asdict())
    write_bytes(buffer.getvalue(), path)


def with_constancy(pair: Mapping, pairs: Sequence[Mapping], days: Mapping[str, date | None]):
    """Rows of a pair's candidates, with how evenly each grew over the visits between.

    Parameters
    ----------
    pair : mapping
        Record of the pair.
    pairs : sequence of mapping
        Records of all pairs of the subject.
    days : mapping of str to date or None
        Day of each visit, by session.

    Returns
    -------
    list of dict
        Rows of expansions.csv without the subject; constancy is None where there is no
        visit between that was compared with the first one.
    """
    start, end = days.get(pair["session_from"]), days.get(pair["session_to"])
    whole = years_between(start, end)
    between = []
    for other in pairs:
        years = years_between(start, days.get(other["session_to"]))
        if other["session_from"] == pair["session_from"] and years and whole and years < whole:
            between.append((years, other))
    own = _read(pair) if pair["expansions"] and between else None
    between.sort(key=lambda one: one[0])
    growths = [] if own is None else [(years, _read(other)) for years, other in between]
    rows = []
    for row in pair["expansions"]:
        value = None
        if own is not None:
            points = own.points[own.candidate == row["candidate_id"]]
            steps = [(years, mean_growth_pct(growth, points)) for years, growth in growths]
            steps = [step for step in steps if step[1] is not None]
            steps.append((whole, row["rate_pct_per_year"] * whole))
            value = constancy(*zip(*steps, strict=True))
        rows.append(row | {"constancy": value})
    return rows


def _read(pair: Mapping) -> LocalGrowth | None:
    """What a pair kept; None if it kept nothing."""
    path = pair.get("path")
    if path is None or not growth_path(path).is_file():
        return None
    with np.load(growth_path(path)) as kept:
        return LocalGrowth(**kept)
