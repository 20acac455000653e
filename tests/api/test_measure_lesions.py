"""The lesions of a mask in five lines: alone, with an anatomy map, with scans."""

from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import phantoms
import pytest

import mslesion as ms
from mslesion.api.lesions import warn_of_checks
from mslesion.errors import GeometryError, MaskError
from mslesion.schema import LESIONS
from mslesion.schema.checks import FAIL, PASS, UNKNOWN, WARN
from mslesion.schema.structures import LATERAL_VENTRICLES, WHITE_MATTER

SHAPE, AFFINE = (40, 44, 36), np.eye(4)
ALONE = (
    "lesion_id", "x_mm", "y_mm", "z_mm", "voxel_count", "volume_mm3", "equivalent_diameter_mm",
    "long_axis_axial_mm", "long_axis_3d_mm", "slice_count", "surface_mm2", "sphericity_ratio",
    "elongation_ratio", "center_count", "is_confluent", "is_single_slice",
)  # fmt: skip


def cubes(*corners, side=5):
    mask = np.zeros(SHAPE, np.uint8)
    for i, j, k in corners:
        mask[i : i + side, j : j + side, k : k + side] = 1
    return mask


def test_a_mask_alone():
    mask = cubes((5, 5, 5), (20, 20, 20))
    table = ms.measure_lesions((mask, np.diag([1.0, 1.0, 2.0, 1.0])))
    assert list(table.columns) == LESIONS.names
    # 125 voxels of 2 mm³; the centre of 5..9 is 7, along the third axis 14 mm
    assert table["volume_mm3"].tolist() == [250.0, 250.0]
    assert table.loc[0, ["x_mm", "y_mm", "z_mm"]].tolist() == [7.0, 7.0, 14.0]
    told = {name for name in LESIONS.names if table[name].notna().all()}
    assert told == set(ALONE)
    assert table.drop(columns=list(ALONE)).isna().all(axis=None)


def test_every_form_gives_the_same_table(tmp_path):
    mask = cubes((5, 5, 5))
    path = phantoms.write_nifti(tmp_path / "mask.nii.gz", mask, AFFINE, dtype=np.uint8)
    tables = [
        ms.measure_lesions(image)
        for image in (path, str(path), nib.load(path), (mask, AFFINE), (mask * 255, AFFINE))
    ]
    for table in tables[1:]:
        assert table.equals(tables[0])


def test_no_lesion_is_an_empty_typed_table():
    table = ms.measure_lesions((np.zeros(SHAPE, np.uint8), AFFINE))
    assert not len(table)
    assert table.dtypes.equals(ms.measure_lesions((cubes((5, 5, 5)), AFFINE)).dtypes)


def test_the_smallest_lesion_is_a_setting():
    mask = cubes((5, 5, 5), (20, 20, 20), side=2)  # a long axis of 2.7 mm: under 3 mm
    assert not len(ms.measure_lesions((mask, AFFINE)))
    settings = ms.Settings(min_size="all")
    assert ms.measure_lesions((mask, AFFINE), settings=settings)["voxel_count"].tolist() == [8, 8]


def head():
    """White matter with a ventricle in the middle and cortex around, as FreeSurfer numbers it."""
    labels = np.zeros(SHAPE, np.int32)
    labels[2:-2, 2:-2, 2:-2] = 3
    labels[5:-5, 5:-5, 5:-5] = 2
    labels[16:24, 18:26, 14:22] = 4
    return labels


def test_location_by_an_anatomy_map():
    # At the ventricle's face (i = 24), at the cortex (i = 5), and 5 mm from either
    mask = cubes((24, 20, 16), (5, 20, 16), (30, 8, 8), side=3)
    table = ms.measure_lesions((mask, AFFINE), anatomy=(head(), AFFINE),
                               anatomy_labels="freesurfer")  # fmt: skip
    places = dict(zip(table["x_mm"], table["location"], strict=True))
    assert places[25.0] == "periventricular"
    assert places[6.0] == "juxtacortical"
    assert table["hemisphere"].notna().all()
    assert table.loc[table["x_mm"] == 25.0, "ventricle_distance_mm"].item() == 1.0
    assert table["flair_z_mean"].isna().all()
    assert not table["touches_brain_edge"].any()


