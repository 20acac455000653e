"""The pages in a real browser: no wider than the screen, sorted, filtered, by keyboard."""

import io
import json
import shutil
import subprocess
from html import escape

import interpreted
import pandas as pd
import pytest
from html_values import Page

from mslesion.reports.cohort.page import cohort_page
from mslesion.schema import TABLES, VISITS, as_table

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here")
LAPTOP, PHONE = "1280,900", "400,844"


@pytest.fixture(scope="module")
def pages():
    """Both pages by name."""
    tables = interpreted.tables()
    return {
        "subject": interpreted.page_of(tables),
        "cohort": cohort_page(tables, interpreted.SESSIONS, version="1"),
    }


@pytest.fixture
def render(pages, tmp_path):
    """The page as a browser shows it after a script has run, parsed."""

    def render(name, script="", size=LAPTOP):
        return shown_by_browser(pages[name], script, tmp_path / f"{name}.html", size=size)

    return render


FRAME = """
const frame = document.createElement("iframe");
frame.style = "border: 0; height: 900px; width: %dpx";
frame.srcdoc = document.getElementById("page").textContent;
frame.onload = () => {
  const page = frame.contentDocument;
  page.querySelectorAll("details").forEach(d => { d.open = true; });
  document.body.dataset.over = page.documentElement.scrollWidth - frame.contentWindow.innerWidth;
  document.body.dataset.wide = frame.contentWindow.innerWidth;
  const boxes = [...page.querySelectorAll(".wide")];
  document.body.dataset.boxes = boxes.length;
  document.body.dataset.reached = boxes.filter(box => box.tabIndex === 0).length;
};
document.body.append(frame);
"""
"""Shows a page in a frame, since a window of Chromium is not narrower than 500 pixels."""


def shown_by_browser(html, script, path, *, size=LAPTOP, wait_ms=2000, options=()):
    """A page as a browser shows it after a script has run, parsed."""
    path.write_text(html.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    out = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={size}",
         *options, f"--virtual-time-budget={wait_ms}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    return Page(out.replace("<!DOCTYPE html>", ""))


def attributes(page, tag):
    return [a for name, a in page.tags if name == tag]


def shown(page):
    """Rows of the table of visits, in order."""
    return [bare(a["data-row"]) for a in attributes(page, "tr") if "data-row" in a]


def bare(rows):
    """Rows without the prefixes of their labels: sub-01|ses-2 is 01|2."""
    return rows.replace("sub-", "").replace("ses-", "")


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["subject", "cohort"])
def test_no_wider_than_the_screen(pages, name, width, tmp_path):
    """Wide tables scroll in their own box, which the keyboard reaches."""
    html = f'<html><body><textarea id="page" hidden>{escape(pages[name])}</textarea></body></html>'
    page = shown_by_browser(html, FRAME % width, tmp_path / "frame.html", size="1400,900")
    (body,) = attributes(page, "body")
    assert int(body["data-wide"]) == width
    assert int(body["data-over"]) <= 0
    assert int(body["data-boxes"]) == int(body["data-reached"]) > 0


def test_first_screen_fits_a_laptop(render):
    script = (
        "const box = document.querySelector('.first').getBoundingClientRect();"
        "document.body.dataset.bottom = Math.round(box.bottom)"
    )
    (body,) = attributes(render("subject", script), "body")
    assert int(body["data-bottom"]) <= 900


def test_index_stays_in_view(render):
    script = (
        "document.getElementById('quality').scrollIntoView();"
        "const box = document.getElementById('index').getBoundingClientRect();"
        "document.body.dataset.top = scrollY > 500 ? box.top : 'not scrolled'"
    )
    (body,) = attributes(render("subject", script), "body")
    assert body["data-top"] == "0"


def test_all_visits_at_first(render):
    page = render("cohort")
    assert shown(page) == ["01|1", "01|2", "02|"]
    assert "3 of 3 visits shown" in page.text
    (form,) = attributes(page, "form")
    assert "hidden" not in form


RECORD = """
const seen = [];
const body = document.getElementById("visits").tBodies[0];
const record = () => seen.push(
  [...body.rows].map(r => r.dataset.row).join(" "));
const store = () => { document.body.dataset.seen = JSON.stringify(seen); };
"""


def test_sorting(render):
    """Each head holds a button; once is up, twice is down; what is missing comes last."""
    script = """
    const press = (title) => {
      const b = [...document.querySelectorAll("th button")].find(b => b.textContent === title);
      b.focus();
      if (document.activeElement !== b) seen.push("no focus");
      b.click();
      record();
    };
    const [volume, some, who] = ["Lesion volume, mL", "New lesions", "Participant"];
    [volume, some, some, volume, volume, who, who].forEach(press);
    store();
    """
    page = render("cohort", RECORD + script)
    (body,) = attributes(page, "body")
    assert json.loads(bare(body["data-seen"])) == [
        "02| 01|1 01|2",  # 0, 0.61 and 0.77 mL
        "01|2 02| 01|1", "01|2 02| 01|1",  # one visit has a pair; the others stay as they were
        "02| 01|1 01|2", "01|2 01|1 02|",
        "01|2 01|1 02|", "02| 01|2 01|1",
    ]  # fmt: skip
    assert [a["aria-sort"] for a in attributes(page, "th") if "aria-sort" in a] == ["descending"]
    assert len([a for a in attributes(page, "th") if a["scope"] == "col"]) == 17 + 4  # and checks
    assert len(attributes(page, "button")) == 17 + 4  # show all, save, previous, next


