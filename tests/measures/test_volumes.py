"""Brain volumes and the third ventricle's width on blocks and ellipsoids."""

import numpy as np
import phantoms
import pytest

from mslesion.measures.volumes import (
    MNI152_INTRACRANIAL_ML,
    PARTS_ML,
    brain_parenchymal_fraction,
    measure_volumes,
    third_ventricle_width_mm,
)
from mslesion.schema import VISITS
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

MIDDLE = Midplane(np.array([1.0, 0.0, 0.0]), 0.0)


def volumes(labels, affine=None, *, midplane=MIDDLE, sees_skull=True):
    affine = np.eye(4) if affine is None else affine
    return measure_volumes(labels, affine, midplane=midplane, sees_skull=sees_skull)


def bars():
    """Structure n in n * 10 voxels."""
    labels = np.zeros((15, 10, 15), np.uint8)
    for part in s.STRUCTURES:
        labels[part.number, :, : part.number] = part.number
    return labels


def test_which_structures_each_volume_is_made_of():
    # On voxels of 2 x 2.5 x 20 = 100 mm3 structure n has n * 10 * 0.1 = n ml
    row = volumes(bars(), np.diag([2.0, 2.5, 20.0, 1.0]))
    assert row["cortical_grey_matter_ml"] == pytest.approx(2)
    assert row["deep_grey_matter_ml"] == pytest.approx(8 + 9)
    assert row["grey_matter_ml"] == pytest.approx(2 + 8 + 9 + 10 + 13)
    assert row["white_matter_ml"] == pytest.approx(3 + 11 + 12 + 14)
    assert row["brain_ml"] == pytest.approx(42 + 40)
    assert row["lateral_ventricles_ml"] == pytest.approx(4 + 5)
    assert row["third_ventricle_ml"] == pytest.approx(6)
    assert row["fourth_ventricle_ml"] == pytest.approx(7)
    assert row["choroid_plexus_ml"] == pytest.approx(5)
    assert row["thalamus_ml"] == pytest.approx(8)
    assert row["basal_ganglia_ml"] == pytest.approx(9)
    assert row["hippocampus_amygdala_ml"] == pytest.approx(10)
    assert row["cerebellum_ml"] == pytest.approx(13 + 14)
    assert row["brainstem_ml"] == pytest.approx(12)
    assert row["csf_ml"] == pytest.approx(1 + 4 + 5 + 6 + 7)
    assert row["tiv_ml"] == pytest.approx(sum(range(1, 15)))  # 105: brain 82 and fluid 23
    assert row["head_scaling_ratio"] == pytest.approx(MNI152_INTRACRANIAL_ML / 105)


def test_without_the_skull_nothing_depends_on_the_csf_around():
    row = volumes(bars(), sees_skull=False)
    assert row["tiv_ml"] is row["csf_ml"] is row["head_scaling_ratio"] is None
    assert row["brain_ml"] == volumes(bars())["brain_ml"]


def test_empty_map():
    row = volumes(np.zeros((9, 9, 9), np.uint8))
    assert all(row[name] is None for name in PARTS_ML)
    for name in ("bpf", "third_ventricle_width_mm", "tiv_ml", "head_scaling_ratio"):
        assert row[name] is None


def test_every_name_is_a_column():
    assert set(volumes(bars())) <= set(VISITS.names)


@pytest.mark.parametrize("name", phantoms.SPACINGS)
def test_a_head_on_every_grid(name):
    """Ellipsoids on every grid: 4/3 pi abc; the left thalamus is the right one's twin."""
    spacing = (2.0, 2.0, max(2.0, phantoms.SPACINGS[name][2]))
    turn = phantoms.TURN if "oblique" in name else None
    shape, affine = phantoms.grid(160, spacing=spacing, turn=turn)
    labels = phantoms.head_labels(shape, affine)
    midplane = Midplane(np.array([1.0, 0.0, 0.0]), float(phantoms.CENTRE_MM[0]))
    row = volumes(labels, affine, midplane=midplane)
    ball = 4 / 3 * np.pi / 1000
    assert row["tiv_ml"] == pytest.approx(ball * 62 * 78 * 60, rel=0.02)
    # Plexus inside the ventricles counts with them; both sides
    assert row["lateral_ventricles_ml"] == pytest.approx(2 * ball * 6 * 26 * 6, rel=0.06)
    assert row["thalamus_ml"] == pytest.approx(2 * ball * 7 * 10 * 8, rel=0.08)
    assert row["thalamus_left_ml"] == pytest.approx(row["thalamus_right_ml"], rel=0.06)
    assert row["thalamus_left_ml"] + row["thalamus_right_ml"] == pytest.approx(row["thalamus_ml"])
    # Half axes 3 x 14 x 9: 6 mm wide at the middle slice, within half a voxel a side
    assert row["third_ventricle_width_mm"] == pytest.approx(6, abs=2)


def test_left_and_right_thalamus():
    labels = np.zeros((20, 9, 9), np.uint8)
    labels[2:4, 4, 4] = s.THALAMUS  # x = 2, 3: left of a plane at 10
    labels[14:19, 4, 4] = s.THALAMUS
    midplane = Midplane(np.array([1.0, 0, 0]), 10.0)
    row = volumes(labels, midplane=midplane)
    assert row["thalamus_left_ml"] == pytest.approx(0.002)
    assert row["thalamus_right_ml"] == pytest.approx(0.005)


