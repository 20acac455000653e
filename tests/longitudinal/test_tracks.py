"""Links, groups, events and tracks of lesions."""

import numpy as np
import pytest

from mslesion.longitudinal.lesions.tracks import (
    COMPLEX,
    MERGED,
    NEW,
    NEW_ADJACENT,
    RESOLVED,
    RESOLVED_ADJACENT,
    SAME,
    SPLIT,
    Link,
    group_lesions,
    link_lesions,
    track_lesions,
)


def boxes(*corners, size=4, shape=(24, 24, 24)):
    """Cubes numbered from 1."""
    labels = np.zeros(shape, np.int32)
    for number, (i, j, k) in enumerate(corners, start=1):
        labels[i : i + size, j : j + size, k : k + size] = number
    return labels


def events(first, second):
    links, meetings = link_lesions(first, second)
    groups = group_lesions(
        links,
        first=sorted(set(np.unique(first)) - {0}),
        second=sorted(set(np.unique(second)) - {0}),
        meetings=meetings,
    )
    return [(g.first, g.second, g.event) for g in groups]


A, B, FAR = (2, 2, 2), (10, 2, 2), (2, 15, 15)
BRIDGE = np.zeros((24, 24, 24), np.int32)
BRIDGE[2:14, 2:6, 2:6] = 1


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (boxes(), boxes(), []),
        (boxes(), boxes(A), [((), (1,), NEW)]),
        (boxes(A), boxes(), [((1,), (), RESOLVED)]),
        (boxes(A), boxes(A), [((1,), (1,), SAME)]),
        (boxes(A, FAR), boxes(A), [((1,), (1,), SAME), ((2,), (), RESOLVED)]),
        (boxes(A, B), BRIDGE, [((1, 2), (1,), MERGED)]),
        (BRIDGE, boxes(A, B), [((1,), (1, 2), SPLIT)]),
    ],
    ids=["none", "new", "resolved", "same", "one gone", "merged", "split"],
)
def test_events(first, second, expected):
    assert events(first, second) == expected


@pytest.mark.parametrize(
    ("links", "first", "second", "negligible", "expected"),
    [
        ([(1, 1)], [1], [1], ({1}, ()), "new"),
        ([(1, 1)], [1], [1], ((), {1}), "resolved"),
        ([(1, 1), (2, 1)], [1, 2], [1], ({1}, ()), "same"),
        ([(1, 1), (2, 1)], [1, 2], [1], ({1, 2}, ()), "new"),
        ([(1, 1), (1, 2)], [1], [1, 2], ({1}, ()), "new"),
        ([(1, 1), (2, 1), (3, 1)], [1, 2, 3], [1], ({2}, ()), "merged"),
        ([(1, 1), (2, 1), (2, 2)], [1, 2], [1, 2], ({1}, {2}), "same"),
    ],
)
def test_negligible_lesions_make_no_history(links, first, second, negligible, expected):
    """They stay in their group, but what happened is said without them."""
    links = [Link(*link) for link in links]
    group = group_lesions(links, first=first, second=second, negligible=negligible)[0]
    assert (group.first, group.second) == (tuple(first), tuple(second))
    assert group.event == expected
    assert group.merged == ((1, 3) if expected == "merged" else ())


def test_complex():
    # Two bars along i at the first visit, two along j over them at the second
    first, second = np.zeros((2, 24, 24, 24), np.int32)
    first[2:12, 2:4, 2:4], first[2:12, 8:10, 2:4] = 1, 2
    second[2:4, 2:12, 2:4], second[8:10, 2:12, 2:4] = 1, 2
    assert events(first, second) == [((1, 2), (1, 2), COMPLEX)]


def test_touching_counts_by_the_millimetre():
    # Neighbours face to face: widened by 1 mm, all 16 voxels of a face meet, 25 % of 64
    assert events(boxes(A), boxes((6, 2, 2))) == [((1,), (1,), SAME)]
    # One voxel between: 1 mm does not reach
    assert events(boxes(A), boxes((7, 2, 2))) == [((1,), (), RESOLVED), ((), (1,), NEW)]


