from fractions import Fraction

import numpy as np
import pytest
from evaluation_phantoms import (
    THICK,
    UNIT,
    blobs,
    disturbed,
    empty,
    lines,
    rotated,
    voxel_sets,
)

from mslesion.errors import SettingsError
from mslesion.evaluation import match_lesions
from mslesion.evaluation.lesion_matching import HALF_IOU


def pairs(predicted, reference, affine=UNIT, **options):
    found = match_lesions(predicted=predicted, reference=reference, affine=affine, **options)
    assert found.confirmed_count == found.detected_count
    return found.predicted_count, found.reference_count, found.detected_count


def best_pairs(predicted, reference, at_least):
    """Largest sum of IoU, and then most pairs, of all ways to pair: (sum, pairs)."""
    if not reference:
        return Fraction(0), 0
    first, *rest = reference
    best = best_pairs(predicted, rest, at_least)
    for lesion in predicted:
        if first & lesion:
            iou = Fraction(len(first & lesion), len(first | lesion))
            if iou >= at_least:
                others = [p for p in predicted if p is not lesion]
                total, count = best_pairs(others, rest, at_least)
                best = max(best, (total + iou, count + 1))
    return best


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("affine", "min_voxels"), [(UNIT, 3), (THICK, 4)])
def test_agrees_with_trying_all_ways_to_pair(seed, affine, min_voxels):
    reference = blobs(seed, shape=(16, 16, 14), roughness=0.9, share=0.05)
    predicted = disturbed(reference, 100 + seed, share=1 + 0.5 * (seed % 4))
    p, r = ([s for s in voxel_sets(m, 3) if len(s) >= min_voxels] for m in (predicted, reference))
    for min_iou in (0, 0.5):
        _, expected = best_pairs(p, r, Fraction(min_iou))
        found = pairs(predicted, reference, affine, min_iou=min_iou)
        assert found == (len(p), len(r), expected)


def test_exactly_3_mm3_counts():
    for affine, voxels in ((UNIT, 3), (THICK, 4)):
        at, below = lines((0, voxels)), lines((0, voxels - 1))
        assert pairs(at, at, affine) == (1, 1, 1)
        assert pairs(below, below, affine) == (0, 0, 0)


def test_smallest_lesion_does_not_depend_on_rounding():
    three = lines((0, 3))
    assert all(pairs(three, three, rotated(UNIT, seed))[0] == 1 for seed in range(100))


def test_iou_of_exactly_the_threshold_matches():
    # 5 of 10 voxels: IoU 0.5; 5 of 11: less
    assert pairs(lines((0, 5)), lines((0, 10)), min_iou=HALF_IOU) == (1, 1, 1)
    assert pairs(lines((0, 5)), lines((0, 11)), min_iou=HALF_IOU) == (1, 1, 0)
    assert pairs(lines((0, 5)), lines((0, 11))) == (1, 1, 1)


def test_one_shared_voxel_matches_and_touching_does_not():
    assert pairs(lines((4, 9)), lines((0, 5))) == (1, 1, 1)
    assert pairs(lines((5, 9)), lines((0, 5))) == (1, 1, 0)


def test_splits_and_merges_are_penalised():
    whole, halves = lines((0, 11)), lines((0, 5), (6, 11))
    merge = match_lesions(predicted=whole, reference=halves, affine=UNIT)
    assert (merge.sensitivity, merge.ppv) == (0.5, 1)
    split = match_lesions(predicted=halves, reference=whole, affine=UNIT)
    assert (split.sensitivity, split.ppv) == (1, 0.5)
    assert split.f1 == merge.f1 == pytest.approx(2 / 3)


def test_the_best_sum_wins_over_the_best_pair():
    # r1 0..9, r2 11..15; p1 4..13, p2 0..2. IoU r1-p1 6/14 = 0.43, the best pair, but
    # r1-p2 3/10 = 0.30 and r2-p1 3/12 = 0.25 together are more.
    assert pairs(lines((4, 14), (0, 3)), lines((0, 10), (11, 16))) == (2, 2, 2)


def test_of_equal_sums_more_pairs_win():
    # r1 0..23, r2 25..35; p1 8..31, p2 0..5. IoU r1-p1 16/32 = 0.50 is as much as
    # r1-p2 6/24 = 0.25 and r2-p1 7/28 = 0.25.
    reference, predicted = lines((0, 24), (25, 36)), lines((8, 32), (0, 6))
    assert pairs(predicted, reference) == (2, 2, 2)
    assert pairs(predicted[::-1], reference[::-1]) == (2, 2, 2)


def test_pairs_that_cannot_match_take_nobodys_place():
    # r1 0..9; p1 0..4 has IoU 0.5, p2 6..20 has 4/21. At 0.5 only the first can match.
    assert pairs(lines((0, 5), (6, 21)), lines((0, 10)), min_iou=0.5) == (2, 1, 1)


def test_lesions_touching_at_a_corner_are_one():
    mask = empty()
    mask[0, 0, :4] = mask[1, 1, 4:8] = True
    assert pairs(mask, mask) == (1, 1, 1)


def test_lesions_at_the_border_count_as_others():
    reference, predicted = lines((0, 5), (59, 64)), lines((0, 8), (62, 64, 0))
    assert pairs(predicted, reference) == (1, 2, 1)
    assert pairs(np.pad(predicted, 2), np.pad(reference, 2)) == (1, 2, 1)


@pytest.mark.parametrize("min_iou", [-0.1, 1.1])
def test_a_threshold_that_is_no_fraction(min_iou):
    with pytest.raises(SettingsError, match=rf"min_iou is {min_iou}, but 0 to 1 .* Give"):
        match_lesions(predicted=lines(), reference=lines(), affine=UNIT, min_iou=min_iou)
