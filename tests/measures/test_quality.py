"""Noise of a scan against known noise."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from mslesion.measures.quality import signal_to_noise


def noisy(sd, *, shape=(40, 40, 40), slope=0.0, seed=0):
    """Tissue of 100 with a slope along the first axis and noise."""
    rng = np.random.default_rng(seed)
    drift = slope * np.arange(shape[0])[:, None, None]
    return 100 + drift + sd * rng.standard_normal(shape)


EVERYWHERE = np.ones((40, 40, 40), bool)


@pytest.mark.parametrize("sd", [2.0, 5.0, 20.0])
def test_signal_to_noise_is_median_by_sd(sd):
    """Within 4 %: the largest of three estimates, each of 46,000 second differences."""
    assert signal_to_noise(noisy(sd), EVERYWHERE) == pytest.approx(100 / sd, rel=0.04)


def test_slow_changes_are_no_noise():
    # From 100 to 178 along the first axis: the median is 139 where the erosion took 2 a side
    assert signal_to_noise(noisy(5, slope=2.0), EVERYWHERE) == pytest.approx(139 / 5, rel=0.05)


def test_an_interpolated_axis_does_not_hide_noise():
    smooth = ndi.gaussian_filter1d(noisy(5), 1.5, axis=0)
    apart = [noisy(5), smooth]
    sd = np.std(smooth)  # what is left of the noise, along the other axes
    assert sd < 0.6 * 5
    assert signal_to_noise(apart[1], EVERYWHERE) == pytest.approx(100 / sd, rel=0.06)


def test_only_the_tissue_is_looked_at():
    data = noisy(5)
    data[:, :, 20:] = 1000 * np.random.default_rng(1).random((40, 40, 20))
    tissue = EVERYWHERE.copy()
    tissue[:, :, 18:] = False
    assert signal_to_noise(data, tissue) == pytest.approx(20, rel=0.06)


def test_too_little_tissue_and_no_noise():
    tissue = np.zeros((40, 40, 40), bool)
    tissue[5:18, 5:18, 5:18] = True  # 13^3, eroded by 2: 9^3 = 729 voxels, under 1000
    assert signal_to_noise(noisy(5), tissue) is None
    tissue[5:19, 5:19, 5:19] = True  # 10^3 = 1000
    assert signal_to_noise(noisy(5), tissue) is not None
    assert signal_to_noise(noisy(0), EVERYWHERE) is None
    assert signal_to_noise(noisy(5), tissue * False) is None
