"""Evidence of change and the events of lesions, on small heads."""

import numpy as np
import pytest
from pair_phantoms import CENTRE, FLAIR_LEVELS, SHAPE, anatomy, cover, distance, matched, scan
from scipy import ndimage as ndi

from mslesion.longitudinal.lesions.changes import (
    OutlinedLesions,
    describe_changes,
)
from mslesion.longitudinal.lesions.evidence import ChangeEvidence, weigh_change
from mslesion.schema import structures as s
from mslesion.schema.change_map import GROWN, KEPT, NEW, RESOLVED, SHRUNK

SIDE, STEP = np.array([13.0, 0, 0]), np.array([5.0, 0, 0])
LEFT, RIGHT = CENTRE - SIDE, CENTRE + SIDE
FRONT = CENTRE + np.array([0, 13.0, 0])


def outlines(lesions):
    """Lesion map and probability."""
    labels, soft = np.zeros(SHAPE, np.int32), np.zeros(SHAPE)
    for number, (centre, radius) in enumerate(lesions, start=1):
        labels[distance(centre) <= radius] = number
        soft = np.maximum(soft, ndi.gaussian_filter(cover(radius, centre), 0.5))
    return labels, soft


def lesions_of(first, second):
    """Lesions as outlined at each visit."""
    return OutlinedLesions(first), OutlinedLesions(second)


def compared(
    first, second, *, seen=None, thickest_mm=1.0, outlined=None, faint=0.0, noise=0.01,
    brights=(0.4, 0.4),
):  # fmt: skip
    """Lesions of two visits; `outlined` are those of the lesion maps, if others.

    Everywhere at the second visit the map gives at least the probability `faint`.
    """
    scans = [
        scan(FLAIR_LEVELS, lesions=x, seed=n, noise=noise, bright=bright)
        for n, (x, bright) in enumerate(zip((first, second), brights, strict=True))
    ]
    pair = matched(*scans, FLAIR_LEVELS, noise=1.4 * noise)
    (a, p), (b, q) = (outlines(x) for x in outlined or (first, second))
    tissue = anatomy()
    evidence = weigh_change(
        pair,
        first_probability=p,
        second_probability=np.maximum(q, faint),
        outlined=(a, b),
        likely=tissue == s.WHITE_MATTER,
        possible=(tissue > 0) if seen is None else seen,
    )
    return describe_changes(evidence, lesions_of(a, b), pair=pair, thickest_mm=thickest_mm)


CASES = {
    # lesions before, after: event, lesions_from, lesions_to
    "none": ([], [], []),
    "stable": ([(LEFT, 3)], [(LEFT, 3)], [("stable", "1", "1")]),
    "new": ([(LEFT, 3)], [(LEFT, 3), (RIGHT, 3)], [("stable", "1", "1"), ("new", None, "2")]),
    "resolved": ([(LEFT, 3)], [], [("resolved", "1", None)]),
    "enlarging": ([(LEFT, 2.5)], [(LEFT, 4)], [("enlarging", "1", "1")]),
    "shrinking": ([(LEFT, 4)], [(LEFT, 2.5)], [("shrinking", "1", "1")]),
}


@pytest.mark.parametrize("name", CASES)
def test_events(name):
    first, second, expected = CASES[name]
    found = compared(first, second)
    assert [(r["change"], r["lesions_from"], r["lesions_to"]) for r in found.rows] == expected


def test_merged():
    """A bridge between two lesions makes one of them."""
    left, right = FRONT - STEP, FRONT + STEP
    first = [(left, 3), (right, 3)]
    scans = [scan(FLAIR_LEVELS, lesions=x, seed=n) for n, x in enumerate((first, first))]
    a, _ = outlines(first)
    bridge = distance(FRONT) <= 3
    b = np.where((a > 0) | bridge, 1, 0).astype(np.int32)
    evidence = ChangeEvidence(a > 0, bridge & (a == 0), np.zeros(SHAPE, bool))
    pair = matched(*scans, FLAIR_LEVELS)
    found = describe_changes(evidence, lesions_of(a, b), pair=pair, thickest_mm=1.0)
    assert [(r["change"], r["lesions_from"], r["lesions_to"]) for r in found.rows] == [
        ("merged", "1+2", "1")
    ]
    # Sums are compared: the bridge is what they gained
    row = found.rows[0]
    assert row["volume_change_mm3"] == row["gained_mm3"] == np.count_nonzero(bridge & (a == 0))
    back = describe_changes(
        ChangeEvidence(evidence.kept, evidence.lost, evidence.gained),
        lesions_of(b, a), pair=matched(*scans[::-1], FLAIR_LEVELS), thickest_mm=1.0,
    )  # fmt: skip
    assert [r["change"] for r in back.rows] == ["split"]


