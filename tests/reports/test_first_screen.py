"""The page of a participant: right values, right order, plain words, marks."""

import re

import interpreted
import pandas as pd
import pytest
from html_values import Page, check_values, read_table
from interpreted import page_of, rooms_of

from mslesion.criteria import CRITERIA as RULES
from mslesion.criteria.panels.progressive import PROGRESSIVE_DOMAINS
from mslesion.io.tables import write_csv
from mslesion.reports.marks import VERDICT_WORDS
from mslesion.reports.participant import criteria_room
from mslesion.reports.participant.first_screen import HEADLINES, WITHOUT_CHANGE
from mslesion.schema import CHANGES, CRITERIA, PANELS, VISITS, as_table
from mslesion.schema.criteria import DOMAIN_STATES, OUTCOMES, PANEL_NAMES

DIAGNOSES = re.compile(
    r"\b(PIRA|RRMS|SPMS|PPMS|progressive MS|relapsing MS|has MS|diagnosed|diagnosis of|"
    r"multiple sclerosis|clinically definite)\b",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def tables():
    return interpreted.tables()


@pytest.fixture(scope="module")
def rooms(tables):
    """Rooms of the person with two visits."""
    return rooms_of(page_of(tables))


@pytest.fixture(scope="module")
def csvs(tables, tmp_path_factory):
    """The tables as they are written, as text."""
    folder = tmp_path_factory.mktemp("csv")
    return {
        table.name: read_table(write_csv(tables[table.name], table, folder))
        for table in (VISITS, CHANGES, CRITERIA, PANELS, interpreted.LESIONS)
    }


def values(page, table):
    return {column: shown for name, _, column, _, shown in page.found if name == table}


def test_rooms_stand_in_order_and_in_the_index(tables):
    html = page_of(tables)
    names = ["overview", "lesions", "change", "brain", "criteria", "quality", "methods"]
    assert re.findall('<section id="(.*?)"', html) == names
    assert [a["href"] for t, a in Page(html).tags if t == "a"][:7] == [f"#{n}" for n in names]


def test_every_number_is_that_of_the_csv(tables, csvs):
    """By parsing both; 3 visits with all their rules and panels."""
    for subject in interpreted.SESSIONS:
        assert check_values(page_of(tables, subject), csvs) > 60


def test_a_wrong_number_is_found(tables, csvs):
    """The check of the test above can fail."""
    html = page_of(tables)
    wrong = html.replace('data-value="0.765432"', 'data-value="0.765433"')
    assert wrong != html
    with pytest.raises(AssertionError):
        check_values(wrong, csvs)


def test_numbers_of_the_first_screen(rooms):
    """Rounded for the eye, with change, sign, error and unit; at most ten."""
    page = rooms["overview"]
    assert values(page, "visits")["lesion_volume_ml"] == "0.765"
    assert values(page, "changes")["pbvc_pct_per_year"] == "-1.12"
    assert values(page, "changes")["new_t2_count"] == "2"
    assert "change since ses-1 (2 years)" in page.text
    assert "Lesion volume 0.765 mL + 0.153 mL error not measured" in page.text
    assert "-1.12 %/year 95 % interval -1.5 to -0.747" in page.text
    assert len(HEADLINES) <= 10
    assert len([of_visit for of_visit, _ in HEADLINES if of_visit]) + len(WITHOUT_CHANGE) <= 10


def test_change_beyond_its_error_has_the_colour_of_change(tables):
    html = page_of(tables).split('<section id="lesions"')[0]
    coloured = re.findall(r'<td class="is-changed">.*?data-column="(\w+)"', html, re.DOTALL)
    # The intervals of the ventricles and of the thalamus are not known
    assert coloured == ["new_t2_count", "enlarging_count", "pbvc_pct_per_year"]
    none = tables[CHANGES.name].assign(new_t2_count=0, enlarging_count=0, pbvc_ci95_high=0.0)
    assert "is-changed" not in page_of({**tables, CHANGES.name: none}).split("</style>")[1]


def test_a_count_says_from_which_size_it_counts(tables):
    changes = tables[CHANGES.name].assign(detection_floor_mm=3.5)
    text = rooms_of(page_of({**tables, CHANGES.name: changes}))["overview"].text
    assert "New lesions 2 detected from 3.5 mm" in text


def test_what_needs_care_is_said(rooms):
    text = rooms["overview"].text
    assert text.startswith("sub-01 ses-2, 2020-01-02 Quality ! warn")
    assert "The previous scanner is another one; compare with caution." in text
    assert "A treatment began: volume may decrease through loss of oedema." in text
    assert "Research use only. Not a medical device." in text
    criteria = rooms["criteria"].text
    assert "Spinal cord lesions 3" in criteria
    assert "Optic nerve lesion not known" in criteria
    assert "Pattern R+P: relapsing-type and progressive-type activity seen" in criteria


def test_rules_that_stand_first(tables, rooms):
    text = rooms["criteria"].text.split("Rules and panels of")[0]
    assert "McDonald 2017, space ● met" in text
    # Three of five regions are known: the optic nerve may be the fourth
    assert (
        "McDonald 2024, four regions provisional ? not assessable not known: optic nerve lesion"
        in text
    )
    assert "RIS" not in text  # not an incidental finding
    assert "Lublin 2013, MRI activity ● met" in text
    first = rooms_of(page_of(tables, sessions=["1"]))
    assert "Lublin" not in first["criteria"].text.split("Rules and panels of")[0]
    assert "McDonald 2017, space ● met" in first["criteria"].text
    assert "There is no earlier visit to compare with." in first["overview"].text
    assert "There is no earlier visit to compare with." in first["change"].text
    assert "Periventricular lesions 1" in first["overview"].text


def test_a_visit_without_label_and_scans_facts(tables):
    rooms = rooms_of(page_of(tables, "02"))
    assert rooms["overview"].text.startswith("sub-02 the visit Quality ! warn")
    assert "scanner not known" in rooms["overview"].text
    assert "! warn lesion volume" in rooms["quality"].text
    assert "! warn signal to noise in white matter (FLAIR)" in rooms["quality"].text


def test_change_that_could_not_be_measured(tables):
    row = tables[CHANGES.name].iloc[0].to_dict()
    unknown = dict.fromkeys(("new_t2_count", "enlarging_count", "net_change_ml"))
    row |= unknown | {"change_assessable": False, "change_reason": "no FLAIR at both"}
    rooms = rooms_of(page_of({**tables, CHANGES.name: as_table([row], CHANGES)}))
    assert "Lesion change is not assessable: no FLAIR at both." in rooms["change"].text
    text = rooms["overview"].text
    assert "not assessable no FLAIR at both" in text
    assert "New lesions not assessable as above" in text  # the reason is told once


def test_tables_without_pairs(tables):
    found = {name: t for name, t in tables.items() if name != CHANGES.name}
    rooms = rooms_of(page_of(found))
    for room in ("overview", "change"):
        assert "The visits were not compared; logs/failures.tsv says why." in rooms[room].text


def test_every_state_has_its_own_mark_and_words():
    assert set(VERDICT_WORDS) == {*OUTCOMES, *DOMAIN_STATES}
    for state, mark in VERDICT_WORDS.items():
        assert mark[2:] == state
    shown = {VERDICT_WORDS[state][0] for state in ("met", "not met", "not assessable")}
    assert len(shown) == 3
    assert set(criteria_room.TITLES) == set(PANEL_NAMES)


def test_rules_in_full(rooms):
    text = rooms["criteria"].text
    for rule in RULES:
        assert rule.name in text
        assert rule.evidence.split(";")[0] in text
    assert "spinal cord lesions 3" in text
    assert "CSF-restricted oligoclonal bands: yes" in text
    assert "● met score 1" in text  # MAGNIMS: one relapse, under 3 new lesions


def test_borderline_is_said(tables):
    rows = tables[CRITERIA.name].copy()
    rows["borderline"] = pd.array([True] * len(rows), dtype="boolean")
    rows["changes_if"] = pd.array(["if contact is 3 mm"] * len(rows), dtype="string")
    assert "borderline: if contact is 3 mm" in Page(page_of({**tables, "criteria": rows})).text
    rows["borderline"] = pd.array([pd.NA] * len(rows), dtype="boolean")
    assert "not evaluated" in Page(page_of({**tables, "criteria": rows})).text


def test_nine_domains_with_evidence_noise_and_confidence(rooms):
    text = rooms["criteria"].text
    for domain in ("relapsing-type activity", *PROGRESSIVE_DOMAINS, "cortex", "choroid plexus"):
        assert domain in text
    assert "lesion destruction ● present 40 mm³ 12.5" in text
    assert "mainly one centre" in text
    panel = text.split("Progressive activity: nine domains, no score ")[1]
    assert panel.startswith("Pattern R+P: relapsing-type and progressive-type activity seen")


def test_wording_of_the_panels(tables, rooms):
    text = rooms["criteria"].text
    assert "Findings compatible with the MRI part of McDonald 2017 dissemination in space" in text
    assert "MRI part only; requires clinical and laboratory context" in text
    other = rooms_of(page_of(tables, "02"))["criteria"].text
    assert "A research measurement, not a diagnosis. Migraine" in other


def test_no_words_of_a_diagnosis(tables):
    for subject in interpreted.SESSIONS:
        assert DIAGNOSES.findall(Page(page_of(tables, subject)).text) == []


def test_the_search_for_diagnoses_finds_one():
    assert DIAGNOSES.search("This is PIRA.")
    assert DIAGNOSES.search("findings of progressive MS")


def test_earlier_visits_are_folded(tables):
    html = page_of(tables)
    assert html.index("Rules and panels of ses-2") < html.index("<summary>ses-1</summary>")
    assert "<summary>ses-1, 2018-01-01</summary>" in html
    assert "earlier visits" not in page_of(tables, "02")


def test_text_from_outside_is_shown_as_text(tables):
    """Wherever a text of a table, a name or a file stands on the page."""
    evil = '"><script>alert(1)</script>&'
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&amp;"
    found = {}
    for name, table in tables.items():
        kept = (
            "participant_id", "session_id", "session_from", "session_to", "facts_json", "rule",
            "panel", "domain", "state", "met", "missing", "quality_state", "visit_date",
        )  # fmt: skip
        texts = [c for c in table if table[c].dtype == "string" and c not in kept]
        found[name] = table.assign(**{c: pd.array([evil] * len(table), "string") for c in texts})
        found[name] = found[name].assign(
            **{c: table[c] for c in ("empty_because", "flags") if c in table}
        )
    html = page_of(found)
    own = html.count("<script")
    assert own == page_of(tables).count("<script")
    assert html.count(escaped) > 50
    assert "alert(1)</script>" not in html.replace(escaped, "")


def test_a_pair_whose_first_visit_has_no_label(tables):
    """Its session_from is empty, as at a first visit, but there is a change to show."""
    unlabelled = {
        name: table.replace({name: {"ses-1": pd.NA} for name in ("session_from", "session_id")})
        for name, table in tables.items()
    }
    rooms = rooms_of(page_of(unlabelled, sessions=["", "2"]))
    assert "change since the visit without a session label" in rooms["overview"].text
    expected = rooms_of(page_of(tables))["overview"]
    assert values(rooms["overview"], "changes") == values(expected, "changes")
    assert "NEDA-3" in rooms["criteria"].text
