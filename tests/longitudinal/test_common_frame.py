"""The frame halfway between two visits."""

import numpy as np
import pytest
from nibabel.affines import apply_affine, from_matvec
from scipy.spatial.transform import Rotation

from mslesion.imaging.registration import RigidMatch
from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment import common_frame as f

SHAPE, AFFINE = (30, 30, 30), from_matvec(np.diag([4.0, 4, 4]), [-58, -58, -58])
BRAIN = np.ones(SHAPE, bool)


def rigid(degrees, shift=(0, 0, 0)):
    turn = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
    return from_matvec(turn, shift)


def frame_of(monkeypatch, there, back):
    """A frame from two registrations that are known."""
    found = iter([RigidMatch(there, 0.5), RigidMatch(back, 0.7)])
    monkeypatch.setattr(f, "register_rigid", lambda *args, **kwargs: next(found))
    scan = np.ones(SHAPE)
    return f.find_frame(scan, AFFINE, scan, AFFINE, first_brain=BRAIN, second_brain=BRAIN)


def test_half_of_ten_degrees(monkeypatch):
    whole = rigid(10)
    found = frame_of(monkeypatch, whole, np.linalg.inv(whole))
    # Both visits are turned by 5 degrees, in opposite directions
    np.testing.assert_allclose(found.to_first, rigid(-5), atol=1e-12)
    np.testing.assert_allclose(found.to_second, rigid(5), atol=1e-12)
    np.testing.assert_allclose(found.first_to_second, whole, atol=1e-12)
    assert found.inconsistency_mm == pytest.approx(0, abs=1e-9)
    assert found.similarity == pytest.approx(0.6)


def test_half_of_a_turn_with_a_shift(monkeypatch):
    whole = rigid(10, (6, -2, 4))
    found = frame_of(monkeypatch, whole, np.linalg.inv(whole))
    point = np.array([[10.0, 20, 30]])
    there = apply_affine(found.to_second, apply_affine(np.linalg.inv(found.to_first), point))
    np.testing.assert_allclose(there, apply_affine(whole, point), atol=1e-9)


def test_the_two_ways_are_averaged(monkeypatch):
    # 2 mm there, 4 mm back: 3 mm, 1.5 mm to each visit, and 2 mm between the ways
    found = frame_of(monkeypatch, rigid(0, (2, 0, 0)), rigid(0, (-4, 0, 0)))
    np.testing.assert_allclose(found.to_first[:3, 3], [-1.5, 0, 0], atol=1e-12)
    np.testing.assert_allclose(found.to_second[:3, 3], [1.5, 0, 0], atol=1e-12)
    assert found.inconsistency_mm == pytest.approx(2)


def test_swapped_visits_have_the_same_frame_bit_for_bit(monkeypatch):
    there, back = rigid(7, (3, 1, -2)), rigid(-6.8, (-3, -1, 2.2))
    one = frame_of(monkeypatch, there, back)
    other = frame_of(monkeypatch, back, there)
    np.testing.assert_array_equal(one.to_first, other.to_second)
    np.testing.assert_array_equal(one.to_second, other.to_first)
    assert one.grid.shape == other.grid.shape
    np.testing.assert_array_equal(one.grid.affine, other.grid.affine)
    assert one.inconsistency_mm == other.inconsistency_mm


def test_grid_holds_both_brains(monkeypatch):
    found = frame_of(monkeypatch, rigid(0, (40, 0, 0)), rigid(0, (-40, 0, 0)))
    corners = np.array([[0, 0, 0], np.array(found.grid.shape) - 1])
    low, high = apply_affine(found.grid.affine, corners)
    # The brains reach from -58 to 58 mm; halfway they lie 20 mm to either side of one place
    assert np.all(low <= -58)
    assert np.all(high >= 58)
    assert found.grid.affine[0, 0] == f.FRAME_SPACING_MM


def test_coarser_grid():
    """9 voxels of 1 mm need 5 of 2 mm."""
    found = f.coarser(Grid((9, 10, 4), np.diag([1.0, 1, 1, 1])), spacing_mm=2.0)
    assert found.shape == (5, 5, 2)
    np.testing.assert_array_equal(found.affine, np.diag([2.0, 2, 2, 1]))
