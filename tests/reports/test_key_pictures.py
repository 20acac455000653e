"""Pictures of the first screen: which slices and lesions, outlines, and how they are kept."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mslesion.reports import key_pictures as kp
from mslesion.reports.figures import LOCATION_COLORS, WHITE
from mslesion.reports.parts import BRAIN, FIRST, LESIONS, LOCATED, UNLOCATED
from mslesion.reports.visit_pictures import VisitImages, visit_pictures
from mslesion.schema.change_map import GROWN, KEPT
from mslesion.schema.locations import LOCATION_NUMBERS

SHAPE = (60, 70, 160)
INSIDE = np.zeros(SHAPE, bool)
INSIDE[5:-5, 5:-5, 10:150] = True
AT_1_MM = {"inside": INSIDE, "spacing": (1.0, 1.0, 1.0)}


def block(*places, value=1, size=4):
    """Zeros with cubes from these voxels on."""
    out = np.zeros(SHAPE, np.uint8)
    for place in places:
        out[tuple(slice(p, p + size) for p in place)] = value
    return out


def shows(picture, color):
    return bool((picture == np.array(color)).all(axis=2).any())


def test_slices_with_most_lesion_come_first_and_lie_apart():
    mask = block((20, 20, 30), size=6) | block((20, 20, 40), size=4)
    # The lesions end at slices 35 and 43; what is nearer than 9 mm to a chosen slice is not chosen
    chosen = kp.fullest_slices(mask > 0, INSIDE, gap=9)
    assert chosen[:2] == [30, 40]
    assert len(chosen) == kp.SLICES
    assert min(abs(a - b) for a in chosen for b in chosen if a != b) >= 9


def test_slices_without_lesion_are_spread_over_the_brain():
    # 0.35 to 0.85 of slices 10 to 149, in six: 58.65, 72.55, ... 128.15, rounded down
    chosen = kp.fullest_slices(np.zeros(SHAPE, bool), INSIDE, gap=5)
    assert chosen == [58, 72, 86, 100, 114, 128]
    assert kp.fullest_slices(np.zeros(SHAPE, bool), np.zeros(SHAPE, bool), gap=5) == []


def test_a_thick_slice_is_a_slice_apart():
    thick = np.zeros((60, 70, 12), bool)
    thick[20:24, 20:24, 3:9] = True
    assert len(kp.fullest_slices(thick, np.ones(thick.shape, bool), gap=1)) == 6


def test_class_of_every_lesion_voxel():
    labels = np.array([0, 1, 2, 3])
    known = {1: "periventricular", 3: "infratentorial", 9: "deep_white"}
    numbers = [LOCATION_NUMBERS[name] for name in ("periventricular", "infratentorial")]
    assert kp.location_map(labels, known).tolist() == [0, numbers[0], kp.UNKNOWN, numbers[1]]
    assert kp.location_map(labels, {}).tolist() == [0, kp.UNKNOWN, kp.UNKNOWN, kp.UNKNOWN]
    assert kp.UNKNOWN not in LOCATION_NUMBERS.values()


def test_slices_are_outlined_by_class():
    image = np.full(SHAPE, 90, np.uint8)
    numbers = block((20, 20, 30), (40, 40, 30), value=LOCATION_NUMBERS["infratentorial"])
    index, count, picture = kp.slice_pictures(image, numbers, **AT_1_MM)[0]
    assert (index, count) == (30, 2)
    assert shows(picture, LOCATION_COLORS["infratentorial"])
    assert not shows(picture, LOCATION_COLORS["periventricular"])
    # 50 and 60 mm of brain, 4 mm on each side, in pixels of 0.45 mm
    assert picture.shape == (round(68 / 0.45), round(58 / 0.45), 3)
    without = kp.slice_pictures(image, None, **AT_1_MM)
    assert [count for _, count, _ in without] == [0] * len(without)


def test_lesions_that_changed_are_shown_at_both_visits():
    images = [np.full(SHAPE, value, np.uint8) for value in (50, 90)]
    deep, wet = (LOCATION_NUMBERS[name] for name in ("deep_white", "periventricular"))
    first, second = block((20, 20, 30), value=deep), np.zeros(SHAPE, np.uint8)
    second[18:26, 18:26, 30:34] = wet
    change = np.where(second > 0, GROWN, 0).astype(np.uint8)
    change[first > 0] = KEPT
    small = {"volume_change_mm3": 5.0, "i": 50, "j": 50, "k": 30}
    large = {"volume_change_mm3": 192.0, "i": 21.5, "j": 21.5, "k": 33}
    found = kp.changed_pictures(images, (first, second), change, lesions=[small, large])
    assert [lesion for lesion, _ in found] == [large, small]
    picture = found[0][1]
    side = (picture.shape[1] - kp.GAP) // 2
    before, after = picture[:, :side], picture[:, -side:]
    assert shows(before, LOCATION_COLORS["deep_white"])
    assert not shows(before, kp.CHANGE_COLOR)
    assert shows(after, kp.CHANGE_COLOR)
    assert not shows(after, LOCATION_COLORS["deep_white"])
    assert side == round(47 / kp.CLOSE_PIXEL_MM)
    assert not picture[:, side : side + kp.GAP].any()


def test_the_largest_changes_are_shown():
    images = [np.zeros(SHAPE, np.uint8)] * 2
    nothing = np.zeros(SHAPE, np.uint8)
    lesions = [{"volume_change_mm3": float(n), "i": 20, "j": 20, "k": 20} for n in range(20)]
    found = kp.changed_pictures(images, (nothing, nothing), nothing, lesions=lesions)
    assert [one["volume_change_mm3"] for one, _ in found] == list(range(19, 7, -1))


def test_slice_with_most_change_near_a_lesion():
    change = block((20, 20, 30)) == 1
    change[20:28, 20:28, 32] = True
    assert kp.fullest_near(change, np.array([21, 21, 29])) == 32
    assert kp.fullest_near(change, np.array([50, 60, 29])) == 29  # nothing is near


@pytest.mark.parametrize("count", [0, 2])
def test_pictures_of_a_visit(count):
    places = [(20, 20, 30), (40, 40, 50)][:count]
    labels = np.zeros(SHAPE, np.int32)
    for number, place in enumerate(places, start=1):
        labels += number * block(place).astype(np.int32)
    lesions = pd.DataFrame(
        [{"lesion_id": n + 1, "location": "deep_white", "volume_mm3": 64.0,
          "x_mm": p[0], "y_mm": p[1], "z_mm": p[2]} for n, p in enumerate(places)],
        columns=["lesion_id", "location", "volume_mm3", "x_mm", "y_mm", "z_mm"],
    )  # fmt: skip
    scan = np.where(INSIDE, 100.0, 0.0)
    anatomy = INSIDE.astype(np.uint8)
    images = VisitImages(
        scans={"FLAIR": scan, "T1w": scan}, anatomy=anatomy, lesion_labels=labels,
        lesions=lesions, affine=np.eye(4), is_oriented=True,
    )  # fmt: skip
    found = list(visit_pictures(images))
    first = [one for one in found if one.room == FIRST]
    assert len(first) == 6
    if count:
        assert (first[0].place, first[0].words) == (
            30, "FLAIR, axial slice 31, 1 lesion area outlined",
        )  # fmt: skip
    captions = [one.caption for one in found if one.room == LESIONS]
    every = ["Every lesion (the 60 largest at most)"] if count else []
    assert captions == ["Lesions on FLAIR", "Lesions on T1w", *every]
    assert [one.caption for one in found if one.room == BRAIN] == [
        "Anatomy on FLAIR", "Anatomy on T1w",
    ]  # fmt: skip
    data = base64.b64decode(first[0].source.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (first[0].width, first[0].height)


def test_pictures_of_a_visit_whose_lesions_are_not_assessable():
    images = VisitImages(
        scans={"T1w": np.where(INSIDE, 100.0, 0.0)}, anatomy=INSIDE.astype(np.uint8),
        lesion_labels=None, lesions=pd.DataFrame(), affine=np.eye(4), is_oriented=False,
    )  # fmt: skip
    found = list(visit_pictures(images))
    assert {one.room for one in found} == {FIRST, BRAIN}
    assert found[0].words == "T1w, axial slice 59"


@pytest.mark.parametrize("locations", [[None, None], [None, "deep_white"]])
def test_lesions_without_a_location_class_are_outlined_in_white(locations):
    """Slices of 6 mm, in which no location is assessable."""
    shape = (60, 70, 24)
    inside = np.zeros(shape, np.uint8)
    inside[5:-5, 5:-5, 2:-2] = 1
    labels = np.zeros(shape, np.int32)
    labels[20:26, 20:26, 10], labels[40:44, 40:44, 16] = 1, 2
    lesions = pd.DataFrame({
        "lesion_id": [1, 2], "location": pd.array(locations, "string"),
        "volume_mm3": [216.0, 96.0],
        "x_mm": [22.5, 41.5], "y_mm": [22.5, 41.5], "z_mm": [60.0, 96.0],
    })  # fmt: skip
    images = VisitImages(
        scans={"FLAIR": np.where(inside > 0, 100.0, 0.0)}, anatomy=inside, lesion_labels=labels,
        lesions=lesions, affine=np.diag([1.0, 1, 6, 1]), is_oriented=True,
    )  # fmt: skip
    found = list(visit_pictures(images))
    first = [one for one in found if one.room == FIRST]
    assert [one.words for one in first[:2]] == [
        f"FLAIR, axial slice {place}, 1 lesion area outlined" for place in (11, 17)
    ]
    assert {one.key for one in found if one.room in (FIRST, LESIONS)} == {UNLOCATED}
    numbers = kp.location_map(labels, {2: locations[1]} if locations[1] else {})
    drawn = kp.slice_pictures(
        np.zeros(shape, np.uint8), numbers, inside=inside > 0, spacing=(1, 1, 6)
    )
    # The letter at the left is white too
    assert [shows(picture[:, 20:], WHITE) for _, _, picture in drawn[:3]] == [
        True, locations[1] is None, False,
    ]  # fmt: skip
    assert kp.key_of(np.where(numbers == kp.UNKNOWN, 0, numbers)) == LOCATED
