import numpy as np
import pytest
from evaluation_phantoms import THICK, UNIT, lines, rotated

from mslesion.evaluation import measure_overlap


def test_numbers_by_hand():
    # reference 8 voxels, predicted 6, shared 4; voxels of 0.75 mm³
    overlap = measure_overlap(predicted=lines((4, 10)), reference=lines((0, 8)), affine=THICK)
    assert overlap.dice == pytest.approx(2 * 4 / (8 + 6))
    assert overlap.sensitivity == pytest.approx(4 / 8)
    assert overlap.ppv == pytest.approx(4 / 6)
    assert overlap.predicted_volume_mm3 == pytest.approx(4.5)
    assert overlap.reference_volume_mm3 == pytest.approx(6.0)
    assert overlap.volume_error_mm3 == pytest.approx(-1.5)
    assert overlap.volume_error_fraction == pytest.approx(-2 / 8)


def test_volume_is_right_under_shear():
    # shearing a 1 mm grid leaves the voxel's volume, but lengthens an axis
    sheared = UNIT.copy()
    sheared[0, 1] = 0.5
    mask = lines((0, 8))
    overlap = measure_overlap(predicted=mask, reference=mask, affine=rotated(sheared))
    assert overlap.reference_volume_mm3 == pytest.approx(8.0, rel=1e-6)


def test_masks_without_overlap_have_zero_not_nan():
    overlap = measure_overlap(predicted=lines((0, 4)), reference=lines((8, 12)), affine=UNIT)
    assert (overlap.dice, overlap.sensitivity, overlap.ppv) == (0, 0, 0)


def test_equal_masks():
    mask = np.ones((3, 3, 3), bool)
    overlap = measure_overlap(predicted=mask, reference=mask, affine=UNIT)
    assert (overlap.dice, overlap.volume_error_fraction) == (1, 0)
