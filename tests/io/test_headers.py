"""What a header must say: each warning and error just on and just past its threshold."""

import nibabel as nib
import numpy as np
import pytest
from phantoms import SPACINGS, named_grid

from mslesion.errors import ImageError
from mslesion.io.headers import (
    MAX_EXTENT_MM,
    MAX_PIXDIM_ERROR,
    MAX_SFORM_QFORM_GAP_MM,
    MAX_SHEAR_COSINE,
    MIN_EXTENT_MM,
    WARNINGS,
    check_header,
    check_size,
)

SHAPE = (16, 18, 20)


def image(affine=None, *, qform=None, codes=(1, 1), units="mm"):
    """A NIfTI image in memory."""
    affine = np.diag([4.0, 4, 4, 1]) if affine is None else np.asarray(affine, float)
    made = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), affine)
    made.set_sform(affine, code=codes[0])
    made.set_qform(affine if qform is None else qform, code=codes[1], strip_shears=True)
    made.header.set_xyzt_units(units)
    return made


def warnings_of(made):
    names = check_header(made, "scan.nii")
    assert set(names) <= set(WARNINGS)
    return names


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (nib.MGHImage(np.zeros(SHAPE, np.uint8), np.diag([4.0, 4, 4, 1])), []),
        (
            nib.Spm2AnalyzeImage(np.zeros(SHAPE, np.uint8), np.diag([4.0, 4, 4, 1])),
            ["no_orientation"],
        ),
    ],
)
def test_formats_that_give_an_orientation_and_that_do_not(made, names):
    assert warnings_of(made) == names


@pytest.mark.parametrize("name", SPACINGS)
def test_ordinary_headers(name):
    assert warnings_of(image(named_grid(name)[1])) == []


@pytest.mark.parametrize(
    ("gap_mm", "names"), [(MAX_SFORM_QFORM_GAP_MM, []), (0.51, ["sform_qform_differ"])]
)
def test_gap_of_sform_and_qform(gap_mm, names):
    moved = np.diag([4.0, 4, 4, 1])
    moved[1, 3] = gap_mm
    assert warnings_of(image(qform=moved)) == names


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 0), (0, 4)])
def test_one_form_cannot_disagree(codes):
    moved = np.diag([4.0, 4, 4, 1])
    moved[1, 3] = 30
    assert warnings_of(image(qform=moved, codes=codes)) == []


def test_no_form():
    assert warnings_of(image(codes=(0, 0))) == ["no_orientation"]


@pytest.mark.parametrize(("factor", "names"), [(1.009, []), (1.011, ["pixdim_differs"])])
def test_pixdim(factor, names):
    made = image(codes=(1, 0))
    made.header["pixdim"][1:4] = 4 * factor
    assert factor - 1 < MAX_PIXDIM_ERROR or names
    assert warnings_of(made) == names


@pytest.mark.parametrize(("cosine", "names"), [(0.019, []), (0.021, ["sheared"])])
def test_shear(cosine, names):
    """The second axis leans towards the first: the cosine between them is what is given."""
    affine = np.diag([4.0, 4, 4, 1])
    affine[:2, 1] = 4 * cosine, 4 * np.sqrt(1 - cosine**2)
    assert (cosine > MAX_SHEAR_COSINE) == bool(names)
    assert warnings_of(image(affine, codes=(1, 0))) == names


@pytest.mark.parametrize(
    ("units", "names"),
    [("mm", []), ("unknown", []), ("meter", ["odd_units"]), ("micron", ["odd_units"])],
)
def test_units(units, names):
    assert warnings_of(image(units=units)) == names


def test_units_of_time_say_nothing_of_space():
    made = image()
    made.header.set_xyzt_units("mm", "sec")
    assert warnings_of(made) == []


def test_other_formats_have_one_form_only():
    made = nib.MGHImage(np.zeros(SHAPE, np.uint8), named_grid("oblique")[1].astype(np.float32))
    assert warnings_of(made) == []


@pytest.mark.parametrize("column", [
    (0, 0, 0), (np.nan, 0, 4), (np.inf, 0, 4), (4, 0, 0), (4, 1e-7, 0),
])  # fmt: skip
def test_affines_that_place_no_voxel(column):
    """A side of 0 or of no number, and a third axis along the first."""
    made = image()
    made._affine[:3, 2] = column
    text = "scan.nii has an affine that is not invertible, but it must place every voxel"
    with np.errstate(invalid="ignore"), pytest.raises(ImageError, match=text):
        check_header(made, "scan.nii")


def test_several_warnings_at_once():
    made = image(codes=(0, 0), units="meter")
    assert warnings_of(made) == ["no_orientation", "odd_units"]


@pytest.mark.parametrize("name", SPACINGS)
def test_size_on_the_limits_of_every_grid(name):
    """60 and 600 mm are inclusive along every axis, turned or not."""
    spacing = SPACINGS[name]
    affine = named_grid(name)[1]
    for extent in (MIN_EXTENT_MM, MAX_EXTENT_MM):
        fits = [round(extent / size) for size in spacing]
        check_size(tuple(fits), affine, path="scan.nii")
        for axis in range(3):
            over = list(fits)
            over[axis] += 1 if extent == MAX_EXTENT_MM else -1
            text = rf"scan.nii covers \d+ mm along axis {axis + 1} \({over[axis]} voxels\), but 60"
            with pytest.raises(ImageError, match=text):
                check_size(tuple(over), affine, path="scan.nii")


@pytest.mark.parametrize(
    ("spacing", "good"),
    [((0.2, 1, 1), True), ((0.19, 1, 1), False), ((1, 1, 12), True), ((1, 1, 12.1), False)],
)
def test_voxel_size_on_the_limits(spacing, good):
    shape = tuple(round(240 / size) for size in spacing)
    affine = np.diag([*spacing, 1.0])
    if good:
        check_size(shape, affine, path="scan.nii")
    else:
        with pytest.raises(ImageError, match=r"has voxels of .* mm, but 0.2 to 12.0 mm are"):
            check_size(shape, affine, path="scan.nii")
