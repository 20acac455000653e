"""The midplane of a head that is tilted, on an oblique grid, or lopsided."""

import numpy as np
import pytest
from phantoms import CENTRE_MM, CODES, grid, head_grid, head_labels, reoriented
from scipy.spatial.transform import Rotation

from mslesion.errors import StepError
from mslesion.io.nifti import to_ras
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane, find_midplane

SPACING = (2.5, 2.5, 2.5)


def head(yaw=0.0, roll=0.0, spacing=SPACING, turn=None):
    """Anatomy map of a head turned about the z axis by yaw, about y by roll, in degrees."""
    tilt = Rotation.from_euler("yz", [roll, yaw], degrees=True).as_matrix()
    shape, affine = head_grid(spacing, turn=turn)
    return head_labels(shape, affine, turn=tilt), affine, tilt[:, 0]


def check(plane, normal, *, degrees=1.0, mm=0.7):
    """The plane's turn, and how far it passes from the middle of the head."""
    angle = np.degrees(np.arccos(np.clip(plane.normal @ normal, -1, 1)))
    assert angle < degrees
    assert abs(plane.right_of(CENTRE_MM[None])[0]) < mm
    assert np.linalg.norm(plane.normal) == pytest.approx(1)


@pytest.mark.parametrize(("yaw", "roll"), [(0, 0), (8, 0), (0, -8), (-12, 6), (20, 15)])
def test_tilted_heads(yaw, roll):
    labels, affine, normal = head(yaw, roll)
    check(find_midplane(labels, affine), normal, degrees=1.5)


@pytest.mark.parametrize("codes", CODES)
def test_every_order_of_axes(codes):
    labels, affine, normal = head(6, -5)
    check(find_midplane(*to_ras(*reoriented(labels, affine, codes))), normal)


def test_an_array_in_the_order_of_fortran():
    labels, affine, normal = head(8, 0)
    found = find_midplane(np.asfortranarray(labels), affine)
    check(found, normal, degrees=1.5)
    assert found.offset_mm == find_midplane(np.ascontiguousarray(labels), affine).offset_mm


def test_oblique_grid_of_unequal_sides():
    turn = Rotation.from_euler("xyz", [12, -8, 10], degrees=True).as_matrix()
    labels, affine, normal = head(5, 4, spacing=(1.8, 2.0, 2.6), turn=turn)
    check(find_midplane(labels, affine), normal)


def test_a_map_turned_as_a_whole_has_the_same_plane():
    labels, affine, _ = head(5, 4, spacing=(1.5, 1.5, 1.5))
    world = np.eye(4)
    world[:3, :3] = Rotation.from_euler("xyz", [8, -5, 11], degrees=True).as_matrix()
    world[:3, 3] = 30.3, -7.7, 12.1
    plane, turned = find_midplane(labels, affine), find_midplane(labels, world @ affine)
    points = np.random.default_rng(0).uniform(-60, 60, (500, 3)) + CENTRE_MM
    moved = points @ world[:3, :3].T + world[:3, 3]
    assert np.abs(plane.right_of(points) - turned.right_of(moved)).max() < 0.4


def test_one_sided_changes_do_not_move_it():
    """A ventricle twice as large on one side, and a lost piece of cortex."""
    labels, affine, normal = head()
    place = np.indices(labels.shape)
    middle = np.array(labels.shape)[:, None, None, None] / 2
    offset = (place - middle) * 2.5
    large = ((offset[0] - 14) / 12) ** 2 + (offset[1] / 30) ** 2 + ((offset[2] - 14) / 12) ** 2 < 1
    labels[large] = s.LATERAL_VENTRICLES
    labels[(offset[0] < -40) & (labels > 0) & (offset[1] > 20)] = s.EXTRA_AXIAL_CSF
    check(find_midplane(labels, affine), normal, degrees=2.0, mm=1.5)


def test_right_is_positive():
    plane = Midplane(np.array([1.0, 0.0, 0.0]), 4.0)
    points = np.array([[4.0, 7, 8], [14.0, 0, 0], [-6.0, 1, 1]])
    np.testing.assert_allclose(plane.right_of(points), [0, 10, -10])
    labels, affine, _ = head(10, -10)
    assert find_midplane(labels, affine).normal[0] > 0.9


def test_the_same_bits_every_time():
    labels, affine, _ = head(6, -5)
    first, second = find_midplane(labels, affine), find_midplane(labels, affine)
    np.testing.assert_array_equal(first.normal, second.normal)
    assert first.offset_mm == second.offset_mm


def test_empty_map():
    text = (
        "The anatomy map has no structure, but the midplane is derived from structures. Check that"
    )
    with pytest.raises(StepError, match=text):
        find_midplane(np.zeros((10, 10, 10), np.uint8), np.eye(4))


def test_one_voxel():
    """A single voxel mirrors onto itself: the plane passes through it."""
    shape, affine = grid(20)
    labels = np.zeros(shape, np.uint8)
    labels[9, 9, 9] = s.WHITE_MATTER
    plane = find_midplane(labels, affine)
    assert abs(plane.right_of((affine @ [9, 9, 9, 1])[None, :3])[0]) < 1
