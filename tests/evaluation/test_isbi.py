from math import nan

import numpy as np
import pytest
from evaluation_phantoms import blobs, disturbed, empty, lines, voxel_sets

from mslesion.evaluation import detect_any_overlap, score_isbi, score_isbi_set


def test_rates_by_hand():
    # 3 reference lesions, one hit by one voxel; 4 predicted ones, 3 hit nothing
    reference = lines((0, 5), (10, 15), (20, 21))
    predicted = lines((4, 6), (30, 31), (40, 45), (50, 55))
    found = detect_any_overlap(predicted=predicted, reference=reference)
    assert found.sensitivity == pytest.approx(1 / 3)
    assert found.false_discovery_rate == pytest.approx(3 / 4)


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_sets(seed):
    reference = blobs(seed)
    predicted = disturbed(reference, 50 + seed)
    p, r = voxel_sets(predicted, 2), voxel_sets(reference, 2)
    found = detect_any_overlap(predicted=predicted, reference=reference)
    assert found.predicted_count == len(p)
    assert found.reference_count == len(r)
    assert found.confirmed_count == sum(any(a & b for b in r) for a in p)
    assert found.detected_count == sum(any(a & b for b in p) for a in r)


def test_edges_connect_and_corners_do_not():
    edge, corner = empty(), empty()
    edge[0, 0, 0] = edge[0, 1, 1] = corner[0, 0, 0] = corner[1, 1, 1] = True
    assert detect_any_overlap(predicted=edge, reference=edge).reference_count == 1
    assert detect_any_overlap(predicted=corner, reference=corner).reference_count == 2


def test_score_by_hand():
    # 0.5/8 + 0.75/8 + 0.8/4 + 0.6/4 = 0.50625, times 4/3
    assert score_isbi(dice=0.5, ppv=0.75, ltpr=0.6, lfpr=0.2) == pytest.approx(0.675)
    assert score_isbi(dice=1, ppv=1, ltpr=1, lfpr=0) == pytest.approx(1)


def test_score_is_that_of_lesion_metrics():
    # Masks of the tests of lesion-metrics have Dice 6/14, PPV 3/4, LFDR 1/3, LTPR 2/3,
    # and its expected score is 0.6408730158730158
    score = score_isbi(dice=6 / 14, ppv=3 / 4, ltpr=2 / 3, lfpr=1 / 3)
    assert score == pytest.approx(0.6408730158730158)


def test_score_of_a_set_by_hand():
    # Two scans of 0.675 and 0.375, r = 0.8: 0.75 * 0.525 + 0.25 * 0.8
    assert score_isbi_set(np.array([0.675, 0.375]), correlation=0.8) == pytest.approx(0.59375)
    assert np.isnan(score_isbi_set(np.array([0.675]), correlation=nan))
