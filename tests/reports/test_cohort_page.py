"""The page of a cohort: a line a visit, distributions, and whole without its script."""

import re

import interpreted
import numpy as np
import pandas as pd
import pytest
from html_values import Page, check_values, read_table

from mslesion.criteria import CRITERIA as RULES
from mslesion.io.tables import show_value, write_csv
from mslesion.reports.cohort_page import BINS, DISTRIBUTIONS, cohort_page
from mslesion.schema import CHANGES, CRITERIA, PANELS, TABLES, VISITS, as_table


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


def lines(html):
    """Attributes of the rows of the table of visits."""
    return [a for tag, a in Page(html).tags if tag == "tr" and "data-latest" in a]


def test_one_line_a_visit(html):
    rows = lines(html)
    assert [row["data-row"] for row in rows] == ["sub-01|ses-1", "sub-01|ses-2", "sub-02|"]
    assert [row["data-latest"] for row in rows] == ["no", "yes", "yes"]
    assert "Cohort: 2 participants, 3 visits" in html
    assert '<a href="sub-01.html">sub-01</a>' in html


def test_every_number_is_that_of_the_csv(html, csvs):
    assert check_values(html, csvs) == 3 * 5 + 3  # 5 of each visit, 3 of the one pair
    rates = [v for v in Page(html).found if v[2] == "pbvc_pct_per_year"]
    assert rates == [("changes", "sub-01|ses-2|ses-1", "pbvc_pct_per_year", "-1.12346", "-1.12")]


def test_rules_to_filter_by(html, tables):
    rows = lines(html)
    criteria = tables[CRITERIA.name]
    for row in rows:
        subject, session = row["data-row"].split("|")
        own = criteria[
            (criteria["participant_id"] == subject) & (criteria["session_id"].fillna("") == session)
        ]
        for state, name in (("met", "data-met"), ("not assessable", "data-open")):
            assert row[name].split() == list(own.loc[own["met"] == state, "rule"])
    values = [a["value"] for tag, a in Page(html).tags if tag == "option" and "value" in a]
    assert values == ["", *(rule.name for rule in RULES)]


def test_whole_without_the_script(html):
    """No line is hidden, the form is, and the column heads are plain text."""
    assert all("hidden" not in row for row in lines(html))
    form = next(a for tag, a in Page(html).tags if tag == "form")
    assert "hidden" in form
    assert [tag for tag, _ in Page(html).tags].count("button") == 1  # in the form


def test_nothing_is_fetched(html):
    assert re.findall(r'(?:src|href)="(?!sub-\w+\.html")[^"]*"', html) == []
    assert "http" not in html.replace("http://www.w3.org", "")


def test_distributions_are_of_the_latest_visits(html, csvs):
    """The numbers in words, from the CSV: person 01's second visit and person 02."""
    volumes = csvs["visits"]["lesion_volume_ml"].astype(float)[1:]
    assert list(volumes) == [0.765432, 0.0]
    words = f"2 participants, median {show_value(np.median(volumes))}, 0 to 0.765"
    assert f"Lesion volume, mL</b><br>{words}" in html
    assert f'aria-label="Lesion volume, mL: {words}"' in html
    assert "New lesions</b><br>1 participant, median 2, 2 to 2" in html
    assert html.count("<svg") == len(DISTRIBUTIONS)


def test_a_histogram_by_hand(tables):
    """Volumes 0 to 12 in 12 bins: the last holds 11 and 12, the median is 6."""
    visits = as_table(
        [{"participant_id": f"{n:02}", "lesion_volume_ml": float(n)} for n in range(13)], VISITS
    )
    empty = {table.name: as_table([], table) for table in TABLES}
    criteria = tables[CRITERIA.name].iloc[:0]
    html = cohort_page(
        {**empty, VISITS.name: visits, CRITERIA.name: criteria},
        {f"{n:02}": [""] for n in range(13)},
        version="1",
    )
    first = html[html.index("<svg") : html.index("</svg>")]
    heights = [float(h) for h in re.findall(r'height="([\d.]+)"/', first)]
    assert heights == [40.0] * (BINS - 1) + [80.0]
    assert "13 participants, median 6, 0 to 12" in html
    assert "<b>Lesions</b><br>not assessable" in html


def test_text_from_outside_is_escaped(tables):
    evil = "<script>alert(1)</script>"
    visits = tables[VISITS.name].assign(visit_date=pd.array([evil] * 3, dtype="string"))
    html = cohort_page({**tables, VISITS.name: visits}, interpreted.SESSIONS, version=evil)
    assert html.count("<script") == 1


def test_empty_cohort():
    html = cohort_page({table.name: as_table([], table) for table in TABLES}, {}, version="1")
    assert "Cohort: 0 participants, 0 visits" in html
    assert not Page(html).open
