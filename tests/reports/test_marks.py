"""No number without the checks that concern it: every check, on every headline number."""

import re
from functools import cache

import interpreted
import pandas as pd
import pytest
from html_values import Page

from mslesion.reports import curves, marks, overview
from mslesion.reports.pair_section import GLANCE, pair_section
from mslesion.reports.screen import CHANGED, VISITED
from mslesion.reports.visit_summary import summary
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, QUALITY, VISITS, as_table
from mslesion.schema.checks import CHECKS, FAIL, PAIR_CHECKS, STATES, WARN, checks_on
from mslesion.schema.visits import used_for

COUNTS = ["periventricular_count", "lesion_count", "lesion_volume_ml"]
SIZES = ["bpf", "lateral_ventricles_ml", "thalamus_ml"]
DARK = ["t1_hypointense_volume_ml"]
LESION_CHANGE = ["new_t2_count", "enlarging_count", "net_change_ml"]
RATES = ["pbvc_pct_per_year", "pvvc_pct_per_year", "thalamus_pct_per_year"]
ON_SCREEN = [*COUNTS, *SIZES, *DARK, *LESION_CHANGE, *RATES]
LESIONS = [*COUNTS, *DARK, *LESION_CHANGE]
EXPECTED = {
    "header_problems": ON_SCREEN,
    "longest_voxel_mm": LESIONS,
    "lesion_volume_ml": LESIONS,
    "flair_signal_to_noise": LESIONS,
    "cap_like_lesions": COUNTS[:1],
    "lesion_in_fluid": [*COUNTS, *SIZES],
    "brain_cut_off_cm2": ON_SCREEN,
    "structures_missing": [*COUNTS[:1], *SIZES, *RATES],
    "bright_vessels_on_t1w": DARK,
    "facts_disagree": RATES,
    "head_scale_difference": RATES,
    "flair_2d_and_3d": LESION_CHANGE,
    "scanner_change": [*LESION_CHANGE, *RATES],
}
"""By hand: which numbers of the first screen some checks concern."""


@cache
def cohort():
    """Tables that no test changes."""
    return interpreted.tables()


def flagged(row_of, check, state, rows):
    """Tables with one flag in the row of a visit or in that of the pair."""
    tables = cohort()
    frame = tables[row_of].copy()
    flags = pd.array([pd.NA] * len(frame), dtype="string")
    flags[rows] = f"{check}:{state}"
    return {**tables, row_of: frame.assign(flags=flags)}


def states_of(html):
    """Checks and states of each marked number of the first screen, by column."""
    found = {}
    for part in re.findall(r"<(?:span data-table|tr)[^>]*>.*?(?=<span data-table|<tr|</dl>)", html):
        named = re.findall(r'data-checks="([^"]*)"', part)
        for column in re.findall(r'data-column="(\w+)"', part):
            found[column] = named[0] if named else ""
    return found


@pytest.mark.parametrize("state", [WARN, FAIL])
@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_a_check_that_did_not_pass_stands_beside_each_number_it_concerns(check, state):
    is_of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if is_of_pair else VISITS.name, check.name, state,
                     0 if is_of_pair else 1)  # fmt: skip
    html = overview.overview(tables, "01", "2")
    shown = states_of(html)
    declared = VISITED | CHANGED
    concerned = [name for name in ON_SCREEN if check in checks_on(declared[name])]
    if check.name in EXPECTED:
        assert concerned == EXPECTED[check.name]
    assert concerned
    for name in ON_SCREEN:
        assert shown[name] == (f"{check.name}:{state}" if name in concerned else ""), name
    text = Page(html).text
    assert f"Quality {marks.MARKS[state]} Technique" in text
    assert f"{marks.MARKS[state]} {check.description}" in text
    assert f"{marks.MARKS[state]} 1" in text  # the number is told by words, not by its colour


