"""How evenly candidates for slow expansion expanded over the visits between.

Each pair keeps a file of its volume change around the first visit's lesions, and of where its
candidates are (`mslesion.longitudinal.local_volume_change`). The constancy follows from the files
of several pairs when they are merged.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from mslesion.io.nifti import write_bytes
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.expansion import constancy
from mslesion.longitudinal.local_volume_change import (
    LocalVolumeChange,
    mean_volume_change_pct,
    volume_change_around_lesions,
)
from mslesion.schema.time import years_between


def volume_change_path(record: Path) -> Path:
    """Where the file of a pair's local volume change lies.

    Parameters
    ----------
    record : Path
        Of the pair.

    Returns
    -------
    Path
    """
    return record.with_suffix(".npz")


def write_volume_change(comparison: PairComparison, path: Path) -> None:
    """Write the local volume change of a pair; nothing where it was not measured.

    Parameters
    ----------
    comparison : PairComparison
        The comparison.
    path : Path
        Where to.
    """
    local = volume_change_around_lesions(comparison)
    if local is None:
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **local._asdict())
    write_bytes(buffer.getvalue(), path)


def with_constancy(pair: Mapping, pairs: Sequence[Mapping], days: Mapping[str, date | None]):
    """Rows of a pair's candidates, with how evenly each expanded over the visits between.

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
    kept = [] if own is None else [(years, _read(other)) for years, other in between]
    rows = []
    for row in pair["expansions"]:
        value = None
        if own is not None:
            points = own.points[own.candidate == row["candidate_id"]]
            steps = [(years, mean_volume_change_pct(local, points)) for years, local in kept]
            steps = [step for step in steps if step[1] is not None]
            steps.append((whole, row["rate_pct_per_year"] * whole))
            value = constancy(*zip(*steps, strict=True))
        rows.append(row | {"constancy": value})
    return rows


def _read(pair: Mapping) -> LocalVolumeChange | None:
    """What a pair kept; None if it kept nothing."""
    path = pair.get("path")
    if path is None or not volume_change_path(path).is_file():
        return None
    with np.load(volume_change_path(path)) as kept:
        return LocalVolumeChange(**kept)
