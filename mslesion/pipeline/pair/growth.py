"""Local growth of the lesions of a pair, kept so that later pairs can be held against it.

Whether a candidate for slow expansion grew evenly can be told only when the visits
between are compared too. Each pair keeps its growth around the first visit's lesions, and
where its candidates are; the rest is done when the pairs are merged.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage as ndi

from mslesion.io.nifti import write_bytes
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.expansion import constancy
from mslesion.schema.time import years_between

MARGIN_VOXELS = 3
"""Growth is kept this far around the lesions."""


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
    brain = comparison.brain
    if brain.volume_ratio is None:
        return
    place = brain.aligned.placed
    to_first = place.to_reference[0] @ place.frame.grid.affine
    near = ndi.binary_dilation(place.outlined[0] > 0, iterations=MARGIN_VOXELS)
    growth_pct = np.where(near, 100 * (brain.volume_ratio - 1), 0).astype(np.float16)
    found = () if brain.expansion is None else brain.expansion.candidates
    voxels = [one.voxels for one in found]
    points = apply_affine(to_first, np.concatenate(voxels)) if voxels else np.zeros((0, 3))
    candidate = np.repeat(np.arange(1, len(voxels) + 1), [len(v) for v in voxels])
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        growth_pct=growth_pct,
        to_first=to_first,
        points=points.astype(np.float32),
        candidate=candidate.astype(np.int32),
    )
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
    rows = []
    for row in pair["expansions"]:
        value = None
        if own is not None:
            points = own["points"][own["candidate"] == row["candidate_id"]]
            steps = [
                (years, _mean_growth_pct(_read(other), points))
                for years, other in sorted(between, key=lambda one: one[0])
            ]
            steps = [step for step in steps if step[1] is not None]
            steps.append((whole, row["rate_pct_per_year"] * whole))
            value = constancy(*zip(*steps, strict=True))
        rows.append(row | {"constancy": value})
    return rows


def _read(pair: Mapping) -> dict | None:
    """What a pair kept; None if it kept nothing."""
    path = pair.get("path")
    if path is None or not growth_path(path).is_file():
        return None
    with np.load(growth_path(path)) as kept:
        return dict(kept)


def _mean_growth_pct(kept: dict | None, points: np.ndarray) -> float | None:
    """Mean growth of a pair at points of the first visit."""
    if kept is None or not len(points):
        return None
    voxels = apply_affine(np.linalg.inv(kept["to_first"]), points).T
    values = ndi.map_coordinates(kept["growth_pct"].astype(np.float32), voxels, order=1)
    return float(values.mean())
