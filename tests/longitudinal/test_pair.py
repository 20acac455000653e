"""Two visits from maps to rows, without the registration (a frame that stands still)."""

from dataclasses import replace
from datetime import date

import nibabel as nib
import numpy as np
import pytest
from pair_phantoms import CENTRE, SHAPE, distance, still_frame, visit

from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment import placing
from mslesion.longitudinal.alignment.lesion_placing import place_lesions
from mslesion.longitudinal.alignment.placing import PlacedScan, labels_on_grid
from mslesion.longitudinal.brain.rates import half_width
from mslesion.longitudinal.lesions.tracks import track_lesions
from mslesion.longitudinal.pair import compare_maps
from mslesion.longitudinal.quality import (
    FOR_BRAIN,
    FOR_LESIONS,
    correlation,
    judge_pair,
    overlap,
    quality_values,
)
from mslesion.longitudinal.rows import change_row, expansion_rows, lesion_rows
from mslesion.longitudinal.trajectories import measure_trajectories
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, TRAJECTORIES, as_table, check_table
from mslesion.schema.change_errors import CHANGE_ERRORS, SAME_3D, source_of_error
from mslesion.schema.checks import PAIR_CHECKS

SIDE = np.array([13.0, 0, 0])
LEFT, RIGHT = CENTRE - SIDE, CENTRE + SIDE
DAYS = [date(2020, 1, 1), date(2022, 1, 1), date(2023, 1, 1)]


@pytest.fixture(autouse=True)
def no_registration(monkeypatch):
    monkeypatch.setattr(placing, "find_frame", still_frame)


def first_visit(**kwargs):
    return visit(lesions=[(LEFT, 4)], seed=1, session="1", day=DAYS[0], **kwargs)


def second_visit(**kwargs):
    return visit(
        6.4, 23.9, lesions=[(LEFT, 4), (RIGHT, 4)], seed=2, session="2", day=DAYS[1], **kwargs
    )


def checked(rows, table):
    frame = as_table([{"participant_id": "01"} | row for row in rows], table)
    check_table(frame, table)
    return frame


@pytest.fixture
def pair():
    return compare_maps(first_visit(scanner_id="a"), second_visit(scanner_id="a"))


def test_rows_fit_the_tables(pair):
    row = checked([change_row(pair, widths_mm=(3.0, 3.5))], CHANGES).iloc[0]
    assert (row["new_t2_count"], row["resolved_count"], row["stable_count"]) == (1, 0, 1)
    assert row["days"] == 731
    assert row["pbvc_pct"] < 0 < row["pvvc_pct"]
    assert row["pbvc_pct_per_year"] == pytest.approx(row["pbvc_pct"] / (731 / 365.25))
    assert row["pbvc_ci95_low"] < row["pbvc_pct_per_year"] < row["pbvc_ci95_high"]
    assert row["pair_kind"] == SAME_3D
    assert row["change_error_source"] == source_of_error(SAME_3D)
    assert np.isnan(row["thalamus_sd_points"])  # the phantom has no thalamus
    parts = pair.brain.volumes.parts_pct | {"thalamus": -2.0}
    volumes = replace(pair.brain.volumes, parts_pct=parts)
    other = change_row(replace(pair, brain=replace(pair.brain, volumes=volumes)))
    for name in ("pbvc", "pvvc", "thalamus"):
        error = CHANGE_ERRORS[SAME_3D][name]
        half = half_width(error) / (731 / 365.25)
        assert other[f"{name}_ci95_low"] == pytest.approx(other[f"{name}_pct_per_year"] - half)
        assert other[f"{name}_ci95_high"] == pytest.approx(other[f"{name}_pct_per_year"] + half)
        assert other[f"{name}_sd_points"] == error.sd_points
    assert row["third_ventricle_width_change_mm"] == 0.5
    assert row["detection_floor_mm"] == 3
    assert row["sel_assessed_count"] == 1
    lesions = checked(lesion_rows(pair), LESION_CHANGES)
    assert lesions["change"].tolist() == ["stable", "new"]
    assert lesions["session_from"].tolist() == ["ses-1", "ses-1"]
    assert lesions["session_to"].tolist() == ["ses-2", "ses-2"]
    new = lesions.iloc[1]
    assert [new["x_mm"], new["y_mm"], new["z_mm"]] == pytest.approx(RIGHT.tolist(), abs=0.5)
    checked(expansion_rows(pair), EXPANSIONS)


