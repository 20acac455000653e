"""How lesions look: scales and means derived by hand."""

import numpy as np
import phantoms
import pytest

from mslesion.imaging.intensity import MAD_TO_SD, TissueScale
from mslesion.measures.appearance import (
    TissueReference,
    describe_lesions,
    flair_z,
    reference_tissue,
    t1_index,
)
from mslesion.schema import structures as s

NAN = float("nan")
NO_LESION = np.zeros((20, 20, 20), bool)


def two_tissues():
    """White matter in a cube of 12, cortex in a slab; 100 and 200, white's rim at 999."""
    anatomy = np.zeros((20, 20, 20), np.uint8)
    anatomy[4:16, 4:16, 4:16] = s.WHITE_MATTER
    anatomy[:2] = s.CORTEX
    data = np.zeros(anatomy.shape, np.float32)
    data[anatomy == s.WHITE_MATTER] = 999
    data[5:15, 5:15, 5:15] = 100
    data[anatomy == s.CORTEX] = 200
    return data, anatomy


def test_white_matter_is_taken_without_its_rim():
    data, anatomy = two_tissues()
    reference = reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=NO_LESION)
    assert reference.white == TissueScale(100.0, 0.0)  # the rim would shift neither, but spread
    assert reference.grey == TissueScale(200.0, 0.0)


def test_median_and_spread_by_hand():
    # Inside the rim 10 x 10 x 10 voxels: slabs 1..10 of 100 voxels each. The median is 5.5;
    # the distances are 0.5, 1.5, 2.5, 3.5, 4.5 (200 each), their median 2.5
    data, anatomy = two_tissues()
    data[5:15, 5:15, 5:15] = np.arange(1, 11)[:, None, None]
    reference = reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=NO_LESION)
    assert reference.white.median == 5.5
    assert reference.white.spread == pytest.approx(2.5 * MAD_TO_SD)


@pytest.mark.parametrize(("gap", "seen"), [(1, 100.0), (3, 100.0), (4, 50.0)])
def test_three_millimetres_around_lesions_are_left_out(gap, seen):
    """Voxels 3 mm from a lesion (inclusive) are not normal, those 4 mm away are."""
    data, anatomy = two_tissues()
    data[5:15, 5:15, 5:15] = NAN  # not looked at
    lesions = NO_LESION.copy()
    lesions[:, :, :10] = True
    data[5:15, 5:15, 13:15] = 100  # 4 and 5 mm from the lesion
    data[5:15, 5:15, 9 + gap] = 50 if gap < 4 else data[5:15, 5:15, 9 + gap]
    if gap == 4:
        data[5:15, 5:15, 13:15] = 50
    reference = reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=lesions)
    assert reference.white.median == seen


def test_margin_is_in_millimetres_on_thick_slices():
    # Slices of 4 mm: the next slice is 4 mm away, outside the margin of 3 mm
    data, anatomy = two_tissues()
    data[5:15, 5:15, 11] = 40
    data[5:15, 5:15, 12:] = NAN
    anatomy[:, :, 13:] = 0
    lesions = NO_LESION.copy()
    lesions[:, :, :11] = True
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    assert reference_tissue(data, affine, anatomy=anatomy, lesions=lesions).white.median == 40


def test_voxels_of_zero_are_no_tissue():
    data, anatomy = two_tissues()
    data[5:12, 5:15, 5:15] = 0  # most of it was cut off when the skull was stripped
    assert reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=NO_LESION).white.median == 100


def test_thin_white_matter_is_taken_with_its_rim():
    anatomy = np.zeros((20, 20, 20), np.uint8)
    anatomy[:, :, 5] = s.WHITE_MATTER
    data = np.full(anatomy.shape, 7.0, np.float32)
    assert reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=NO_LESION).white.median == 7


def test_no_tissue_gives_nan():
    data, anatomy = two_tissues()
    reference = reference_tissue(data, np.eye(4), anatomy=anatomy * 0, lesions=NO_LESION)
    assert np.isnan([reference.white.median, reference.grey.median]).all()
    assert np.isnan(flair_z(data, reference)).all()
    assert np.isnan(t1_index(data, reference)).all()
    everywhere = reference_tissue(data, np.eye(4), anatomy=anatomy, lesions=~NO_LESION)
    assert np.isnan(everywhere.white.median)


