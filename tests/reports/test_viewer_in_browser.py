"""The viewer in a real browser: where the overlay is, what keys do, what leaves the page."""

import pytest
import viewer_phantoms as made
from devtools import CHROMIUM, Browser

from mslesion.reports.viewer.section import viewer_section
from mslesion.schema import LESION_CHANGES, LESIONS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here"),
]
PERIVENTRICULAR, NEW = (230, 159, 0), (255, 110, 40)
"""Colours of periventricular and of new lesions."""
FIELD = 44
"""Voxels of 1 mm along each side of the volumes: the brain of 36 mm and 4 mm on either side."""

COLORED = """
(pane, color) => {
  const {nv} = pane;
  nv.opts.crosshairWidth = 0;
  nv.opts.isOrientationTextVisible = false;
  nv.drawScene();
  const {gl} = nv, [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
  const all = new Uint8Array(4 * w * h);
  gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, all);
  let [n, x, y] = [0, 0, 0];
  for (let at = 0; at < w * h; at++) {
    const rgb = all.subarray(4 * at, 4 * at + 3);
    if (color.some((value, k) => Math.abs(value - rgb[k]) > 25)) continue;
    n += 1; x += at % w; y += h - 1 - Math.floor(at / w);
  }
  return {n, x: x / n, y: y / n, w, h};
}
"""
"""Number of pixels of a colour, without the cross, and their middle."""


def page(section, rows=""):
    """A document with the section and a table."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>x</title></head>'
        f'<body style="margin:0"><main>{section}<table>{rows}</table></main></body></html>'
    )


def row(table, values, mm):
    """A row of a table as the pages write it."""
    key = "|".join(values[name] for name in table.key)
    cells = "".join(
        f'<td data-column="{axis}_mm" data-value="{value}">{value}</td>'
        for axis, value in zip("xyz", mm, strict=True)
    )
    return f'<tr data-table="{table.name}" data-row="{key}"><td>{key[-1]}</td>{cells}</tr>'


ROWS = row(
    LESIONS, {"participant_id": "sub-1", "session_id": "ses-2", "lesion_id": "1"}, made.LESION
) + row(
    LESION_CHANGES,
    {"participant_id": "sub-1", "session_from": "ses-1", "session_to": "ses-2", "group_id": "2"},
    made.RIGHT_LESION,
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser that shows two visits of a phantom, with the viewer started."""
    folder = tmp_path_factory.mktemp("viewer")
    with Browser(folder / "profile") as one:
        start(one, folder / "page.html", page(viewer_section(*made.two_visits()), ROWS))
        yield one


def start(one, path, html):
    """Open a page and wait until its viewer is ready or says that it cannot be."""
    path.write_text(html, "utf-8")
    one.open(path)
    one.wait("document.readyState === 'complete' && !!document.getElementById('viewer')")
    one.run("document.getElementById('viewer').viewer.start()")


@pytest.fixture
def viewer(browser):
    """The viewer as it is at first: lesions over axial slices."""
    browser.run("""(async () => {
      const root = document.getElementById("viewer");
      const set = (name, value) => { root.querySelector(`[data-viewer="${name}"]`).value = value; };
      set("plane", "axial"); set("opacity", 1); set("scan", "FLAIR");
      for (const box of root.querySelectorAll('[data-viewer="map"]')) {
        box.checked = box.value === "lesions";
      }
      root.viewer.state.voxel = null;
      await root.viewer.choose(1);
    })()""")
    return browser


def colored(browser, pane, color):
    """What has a colour in a pane, 0 the earlier and 1 the later visit."""
    panes = "document.getElementById('viewer').viewer.panes"
    return browser.run(f"({COLORED})({panes}[{pane}], {list(color)})")


def go(browser, number):
    """Press the button of a row, and wait until the viewer is there."""
    browser.run("document.activeElement.blur()")
    browser.run(f"document.querySelectorAll('.viewer-go')[{number}].click()")
    browser.wait("document.activeElement.tagName === 'CANVAS'")


def where(browser):
    """What the viewer says of the place of the cross."""
    return browser.run("document.querySelector('[data-viewer=where]').textContent")


def captions(browser):
    """Of the panes that are shown."""
    return browser.run(
        "[...document.querySelectorAll('#viewer figure')].filter((one) => !one.hidden)"
        ".map((one) => one.querySelector('figcaption').textContent)"
    )


def is_at(found, centre):
    """Whether the colour in an axial slice is where radiologists expect a lesion.

    The slice fills the canvas as far as it is square; the patient's left is at the right, the
    front above.
    """
    pixels = min(found["w"], found["h"]) / FIELD
    expected = found["w"] / 2 - centre[0] * pixels, found["h"] / 2 - centre[1] * pixels
    return (found["x"], found["y"]) == pytest.approx(expected, abs=1.5 * pixels)


