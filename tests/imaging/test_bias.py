"""Bias field: a known shading is found and divided out, and nothing else is."""

import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import CENTRE_MM, FLAIR_LEVELS, head_grid, head_labels, head_scan, reoriented, world

from mslesion.errors import StepError
from mslesion.imaging.bias import correct_bias
from mslesion.schema import structures as s

SPACING = (6.0, 6.0, 6.0)


def head(spacing=SPACING):
    """Scan without shading, with it, their affine, and the anatomy."""
    shape, affine = head_grid(spacing)
    labels = head_labels(shape, affine)
    scan = head_scan(labels, FLAIR_LEVELS, noise=4.0)
    # Brighter to the right and the front: exp of a plane, 1 at the middle
    place = world(shape, affine) - CENTRE_MM
    shading = np.exp(0.35 * (place[..., 0] / 60 + place[..., 1] / 75) / 2)
    return scan, (scan * shading).astype(np.float32), affine, labels


def spread(data, where):
    """Coefficient of variation."""
    return data[where].std() / data[where].mean()


@pytest.fixture(scope="module")
def plain():
    """The shaded scan, its affine, its brain, and what is made of it."""
    _, shaded, affine, labels = head()
    return shaded, affine, labels > 0, correct_bias(shaded, affine, mask=labels > 0)


@pytest.mark.parametrize("spacing", [SPACING, (3.0, 3.0, 8.0)])
def test_known_shading_is_divided_out(spacing):
    _, shaded, affine, labels = head(spacing)
    copy = shaded.copy()
    white = labels == s.WHITE_MATTER
    result = correct_bias(shaded, affine, mask=labels > 0)
    assert spread(shaded, white) > 0.10
    assert spread(result.corrected, white) < 0.04
    # Over most of the brain the plane goes from -0.25 to 0.25: a ratio of about e^0.5 = 1.65
    assert result.range_ratio == pytest.approx(1.65, rel=0.2)
    assert result.corrected.dtype == np.float32
    assert result.corrected.shape == shaded.shape
    assert not result.corrected[shaded == 0].any()
    np.testing.assert_array_equal(shaded, copy)  # what was given is left alone


def test_scan_without_shading_stays_as_it_is():
    scan, _, affine, labels = head()
    result = correct_bias(scan, affine, mask=labels > 0)
    assert 1 <= result.range_ratio < 1.1
    white = labels == s.WHITE_MATTER
    np.testing.assert_allclose(result.corrected[white], scan[white], rtol=0.1)


def test_scale_of_the_scan_says_nothing(plain):
    shaded, affine, brain, result = plain
    large = correct_bias(shaded * 50, affine, mask=brain)
    assert large.range_ratio == pytest.approx(result.range_ratio, rel=0.02)
    # The field's median is 1: the brain keeps its brightness
    ratio = np.median(large.corrected[brain]) / np.median(50 * shaded[brain])
    assert ratio == pytest.approx(1, abs=0.05)


def test_order_of_axes_says_nothing(plain):
    shaded, affine, brain, result = plain
    mask, turned = reoriented(brain, affine, "PIR")
    other = correct_bias(reoriented(shaded, affine, "PIR")[0], turned, mask=mask)
    assert other.range_ratio == pytest.approx(result.range_ratio, rel=0.03)
    expected = reoriented(result.corrected, affine, "PIR")[0]
    np.testing.assert_allclose(other.corrected[mask], expected[mask], rtol=0.05)


def test_the_same_bits_every_time(plain):
    """Also where the program runs many threads, whose sums end in other digits."""
    shaded, affine, brain, result = plain
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    try:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(4)
        again = correct_bias(shaded, affine, mask=brain)
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    np.testing.assert_array_equal(again.corrected, result.corrected)
    assert again.range_ratio == result.range_ratio


def test_mask_smaller_than_a_working_voxel():
    """One voxel of 2 mm fills an eighth of a working one: the field is fitted everywhere."""
    shape = (24, 24, 24)
    scan = 100 + np.random.default_rng(0).random(shape)
    mask = np.zeros(shape, bool)
    mask[12, 12, 12] = True
    result = correct_bias(scan, np.diag([2.0, 2, 2, 1]), mask=mask)
    assert result.range_ratio == 1.0
    assert np.isfinite(result.corrected).all()


@pytest.mark.parametrize("where", ["nowhere", "outside"])
def test_mask_without_a_positive_voxel(where):
    scan, _, affine, _ = head()
    mask = np.zeros(scan.shape, bool) if where == "nowhere" else scan == 0
    text = (
        "The mask has no voxel above 0, but the bias field is fitted inside it. Check that the mask"
    )
    with pytest.raises(StepError, match=text):
        correct_bias(scan, affine, mask=mask)
