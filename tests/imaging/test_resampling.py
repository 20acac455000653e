"""Resampling: places, volumes and sizes stay on every grid."""

import numpy as np
import pytest
from nibabel.affines import apply_affine
from phantoms import (
    CENTRE_MM,
    CODES,
    SPACINGS,
    TURN,
    ball,
    ellipsoid,
    grid,
    named_grid,
    reoriented,
    world,
)
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation

from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3
from mslesion.imaging.resampling import (
    Grid,
    resample,
    resample_mask,
    shrink,
    working_grid,
)

NAMES = tuple(SPACINGS)
OFFSET_MM = np.array([2.0, -1.0, 3.0])


def plane(shape, affine):
    """A linear function of the place: 5 + 2x - 3y + z/2, which linear sampling keeps."""
    return world(shape, affine) @ (2.0, -3.0, 0.5) + 5


# ------------------------------------------------------------------ values


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("target", ["isotropic", "oblique thick 3"])
def test_linear_function_of_the_place(source, codes, target):
    data, affine = named_grid(source)[0], named_grid(source)[1]
    values, turned = reoriented(plane(data, affine), affine, codes)
    to = Grid(*named_grid(target, 14.0))  # all inside the source
    found = resample(values, turned, to=to)
    assert found.shape == to.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plane(*named_grid(target, 14.0)), atol=5e-3)


def test_transform_is_from_the_output_to_the_input():
    """A body at +6 mm in x is seen at 0 through a shift of +6 mm."""
    shape, affine = grid()
    body = ball(shape, affine, centre=CENTRE_MM + np.array([6, 0, 0]), radius=5)
    shift = np.eye(4)
    shift[0, 3] = 6
    found = resample(body.astype(float), affine, to=Grid(shape, affine), transform=shift)
    np.testing.assert_array_equal(found > 0.5, ball(shape, affine, radius=5))


@pytest.mark.parametrize("name", NAMES)
def test_agreement_with_scipy(name):
    """map_coordinates on the voxel positions worked out by hand."""
    shape, affine = named_grid(name)
    data = ndi.gaussian_filter(np.random.default_rng(0).random(shape), 2)
    to = Grid(*grid(12.0, spacing=(1.3, 0.9, 1.1), turn=TURN.T))
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("z", 5, degrees=True).as_matrix()
    motion[:3, 3] = CENTRE_MM - motion[:3, :3] @ CENTRE_MM + (1.5, -2, 0.5)
    points = apply_affine(motion, world(to.shape, to.affine))
    voxels = np.moveaxis(apply_affine(np.linalg.inv(affine), points), -1, 0)
    found = resample(data, affine, to=to, transform=motion)
    np.testing.assert_allclose(found, ndi.map_coordinates(data, voxels, order=1), atol=1e-4)
    cubic = resample(data, affine, to=to, transform=motion, order=3)
    expected = ndi.map_coordinates(data, voxels, order=3, mode="mirror")
    np.testing.assert_allclose(cubic, expected, atol=2e-3)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32])
def test_labels_keep_their_type_and_numbers(dtype):
    shape, affine = grid()
    labels = (ball(shape, affine, radius=12) * 3).astype(dtype)
    found = resample(labels, affine, to=Grid(*named_grid("oblique", 30)), order=0)
    assert found.dtype == dtype
    np.testing.assert_array_equal(np.unique(found), np.unique(labels))


def test_outside_is_0():
    shape, affine = grid(10)
    to = Grid(*grid(20))
    for order in (0, 1, 3):
        found = resample(np.ones(shape), affine, to=to, order=order)
        assert found[10, 10, 10] == pytest.approx(1)
        assert found[0, 0, 0] == 0
        assert found.sum() == pytest.approx(1000, rel=1e-3)


def test_same_grid_changes_nothing():
    shape, affine = named_grid("oblique thick 3")
    data = np.random.default_rng(0).random(shape)
    np.testing.assert_array_equal(resample(data, affine, to=Grid(shape, affine)), np.float32(data))
    labels = (data > 0.5).astype(np.int16)
    assert resample(labels, affine, to=Grid(shape, affine), order=0) is labels


