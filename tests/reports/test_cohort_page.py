"""The page of a cohort: data of each visit, distributions, courses and the quality overview."""

import json
import re
from itertools import pairwise

import interpreted
import numpy as np
import pandas as pd
import pytest
from html_values import BY_NAME, Page, read_table

from mslesion.criteria import CRITERIA as RULES
from mslesion.io.tables import show_value, write_csv
from mslesion.reports.cohort.charts import BINS, COURSES, DISTRIBUTIONS, HEIGHT, WIDTH, Course
from mslesion.reports.cohort.page import LETTERS, cohort_page
from mslesion.reports.cohort.rows import CHANGE_COLUMNS, RULES_SHOWN, SHOWN, VISIT_COLUMNS
from mslesion.schema import CHANGES, CRITERIA, PANELS, TABLES, VISITS, as_table
from mslesion.schema.criteria import OUTCOMES


@pytest.fixture(scope="module")
def tables():
    return interpreted.tables()


@pytest.fixture(scope="module")
def html(tables):
    return cohort_page(tables, interpreted.SESSIONS, version="1.2.3")


@pytest.fixture(scope="module")
def csvs(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv")
    return {
        table.name: read_table(write_csv(tables[table.name], table, folder))
        for table in (VISITS, CHANGES, CRITERIA, PANELS)
    }


def data_of(html):
    """What the script reads."""
    return json.loads(re.search(r'id="cohort">(.*?)</script>', html, re.DOTALL)[1])


def values(html, name, *, key="values"):
    return next(one[key] for one in data_of(html)["columns"] if one["name"] == name)


def without_visits(count):
    return {table.name: as_table([], table) for table in TABLES} | {
        VISITS.name: as_table(
            [{"participant_id": f"{n:02}", "lesion_volume_ml": float(n)} for n in range(count)],
            VISITS,
        )
    }


def test_one_row_a_visit_in_order(html):
    assert values(html, "participant_id") == ["sub-01", "sub-01", "sub-02"]
    assert values(html, "session_id") == ["ses-1", "ses-2", None]
    assert data_of(html)["latest"] == "011"
    assert "Cohort: 2 participants, 3 visits" in html


def test_rows_are_those_of_the_sessions(tables):
    """Order and choice come from the sessions, whatever order the tables have."""
    shuffled = {name: frame.iloc[::-1] for name, frame in tables.items()}
    html = cohort_page(shuffled, {"02": [""], "01": ["1", "2"]}, version="1")
    assert values(html, "participant_id") == ["sub-02", "sub-01", "sub-01"]
    assert values(html, "lesion_volume_ml") == ["0", "0.612346", "0.765432"]


def test_every_number_is_that_of_the_csv(html, csvs):
    """Written as in the CSV, and shown as on every page."""
    visits, changes = csvs["visits"], csvs["changes"]
    for name in VISIT_COLUMNS:
        assert [value or "" for value in values(html, name)] == list(visits[name])
    for name in CHANGE_COLUMNS:
        (of_pair,) = changes[name]
        assert values(html, name) == [None, of_pair or None, None]
    assert values(html, "pbvc_pct_per_year", key="shown") == ["", "-1.12", ""]
    assert values(html, "lesion_volume_ml", key="shown") == ["0.612", "0.765", "0"]
    declared = {c.name: c.dtype for table in BY_NAME.values() for c in table.columns}
    numeric = {one.name for one in SHOWN if declared.get(one.name) in ("float64", "Int64")}
    assert numeric == {one.name for one in SHOWN if one.kind == "number"}


def test_verdicts_of_every_rule(html, tables):
    assert set(LETTERS) == set(OUTCOMES)
    assert len(set(LETTERS.values())) == len(OUTCOMES)
    data, criteria = data_of(html), tables[CRITERIA.name]
    assert [rule["name"] for rule in data["rules"]] == [rule.name for rule in RULES]
    sessions = [value or "" for value in values(html, "session_id")]
    people = values(html, "participant_id")
    for subject, session, letters in zip(people, sessions, data["verdicts"], strict=True):
        own = criteria[
            (criteria["participant_id"] == subject) & (criteria["session_id"].fillna("") == session)
        ].set_index("rule")["met"]
        assert list(letters) == [LETTERS[own[rule.name]] for rule in RULES]
    for rule in RULES_SHOWN:
        assert values(html, rule) == list(criteria.loc[criteria["rule"] == rule, "met"])


def test_choices_of_the_form(html):
    """Rules and outcomes; a provisional rule says so."""
    text = Page(html).text
    assert all(outcome in text for outcome in OUTCOMES)
    assert "(provisional)" in text
    options = [a["value"] for tag, a in Page(html).tags if tag == "option" and "value" in a]
    assert options.count("") == 4  # any rule, state of the visit and of the pair, check
    assert {"visit:lesion_volume_ml", "visit:flair_signal_to_noise"} <= set(options)


def test_groups_and_scanners_where_known(tables):
    names = {
        one["name"]
        for one in data_of(cohort_page(tables, interpreted.SESSIONS, version="1"))["columns"]
    }
    assert not names & {"group", "scanner_id"}
    visits = tables[VISITS.name].assign(scanner_id=pd.array(["A", None, "B"], dtype="string"))
    html = cohort_page(
        {**tables, VISITS.name: visits}, interpreted.SESSIONS, version="1", groups={"02": "treated"}
    )
    assert values(html, "group") == [None, None, "treated"]
    assert values(html, "scanner_id") == ["A", None, "B"]
    assert "<option>treated</option>" in html


def test_quality_overview(html):
    """Person 02 has two warnings; the pair of person 01 says no check."""
    cells = {a["data-check"]: a for tag, a in Page(html).tags if "data-check" in a}
    assert set(cells) == {
        f"visit:{name}:{state}"
        for name in ("lesion_volume_ml", "flair_signal_to_noise")
        for state in ("warn", "fail")
    }
    assert data_of(html)["flags"] == [
        ["", "", "lesion_volume_ml:warn;flair_signal_to_noise:warn"], ["", "", ""],
    ]  # fmt: skip
    assert re.search(r'"visit:lesion_volume_ml:warn">1<', html)
    assert re.search(r'"visit:lesion_volume_ml:fail">0<', html)


def test_checks_of_pairs(tables):
    changes = tables[CHANGES.name].assign(flags=pd.array(["scanner_change:warn"], dtype="string"))
    html = cohort_page({**tables, CHANGES.name: changes}, interpreted.SESSIONS, version="1")
    assert data_of(html)["flags"][1] == ["", "scanner_change:warn", ""]
    assert re.search(r'"pair:scanner_change:warn">1<', html)
    assert values(html, "pair_quality_state") == [None, "warn", None]


def test_nothing_flagged():
    html = cohort_page(without_visits(2), {"00": [""], "01": [""]}, version="1")
    assert "All checks passed" in html


def test_nothing_is_fetched(html):
    assert re.findall(r'(?:src|href)="[^"]*"', html) == []
    assert "http" not in html.replace("http://www.w3.org", "")


def test_distributions_are_of_the_latest_visits(html, csvs):
    """The numbers in words, from the CSV: person 01's second visit and person 02."""
    volumes = csvs["visits"]["lesion_volume_ml"].astype(float)[1:]
    assert list(volumes) == [0.765432, 0.0]
    words = f"2 participants, median {show_value(np.median(volumes))}, 0 to 0.765"
    assert f"Lesion volume, mL</b><br>{words}" in html
    assert f'aria-label="Lesion volume, mL: {words}"' in html
    assert "New lesions</b><br>1 participant, median 2, 2 to 2" in html
    assert html.count("<figure data-distribution") == len(DISTRIBUTIONS)


def test_a_histogram_by_hand():
    """Volumes 0 to 12 in 12 bins: the last holds 11 and 12, the median is 6."""
    html = cohort_page(without_visits(13), {f"{n:02}": [""] for n in range(13)}, version="1")
    first = html[html.index("<svg") : html.index("</svg>")]
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"/', first)]
    assert heights == [40.0] * (BINS - 1) + [80.0]
    assert "13 participants, median 6, 0 to 12" in html
    assert "<b>Lesions</b><br>not assessable" in html


def course(html, column):
    part = html[html.index(f'data-course="{column}"') :]
    part = part[: part.index("</figure>")]
    return re.findall(r'data-person="([^"]+)" d="([^"]+)"', part), part


def test_a_course_by_hand(html):
    """Two years from the lowest volume but one (0.612) to the highest (0.765); person 02 has 0."""
    lines, part = course(html, "lesion_volume_ml")
    low = HEIGHT * (1 - 0.612346 / 0.765432)
    assert lines == [("sub-01", f"M0 {low:.0f}L{WIDTH} 0")]  # low is 16.0
    assert "lines of 1 participant, 0 to 2 years, 0 to 0.765" in part
    assert set(COURSES) == {"lesion_volume_ml", "bpf"}


@pytest.mark.parametrize(("people", "opacity"), [(0, 1), (40, 1), (80, 0.5), (10_000, 0.03)])
def test_many_lines_are_faint(people, opacity):
    assert Course("bpf", "", "", (("sub-01", "M0 0"),) * people).opacity == opacity


def test_visits_that_may_not_be_compared_are_not_joined(html):
    """The brain change of the pair is not said to be assessable."""
    lines, part = course(html, "bpf")
    assert lines == []
    assert "lines of 0 participants" in part


def test_a_gap_in_a_course():
    """Four visits a year apart; the middle two may not be compared: two pieces."""
    sessions = ("1", "2", "3", "4")
    visits = [{"participant_id": "01", "session_id": s, "lesion_volume_ml": float(s)}
              for s in sessions]  # fmt: skip
    changes = [
        {"participant_id": "01", "session_from": a, "session_to": b, "interval_years": 1.0,
         "change_assessable": b != "3"}
        for a, b in pairwise(sessions)
    ]  # fmt: skip
    criteria = [
        {"participant_id": "01", "session_id": b, "session_from": a or None, "position": 1,
         "rule": "mcdonald2017_dis", "title": "t", "met": "met", "provisional": False}
        for a, b in pairwise(("", *sessions))
    ]  # fmt: skip
    tables = {table.name: as_table([], table) for table in TABLES}
    tables |= {VISITS.name: as_table(visits, VISITS), CHANGES.name: as_table(changes, CHANGES),
               CRITERIA.name: as_table(criteria, CRITERIA)}  # fmt: skip
    lines, _ = course(cohort_page(tables, {"01": list(sessions)}, version="1"), "lesion_volume_ml")
    assert lines == [("sub-01", "M0 80L80 53.3M160 26.7L240 0")]


def test_text_from_outside_is_escaped(tables):
    evil = "</script><script>alert(1)</script>"
    visits = tables[VISITS.name].assign(visit_date=pd.array([evil] * 3, dtype="string"))
    html = cohort_page(
        {**tables, VISITS.name: visits}, interpreted.SESSIONS, version=evil, groups={"02": evil}
    )
    assert html.count("<script") == 2  # the data and the page's own
    assert values(html, "visit_date") == [evil] * 3


def test_empty_cohort():
    html = cohort_page({table.name: as_table([], table) for table in TABLES}, {}, version="1")
    assert "Cohort: 0 participants, 0 visits" in html
    assert not Page(html).open
