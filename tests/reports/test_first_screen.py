"""The first screen and the details: right values, right order, plain words, marks."""

import re

import interpreted
import pandas as pd
import pytest
from html_values import Page, check_values, read_table

from mslesion.criteria import CRITERIA as RULES
from mslesion.criteria.panels.progressive import PROGRESSIVE_DOMAINS
from mslesion.io.tables import write_csv
from mslesion.reports import criteria_section as criteria_page
from mslesion.reports import overview
from mslesion.reports.criteria_section import STATE_MARKS, criteria_table, panel_table
from mslesion.reports.opening import front_part
from mslesion.reports.page import subject_page
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS
from mslesion.schema.criteria import DOMAIN_STATES, OUTCOMES, PANEL_NAMES
from mslesion.schema.identifiers import rows_of_visit

DIAGNOSES = re.compile(
    r"\b(PIRA|RRMS|SPMS|PPMS|progressive MS|relapsing MS|has MS|diagnosed|diagnosis of|"
    r"multiple sclerosis|clinically definite)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def tables():
    return interpreted.tables()


@pytest.fixture(scope="module")
def csvs(tables, tmp_path_factory):
    """The tables as they are written, as text."""
    folder = tmp_path_factory.mktemp("csv")
    return {
        table.name: read_table(write_csv(tables[table.name], table, folder))
        for table in (VISITS, CHANGES, CRITERIA, PANELS)
    }


def screen(tables, subject="01", session="2"):
    return Page(overview.overview(tables, subject, session))


def values(page, table):
    return {column: shown for name, _, column, _, shown in page.found if name == table}


def test_order_of_a_structured_report(tables):
    change = "Change since ses-1 (2 years)"
    titles = ["Technique", "Lesions", change, "Brain volume", "Rules", "Quality"]
    assert re.findall("<h3>(.*?)</h3>", overview.overview(tables, "01", "2")) == titles
    assert screen(tables).text.startswith("Overview of ses-2, 2020-01-02")


def test_every_number_is_that_of_the_csv(tables, csvs):
    """By parsing both; 3 visits with all their rules and panels."""
    for subject, sessions in interpreted.SESSIONS.items():
        html = subject_page(subject, [front_part(tables, subject, sessions)], version="1")
        assert check_values(html, csvs) > 60


def test_a_wrong_number_is_found(tables, csvs):
    """The check of the test above can fail."""
    html = overview.overview(tables, "01", "2")
    wrong = html.replace('data-value="0.765432"', 'data-value="0.765433"')
    assert wrong != html
    with pytest.raises(AssertionError):
        check_values(wrong, csvs)


def test_values_are_rounded_for_the_eye(tables):
    page = screen(tables)
    assert values(page, "visits")["lesion_volume_ml"] == "0.765"
    assert values(page, "changes")["pbvc_pct_per_year"] == "-1.12"
    assert values(page, "changes")["new_t2_count"] == "2"
    assert "95 % interval -1.5 to -0.747" in page.text
    assert "(2 years)" in page.text


def test_what_needs_care_is_said(tables):
    text = screen(tables).text
    assert "another one; compare with caution" in text
    assert "a treatment began: volume may decrease through loss of oedema" in text
    assert "Overview of ses-2, 2020-01-02 Quality ! warn" in text
    assert "Spinal cord (given) 3" in text
    assert "Optic nerve (given) not known" in text
    assert "Pattern R+P: relapsing-type and progressive-type activity seen" in text


def test_rules_on_the_first_screen(tables):
    text = screen(tables).text
    assert "McDonald 2017, space ● met" in text
    # Three of five regions are known: the optic nerve may be the fourth
    assert (
        "McDonald 2024, four regions provisional ? not assessable not known: optic nerve lesion"
        in text
    )
    assert "RIS" not in text  # not an incidental finding
    assert "Lublin 2013, MRI activity ● met" in text
    first = screen(tables, "01", "1").text
    assert "Lublin" not in first  # nothing was compared
    assert "There is no earlier visit to compare with." in first
    assert "McDonald 2017, space ● met" in first


def test_a_visit_without_label_and_scans_facts(tables):
    text = screen(tables, "02", "").text
    assert text.startswith("Overview of the visit Quality ! warn Technique")
    assert text.endswith(
        "Quality ! warn ! warn lesion volume ! warn signal to noise in white matter (FLAIR)"
    )
    assert "Scanner not known" in text


def test_change_that_could_not_be_measured(tables):
    changes = tables[CHANGES.name].assign(
        change_assessable=pd.array([False], dtype="boolean"),
        change_reason=pd.array(["no FLAIR at both"], dtype="string"),
    )
    page = screen({**tables, CHANGES.name: changes})
    assert "Lesion change not assessable: no FLAIR at both." in page.text
    assert "new_t2_count" not in values(page, "changes")


def test_tables_without_pairs(tables):
    page = screen({name: t for name, t in tables.items() if name != CHANGES.name})
    assert "There is no earlier visit to compare with." in page.text


def test_every_state_has_its_own_mark_and_words():
    assert set(STATE_MARKS) == {*OUTCOMES, *DOMAIN_STATES}
    for state, mark in STATE_MARKS.items():
        assert mark[2:] == state
    assert STATE_MARKS["met"][0] != STATE_MARKS["not met"][0] != STATE_MARKS["not assessable"][0]
    assert set(criteria_page.TITLES) == set(PANEL_NAMES)


def test_rules_in_full(tables):
    rows = rows_of_visit(tables[CRITERIA.name], "01", "2")
    text = Page(criteria_table(rows)).text
    for rule in RULES:
        assert rule.name in text
        assert rule.evidence.split(";")[0] in text
    assert "spinal cord lesions 3" in text
    assert "CSF-restricted oligoclonal bands: yes" in text
    assert "● met score 1" in text  # MAGNIMS: one relapse, under 3 new lesions


def test_borderline_is_said(tables):
    rows = rows_of_visit(tables[CRITERIA.name], "01", "2").copy()
    rows["borderline"] = pd.array([True] * len(rows), dtype="boolean")
    rows["changes_if"] = pd.array(["if contact is 3 mm"] * len(rows), dtype="string")
    assert "borderline: if contact is 3 mm" in Page(criteria_table(rows)).text
    rows["borderline"] = pd.array([pd.NA] * len(rows), dtype="boolean")
    assert "not evaluated" in Page(criteria_table(rows)).text


def test_nine_domains_with_evidence_noise_and_confidence(tables):
    rows = rows_of_visit(tables[PANELS.name], "01", "2")
    page = Page(panel_table(rows[rows["panel"] == "progressive"]))
    for domain in ("relapsing-type activity", *PROGRESSIVE_DOMAINS, "cortex", "choroid plexus"):
        assert domain in page.text
    assert "lesion destruction ● present 40 mm³ 12.5" in page.text
    assert "mainly one centre" in page.text
    assert "low" in page.text
    assert page.text.startswith("Pattern R+P: relapsing-type and progressive-type activity seen")


def test_wording_of_the_panels(tables):
    front = Page(front_part(tables, "01", ["1", "2"])).text
    assert "Findings compatible with the MRI part of McDonald 2017 dissemination in space" in front
    assert "MRI part only; requires clinical and laboratory context" in front
    other = Page(front_part(tables, "02", [""])).text
    assert "A research measurement, not a diagnosis. Migraine" in other
    page = Page(subject_page("01", [front_part(tables, "01", ["1", "2"])], version="1")).text
    assert "Research use only. Not a medical device." in page


def test_no_words_of_a_diagnosis(tables):
    for subject, sessions in interpreted.SESSIONS.items():
        html = subject_page(subject, [front_part(tables, subject, sessions)], version="1")
        found = DIAGNOSES.findall(Page(html).text)
        assert found == []


def test_the_search_for_diagnoses_finds_one():
    assert DIAGNOSES.search("This is PIRA.")
    assert DIAGNOSES.search("findings of progressive MS")


def test_earlier_visits_are_folded(tables):
    html = front_part(tables, "01", ["1", "2"])
    assert html.index("Rules and panels of ses-2") < html.index("<summary>ses-1</summary>")
    assert "earlier visits" not in front_part(tables, "02", [""])


def test_text_from_outside_is_escaped(tables):
    evil = "<script>alert(1)</script>"
    visits = tables[VISITS.name].assign(
        scanner_id=pd.array([evil] * 3, dtype="string"), flags=pd.array([evil] * 3, dtype="string")
    )
    panels = tables[PANELS.name]
    panels = panels.assign(text=pd.array([evil] * len(panels), dtype="string"))
    html = front_part({**tables, VISITS.name: visits, PANELS.name: panels}, "01", ["1", "2"])
    assert "<script" not in html


def test_a_pair_whose_first_visit_has_no_label(tables):
    """Its session_from is empty, as at a first visit, but there is a change to show."""
    unlabelled = {
        name: table.assign(session_from=table["session_from"].replace("ses-1", pd.NA))
        for name, table in tables.items()
        if "session_from" in table
    }
    page = screen(tables | unlabelled)
    assert "Change since the visit without a session label" in page.text
    assert values(page, "changes") == values(screen(tables), "changes")
    assert "NEDA-3" in page.text