# ------------------------------------------------------------------ masks keep their volume


@pytest.mark.parametrize("source", NAMES)
@pytest.mark.parametrize("target", NAMES)
def test_volume_of_a_mask(source, target):
    """A ball of 15 mm keeps its volume within 2 % from every grid to every other.

    Onto slices of 5 mm within 3 %: so coarse is what six slices can hold of a ball.
    """
    shape, affine = named_grid(source)
    mask = ball(shape, affine, radius=15)
    to = Grid(*named_grid(target, 44.0))
    found = resample_mask(mask, affine, to=to)
    before = mask.sum() * voxel_volume_mm3(affine)
    after = found.sum() * voxel_volume_mm3(to.affine)
    assert found.dtype == bool
    assert after == pytest.approx(before, rel=0.03 if target == "thick 5" else 0.02)


@pytest.mark.parametrize("codes", CODES)
def test_volume_and_place_in_every_order_of_axes(codes):
    shape, affine = named_grid("oblique thick 3")
    mask = ellipsoid(shape, affine, radii=(12, 9, 10), centre=CENTRE_MM + OFFSET_MM)
    stored, turned = reoriented(mask, affine, codes)
    to = Grid(*grid(44))
    found = resample_mask(stored, turned, to=to)
    volume = found.sum() * voxel_volume_mm3(to.affine)
    assert volume == pytest.approx(mask.sum() * voxel_volume_mm3(affine), rel=0.02)
    middle = apply_affine(to.affine, np.argwhere(found)).mean(axis=0)
    np.testing.assert_allclose(middle, CENTRE_MM + OFFSET_MM, atol=0.3)


def test_volume_under_a_motion():
    shape, affine = grid()
    mask = ellipsoid(shape, affine, radii=(12, 8, 10))
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", [20, -30, 40], degrees=True).as_matrix()
    turn[:3, 3] = CENTRE_MM - turn[:3, :3] @ CENTRE_MM + (1.3, 0.4, -2.2)
    found = resample_mask(mask, affine, to=Grid(*grid(48)), transform=turn)
    assert found.sum() == pytest.approx(mask.sum(), rel=0.02)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("shift", "first"), [(0.5, 1), (-0.5, 2)])
def test_grids_half_a_voxel_apart(axis, shift, first):
    """A plate of 4 voxels: means of two neighbours are 1/2, 1, 1, 1, 1/2, one tie is taken.

    Which one must not depend on the order in which the axes are stored.
    """
    mask = np.zeros((9, 9, 9), bool)
    np.moveaxis(mask, axis, 0)[2:6] = True
    moved = np.eye(4)
    moved[axis, 3] = shift
    expected = np.zeros((9, 9, 9), bool)
    np.moveaxis(expected, axis, 0)[first : first + 4] = True
    for codes in CODES:
        stored, turned = reoriented(mask, np.eye(4), codes)
        found = resample_mask(stored, turned, to=Grid(mask.shape, moved))
        np.testing.assert_array_equal(found, expected)


def test_mask_on_its_own_grid_is_not_touched():
    shape, affine = named_grid("oblique thick 3")
    mask = ball(shape, affine, radius=9)
    np.testing.assert_array_equal(resample_mask(mask, affine, to=Grid(shape, affine)), mask)
    same = resample_mask(mask, affine, to=Grid(shape, affine), transform=np.eye(4))
    np.testing.assert_array_equal(same, mask)


def test_empty_and_full_masks():
    shape, affine = grid(20)
    to = Grid(*named_grid("oblique", 10))
    assert not resample_mask(np.zeros(shape, bool), affine, to=to).any()
    assert resample_mask(np.ones(shape, bool), affine, to=to).all()


# ------------------------------------------------------------------ the working grid


def corners(grid_):
    ends = [(-0.5, n - 0.5) for n in grid_.shape]
    points = np.array(np.meshgrid(*ends)).reshape(3, -1).T
    return apply_affine(grid_.affine, points)


