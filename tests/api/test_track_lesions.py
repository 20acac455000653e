"""Lesions followed over masks alone, by numbers derived by hand."""

from datetime import date

import nibabel as nib
import numpy as np
import pandas as pd
import phantoms
import pytest

import mslesion as ms
from mslesion.api import tracking
from mslesion.errors import GeometryError, ImageError, MaskError, SettingsError
from mslesion.schema import LESION_CHANGES

SHAPE, AFFINE = (60, 60, 40), np.eye(4)


def masks_of(*visits):
    """Masks of cubes: each visit a list of (corner, sides)."""
    masks = []
    for cubes in visits:
        mask = np.zeros(SHAPE, np.uint8)
        for (i, j, k), (a, b, c) in cubes:
            mask[i : i + a, j : j + b, k : k + c] = 1
        masks.append((mask, AFFINE))
    return masks


CUBE = (6, 6, 6)
STABLE = ((5, 5, 5), CUBE)
SCAN = phantoms.scan_data(SHAPE), AFFINE
LARGE_SCAN = phantoms.scan_data((61, 60, 40)), AFFINE


def test_every_change_by_hand():
    before, after = masks_of(
        [STABLE, ((20, 5, 5), CUBE), ((35, 5, 5), (10, 10, 10)), ((5, 25, 5), CUBE),
         ((5, 40, 20), (4, 6, 6)), ((12, 40, 20), (4, 6, 6)), ((30, 40, 20), (12, 6, 6))],
        [STABLE, ((20, 5, 5), (10, 10, 10)), ((35, 5, 5), CUBE), ((45, 25, 20), CUBE),
         ((5, 40, 20), (11, 6, 6)), ((30, 40, 20), (4, 6, 6)), ((38, 40, 20), (4, 6, 6))],
    )  # fmt: skip
    table = ms.track_lesions([before, after], days=[0, 365])
    assert list(table.columns) == LESION_CHANGES.names
    found = table.set_index(table["change"].astype(str))
    assert sorted(table["change"]) == sorted(
        ["stable", "enlarging", "shrinking", "resolved", "new", "merged", "split"]
    )
    # Cubes of 6³ = 216 and 10³ = 1000 mm³
    assert found.loc["stable", ["volume_from_mm3", "volume_to_mm3"]].tolist() == [216, 216]
    assert found.loc["enlarging", ["gained_mm3", "lost_mm3"]].tolist() == [784, 0]
    assert found.loc["shrinking", "volume_change_mm3"] == -784
    assert found.loc["new", "volume_to_mm3"] == 216
    assert found.loc["resolved", "volume_from_mm3"] == 216
    # Two of 4 x 6 x 6 = 144 become one of 11 x 6 x 6 = 396; one of 432 becomes two of 144
    assert found.loc["merged", ["volume_from_mm3", "volume_to_mm3"]].tolist() == [288, 396]
    assert found.loc["split", ["volume_from_mm3", "volume_to_mm3"]].tolist() == [432, 288]
    assert set(table["evidence"]) == {"masks alone"}
    assert table["confirmed_by_intensity"].isna().all()


def test_volumes_are_those_of_the_lesion_table_on_thick_slices():
    thick = np.diag([0.9, 0.9, 3.0, 1.0])
    (before, _), (after, _) = masks_of([((5, 5, 5), (8, 8, 4))], [((5, 5, 5), (8, 8, 6))])
    table = ms.track_lesions([(before, thick), (after, thick)])
    for column, mask in (("volume_from_mm3", before), ("volume_to_mm3", after)):
        (volume,) = ms.measure_lesions((mask, thick))["volume_mm3"]
        assert table[column].item() == pytest.approx(volume)
    # 8 x 8 voxels of 2 slices: 128 of 0.9 x 0.9 x 3 = 2.43 mm³
    assert table["gained_mm3"].item() == pytest.approx(128 * 2.43)


@pytest.mark.parametrize(
    ("sessions", "days"), [(("pre", "post"), None), (("b", "a"), [0, 365]), (None, None)]
)
def test_a_known_order(sessions, days):
    masks = masks_of([STABLE], [])
    given = masks if sessions is None else dict(zip(sessions, masks, strict=True))
    table = ms.track_lesions(given, days=days)
    assert table["change"].tolist() == ["resolved"]
    first, second = sessions or "12"
    assert (table["session_from"][0], table["session_to"][0]) == (f"ses-{first}", f"ses-{second}")


@pytest.mark.parametrize("codes", ["LAS", "LPS", "PIR"])
def test_orientation_changes_nothing(codes):
    plain = masks_of([STABLE], [STABLE, ((30, 30, 20), CUBE)])
    turned = []
    for mask, affine in plain:
        data, other = phantoms.reoriented(mask, affine, codes)
        turned.append(nib.Nifti1Image(np.ascontiguousarray(data), other))
    expected, found = ms.track_lesions(plain), ms.track_lesions(turned)
    assert found.equals(expected)


