"""Intensity scales: what they divide by, and where they end."""

import numpy as np
import pytest

from mslesion.errors import StepError
from mslesion.imaging.intensity import (
    TOP_VALUE,
    WHITE_LEVELS,
    WHITE_TOP_VALUE,
    network_scale,
    tissue_scale,
    white_matter_scale,
)


def test_the_top_of_the_foreground_becomes_one():
    # Of the values above 0 the mean is 50.5, so the foreground is 51 to 100; its 99th
    # percentile lies 0.99 * 49 = 48.51 above 51
    data = np.arange(101.0).reshape(1, 1, 101)
    assert network_scale(data)[0, 0, 51] == pytest.approx(51 / 99.51, rel=1e-6)


def test_a_gain_changes_nothing():
    data = np.random.default_rng(0).random((20, 20, 20)) * 100
    assert network_scale(7 * data) == pytest.approx(network_scale(data), rel=1e-5)


def test_bright_voxels_are_cut_off_and_dark_ones_are_zero():
    data = np.concatenate([np.full(1000, 10.0), [1e6, -5.0]]).reshape(-1, 1, 1)
    scaled = network_scale(data)
    assert scaled.max() <= TOP_VALUE
    assert scaled.min() == 0


def test_nothing_above_zero_is_an_error():
    with pytest.raises(
        StepError, match="has no voxel above 0, but these voxels scale its intensities"
    ):
        network_scale(np.zeros((3, 3, 3)))


@pytest.mark.parametrize("contrast", WHITE_LEVELS)
def test_white_matter_comes_to_its_level(contrast):
    data = np.array([10.0, 30.0, 40.0, 50.0, 4000.0, -1.0]).reshape(-1, 1, 1)
    white = np.array([0, 1, 1, 1, 0, 0], bool).reshape(-1, 1, 1)
    scaled = white_matter_scale(data, white, contrast=contrast).ravel()
    assert scaled[2] == pytest.approx(WHITE_LEVELS[contrast])  # the median, 40
    assert scaled[0] == pytest.approx(WHITE_LEVELS[contrast] / 4)
    assert scaled[4] == WHITE_TOP_VALUE
    assert scaled[5] == 0


def test_white_matter_out_of_view_is_an_error():
    data = np.zeros((3, 3, 3))
    with pytest.raises(StepError, match="The FLAIR shows no signal in white matter"):
        white_matter_scale(data, np.ones((3, 3, 3), bool), contrast="FLAIR")


def test_median_and_spread_of_a_tissue():
    # Median 3; distances 2, 1, 0, 1, 97, their median 1
    data = np.array([1.0, 2, 3, 4, 100]).reshape(5, 1, 1)
    scale = tissue_scale(data, np.ones((5, 1, 1), bool))
    assert (scale.median, scale.spread) == (3, pytest.approx(1.4826))


def test_an_absent_tissue_is_nan():
    scale = tissue_scale(np.ones((2, 2, 2)), np.zeros((2, 2, 2), bool))
    assert np.isnan([scale.median, scale.spread]).all()
