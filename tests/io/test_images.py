"""Images in every form that callers have them."""

import nibabel as nib
import numpy as np
import phantoms
import pytest

from mslesion.api.resampling import resample_mask
from mslesion.errors import GeometryError, ImageError, MaskError
from mslesion.io.images import read_labels, read_mask, read_scan, save_like

SHAPE = (9, 10, 11)
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])


@pytest.fixture
def mask():
    array = np.zeros(SHAPE, np.uint8)
    array[2:4, 3:6, 4:5] = 1  # 6 voxels of 3 mm³
    return array


def forms(tmp_path, data, affine):
    """The same image as a path, text, a nibabel image and a tuple."""
    path = phantoms.write_nifti(tmp_path / "image.nii.gz", data, affine, dtype=data.dtype)
    return [path, str(path), nib.Nifti1Image(data, affine), (data, affine), [data, affine]]


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "PIR"])
def test_a_mask_is_the_same_in_every_form_and_orientation(tmp_path, mask, codes):
    data, affine = phantoms.reoriented(mask, AFFINE, codes)
    for image in forms(tmp_path, np.ascontiguousarray(data), affine):
        found, at = read_mask(image)
        assert found.dtype == bool
        np.testing.assert_array_equal(found, mask > 0)
        np.testing.assert_allclose(at, AFFINE, atol=1e-6)


@pytest.mark.parametrize("values", [(0, 1), (0, 255), (False, True), (0.0, 1.0)])
def test_values_of_a_mask(mask, values):
    data = np.where(mask > 0, values[1], values[0])
    np.testing.assert_array_equal(read_mask((data, AFFINE))[0], mask > 0)


def test_a_label_of_a_label_map(mask):
    data = mask * 18
    data[0, 0, 0] = 3
    assert read_mask((data, AFFINE), label=18)[0].sum() == 6
    assert read_mask((data, AFFINE), label="all")[0].sum() == 7


def test_a_label_that_the_map_does_not_have(mask, caplog):
    assert not read_mask((mask * 18, AFFINE), label=(77, 78))[0].any()
    assert "The mask has no voxel of label 77 or 78 (its labels are 18)" in caplog.text
    caplog.clear()
    assert not read_mask((mask * 0, AFFINE), label=77)[0].any()
    assert not caplog.records  # nothing is labelled, so no label is missing


@pytest.mark.parametrize(("most", "text"), [
    (32, r"has 32 labels \(1, 2, 3, 4, 5, 6, \.\.\.\), but a mask has one"),
    (33, "has 33 values from 1 to 33, as a scan or a probability map in whole numbers has"),
])  # fmt: skip
def test_many_values(most, text):
    with pytest.raises(MaskError, match=text):
        read_mask((np.resize(np.arange(most + 1), SHAPE), AFFINE))


def test_an_empty_mask_is_a_mask():
    assert not read_mask((np.zeros(SHAPE, np.uint8), AFFINE))[0].any()


def test_a_series_of_one_volume_is_a_volume(mask):
    assert read_mask((mask[..., None], AFFINE))[0].shape == SHAPE


@pytest.mark.parametrize(
    ("image", "error", "text"),
    [
        (np.zeros(SHAPE), ImageError, "The mask is an array without an affine, but a path"),
        (3.5, ImageError, "The mask is <class 'float'>, but a path, a nibabel image or a tuple"),
        ((np.zeros((5, 5)), AFFINE), GeometryError, r"has the shape \(5, 5\), but one volume"),
        ((np.zeros((*SHAPE, 2)), AFFINE), GeometryError, "but one volume in 3D is expected"),
        ((np.zeros((0, 2, 2)), AFFINE), GeometryError, r"has the shape \(0, 2, 2\)"),
        ((np.zeros(SHAPE), np.eye(3)), GeometryError, r"no \(4, 4\) affine of finite numbers"),
        ((np.zeros(SHAPE), AFFINE * np.nan), GeometryError, r"no \(4, 4\) affine of finite"),
        ((np.zeros(SHAPE), np.diag([1.0, 0, 1, 1])), GeometryError, "voxels have no volume"),
        ((np.zeros(SHAPE, complex), AFFINE), ImageError, "voxels of type complex128, but one"),
        ((np.full(SHAPE, "a"), AFFINE), ImageError, "voxels of type <U1, but one number"),
        ((np.resize([0, 0.4, 0.6], SHAPE), AFFINE), MaskError, "as a probability map has"),
        ((np.resize([0, np.nan], SHAPE), AFFINE), MaskError, "voxels that are not finite"),
        ((np.resize([0, 3, 4], SHAPE), AFFINE), MaskError, r"2 labels \(3, 4\), but a mask"),
    ],
)
def test_what_is_no_mask(image, error, text):
    with pytest.raises(error, match=text):
        read_mask(image)