@pytest.mark.parametrize("noise", [0.01, 0.05])
@pytest.mark.parametrize(("before", "after"), [(3, 4), (4, 5), (5, 6)])
def test_growth_by_a_millimetre(before, after, noise):
    """The core neither counts as grown with its rim, nor hides it in noise."""
    first, second = [(LEFT, before)], [(LEFT, after)]
    row = compared(first, second, noise=noise).rows[0]
    assert row["change"] == "enlarging"
    assert row["radius_change_mm"] == pytest.approx(after - before, abs=0.5)


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_change_of_signal_is_no_growth(noise):
    """A lesion a fifth brighter on the second scan, in the same place."""
    row = compared([(LEFT, 4)], [(LEFT, 4)], noise=noise, brights=(0.4, 0.48)).rows[0]
    assert row["change"] == "stable"
    assert row["gained_mm3"] == row["lost_mm3"] == 0


def test_new_lesion_over_a_few_voxels():
    """A few voxels of the earlier map in the place of a new lesion: it is new, and says so."""
    late = distance(RIGHT) <= 5
    early = late & (distance(RIGHT) <= 1)
    scans = [scan(FLAIR_LEVELS, lesions=x, seed=n) for n, x in enumerate(([], [(RIGHT, 5)]))]
    found = describe_changes(
        ChangeEvidence(early, late & ~early, np.zeros(SHAPE, bool)),
        lesions_of(early.astype(np.int32), late.astype(np.int32)),
        pair=matched(*scans, FLAIR_LEVELS), thickest_mm=1.0,
    )  # fmt: skip
    row = found.rows[0]
    assert (row["change"], row["lesions_from"], row["lesions_to"]) == ("new", "1", "1")
    assert row["volume_from_mm3"] == np.count_nonzero(early) > 0
    assert row["note"].startswith(f"{np.count_nonzero(early)} mm3 of lesion in its place")
    assert row["class_radial"] is None
    assert row["volume_change_pct"] is None
    assert set(np.unique(found.change_map)) == {0, KEPT, NEW}
    assert (found.summary["new_t2_count"], found.summary["enlarging_count"]) == (1, 0)
    # The outline of the few voxels counts, too: here it was a lesion, and the map only lost it
    early = distance(RIGHT) <= 3
    found = describe_changes(
        ChangeEvidence(late & (distance(RIGHT) <= 1), late & (distance(RIGHT) > 1), late & ~late),
        lesions_of(early.astype(np.int32), late.astype(np.int32)),
        pair=matched(*scans, FLAIR_LEVELS), thickest_mm=1.0,
    )  # fmt: skip
    assert found.rows[0]["change"] == "enlarging"


def described(early, late, first, second):
    """Changes between two lesion masks that the scans are said to show."""
    blank = scan(FLAIR_LEVELS)
    return describe_changes(
        ChangeEvidence(early & late, late & ~early, early & ~late),
        lesions_of(first, second), pair=matched(blank, blank, FLAIR_LEVELS), thickest_mm=1.0,
    )  # fmt: skip


def ball_at(centre, radius):
    return distance(centre) <= radius


def test_many_negligible_pieces_are_a_lesion():
    """Pieces that are negligible each, but not together: the lesion was there, in pieces."""
    late = ball_at(FRONT, 8)
    first = np.zeros(SHAPE, np.int32)
    offsets = [(i, j, k) for i in (-4, 0, 4) for j in (-4, 0, 4) for k in (-4, 0, 4)]
    for number, offset in enumerate(offsets, start=1):
        first[ball_at(FRONT + np.array(offset), 1.5) & late] = number
    pieces = np.bincount(first.ravel())[1:]
    assert pieces.max() < 0.02 * late.sum() < pieces.sum()
    found = described(first > 0, late, first, late.astype(np.int32))
    assert [r["change"] for r in found.rows] == ["merged"]
    assert found.summary["new_t2_count"] == 0
    back = described(late, first > 0, late.astype(np.int32), first)
    assert [r["change"] for r in back.rows] == ["split"]


def test_negligible_lesion_between_two_new_ones():
    """It does not make one of them, and belongs to the larger one."""
    left, right = FRONT - np.array([5.0, 0, 0]), FRONT + np.array([6.0, 0, 0])
    late = ball_at(left, 4) | ball_at(right, 5)
    early = ball_at(FRONT, 1)
    second = np.where(ball_at(left, 4), 1, np.where(ball_at(right, 5), 2, 0)).astype(np.int32)
    second = np.where(late, second, 0)
    found = described(early, late | early, early.astype(np.int32), second)
    events = {r["lesions_to"]: (r["change"], r["lesions_from"]) for r in found.rows}
    assert events == {"1": ("new", None), "2": ("new", "1")}
    assert found.summary["new_t2_count"] == 2
    assert found.links == [(1, 2)]
    back = described(late | early, early, second, early.astype(np.int32))
    assert [r["change"] for r in back.rows] == ["resolved", "resolved"]


