"""Reading and writing NIfTI files: every kind of header, and every bad input."""

import errno
import gzip
import hashlib
import os
from contextlib import suppress
from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from phantoms import CODES, SPACINGS, ball, grid, named_grid, reoriented, scan_data, write_nifti

from mslesion.errors import GeometryError, ImageError, MaskError, OutputError
from mslesion.io.headers import (
    MAX_SFORM_QFORM_GAP_MM,
    MAX_SPACING_MM,
    MIN_SPACING_MM,
    WARNINGS,
)
from mslesion.io.nifti import (
    Scan,
    as_stored,
    load_map,
    load_mask,
    load_scan,
    write_bytes,
    write_on_grid,
)
from mslesion.io.voxel_values import ANY_LABEL

SHAPE = (20, 22, 24)
COARSE = np.diag([4.0, 4.0, 4.0, 1.0])
"""4 mm voxels, so that a small array covers a head."""


def write(path, data=None, affine=COARSE, **options):
    data = scan_data(SHAPE) if data is None else data
    return write_nifti(path, data, affine, **({"dtype": np.float32} | options))


# ------------------------------------------------------------------ what can be read


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_formats(tmp_path, kind, ending):
    scan = load_scan(write(tmp_path / f"scan{ending}", kind=kind))
    np.testing.assert_array_equal(scan.data, scan_data(SHAPE).astype(np.float32))
    np.testing.assert_array_equal(scan.affine, COARSE)
    assert scan.data.dtype == np.float32
    assert scan.warnings == ()
    assert scan.spacing_mm == (4.0, 4.0, 4.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float64, ">i2"])
def test_types(tmp_path, dtype):
    data = (np.arange(np.prod(SHAPE)) % 200).reshape(SHAPE)
    scan = load_scan(write(tmp_path / "scan.nii.gz", data, dtype=dtype))
    np.testing.assert_array_equal(scan.data, data)
    assert scan.data.dtype == np.float32
    assert scan.data.dtype.isnative


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_integers_with_scale_factors(tmp_path, kind):
    data = np.arange(np.prod(SHAPE)).reshape(SHAPE) % 1000
    path = write(tmp_path / "scan.nii.gz", data, dtype=np.int16, scale=(0.25, -10.0), kind=kind)
    # value = 0.25 * stored - 10
    np.testing.assert_array_equal(load_scan(path).data, (0.25 * data - 10).astype(np.float32))


@pytest.mark.parametrize("more", [(1,), (1, 1)])
def test_one_volume_in_4d_and_5d(tmp_path, more):
    data = scan_data(SHAPE).reshape(*SHAPE, *more)
    scan = load_scan(write(tmp_path / "scan.nii.gz", data))
    assert scan.data.shape == SHAPE
    assert scan.stored_shape == SHAPE


@pytest.mark.parametrize("codes", [
    "".join(letters[axis] for axis in order)
    for order in permutations(range(3)) for letters in product("RL", "AP", "SI")
])  # fmt: skip
def test_all_48_orders_and_directions_of_axes(tmp_path, codes):
    data, affine = reoriented(scan_data((15, 16, 17)), np.diag([5.0, 5, 5, 1]), codes)
    scan = load_scan(write(tmp_path / "scan.nii", data, affine))
    np.testing.assert_array_equal(scan.data, scan_data((15, 16, 17)).astype(np.float32))
    np.testing.assert_allclose(scan.affine, np.diag([5.0, 5, 5, 1]), atol=1e-5)
    np.testing.assert_array_equal(as_stored(scan.data, scan), data.astype(np.float32))


@pytest.mark.parametrize("name", SPACINGS)
@pytest.mark.parametrize("codes", CODES)
def test_a_place_stays_where_it_was(tmp_path, name, codes):
    """The brightest voxel has the same world position whatever the order of axes."""
    shape, affine = named_grid(name, size_mm=64.0)
    data = np.ones(shape)
    data[7, 9, 3] = 50
    stored, turned = reoriented(data, affine, codes)
    scan = load_scan(write(tmp_path / "scan.nii", stored, turned))
    place = np.array(np.unravel_index(scan.data.argmax(), scan.data.shape))
    expected = affine @ [7, 9, 3, 1]
    np.testing.assert_allclose(scan.affine @ [*place, 1], expected, atol=1e-3)
    assert nib.aff2axcodes(scan.affine) == ("R", "A", "S")
    assert sorted(scan.spacing_mm) == sorted(SPACINGS[name])


