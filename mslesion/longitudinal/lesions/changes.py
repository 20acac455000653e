"""What happened to every lesion between two visits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.shape import longest_distance_mm
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.evidence import ChangeEvidence
from mslesion.longitudinal.lesions.sizes import (
    ENLARGING,
    NOT_ASSESSABLE,
    RULES,
    SHRINKING,
    STABLE,
    Size,
    classify_change,
    detection_floor_mm,
    is_speck,
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
    *,
    first: np.ndarray,
    second: np.ndarray,
    pair: MatchedPair | None,
    thickest_mm: float,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    years: float | None = None,
    rule: str = DEFAULT_RULE,
    locations: tuple[Mapping[int, str], Mapping[int, str]] = ({}, {}),
) -> LesionChanges:
    """Events, sizes and classes of every lesion of a pair.

    Parameters
    ----------
    evidence : ChangeEvidence
        Which voxels are lesion at which visit, in the common frame.
    first, second : (I, J, K) int array
        Lesions of each visit as outlined there, in the frame.
    pair : MatchedPair or None
        FLAIR of both visits; without it no intensity confirms a change.
    thickest_mm : float
        Longest voxel side of both.
    spacing_mm : tuple of float, shape (3,)
        Voxel sides of the frame, axes close to RAS.
    years : float, optional
        Time between the visits.
    rule : str
        Which of `RULES` says what is enlarging; all classes are given.
    locations : tuple of mapping, shape (2,)
        Location class of each visit's lesions, by their numbers.

    Returns
    -------
    LesionChanges
    """
    labels = [assign_lesions(evidence.first, first), assign_lesions(evidence.second, second)]
    links, meetings = t.link_lesions(*labels, spacing=spacing_mm)
    listed = [int(outlined.max(initial=0)) for outlined in (first, second)]
    numbers = [sorted(set(np.unique(one).tolist()) - {0}) for one in labels]
    sizes = [_sizes(one, spacing_mm) for one in labels]
    voxel_mm3 = float(np.prod(spacing_mm))
    hosts = _hosts(links, 0, sizes[1]), _hosts(links, 1, sizes[0])
    specks = _find_specks(hosts, sizes, (first, second), thickest_mm, voxel_mm3)
    links = _without_bridges(links, hosts, specks)
    groups = t.group_lesions(
        links,
        first=numbers[0],
        second=numbers[1],
        meetings=meetings,
        specks=specks,
    )
    places = [ndi.find_objects(one) for one in labels]
    floor = detection_floor_mm(thickest_mm)
    change_map = np.zeros(first.shape, np.uint8)
    change_map[evidence.kept] = KEPT
    rows = []
    for number, group in enumerate(groups, start=1):
        ours, theirs = _sum(sizes[0], group.first), _sum(sizes[1], group.second)
        box = _box(
            [places[0][n - 1] for n in group.first] + [places[1][n - 1] for n in group.second]
        )
        members = np.isin(labels[0][box], group.first) & evidence.first[box]
        members |= np.isin(labels[1][box], group.second) & evidence.second[box]
        gained, lost = evidence.gained[box] & members, evidence.lost[box] & members
        whole = group.event in GAINS + LOSSES
        change_map[box][gained] = NEW if group.event == t.NEW else GROWN
        change_map[box][lost] = RESOLVED if group.event == t.RESOLVED else SHRUNK
        classes = (
            dict.fromkeys(RULES)
            if whole
            else classify_change(ours, theirs, thickest_mm=thickest_mm, years=years)
        )
        event = classes[rule] if group.event == t.SAME else group.event
        if event == NOT_ASSESSABLE:
            event = STABLE
        rising = group.event in GAINS or (not whole and theirs.volume_mm3 > ours.volume_mm3)
        changed = gained if rising else lost
        centre = np.argwhere(members).mean(axis=0) + [part.start for part in box]
        rows.append(
            {
                "group_id": number,
                "lesions_from": _ids(group.first, listed[0]),
                "lesions_to": _ids(group.second, listed[1]),
                "change": event,
                "size_change": classes[rule],
                "i": centre[0], "j": centre[1], "k": centre[2],
                "volume_from_mm3": ours.volume_mm3,
                "volume_to_mm3": theirs.volume_mm3,
                "volume_change_mm3": theirs.volume_mm3 - ours.volume_mm3,
                "volume_change_pct": None
                if whole
                else 100 * (theirs.volume_mm3 - ours.volume_mm3) / ours.volume_mm3,
                "radius_change_mm": radius_change_mm(ours, theirs),
                "gained_mm3": np.count_nonzero(gained) * voxel_mm3,
                "lost_mm3": np.count_nonzero(lost) * voxel_mm3,
                "long_axis_from_mm": ours.long_axis_mm,
                "long_axis_to_mm": theirs.long_axis_mm,
                **{f"class_{name}": value for name, value in classes.items()},
                "confirmed_by_intensity": _confirmed(pair, box, changed, rising=rising),
                "is_under_floor": max(ours.diameter_mm, theirs.diameter_mm) < floor - 1e-6,
                "location": _location(group, locations),
                "evidence": MASKS_ALONE if pair is None else SCANS_AND_MASKS,
                "note": _note(group, listed, ours, theirs),
            }
        )  # fmt: skip
    kept_links = [k for k in links if k.first <= listed[0] and k.second <= listed[1]]
    return LesionChanges(rows, change_map, kept_links, _summary(rows, evidence, voxel_mm3))


SCANS_AND_MASKS, MASKS_ALONE = "scans and masks", "masks alone"
"""What a row rests on."""
UNLISTED = "no outlined lesion at a visit where the scans show one"
SPECK = "{:.0f} mm3 of lesion in its place at the other visit, too little to count"


def assign_lesions(mask: np.ndarray, outlined: np.ndarray) -> np.ndarray:
    """Numbers of a lesion mask by those of an outlined one.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Lesion voxels.
    outlined : (I, J, K) int array
        Lesions with numbers; their borders may lie elsewhere.

    Returns
    -------
    (I, J, K) int32 array
        Each piece of the mask goes to the outlined lesions in it, each voxel to the
        nearest of them; pieces without any get numbers above theirs.
    """
    out = np.zeros(mask.shape, np.int32)
    pieces, _ = ndi.label(mask, np.ones((3, 3, 3)))
    following = int(outlined.max(initial=0))
    for number, box in enumerate(ndi.find_objects(pieces), start=1):
        piece = pieces[box] == number
        inside = np.where(piece, outlined[box], 0)
        found = np.unique(inside[inside > 0])
        if len(found) > 1:
            place = ndi.distance_transform_edt(
                inside == 0, return_distances=False, return_indices=True
            )
            out[box][piece] = inside[tuple(axis[piece] for axis in place)]
            continue
        if not len(found):
            following += 1
        out[box][piece] = found[0] if len(found) else following
    return out


def _sizes(labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> dict[int, Size]:
    """Size of each lesion, axes close to RAS."""
    sizes = {}
    sides = np.array(spacing_mm)
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        if box is None:
            continue
        mask = labels[box] == number
        sizes[number] = Size(
            volume_mm3=float(np.count_nonzero(mask) * sides.prod()),
            long_axis_mm=longest_distance_mm(np.argwhere(mask) * sides) + float(sides.mean()),
            area_mm2=float(mask.sum(axis=(0, 1)).max() * sides[:2].prod()),
        )
    return sizes


def _sum(sizes: dict[int, Size], numbers: tuple[int, ...]) -> Size:
    """Size of several lesions together."""
    found = [sizes[n] for n in numbers]
    return Size(
        sum((one.volume_mm3 for one in found), 0.0),
        max((one.long_axis_mm for one in found), default=0.0),
        sum((one.area_mm2 for one in found), 0.0),
    )


def _box(parts: list) -> tuple[slice, slice, slice]:
    """The box around several."""
    return tuple(
        slice(min(p[a].start for p in parts), max(p[a].stop for p in parts)) for a in range(3)
    )


def _ids(numbers: tuple[int, ...], listed: int) -> str | None:
    """Numbers that stand in the visit's lesion table, joined."""
    return "+".join(str(n) for n in numbers if n <= listed) or None