def test_the_overlay_is_at_the_lesion(viewer):
    """The earlier visit, turned onto the later one, shows it at the same place."""
    go(viewer, 0)
    assert where(viewer).startswith("x -9.5, y 4.5, z 5.5 mm")
    assert "lesion 1, periventricular" in where(viewer)
    for pane in (0, 1):
        found = colored(viewer, pane, PERIVENTRICULAR)
        assert found["n"] > 100
        assert is_at(found, made.LESION)
        assert not is_at(found, (-made.LESION[0], *made.LESION[1:]))


def test_it_begins_where_most_is_new(viewer):
    """At the lesion that only the later visit has, over which the change map lies."""
    for key, value in zip("xyz", made.RIGHT_LESION, strict=True):
        assert f"{key} {value}" in where(viewer)


def test_a_row_of_a_change_goes_to_it(viewer):
    """Both panes show the change map of the pair, which is chosen with it."""
    viewer.run("document.getElementById('viewer').viewer.choose(0)")
    go(viewer, 1)
    assert "new lesion" in where(viewer)
    viewer.key("l")  # off: the change map alone
    viewer.run("new Promise((done) => requestAnimationFrame(done))")
    for pane in (0, 1):
        found = colored(viewer, pane, NEW)
        assert found["n"] > 100
        assert is_at(found, made.RIGHT_LESION)


def test_keys(viewer):
    go(viewer, 0)
    voxel = "document.getElementById('viewer').viewer.state.voxel.join()"
    plane = "document.querySelector('[data-viewer=plane]').value"
    x, y, z = map(int, viewer.run(voxel).split(","))
    moves = {
        "PageUp": (0, 0, 1), "PageDown": (0, 0, -1), "ArrowUp": (0, 1, 0), "ArrowDown": (0, -1, 0),
        "ArrowLeft": (1, 0, 0), "ArrowRight": (-1, 0, 0),
    }  # fmt: skip
    for key, (i, j, k) in moves.items():
        viewer.key(key)
        x, y, z = x + i, y + j, z + k
        assert viewer.run(voxel) == f"{x},{y},{z}", key
    viewer.key("n")
    viewer.key("n")
    assert "lesion 2, deep white matter" in where(viewer)
    viewer.key("p")
    assert "lesion 1, periventricular" in where(viewer)
    for key, name in {"2": "coronal", "3": "sagittal", "0": "all", "1": "axial"}.items():
        viewer.key(key)
        assert viewer.run(plane) == name
    viewer.key("l")
    assert colored(viewer, 1, PERIVENTRICULAR)["n"] == 0
    viewer.key("t")
    viewer.wait("document.querySelector('figcaption').textContent.includes('T1w')")


def test_the_other_pane_follows(viewer):
    go(viewer, 0)
    box = viewer.run(
        "(({left, top, width, height}) => [left + 0.4 * width, top + 0.6 * height])"
        "(document.querySelectorAll('#viewer canvas')[0].getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        viewer.send(
            "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1
        )
    cross = (
        "document.getElementById('viewer').viewer.panes.map((p) => [...p.nv.scene.crosshairPos])"
    )
    first, second = viewer.run(cross)
    assert first == second
    assert 0.55 < first[0] < 0.7  # at the left of the screen: the patient's right
    assert 0.3 < first[1] < 0.45


def test_the_wheel_scrolls_the_page_until_a_slice_has_the_focus(viewer):
    voxel = "document.getElementById('viewer').viewer.state.voxel[2]"
    go(viewer, 0)
    viewer.run("document.activeElement.blur()")
    canvas = "document.querySelectorAll('#viewer canvas')[1]"
    wheel = f"{canvas}.dispatchEvent(new WheelEvent('wheel', {{deltaY: 100, bubbles: true,"
    wheel += f"cancelable: true, clientX: {canvas}.getBoundingClientRect().left + 200,"
    wheel += f"clientY: {canvas}.getBoundingClientRect().top + 200}}))"
    before = viewer.run(voxel)
    assert viewer.run(wheel)  # not prevented
    assert viewer.run(voxel) == before
    viewer.run(f"{canvas}.focus()")
    assert not viewer.run(wheel)
    assert viewer.run(voxel) != before


def test_no_error_and_nothing_leaves_the_page(viewer):
    assert viewer.messages == []
    kinds = {url.partition(":")[0] for url in viewer.requests}
    assert kinds <= {"file", "data", "blob"}
    assert sum(url.startswith("file") for url in viewer.requests) == 1  # the page itself