@pytest.mark.parametrize("threads", ["1", "4"])
def test_same_result_twice_for_any_number_of_threads(pair, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    again = compare_maps(first_visit(scanner_id="a"), second_visit(scanner_id="a"))
    assert change_row(again) == change_row(pair)
    assert np.array_equal(again.lesions.changes.change_map, pair.lesions.changes.change_map)
    assert np.array_equal(again.brain.volume_ratio, pair.brain.volume_ratio)


def test_swapped_visits_are_opposite():
    a, b = replace(first_visit(), day=None), replace(second_visit(), day=None)
    there, back = change_row(compare_maps(a, b)), change_row(compare_maps(b, a))
    for name in (
        "pbvc_bsi_pct", "pbvc_deformation_pct", "pbvc_pct", "pvvc_pct", "grey_matter_change_pct",
        "white_matter_change_pct",
        "net_change_ml",
    ):  # fmt: skip
        assert there[name] == -back[name]
    assert there["new_t2_count"] == back["resolved_count"] == 1


@pytest.mark.parametrize("codes", ["LAS", "LPS", "PIR"])
def test_orientation_of_a_scan_changes_nothing(pair, codes):
    """The second visit's arrays lie along other axes."""
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    given = second_visit(scanner_id="a")
    affine = nib.orientations.inv_ornt_aff(turn, SHAPE)

    def turned(array):
        return np.ascontiguousarray(nib.orientations.apply_orientation(array, turn))

    other = replace(
        given,
        scans={n: PlacedScan(turned(x.data), affine) for n, x in given.scans.items()},
        anatomy=turned(given.anatomy),
        anatomy_affine=affine,
        lesions=turned(given.lesions),
        lesions_affine=affine,
        probability=turned(given.probability),
    )
    expected, found = (
        change_row(pair),
        change_row(compare_maps(first_visit(scanner_id="a"), other)),
    )
    for name, value in expected.items():
        wanted = pytest.approx(value, abs=0.01) if isinstance(value, float) else value
        assert found[name] == wanted, name


def test_change_map_on_another_grid(pair):
    grid = Grid((32, 64, 16), np.diag([2.0, 1, 4, 1]))
    found = pair.change_map(grid)
    assert found.shape == grid.shape
    assert found.dtype == np.uint8
    # The new lesion lies where it was put
    assert found[tuple(np.round(RIGHT / (2, 1, 4)).astype(int))] == 2
    assert found[tuple(np.round(LEFT / (2, 1, 4)).astype(int))] == 1


@pytest.mark.parametrize(("second", "kind"), [("b", "another scanner"), ("", "scanner not known")])
def test_no_interval_where_no_error_was_measured(second, kind):
    found = compare_maps(first_visit(scanner_id="a"), second_visit(scanner_id=second))
    row = checked([change_row(found)], CHANGES).iloc[0]
    assert row["pbvc_pct_per_year"] < 0
    assert row["pair_kind"] == kind
    assert row["change_error_source"] == f"not measured for this kind of pair: {kind}"
    for name in ("pbvc", "pvvc", "thalamus"):
        assert row[[f"{name}_sd_points", f"{name}_ci95_low", f"{name}_ci95_high"]].isna().all()


def test_short_interval_has_no_rate():
    later = replace(second_visit(), day=date(2020, 5, 1))
    row = change_row(compare_maps(first_visit(), later))
    assert row["pbvc_pct"] is not None
    assert row["pbvc_pct_per_year"] is None
    assert row["pbvc_ci95_low"] is None
    assert row["new_t2_per_year"] is None
    assert "sel_candidate_count" not in row


def test_no_dates():
    pair = compare_maps(replace(first_visit(), day=None), second_visit())
    row = checked([change_row(pair)], CHANGES).iloc[0]
    assert row["new_t2_count"] == 1
    assert row[["days", "pbvc_pct_per_year"]].isna().all()


@pytest.mark.parametrize("day", [DAYS[0], date(2019, 6, 1)])
def test_wrong_order(day):
    pair = compare_maps(first_visit(), replace(second_visit(), day=day))
    assert pair.lesions.changes is None
    assert pair.brain.volumes is None
    assert "days between the visits" in pair.lesions.reason
    row = checked([change_row(pair)], CHANGES).iloc[0]
    assert row["quality_state"] == "fail"
    assert row[["new_t2_count", "pbvc_pct"]].isna().all()


def test_flair_at_one_visit_only():
    pair = compare_maps(first_visit(), second_visit(modalities=("T1w",)))
    assert pair.lesions.reason == "no FLAIR at the second visit"
    assert pair.brain.volumes.brain_pct < 0
    row = checked([change_row(pair)], CHANGES).iloc[0]
    assert not row["change_assessable"]
    assert row["brain_modality"] == "T1w"


def test_flair_alone_gives_both():
    pair = compare_maps(first_visit(modalities=("FLAIR",)), second_visit(modalities=("FLAIR",)))
    assert pair.brain.aligned.modality == "FLAIR"
    assert pair.brain.volumes.brain_pct < 0
    assert pair.lesions.changes.summary["new_t2_count"] == 1


def test_nothing_in_common():
    pair = compare_maps(first_visit(modalities=("FLAIR",)), second_visit(modalities=("T1w",)))
    assert pair.brain.reason == "no T1w or FLAIR at both visits"
    checked([change_row(pair)], CHANGES)
    assert lesion_rows(pair) == []
    assert expansion_rows(pair) == []


def test_lesions_at_one_visit_only():
    pair = compare_maps(first_visit(), replace(second_visit(), lesions=None))
    assert pair.lesions.reason == "no lesions at the second visit"
    assert pair.brain.atrophied is not None


def test_slices_against_a_volume():
    pair = compare_maps(first_visit(flair_dim="2D"), second_visit(flair_dim="3D"))
    assert pair.lesions.changes is None
    assert "2D at one visit" in pair.lesions.reason
    assert pair.brain.volumes is not None


def test_another_head_is_caught():
    """Ventricles and brain of another size and place: nothing lies where it did."""
    other = second_visit()
    shifted = replace(
        other,
        scans={n: PlacedScan(np.roll(x.data, 9, 0), x.affine) for n, x in other.scans.items()},
        anatomy=np.roll(other.anatomy, 9, 0),
    )
    pair = compare_maps(first_visit(), shifted)
    assert pair.lesions.changes is None
    assert pair.brain.volumes is None
    assert "agreement of the two heads" in pair.brain.reason


def test_registration_that_fails(monkeypatch):
    def fails(*args, **kwargs):
        raise RuntimeError("sitk::ERROR: all samples map outside")

    monkeypatch.setattr(placing, "find_frame", fails)
    pair = compare_maps(first_visit(), second_visit())
    assert "map outside" in pair.lesions.reason
    assert "map outside" in pair.brain.reason
    checked([change_row(pair)], CHANGES)


def test_scanner_and_skull_are_flagged():
    pair = compare_maps(
        first_visit(scanner_id="a", sees_skull=False), second_visit(scanner_id="b", sees_skull=True)
    )
    row = change_row(pair)
    assert row["same_scanner"] is False
    assert row["flags"] == "scanner_change:warn;skull_at_one_visit:warn"


def test_half_of_the_head():
    """The follow-up's field of view ends in the middle of the brain."""
    given = second_visit()
    half = np.arange(SHAPE[2]) < CENTRE[2]
    cut = replace(
        given,
        scans={n: replace(x, data=x.data * half) for n, x in given.scans.items()},
        anatomy=given.anatomy * half,
    )
    pair = compare_maps(first_visit(), cut)
    # Overlap of a whole and a half: 2 x 0.5 / 1.5
    assert "overlap of the two brains: 0.6" in pair.lesions.reason
    assert "overlap of the two brains: 0.6" in pair.brain.reason
    assert pair.lesions.changes is None
    assert pair.brain.volumes is None
    checked([change_row(pair)], CHANGES)


def stripped(given, rim_mm):
    """A visit whose skull was taken off this far around the brain."""
    kept = distance() <= 24 + rim_mm
    return replace(
        given,
        scans={n: replace(x, data=np.where(kept, x.data, 0)) for n, x in given.scans.items()},
        anatomy=np.where(kept, given.anatomy, 0),
        sees_skull=False,
    )


def skull_pair(rim_mm):
    first = visit(lesions=[(LEFT, 4)], seed=1, session="1", day=DAYS[0], sees_skull=True)
    same = visit(lesions=[(LEFT, 4)], seed=2, session="2", day=DAYS[1], sees_skull=True)
    return compare_maps(first, stripped(same, rim_mm))


def test_skull_taken_off_at_one_visit_only():
    """The rim that one visit lacks is no atrophy, and no lesion is lost with it."""
    pair = skull_pair(3)
    row = change_row(pair)
    assert row["flags"] == "brain_overlap:warn;skull_at_one_visit:warn"
    assert abs(row["pbvc_pct"]) < 0.15
    assert (row["stable_count"], row["new_t2_count"], row["resolved_count"]) == (1, 0, 0)
    assert row["gross_loss_ml"] < 0.01


def test_skull_taken_off_along_the_cortex():
    """So much of the rim is gone that the brains do not overlap: nothing is told."""
    pair = skull_pair(0)
    assert "overlap of the two brains" in pair.brain.reason
    assert pair.brain.volumes is None
    assert pair.lesions.changes is None


def test_given_mask_at_one_visit_only():
    """A rater draws wider than the network: that is no growth."""
    first = visit(lesions=[(LEFT, 4)], seed=1, session="1", day=DAYS[0])
    second = visit(lesions=[(LEFT, 4)], seed=2, session="2", day=DAYS[1])
    drawn = np.where(distance(LEFT) <= 4.9, 1, 0)
    pair = compare_maps(first, replace(second, lesions=drawn, probability=None))
    row = change_row(pair)
    assert row["flags"] == "lesions_given_at_one_visit:warn"
    assert (row["stable_count"], row["enlarging_count"], row["new_t2_count"]) == (1, 0, 0)
    assert pair.quality.state == "warn"
    both = compare_maps(replace(first, probability=None), replace(second, probability=None))
    assert "lesions_given_at_one_visit" not in change_row(both)["flags"]


def test_anatomies_of_two_tools():
    """Volumes of two ways of naming structures are compared, and flagged."""
    first = visit(seed=1, session="1", day=DAYS[0])
    second = visit(seed=2, session="2", day=DAYS[1])
    given = {"anatomy_source": "given: freesurfer"}
    row = change_row(compare_maps(first, replace(second, **given)))
    assert row["flags"] == "anatomy_of_two_tools:warn"
    both = compare_maps(replace(first, **given), replace(second, **given))
    assert "anatomy_of_two_tools" not in str(change_row(both)["flags"])


def test_tracks_over_three_visits():
    third = visit(6.4, 23.9, lesions=[(RIGHT, 4)], seed=3, session="3", day=DAYS[2])
    visits = [first_visit(), second_visit(), third]
    pairs = {(a, b): compare_maps(visits[a], visits[b]) for a, b in ((0, 1), (1, 2), (0, 2))}
    links = {ends: pair.lesions.changes.links for ends, pair in pairs.items()}
    tracks = track_lesions([[1], [1, 2], [1]], links)
    events = {}
    for (a, b), pair in pairs.items():
        for row in lesion_rows(pair):
            node = (a, row["lesions_from"]) if row["lesions_from"] else (b, row["lesions_to"])
            events[a, b, tracks[node[0], int(node[1])]] = row["change"]
    assert events == {
        (0, 1, 1): "stable", (0, 1, 2): "new",
        (1, 2, 1): "resolved", (1, 2, 2): "stable",
        (0, 2, 1): "resolved", (0, 2, 2): "new",
    }  # fmt: skip
    # One after the other gives the tracks that all at once do
    two = track_lesions([[1], [1, 2]], {(0, 1): links[0, 1]})
    assert all(tracks[node] == track for node, track in two.items())


def test_trajectory_rows_fit_the_table():
    rows = measure_trajectories({"brain_ml": [1200, 1190, 1180]}, DAYS)
    frame = checked(rows, TRAJECTORIES)
    assert frame["slope_per_year"].iloc[0] < 0


# ---- pieces


def test_quality_states():
    quality = judge_pair(
        {
            "identity_score": 0.59,
            "pair_correlation": 0.54,
            "brain_overlap": 0.94,
            "registration_disagreement_mm": 0.5,
            "pair_longest_voxel_mm": 6.0,
        }
    )
    states = {row["check"]: row["state"] for row in quality.rows}
    assert states["identity_score"] == "fail"
    assert states["pair_correlation"] == "warn"
    assert states["brain_overlap"] == "warn"
    assert states["registration_disagreement_mm"] == "pass"
    assert states["pair_longest_voxel_mm"] == "warn"
    assert states["head_scale_difference"] == "not assessable"
    assert quality.state == "fail"
    assert quality.reason_against(FOR_BRAIN).startswith("agreement of the two heads")
    assert judge_pair({}).reason_against(FOR_LESIONS) == ""
    assert set(FOR_BRAIN + FOR_LESIONS) <= {check.name for check in PAIR_CHECKS}


def test_slices_of_7_mm_at_one_visit():
    """7 mm are above 6; 7 and 1 mm are 6 mm apart."""
    first, second = first_visit(), second_visit()
    thick = PlacedScan(second.scans["FLAIR"].data[:, :, ::7], np.diag([1.0, 1, 7, 1]))
    second = replace(second, scans={"FLAIR": thick})
    placed = placing.place_pair(first, second, "FLAIR", still_frame())
    quality = judge_pair(quality_values(first, second, placed=placed))
    states = {row["check"]: row["state"] for row in quality.rows}
    assert states["slice_thickness_difference_mm"] == "warn"
    assert states["pair_longest_voxel_mm"] == "fail"
    assert "longest voxel side: 7 mm" in quality.reason_against(FOR_LESIONS)


def test_registration_that_cannot_be_trusted():
    """Both ways 2.1 mm apart, corrected by 5.1 mm; scans of two contrasts."""
    first, second = first_visit(), second_visit()
    other = replace(second, scans={"FLAIR": second.scans["T1w"]})
    frame = replace(still_frame(), inconsistency_mm=2.1, correction_mm=5.1)
    placed = placing.place_pair(first, other, "FLAIR", frame)
    quality = judge_pair(quality_values(first, other, placed=placed))
    states = {row["check"]: row["state"] for row in quality.rows}
    assert states["registration_disagreement_mm"] == "fail"
    assert states["registration_correction_mm"] == "fail"
    assert states["pair_correlation"] == "warn"


def test_correlation_and_overlap():
    a = np.arange(8.0).reshape(2, 2, 2)
    inside = np.ones(a.shape, bool)
    assert correlation(a, 3 * a + 1, inside) == pytest.approx(1)
    assert correlation(a, -a, inside) == pytest.approx(-1)
    assert correlation(a, np.ones_like(a), inside) is None
    assert correlation(a, a, ~inside) is None
    half = a > 3
    assert overlap(half, inside) == pytest.approx(2 * 4 / 12)
    assert overlap(~inside, ~inside) is None


@pytest.mark.parametrize(
    ("shift", "tolerance"),
    # Half a voxel moves the balls' centres from between voxels onto one: balls of 5 and
    # 4 mm then hold 5 % fewer voxel centres
    [((0.3, -0.2, 0.4), 0.02), ((0.5, 0.5, 0.5), 0.05), ((0, 0, 0.5), 0.05)],
)
def test_lesions_keep_their_volume_in_the_frame(shift, tolerance):
    """Within 2 % for lesions of over 100 mm³: no nearest neighbour (regression)."""
    given = visit(lesions=[(LEFT, 5), (RIGHT, 4)])
    way = np.eye(4)
    way[:3, 3] = shift
    found = np.bincount(_placed(given, SHAPE, way).ravel())[1:]
    before = np.bincount(given.lesions.ravel())[1:]
    assert found == pytest.approx(before, rel=tolerance)


def _placed(given, shape, way):
    return place_lesions(
        given.lesions, given.lesions_affine, to=Grid(shape, np.eye(4)), transform=way
    )


def test_lesions_outside_of_the_scan_are_none():
    given = visit(lesions=[(LEFT, 5)])
    way = np.eye(4)
    way[:3, 3] = 40
    found = _placed(given, (90, 90, 90), way)
    assert not found.any()


def test_thin_lesion_is_not_lost():
    given = visit()
    labels = np.zeros(SHAPE, np.int32)
    labels[20, 20, 20] = 1
    given = replace(given, lesions=labels)
    way = np.eye(4)
    way[:3, 3] = 0.45
    assert _placed(given, SHAPE, way).max() == 1
    nothing = replace(given, lesions=np.zeros(SHAPE, np.int32))
    assert not _placed(nothing, SHAPE, way).any()


def test_labels_on_the_same_grid_stay():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:4, 2:4, 2:4], labels[4:6, 2:4, 2:4] = 2, 5
    grid = Grid(labels.shape, np.eye(4))
    found = labels_on_grid(labels, np.eye(4), to=grid, transform=np.eye(4))
    np.testing.assert_array_equal(found, labels)


def test_thin_slices_are_smoothed_like_thick_ones():
    rng = np.random.default_rng(0)
    fine = rng.standard_normal((20, 20, 20)).astype(np.float32)
    scans = [PlacedScan(fine, np.eye(4)), PlacedScan(fine, np.diag([1.0, 1, 4, 1]))]
    moved = placing._equally_sharp([fine, fine], scans, still_frame())
    np.testing.assert_array_equal(moved[1], fine)
    rough = [np.abs(np.diff(moved[0], axis=a)).mean() for a in range(3)]
    assert rough[2] < 0.5 * rough[0]  # smooth across the slices only
    same = placing._equally_sharp([fine, fine], [scans[0]] * 2, still_frame())
    assert same[0] is fine
