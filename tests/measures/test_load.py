"""Lesion load, summed by hand from a small lesion table."""

import numpy as np
import phantoms
import pytest
from lesion_columns import LESION_BIOMARKERS

from mslesion.imaging.shape import measure_shapes
from mslesion.measures.load import SIZE_BINS_MM, measure_load
from mslesion.schema import LESIONS
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.segmentation.lesions.instances import find_lesions

NO_LESION = find_lesions(np.zeros((8, 8, 8), bool), np.eye(4))
ENHANCEMENT = {"enhancing_candidate_count", "enhancing_candidate_volume_ml"}


def lesion(voxels, location="deep_white", d_eq=6.0, **more):
    """A row of the lesion table on 1 mm voxels."""
    row = {"voxel_count": voxels, "volume_mm3": float(voxels), "equivalent_diameter_mm": d_eq}
    return row | {"location": location} | more


THREE = [
    lesion(
        100, "periventricular", flair_z_mean=4.0, t1_index_mean=0.2, t1_hypointense_volume_mm3=60.0
    ),
    lesion(
        300, "juxtacortical", flair_z_mean=5.0, t1_index_mean=0.4, t1_hypointense_volume_mm3=90.0
    ),
    lesion(
        200, "periventricular", flair_z_mean=6.0, t1_index_mean=0.9, t1_hypointense_volume_mm3=0.0
    ),
]


def load_of(rows, lesion_map=NO_LESION, volumes=None, white_ml=0.0, has_t1_index=True):
    return measure_load(
        rows,
        lesion_map,
        volumes=volumes or {},
        white_lesion_ml=white_ml,
        has_t1_index=has_t1_index,
    )


def test_sums_and_ratios_by_hand():
    volumes = {"head_scaling_ratio": 1.25, "tiv_ml": 1200.0, "white_matter_ml": 400.0}
    row = load_of(THREE, volumes=volumes, white_ml=0.5)
    assert row["lesion_volume_ml"] == pytest.approx(0.6)  # 100 + 300 + 200 mm3
    assert row["lesion_volume_normalised_ml"] == pytest.approx(0.75)  # 0.6 * 1.25
    assert row["lesion_volume_tiv_pct"] == pytest.approx(0.05)  # 100 * 0.6 / 1200
    assert row["lesion_burden_white_matter_pct"] == pytest.approx(0.125)  # 100 * 0.5 / 400
    assert row["t1_hypointense_volume_ml"] == pytest.approx(0.15)  # 60 + 90 + 0 mm3
    assert row["t1_t2_lesion_ratio"] == pytest.approx(0.25)  # 0.15 / 0.6
    # Means over voxels, not over lesions: (4 * 100 + 5 * 300 + 6 * 200) / 600
    assert row["flair_z_mean"] == pytest.approx(3100 / 600)
    assert row["t1_index_mean"] == pytest.approx((20 + 120 + 180) / 600)


def test_counts_and_volumes_by_location():
    row = load_of(THREE)
    assert (row["periventricular_count"], row["periventricular_lesion_volume_ml"]) == (
        2,
        pytest.approx(0.3),
    )
    assert (row["juxtacortical_count"], row["juxtacortical_lesion_volume_ml"]) == (
        1,
        pytest.approx(0.3),
    )
    for name in ("intracortical", "infratentorial", "deep_white", "deep_grey"):
        assert (row[f"{name}_count"], row[f"{name}_lesion_volume_ml"]) == (0, 0)
    assert sum(row[one.count_column] for one in LOCATION_CLASSES) == len(THREE)


@pytest.mark.parametrize(
    ("d_eq", "name"),
    [
        (0.1, "lesion_count_under_5mm"), (4.999, "lesion_count_under_5mm"),
        (5.0, "lesion_count_5_10mm"), (9.999, "lesion_count_5_10mm"),
        (10.0, "lesion_count_10_20mm"), (19.999, "lesion_count_10_20mm"),
        (20.0, "lesion_count_over_20mm"), (80.0, "lesion_count_over_20mm"),
    ],
)  # fmt: skip
def test_size_bins_hold_their_lower_edge(d_eq, name):
    row = load_of([lesion(10, d_eq=d_eq, t1_hypointense_volume_mm3=0.0)])
    assert {bin_: row[bin_] for bin_ in SIZE_BINS_MM} == {
        bin_: int(bin_ == name) for bin_ in SIZE_BINS_MM
    }