def test_a_name_in_the_error():
    with pytest.raises(ImageError, match="The mask of session 2 is an array without"):
        read_mask(np.zeros(SHAPE), name="mask of session 2")


def test_labels(tmp_path, mask):
    for image in forms(tmp_path, mask * 7, AFFINE):
        labels, _ = read_labels(image)
        assert labels.dtype == np.int32
        assert np.unique(labels).tolist() == [0, 7]
    with pytest.raises(MaskError, match="The label map has values that are not whole numbers"):
        read_labels((mask * 0.5, AFFINE))


def test_a_scan_in_every_form(tmp_path):
    data = phantoms.scan_data((20, 22, 24)).astype(np.float32)
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    scans = [read_scan(image) for image in forms(tmp_path, data, affine)]
    for scan in [*scans, read_scan(scans[0])]:
        np.testing.assert_array_equal(scan.data, data)
        np.testing.assert_allclose(scan.affine, affine)


def test_a_scan_with_holes_says_so():
    data = phantoms.scan_data(SHAPE).astype(float)
    data[0, 0, 0] = np.inf
    scan = read_scan((data, AFFINE))
    assert scan.warnings == ("not_finite",)
    assert scan.data[0, 0, 0] == 0


def test_the_header_of_an_image_in_memory_counts():
    image = nib.Nifti1Image(np.arange(60.0).reshape(3, 4, 5), np.eye(4))
    assert read_scan(image).warnings == ()
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    assert read_scan(image).warnings == ("no_orientation",)


def test_a_constant_scan():
    with pytest.raises(ImageError, match="The FLAIR has the same value 2 in every voxel"):
        read_scan((np.full(SHAPE, 2.0), AFFINE), name="FLAIR")


@pytest.mark.parametrize("form", ["image", "path"])
def test_only_the_grid_of_an_empty_mask_counts(tmp_path, form):
    drawn = np.zeros((64, 70, 66), np.uint8)
    drawn[20:30, 20:25, 30:33] = 1
    empty = nib.Nifti1Image(np.zeros_like(drawn), np.eye(4))
    if form == "path":
        nib.save(empty, tmp_path / "empty.nii.gz")
        empty = tmp_path / "empty.nii.gz"
    found, affine = resample_mask((drawn, np.eye(4)), like=empty)
    np.testing.assert_array_equal(found, drawn > 0)
    np.testing.assert_array_equal(affine, np.eye(4))
    save_like(found, tmp_path / "mask.nii.gz", like=empty)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.nii.gz")[0], drawn > 0)


def test_saved_like_a_scan_of_another_orientation(tmp_path, mask):
    data, affine = phantoms.reoriented(phantoms.scan_data(SHAPE), AFFINE, "LPS")
    scan = nib.Nifti1Image(np.ascontiguousarray(data).astype(np.float32), affine)
    save_like(mask > 0, tmp_path / "mask.nii.gz", like=scan)
    stored = nib.load(tmp_path / "mask.nii.gz")
    np.testing.assert_allclose(stored.affine, affine, atol=1e-5)
    np.testing.assert_array_equal(read_mask(stored)[0], mask > 0)
