"""No number without the checks that concern it: every check, on every headline number."""

import re
from functools import cache

import interpreted
import pandas as pd
import pytest
from interpreted import page_of, rooms_of

from mslesion.reports import marks
from mslesion.reports.participant.course import course_of
from mslesion.reports.participant.first_screen import HEADLINES
from mslesion.reports.participant.pair_room import BRAIN, LESIONS, pair_room
from mslesion.reports.participant.screen import CHANGED, VISITED
from mslesion.reports.participant.visit_room import visit_room
from mslesion.reports.parts import Part
from mslesion.schema import (
    CHANGES,
    EXPANSIONS,
    LESION_CHANGES,
    QUALITY,
    TRAJECTORIES,
    VISITS,
    as_table,
)
from mslesion.schema.checks import CHECKS, FAIL, PAIR_CHECKS, STATES, WARN, checks_on

COUNTS = ["lesion_volume_ml", "lesion_count"]
SIZES = ["brain_ml", "bpf", "thalamus_ml", "lateral_ventricles_ml"]
DARK = ["t1_hypointense_volume_ml"]
LESION_CHANGE = ["net_change_ml", "new_t2_count", "enlarging_count"]
RATES = ["pbvc_pct_per_year", "thalamus_pct_per_year", "pvvc_pct_per_year"]
ON_SCREEN = [*COUNTS, *SIZES, *DARK, *LESION_CHANGE, *RATES]
OF_LESIONS = [*COUNTS, *DARK, *LESION_CHANGE]
EXPECTED = {
    "header_problems": ON_SCREEN,
    "longest_voxel_mm": OF_LESIONS,
    "lesion_volume_ml": OF_LESIONS,
    "flair_signal_to_noise": OF_LESIONS,
    "lesion_in_fluid": [*COUNTS, *SIZES],
    "brain_cut_off_cm2": ON_SCREEN,
    "structures_missing": [*SIZES, *RATES],
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
    """Checks and states beside each number of the table of the first screen, by column."""
    table = re.search(r'<table class="headlines">.*?</table>', html, re.DOTALL)[0]
    found = {}
    for cell in re.findall(r"<td.*?</td>", table, re.DOTALL):
        named = re.findall(r'data-checks="([^"]*)"', cell)
        for column in re.findall(r'data-column="(\w+)"', cell)[:1]:
            found[column] = named[0] if named else ""
    return found


@pytest.mark.parametrize("state", [WARN, FAIL])
@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_a_check_that_did_not_pass_stands_beside_each_number_it_concerns(check, state):
    is_of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if is_of_pair else VISITS.name, check.name, state,
                     0 if is_of_pair else 1)  # fmt: skip
    html = page_of(tables)
    shown = states_of(html)
    declared = VISITED | CHANGED
    concerned = [name for name in ON_SCREEN if check in checks_on(declared[name])]
    if check.name in EXPECTED:
        assert concerned == EXPECTED[check.name]
    for name in ON_SCREEN:
        assert shown[name] == (f"{check.name}:{state}" if name in concerned else ""), name
    rooms = rooms_of(html)
    assert f"Quality {marks.STATE_WORDS[state]} " in rooms["overview"].text
    assert f"{marks.STATE_WORDS[state]} {check.description}" in rooms["quality"].text
    if concerned:  # the number is told by words, not by its colour, and leads to the check
        assert f"{marks.STATE_WORDS[state]} 1" in rooms["overview"].text
        assert '<a href="#problem-1">' in html
    assert '<li id="problem-1">' in html


def test_every_number_of_the_first_screen_is_tested():
    assert {name for row in HEADLINES for name in row if name} == set(ON_SCREEN)


def test_checks_of_the_earlier_visit_concern_the_change_alone():
    html = page_of(flagged(VISITS.name, "flair_signal_to_noise", FAIL, 0))
    shown = states_of(html)
    assert {name for name in ON_SCREEN if shown[name]} == set(LESION_CHANGE)
    rooms = rooms_of(html)
    assert "signal to noise in white matter (FLAIR) (ses-1)" in rooms["quality"].text
    assert "Quality \u2717 fail" in rooms["overview"].text
    # A check that concerns no change is not of the latest visit
    rooms = rooms_of(page_of(flagged(VISITS.name, "cap_like_lesions", FAIL, 0)))
    assert "\u2717" not in rooms["overview"].text + rooms["quality"].text


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
    html = page_of(tables | more, sessions=["1", "2", "3"])
    rooms = rooms_of(html)
    assert "Quality \u2717 fail" in rooms["overview"].text
    assert "overlap of the two brains (change since ses-1)" in rooms["quality"].text
    assert set(states_of(html).values()) == {""}  # no number of the change since ses-2


def test_rules_carry_the_checks_of_what_they_count():
    def marked(check, rows, table):
        html = page_of(flagged(table, check, WARN, rows))
        first = html.split('<table class="rules">')[1].split("</div>")[0]
        rules = re.findall(
            r'<tr data-table="criteria" data-row="([^"]*)">(.*?)</tr>', first, re.DOTALL
        )
        return sum("data-checks" in row for _, row in rules), len(rules), first

    count, total, _ = marked("longest_voxel_mm", 1, VISITS.name)
    assert count == total  # all count lesions by region, or new ones
    count, total, _ = marked("flair_2d_and_3d", 0, CHANGES.name)
    assert 0 < count < total  # space is of one visit
    count, _, _ = marked("brain_stretch_difference", 0, CHANGES.name)
    assert count == 0
    *_, html = marked("scanner_change", 0, CHANGES.name)
    assert re.search(r"Pattern R\+P[^<]*<small class=\"mark warn\"", html)
    assert re.search(r"Brain loss over the cut-off.*?<small class=\"mark warn\"", html, re.DOTALL)


