"""Where the first screen ends: on a screen of 1280 by 900, and on the first page of A4."""

import interpreted
import numpy as np
import pytest
from devtools import CHROMIUM, Browser

from mslesion.reports.participant.page import Pair
from mslesion.reports.parts import FIRST, Part, picture
from mslesion.schema import CHANGES, VISITS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here"),
]
A4_WIDTH, A4_HEIGHT = 718, 1046
"""Inside margins of 10 mm, at 96 pixels per inch: 190 and 277 mm."""
BOTTOM = "Math.round(document.querySelector('.first').getBoundingClientRect().bottom)"


def slices(count):
    image = np.zeros((390, 330, 3), np.uint8)
    return [picture(image, FIRST, caption=f"slice {n}", key="location") for n in range(count)]


def changed(count):
    image = np.zeros((261, 526, 3), np.uint8)
    caption = "10 enlarging, +571 mm\N{SUPERSCRIPT THREE}, periventricular"
    return [picture(image, FIRST, caption=caption, has_change=True) for _ in range(count)]


def with_change(count):
    """A page with every mark and reason that its first screen can have."""
    tables = interpreted.tables()
    flags = "flair_signal_to_noise:warn;longest_voxel_mm:warn;brain_cut_off_cm2:fail"
    found = tables | {
        VISITS.name: tables[VISITS.name].assign(flags=flags),
        CHANGES.name: tables[CHANGES.name].assign(flags="scanner_change:warn"),
    }
    return interpreted.participant_page(
        "01",
        found,
        visits={"1": Part(), "2": Part(pictures=tuple(slices(6)))},
        pairs=[Pair("1", "2", Part(pictures=tuple(changed(count)), bigger_count=count))],
        version="1",
    )


def alone():
    """The page of a visit that is the first."""
    return interpreted.page_of(
        interpreted.tables(), sessions=["1"], parts={"1": Part(pictures=tuple(slices(6)))}
    )


PAGES = {"alone": alone, "no change": lambda: with_change(0), "much": lambda: with_change(9)}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("layout")) as one:
        yield one


@pytest.fixture(params=PAGES)
def page(request, browser, tmp_path):
    """The browser with a page."""
    path = tmp_path / "page.html"
    path.write_text(PAGES[request.param](), "utf-8")
    browser.open(path)
    browser.wait("document.readyState === 'complete' && !!document.querySelector('.first')")
    yield browser
    browser.send("Emulation.setEmulatedMedia", media="")


def test_first_screen_is_what_is_seen_first(page):
    page.resize(1280, 900)
    assert page.run(BOTTOM) <= 900


def test_first_screen_is_page_one(page):
    page.resize(A4_WIDTH, A4_HEIGHT)
    page.send("Emulation.setEmulatedMedia", media="print")
    assert page.run(BOTTOM) <= A4_HEIGHT
    assert page.run("getComputedStyle(document.querySelector('.first')).breakAfter") == "page"
    assert page.run("getComputedStyle(document.getElementById('index')).display") == "none"


def test_nothing_is_wider_than_a_phone(page):
    page.resize(400, 800)
    page.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.run("document.documentElement.scrollWidth") <= 400


def test_keys_open_what_is_folded(page):
    page.resize(1280, 900)
    page.run("document.querySelector('summary').focus()")
    before = page.run("document.querySelector('details').open")
    page.key(" ")
    assert page.run("document.querySelector('details').open") != before
