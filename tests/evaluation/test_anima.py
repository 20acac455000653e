"""The rule of Anima by hand on each threshold, and against a re-implementation.

The re-implementation below shares nothing with the library: flood fill, sets of
voxels and exact fractions.
"""

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

from mslesion.evaluation import detect_by_anima, measure_false_lesions

ALPHA, BETA, GAMMA = Fraction(1, 10), Fraction(7, 10), Fraction(13, 20)


def is_found(lesion, lesions, others):
    """Whether a lesion is found by the others, after the published rule."""
    anywhere = set().union(*lesions)
    covered = sum(len(lesion & other) for other in others)
    if Fraction(covered, len(lesion)) <= ALPHA:
        return False
    touching = [other for other in others if other & lesion]
    touching.sort(key=lambda o: (len(o & lesion), len(o), -len(o - anywhere)), reverse=True)
    weight = Fraction(0)
    while touching and weight < GAMMA:
        other = touching.pop(0)
        if Fraction(len(other - anywhere), len(other)) > BETA:
            return False
        weight += Fraction(len(other & lesion), covered)
    return True


def by_sets(predicted, reference, min_voxels):
    """Predicted, reference, confirmed and detected lesions."""
    p, r = ([s for s in voxel_sets(m, 1) if len(s) >= min_voxels] for m in (predicted, reference))
    confirmed = sum(is_found(lesion, p, r) for lesion in p)
    return len(p), len(r), confirmed, sum(is_found(lesion, r, p) for lesion in r)


def counts(predicted, reference, affine=UNIT):
    found = detect_by_anima(predicted=predicted, reference=reference, affine=affine)
    return (
        found.predicted_count,
        found.reference_count,
        found.confirmed_count,
        found.detected_count,
    )


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize(("affine", "min_voxels"), [(UNIT, 4), (THICK, 5)])
def test_agrees_with_sets_and_fractions(seed, affine, min_voxels):
    reference = blobs(seed, roughness=0.9, share=0.1)
    predicted = disturbed(reference, 100 + seed, share=2 + 0.5 * (seed % 5))
    found = counts(predicted, reference, affine)
    assert found == by_sets(predicted, reference, min_voxels)
    assert 0 < found[2] < found[0]  # hits and misses


def test_ratios_by_hand():
    # 3 reference lesions, 2 found by the same 2 of 5 predicted ones
    reference = lines((0, 5), (10, 15), (20, 25))
    predicted = lines((0, 5), (10, 15), (30, 35), (40, 45), (50, 55))
    found = detect_by_anima(predicted=predicted, reference=reference, affine=UNIT)
    assert found.sensitivity == pytest.approx(2 / 3)
    assert found.ppv == pytest.approx(2 / 5)
    assert found.f1 == pytest.approx(2 * (2 / 3) * (2 / 5) / (2 / 3 + 2 / 5))  # 0.5
    assert found.false_discovery_rate == pytest.approx(3 / 5)


def test_exactly_3_mm3_is_dropped():
    # 1 mm³ voxels: floor(3 / 1) + 1 = 4 voxels stay; 0.75 mm³: floor(3 / 0.75) + 1 = 5
    for affine, voxels in ((UNIT, 3), (THICK, 4)):
        at, above = lines((0, voxels)), lines((0, voxels + 1))
        assert counts(at, at, affine) == (0, 0, 0, 0)
        assert counts(above, above, affine) == (1, 1, 1, 1)


@pytest.mark.parametrize(("voxel_mm3", "voxels"), [(0.176, 18), (2.4, 2), (5.0, 1)])
def test_smallest_lesion_of_published_grids(voxel_mm3, voxels):
    # 3 / 0.176 = 17.05 and 3 / 2.4 = 1.25; a voxel of 5 mm³ is a lesion
    affine = np.diag([1, 1, voxel_mm3, 1])
    at = lines((0, voxels))
    assert counts(at, at, affine)[0] == 1
    below = lines((0, voxels - 1))
    assert counts(below, below, affine)[0] == 0


def test_smallest_lesion_does_not_depend_on_rounding():
    three, four = lines((0, 3)), lines((0, 4))
    for seed in range(100):
        affine = rotated(UNIT, seed)
        assert counts(three, three, affine)[0] == 0
        assert counts(four, four, affine)[0] == 1


def test_exactly_alpha_is_not_detected():
    # 4 of 40 voxels covered is 0.10; 5 of 40 is more
    reference = lines((0, 40))
    assert counts(lines((0, 4)), reference)[3] == 0
    assert counts(lines((0, 5)), reference)[3] == 1


def test_exactly_beta_is_allowed():
    # A predicted lesion of 3 + 7 voxels has 0.70 outside; of 3 + 8 it has 0.73
    reference = lines((0, 4))
    assert counts(lines((1, 11)), reference)[3] == 1
    assert counts(lines((1, 12)), reference)[3] == 0


