"""What a page carries for its viewer: compact volumes without a face, and what they mean."""

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files

import nibabel as nib
import numpy as np
import pytest
import viewer_phantoms as made
from scipy.spatial import cKDTree

from mslesion.reports.viewer.section import ENGINE, viewer_section
from mslesion.reports.viewer.volumes import (
    ANATOMY,
    CHANGE,
    LESIONS,
    MARGIN_MM,
    change_volume,
    packed,
    visit_volumes,
)

PUBLISHED = "47b896b77ec4a5be3ef1949c33ad393b6f45629921f326c279000bcf51bdb4af"
"""SHA-256 of dist/niivue.umd.js of @niivue/niivue 0.69.0 at npm."""


def opened(content):
    """Voxels and affine of a packed volume."""
    image = nib.Nifti1Image.from_bytes(gzip.decompress(content))
    return np.asanyarray(image.dataobj), image.affine


def places(mask, affine):
    """World points of the voxels of a mask, in order."""
    points = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    return points[np.lexsort(points.T)]


def about(html):
    """What the page says of its volumes."""
    found = re.search(r'data-viewer="about">(.*?)</script>', html, re.DOTALL)
    return json.loads(found[1])


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.9, 0.9, 3.0)])
def test_nothing_outside_the_margin_of_the_brain(spacing):
    scene = made.scene(made.grid(spacing))
    volumes = visit_volumes(**scene)
    assert list(volumes) == ["FLAIR", "T1w", ANATOMY, LESIONS]
    brain = cKDTree(places(scene["brain"], scene["affine"]))
    for name in ("FLAIR", "T1w"):
        data, affine = opened(volumes[name])
        assert data.dtype == np.uint8
        gaps, _ = brain.query(places(data > 0, affine))
        assert MARGIN_MM - min(spacing) < gaps.max() <= MARGIN_MM + 1e-4
        assert all(size < before for size, before in zip(data.shape[:2], made.SHAPE, strict=False))


def test_a_skull_stripped_scan_fills_the_grid_at_most():
    """A brain that reaches the border of the grid is cut nowhere else."""
    scene = made.scene()
    scene["brain"] = np.ones(made.SHAPE, bool)
    data, affine = opened(visit_volumes(**scene)["FLAIR"])
    assert data.shape == made.SHAPE
    assert np.allclose(affine, scene["affine"])


@pytest.mark.parametrize("flip", [1, -1])
def test_a_lesion_stays_where_it_is_in_the_world(flip):
    """Left remains left, whichever way the voxels run along the grid."""
    affine = made.grid((flip * 1.0, 1.0, 1.0))
    scene = made.scene(affine)
    lesions, own = opened(visit_volumes(**scene)[LESIONS])
    assert np.allclose(places(lesions == 1, own), places(scene["lesions"] == 1, affine), atol=1e-4)
    middle = places(lesions == 1, own).mean(axis=0)
    assert middle == pytest.approx(made.LESION, abs=0.5)


def test_grey_values_show_the_lesion():
    """The window ends at 1.1 times the percentile 99.7 of the brain: 180 of the lesion."""
    scene = made.scene()
    volumes = visit_volumes(**scene)
    flair, _ = opened(volumes["FLAIR"])
    lesions, _ = opened(volumes[LESIONS])
    assert set(flair[lesions == 1]) == {int(180 / (180 * 1.1) * 255)}


def test_more_lesions_than_8_bits_have_numbers():
    for top, kind in ((255, np.uint8), (256, np.uint16)):
        volume = np.zeros((4, 4, 4), np.int32)
        volume[1, 2, 3] = top
        data, _ = opened(packed(volume, np.eye(4)))
        assert data.dtype == kind
        assert data[1, 2, 3] == top


def test_same_scans_same_bytes():
    first, second = (visit_volumes(**made.scene()) for _ in range(2))
    assert first == second
    assert all(content[4:8] == b"\0\0\0\0" for content in first.values())  # no time


