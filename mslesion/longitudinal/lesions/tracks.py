"""Which lesion of one visit is which of another: links, groups, events and tracks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.shape import objects

REACH_MM = 1.0
"""Lesions are widened by this much before it is asked whether they meet."""
MIN_OVERLAP_SHARE = 0.1
"""They are linked if they then share this much of the smaller one (inclusive)."""

NEW, NEW_ADJACENT = "new", "new_adjacent"
RESOLVED, RESOLVED_ADJACENT = "resolved", "resolved_adjacent"
SAME, MERGED, SPLIT, COMPLEX = "same", "merged", "split", "complex"


class Link(NamedTuple):
    """A lesion of the first visit and one of the second that are one."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class Group:
    """Lesions of two visits that hang together."""

    first: tuple[int, ...]
    second: tuple[int, ...]
    event: str
    """`NEW`, `NEW_ADJACENT`, `RESOLVED`, `RESOLVED_ADJACENT`, `SAME`, `MERGED`, `SPLIT`
    or `COMPLEX`."""
    merged: tuple[int, ...] = ()
    """Of `MERGED`, the lesions of the first visit that count as stages of the later one."""


def link_lesions(
    first: np.ndarray, second: np.ndarray, *, spacing: Sequence[float] = (1.0, 1.0, 1.0)
) -> tuple[list[Link], set[Link]]:
    """Lesions of two visits that are one, in the common frame.

    Either of two lesions is widened by `REACH_MM`; they are linked if the larger of both
    overlaps reaches one voxel and `MIN_OVERLAP_SHARE` of the smaller lesion. Widening
    both in turn, not the first alone, gives swapped visits the same links.

    Parameters
    ----------
    first, second : (I, J, K) int array
        Lesions of each visit, 0 outside.
    spacing : sequence of float, shape (3,)
        Voxel sides in mm.

    Returns
    -------
    links : list of Link
    meetings : set of Link
        All that meet, linked or not.
    """
    overlaps: dict[tuple[int, int], int] = {}
    for labels, others, swap in ((first, second, False), (second, first, True)):
        for number, box, mask in _widened(labels, spacing):
            met = np.bincount(others[box][mask])
            for other in np.flatnonzero(met[1:]) + 1:
                key = (int(other), number) if swap else (number, int(other))
                overlaps[key] = max(overlaps.get(key, 0), int(met[other]))
    sizes = [np.bincount(labels.ravel()) for labels in (first, second)]
    links = []
    for (a, b), count in sorted(overlaps.items()):
        smaller = min(sizes[0][a], sizes[1][b])
        if count >= max(1.0, MIN_OVERLAP_SHARE * smaller - 1e-9):
            links.append(Link(a, b))
    return links, {Link(a, b) for a, b in overlaps}


def _widened(labels: np.ndarray, spacing: Sequence[float]):
    """Number, box and widened mask of each lesion."""
    reach = [int(np.floor(REACH_MM / size + 1e-6)) for size in spacing]
    for number, box, _ in objects(labels):
        widened = tuple(
            slice(max(0, part.start - r), part.stop + r) for part, r in zip(box, reach, strict=True)
        )
        far = ndi.distance_transform_edt(labels[widened] != number, sampling=spacing)
        yield number, widened, far <= REACH_MM + 1e-6


def group_lesions(
    links: Iterable[Link],
    *,
    first: Iterable[int],
    second: Iterable[int],
    meetings: Iterable[Link] = (),
    negligible: tuple[Iterable[int], Iterable[int]] = ((), ()),
) -> list[Group]:
    """Connected groups of lesions of two visits, with what happened to each.

    Parameters
    ----------
    links : iterable of Link
        Which are one.
    first, second : iterable of int
        All lesions of each visit.
    meetings : iterable of Link
        Which meet; unlinked ones that meet a lesion, not a negligible one, are fragments at its
        edge, not new or resolved lesions.
    negligible : tuple of iterable of int, shape (2,)
        Linked lesions of each visit that are too small to count (`is_negligible`): they belong
        to their group, but its event is that of the others.

    Returns
    -------
    list of Group
        In order of the lesions of the first visit, then of the second.
    """
    negligible = set(negligible[0]), set(negligible[1])
    meetings = list(meetings)
    near_first = {a for a, b in meetings if b not in negligible[1]}
    near_second = {b for a, b in meetings if a not in negligible[0]}
    nodes = [(0, a) for a in sorted(first)] + [(1, b) for b in sorted(second)]
    joined = _Union(nodes)
    for a, b in links:
        joined.join((0, a), (1, b))
    groups = []
    for members in joined.sets():
        ours = tuple(number for visit, number in members if visit == 0)
        theirs = tuple(number for visit, number in members if visit == 1)
        if not ours:
            event = NEW_ADJACENT if theirs[0] in near_second else NEW
        elif not theirs:
            event = RESOLVED_ADJACENT if ours[0] in near_first else RESOLVED
        else:
            stages = tuple(number for number in ours if number not in negligible[0])
            before, after = len(stages), len(set(theirs) - negligible[1])
            event = {
                (0, 1): NEW, (0, 2): NEW, (1, 0): RESOLVED, (2, 0): RESOLVED,
                (1, 1): SAME, (2, 1): MERGED, (1, 2): SPLIT, (2, 2): COMPLEX,
            }[min(before, 2), min(after, 2)]  # fmt: skip
        groups.append(Group(ours, theirs, event, merged=stages if event == MERGED else ()))
    return groups


def track_lesions(
    lesions: Sequence[Iterable[int]], links: Mapping[tuple[int, int], Iterable[Link]]
) -> dict[tuple[int, int], int]:
    """Tracks of lesions over all visits.

    Lesions that are linked, directly or by others, share a track. Tracks are numbered by
    their earliest lesion: by its visit, then by its number there.

    Parameters
    ----------
    lesions : sequence of iterable of int
        Lesions of each visit, visits in order of time.
    links : mapping of (int, int) to iterable of Link
        Links by the positions of the two visits.

    Returns
    -------
    dict of (int, int) to int
        Track of each lesion, by the position of its visit and its number.

    Examples
    --------
    >>> track_lesions([[1, 2], [1]], {(0, 1): [Link(2, 1)]})
    {(0, 1): 1, (0, 2): 2, (1, 1): 2}
    """
    nodes = [(visit, n) for visit, numbers in enumerate(lesions) for n in sorted(numbers)]
    joined = _Union(nodes)
    for (a, b), pairs in links.items():
        for link in pairs:
            joined.join((a, link.first), (b, link.second))
    numbers = {}
    for track, members in enumerate(joined.sets(), start=1):
        numbers |= dict.fromkeys(members, track)
    return {node: numbers[node] for node in nodes}


class _Union:
    """Sets of nodes that are joined step by step."""

    def __init__(self, nodes: list):
        self.nodes = nodes
        self.parent = {node: node for node in nodes}

    def root(self, node):
        """The representative node of a set."""
        while self.parent[node] != node:
            node = self.parent[node]
        return node

    def join(self, a, b):
        """Make one set of two; the earlier node stands for it."""
        low, high = sorted((self.root(a), self.root(b)))
        self.parent[high] = low

    def sets(self) -> list[list]:
        """All sets, by their first nodes; each in order."""
        found: dict = {}
        for node in self.nodes:
            found.setdefault(self.root(node), []).append(node)
        return list(found.values())
