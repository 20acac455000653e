"""Between RAS arrays and SimpleITK: no place moves, no number changes."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from phantoms import CODES, SPACINGS, named_grid, reoriented, scan_data

from mslesion.imaging.itk import (
    LPS,
    from_itk,
    from_itk_transform,
    one_thread,
    to_itk,
    to_itk_transform,
)


@pytest.mark.parametrize("name", SPACINGS)
@pytest.mark.parametrize("codes", CODES)
def test_voxels_stay_where_they_are(name, codes):
    """ITK's own point of a voxel is nibabel's, with left and back for right and front."""
    data, affine = reoriented(scan_data((6, 7, 8)), named_grid(name)[1], codes)
    image = to_itk(data, affine)
    for index in ((0, 0, 0), (1, 2, 3), (5, 6, 5)):
        point = affine @ [*index, 1]
        found = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(found, point[:3] * (-1, -1, 1), atol=1e-4)
        assert image.GetPixel(index) == data[index]


def test_agreement_with_itks_own_reader(tmp_path):
    data, affine = reoriented(scan_data((6, 7, 8)), named_grid("oblique thick 3")[1], "PIR")
    image = nib.Nifti1Image(data.astype(np.float32), affine)
    image.set_qform(affine, code=1)
    nib.save(image, tmp_path / "scan.nii")
    read = sitk.ReadImage(str(tmp_path / "scan.nii"))
    ours = to_itk(data.astype(np.float32), affine)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(ours), sitk.GetArrayFromImage(read))
    np.testing.assert_allclose(ours.GetOrigin(), read.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(ours.GetSpacing(), read.GetSpacing(), atol=1e-5)
    np.testing.assert_allclose(ours.GetDirection(), read.GetDirection(), atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_round_trip(dtype):
    data = scan_data((4, 5, 6)).astype(dtype)
    back = from_itk(to_itk(data, np.eye(4)))
    np.testing.assert_array_equal(back, data)
    assert back.dtype == dtype
    assert back.flags.c_contiguous


def test_bool_becomes_numbers():
    mask = scan_data((4, 5, 6)) > 300
    np.testing.assert_array_equal(from_itk(to_itk(mask, np.eye(4))), mask.astype(np.uint8))


def test_arrays_in_any_memory_order():
    data = scan_data((4, 5, 6))
    for other in (np.asfortranarray(data), data[::-1], data.transpose(2, 0, 1)):
        np.testing.assert_array_equal(from_itk(to_itk(other, np.eye(4))), other)


def test_shear_becomes_the_nearest_rotation():
    """A grid leaning by 2 % along one axis: both axes are turned by half of it."""
    affine = np.eye(4)
    affine[0, 1] = 0.02
    direction = np.array(to_itk(np.zeros((2, 2, 2)), affine).GetDirection()).reshape(3, 3)
    np.testing.assert_allclose(direction @ direction.T, np.eye(3), atol=1e-12)
    # In RAS: turned about the third axis by -0.01, at which the sum of cosines is largest
    turned = (LPS[:3, :3] @ direction)[0, 1]
    assert turned == pytest.approx(0.01, abs=1e-4)


@pytest.mark.parametrize("name", SPACINGS)
def test_transforms(name):
    """An ITK transform of a point is the matrix on the point, and back again."""
    matrix = named_grid(name)[1]
    transform = to_itk_transform(matrix)
    point = np.array([3.0, -5.0, 7.0])
    found = np.array(transform.TransformPoint((point * (-1, -1, 1)).tolist())) * (-1, -1, 1)
    np.testing.assert_allclose(found, (matrix @ [*point, 1])[:3], atol=1e-9)
    np.testing.assert_allclose(from_itk_transform(transform), matrix, atol=1e-9)


def test_transform_with_a_centre():
    """The centre of an Euler transform is part of its matrix."""
    transform = sitk.Euler3DTransform()
    transform.SetCenter((10.0, 20.0, 30.0))
    transform.SetRotation(0.0, 0.0, np.pi / 2)
    # LPS (x, y) goes to (10 - (y - 20), 20 + (x - 10)): the origin to (30, 10), in RAS (-30, -10)
    matrix = from_itk_transform(transform)
    np.testing.assert_allclose(matrix[:3, 3], [-30, -10, 0], atol=1e-12)
    np.testing.assert_allclose(matrix[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)


def test_one_thread_gives_back_what_was_there():
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    try:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(3)
        found = []

        @one_thread()
        def fail():
            found.append(sitk.ProcessObject.GetGlobalDefaultNumberOfThreads())
            raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert found == [1]
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 3
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