def _find_specks(
    hosts, sizes, outlined, thickest_mm: float, voxel_mm3: float
) -> tuple[set[int], set[int]]:
    """Lesions of each visit that are too little for the largest lesion they are linked to.

    Those of one lesion count together: a lesion of many pieces was there before. None is a
    speck either if its own visit's outline is large enough.
    """
    specks = set(), set()
    for visit, other in ((0, 1), (1, 0)):
        count = np.bincount(outlined[visit].ravel(), minlength=max(sizes[visit], default=0) + 1)
        own_mm3 = count * voxel_mm3
        own = {
            number: replace(size, volume_mm3=max(size.volume_mm3, float(own_mm3[number])))
            for number, size in sizes[visit].items()
        }
        at_host = {}
        for number, host in hosts[visit].items():
            if is_speck(own[number], sizes[other][host], thickest_mm=thickest_mm):
                at_host.setdefault(host, []).append(number)
        for host, numbers in at_host.items():
            together = _sum(own, tuple(numbers))
            if is_speck(together, sizes[other][host], thickest_mm=thickest_mm):
                specks[visit].update(numbers)
    return specks


def _hosts(links, visit: int, sizes: dict[int, Size]) -> dict[int, int]:
    """For each linked lesion of a visit the largest lesion of the other that it is linked to."""
    hosts: dict[int, int] = {}
    for link in links:
        number, partner = link[visit], link[1 - visit]
        known = hosts.get(number)
        if known is None or sizes[partner].volume_mm3 > sizes[known].volume_mm3:
            hosts[number] = partner
    return hosts


