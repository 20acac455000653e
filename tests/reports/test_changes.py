"""A pair of visits on the page: words, lines that need no colour, curves."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from html_values import Page

from mslesion.io import change_files
from mslesion.reports import pair_figures as change_figures
from mslesion.reports.curves import draw_curve, round_values
from mslesion.reports.pair_pictures import is_bigger, pair_part
from mslesion.reports.participant import pair_room
from mslesion.reports.participant.course import course_of
from mslesion.reports.participant.page import Pair, participant_page
from mslesion.reports.parts import CHANGE, FIRST, UNLOCATED, Part
from mslesion.schema import (
    CALIBRATION,
    CHANGES,
    TRAJECTORIES,
    VISITS,
    as_table,
)
from mslesion.schema.change_map import GROWN, KEPT, NEW, RESOLVED, SHRUNK


def change(**values):
    """A row of changes.csv."""
    row = {
        "participant_id": "1", "session_from": "a", "session_to": "b", "days": 400,
        "interval_years": 1.0951, "same_scanner": True, "lesion_modality": "FLAIR",
        "brain_modality": "T1w", "change_assessable": True, "brain_change_assessable": True,
        "change_rule": "radial", "new_t2_count": 1, "new_t2_volume_ml": 0.12345678,
        "enlarging_count": 2, "shrinking_count": 0, "resolved_count": 3, "stable_count": 7,
        "net_change_ml": 0.2, "pbvc_pct": -0.51239, "pbvc_sd_points": 0.37,
        "pbvc_pct_per_year": -0.46789, "pbvc_ci95_low": -0.9, "pbvc_ci95_high": -0.1,
        "sel_assessed_count": 4, "sel_candidate_count": 0,
        "quality_state": "pass",
    }  # fmt: skip
    return as_table([row | values], CHANGES).iloc[0]


def page_of(row, **tables):
    """The page of a person with this pair and no more."""
    frame = as_table([dict(row)], CHANGES)
    rows = [{"participant_id": "1", "session_id": name} for name in "ab"]
    found = {VISITS.name: as_table(rows, VISITS), CHANGES.name: frame} | tables
    return participant_page(
        "1",
        found,
        visits={"a": Part(), "b": Part()},
        pairs=[Pair("a", "b", Part(methods="Both visits were registered."))],
        version="1",
    )


def text_of(html):
    return Page(html).text


def test_sentence():
    assert (
        "1 new lesion ( 0.123 mL), 2 enlarging, 0 shrinking, 3 resolved. Brain volume changed by "
        "-0.512 % , -0.468 % per year (95 % interval -0.9 to -0.1 ) ."
    ).replace(" ,", ",").replace(" .", ".") in text_of(page_of(change())).replace(
        " ,", ","
    ).replace(" .", ".")
    assert "2 new lesions (" in text_of(page_of(change(new_t2_count=2)))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"pbvc_ci95_high": 0.0}, "within the measurement error"),
        ({"pbvc_pct_per_year": None}, "(standard deviation of one value 0.37 points)"),
        (
            {
                "pbvc_sd_points": None,
                "pbvc_ci95_low": None,
                "pbvc_ci95_high": None,
                "change_error_source": "not measured for this kind of pair: another scanner",
            },
            "-0.468 % per year (error not measured for this kind of pair: another scanner).",
        ),
        ({"pbvc_pct": None}, "Brain volume change could not be measured."),
        ({"pseudoatrophy_window": True}, "; a treatment began, so that volume may have decreased"),
        (
            {"change_assessable": False, "change_reason": "no FLAIR & no <mask>"},
            "Lesion change is not assessable: no FLAIR & no <mask>.",
        ),
        (
            {"brain_change_assessable": False, "brain_change_reason": "overlap: 0.5"},
            "Brain change is not assessable: overlap: 0.5.",
        ),
    ],
)
def test_what_is_not_known_is_said(values, expected):
    assert expected in text_of(page_of(change(**values)))


def test_page_names_the_source_of_the_error():
    source = "measured on rescans of 4 people: same scanner, 3D"
    assert f"Error {source}." in text_of(page_of(change(change_error_source=source)))


def test_page_says_what_is_missing():
    row = change(days=None, pbvc_pct=None, sel_assessed_count=None, same_scanner=False)
    html = page_of(row)
    text = text_of(html)
    assert "Change from ses-a to ses-b" in text
    assert "without dates, changes but no yearly rates; another scanner" in text
    assert (
        "Assessed if the brain change is assessable, dates are known and the visits are 1 year"
        in text
    )
    found = {(c, shown) for t, _, c, _, shown in Page(html).found if t == "changes"}
    assert ("pbvc_pct", "not assessable") in found
    assert ("new_t2_count", "1") in found
    assert {column for column, _ in found} == set(CHANGES.names)
    assert "Both visits were registered." in text
    assert "simulated changes found" not in text


def test_known_change_stands_beside_the_counts():
    items = {
        "new_3_to_5_mm": (8, 6, None), "new_5_to_10_mm": (8, 8, None), "false_new": (None, None, 1),
        "enlarging": (5, 4, 0), "untouched": (9, 9, None),
    }  # fmt: skip
    known = {
        item: {"made_count": made, "recovered_count": found, "false_count": false}
        for item, (made, found, false) in items.items()
    }
    known["brain_volume"] = {"made_pct": -1.0, "recovered_pct": -0.975}
    assert pair_room.recovered("new_t2_count", known) == (
        "14 of 16 simulated changes found, 1 false"
    )
    assert pair_room.recovered("enlarging_count", known) == (
        "4 of 5 simulated changes found, 0 false"
    )
    assert pair_room.recovered("stable_count", known) == "9 of 9 simulated changes found"
    assert pair_room.recovered("pbvc_pct", known) == "-1 % simulated, -0.975 % measured"
    assert pair_room.recovered("resolved_count", known) == ""
    rows = [{"participant_id": "1", "item": item, **row} for item, row in known.items()]
    text = text_of(page_of(change(), calibration=as_table(rows, CALIBRATION)))
    assert "14 of 16 simulated changes found, 1 false" in text
    assert "The best that can be hoped for" in text
    known["new_3_to_5_mm"]["recovered_count"] = None  # the pair could not be compared
    assert pair_room.recovered("new_t2_count", known) == ""


def test_lines_tell_changes_apart_without_colour():
    """A square of 20 x 20 has a ring of 80 pixels; 4 of 7, 1 of 3 and 5 of 9 are drawn."""
    plane = np.zeros((40, 40), np.uint8)
    numbers = np.zeros((40, 40), np.int32)
    numbers[10:30, 10:30] = 1
    expected = {
        KEPT: 80, NEW: 80, GROWN: 4 * 11 + 3, SHRUNK: 27, RESOLVED: 5 * 8 + 5,
    }  # fmt: skip
    for value, count in expected.items():
        drawn = change_figures.draw_changes(plane, numbers * value, letters=False)
        assert np.count_nonzero(drawn.any(axis=2)) == count, value
        assert not drawn[12:28, 12:28].any()  # outside of the area
    letters = {value: line[0] for value, line in change_figures.LINES.items()}
    assert letters == {KEPT: "", GROWN: "G", SHRUNK: "L", NEW: "N", RESOLVED: "X"}
    with_letter = change_figures.draw_changes(plane, numbers * NEW)
    assert with_letter[:10, 31:].any()


def test_difference_is_grey_where_nothing_changed():
    first = np.full((4, 4, 4), 1.0)
    second = first.copy()
    second[0], second[1] = 1.4, 0.6
    grey = change_figures.windowed(first, second, np.ones(first.shape, bool))
    assert (grey[2][0], grey[2][1], grey[2][2])[0].max() == 255
    assert grey[2][1].max() == 0
    assert set(np.unique(grey[2][2:])) == {128}
    assert (grey[0][2] == grey[1][2]).all()  # one window for both


def test_slices_with_most_change():
    changed = np.zeros((10, 10, 60), bool)
    changed[:3, :3, 30] = changed[:2, :2, 32] = changed[:2, :2, 50] = True
    chosen = change_figures.changed_slices(changed)
    assert len(chosen) == 4
    assert {30, 50} <= set(chosen)
    assert 32 not in chosen  # too near to 30
    assert change_figures.changed_slices(np.zeros((10, 10, 60), bool)) == [18, 28, 38, 48]


def test_strips_show_the_largest_change_first():
    images = [np.full((60, 60, 60), value, np.uint8) for value in (50, 100, 128)]
    changes = np.zeros((60, 60, 60), np.uint8)
    changes[20:24, 20:24, 30] = NEW
    lesions = [
        {"group_id": n, "change": "new", "volume_change_mm3": size, "i": 21.5, "j": 21.5, "k": 30}
        for n, size in ((1, 5.0), (2, -50.0))
    ]
    drawn = change_figures.lesion_strips(images, changes, lesions)
    side = round(31 / 0.3)
    assert drawn.shape == (14 + side, 3 * 3 * side, 3)  # one row of three strips
    assert not drawn[14:, 2 * 3 * side :].any()  # the third is empty
    assert change_figures.lesion_strips(images, changes, []) is None


def test_a_lesion_at_the_corner_of_the_frame():
    images = [np.full((20, 20, 20), 50, np.uint8)] * 3
    changes = np.zeros((20, 20, 20), np.uint8)
    changes[0, 0, 0] = NEW
    one = {"group_id": 1, "change": "new", "volume_change_mm3": 1.0, "i": 0, "j": 0, "k": 0}
    assert change_figures.lesion_strips(images, changes, [one]).any()


def pair_of(rows):
    """A compared pair with these lesions; what the pictures do not need is left out."""
    shape = (40, 40, 40)
    inside, labels, scan = np.zeros(shape, np.uint8), np.zeros(shape, np.int32), np.ones(shape)
    inside[2:-2, 2:-2, 2:-2] = 1
    labels[18:22, 18:22, 18:22] = 1
    aligned = SimpleNamespace(
        modality="FLAIR",
        placed=SimpleNamespace(
            anatomies=(inside, inside),
            outlined=(np.zeros_like(labels), labels),
            frame=SimpleNamespace(correction_mm=None),
        ),
        matched=SimpleNamespace(first=scan, second=scan),
    )
    at = {"i": 20, "j": 20, "k": 20, "location": None, "is_under_floor": False}
    rows = [
        at | {"group_id": n, "volume_change_mm3": 100.0 - n} | row
        for n, row in enumerate(rows, start=1)
    ]
    changes = SimpleNamespace(rows=rows, change_map=np.where(labels > 0, NEW, 0).astype(np.uint8))
    first, second = (SimpleNamespace(session=label, locations={}) for label in "12")
    return SimpleNamespace(
        first=first, second=second, rule="radial",
        lesions=SimpleNamespace(aligned=aligned, changes=changes),
        brain=SimpleNamespace(aligned=aligned, volumes=None, expansion=None),
    )  # fmt: skip


def test_a_lesion_that_merged_and_enlarges_is_on_the_first_screen():
    rows = [
        {"change": "merged", "size_change": "enlarging"},
        {"change": "merged", "size_change": "stable"},
        {"change": "split", "size_change": "enlarging", "is_under_floor": True},
        {"change": "enlarging", "size_change": "enlarging"},
        {"change": "new", "size_change": None},
        {"change": "resolved", "size_change": None},
    ]
    part = pair_part(pair_of(rows))
    unit = "mm\N{SUPERSCRIPT THREE}"
    assert [one.caption for one in part.of(FIRST)] == [
        f"1 merged and enlarging, +99 {unit}", f"4 enlarging, +96 {unit}", f"5 new, +95 {unit}",
    ]  # fmt: skip
    assert {one.key for one in part.of(FIRST)} == {UNLOCATED}
    assert part.bigger_count == 3
    assert [is_bigger(row) for row in rows] == [True, False, True, True, True, False]
    assert part.of(CHANGE)[1].caption == "Every lesion that changed"
    assert part.of(CHANGE)[1].words.startswith("5 lesion changes: ses-1, ses-2")


def test_more_lesions_that_changed_than_pictures():
    rows = [{"change": "new", "size_change": None}] * 20
    rows += [{"change": "resolved", "size_change": None}] * 21
    part = pair_part(pair_of(rows))
    assert (len(part.of(FIRST)), part.bigger_count) == (12, 20)
    strips = part.of(CHANGE)[1]
    assert strips.caption == "The 40 largest of 41 lesion changes"
    assert strips.words.startswith("The 40 largest of 41 lesion changes: ses-1")
    assert pair_part(pair_of(rows[:40])).of(CHANGE)[1].caption == "Every lesion that changed"


def test_names_of_files(tmp_path):
    before = change_files.change_path(tmp_path, "sub-1_ses-b", with_before=True)
    assert before.name == "sub-1_ses-b_space-orig_seg-lesionchange_dseg.nii.gz"
    first = change_files.change_path(tmp_path, "sub-1_ses-b", with_before=False)
    assert first.name == "sub-1_ses-b_space-orig_seg-lesionchange_desc-first_dseg.nii.gz"


def visits(*, scanners=("A", "A", "A"), days=("2020-01-01", "2021-01-01", "2022-01-01")):
    rows = [
        {"participant_id": "1", "session_id": str(n), "visit_date": day, "scanner_id": scanner,
         "lesion_volume_ml": 1.0 + n, "thalamus_ml": None}
        for n, (scanner, day) in enumerate(zip(scanners, days, strict=True))
    ]  # fmt: skip
    return as_table(rows, VISITS)


def course(frame, changes=(), trajectories=(), began=None):
    return course_of(
        frame,
        as_table(list(changes), CHANGES),
        as_table(list(trajectories), TRAJECTORIES),
        began=began,
    )


def test_course_is_not_joined_where_the_brain_change_is_withheld():
    """Volumes of the brain at both visits differ by what made their change not assessable."""
    frame = visits()
    frame["brain_ml"] = [1100.0, 1110.0, 1090.0]
    change = {"participant_id": "1", "session_from": "0", "session_to": "1"}
    for is_given, lines in ((True, [3]), (False, [2])):
        found = course(frame, [change | {"brain_change_assessable": is_given}])
        drawn = {one.name: one.curve for one in found.series}
        for name, counts in (("brain_ml", lines), ("lesion_volume_ml", [3])):
            assert [len(line.split()) for line in drawn[name].lines] == counts


def test_course():
    changes = [
        {"participant_id": "1", "session_from": "0", "session_to": to, "pbvc_pct": value}
        for to, value in (("1", -0.25), ("2", -0.5))
    ]
    slope = {
        "participant_id": "1", "measure": "lesion_volume_ml", "segment": 1,
        "starts_with": "first visit", "slope_per_year": 0.99912,
    }  # fmt: skip
    track = slope | {"measure": "lesion_volume_mm3", "track_id": 4, "slope_per_year": 77.0}
    found = course(visits(), changes, [slope, track])
    by_name = {one.name: one for one in found.series}
    assert list(by_name) == ["pbvc_pct", "lesion_volume_ml"]  # the thalamus has no value
    assert found.visits == 3
    assert [one.slope.shown for one in by_name["lesion_volume_ml"].slopes] == ["0.999"]
    places = {
        (one.value.row.key, one.value.written)
        for series in found.series
        for one in series.places
        if one.table
    }
    assert ("sub-1|ses-2", "3") in places
    assert ("sub-1|ses-1|ses-0", "-0.25") in places
    curve = by_name["lesion_volume_ml"].curve
    assert curve.points[0].title == "ses-0 (2020-01-01): 1"
    assert curve.words == "Lesion volume: ses-0 1, ses-1 2, ses-2 3 mL"
    assert [one.is_of_brain for one in found.series] == [True, False]
    assert [one.label for one in found.trends] == [
        "Lesion volume", "Brain change since first visit",
    ]  # fmt: skip


def test_curves_are_drawn():
    tables = {VISITS.name: visits()}
    html = participant_page("1", tables, visits=dict.fromkeys("012", Part()), version="1")
    assert html.count("<svg") == 2  # one on the first screen, one in its room
    assert 'aria-label="Lesion volume: ses-0 1, ses-1 2, ses-2 3 mL"' in html
    assert "Course over 3 visits" in html
    assert "one did not" not in html


def test_course_is_broken_by_scanner_and_treatment():
    def breaks(found):
        return [why for _, why in found.series[0].curve.breaks]

    found = course(visits(scanners=("A", "", "B")), began=date(2020, 7, 1))
    assert breaks(found) == ["scanner", "treatment"]
    assert breaks(course(visits(scanners=("A", "", "A")))) == []
    assert breaks(course(visits(), began=date(2019, 1, 1))) == []


def test_course_without_dates_goes_by_steps():
    found = course(visits(days=(None, "2021-01-01", None)))
    assert found.ticks == ("ses-0", "ses-1", "ses-2")
    assert course(visits().iloc[:1]) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0, 0.5, 1]), (-0.3, 0.2, [-0.2, 0, 0.2]), (1000, 1003, [1000, 1001, 1002, 1003])],
)
def test_ticks_are_round(low, high, expected):
    found = round_values(low, high)
    assert found == pytest.approx(expected)
    assert all(str(value) != "-0.0" for value in found)


def test_names_of_visits_do_not_overlap():
    """Seven letters of 7 pixels, and half as much: 73.5 pixels of the 282 of a curve."""
    names = [f"ses-00{n}" for n in range(5)]
    curve = draw_curve("Lesions", "", times=[0, 1, 2, 3, 4], values=[1.0] * 5, ticks=names)
    assert [name for _, _, name in curve.ticks] == ["ses-000", "ses-002", "ses-004"]
    assert [side for _, side, _ in curve.ticks] == ["start", "middle", "last"]
    curve = draw_curve("Lesions", "", times=[0, 2, 3, 6], values=[1.0] * 4, ticks=names[:4])
    assert [name for _, _, name in curve.ticks] == ["ses-000", "ses-001", "ses-003"]


def test_a_flat_curve_has_room():
    curve = draw_curve("Lesions", "", times=[0, 1], values=[0.0, 0.0], ticks=["a", "b"])
    (line,) = curve.lines
    (_, first), (_, second) = (point.split(",") for point in line.split())
    assert first == second
    assert curve.size.top < float(first) < curve.size.height - curve.size.bottom


def test_every_shown_measure_has_a_label():
    shown = (
        *pair_room.LESIONS, *pair_room.BRAIN, *pair_room.EXPANDING,
    )  # fmt: skip
    labels = {column.name: column.label for column in CHANGES.columns}
    assert all(labels[name] for name in shown)
