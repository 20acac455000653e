"""What happened to every lesion between two visits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.evidence import ChangeEvidence
from mslesion.longitudinal.lesions.grouping import (
    group_visits,
    lesions_of_mask,
    size_together,
)
from mslesion.longitudinal.lesions.joint import measure_joint
from mslesion.longitudinal.lesions.sizes import (
    ENLARGING,
    NOT_ASSESSABLE,
    RULES,
    SHRINKING,
    STABLE,
    Size,
    classify_change,
    is_under_floor,
    radius_change_mm,
)
from mslesion.schema.change_map import GROWN, KEPT, NEW, RESOLVED, SHRUNK

MIN_RISE_SPREADS = 1.0
"""Confirmed: changed voxels became brighter by at least this many spreads of white matter
(inclusive). Ours."""
MAX_BEFORE_SPREADS = 1.5
"""And were less than this (exclusive) above white matter before. Ours."""
DEFAULT_RULE = "radial"

GAINS, LOSSES = (t.NEW, t.NEW_ADJACENT), (t.RESOLVED, t.RESOLVED_ADJACENT)
"""Events in which the whole of a lesion comes or goes."""
SCANS_AND_MASKS, MASKS_ALONE = "scans and masks", "masks alone"
"""What a row rests on."""
UNLISTED = "no outlined lesion at a visit whose scans show one"
NEGLIGIBLE = "{:.0f} mm3 of lesion in its place at the other visit, too small to count"
"""Notes of a row."""


@dataclass(frozen=True, slots=True)
class OutlinedLesions:
    """Lesions of one visit as outlined there, in the common frame."""

    labels: np.ndarray
    """(I, J, K) int: single lesions, 0 outside."""
    locations: Mapping[int, str] = field(default_factory=dict)
    """Location class of each, by its number."""


@dataclass(frozen=True, slots=True)
class LesionChanges:
    """Lesions of a pair, compared."""

    rows: list[dict]
    """One a group of lesions that hang together, without subject, sessions and tracks."""
    change_map: np.ndarray
    """(I, J, K) uint8 in the common frame: `KEPT` to `RESOLVED`."""
    links: list[t.Link]
    """Between lesions of both visits that have numbers in their own lesion maps."""
    summary: dict
    """Counts and volumes of the pair."""


def describe_changes(
    evidence: ChangeEvidence,
    outlined: tuple[OutlinedLesions, OutlinedLesions],
    *,
    pair: MatchedPair | None,
    thickest_mm: float,
    years: float | None = None,
    rule: str = DEFAULT_RULE,
) -> LesionChanges:
    """Events, sizes and classes of every lesion of a pair.

    Parameters
    ----------
    evidence : ChangeEvidence
        Which voxels are lesion at which visit, in the common frame.
    outlined : tuple of OutlinedLesions, shape (2,)
        Lesions of each visit as outlined there.
    pair : MatchedPair or None
        FLAIR of both visits; without it no intensity confirms a change.
    thickest_mm : float
        Longest voxel side of both.
    years : float, optional
        Time between the visits.
    rule : str
        Which of `RULES` says what is enlarging; all classes are given.

    Returns
    -------
    LesionChanges
    """
    first, second = outlined
    visits = (
        lesions_of_mask(evidence.first, first.labels, spacing_mm=evidence.spacing_mm),
        lesions_of_mask(evidence.second, second.labels, spacing_mm=evidence.spacing_mm),
    )
    groups, links = group_visits(*visits, thickest_mm=thickest_mm, spacing_mm=evidence.spacing_mm)
    change_map = np.zeros(evidence.kept.shape, np.uint8)
    change_map[evidence.kept] = KEPT
    rows = []
    for number, group in enumerate(groups, start=1):
        voxels = _voxels_of(group, visits, evidence)
        change_map[voxels.box][voxels.gained] = NEW if group.event == t.NEW else GROWN
        change_map[voxels.box][voxels.lost] = RESOLVED if group.event == t.RESOLVED else SHRUNK
        before, after = (
            size_together(visit.sizes, own)
            for visit, own in zip(visits, (group.first, group.second), strict=True)
        )
        is_whole = group.event in GAINS + LOSSES
        classes = (
            dict.fromkeys(RULES)
            if is_whole
            else classify_change(before, after, thickest_mm=thickest_mm, years=years)
        )
        is_rising = group.event in GAINS or (not is_whole and after.volume_mm3 > before.volume_mm3)
        rows.append(
            {
                "group_id": number,
                "lesions_from": _joined(group.first, visits[0].listed_count),
                "lesions_to": _joined(group.second, visits[1].listed_count),
                "change": _event(group, classes[rule]),
                "parents": _joined(group.merged, visits[0].listed_count),
                "size_change": classes[rule],
                **dict(zip("ijk", voxels.centre(), strict=True)),
                **_size_columns(before, after, is_whole=is_whole),
                "gained_mm3": np.count_nonzero(voxels.gained) * evidence.voxel_mm3,
                "lost_mm3": np.count_nonzero(voxels.lost) * evidence.voxel_mm3,
                **{f"class_{name}": value for name, value in classes.items()},
                "confirmed_by_intensity": _confirmed(pair, voxels, is_rising=is_rising),
                "is_under_floor": is_under_floor(before, after, thickest_mm=thickest_mm),
                "location": _location(group, (first.locations, second.locations)),
                "evidence": MASKS_ALONE if pair is None else SCANS_AND_MASKS,
                "note": _note(group, visits, before, after),
            }
        )
    listed = [
        link
        for link in links
        if link.first <= visits[0].listed_count and link.second <= visits[1].listed_count
    ]
    summary = _summary(rows, evidence)
    if pair is not None:
        summary |= _joint_columns(evidence, thickest_mm=thickest_mm)
    return LesionChanges(rows, change_map, listed, summary)


@dataclass(frozen=True, slots=True)
class _GroupVoxels:
    """The voxels of a group of lesions, in the box around them."""

    box: tuple[slice, slice, slice]
    members: np.ndarray
    """(i, j, k) bool: lesion at either visit."""
    gained: np.ndarray
    lost: np.ndarray

    def centre(self) -> np.ndarray:
        """Mean voxel, (3,)."""
        return np.argwhere(self.members).mean(axis=0) + [part.start for part in self.box]


def _voxels_of(group: t.Group, visits, evidence: ChangeEvidence) -> _GroupVoxels:
    """Where a group of lesions lies, and what it gained and lost."""
    first, second = visits
    box = _box(
        [first.boxes[n - 1] for n in group.first] + [second.boxes[n - 1] for n in group.second]
    )
    members = np.isin(first.labels[box], group.first) & evidence.first[box]
    members |= np.isin(second.labels[box], group.second) & evidence.second[box]
    return _GroupVoxels(
        box=box,
        members=members,
        gained=evidence.gained[box] & members,
        lost=evidence.lost[box] & members,
    )


def _event(group: t.Group, size_change: str | None) -> str:
    """What happened to a group: its event, or how its one lesion changed in size."""
    if group.event != t.SAME:
        return group.event
    return STABLE if size_change == NOT_ASSESSABLE else size_change


def _size_columns(before: Size, after: Size, *, is_whole: bool) -> dict:
    """Columns of how large a group is at both visits."""
    change_mm3 = after.volume_mm3 - before.volume_mm3
    return {
        "volume_from_mm3": before.volume_mm3,
        "volume_to_mm3": after.volume_mm3,
        "volume_change_mm3": change_mm3,
        "volume_change_pct": None if is_whole else 100 * change_mm3 / before.volume_mm3,
        "radius_change_mm": radius_change_mm(before, after),
        "long_axis_from_mm": before.long_axis_mm,
        "long_axis_to_mm": after.long_axis_mm,
    }


def _box(parts: list) -> tuple[slice, slice, slice]:
    """The box around several."""
    return tuple(
        slice(min(p[a].start for p in parts), max(p[a].stop for p in parts)) for a in range(3)
    )


def _joined(numbers: tuple[int, ...], listed_count: int) -> str | None:
    """Numbers of the lesions that are in the visit's lesion table, joined."""
    return "+".join(str(n) for n in numbers if n <= listed_count) or None


