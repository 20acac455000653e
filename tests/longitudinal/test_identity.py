"""Another person, a mirror image and one image twice, on heads with sulci of their own."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from pair_phantoms import still_frame
from scipy import ndimage as ndi

from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment import placing
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.longitudinal.identity import (
    detail_correlation,
    measure_identity,
    mirrored,
    reduced,
    tissue_agreement,
)
from mslesion.longitudinal.pair import compare_maps
from mslesion.longitudinal.quality import worst_values
from mslesion.longitudinal.rows import change_row
from mslesion.longitudinal.same_image import same_image_correlation
from mslesion.schema import structures as s

SIDE, VOXEL_MM = 48, 2.0
AFFINE = np.diag([VOXEL_MM] * 3 + [1.0])
GRID = Grid((SIDE,) * 3, AFFINE)
LEVELS = {s.EXTRA_AXIAL_CSF: 0.3, s.CORTEX: 0.7, s.WHITE_MATTER: 1.0, s.LATERAL_VENTRICLES: 0.3}


def place():
    """Position of each voxel by the middle, in mm."""
    line = (np.arange(SIDE) - (SIDE - 1) / 2) * VOXEL_MM
    return np.stack(np.meshgrid(line, line, line, indexing="ij"))


def head(person, *, noise=0.02, day=1, gamma=1.0):
    """Brain with folds that are the person's own, and ventricles that all have."""
    x, y, z = place()
    radius = np.sqrt((x / 1.0) ** 2 + (y / 1.2) ** 2 + z**2)
    folds = ndi.gaussian_filter(np.random.default_rng(person).standard_normal(x.shape), 2.2)
    folds /= folds.std()
    anatomy = np.where(radius <= 34, s.WHITE_MATTER, 0)
    rim = (radius <= 34) & (radius > 16)
    anatomy[rim & (folds > 0.2)] = s.CORTEX
    anatomy[rim & (folds > 1.2)] = s.EXTRA_AXIAL_CSF
    anatomy[np.sqrt((np.abs(x) - 7) ** 2 + y**2 / 3 + z**2) < 6] = s.LATERAL_VENTRICLES
    levels = np.zeros(15)
    levels[list(LEVELS)] = list(LEVELS.values())
    data = ndi.gaussian_filter(levels[anatomy], 0.5) ** gamma
    data += noise * np.random.default_rng([person, day]).standard_normal(data.shape)
    return VisitMaps(
        scans={"T1w": PlacedScan(np.where(anatomy > 0, np.maximum(data, 0.01), 0), AFFINE)},
        anatomy=anatomy.astype(np.uint8),
        anatomy_affine=AFFINE,
        session=str(day),
        day=date(2020, day, 1),
    )


def frame():
    return replace(still_frame(), grid=GRID)


def stored_mirrored(visit):
    scan = visit.scans["T1w"]
    flipped = replace(scan, data=scan.data[::-1])
    return replace(visit, scans={"T1w": flipped}, anatomy=visit.anatomy[::-1])


@pytest.fixture
def no_registration(monkeypatch):
    monkeypatch.setattr(placing, "find_frame", lambda *args, **kwargs: frame())


# ---- one head or two


def test_one_head_on_two_days():
    found = measure_identity(head(1), head(1, day=3, noise=0.06, gamma=1.5), "T1w", frame=frame())
    assert found.score > 0.8
    assert found.mirror_gain < -0.3


def test_two_heads():
    found = measure_identity(head(1), head(2, day=3), "T1w", frame=frame())
    assert found.score < 0.5
    assert abs(found.mirror_gain) < 0.1


def test_mirror_image():
    found = measure_identity(head(1), stored_mirrored(head(1, day=3)), "T1w", frame=frame())
    assert found.score < 0.5
    assert found.mirror_gain > 0.3


def test_too_little_in_common():
    """20 ml are 2500 of these voxels."""
    one = head(1)
    cut = replace(one, anatomy=np.where(np.arange(SIDE)[:, None, None] < 8, one.anatomy, 0))
    found = measure_identity(one, cut, "T1w", frame=frame())
    assert found.score is None
    assert found.mirror_gain is None


def test_scan_on_axes_of_its_own_is_mirrored_in_those_of_the_reference():
    """Twice is once more the same; once is x to the other side of the middle, 47 mm."""
    shift = np.eye(4)
    shift[:3, 3] = 5, -3, 2
    visit = head(1)
    scan = replace(visit.scans["T1w"], affine=shift @ AFFINE, from_reference=shift)
    visit = replace(visit, scans={"T1w": scan})
    turned = mirrored(visit)
    point = turned.scans["T1w"].affine @ [10, 4, 6, 1]
    in_reference = np.linalg.inv(shift) @ point
    np.testing.assert_allclose(in_reference[:3], [94 - 20, 8, 12])
    np.testing.assert_allclose(turned.anatomy_affine @ [10, 4, 6, 1], in_reference)
    np.testing.assert_allclose(mirrored(turned).scans["T1w"].affine, scan.affine)