def test_checks_of_the_earlier_visit_concern_the_change_alone():
    tables = flagged(VISITS.name, "flair_signal_to_noise", FAIL, 0)
    html = overview.overview(tables, "01", "2")
    shown = states_of(html)
    marked = {name for name in ON_SCREEN if shown[name]}
    assert marked == set(LESION_CHANGE)
    assert "signal to noise in white matter (FLAIR) (ses-1)" in Page(html).text
    assert "Quality \u2717 fail Technique" in Page(html).text
    # A check that concerns no change is not of this screen
    tables = flagged(VISITS.name, "cap_like_lesions", FAIL, 0)
    assert "\u2717" not in overview.overview(tables, "01", "2")


def test_worst_state_counts_pairs_with_any_earlier_visit():
    tables = cohort()
    visits = tables[VISITS.name]
    third = visits[visits["session_id"] == "ses-2"].assign(session_id="ses-3")
    changes = tables[CHANGES.name].assign(quality_state="pass")
    from_first = changes.assign(
        session_to="ses-3", quality_state="fail", flags="brain_overlap:fail"
    )
    from_second = changes.assign(session_from="ses-2", session_to="ses-3")
    criteria = tables["criteria"]
    last = criteria[criteria["session_id"] == "ses-2"]
    last = last.assign(session_id="ses-3", session_from="ses-2")
    more = {
        VISITS.name: pd.concat([visits, third], ignore_index=True),
        CHANGES.name: pd.concat([changes, from_first, from_second], ignore_index=True),
        "criteria": pd.concat([criteria, last], ignore_index=True),
    }
    html = overview.overview(tables | more, "01", "3")
    assert "Quality \u2717 fail Technique" in Page(html).text
    assert "overlap of the two brains (change since ses-1)" in Page(html).text
    assert "data-checks" not in html  # no number of the change since ses-2


def test_rules_carry_the_checks_of_what_they_count():
    def marked(check, rows, table):
        html = overview.overview(flagged(table, check, WARN, rows), "01", "2")
        rules = re.findall(r'<tr data-table="criteria" data-row="([^"]*)">(.*?)</tr>', html)
        found = [key for key, row in rules if "data-checks" in row]
        return len(found), len(rules), "Pattern R+P" in html and html.count("data-checks")

    count, total, _ = marked("longest_voxel_mm", 1, VISITS.name)
    assert count == total  # all count lesions by region, or new ones
    count, total, _ = marked("flair_2d_and_3d", 0, CHANGES.name)
    assert 0 < count < total  # space is of one visit
    count, _, _ = marked("brain_stretch_difference", 0, CHANGES.name)
    assert count == 0
    html = overview.overview(flagged(CHANGES.name, "scanner_change", WARN, 0), "01", "2")
    assert re.search(r"Pattern R\+P[^<]*<small class=\"mark warn\"", html)


def test_a_withheld_number_says_why_in_its_place():
    tables = cohort()
    visits = tables[VISITS.name].assign(
        bpf=pd.array([pd.NA] * 3, dtype="Float64").astype("float64"),
        empty_because=pd.array(
            ["bpf: not found in the scan;lesion_count_centers: voxels longer than 2 mm"] * 3,
            dtype="string",
        ),
    )
    text = Page(overview.overview({**tables, VISITS.name: visits}, "01", "2")).text
    assert "Brain parenchymal fraction not assessable: not found in the scan" in text
    assert "Lesions, confluent split not assessable: voxels longer than 2 mm" in text
    changes = tables[CHANGES.name].assign(
        pbvc_pct_per_year=float("nan"), pvvc_pct_per_year=float("nan"),
        brain_change_assessable=pd.array([False], dtype="boolean"),
        brain_change_reason=pd.array(["a stretched axis"], dtype="string"),
    )  # fmt: skip
    text = Page(overview.overview({**tables, CHANGES.name: changes}, "01", "2")).text
    assert "Brain change not assessable: a stretched axis" in text
    assert "interval" not in text.split("Brain volume")[1].split("Rules")[0]
    changes = changes.assign(
        brain_change_assessable=pd.array([True], dtype="boolean"), interval_years=0.25
    )
    text = Page(overview.overview({**tables, CHANGES.name: changes}, "01", "2")).text
    assert "Brain change per year not assessable: under half a year between the visits" in text