def _note(group: t.Group, visits, before: Size, after: Size) -> str:
    """What a reader of the row should know."""
    if group.event in (t.NEW, t.RESOLVED) and group.first and group.second:
        return NEGLIGIBLE.format(min(before.volume_mm3, after.volume_mm3))
    is_listed = all(
        not numbers or any(n <= visit.listed_count for n in numbers)
        for numbers, visit in zip((group.first, group.second), visits, strict=True)
    )
    return "" if is_listed else UNLISTED


def _location(group: t.Group, locations) -> str | None:
    """Location class at the second visit, else at the first."""
    for numbers, known in ((group.second, locations[1]), (group.first, locations[0])):
        for number in numbers:
            if number in known:
                return known[number]
    return None


def _confirmed(pair: MatchedPair | None, voxels: _GroupVoxels, *, is_rising: bool) -> bool | None:
    """Whether the signal changed with the lesion; None without scans or change."""
    changed = voxels.gained if is_rising else voxels.lost
    if pair is None or not changed.any():
        return None
    before, after = (pair.first, pair.second) if is_rising else (pair.second, pair.first)
    white, spread = pair.levels[2], pair.spreads[2]
    low = float(before[voxels.box][changed].mean(dtype=np.float64))
    high = float(after[voxels.box][changed].mean(dtype=np.float64))
    rise = high - low >= MIN_RISE_SPREADS * spread
    return bool(rise and low - white < MAX_BEFORE_SPREADS * spread)