def _without_bridges(links, hosts, specks) -> list[t.Link]:
    """Links without those by which a speck would join two lesions: it stays at the largest."""
    return [
        link
        for link in links
        if (link.first not in specks[0] or hosts[0][link.first] == link.second)
        and (link.second not in specks[1] or hosts[1][link.second] == link.first)
    ]


def _note(group: t.Group, listed: list[int], ours: Size, theirs: Size) -> str:
    """What a reader of the row should know."""
    if group.event in (t.NEW, t.RESOLVED) and group.first and group.second:
        return SPECK.format(min(ours.volume_mm3, theirs.volume_mm3))
    return "" if _listed(group, listed) else UNLISTED


def _listed(group: t.Group, listed: list[int]) -> bool:
    """Whether each visit that has the lesion has it in its lesion table."""
    return all(
        not numbers or any(n <= most for n in numbers)
        for numbers, most in zip((group.first, group.second), listed, strict=True)
    )


def _location(group: t.Group, locations) -> str | None:
    """Location class at the second visit, else at the first."""
    for numbers, known in ((group.second, locations[1]), (group.first, locations[0])):
        for number in numbers:
            if number in known:
                return known[number]
    return None


def _confirmed(pair: MatchedPair | None, box, changed: np.ndarray, *, rising: bool) -> bool | None:
    """Whether the signal changed with the lesion; None without scans or change."""
    if pair is None or not changed.any():
        return None
    before, after = (pair.first, pair.second) if rising else (pair.second, pair.first)
    white, spread = pair.levels[2], pair.spreads[2]
    low = float(before[box][changed].mean(dtype=np.float64))
    high = float(after[box][changed].mean(dtype=np.float64))
    rise = high - low >= MIN_RISE_SPREADS * spread
    return bool(rise and low - white < MAX_BEFORE_SPREADS * spread)


def _summary(rows: list[dict], evidence: ChangeEvidence, voxel_mm3: float) -> dict:
    """Counts and volumes of the pair; lesions under the detection floor do not count."""
    counted = [row for row in rows if not row["is_under_floor"]]

    def count(key: str, *values: str) -> int:
        return sum(row[key] in values for row in counted)

    new = [row for row in counted if row["change"] == t.NEW]
    gain, loss = (
        np.count_nonzero(part) * voxel_mm3 / 1000 for part in (evidence.gained, evidence.lost)
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