def test_reduced_visit():
    fine = replace(head(1), scans={"T1w": PlacedScan(np.ones((8, 8, 9)), np.diag([1, 1, 3, 1]))})
    found = reduced(fine, "T1w")
    assert found.scans["T1w"].data.shape == (4, 4, 9)
    assert found.lesions is None


def test_detail_of_a_flat_scan():
    inside = np.ones((12, 12, 12), bool)
    rough = np.random.default_rng(0).standard_normal(inside.shape)
    assert detail_correlation(rough, np.ones(inside.shape), inside) is None
    assert detail_correlation(rough, 3 * rough + 5, inside) == pytest.approx(1)
    assert detail_correlation(rough, -rough, inside) == pytest.approx(-1)


def test_agreement_of_tissues():
    """7 of 8 agree, 1 / 2 x 3 / 8 + 1 / 2 x 5 / 8 = 1 / 2 by chance: 3 / 8 of 1 / 2."""
    first = np.array([s.EXTRA_AXIAL_CSF] * 4 + [s.CORTEX] * 4)
    second = np.array([s.LATERAL_VENTRICLES] * 3 + [s.CORTEX] + [s.THALAMUS] * 4)
    inside = np.ones(8, bool)
    assert tissue_agreement(first, second, inside) == pytest.approx(0.75)
    assert tissue_agreement(first, first, inside) == 1
    assert tissue_agreement(first, first, first == s.CORTEX) is None
    assert tissue_agreement(first, first, ~inside) is None


def test_worst_of_two_scans():
    found = worst_values(
        [
            {"identity_score": 0.9, "mirror_gain": -0.3, "same_image_correlation": None},
            {"identity_score": 0.4, "mirror_gain": 0.2},
        ]
    )
    assert found == {"identity_score": 0.4, "mirror_gain": 0.2}


# ---- one image twice

ROUGH = np.random.default_rng(5).uniform(50, 60, (20, 24, 24)).astype(np.float32)
SCAN = PlacedScan(ROUGH, AFFINE)


def moved(data, start=(0, 0, 0)):
    """Part of the scan, from a voxel on, whose header says where it lies."""
    affine = AFFINE.copy()
    affine[:3, 3] = AFFINE[:3, :3] @ start
    return PlacedScan(data, affine)


@pytest.mark.parametrize(
    "copy",
    [
        SCAN,
        PlacedScan(np.round(ROUGH * 20), np.eye(4)),
        PlacedScan(ROUGH**0.7, AFFINE),
        PlacedScan(ROUGH * np.linspace(0.7, 1.4, 20)[:, None, None], AFFINE),
        PlacedScan(ROUGH[::-1], AFFINE),
        PlacedScan(np.transpose(ROUGH, (1, 2, 0))[:, ::-1], np.eye(4)),
        moved(ROUGH[3:, 2:-4, 1:], (3, 2, 1)),
        moved(np.pad(ROUGH, 3), (-3, -3, -3)),
    ],
    ids=["same", "rounded", "curve", "shaded", "mirrored", "axes", "cut", "padded"],
)
def test_one_image_twice(copy):
    assert same_image_correlation(SCAN, copy) > 0.95
    assert same_image_correlation(copy, SCAN) > 0.95


def test_copy_cut_and_stored_along_other_axes():
    """Voxel i of the scan is voxel 16 - i of the copy, which lacks the first three."""
    affine = np.diag([-2.0, 2, 2, 1])
    affine[0, 3] = 2 * 19
    assert same_image_correlation(SCAN, PlacedScan(ROUGH[::-1][:17], affine)) > 0.99


def test_two_acquisitions():
    head_twice = [head(1, day=day).scans["T1w"] for day in (1, 2)]
    assert same_image_correlation(*head_twice) < 0.5


@pytest.mark.parametrize(
    "other",
    [
        PlacedScan(ROUGH[:-1], np.diag([2.0, 2, 2.1, 1])),  # another size, other voxels
        moved(ROUGH[:-1], (40, 0, 0)),  # beside the scan
        PlacedScan(ROUGH[:-1], AFFINE[:, [0, 0, 2, 3]] + np.diag([0, 1e-9, 0, 0])),  # no grid
        PlacedScan(np.full(ROUGH.shape, 7.0), AFFINE),  # flat
        moved(ROUGH[:4, :4, :4]),  # 64 voxels
    ],
    ids=["grid", "place", "axes", "flat", "small"],
)
def test_nothing_to_compare(other):
    assert same_image_correlation(SCAN, other) is None


# ---- the whole comparison


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (head(2, day=3), "agreement of the two heads in detail and tissues: 0."),
        (stored_mirrored(head(1, day=3)), "when one visit is mirrored left to right: 0."),
        (replace(head(1), day=date(2020, 3, 1)), "(1: one image twice): 1 (expected <= 0.6)"),
    ],
    ids=["stranger", "mirrored", "copy"],
)
def test_pair_is_not_compared(no_registration, other, reason):
    pair = compare_maps(head(1), other)
    assert reason in pair.brain.reason
    assert pair.brain.aligned.placed is None
    assert pair.brain.volumes is None
    row = change_row(pair)
    assert row["quality_state"] == "fail"
    assert row.get("pbvc_pct") is None
