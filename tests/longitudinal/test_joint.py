"""Lesions of two visits, segmented together."""

import numpy as np
import pytest

from mslesion.longitudinal.lesions.joint import keep_lesions, measure_joint

SHAPE = (40, 9, 9)


def line(start, stop, number=1):
    """A lesion of so many voxels, 5 x 5 across."""
    labels = np.zeros(SHAPE, np.int32)
    labels[start:stop, 2:7, 2:7] = number
    return labels


def nothing():
    return np.zeros(SHAPE, bool)


def kept(first, second, *, gained=None, lost=None, certainty=None):
    found = keep_lesions(
        first,
        second,
        gained=nothing() if gained is None else gained,
        lost=nothing() if lost is None else lost,
        certainty=np.zeros(SHAPE) if certainty is None else certainty,
    )
    swapped = keep_lesions(
        second,
        first,
        gained=nothing() if lost is None else lost,
        lost=nothing() if gained is None else gained,
        certainty=np.zeros(SHAPE) if certainty is None else certainty,
    )
    assert np.array_equal(found, swapped)
    return found


def test_one_outline_is_kept():
    assert np.array_equal(kept(line(5, 15), line(5, 15)), line(5, 15) > 0)


def test_the_border_lies_halfway():
    # 10 and 14 slices: 12 on average, of which those next to both outlines are taken
    found = kept(line(5, 15), line(5, 19))
    assert found.sum() == 12 * 25
    assert found[5:16, 4, 4].all()
    assert not found[18].any()


def test_an_odd_voxel_is_kept():
    first = line(5, 15)
    second = first.copy()
    second[15, 4, 4] = 1
    assert kept(first, second).sum() == 10 * 25 + 1


def test_certainty_decides_between_equal_depths():
    # Shifted by one slice: one of 5 x 5 voxels at either end, all equally deep in their rows
    certainty = np.zeros(SHAPE)
    certainty[15] = 1.0
    found = kept(line(5, 15), line(6, 16), certainty=certainty)
    assert found.sum() == 10 * 25
    assert found[15, 2:7, 2:7].all()
    assert not found[5].any()


def test_a_lesion_of_one_visit_is_there_at_both():
    assert np.array_equal(kept(line(5, 15), nothing().astype(np.int32)), line(5, 15) > 0)


def test_change_is_no_part_of_it():
    gained = line(15, 19) > 0
    found = kept(line(5, 15), line(5, 19), gained=gained)
    assert np.array_equal(found, line(5, 15) > 0)
    # A new lesion whose outline is wider than what the scans show: no crumbs of it remain
    gained = line(21, 29) > 0
    assert not kept(nothing().astype(np.int32), line(20, 30), gained=gained).any()


def test_lesions_apart_are_averaged_apart():
    first, second = line(2, 8) + line(20, 30, 2), line(2, 8) + line(20, 34, 2)
    found = kept(first, second)
    assert np.array_equal(found[:15], first[:15] > 0)
    assert found[15:].sum() == 12 * 25


@pytest.mark.parametrize("thickest_mm", [1.0, 4.0])
def test_load_of_a_visit(thickest_mm):
    # Lesion at both visits: 2 voxels. At this visit alone: a cube of 27 mm³, diameter 3.7 mm
    common, mask = nothing(), nothing()
    common[2, 2, 2:4] = True
    mask[20:23, 4:7, 4:7] = True
    load = measure_joint(common | mask, common, voxel_mm3=1.0, thickest_mm=thickest_mm)
    # The floor is 3 mm on voxels of 1 mm and 6.5 mm on slices of 4 mm
    is_seen = thickest_mm == 1.0
    assert load.count == 1 + is_seen
    assert load.volume_ml == pytest.approx((2 + 27 * is_seen) / 1000)


def test_no_lesion():
    load = measure_joint(nothing(), nothing(), voxel_mm3=1.0, thickest_mm=1.0)
    assert (load.volume_ml, load.count) == (0, 0)