def test_edge_fragment():
    """Meeting in under 10 % of the smaller lesion is no link, but no new lesion either."""
    # 6³ = 216 voxels; a common edge: widened by 1 mm (faces only) it does not reach across
    # an edge, so the cubes share a 6 x 1 strip of faces: 6 voxels, 3 % of 216
    first, second = boxes(A, size=6), boxes((8, 7, 2), size=6)
    assert events(first, second) == [
        ((1,), (), RESOLVED_ADJACENT),
        ((), (1,), NEW_ADJACENT),
    ]


def test_ten_percent_is_inclusive():
    first = np.zeros((24, 24, 24), np.int32)
    first[2:12, 2:12, 2] = 1  # a plate of 100 voxels
    second = np.zeros_like(first)
    second[2:12, 11:21, 3] = 1  # a plate of 100 above, over 10 of the first's voxels
    assert events(first, second) == [((1,), (1,), SAME)]
    second[2, 11, 3] = 0  # 9 over it; the smaller has 99: 9.9 would be needed
    assert [e for *_, e in events(first, second)] == [RESOLVED_ADJACENT, NEW_ADJACENT]


def test_one_voxel_is_enough_for_a_small_lesion():
    first, second = boxes(A, size=1), boxes(A, size=1)
    assert events(first, second) == [((1,), (1,), SAME)]


def test_border_of_the_array():
    first, second = boxes((0, 0, 0)), boxes((0, 0, 3))
    assert events(first, second) == [((1,), (1,), SAME)]


@pytest.mark.parametrize("seed", range(5))
def test_swapped_visits_have_swapped_links(seed):
    rng = np.random.default_rng(seed)
    first, second = (
        boxes(*rng.integers(0, 18, (6, 3)), size=int(rng.integers(2, 6))) for _ in range(2)
    )
    there, met = link_lesions(first, second)
    back, met_back = link_lesions(second, first)
    assert sorted(back) == sorted(Link(b, a) for a, b in there)
    assert met_back == {Link(b, a) for a, b in met}


def test_spacing():
    # 0.5 mm voxels: two voxels between are 1 mm away and reached, three are not
    near, _ = link_lesions(boxes(A), boxes((8, 2, 2)), spacing=(0.5,) * 3)
    none, _ = link_lesions(boxes(A), boxes((9, 2, 2)), spacing=(0.5,) * 3)
    assert none == []
    assert near == []  # distance from centre to centre is 3 voxels, 1.5 mm
    met, _ = link_lesions(boxes(A), boxes((7, 2, 2)), spacing=(0.5,) * 3)
    assert met == [Link(1, 1)]


def test_tracks_over_three_visits():
    tracks = track_lesions(
        [[1, 2], [1, 2, 3], [1, 2]],
        {
            (0, 1): [Link(1, 2), Link(2, 3)],  # lesion 1 of visit 2 is new
            (1, 2): [Link(2, 1), Link(1, 2)],  # lesion 3 is gone
        },
    )
    assert tracks == {
        (0, 1): 1, (1, 2): 1, (2, 1): 1,
        (0, 2): 2, (1, 3): 2,
        (1, 1): 3, (2, 2): 3,
    }  # fmt: skip


def test_merged_lesions_keep_the_earliest_track():
    tracks = track_lesions([[1, 2], [1]], {(0, 1): [Link(1, 1), Link(2, 1)]})
    assert set(tracks.values()) == {1}


def test_all_at_once_is_one_after_the_other():
    """More visits do not renumber tracks unless lesions merge."""
    links = {(0, 1): [Link(1, 1)], (1, 2): [Link(2, 1)]}
    two = track_lesions([[1, 2], [1, 2]], {(0, 1): links[0, 1]})
    three = track_lesions([[1, 2], [1, 2], [1, 2]], links)
    assert all(three[node] == track for node, track in two.items())
