"""The anatomy map: islands, other grids, and whether there is a skull."""

import numpy as np
import pytest

from mslesion.errors import StepError
from mslesion.imaging.resampling import Grid
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.maps import brain_mask, clean_anatomy, sees_skull, to_scan_grid


def a_brain():
    """A cube of white matter with ventricles of 1000 voxels, and fluid around."""
    labels = np.zeros((60, 60, 60), np.uint8)
    labels[8:52, 8:52, 8:52] = s.EXTRA_AXIAL_CSF
    labels[11:49, 11:49, 11:49] = s.WHITE_MATTER
    labels[25:35, 25:35, 25:35] = s.LATERAL_VENTRICLES
    return labels


def test_what_does_not_hang_together_with_the_brain_is_dropped():
    labels = a_brain()
    labels[54:58, 54:58, 54:58] = s.CORTEX
    assert not clean_anatomy(labels)[54:58, 54:58, 54:58].any()


@pytest.mark.parametrize(
    ("voxels", "becomes"),
    [(99, s.EXTRA_AXIAL_CSF), (100, s.LATERAL_VENTRICLES)],
    ids=["under a tenth of the largest piece", "exactly a tenth"],
)
def test_islands_of_ventricle(voxels, becomes):
    labels = a_brain()
    labels[12:17, 12:17, 12:16] = s.LATERAL_VENTRICLES  # 100 voxels, far from the ventricles
    if voxels < 100:
        labels[12, 12, 12] = s.WHITE_MATTER
    assert clean_anatomy(labels)[14, 14, 14] == becomes


def test_plexus_holds_the_ventricles_together():
    labels = a_brain()
    labels[25:35, 25:35, 26] = s.CHOROID_PLEXUS  # one layer of ventricle below it
    cleaned = clean_anatomy(labels)
    assert (cleaned == s.CHOROID_PLEXUS).sum() == 100
    assert (cleaned == s.LATERAL_VENTRICLES).sum() == 900


def test_holes_are_filled_with_fluid():
    labels = a_brain()
    labels[20, 20, 20] = 0
    assert clean_anatomy(labels)[20, 20, 20] == s.EXTRA_AXIAL_CSF


def test_an_empty_map_is_an_error():
    with pytest.raises(StepError, match="shows no brain structure, but a brain is expected"):
        clean_anatomy(np.zeros((5, 5, 5), np.uint8))


def test_the_same_grid_gives_the_same_map():
    labels = a_brain()
    assert to_scan_grid(labels, np.eye(4), to=Grid(labels.shape, np.eye(4))) is labels


@pytest.mark.parametrize(
    ("spacing", "error"), [((0.5, 0.5, 3.0), 0.02), ((2.0, 2.0, 2.0), 0.04)], ids=["thick", "2 mm"]
)
def test_volumes_stay_on_another_grid(spacing, error):
    distance = np.linalg.norm(np.indices((60, 60, 60)) - 29.7, axis=0)
    balls = ((24, s.WHITE_MATTER), (13, s.LATERAL_VENTRICLES))
    labels = np.zeros((60, 60, 60), np.uint8)
    for radius, structure in balls:
        labels[distance <= radius] = structure
    shape = tuple(int(60 / size) for size in spacing)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (np.array(spacing) - 1) / 2  # same corner of the view
    moved = to_scan_grid(labels, np.eye(4), to=Grid(shape, affine))
    for _, structure in balls:
        before, after = (labels == structure).sum(), (moved == structure).sum() * np.prod(spacing)
        assert after == pytest.approx(before, rel=error)


def test_outside_the_map_is_background():
    affine = np.eye(4)
    affine[0, 3] = 200  # 200 mm to the right of the map
    assert not to_scan_grid(a_brain(), np.eye(4), to=Grid((10, 10, 10), affine)).any()


@pytest.mark.parametrize(("width", "filled"), [(8, True), (10, False)])
def test_the_brain_mask_runs_over_sulci(width, filled):
    labels = a_brain()
    # A furrow from the surface, open to the CSF: closed by a ball of 4 mm up to 8 mm wide
    labels[30 : 30 + width, 11:20, 11:49] = s.EXTRA_AXIAL_CSF
    mask = brain_mask(labels, np.eye(4))
    assert mask[25:30, 25:30, 25:30].all()  # ventricles are inside
    assert not mask[9].any()  # the CSF around the brain is not
    assert mask[30 + width // 2, 18, 30] == filled


def test_a_brain_at_the_border_of_the_view_keeps_its_mask():
    labels = np.full((20, 20, 20), s.WHITE_MATTER, np.uint8)
    assert brain_mask(labels, np.diag([1, 1, 3, 1])).all()


def test_no_brain_has_an_empty_mask():
    assert not brain_mask(np.ones((4, 4, 4), np.uint8), np.eye(4)).any()


def test_scalp_tells_of_a_skull():
    labels = a_brain()
    stripped = np.where(labels > 0, 0.8, 0.0)
    whole = stripped.copy()
    whole[:, :, 58:] = 0.7  # 60 * 60 * 2 voxels, 7 or more from the brain, of 44**3: 0.085
    assert not sees_skull(stripped, labels)
    assert sees_skull(whole, labels)
    whole[:4, :, 58:] = 0  # 56 * 60 * 2 of 44**3 is 0.079, under 0.08
    assert not sees_skull(whole, labels)