def test_a_negligible_lesion_is_no_parent():
    """Two balls merge; a third one of 7 mm³ at their side belongs to the group only."""
    left, right = FRONT - np.array([5.0, 0, 0]), FRONT + np.array([5.0, 0, 0])
    speck = FRONT + np.array([0, 7, 0])
    first = np.zeros(SHAPE, np.int32)
    first[ball_at(left, 4)], first[ball_at(right, 4)], first[ball_at(speck, 1)] = 1, 2, 3
    late = (first > 0) | ball_at(FRONT, 7)
    found = described(first > 0, late, first, late.astype(np.int32))
    (row,) = found.rows
    assert (row["change"], row["lesions_from"], row["parents"]) == ("merged", "1+2+3", "1+2")
    (split,) = described(late, first > 0, late.astype(np.int32), first).rows
    assert (split["change"], split["parents"]) == ("split", None)


def test_volumes_of_a_new_lesion():
    found = compared([], [(LEFT, 4)])
    row = found.rows[0]
    # Ball of 4 mm: 268 mm³; its border is half a voxel unsure
    assert row["volume_to_mm3"] == pytest.approx(268, rel=0.25)
    assert row["volume_from_mm3"] == 0
    assert row["volume_change_pct"] is None
    assert row["confirmed_by_intensity"] is True
    assert found.summary["new_t2_count"] == 1
    assert found.summary["gross_gain_ml"] == pytest.approx(row["volume_to_mm3"] / 1000)
    assert found.summary["gross_loss_ml"] == 0


@pytest.mark.parametrize("name", ["new", "resolved", "enlarging", "shrinking"])
def test_change_map(name):
    first, second, _ = CASES[name]
    values = set(np.unique(compared(first, second).change_map)) - {0}
    assert values == {
        "new": {KEPT, NEW}, "resolved": {RESOLVED},
        "enlarging": {KEPT, GROWN}, "shrinking": {KEPT, SHRUNK},
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", ["stable", "new", "resolved", "enlarging", "shrinking"])
def test_swapped_visits_are_mirrored_bit_for_bit(name):
    first, second, _ = CASES[name]
    scans = [scan(FLAIR_LEVELS, lesions=x, seed=n) for n, x in enumerate((first, second))]
    maps = [outlines(x) for x in (first, second)]
    tissue = anatomy()
    found = []
    for a, b in ((0, 1), (1, 0)):
        pair = matched(scans[a], scans[b], FLAIR_LEVELS)
        evidence = weigh_change(
            pair,
            first_probability=maps[a][1],
            second_probability=maps[b][1],
            outlined=(maps[a][0], maps[b][0]),
            likely=tissue == s.WHITE_MATTER,
            possible=tissue > 0,
        )
        found.append(
            describe_changes(
                evidence, lesions_of(maps[a][0], maps[b][0]), pair=pair, thickest_mm=1.0
            )
        )
    there, back = found
    mirror = np.array([0, KEPT, RESOLVED, SHRUNK, GROWN, NEW], np.uint8)
    np.testing.assert_array_equal(back.change_map, mirror[there.change_map])
    assert back.summary["new_t2_count"] == there.summary["resolved_count"]
    assert back.summary["enlarging_count"] == there.summary["shrinking_count"]
    assert back.summary["net_change_ml"] == -there.summary["net_change_ml"]


def test_outlines_alone_are_no_change():
    """One visit's map has a lesion, the other's has not, and the scans are the same."""
    both = [(LEFT, 3)]
    found = compared(both, both, outlined=(both, []))
    assert [r["change"] for r in found.rows] == ["stable"]
    assert found.rows[0]["note"]
    assert found.summary["new_t2_count"] == found.summary["resolved_count"] == 0


def test_border_of_outlines_is_no_growth():
    """The map of the second visit is 1 mm larger all around, the scans are the same."""
    both = [(LEFT, 3)]
    found = compared(both, both, outlined=([(LEFT, 2.5)], [(LEFT, 3.5)]))
    assert [r["change"] for r in found.rows] == ["stable"]
    assert found.summary["gross_gain_ml"] == 0


def test_new_lesion_on_coarse_voxels_has_its_own_volume():
    """A ball of 4 mm, blurred as on 2 mm voxels, its map 0.7 mm too large all around."""
    scans = [
        ndi.gaussian_filter(scan(FLAIR_LEVELS, lesions=lesions, seed=n), 0.9)
        for n, lesions in enumerate(([], [(LEFT, 4)]))
    ]
    labels, probability = outlines([(LEFT, 4.7)])
    tissue = anatomy()
    found = weigh_change(
        matched(*scans, FLAIR_LEVELS), first_probability=np.zeros(SHAPE),
        second_probability=probability, outlined=(np.zeros_like(labels), labels),
        likely=tissue == s.WHITE_MATTER, possible=tissue > 0,
    )  # fmt: skip
    assert found.gained.sum() == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.15)