def test_regions_say_once_a_row_why_they_are_empty():
    tables = cohort()
    visits = tables[VISITS.name].copy()
    names = [name for name in visits if "periventricular" in name]
    visits[names] = pd.NA
    why = ";".join(f"{name}: voxels longer than 5 mm" for name in names)
    visits["empty_because"] = pd.array([why] * 3, dtype="string")
    visits = as_table(visits, VISITS)
    page = Page(overview.overview({**tables, VISITS.name: visits}, "01", "2"))
    assert "periventricular not assessable: voxels longer than 5 mm juxtacortical 1" in page.text


@pytest.mark.parametrize("state", [WARN, FAIL])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_boxes_of_a_visit_are_marked(check, state):
    visits = flagged(VISITS.name, check.name, state, 1)[VISITS.name]
    html = summary(visits.iloc[1])
    for name in used_for("glance"):
        box = html.split(f'data-column="{name}"', 1)[1].split("</div>")[0]
        is_marked = f"{marks.MARKS[state]}: {check.description}" in box
        there = not pd.isna(visits.iloc[1][name])
        assert is_marked == (there and check in checks_on(VISITED[name])), name


@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_boxes_of_a_pair_are_marked(check):
    of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if of_pair else VISITS.name, check.name, WARN, 0)
    row = tables[CHANGES.name].assign(pbvc_pct=-2.0, brain_change_assessable=True).iloc[0]
    html = pair_section(
        row,
        lesions=as_table([], LESION_CHANGES),
        expansions=as_table([], EXPANSIONS),
        checks=as_table([], QUALITY),
        visits=[tables[VISITS.name].iloc[n] for n in (0, 1)],
        pictures="",
    )
    boxes = html.split('<div class="glance">')[1].split('<div class="columns">')[0]
    of = "" if of_pair else " (ses-1)"
    for name in GLANCE:
        box = boxes.split(f'data-column="{name}"', 1)[1].split("</div>")[0]
        is_marked = f"! warn: {check.description}{of}" in box
        assert is_marked == (check in checks_on(CHANGED[name])), name


@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_points_of_curves_are_drawn_as_another_shape(check):
    of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if of_pair else VISITS.name, check.name, WARN,
                     0 if of_pair else 1)  # fmt: skip
    changes = tables[CHANGES.name].assign(pbvc_pct=-2.0)
    visits = tables[VISITS.name].iloc[:2]
    html = curves.course_section(visits, changes, as_table([], curves.TRAJECTORIES), began=None)
    drawn = dict(
        re.findall(r'<title>([^<]*)</title><text[^>]*class="name".*?</text>(.*?)</svg>', html)
    )
    expected = {
        "Brain volume change since the first visit": CHANGED["pbvc_pct"],
        **{VISITED[name].label: VISITED[name] for name in used_for("curve")},
    }
    assert len(drawn) > 3
    for label, svg in drawn.items():
        concerned = check in checks_on(expected[label])
        assert svg.count('class="warned"') == concerned, label
        assert (f"; look at: {check.description}" in svg) == concerned
    assert ("one did not" in html) == ('class="warned"' in html)


def test_no_legend_where_all_passed():
    tables = cohort()
    visits = tables[VISITS.name].iloc[:2]
    html = curves.course_section(
        visits, tables[CHANGES.name], as_table([], curves.TRAJECTORIES), began=None
    )
    assert "one did not" not in html


def test_flags_that_are_no_checks():
    row = {"flags": "no_orientation;FLAIR:several_scans;header_problems:warn"}
    assert marks.other_flags(row) == ["no_orientation", "FLAIR:several_scans"]
    assert [one.check.name for one in marks.problems_of(row)] == ["header_problems"]
    assert marks.problems_of({"flags": pd.NA}) == []
    assert marks.worst([pd.NA, "pass", "fail", "warn"]) == "fail"
    assert marks.worst([]) == "pass"
    assert set(marks.MARKS) == set(STATES)