def test_agreement_with_nibabel(tmp_path):
    shape, affine = named_grid("oblique thick 3", size_mm=60.0)
    path = write(tmp_path / "scan.nii.gz", *reoriented(scan_data(shape), affine, "PIR"))
    canonical = nib.as_closest_canonical(nib.load(path))
    scan = load_scan(path)
    np.testing.assert_array_equal(scan.data, np.asarray(canonical.dataobj))
    np.testing.assert_allclose(scan.affine, canonical.affine, atol=1e-9)


# ------------------------------------------------------------------ named warnings


def warnings_of(path):
    return load_scan(path).warnings


def test_every_warning_is_described():
    assert all(text for text in WARNINGS.values())


def test_sform_and_qform_disagree(tmp_path):
    other = COARSE.copy()
    other[0, 3] = MAX_SFORM_QFORM_GAP_MM
    path = write(tmp_path / "scan.nii", other_qform=other)
    assert warnings_of(path) == ()
    other[0, 3] = 1.02 * MAX_SFORM_QFORM_GAP_MM
    scan = load_scan(write(tmp_path / "scan.nii", other_qform=other))
    assert scan.warnings == ("sform_qform_differ",)
    np.testing.assert_array_equal(scan.affine, COARSE)  # sform is used


def test_qform_that_is_no_rotation(tmp_path):
    path = write(tmp_path / "scan.nii")
    content = bytearray(path.read_bytes())
    content[256:268] = np.array([3.0, 3.0, 3.0], "<f4").tobytes()  # quatern_b, c, d
    path.write_bytes(content)
    assert warnings_of(path) == ("sform_qform_differ",)


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (2, 4)])
def test_one_form_is_enough(tmp_path, sform, qform):
    scan = load_scan(write(tmp_path / "scan.nii", sform=sform, qform=qform))
    assert scan.warnings == ()
    np.testing.assert_allclose(scan.affine, COARSE, atol=1e-5)


def test_no_orientation(tmp_path):
    assert warnings_of(write(tmp_path / "s.nii", sform=0, qform=0)) == ("no_orientation",)


def test_pixdim_that_disagrees(tmp_path):
    path = write(tmp_path / "scan.nii", qform=0)
    for factor, expected in ((1.009, ()), (1.011, ("pixdim_differs",))):
        content = bytearray(path.read_bytes())
        content[80:84] = np.array([4.0 * factor], "<f4").tobytes()  # pixdim[1]
        path.write_bytes(content)
        scan = load_scan(path)
        assert scan.warnings == expected
        assert scan.spacing_mm == (4.0, 4.0, 4.0)


def test_shear(tmp_path):
    for cosine, expected in ((0.019, ()), (0.021, ("sheared",))):
        affine = COARSE.copy()
        affine[0, 1] = 4 * cosine / np.sqrt(1 - cosine**2)
        path = write(tmp_path / "scan.nii", affine=affine, qform=0)
        assert warnings_of(path) == expected


def test_voxels_that_are_no_number(tmp_path):
    data = scan_data(SHAPE)
    data[1, 2, 3], data[2, 2, 2], data[3, 3, 3] = np.nan, np.inf, -np.inf
    scan = load_scan(write(tmp_path / "scan.nii", data))
    assert scan.warnings == ("not_finite",)
    assert scan.data[1, 2, 3] == scan.data[2, 2, 2] == scan.data[3, 3, 3] == 0
    assert np.isfinite(scan.data).all()
    assert scan.data[4, 4, 4] == np.float32(data[4, 4, 4])


def test_values_beyond_float32(tmp_path):
    data = scan_data(SHAPE)
    data[1, 2, 3] = 1e300
    assert warnings_of(write(tmp_path / "scan.nii", data, dtype=np.float64)) == ("not_finite",)


@pytest.mark.parametrize("units", ["micron", "meter"])
def test_other_units_with_the_sizes_of_mm(tmp_path, units):
    assert warnings_of(write(tmp_path / "scan.nii", units=units)) == ("odd_units",)
    assert warnings_of(write(tmp_path / "scan.nii", units="unknown")) == ()