def test_a_withheld_number_says_why_in_its_place():
    tables = cohort()
    visits = tables[VISITS.name].assign(
        bpf=float("nan"),
        empty_because=pd.array(["bpf: not found in the scan"] * 3, dtype="string"),
    )
    text = rooms_of(page_of({**tables, VISITS.name: visits}))["overview"].text
    assert "Brain parenchymal fraction not assessable not found in the scan" in text
    changes = tables[CHANGES.name].assign(
        pbvc_pct_per_year=float("nan"), pvvc_pct_per_year=float("nan"),
        thalamus_pct_per_year=float("nan"),
        brain_change_assessable=pd.array([False], dtype="boolean"),
        brain_change_reason=pd.array(["a stretched axis"], dtype="string"),
    )  # fmt: skip
    text = rooms_of(page_of({**tables, CHANGES.name: changes}))["overview"].text
    assert "mL not assessable a stretched axis" in text
    assert text.count("a stretched axis") == 1
    assert "interval" not in text.replace("error for intervals under", "")
    changes = changes.assign(
        brain_change_assessable=pd.array([True], dtype="boolean"), interval_years=0.25
    )
    text = rooms_of(page_of({**tables, CHANGES.name: changes}))["overview"].text
    assert "not assessable under half a year between the visits" in text


def of_visit(row):
    empty = as_table([], QUALITY)
    return visit_room(row, lesions=as_table([], interpreted.LESIONS), checks=empty, part=Part())


@pytest.mark.parametrize("state", [WARN, FAIL])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_measures_and_regions_of_a_visit_are_marked(check, state):
    row = flagged(VISITS.name, check.name, state, 1)[VISITS.name].iloc[1]
    found = of_visit(row)
    for one in (*found.lesion_measures, *found.brain_measures):
        name = one.value.column
        is_marked = one.mark and one.mark.text == f"{marks.STATE_WORDS[state]}: {check.description}"
        assert bool(is_marked) == (one.value.written != "" and check in checks_on(VISITED[name]))
    for one in found.regions:
        concerned = any(check in checks_on(VISITED[v.column]) for v in (one.count, one.volume))
        assert (one.mark is not None and one.mark.state == state) == concerned, one.words


@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_measures_of_a_pair_are_marked(check):
    of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if of_pair else VISITS.name, check.name, WARN, 0)
    row = tables[CHANGES.name].assign(pbvc_pct=-2.0, brain_change_assessable=True).iloc[0]
    found = pair_room(
        row,
        tables={one.name: as_table([], one) for one in (LESION_CHANGES, EXPANSIONS)},
        checks=as_table([], QUALITY),
        visits=[tables[VISITS.name].iloc[n] for n in (0, 1)],
        part=Part(),
    )
    of = "" if of_pair else " (ses-1)"
    by_name = {one.value.column: one for one in (*found.lesions, *found.expanding, *found.brain)}
    assert {*LESIONS, *BRAIN} <= set(by_name)
    for name, one in by_name.items():
        is_marked = one.mark is not None and one.mark.text == f"! warn: {check.description}{of}"
        assert is_marked == (one.value.written != "" and check in checks_on(CHANGED[name])), name


def course(tables):
    changes = tables[CHANGES.name].assign(pbvc_pct=-2.0)
    visits = tables[VISITS.name].iloc[:2]
    return course_of(visits, changes, as_table([], TRAJECTORIES), began=None)


@pytest.mark.parametrize("check", [*CHECKS, *PAIR_CHECKS], ids=lambda check: check.name)
def test_points_of_curves_are_drawn_as_another_shape(check):
    of_pair = check in PAIR_CHECKS
    tables = flagged(CHANGES.name if of_pair else VISITS.name, check.name, WARN,
                     0 if of_pair else 1)  # fmt: skip
    found = course(tables)
    assert len(found.series) > 3
    for one in found.series:
        concerned = check in checks_on((VISITED | CHANGED)[one.name])
        warned = [point for point in one.curve.points if point.is_warned]
        assert len(warned) == concerned, one.name
        assert all(f"; look at: {check.description}" in point.title for point in warned)
        assert one.curve.is_warned == concerned
        assert (one.places[1].mark is not None) == concerned
    html = page_of({**tables, CHANGES.name: tables[CHANGES.name].assign(pbvc_pct=-2.0)})
    assert ("one did not" in html) == ('class="warned"' in html)


def test_flags_that_are_no_checks():
    row = {"flags": "no_orientation;FLAIR:several_scans;header_problems:warn"}
    assert marks.other_flags(row) == ["no_orientation", "FLAIR:several_scans"]
    assert [one.check.name for one in marks.problems_of(row)] == ["header_problems"]
    assert marks.problems_of({"flags": pd.NA}) == []
    assert marks.worst([pd.NA, "pass", "fail", "warn"]) == "fail"
    assert marks.worst([]) == "pass"
    assert set(marks.STATE_WORDS) == set(STATES)