def test_what_is_not_there():
    scene = made.scene(lesions=())
    lesions, _ = opened(visit_volumes(**scene)[LESIONS])
    assert not lesions.any()
    without = visit_volumes(**scene | {"lesions": None})
    assert LESIONS not in without
    assert visit_volumes(**scene | {"brain": np.zeros(made.SHAPE, bool)}) == {}
    assert visit_volumes(**scene | {"scans": {}}).keys() == {ANATOMY, LESIONS}


def test_a_change_map_is_cut_to_its_content():
    change = np.zeros(made.SHAPE, np.uint8)
    assert change_volume(change, made.grid()) is None
    change[10, 20:22, 30] = 2
    data, affine = opened(change_volume(change, made.grid()))
    assert data.shape == (1, 2, 1)
    assert np.allclose(places(data == 2, affine), places(change == 2, made.grid()))


def test_section_of_two_visits():
    visits, pairs = made.two_visits()
    html = viewer_section(visits, pairs)
    says = about(html)
    assert [visit["name"] for visit in says["visits"]] == ["ses-1, 2020-01-01", "ses-2, 2020-01-01"]
    assert says["visits"][1]["scans"] == ["FLAIR", "T1w"]
    assert says["visits"][1]["locations"] == {"1": "periventricular", "2": "deep_white"}
    (pair,) = says["pairs"]
    assert (pair["from"], pair["to"]) == (0, 1)
    assert np.allclose(pair["toFirst"], pairs[0].to_first)
    data = dict(re.findall(r'data-volume="([^"]*)">(.*?)</script>', html))
    for n, visit in enumerate(visits):
        for name, content in visit.volumes.items():
            assert base64.b64decode(data[says["visits"][n]["volumes"][name]]) == content
    assert base64.b64decode(data[pair["change"]]) == pairs[0].change
    boxes = re.findall(r'data-viewer="map" value="(\w+)"', html)
    assert boxes == [LESIONS, CHANGE, ANATOMY]
    assert viewer_section(visits, pairs) == html


def test_section_of_what_can_be_shown():
    """A visit without a scan, and a pair with it, are left out; without any, there is nothing."""
    visits, pairs = made.two_visits()
    bare = made.viewed("1", made.scene() | {"scans": {}})
    says = about(viewer_section([bare, visits[1]], pairs))
    assert len(says["visits"]) == 1
    assert says["pairs"] == []
    assert viewer_section([bare], []) == ""
    assert viewer_section([], []) == ""
    alone = viewer_section(visits[1:], [])
    assert re.findall(r'data-viewer="map" value="(\w+)"', alone) == [LESIONS, ANATOMY]
    assert 'data-viewer="beside"' not in alone


def test_a_visit_without_a_session_label():
    says = about(viewer_section([made.viewed("", made.scene())], []))
    assert says["visits"][0]["name"] == "visit, 2020-01-01"
    assert says["visits"][0]["session"] == ""


def test_names_are_text():
    visit = made.viewed("<script>", made.scene(), locations={1: "</script>"})
    html = viewer_section([visit], [])
    assert "ses-<script>" not in html
    assert about(html)["visits"][0]["session"] == "<script>"
    assert about(html)["visits"][0]["locations"] == {"1": "</script>"}


def test_nothing_is_asked_of_a_network():
    """No element of the section has an address; its scripts are in the page."""
    html = viewer_section(*made.two_visits())
    assert not re.findall(r"<[^>]*\s(?:src|href)=", html)
    assert "https://" not in re.sub(r"<pre.*?</pre>", "", html, flags=re.DOTALL)


def test_engine_is_as_published():
    content = files("mslesion.reports").joinpath(ENGINE).read_bytes()
    assert hashlib.sha256(gzip.decompress(content)).hexdigest() == PUBLISHED
    html = viewer_section(*made.two_visits())
    assert base64.b64encode(content).decode() in html
    assert "Copyright (c) 2021, Niivue" in html