def test_fraction_of_a_ball_with_a_hole():
    """A ball of 30 mm with ventricles of 12 mm inside: 1 - (12 / 30)^3 = 0.936."""
    shape, affine = phantoms.grid(70)
    labels = np.zeros(shape, np.uint8)
    labels[phantoms.ball(shape, affine, radius=30)] = s.WHITE_MATTER
    labels[phantoms.ball(shape, affine, radius=12)] = s.LATERAL_VENTRICLES
    assert brain_parenchymal_fraction(labels, affine) == pytest.approx(0.936, abs=0.003)


@pytest.mark.parametrize(
    ("half_width", "low", "high"),
    [
        (0, 0.999, 1.0),  # no sulcus
        (5, 0.80, 0.87),  # 10 mm wide: inside the contour, 1000 of 6000 mm3 a slice
        (20, 0.97, 1.0),  # 40 mm wide: the contour follows it down
    ],
)
def test_sulci_lie_inside_the_contour(half_width, low, high):
    """A block of 100 x 60 with a gap of 50 mm depth: narrow ones count as lost brain.

    With 10 mm width the gap is 500 of 6000 mm2: 5500 / 6000 = 0.917 at most, less what the
    rounded corners of the closing leave out; the ends are open, so it is a bit more.
    """
    labels = np.zeros((100, 60, 60), np.uint8)
    labels[:] = s.CORTEX
    labels[50 - half_width : 50 + half_width, :50] = s.EXTRA_AXIAL_CSF
    fraction = brain_parenchymal_fraction(labels, np.eye(4))
    if half_width == 5:
        low, high = 5500 / 6000 - 0.002, 5500 / 6000 + 0.01
    if half_width == 20:
        # The brain that is left is 6000 - 2000; the closing rounds the two inner corners,
        # each (1 - pi / 4) * 100 = 21 mm2: 4000 / 4043 = 0.989
        low, high = 0.985, 0.995
    assert low <= fraction <= high


def test_fraction_does_not_see_the_border_of_the_view():
    labels = np.full((30, 30, 30), s.WHITE_MATTER, np.uint8)
    assert brain_parenchymal_fraction(labels, np.eye(4)) == pytest.approx(1)
    labels = np.zeros((30, 30, 30), np.uint8)
    labels[15, 15, 15] = s.WHITE_MATTER
    assert brain_parenchymal_fraction(labels, np.eye(4)) == 1


def test_fraction_of_no_brain():
    labels = np.full((9, 9, 9), s.EXTRA_AXIAL_CSF, np.uint8)
    assert brain_parenchymal_fraction(labels, np.eye(4)) is None


def test_csf_around_the_brain_does_not_matter():
    shape, affine = phantoms.grid(70)
    labels = np.where(phantoms.ball(shape, affine, radius=25), s.CORTEX, 0).astype(np.uint8)
    wet = np.where((labels == 0) & phantoms.ball(shape, affine, radius=30), 1, labels)
    assert brain_parenchymal_fraction(wet, affine) == brain_parenchymal_fraction(labels, affine)


def ventricle(*slices):
    """A third ventricle; for each slice the widths of its rows, from back to front."""
    labels = np.zeros((20, 12, 8), np.uint8)
    for k, widths in enumerate(slices, start=2):
        for j, width in enumerate(widths, start=1):
            labels[5 : 5 + width, j, k] = s.THIRD_VENTRICLE
    return labels


def test_width_is_the_median_of_the_middle_half():
    # Eight rows: the outer two on each side (8 // 4) are left out; the median of 4, 5, 6, 9
    # is 5.5 voxels
    labels = ventricle([1, 2, 4, 5, 6, 9, 12, 14])
    assert third_ventricle_width_mm(labels, np.eye(4), midplane=MIDDLE) == 5.5


def test_width_of_the_widest_slice_counts():
    labels = ventricle([3, 3, 3, 3], [5, 5, 5, 5], [2, 2, 2, 2])
    assert third_ventricle_width_mm(labels, np.eye(4), midplane=MIDDLE) == 5
    affine = np.diag([0.5, 0.5, 5.0, 1.0])
    assert third_ventricle_width_mm(labels, affine, midplane=MIDDLE) == 2.5


def test_width_of_one_voxel():
    assert third_ventricle_width_mm(ventricle([1]), np.eye(4), midplane=MIDDLE) == 1


def test_width_across_a_turned_head():
    """A row of 10 voxels crosses a head turned by 30 degrees on 10 cos 30 = 8.66 mm."""
    turned = Midplane(np.array([np.cos(np.pi / 6), np.sin(np.pi / 6), 0.0]), 0.0)
    labels = ventricle([10, 10, 10, 10])
    width = third_ventricle_width_mm(labels, np.eye(4), midplane=turned)
    assert width == pytest.approx(10 * np.cos(np.pi / 6))


def test_no_third_ventricle():
    assert third_ventricle_width_mm(ventricle(), np.eye(4), midplane=MIDDLE) is None