def test_parts_on_other_reference_lesions_are_not_outside():
    # 3 voxels on the first lesion, 1 between, 8 on the second: outside is 1 / 12
    reference = lines((0, 4), (5, 13))
    assert counts(lines((1, 13)), reference)[3] == 2


def test_dropped_reference_lesions_are_background():
    # 3 voxels on the lesion, 1 between, 3 on a dropped one, 4 behind: outside is 8 / 11
    reference = lines((0, 4), (5, 8))
    assert counts(lines((1, 12)), reference) == (1, 1, 1, 0)


def with_tail(mask, i, voxels):
    """A predicted lesion drawn out sideways, off the reference."""
    mask = mask.copy()
    mask[i, 5 : 5 + voxels, 4] = True
    return mask


def test_exactly_gamma_ends_the_search():
    # 13 and 7 of 20 covered voxels; the second lesion has 17 of 24 = 0.71 outside.
    # 13 / 20 is 0.65: the second is not looked at
    reference = lines((0, 21))
    predicted = with_tail(lines((0, 13), (14, 21)), 20, 17)
    assert counts(predicted, reference)[3] == 1
    # 12 and 8 of 20: 0.60 is not enough, and the second (20 of 28 = 0.71) ends it
    predicted = with_tail(lines((0, 12), (13, 21)), 20, 20)
    assert counts(predicted, reference)[3] == 0


def test_gamma_is_not_missed_by_rounding():
    # 7, 6, 4 and 3 of 20; 7/20 + 6/20 is 0.65, but 0.35 + 0.30 is less in floats.
    # The third lesion has 10 of 14 = 0.71 outside, the fourth is made 4 voxels long.
    assert 7 / 20 + 6 / 20 < 0.65
    reference = lines((0, 23))
    predicted = with_tail(lines((0, 7), (8, 14), (15, 19), (20, 23)), 18, 10)
    predicted = with_tail(predicted, 22, 1)
    assert counts(predicted, reference)[:2] == (4, 1)
    assert counts(predicted, reference)[3] == 1


def test_the_search_is_not_cut_short_where_the_reference_has_few_lesions():
    # 7, 5, 4 and 4 of 20. 12 / 20 is under gamma, and the third (10 of 14 = 0.71 outside)
    # ends the search; the loop bound of the C++ code stops it before, with success.
    reference = lines((0, 23))
    predicted = with_tail(lines((0, 7), (8, 13), (14, 18), (19, 23)), 17, 10)
    assert counts(predicted, reference) == (4, 1, 4, 0)


def test_of_equal_overlaps_the_larger_lesion_comes_first():
    # 6 and 6 and 8 of 20: after 8, one with 6 brings 0.70. It is the larger one with
    # 15 of 21 = 0.71 outside, not the one that is all inside.
    reference = lines((0, 22))
    predicted = with_tail(lines((0, 8), (9, 15), (16, 22)), 21, 15)
    assert counts(predicted, reference)[3] == 0
    assert counts(predicted[::-1], reference[::-1])[3] == 0


def test_lesions_touching_at_a_corner_or_an_edge_are_two():
    mask = empty()
    mask[0, 0, :4] = mask[1, 1, 4:8] = True
    assert counts(mask, mask) == (2, 2, 2, 2)
    mask = empty()
    mask[0, 0, :4] = mask[0, 1, 4:8] = True
    assert counts(mask, mask) == (2, 2, 2, 2)


def test_lesions_at_the_border_count_as_others():
    reference = lines((0, 5), (59, 64))
    predicted = lines((0, 8), (62, 64, 0))
    inside = counts(np.pad(predicted, 2), np.pad(reference, 2))
    assert counts(predicted, reference) == inside == (1, 2, 1, 1)


def test_nothing_found_has_f1_zero():
    found = detect_by_anima(predicted=lines((0, 5)), reference=lines((20, 25)), affine=UNIT)
    assert (found.sensitivity, found.ppv, found.f1) == (0, 0, 0)


def test_false_lesions_by_hand():
    # 5 and 4 voxels of 0.75 mm³: the second is 3 mm³, which does not count
    none = lines()
    false = measure_false_lesions(predicted=lines((0, 5), (10, 14)), reference=none, affine=THICK)
    assert (false.count, false.volume_mm3) == pytest.approx((1, 3.75))
    # A reference lesion that does not count is as none
    false = measure_false_lesions(predicted=lines((0, 5)), reference=lines((20, 24)), affine=THICK)
    assert (false.count, false.volume_mm3) == pytest.approx((1, 3.75))


def test_false_lesions_are_for_scans_without_lesions():
    false = measure_false_lesions(predicted=lines((0, 5)), reference=lines((20, 25)), affine=THICK)
    assert np.isnan([false.count, false.volume_mm3]).all()