def test_a_phone(viewer):
    viewer.resize(400, 800)
    try:
        viewer.wait("document.documentElement.scrollWidth <= 400", seconds=10)
    finally:
        viewer.resize(1280, 900)


def test_the_last_choice_stays(tmp_path):
    """Although the second visit, chosen before, takes longer to unpack than the first."""
    with Browser(tmp_path / "profile") as one:
        start(one, tmp_path / "page.html", page(viewer_section(*made.three_visits())))
        one.run("""(async () => {
          const { unpack } = ViewerVolumes;
          ViewerVolumes.unpack = async (block) => {
            const ms = block.dataset.volume.startsWith("1-") ? 500 : 0;
            await new Promise((go) => setTimeout(go, ms));
            return unpack(block);
          };
          const { viewer } = document.getElementById("viewer");
          await Promise.all([viewer.choose(1), viewer.choose(0)]);
        })()""")
        assert one.run("document.querySelector('[data-viewer=visit]').value") == "0"
        assert captions(one) == ["ses-1, 2020-01-01: FLAIR"]
        assert "x -8.5, y -0.5, z 6.5 mm" in where(one)
        assert one.run("""(async () => {
          const own = ViewerVolumes.parse(
            await ViewerVolumes.unpack(document.querySelector('[data-volume="0-lesions"]')));
          const shown = document.getElementById("viewer").viewer.panes[1].volumes.lesions;
          return own.data.join() === shown.data.join() && own.affine.join() === shown.affine.join();
        })()""")
        assert one.messages == []


def test_a_choice_that_cannot_be_shown(tmp_path):
    """A line says so, and the slices and their captions stay until the next choice."""
    with Browser(tmp_path / "profile") as one:
        start(one, tmp_path / "page.html", page(viewer_section(*made.three_visits())))
        before = captions(one)
        one.run("""document.querySelector('[data-volume="1-lesions"]').textContent = "?" """)
        status = "document.querySelector('[data-viewer=status]').textContent"
        choose = """((value) => {
          const select = document.querySelector("[data-viewer=visit]");
          select.value = value;
          select.dispatchEvent(new Event("change", {bubbles: true}));
        })"""
        one.run(f"{choose}(1)")
        one.wait(f"{status} !== ''")
        said = one.run(status)
        assert said.startswith("This choice cannot be shown (")
        assert said.endswith("); the captions name what is shown.")
        assert captions(one) == before
        one.run(f"{choose}(0)")
        one.wait(f"{status} === ''")
        assert captions(one) == ["ses-1, 2020-01-01: FLAIR"]
        assert one.messages == []


def test_unknown_sides_are_not_named(tmp_path):
    visit = made.viewed("1", made.scene(), is_oriented=False)
    with Browser(tmp_path / "profile") as one:
        start(one, tmp_path / "page.html", page(viewer_section([visit], [])))
        state = "document.getElementById('viewer').dataset.state"
        assert one.run(state) == "ready"
        assert "left and right are unknown" in one.run(
            "document.querySelectorAll('figcaption')[1].textContent"
        )
        nv = "document.getElementById('viewer').viewer.panes[1].nv"
        assert one.run(f"{nv}.opts.isOrientationTextVisible") is False


def test_without_lesions_and_without_a_map(tmp_path):
    """A visit with no lesion, and one whose lesions were not assessable."""
    none, unknown = made.scene(lesions=()), made.scene() | {"lesions": None}
    visits = [made.viewed("1", unknown), made.viewed("2", none)]
    with Browser(tmp_path / "profile") as one:
        start(one, tmp_path / "page.html", page(viewer_section(visits, [])))
        one.run("document.querySelectorAll('#viewer canvas')[1].focus()")
        one.key("n")
        assert one.run("document.getElementById('viewer').dataset.state") == "ready"
        one.run("document.getElementById('viewer').viewer.choose(0)")
        one.key("n")
        assert one.messages == []


def test_without_webgl_the_pictures_serve(tmp_path):
    with Browser(tmp_path / "profile", flags=["--disable-3d-apis"]) as one:
        start(one, tmp_path / "page.html", page(viewer_section(*made.two_visits()), ROWS))
        assert one.run("document.getElementById('viewer').dataset.state") == "unavailable"
        text = one.run("document.querySelector('[data-viewer=status]').textContent")
        assert "no WebGL 2; the pictures of this page show the same" in text
        assert one.run("document.querySelector('[data-viewer=controls]').hidden")
        one.run("document.querySelector('.viewer-go').click()")
        assert one.messages == []
