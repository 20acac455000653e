import numpy as np
import pytest

from mslesion.longitudinal.alignment.blocks import binned, unbinned


def test_means_over_blocks_with_nothing_beyond_the_border():
    values = np.ones((4, 2, 5), np.float32)
    values[:2, :, :2] = 3
    # Along the last axis the third block has one voxel of two
    expected = np.array([[[3, 1, 0.5]], [[1, 1, 0.5]]], np.float32)
    assert np.array_equal(binned(values, 2), expected)
    assert binned(values, 1) is values


def test_linear_between_the_middles_of_blocks():
    # Middles of blocks of two voxels lie at 0.5 and 2.5
    means = np.array([0.0, 4.0], np.float32).reshape(1, 2, 1, 1)
    found = unbinned(means, (5, 1, 1), 2)
    assert found.shape == (1, 5, 1, 1)
    assert found.ravel() == pytest.approx([0, 1, 3, 4, 4])
    assert unbinned(means, (2, 1, 1), 1) is means
