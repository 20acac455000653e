"""Volumes, spacings, counts and the comparison of grids."""

from itertools import product

import nibabel as nib
import numpy as np
import pytest
from nibabel.affines import voxel_sizes
from phantoms import CODES, SPACINGS, TURN, grid, named_grid, reoriented
from scipy.spatial.transform import Rotation

from mslesion import errors
from mslesion.errors import GeometryError, MSLesionError
from mslesion.imaging.grid import (
    AFFINE_TOLERANCE_MM,
    check_same_grid,
    corner_gap_mm,
    is_same_grid,
    min_voxel_count,
    nearest_rotation,
    spacing_mm,
    voxel_volume_mm3,
    world_mm,
)


def turns(count):
    rng = np.random.default_rng(0)
    for _ in range(count):
        matrix = Rotation.from_quat(rng.standard_normal(4)).as_matrix()
        yield nib.affines.from_matvec(matrix.astype(np.float32), rng.normal(size=3) * 50)


def test_voxel_volume():
    # 0.5 * 0.5 * 5 = 1.25 mm³; a shear moves slices but keeps the volume
    affine = np.diag([0.5, 0.5, 5, 1])
    assert voxel_volume_mm3(affine) == pytest.approx(1.25)
    affine[0, 2] = 2.0
    assert voxel_volume_mm3(affine) == pytest.approx(1.25)
    assert spacing_mm(affine)[2] == pytest.approx(np.hypot(2.0, 5.0), abs=1e-5)


@pytest.mark.parametrize("name", SPACINGS)
@pytest.mark.parametrize("codes", CODES)
def test_volume_and_spacing_in_every_orientation(name, codes):
    shape, affine = named_grid(name)
    _, turned = reoriented(np.zeros(shape, bool), affine, codes)
    sizes = SPACINGS[name]
    assert voxel_volume_mm3(turned) == pytest.approx(np.prod(sizes), rel=1e-6)
    assert sorted(spacing_mm(turned)) == sorted(sizes)


@pytest.mark.parametrize("size", [1.0, 2.0, 3.0, 5.0, 12.0])
def test_whole_spacings_stay_whole(size):
    """A voxel side of exactly a threshold must not pass it by rounding of the header."""
    for affine in turns(200):
        affine[:3, :3] = (affine[:3, :3] * size).astype(np.float32)
        assert spacing_mm(affine) == (size, size, size)


def test_spacing_agrees_with_nibabel():
    _, affine = grid(spacing=(0.48828125, 0.9375, 3.3), turn=TURN)
    np.testing.assert_allclose(spacing_mm(affine), nib.affines.voxel_sizes(affine), atol=6e-6)


def test_min_voxel_count_never_loses_a_lesion_of_the_threshold():
    """3 voxels of 1 mm³ are 3 mm³ on every turned grid, float32 headers too."""
    assert {min_voxel_count(3.0, affine) for affine in turns(2000)} == {3}


@pytest.mark.parametrize(
    ("volume", "sizes", "count"),
    [
        (3.0, (1, 1, 1), 3),
        (3.1, (1, 1, 1), 4),
        (3.0, (0.5, 0.5, 3), 4),  # 3 / 0.75
        (3.0, (0.5, 0.5, 5), 3),  # 3 / 1.25 = 2.4
        (0.0, (1, 1, 1), 1),
        (0.5, (1, 1, 1), 1),
    ],
)
def test_min_voxel_count(volume, sizes, count):
    assert min_voxel_count(volume, np.diag([*sizes, 1.0])) == count


def test_corner_gap():
    # Turning by 1 mm over 10 voxels of 1 mm moves the far corner by 10 * 0.1 = 1 mm
    other = np.eye(4)
    other[0, 1] = 0.1
    assert corner_gap_mm((5, 11, 5), np.eye(4), other) == pytest.approx(1.0)
    assert corner_gap_mm((1, 1, 1), np.eye(4), other) == 0


def test_world_mm():
    affine = np.diag([2.0, 3, 4, 1])
    affine[:3, 3] = 1, 2, 3
    np.testing.assert_allclose(world_mm(affine, np.array([[1, 1, 0.5]])), [[3, 5, 5]])
    assert world_mm(affine, np.zeros((0, 3), int)).shape == (0, 3)