def test_tracks_go_through_all_visits():
    visits = masks_of([STABLE], [], [STABLE, ((30, 30, 20), CUBE)])
    table = ms.track_lesions(dict(zip(("M0", "M6", "M12"), visits, strict=True)))
    # M12 is compared with M6, the visit before, and with M0, the first: the lesion that is
    # not drawn at M6 is the same one at M0 and at M12
    assert sorted(
        zip(table["session_from"], table["session_to"], table["change"], table["track_id"],
            strict=True)
    ) == [
        ("ses-M0", "ses-M12", "new", 2),
        ("ses-M0", "ses-M12", "stable", 1),
        ("ses-M0", "ses-M6", "resolved", 1),
        ("ses-M6", "ses-M12", "new", 1),
        ("ses-M6", "ses-M12", "new", 2),
    ]  # fmt: skip


def test_two_empty_masks_give_an_empty_typed_table():
    table = ms.track_lesions(masks_of([], []))
    assert not len(table)
    assert table.dtypes.equals(ms.track_lesions(masks_of([STABLE], [STABLE])).dtypes)


def test_yearly_rule_needs_days():
    masks = masks_of([STABLE], [((5, 5, 5), (6, 6, 7))])  # 216 to 252: 16.7 % more
    assert ms.track_lesions(masks)["class_annual"].tolist() == ["not assessable"]
    ends = date(2020, 1, 1), date(2020, 12, 31)
    for days in ([0, 365], ends, pd.to_datetime(ends).to_list()):
        assert ms.track_lesions(masks, days=days)["class_annual"].tolist() == ["enlarging"]
    assert ms.track_lesions(masks, days=[0, 100])["class_annual"].tolist() == ["not assessable"]


def test_location_by_one_anatomy_map_for_all():
    labels = np.full(SHAPE, 2, np.int32)
    labels[11:20] = 4
    labels[:2] = 3
    table = ms.track_lesions(
        masks_of([STABLE], [STABLE]), anatomy=(labels, AFFINE), anatomy_labels="freesurfer"
    )
    assert table["location"].tolist() == ["periventricular"]


@pytest.mark.parametrize(
    ("scans", "error", "text"),
    [
        ([SCAN, {}], SettingsError, "scans has no scan for session '2', but a FLAIR or a T1w is"),
        ([SCAN, {"flair": SCAN}], SettingsError, "scans has flair for session '2', but a FLAIR"),
        ([SCAN, LARGE_SCAN], GeometryError, "The mask of session 2 has .* voxels, but its FLAIR"),
        ([SCAN, 3], ImageError, "The FLAIR of session 2 is <class 'int'>, but a path"),
    ],
)
def test_scans_are_checked_before_any_visit_is_processed(monkeypatch, scans, error, text):
    monkeypatch.setattr(tracking, "process_visit", None)
    with pytest.raises(error, match=text):
        ms.track_lesions(masks_of([STABLE], [STABLE]), scans=scans)


def test_masks_that_lie_a_little_apart(caplog):
    first, second = masks_of([STABLE], [STABLE])
    shifted = AFFINE.copy()
    shifted[0, 3] += 0.0017
    rows = ms.track_lesions([first, (second[0], shifted)])
    assert len(rows) == len(ms.track_lesions([first, second]))
    assert "The mask of session 2 lies up to a tenth of a voxel away" in caplog.text


@pytest.mark.parametrize(
    ("masks", "more", "error", "text"),
    [
        (masks_of([STABLE]), {}, SettingsError, "masks has one mask, but two or more"),
        ([], {}, SettingsError, "masks has no mask, but two or more"),
        (3, {}, SettingsError, "masks is one int, but two or more masks of one person"),
        ("a.nii", {}, SettingsError, "masks is one str, but two or more masks of one person"),
        (masks_of([], []), {"days": [0]}, SettingsError, "days has 1 values, but there are 2"),
        (masks_of([], []), {"days": [5, 5]}, SettingsError, "days do not rise"),
        (
            masks_of([], []),
            {"days": [0, "x"]},
            SettingsError,
            "days has 'x', but a date .* datetime.date.fromisoformat",
        ),
        (
            dict(zip("ab", masks_of([], []), strict=True)),
            {},
            SettingsError,
            r"masks has the sessions a, b, but their order of time must be known \(a date is "
            r"missing, and the labels a and b do not say which came first\)\. Give the days, or",
        ),
        (
            dict(zip(("ses-post", "ses-pre"), masks_of([], []), strict=True)),
            {"days": [0, None]},
            SettingsError,
            "the labels post and pre say that pre came first",
        ),
        (masks_of([], []), {"days": 7}, SettingsError, "days is a int, but a list"),
        (masks_of([], []), {"days": {"1": 0}}, SettingsError, "days has no session '2'"),
        (
            [*masks_of([]), (np.zeros((5, 5, 5)), AFFINE)],
            {},
            GeometryError,
            r"The mask of session 2 has 5 x 5 x 5 voxels.* Without scans all masks lie on one grid",
        ),
        (
            [*masks_of([]), (np.resize([0, 0.5, 0.7], SHAPE), AFFINE)],
            {},
            MaskError,
            "The mask of session 2 has 3 values from 0 to 0.7, as a probability map has",
        ),
    ],
)
def test_errors(masks, more, error, text):
    with pytest.raises(error, match=text):
        ms.track_lesions(masks, **more)