def test_an_anatomy_map_on_another_grid_of_the_same_space():
    mask = cubes((24, 20, 16), side=3)
    coarse = head()[::2, ::2, ::2]
    own = (mask, AFFINE), {"anatomy_labels": {2: 3, 3: 2, 4: "lateral ventricles"}}
    fine = ms.measure_lesions(own[0], anatomy=(head(), AFFINE), **own[1])
    other = ms.measure_lesions(own[0], anatomy=(coarse, np.diag([2.0, 2, 2, 1])), **own[1])
    assert fine["location"].tolist() == other["location"].tolist() == ["periventricular"]


def test_an_anatomy_map_elsewhere():
    # The head ends before i = 38
    measure = {"anatomy": (head(), AFFINE), "anatomy_labels": "freesurfer"}
    mask = cubes((5, 20, 16), side=3)
    mask[38:40, 20:24, 16:19] = 1  # 24 voxels outside, 27 inside
    assert len(ms.measure_lesions((mask, AFFINE), **measure)) == 2
    mask[38:40, 24, 16:19] = 1  # 30 outside
    with pytest.raises(GeometryError, match="The mask has 53 % of its lesion voxels outside the"):
        ms.measure_lesions((mask, AFFINE), **measure)
    empty = np.zeros(SHAPE, np.uint8)
    assert not len(ms.measure_lesions((empty, AFFINE), **measure))


def test_more_lesion_than_a_brain_holds():
    whole = np.diag([10.0, 10.0, 10.0, 1.0])  # voxels of 1 ml
    mask = np.zeros((20, 20, 20), np.uint8)
    mask[5:15, 5:15, 5:15] = 1  # 1000 ml, on the threshold
    assert len(ms.measure_lesions((mask, whole))) == 1
    mask[4, 5, 5] = 1
    with pytest.raises(MaskError, match=r"The mask has 1001 ml of lesion, .* it is inverted"):
        ms.measure_lesions((mask, whole))


def test_a_mask_of_the_brain():
    """Ten voxels of brain and two of fluid; up to five of lesion may be."""
    anatomy = np.zeros((12, 12, 12), np.uint8)
    anatomy[:10, 2:10, 2:10] = WHITE_MATTER
    anatomy[10:12, 2:10, 2:10] = LATERAL_VENTRICLES
    mask = np.zeros(anatomy.shape, np.uint8)
    mask[:5, 2:10, 2:10] = 1
    whole = {"anatomy": (anatomy, np.eye(4)), "anatomy_labels": "mslesion"}
    assert len(ms.measure_lesions((mask, np.eye(4)), **whole)) == 1
    mask[5, 2, 2] = 1
    with pytest.raises(MaskError, match=r"The mask has a volume of 50 % of the brain .* a mask of"):
        ms.measure_lesions((mask, np.eye(4)), **whole)


def test_checks_that_did_not_pass_are_logged(caplog):
    states = [PASS, WARN, FAIL, UNKNOWN]
    checks = pd.DataFrame({
        "check": ["a", "lesion_dark_on_flair", "b", "c"], "value": [1.0, 26.9067, 51.0, np.nan],
        "state": states, "detail": ["", "Check that the mask belongs to this scan.", "Stop.", ""],
    })  # fmt: skip
    warn_of_checks(SimpleNamespace(quality=checks), "the visit")
    assert [record.getMessage() for record in caplog.records] == [
        "lesion_dark_on_flair of the visit is 26.9 (warn). "
        "Check that the mask belongs to this scan.",
        "b of the visit is 51 (fail). Stop.",
    ]


def test_a_mask_on_another_grid_than_its_scan():
    scan = phantoms.scan_data((20, 22, 24))
    with pytest.raises(GeometryError, match="The mask has 40 x 44 x 36 voxels, but the FLAIR"):
        ms.measure_lesions((cubes((5, 5, 5)), AFFINE), flair=(scan, np.diag([4.0, 4, 4, 1])))


def test_a_probability_map_is_refused():
    with pytest.raises(MaskError, match="as a probability map has"):
        ms.measure_lesions((np.resize([0, 0.2, 0.9], SHAPE), AFFINE))