def agree(shape, affine, other_shape, other_affine, **options):
    return check_same_grid(
        shape, affine, other_shape, other_affine, name="mask", other_name="scan", **options
    )


@pytest.mark.parametrize(
    ("shift_mm", "exactly", "shifted"),
    [
        (0, True, False), (0.999 * AFFINE_TOLERANCE_MM, True, False),
        (0.0017, False, True), (0.0499, False, True),  # the thinnest voxel side is 0.5 mm
    ],
)  # fmt: skip
def test_grids_that_are_one(shift_mm, exactly, shifted):
    affine = np.diag([0.5, 2, 3, 1])
    moved = affine.copy()
    moved[1, 3] = shift_mm
    assert agree((4, 4, 4), affine, (4, 4, 4), moved) == shifted
    assert is_same_grid((4, 4, 4), affine, (4, 4, 4), moved)
    assert is_same_grid((4, 4, 4), affine, (4, 4, 4), moved, exactly=True) == exactly


def test_a_tenth_of_a_voxel_is_the_limit():
    shifted = np.eye(4)
    shifted[0, 3] = 0.101
    assert not is_same_grid((4, 4, 4), np.eye(4), (4, 4, 4), shifted)
    assert not is_same_grid((4, 4, 4), np.eye(4), (4, 4, 5), np.eye(4))
    with pytest.raises(
        GeometryError,
        match=r"^mask is placed up to 0\.101 mm away from scan, but at most 0\.1 mm, a tenth of a "
        r"voxel, is allowed\. Resample it: --resample-masks in the command, mslesion",
    ):
        agree((4, 4, 4), np.eye(4), (4, 4, 4), shifted)
    with pytest.raises(GeometryError, match=r"is allowed\. Do so\.$"):
        agree((4, 4, 4), np.eye(4), (4, 4, 4), shifted, remedy="Do so.")


@pytest.mark.parametrize("name", SPACINGS)
def test_a_header_that_rounds_is_taken(name):
    """Stored as float32 quaternion and offsets, as ITK and SPM may leave it."""
    shape, affine = named_grid(name, size_mm=240.0)
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_zooms(voxel_sizes(affine))
    header.set_qform(affine, code=1, strip_shears=True)
    agree(shape, header.get_qform(), shape, affine)


def test_check_same_grid_says_shapes():
    with pytest.raises(GeometryError, match=r"mask has 4 x 4 x 5 voxels, but scan has 4 x 4 x 4"):
        agree((4, 4, 5), np.eye(4), (4, 4, 4), np.eye(4))


def test_check_same_grid_refuses_what_is_no_number():
    broken = np.eye(4)
    broken[0, 0] = np.nan
    with pytest.raises(GeometryError, match="mask is placed up to nan mm away"):
        agree((4, 4, 4), broken, (4, 4, 4), np.eye(4))


def test_errors_are_ordinary_too():
    ordinary = {
        "OutputError": OSError, "MissingToolError": ImportError, "ExecutorError": RuntimeError,
    }  # fmt: skip
    names = [n for n in vars(errors) if n.endswith("Error") and n != "MSLesionError"]
    assert len(names) == 10
    for name in names:
        error = getattr(errors, name)
        assert issubclass(error, MSLesionError)
        assert issubclass(error, ordinary.get(name, ValueError))
        assert name in errors.__doc__


def test_every_orientation_turns_back():
    array = np.arange(24).reshape(2, 3, 4)
    shape, affine = array.shape, named_grid("oblique")[1]
    for letters in product("RL", "AP", "SI"):
        turned, other = reoriented(array, affine, "".join(letters))
        back, same = reoriented(turned, other, "RAS")
        assert back.shape == shape
        np.testing.assert_array_equal(back, array)
        np.testing.assert_allclose(same, affine)


@pytest.mark.parametrize("mirror", [1, -1])
def test_nearest_rotation(mirror):
    """A little shear goes, half to each axis; a mirror stays one."""
    a = np.radians(2)
    axes = np.array([[mirror, 0, 0], [0, 1, np.sin(a)], [0, 0, np.cos(a)]], float)
    turn = nearest_rotation(axes)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(mirror)
    assert np.degrees(np.arcsin(turn[2, 1])) == pytest.approx(-1)
