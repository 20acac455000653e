"""Distances to masks, and masks grown, thinned and closed by them."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from mslesion.imaging.distance import box_of, closed, distance_mm, grown, thinned

SPACINGS = [(1.0, 1.0, 1.0), (0.9, 0.9, 3.3), (2.0, 1.0, 0.5)]


def blobs(shape=(24, 30, 18), level=0.8):
    rng = np.random.default_rng(0)
    return ndi.gaussian_filter(rng.standard_normal(shape), 1.5) > level * 0.15


def one_voxel():
    mask = np.zeros((11, 11, 11), bool)
    mask[5, 5, 5] = True
    return mask


def test_distance_of_single_voxel():
    found = distance_mm(one_voxel(), (1.0, 2.0, 3.0))
    assert found.dtype == np.float32
    assert found[5, 5, 5] == 0
    assert found[8, 5, 5] == 3
    assert found[5, 7, 5] == 4
    assert found[5, 7, 6] == 5  # 4 and 3 mm at right angles


def test_distance_without_mask_is_infinite():
    nothing = np.zeros((3, 4, 5), bool)
    assert np.isinf(distance_mm(nothing, (1, 1, 1))).all()
    assert not grown(nothing, (1, 1, 1), by_mm=3).any()
    assert not thinned(nothing, (1, 1, 1), by_mm=3).any()
    assert not closed(nothing, (1, 1, 1), by_mm=3).any()


def test_whole_array_has_no_border():
    everything = np.ones((3, 4, 5), bool)
    assert thinned(everything, (1, 1, 1), by_mm=100).all()
    assert grown(everything, (1, 1, 1), by_mm=1).all()
    assert not distance_mm(everything, (1, 1, 1)).any()


@pytest.mark.parametrize("spacing", SPACINGS)
def test_distance_is_that_of_scipy(spacing):
    mask = blobs()
    expected = ndi.distance_transform_edt(~mask, sampling=spacing)
    np.testing.assert_allclose(distance_mm(mask, spacing), expected, atol=1e-4)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("by_mm", [0.95, 2.05, 4.05])
def test_box_changes_nothing(spacing, by_mm):
    mask = blobs()
    far = ndi.distance_transform_edt(~mask, sampling=spacing)
    np.testing.assert_array_equal(grown(mask, spacing, by_mm=by_mm), far <= by_mm)
    deep = ndi.distance_transform_edt(mask, sampling=spacing)
    np.testing.assert_array_equal(thinned(mask, spacing, by_mm=by_mm), deep > by_mm)
    room = [(9, 9)] * 3
    wide = ndi.distance_transform_edt(~np.pad(mask, room), sampling=spacing) <= by_mm
    expected = ndi.distance_transform_edt(wide, sampling=spacing)[9:-9, 9:-9, 9:-9] > by_mm
    np.testing.assert_array_equal(closed(mask, spacing, by_mm=by_mm), expected | mask)


def test_limits():
    mask = one_voxel()
    assert np.count_nonzero(grown(mask, (1, 1, 1), by_mm=1.0)) == 7
    assert np.count_nonzero(grown(mask, (1, 1, 1), by_mm=0.99)) == 1
    # 0.1 mm is no binary number: ten steps are 1 mm all the same
    row = np.zeros((1, 1, 21), bool)
    row[0, 0, 0] = True
    assert np.count_nonzero(grown(row, (1, 1, 0.1), by_mm=1.0)) == 11
    block = np.zeros((9, 9, 9), bool)
    block[2:7, 2:7, 2:7] = True
    assert np.count_nonzero(thinned(block, (1, 1, 1), by_mm=1.0)) == 27
    assert np.count_nonzero(thinned(block, (1, 1, 1), by_mm=0.99)) == 125


def test_closed_fills_clefts_up_to_twice_the_radius():
    mask = np.ones((20, 9, 9), bool)
    mask[8:11] = False  # 3 voxels, 4 mm from mask to mask
    assert not closed(mask, (1, 1, 1), by_mm=1.0)[8:11].any()
    assert closed(mask, (1, 1, 1), by_mm=2.0)[8:11, 4, 4].all()


def test_box():
    mask = one_voxel()
    assert box_of(mask, (0, 1, 20)) == (slice(5, 6), slice(4, 7), slice(0, 11))
    assert box_of(np.zeros((2, 2, 2), bool), (1, 1, 1)) == (slice(0, 0),) * 3