def test_unit_that_does_not_exist(tmp_path):
    path = write(tmp_path / "scan.nii")
    content = bytearray(path.read_bytes())
    content[123] = 7
    path.write_bytes(content)
    assert warnings_of(path) == ("odd_units",)


# ------------------------------------------------------------------ what cannot be read


def refused(path, text):
    with pytest.raises(ImageError, match=text):
        load_scan(path)


def test_no_file(tmp_path):
    refused(tmp_path / "nothing.nii", "nothing.nii is not a file, but a scan is expected")
    refused(tmp_path, "is not a file")


@pytest.mark.parametrize("content", [b"", b"hello", bytes(400)])
@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz", "scan.mgz", "scan.txt"])
def test_no_image(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, "cannot be read")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_truncated(tmp_path, ending, share):
    path = write(tmp_path / f"scan{ending}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refused(path, r"cannot be read [\s\S]* but a whole NIfTI file is expected")


def test_gzip_with_a_broken_byte(tmp_path):
    path = write(tmp_path / "scan.nii.gz")
    whole = path.read_bytes()
    for place in np.linspace(0.1, 0.98, 12) * len(whole):
        content = bytearray(whole)
        content[int(place)] ^= 0x10
        path.write_bytes(content)
        refused(path, "cannot be read")


def test_a_packed_file_is_opened_once(tmp_path, opened):
    """Its checksum is checked on the way."""
    load_scan(write(tmp_path / "scan.nii.gz"))
    load_mask(mask_file(tmp_path / "mask.nii.gz", np.resize([0, 1], SHAPE)))
    assert opened == {"scan.nii.gz": 1, "mask.nii.gz": 1}


def test_unreadable_file(tmp_path, monkeypatch):
    path = write(tmp_path / "scan.nii")

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", refuse)
    refused(path, "cannot be read .PermissionError: .*Permission denied")


@pytest.mark.parametrize("where", [
    (42, -7), (44, 0), (70, 4096), (70, 255), (108, 100),
])  # fmt: skip
def test_broken_headers(tmp_path, where):
    """Dimensions of 0 or less, unknown types, data that start in the header."""
    place, value = where
    path = write(tmp_path / "scan.nii")
    content = bytearray(path.read_bytes())
    number = np.array([value], "<f4" if place == 108 else "<i2").tobytes()
    content[place : place + len(number)] = number
    path.write_bytes(content)
    refused(path, "expected")


def test_header_of_random_bytes_is_never_an_ordinary_crash(tmp_path):
    content = write(tmp_path / "scan.nii", scan_data((16, 16, 16)), np.diag([5.0, 5, 5, 1]))
    content = content.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.integers(40, 348, 2):
            broken[place] = rng.integers(0, 256)
        path = tmp_path / "broken.nii"
        path.write_bytes(broken)
        for load in (load_scan, load_mask):
            with suppress(ImageError, MaskError):
                load(path)


@pytest.mark.parametrize("shape", [(20, 22), (20, 22, 24, 2), (20, 22, 24, 1, 3)])
def test_wrong_dimensions(tmp_path, shape):
    path = write(tmp_path / "scan.nii", np.ones(shape))
    refused(path, f"has {'x'.join(map(str, shape))} voxels, but one volume in 3D is expected")


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_constant(tmp_path, value):
    shown = 0 if np.isnan(value) else value
    refused(write(tmp_path / "s.nii", np.full(SHAPE, value)), f"the same value {shown} in every")


def test_complex_and_colour(tmp_path):
    path = write(tmp_path / "scan.nii", dtype=np.complex64)
    refused(path, "voxels of type complex64, but one number per voxel is expected")
    rgb = np.zeros(SHAPE, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(rgb, COARSE), path)
    refused(path, "but one number per voxel is expected")


def test_affine_that_is_none(tmp_path):
    for affine in (np.diag([4.0, 0, 4, 1]), np.diag([4.0, np.nan, 4, 1])):
        path = write(tmp_path / "scan.nii", affine=COARSE, qform=0)
        content = bytearray(path.read_bytes())
        content[280:328] = affine[:3].astype("<f4").tobytes()
        path.write_bytes(content)
        refused(path, "affine that is not invertible, but it must place every voxel")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0.0008, "0.0008 x 0.0008 x 0.0008 mm"),  # metres taken for millimetres
        (0.19, "0.19 x 0.19 x 0.19 mm, but 0.2 to 12.0 mm are expected"),
        (12.1, "12.1 x 12.1 x 12.1 mm"),
        (4000.0, "4e.03 x 4e.03 x 4e.03 mm"),  # micrometres
    ],
)
def test_absurd_voxel_sizes(tmp_path, size, text):
    refused(write(tmp_path / "scan.nii", affine=np.diag([size] * 3 + [1])), text)