def test_no_lesion_is_zero_and_means_are_empty():
    row = load_of(
        [], volumes={"tiv_ml": 1200.0, "white_matter_ml": 400.0, "head_scaling_ratio": 1.0}
    )
    for name in ("lesion_volume_ml", "lesion_volume_unfiltered_ml", "lesion_volume_normalised_ml",
                 "lesion_volume_tiv_pct", "lesion_burden_white_matter_pct",
                 "t1_hypointense_volume_ml",
                 "lesion_count", "lesion_count_centers"):  # fmt: skip
        assert row[name] == 0, name
    for one in LOCATION_CLASSES:
        assert row[one.count_column] == 0
    for name in ("t1_t2_lesion_ratio", "flair_z_mean", "t1_index_mean"):
        assert row[name] is None, name


def test_without_head_size_and_t1_index_columns_are_empty():
    rows = [lesion(600, flair_z_mean=5.0)]
    row = load_of(rows, volumes={"tiv_ml": None, "white_matter_ml": None}, has_t1_index=False)
    for name in ("lesion_volume_tiv_pct", "lesion_volume_normalised_ml",
    "lesion_burden_white_matter_pct",
                 "t1_hypointense_volume_ml", "t1_t2_lesion_ratio", "t1_index_mean"):  # fmt: skip
        assert row[name] is None, name
    assert row["flair_z_mean"] == 5.0


def test_one_lesion_without_value_empties_the_mean():
    rows = [lesion(10, flair_z_mean=5.0), lesion(10, flair_z_mean=None)]
    assert load_of(rows, has_t1_index=False)["flair_z_mean"] is None


def test_unknown_location_empties_all_classes():
    row = load_of([lesion(10), lesion(10, location=None)], has_t1_index=False)
    assert all(
        row[name] is None
        for one in LOCATION_CLASSES
        for name in (one.count_column, one.volume_column)
    )
    assert row["lesion_count"] == NO_LESION.count


@pytest.mark.parametrize(("voxels", "given"), [(499, False), (500, True), (501, True)])
def test_ratio_from_half_a_millilitre_on(voxels, given):
    row = load_of([lesion(voxels, t1_hypointense_volume_mm3=voxels / 5)])
    assert row["t1_t2_lesion_ratio"] == (pytest.approx(0.2) if given else None)


def test_half_a_millilitre_on_every_grid():
    """500 voxels of 1 mm3 are half a millilitre, whatever the turn of the grid."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        _, affine = phantoms.grid(10, turn=turn)
        volume = 500 * abs(np.linalg.det(affine[:3, :3]))
        row = load_of([lesion(500, t1_hypointense_volume_mm3=0.0) | {"volume_mm3": volume}])
        assert row["t1_t2_lesion_ratio"] == 0


@pytest.mark.parametrize("name", phantoms.SPACINGS)
def test_load_of_balls_on_every_grid(name):
    """Two balls of radius 6 mm: 2 * 4/3 pi 216 = 1810 mm3, by what slices allow."""
    shape, affine = phantoms.named_grid(name, 60)
    mask = np.zeros(shape, bool)
    for offset in (-12, 12):
        mask |= phantoms.ball(
            shape, affine, centre=phantoms.CENTRE_MM + np.array([offset, 0, 0]), radius=6
        )
    lesions = find_lesions(mask, affine)
    rows = [row | {"location": "deep_white"} for row in measure_shapes(lesions.labels, affine)]
    row = load_of(rows, lesions, has_t1_index=False)
    assert row["lesion_volume_ml"] == pytest.approx(1.8096, rel=0.12 if "thick" in name else 0.03)
    assert row["lesion_count"] == row["deep_white_count"] == row["lesion_count_10_20mm"] == 2
    assert row["lesion_count_centers"] == (None if "thick" in name else 2)


def test_unfiltered_volume_holds_what_was_too_small():
    mask = np.zeros((20, 20, 20), bool)
    mask[2:6, 2:6, 2:6] = True  # 64 voxels
    mask[15, 15, 15] = True  # one voxel: shorter than 3 mm
    lesions = find_lesions(mask, np.eye(4))
    rows = [row | {"location": "deep_white"} for row in measure_shapes(lesions.labels, np.eye(4))]
    row = load_of(rows, lesions, has_t1_index=False)
    assert row["lesion_volume_ml"] == pytest.approx(0.064)
    assert row["lesion_volume_unfiltered_ml"] == pytest.approx(0.065)


def test_every_name_is_a_column():
    assert set(load_of(THREE)) == set(LESION_BIOMARKERS) - ENHANCEMENT
    assert set(THREE[0]) <= set(LESIONS.names)