def test_filter_by_criterion(render):
    script = """
    const f = document.getElementById("filter");
    const choose = (rule, verdict, latest) => {
      f.elements.rule.value = rule;
      f.elements.verdict.value = verdict;
      f.elements.latest.checked = latest;
      f.dispatchEvent(new Event("input"));
      record();
    };
    choose("mcdonald2017_dis", "met", false);
    choose("mcdonald2017_dis", "not met", false);
    choose("mcdonald2024_dis", "not assessable", false);
    choose("lublin2013_activity", "met", false);
    choose("mcdonald2017_dis", "met", true);
    choose("", "met", true);
    f.reset();
    setTimeout(() => { record(); store(); }, 50);
    """
    page = render("cohort", RECORD + script)
    (body,) = attributes(page, "body")
    # Person 02 has no lesion: one unknown region (2017) cannot be two, two (2024) can
    assert json.loads(bare(body["data-seen"])) == [
        "01|1 01|2", "02|", "02|", "01|2", "01|2", "01|2 02|", "01|1 01|2 02|",
    ]  # fmt: skip
    assert "3 of 3 visits shown" in page.text


def test_filter_by_quality_check_and_person(render):
    """The counts of the quality overview follow; a person alone is marked in the charts."""
    script = """
    const f = document.getElementById("filter");
    const warned = document.querySelector('[data-check="visit:lesion_volume_ml:warn"]');
    const choose = (name, value) => {
      f.elements[name].value = value;
      f.dispatchEvent(new Event("input"));
      record();
      seen.push(warned.textContent);
      f.elements[name].value = "";
    };
    choose("quality_state", "warn");
    choose("check", "visit:lesion_volume_ml");
    choose("person", "B-01");
    seen.push([...document.querySelectorAll("[data-person].chosen")]
      .map(line => line.dataset.person).join(" "));
    seen.push(document.querySelectorAll('[data-mark="sub-01"]').length);
    choose("person", "nobody");
    seen.push(document.querySelectorAll("[data-mark]").length);
    store();
    """
    (body,) = attributes(render("cohort", RECORD + script), "body")
    assert json.loads(bare(body["data-seen"])) == [
        "02|", "1", "02|", "1", "01|1 01|2", "0",
        "01",  # the course of its lesion volume
        6,  # a mark in every distribution
        "", "0", 0,
    ]  # fmt: skip


def test_saved_file(render, pages):
    """What is shown, with the values of the CSV; commas are quoted."""
    script = """
    const f = document.getElementById("filter");
    f.elements.latest.checked = true;
    f.dispatchEvent(new Event("input"));
    URL.createObjectURL = (blob) => { blob.text().then(t => { document.body.dataset.text = t; });
                                      return "#"; };
    HTMLAnchorElement.prototype.click = function () { document.body.dataset.name = this.download; };
    document.getElementById("save").click();
    """
    (body,) = attributes(render("cohort", script), "body")
    assert body["data-name"] == "cohort.csv"
    saved = pd.read_csv(io.StringIO(body["data-text"]), dtype=str, keep_default_na=False)
    assert list(saved["participant_id"]) == ["sub-01", "sub-02"]
    assert list(saved["lesion_volume_ml"]) == ["0.765432", "0"]
    assert list(saved["pbvc_pct_per_year"]) == ["-1.12346", ""]


def test_pages_of_a_long_table(pages, tmp_path):
    """Rows beyond those in view are a button away; sorting takes in all of them."""
    visits = [{"participant_id": f"{n:03}", "lesion_volume_ml": float(n)} for n in range(250)]
    tables = {table.name: as_table([], table) for table in TABLES}
    tables[VISITS.name] = as_table(visits, VISITS)
    html = cohort_page(tables, {f"{n:03}": [""] for n in range(250)}, version="1")
    script = """
    const range = document.getElementById("range");
    const press = (id) => document.getElementById(id).click();
    const look = () => { record(); seen.push(range.textContent); };
    press("forward"); press("forward"); look();
    [...document.querySelectorAll("th button")]
      .find(b => b.textContent === "Lesion volume, mL").click();
    document.querySelector("[aria-sort] button").click();
    look();
    store();
    """
    (body,) = attributes(shown_by_browser(html, RECORD + script, tmp_path / "long.html"), "body")
    last, at_last, first, at_first = json.loads(body["data-seen"])
    assert last.split() == [f"sub-{n:03}|" for n in range(200, 250)]
    assert at_last == "201 to 250 of 250"
    assert first.split() == [f"sub-{n:03}|" for n in range(249, 149, -1)]
    assert at_first == "1 to 100 of 250"


def test_controls_have_names(render):
    """Every select and box stands in a label, every picture has words."""
    page = render("cohort")
    controls = [a for tag, a in page.tags if tag in ("select", "input")]
    assert len(attributes(page, "label")) == len(controls) == 7
    assert all(a["aria-label"] for a in attributes(page, "svg"))
    assert all(a["scope"] for a in attributes(page, "th"))