def test_voxel_sizes_on_the_limits(tmp_path):
    sizes = (MIN_SPACING_MM, MAX_SPACING_MM, MAX_SPACING_MM)
    path = write(tmp_path / "scan.nii", scan_data((300, 5, 6)), np.diag([*sizes, 1]))
    assert load_scan(path).spacing_mm == sizes


@pytest.mark.parametrize("turned", [False, True])
def test_extent_on_the_limits(tmp_path, turned):
    """20 slices of 3 mm are 60 mm, whatever the rounding of a turned header."""
    shape, affine = grid(60.0, spacing=(6.0, 6.0, 3.0), turn=named_grid("oblique")[1][:3, :3])
    affine = affine if turned else np.diag([6.0, 6, 3, 1])
    assert shape == (10, 10, 20)
    load_scan(write(tmp_path / "scan.nii", scan_data(shape), affine))
    path = write(tmp_path / "scan.nii", scan_data((10, 10, 19)), affine)
    refused(path, r"covers 57 mm along axis 3 \(19 voxels\), but 60 to 600 mm are expected")


def test_two_slices(tmp_path):
    path = write(tmp_path / "scan.nii", scan_data((20, 20, 2)))
    refused(path, r"covers 8 mm along axis 3 \(2 voxels\)")


def test_too_long(tmp_path):
    load_scan(write(tmp_path / "scan.nii", scan_data((150, 16, 16))))
    path = write(tmp_path / "scan.nii", scan_data((151, 16, 16)))
    refused(path, "covers 604 mm along axis 1")


# ------------------------------------------------------------------ masks


def mask_file(path, values, affine=COARSE, **options):
    return write(path, np.asarray(values), affine, **options)


@pytest.mark.parametrize("value", [1, 255, 0.3])
def test_mask_of_0_and_another_value(tmp_path, value):
    mask = ball(SHAPE, COARSE, centre=(40, 44, 48), radius=20)
    found, affine = load_mask(mask_file(tmp_path / "mask.nii.gz", mask * value))
    assert found.dtype == bool
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(affine, COARSE)


def test_empty_mask_is_ordinary(tmp_path):
    found, _ = load_mask(mask_file(tmp_path / "mask.nii", np.zeros(SHAPE)))
    assert not found.any()


def test_small_masks_are_ordinary(tmp_path):
    """A mask alone may be of a small box; only scans must be as large as a head."""
    found, _ = load_mask(mask_file(tmp_path / "mask.nii", np.eye(3)[..., None]))
    assert found.sum() == 3


def test_mask_with_scale_factors(tmp_path):
    values = np.zeros(SHAPE, np.uint8)
    values[3:6] = 255
    path = mask_file(tmp_path / "mask.nii", values, dtype=np.uint8, scale=(1 / 255, 0.0))
    assert load_mask(path)[0].sum() == 3 * 22 * 24


def test_mask_with_an_intercept_has_no_0(tmp_path):
    values = np.zeros(SHAPE, np.uint8)
    values[3:6] = 255
    path = mask_file(tmp_path / "mask.nii", values, dtype=np.uint8, scale=(1.0, 2.0))
    with pytest.raises(MaskError, match=r"no voxel of 0 \(its values are 2, 257\)"):
        load_mask(path)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0, 1, 2], r"2 labels \(1, 2\), but a mask has one. Say which label is lesion"),
        ([0, *range(3, 11)], r"8 labels \(3, 4, 5, 6, 7, 8, \.\.\.\), but a mask has one"),
        ([0.1, 0.5, 0.9], r"3 values from 0.1 to 0.9, as a probability map has"),
        ([-1, 0], "the negative value -1, but a mask has 0 and one other value above it"),
        ([1, 2], r"no voxel of 0 \(its values are 1, 2\)"),
        ([1], r"no voxel of 0 \(its values are 1\)"),
        ([0, np.nan], "not finite, but a mask has 0 and one other value"),
        ([0, 1, np.nan], "not finite"),
        ([0, np.inf], "not finite"),
    ],
)
def test_not_binary(tmp_path, values, text):
    data = np.resize(values, SHAPE)
    with pytest.raises(MaskError, match=text):
        load_mask(mask_file(tmp_path / "mask.nii", data))


