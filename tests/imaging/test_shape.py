"""Size and shape of single objects: numbers by hand, every grid, and the odd cases."""

import numpy as np
import pytest
from phantoms import CENTRE_MM, CODES, SPACINGS, TURN, ball, ellipsoid, grid, named_grid, reoriented
from scipy.spatial.distance import pdist
from skimage.measure import regionprops_table

from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.imaging.shape import (
    HULL_POINTS,
    SHAPE_NAMES,
    equivalent_diameter_mm,
    longest_distance_mm,
    measure_shapes,
    objects,
)
from mslesion.io.nifti import to_ras

ONE = np.eye(4)


def labels_of(*boxes, shape=(12, 12, 12)):
    """Boxes numbered 1, 2, ..."""
    labels = np.zeros(shape, np.int32)
    for number, box in enumerate(boxes, 1):
        labels[box] = number
    return labels


def only(labels, affine):
    (row,) = measure_shapes(labels, affine)
    return row


# ------------------------------------------------------------------ by hand


def test_box_by_hand():
    """2 x 3 x 4 voxels of 1 mm from (1, 2, 3): centre (1.5, 3, 4.5)."""
    row = only(labels_of(np.s_[1:3, 2:5, 3:7]), ONE)
    assert tuple(row) == SHAPE_NAMES
    assert (row["x_mm"], row["y_mm"], row["z_mm"]) == (1.5, 3.0, 4.5)
    assert row["voxel_count"] == 24
    assert row["volume_mm3"] == 24
    # (6 * 24 / pi)^(1/3) = 3.5789
    assert row["equivalent_diameter_mm"] == pytest.approx(3.5789, abs=1e-4)
    # In a slice: from corner to corner 1 and 2 steps, plus 1 mm; in 3D 1, 2 and 3 steps
    assert row["long_axis_axial_mm"] == pytest.approx(np.sqrt(5) + 1)
    assert row["long_axis_3d_mm"] == pytest.approx(np.sqrt(14) + 1)
    # Standard deviations with the voxels' own extent: lengths 4 and 3 over sqrt(12)
    assert row["elongation_ratio"] == pytest.approx(4 / 3)
    assert row["slice_count"] == 2  # on equal voxels slices are counted along the first axis


def test_one_voxel_by_hand():
    """The mesh of a voxel is an octahedron with corners 1/2 mm away.

    Area 8 * sqrt(3) / 8 = sqrt(3), volume 1/6, sphericity pi^(1/3) / sqrt(3) = 0.8456.
    """
    row = only(labels_of(np.s_[5, 6, 7]), ONE)
    assert row["surface_mm2"] == pytest.approx(np.sqrt(3), rel=1e-6)
    assert row["sphericity_ratio"] == pytest.approx(np.pi ** (1 / 3) / np.sqrt(3), rel=1e-6)
    assert row["long_axis_axial_mm"] == row["long_axis_3d_mm"] == 1
    assert row["elongation_ratio"] == pytest.approx(1)
    assert row["slice_count"] == 1


def test_thick_slices_by_hand():
    """Voxels of 0.5 x 0.5 x 5 mm: 4 x 1 x 2 of them are 10 mm³ on two slices."""
    row = only(labels_of(np.s_[2:6, 3, 4:6]), np.diag([0.5, 0.5, 5, 1]))
    assert row["volume_mm3"] == 10
    assert row["long_axis_axial_mm"] == pytest.approx(1.5 + 0.5)
    assert row["long_axis_3d_mm"] == pytest.approx(np.hypot(1.5, 5) + 2)
    assert row["slice_count"] == 2
    assert row["elongation_ratio"] == pytest.approx(10 / 2)


def test_slices_are_counted_along_the_thick_axis():
    labels = labels_of(np.s_[2:6, 3:6, 4:6])
    for axis, count in enumerate((4, 3, 2)):
        sizes = np.ones(4)
        sizes[axis] = 3
        assert only(labels, np.diag(sizes))["slice_count"] == count


def test_reference_diameters():
    """A 3 mm sphere is 14.1 mm³, 5 mm 65.4, 8 mm 268, 10 mm 524 mm³."""
    for volume, diameter in ((14.137, 3), (65.45, 5), (268.08, 8), (523.6, 10), (0, 0)):
        assert equivalent_diameter_mm(volume) == pytest.approx(diameter, abs=1e-3)


# ------------------------------------------------------------------ every grid


