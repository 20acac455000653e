"""The pages under axe-core in headless Chromium: no serious fault, in light and in dark.

axe-core is not part of this project: the test takes it from npm.
"""

import json
import shutil
import subprocess
import tarfile

import interpreted
import numpy as np
import pytest
import viewer_phantoms
from test_in_browser import CHROMIUM, LAPTOP, PHONE, attributes, shown_by_browser

from mslesion.reports.cohort.page import cohort_page
from mslesion.reports.parts import BRAIN, FIRST, LESIONS, Part, picture
from mslesion.reports.viewer.section import viewer_section

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here"),
    pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not here"),
]
SERIOUS = ("serious", "critical")
DARK = "--blink-settings=preferredColorScheme=0"
RUN = """
document.querySelectorAll("details").forEach(one => { one.open = true; });
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const faults = found.violations.map(one => [one.id, one.impact, one.nodes[0].html]);
  document.body.dataset.faults = JSON.stringify(faults);
});
"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The script of axe-core."""
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "pack", "axe-core@4", "--silent"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"npm gave no axe-core: {done.stderr[-200:]}")
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@pytest.fixture(scope="module")
def pages():
    tables = interpreted.tables()
    image = np.zeros((40, 60, 3), np.uint8)
    pictures = [
        picture(image, room, caption=f"{room} {n}", key="location")
        for room in (FIRST, LESIONS, BRAIN)
        for n in range(3)
    ]
    return {
        "participant": interpreted.page_of(
            tables,
            parts={"2": Part(pictures=tuple(pictures))},
            viewer=viewer_section(*viewer_phantoms.two_visits()),
        ),
        "no pictures": interpreted.page_of(tables, "02"),
        "cohort": cohort_page(tables, interpreted.SESSIONS, version="1"),
    }


@pytest.mark.parametrize("options", [(), (DARK,)], ids=["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("name", ["participant", "no pictures", "cohort"])
def test_no_serious_fault(name, size, options, pages, axe, tmp_path):
    page = shown_by_browser(
        pages[name],
        f"{axe}\n{RUN}",
        tmp_path / "page.html",
        size=size,
        wait_ms=20_000,
        options=options,
    )
    (body,) = attributes(page, "body")
    faults = json.loads(body["data-faults"])
    assert [fault for fault in faults if fault[1] in SERIOUS] == []


def test_a_fault_is_found(pages, axe, tmp_path):
    """The test above can fail: a picture without words."""
    html = pages["participant"].replace('<img alt="first 0"', "<img")
    page = shown_by_browser(html, f"{axe}\n{RUN}", tmp_path / "page.html", wait_ms=20_000)
    (body,) = attributes(page, "body")
    assert "image-alt" in [fault[0] for fault in json.loads(body["data-faults"])]
