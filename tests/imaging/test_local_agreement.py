"""Edges of two scans, block by block: the same head, another one, its mirror image."""

import numpy as np
import pytest
from scipy import ndimage as ndi

from mslesion.imaging.local_agreement import share_in_place

SHAPE = (64, 84, 62)
BRAIN = np.zeros(SHAPE, bool)
BRAIN[3:61, 3:81, 3:59] = True


def head(seed=0):
    """A head of smooth blobs of about 6 mm."""
    noise = np.random.default_rng(seed).standard_normal(SHAPE)
    field = ndi.gaussian_filter(noise, 3)
    return 200 + 50 * field / field.std()


@pytest.mark.parametrize("gain", [1.0, 3.0, -0.7], ids=["as it is", "brighter", "inverted"])
def test_one_head_whatever_its_contrast(gain):
    assert share_in_place(head(), 500 + gain * head(), BRAIN) == pytest.approx(100, abs=0.01)


def test_noise_moves_few_blocks():
    noisy = 500 - head() + 20 * np.random.default_rng(9).standard_normal(SHAPE)
    assert share_in_place(head(), noisy, BRAIN) > 95


@pytest.mark.parametrize(("shift_mm", "expected"), [(2, 100), (4, 0), (-6, 0)])
def test_a_block_is_in_place_up_to_two_millimetres(shift_mm, expected):
    moved = np.roll(head(), shift_mm, axis=1)
    assert share_in_place(head(), moved, BRAIN) == pytest.approx(expected, abs=3)


@pytest.mark.parametrize("other", [head(1), head()[::-1]], ids=["another head", "mirrored"])
def test_another_head(other):
    # 7 of the 343 shifts lie within 2 mm: 2 % by chance
    assert share_in_place(head(), other, BRAIN) < 15


def test_what_lies_outside_the_brain_does_not_count():
    other = np.where(BRAIN, head(), head(1))
    assert share_in_place(head(), other, BRAIN) > 95


def test_nothing_to_compare():
    assert share_in_place(head(), head(), np.zeros(SHAPE, bool)) is None
    small = np.zeros(SHAPE, bool)
    small[10:50, 10:50, 10:28] = True  # four blocks of 20 mm, of eight
    assert share_in_place(head(), head(), small) is None
    assert share_in_place(head(), np.zeros(SHAPE), BRAIN) is None