@pytest.mark.parametrize("name", NAMES)
def test_working_grid_covers_the_scan(name):
    shape, affine = named_grid(name, 57.0)
    work = working_grid(shape, affine)
    np.testing.assert_allclose(spacing_mm(work.affine), 1.0, atol=0.02)
    inside = apply_affine(np.linalg.inv(work.affine), corners(Grid(shape, affine)))
    assert inside.min() >= -0.5 - 1e-3
    assert np.all(inside.max(axis=0) <= np.array(work.shape) - 0.5 + 1e-3)
    np.testing.assert_allclose(middle(work), middle(Grid(shape, affine)), atol=1e-6)


def middle(grid_):
    return apply_affine(grid_.affine, (np.array(grid_.shape) - 1) / 2)


def test_scan_of_1_mm_keeps_its_grid():
    for size in (1.0, 0.98, 1.02):
        affine = np.diag([size, 1, 1, 1])
        work = working_grid((50, 60, 70), affine)
        assert work.shape == (50, 60, 70)
        np.testing.assert_array_equal(work.affine, affine)
    assert working_grid((50, 60, 70), np.diag([1.03, 1, 1, 1])).shape == (52, 60, 70)


def test_hand_made_sizes():
    # 100 x 0.5 = 50 mm, 24 x 5 = 120 mm; 33 x 0.9 = 29.7 mm becomes 30 voxels
    assert working_grid((100, 100, 24), np.diag([0.5, 0.5, 5, 1])).shape == (50, 50, 120)
    assert working_grid((33, 40, 40), np.diag([0.9, 1, 1, 1])).shape == (30, 40, 40)


def turned(degrees, spacing):
    axes = Rotation.from_euler("z", degrees, degrees=True).as_matrix() * spacing
    affine = np.eye(4)
    affine[:3, :3] = axes
    return affine


@pytest.mark.parametrize("spacing", [(0.8, 0.8, 0.8), (1.0, 1.0, 1.0), (0.5, 0.5, 5.0)])
def test_oblique_scans_keep_their_axes(spacing):
    affine = turned(10, spacing)
    work = working_grid((60, 60, 60), affine)
    np.testing.assert_allclose(work.affine[:3, :3], affine[:3, :3] / spacing, atol=1e-6)
    # Turned or not, the grid has the same size
    assert work.shape == working_grid((60, 60, 60), np.diag([*spacing, 1.0])).shape


def test_where_the_scan_lies_says_nothing():
    """The same scan 1000 mm away: the same shape, the grid shifted with it."""
    shape, affine = named_grid("thick 3", 57.0)
    moved = affine.copy()
    moved[:3, 3] += (1000.25, -3.5, 7)
    near, far = working_grid(shape, affine), working_grid(shape, moved)
    assert near.shape == far.shape
    gap = far.affine[:3, 3] - near.affine[:3, 3]
    np.testing.assert_allclose(gap, (1000.25, -3.5, 7), atol=1e-6)


def test_shrunk_by_hand():
    """Blocks of 2 x 1 x 1: means of neighbours, centres half a voxel on; the last is left out."""
    data = np.array([1.0, 3, 10, 20, 99]).reshape(5, 1, 1) * np.ones((1, 2, 2))
    affine = np.diag([1.1, 2.0, 4.0, 1.0])
    affine[:3, 3] = 10, 20, 30
    small, found = shrink(data, affine, size_mm=2.0)
    np.testing.assert_array_equal(small[:, 0, 0], [2, 15])
    assert small.shape == (2, 2, 2)
    np.testing.assert_allclose(
        found, [[2.2, 0, 0, 10.55], [0, 2, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]]
    )


def test_thin_array_is_not_shrunk_away():
    """One slice of 0.5 mm: four fit into 2 mm, but there is one."""
    small, found = shrink(np.ones((8, 8, 1)), np.diag([0.5, 0.5, 0.5, 1]), size_mm=2.0)
    assert small.shape == (2, 2, 1)
    np.testing.assert_allclose(np.diag(found), [2, 2, 0.5, 1])
