"""The size of the head by its skull: found, corrected, and left alone where it is not precise."""

from dataclasses import replace

import numpy as np
import pytest
from nibabel.affines import from_matvec
from scipy import ndimage as ndi

from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment import common_frame
from mslesion.longitudinal.alignment.common_frame import Frame, HeadScale
from mslesion.longitudinal.alignment.head_scale import find_head_scale, scale_by_skull
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.schema import structures as s

SHAPE, SIDE = (56, 56, 56), 2.0
MIDDLE = SIDE * (np.array(SHAPE) - 1) / 2
FRAME = Frame(Grid((72, 72, 72), from_matvec(np.eye(3), MIDDLE - 35.5)), np.eye(4), np.eye(4), 0, 1)
SKULL_TO_MM = 44


def head(percent=(0, 0, 0), *, brain_mm=30.0, seed=0, gain=1.0, **facts):
    """A brain in a skull and scalp of uneven thickness; the header says larger voxels."""
    grid = SIDE * np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"))
    offset = grid - MIDDLE.reshape(3, 1, 1, 1)
    radius = np.sqrt((offset**2).sum(axis=0))
    bumps = np.sin(offset[0] / 9) + np.sin(offset[1] / 7 + 1) + np.sin(offset[2] / 8 + 2)
    data = np.where(radius <= 35, 0.3, 0.05)  # CSF, bone and air
    data[radius <= brain_mm] = 1.0
    data[(radius > 39 + bumps) & (radius <= SKULL_TO_MM + bumps)] = 1.5
    data = gain * ndi.gaussian_filter(data, 0.7)
    data += 0.02 * np.random.default_rng(seed).standard_normal(SHAPE)
    anatomy = np.where(radius <= 35, s.EXTRA_AXIAL_CSF, 0)
    anatomy[radius <= brain_mm] = s.WHITE_MATTER
    scale = np.diag(1 + np.array(percent) / 100)
    affine = from_matvec(SIDE * scale, MIDDLE - scale @ MIDDLE)
    return VisitMaps(
        scans={"T1w": PlacedScan(np.maximum(data, 0.01).astype(np.float32), affine)},
        anatomy=anatomy, anatomy_affine=affine, **({"sees_skull": True} | facts),
    )  # fmt: skip


@pytest.mark.parametrize("percent", [(0, 0, 0), (1, 0, 0), (0, 0, -2), (0.5, 0.5, 0.5)])
def test_scale_of_a_stretched_head(percent):
    """To a twentieth of a percent of volume, whatever the gain, and though the brain shrank."""
    found = find_head_scale(FRAME, head(), head(percent, brain_mm=29.8, seed=1, gain=1.3), "T1w")
    true = np.log1p(np.array(percent) / 100)
    assert 100 * np.diag(found.log_stretch) == pytest.approx(100 * true, abs=0.05)
    assert found.volume_pct == pytest.approx(100 * true.sum(), abs=0.05)
    assert found.is_precise


def test_frame_holds_half_of_the_scale_each():
    frame = scale_by_skull(FRAME, head(), head((0, 1, 0), seed=1), "T1w")
    # Points of the frame are pulled from a smaller and from a larger head
    sizes = [np.diag(to)[:3] for to in (frame.to_first, frame.to_second)]
    assert sizes[0] == pytest.approx([1, 1 / np.sqrt(1.01), 1], abs=5e-4)
    assert sizes[1] == pytest.approx([1, np.sqrt(1.01), 1], abs=5e-4)
    # The middle of the frame stays where it is
    middle = np.append(MIDDLE, 1)
    np.testing.assert_allclose(frame.to_first @ middle, middle, atol=1e-9)
    assert frame.head_scale.largest_axis_pct == pytest.approx(1, abs=0.05)


def test_swapped_visits_have_the_opposite_scale_bit_for_bit():
    first, second = head(), head((1, 0, 0), seed=1)
    there = scale_by_skull(FRAME, first, second, "T1w")
    back = scale_by_skull(FRAME, second, first, "T1w")
    np.testing.assert_array_equal(there.to_first, back.to_second)
    np.testing.assert_array_equal(there.to_second, back.to_first)
    assert there.head_scale.volume_pct == -back.head_scale.volume_pct
    assert there.head_scale.error_points == back.head_scale.error_points


@pytest.mark.parametrize("sees_skull", [False, None])
def test_no_skull_no_scale(sees_skull):
    assert scale_by_skull(FRAME, head(), head(sees_skull=sees_skull), "T1w") is FRAME


def test_view_that_cuts_the_head_off():
    """Too little of the shell is in view above the middle."""
    whole = head()
    scan = whole.scans["T1w"]
    cut = replace(scan, data=scan.data[:, :, :34])
    assert find_head_scale(FRAME, whole, replace(head(), scans={"T1w": cut}), "T1w") is None


def test_scans_without_any_edge():
    flat = PlacedScan(np.ones(SHAPE, np.float32), head().scans["T1w"].affine)
    blank = replace(head(), scans={"T1w": flat})
    assert find_head_scale(FRAME, blank, blank, "T1w") is None


def test_visit_without_anatomy():
    empty = replace(head(), anatomy=np.zeros(SHAPE, np.uint8))
    assert find_head_scale(FRAME, empty, empty, "T1w") is None


def test_imprecise_scale_is_not_corrected(monkeypatch):
    monkeypatch.setattr(common_frame, "MAX_SCALE_ERROR_POINTS", 0.0)
    frame = scale_by_skull(FRAME, head(), head((0, 1, 0), seed=1), "T1w")
    np.testing.assert_array_equal(frame.to_second, np.eye(4))
    assert frame.head_scale.volume_pct == pytest.approx(1, abs=0.05)


def test_noise_instead_of_a_skull_is_imprecise():
    """Noise pulls to no scale, and its halves agree on that: the skulls are not alike."""
    visits = []
    for seed in (0, 1):
        one = head(seed=seed)
        scan = one.scans["T1w"]
        noise = np.random.default_rng(seed).random(SHAPE).astype(np.float32)
        visits.append(replace(one, scans={"T1w": replace(scan, data=noise)}))
    assert not find_head_scale(FRAME, *visits, "T1w").is_precise


@pytest.mark.parametrize(
    ("error", "correlation", "voxel", "is_precise"),
    [
        (0.5, 0.9, 2.1, True),
        (0.501, 0.9, 2.1, False),
        (0.5, 0.899, 2.1, False),
        (0.5, 0.9, 2.101, False),
    ],
)
def test_thresholds_of_precision_are_inclusive(error, correlation, voxel, is_precise):
    assert HeadScale(np.zeros((3, 3)), error, correlation, voxel).is_precise is is_precise


def test_scale_in_percent():
    """exp(0.02) by 1, as a share of their mean: 2 tanh(0.01)."""
    found = HeadScale(np.diag([0.02, -0.03, 0.03]), 0.1, 1.0, 1.0)
    assert found.volume_pct == pytest.approx(200 * np.tanh(0.01))
    assert found.largest_axis_pct == pytest.approx(200 * np.tanh(0.015))