@pytest.mark.parametrize("gap", [0, 1])
def test_lesions_numbered_1_to_n_are_a_mask_where_they_do_not_touch(tmp_path, gap):
    data = np.zeros(SHAPE, np.int16)
    data[4:6, 5:8, 5:8] = 1
    data[6 + gap : 9, 8:10, 8:10] = 2  # without a gap they meet at an edge
    path = mask_file(tmp_path / "lesions.nii.gz", data)
    if gap:
        np.testing.assert_array_equal(load_mask(path)[0], data > 0)
    else:
        with pytest.raises(MaskError, match=r"2 labels \(1, 2\)"):
            load_mask(path)
    np.testing.assert_array_equal(load_mask(path, label="all")[0], data > 0)


def test_labels_that_are_none(tmp_path):
    path = mask_file(tmp_path / "labels.nii.gz", np.resize([0, 1, 2], SHAPE))
    with pytest.raises(MaskError, match="label is 'lesion', but a whole number"):
        load_mask(path, label="lesion")
    path = mask_file(tmp_path / "map.nii.gz", np.resize([0, 0.5, 0.7], SHAPE))
    with pytest.raises(MaskError, match="values that are not whole numbers, but a label map"):
        load_mask(path, label=1)


def test_labels_of_a_label_map(tmp_path):
    data = np.resize([0, 25, 57, 99], SHAPE)
    path = mask_file(tmp_path / "labels.nii.gz", data)
    for label, values in ((99, (99,)), ((25, 57), (25, 57)), (ANY_LABEL, (25, 57, 99)), (3, ())):
        np.testing.assert_array_equal(load_mask(path, label=label)[0], np.isin(data, values))


def test_mgz_label_map(tmp_path):
    data = np.resize([0, 2, 99], SHAPE).astype(np.int32)
    path = tmp_path / "seg.mgz"
    affine = reoriented(data, COARSE, "LIA")[1]
    nib.save(nib.MGHImage(reoriented(data, COARSE, "LIA")[0], affine), path)
    mask, found = load_mask(path, label=99)
    np.testing.assert_array_equal(mask, data == 99)
    np.testing.assert_allclose(found, COARSE, atol=1e-4)


@pytest.mark.parametrize("codes", CODES)
def test_mask_in_another_order_of_axes_fits(tmp_path, codes):
    shape, affine = named_grid("oblique", size_mm=64.0)
    scan = load_scan(write(tmp_path / "scan.nii", scan_data(shape), affine))
    values = ball(shape, affine, radius=9).astype(np.uint8)
    path = mask_file(tmp_path / "mask.nii", *reoriented(values, affine, codes))
    mask, _ = load_mask(path, like=scan)
    np.testing.assert_array_equal(mask, values)


def test_mask_of_another_grid(tmp_path):
    scan = load_scan(write(tmp_path / "scan.nii"))
    path = mask_file(tmp_path / "mask.nii", np.zeros((20, 22, 23)))
    with pytest.raises(GeometryError, match=r"mask.nii has 20 x 22 x 23 voxels, but .*scan.nii"):
        load_mask(path, like=scan)
    moved = COARSE.copy()
    moved[1, 3] = 2.0
    path = mask_file(tmp_path / "mask.nii", np.zeros(SHAPE), moved)
    with pytest.raises(GeometryError, match=r"mask.nii is placed up to 2 mm away from .*scan.nii"):
        load_mask(path, like=scan)


def test_masks_may_round_where_our_own_maps_may_not(tmp_path):
    scan = load_scan(write(tmp_path / "scan.nii"))
    moved = COARSE.copy()
    moved[0, 3] += 0.0017
    path = mask_file(tmp_path / "mask.nii", np.zeros(SHAPE), moved)
    assert load_mask(path, like=scan)[0].shape == SHAPE
    with pytest.raises(
        GeometryError,
        match=r"mask.nii is not on the grid of .*scan.nii, but the maps of a visit are. Run the ",
    ):
        load_map(path, like=scan)


def test_mask_that_is_none(tmp_path):
    with pytest.raises(ImageError, match="is not a file"):
        load_mask(tmp_path / "mask.nii")