@pytest.mark.parametrize("name", ["isotropic", "oblique"])
@pytest.mark.parametrize("codes", CODES)
def test_ball_on_every_grid(name, codes):
    shape, affine = named_grid(name, 30.0)
    stored, turned = reoriented(ball(shape, affine, radius=8).astype(np.int32), affine, codes)
    row = only(*to_ras(stored, turned))
    np.testing.assert_allclose([row["x_mm"], row["y_mm"], row["z_mm"]], CENTRE_MM, atol=0.1)
    assert row["volume_mm3"] == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.02)
    assert row["equivalent_diameter_mm"] == pytest.approx(16, rel=0.01)
    assert row["long_axis_3d_mm"] == pytest.approx(16, abs=1)
    assert row["long_axis_axial_mm"] == pytest.approx(16, abs=1.2)
    # The steps of a ball of voxels make its mesh about 12 % larger than 4 pi r²
    assert row["surface_mm2"] == pytest.approx(1.12 * 4 * np.pi * 64, rel=0.03)
    assert 0.9 < row["sphericity_ratio"] <= 1
    assert row["elongation_ratio"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", SPACINGS)
def test_turned_ellipsoid_on_every_grid(name):
    """Semi-axes 14, 7 and 6 mm: long axis 28 mm, elongation 2."""
    shape, affine = named_grid(name)
    body = ellipsoid(shape, affine, radii=(14, 7, 6), turn=TURN.T)
    row = only(body.astype(np.int32), affine)
    mean_spacing = np.mean(SPACINGS[name])
    assert row["volume_mm3"] == pytest.approx(4 / 3 * np.pi * 14 * 7 * 6, rel=0.03)
    assert row["long_axis_3d_mm"] == pytest.approx(28, abs=1 + mean_spacing)
    assert row["elongation_ratio"] == pytest.approx(2, rel=0.08)


def test_where_it_lies_says_nothing():
    shape, affine = grid(30)
    body = ellipsoid(shape, affine, radii=(9, 6, 5)).astype(np.int32)
    near = only(body, affine)
    far_affine = affine.copy()
    far_affine[:3, 3] += 500
    far = only(body, far_affine)
    for name in SHAPE_NAMES[4:]:
        assert far[name] == pytest.approx(near[name], rel=1e-9), name


def test_agreement_with_scikit_image():
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 5, (4, 4, 4)), np.ones((3, 3, 3), int))
    table = regionprops_table(labels, properties=("label", "area", "centroid"))
    rows = measure_shapes(labels, ONE)
    assert [row["lesion_id"] for row in rows] == list(table["label"])
    assert [row["voxel_count"] for row in rows] == list(table["area"])
    for axis, name in enumerate(("x_mm", "y_mm", "z_mm")):
        np.testing.assert_allclose([row[name] for row in rows], table[f"centroid-{axis}"])


# ------------------------------------------------------------------ odd cases


def test_no_object():
    assert measure_shapes(np.zeros((5, 5, 5), np.int32), ONE) == []
    assert list(objects(np.zeros((5, 5, 5), np.int32))) == []


def test_missing_numbers_and_objects_in_parts():
    labels = labels_of(np.s_[0:2, 0, 0], np.s_[4:7, 4, 4])
    labels[labels == 1] = 7
    labels[11, 11, 11] = 7
    rows = measure_shapes(labels, ONE)
    assert [row["lesion_id"] for row in rows] == [2, 7]
    assert [row["voxel_count"] for row in rows] == [3, 3]
    assert rows[1]["long_axis_3d_mm"] == pytest.approx(np.sqrt(3) * 11 + 1)


def test_objects_are_cut_out_of_their_box():
    """A neighbour in the same box is not part of an object."""
    labels = labels_of(np.s_[2:8, 2, 2], np.s_[4:6, 2, 2])
    found = {number: (box, mask.sum()) for number, box, mask in objects(labels)}
    assert found[1] == (np.s_[2:8, 2:3, 2:3], 4)
    assert found[2] == (np.s_[4:6, 2:3, 2:3], 2)


def test_at_the_border_of_the_grid():
    inner = only(labels_of(np.s_[3:6, 3:6, 3:6]), ONE)
    for start in (0, 9):
        box = (slice(start, start + 3),) * 3
        outer = only(labels_of(box), ONE)
        for name in SHAPE_NAMES[4:]:
            assert outer[name] == pytest.approx(inner[name]), name


@pytest.mark.parametrize("affine", [ONE, named_grid("oblique")[1]], ids=["straight", "oblique"])
@pytest.mark.parametrize("count", [HULL_POINTS - 1, HULL_POINTS, 75])
def test_lines_and_plates(affine, count):
    """Neither has a hull in 3D: a line of n voxels is n mm long."""
    line = labels_of(np.s_[:count, 3, 3], shape=(80, 6, 6))
    row = only(line, affine)
    assert row["long_axis_3d_mm"] == pytest.approx(count, abs=1e-4)
    assert row["elongation_ratio"] == pytest.approx(count, rel=1e-4)
    plate = labels_of(np.s_[:count, :5, 3], shape=(80, 6, 6))
    expected = np.hypot(count - 1, 4) + 1
    assert only(plate, affine)["long_axis_3d_mm"] == pytest.approx(expected, abs=1e-4)
    assert only(plate, affine)["long_axis_axial_mm"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("size", [1, 2, HULL_POINTS - 1, HULL_POINTS, 500])
def test_longest_distance_agrees_with_all_pairs(size):
    points = np.random.default_rng(size).normal(size=(size, 3)) * (9, 4, 1)
    expected = pdist(points).max() if size > 1 else 0
    assert longest_distance_mm(points) == pytest.approx(expected)


def test_volume_under_shear():
    """Voxels on leaning axes: the determinant, not the product of sides."""
    affine = np.eye(4)
    affine[0, 1] = 0.5
    row = only(labels_of(np.s_[1:3, 1:3, 1:3]), affine)
    assert row["volume_mm3"] == pytest.approx(8 * voxel_volume_mm3(affine)) == 8