def test_brighter_tissue_that_is_no_lesion_by_the_map():
    """As a brainstem next to pulsating vessels: on average under 0.05, so no lesion."""
    assert compared([], [(LEFT, 4)], outlined=([], []), faint=0.049).rows == []


def test_lesion_next_to_a_ventricle_that_widens():
    """Tissue that became fluid is darker, but nothing was resolved there."""
    scans = [scan(FLAIR_LEVELS, ventricle=r, seed=n) for n, r in enumerate((6.0, 8.0))]
    scans[0][(distance() <= 8) & (distance() > 6)] = 1.4  # a bright rim, as of caps
    faint = np.full(SHAPE, 0.2)
    tissue = anatomy()
    found = weigh_change(
        matched(*scans, FLAIR_LEVELS), first_probability=faint, second_probability=faint,
        outlined=(np.zeros(SHAPE, np.int32),) * 2, likely=tissue == s.WHITE_MATTER,
        possible=tissue > 0,
    )  # fmt: skip
    assert not found.lost.any()
    assert not found.gained.any()


def test_scans_show_a_lesion_that_is_faint_on_the_map():
    found = compared([], [(LEFT, 4)], outlined=([], []), faint=0.05)
    assert [(r["change"], r["lesions_to"]) for r in found.rows] == [("new", None)]
    assert found.rows[0]["note"]
    assert found.links == []


def test_nothing_changes_where_nothing_is_seen():
    found = compared([], [(LEFT, 4)], outlined=([], []), seen=np.zeros(SHAPE, bool))
    assert found.rows == []
    assert not found.change_map.any()


def test_floor_of_thick_slices():
    # A ball of 3 mm radius is 6 mm: under the floor of 8 mm on 5 mm slices
    found = compared([], [(LEFT, 3)], thickest_mm=5.0)
    assert found.rows[0]["is_under_floor"]
    assert found.summary["new_t2_count"] == 0
    assert found.summary["under_floor_count"] == 1


def test_not_confirmed():
    """A new lesion by the maps in tissue that was bright before is not confirmed."""
    first = [(LEFT, 3)]
    a, b = outlines([])[0], outlines(first)[0]
    scans = [scan(FLAIR_LEVELS, lesions=first, seed=n) for n in range(2)]
    pair = matched(*scans, FLAIR_LEVELS)
    evidence = ChangeEvidence(np.zeros(SHAPE, bool), b > 0, np.zeros(SHAPE, bool))
    found = describe_changes(evidence, lesions_of(a, b), pair=pair, thickest_mm=1.0)
    assert found.rows[0]["change"] == "new"
    assert found.rows[0]["confirmed_by_intensity"] is False


JOINT = ("from", "to")


def joint_of(found):
    volumes = [1000 * found.summary[f"lesion_volume_joint_{end}_ml"] for end in JOINT]
    return volumes, [found.summary[f"lesion_count_joint_{end}"] for end in JOINT]


def test_outlines_that_differ_without_change_are_one_lesion():
    """One visit outlined one lesion more, and another one wider: the scans are the same."""
    lesions = [(LEFT, 3), (RIGHT, 3)]
    found = compared(lesions, lesions, outlined=([(LEFT, 3)], [(LEFT, 4), (RIGHT, 3)]))
    volumes, counts = joint_of(found)
    assert counts == [2, 2]
    assert volumes[0] == volumes[1]
    small, large, other = (
        np.count_nonzero(distance(centre) <= radius)
        for centre, radius in ((LEFT, 3), (LEFT, 4), (RIGHT, 3))
    )
    assert volumes[0] == pytest.approx((small + large) / 2 + other, abs=1)


def test_a_new_lesion_is_at_the_second_visit_alone():
    volumes, counts = joint_of(compared([(LEFT, 3)], [(LEFT, 3), (RIGHT, 3)]))
    assert counts == [1, 2]
    assert volumes[1] - volumes[0] == pytest.approx(4 / 3 * np.pi * 3**3, rel=0.25)


def test_masks_alone_have_no_joint_lesions():
    a, _ = outlines([(LEFT, 3)])
    evidence = ChangeEvidence(a > 0, np.zeros(SHAPE, bool), np.zeros(SHAPE, bool))
    found = describe_changes(evidence, lesions_of(a, a), pair=None, thickest_mm=1.0)
    assert not [name for name in found.summary if "joint" in name]