def test_t1_index_is_one_in_white_and_zero_in_grey():
    reference = TissueReference(TissueScale(300.0, 9.0), TissueScale(180.0, 9.0))
    data = np.array([[[300.0, 180.0, 240.0, 120.0]]])
    # (240 - 180) / 120 = 0.5; (120 - 180) / 120 = -0.5
    assert t1_index(data, reference).ravel() == pytest.approx([1, 0, 0.5, -0.5])


@pytest.mark.parametrize("grey", [300.0, 301.0])
def test_t1_index_needs_white_brighter_than_grey(grey):
    reference = TissueReference(TissueScale(300.0, 9.0), TissueScale(grey, 9.0))
    assert np.isnan(t1_index(np.ones((2, 2, 2)), reference)).all()


def test_flair_z_counts_spreads_above_white_matter():
    reference = TissueReference(TissueScale(250.0, 10.0), TissueScale(300.0, 9.0))
    assert flair_z(np.array([[[250.0, 290.0, 230.0]]]), reference).ravel() == pytest.approx(
        [0, 4, -2]
    )
    flat = TissueReference(TissueScale(250.0, 0.0), TissueScale(300.0, 9.0))
    assert np.isnan(flair_z(np.ones((2, 2, 2)), flat)).all()


def test_rows_by_hand():
    labels = np.zeros((20, 3, 3), np.int32)
    labels[2:13, 1, 1] = 1  # 11 voxels
    labels[15:17, 1, 1] = 2
    values = np.zeros(labels.shape)
    values[2:13, 1, 1] = np.arange(11) / 10 - 0.5  # -0.5 ... 0.5; six at 0 or below
    affine = np.diag([1.0, 2.0, 2.0, 1.0])  # 4 mm3
    probability = np.where(labels > 0, 0.75, 0.1)
    first, second = describe_lesions(
        labels, affine, z=values * 10, index=values, probability=probability
    )
    assert first["t1_index_mean"] == pytest.approx(0)
    assert first["t1_index_p10"] == pytest.approx(-0.4)  # the second of eleven values
    assert first["t1_hypointense_volume_mm3"] == 24  # 6 voxels of 4 mm3; exactly 0 counts
    assert first["flair_z_mean"] == pytest.approx(0)
    assert first["probability_mean"] == 0.75
    assert first["soft_volume_mm3"] == 33  # 11 * 0.75 * 4
    assert second["t1_hypointense_volume_mm3"] == 8


def test_columns_of_what_is_missing_are_left_out():
    labels = np.zeros((5, 5, 5), np.int32)
    labels[2, 2, 2] = 3
    assert describe_lesions(labels, np.eye(4)) == [{"lesion_id": 3}]
    nothing = np.full(labels.shape, NAN)
    assert describe_lesions(labels, np.eye(4), z=nothing, index=nothing) == [{"lesion_id": 3}]
    assert describe_lesions(labels * 0, np.eye(4), z=nothing) == []


@pytest.mark.parametrize("name", phantoms.SPACINGS)
def test_hypointense_volume_on_every_grid(name):
    """A ball of radius 8 mm with a black core of radius 5 mm: 4/3 pi 125 = 523.6 mm3."""
    shape, affine = phantoms.named_grid(name)
    lesion = phantoms.ball(shape, affine, radius=8).astype(np.int32)
    index = np.where(phantoms.ball(shape, affine, radius=5), -0.3, 0.6).astype(np.float32)
    (row,) = describe_lesions(lesion, affine, index=index)
    assert row["t1_hypointense_volume_mm3"] == pytest.approx(
        523.6, rel=0.2 if "thick" in name else 0.06
    )
    # The core is (5 / 8)^3 = 0.244 of the ball: 0.6 - 0.9 * 0.244 = 0.380
    assert row["t1_index_mean"] == pytest.approx(0.380, abs=0.06 if "thick" in name else 0.02)