# ------------------------------------------------------------------ writing


@pytest.fixture
def scan(tmp_path):
    stored, affine = reoriented(scan_data(SHAPE), COARSE, "PIR")
    return load_scan(write(tmp_path / "scan.nii.gz", stored[..., None], affine))


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [(1, np.uint8), (255, np.uint8), (256, np.uint16), (65535, np.uint16), (65536, np.uint32)],
)
def test_integers_keep_their_numbers(tmp_path, scan, largest, dtype):
    array = np.zeros(scan.data.shape, np.int32)
    array[3, 4, 5] = largest
    write_on_grid(array, tmp_path / "out.nii.gz", scan=scan)
    image = nib.load(tmp_path / "out.nii.gz")
    assert image.get_data_dtype() == dtype
    assert np.asarray(image.dataobj).max() == largest


def test_written_on_the_grid_of_the_file(tmp_path, scan):
    array = ball(SHAPE, COARSE, centre=(40, 44, 40), radius=17)
    write_on_grid(array, tmp_path / "new" / "out.nii.gz", scan=scan)
    image, source = nib.load(tmp_path / "new/out.nii.gz"), nib.load(scan.path)
    assert image.shape == source.shape[:3]
    np.testing.assert_allclose(image.affine, source.affine, atol=1e-5)
    np.testing.assert_allclose(image.get_qform(), image.get_sform(), atol=1e-4)
    assert image.header.get_xyzt_units()[0] == "mm"
    found, _ = load_mask(tmp_path / "new/out.nii.gz", like=scan)
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("name", SPACINGS)
def test_round_trip_of_floats_on_every_grid(tmp_path, name):
    shape, affine = named_grid(name, size_mm=62.0)
    stored, turned = reoriented(scan_data(shape), affine, "LPS")
    scan = load_scan(write(tmp_path / "scan.nii", stored, turned))
    write_on_grid(scan.data / 2, tmp_path / "half.nii.gz", scan=scan)
    half = load_scan(tmp_path / "half.nii.gz")
    np.testing.assert_array_equal(half.data, scan.data / 2)
    np.testing.assert_allclose(half.affine, scan.affine, atol=1e-5)
    assert half.warnings == ()


def test_the_same_bytes_every_time(tmp_path, scan):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_on_grid(scan.data > 5, tmp_path / name, scan=scan)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    gzip.decompress((tmp_path / "a.nii.gz").read_bytes())


def test_array_of_another_grid(scan):
    with pytest.raises(GeometryError, match=r"array has 20x22x23 voxels, but .* has 20x22x24"):
        as_stored(np.zeros((20, 22, 23)), scan)


def test_disk_full(tmp_path, monkeypatch, scan):
    old = b"the file of the last run"
    (tmp_path / "out.nii.gz").write_bytes(old)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"out.nii.gz cannot be written \(No space left on"):
        write_on_grid(scan.data, tmp_path / "out.nii.gz", scan=scan)
    assert (tmp_path / "out.nii.gz").read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.nii.gz", "scan.nii.gz"]


def test_interrupted_while_writing(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bytes(b"some", tmp_path / "out.bin")
    assert list(tmp_path.iterdir()) == []


def test_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot be written .*Free space or choose another"):
        write_bytes(b"some", tmp_path / "out" / "file.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match="folder cannot be written"):
        write_bytes(b"some", tmp_path / "folder")


def test_files_are_never_touched(tmp_path):
    path = write(tmp_path / "scan.nii.gz", np.where(scan_data(SHAPE) > 5, np.nan, 1))
    mask = mask_file(tmp_path / "mask.nii.gz", np.resize([0, 1], SHAPE))
    before = [(p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest()) for p in (path, mask)]
    scan = load_scan(path)
    load_mask(mask, like=scan)
    write_on_grid(scan.data, tmp_path / "out.nii.gz", scan=scan)
    after = [(p.stat().st_mtime_ns, hashlib.sha256(p.read_bytes()).digest()) for p in (path, mask)]
    assert after == before


def test_scan_says_its_spacing():
    affine = np.diag([0.5, 0.5, 5.0, 1.0])
    assert Scan(np.zeros((2, 2, 2)), affine, Path("x.nii")).spacing_mm == (0.5, 0.5, 5.0)