def _summary(rows: list[dict], evidence: ChangeEvidence) -> dict:
    """Counts and volumes of the pair; lesions under the detection floor do not count."""
    counted = [row for row in rows if not row["is_under_floor"]]

    def count(key: str, *values: str) -> int:
        return sum(row[key] in values for row in counted)

    new = [row for row in counted if row["change"] == t.NEW]
    gain, loss = (
        np.count_nonzero(part) * evidence.voxel_mm3 / 1000
        for part in (evidence.gained, evidence.lost)
    )
    return {
        "new_t2_count": len(new),
        "new_t2_volume_ml": sum(row["volume_to_mm3"] for row in new) / 1000,
        "new_adjacent_count": count("change", t.NEW_ADJACENT),
        "enlarging_count": count("size_change", ENLARGING),
        "new_or_enlarging_count": len(new) + count("size_change", ENLARGING),
        "stable_count": count("size_change", STABLE),
        "shrinking_count": count("size_change", SHRINKING),
        "resolved_count": count("change", t.RESOLVED),
        "merged_count": count("change", t.MERGED),
        "split_count": count("change", t.SPLIT),
        "complex_count": count("change", t.COMPLEX),
        "under_floor_count": len(rows) - len(counted),
        "gross_gain_ml": gain,
        "gross_loss_ml": loss,
        "net_change_ml": gain - loss,
    }


def _joint_columns(evidence: ChangeEvidence, *, thickest_mm: float) -> dict[str, float]:
    """Lesions of each visit by what both show."""
    columns: dict[str, float] = {}
    for end, mask in (("from", evidence.first), ("to", evidence.second)):
        load = measure_joint(
            mask, evidence.kept, voxel_mm3=evidence.voxel_mm3, thickest_mm=thickest_mm
        )
        columns[f"lesion_volume_joint_{end}_ml"] = load.volume_ml
        columns[f"lesion_count_joint_{end}"] = load.count
    return columns
