"""Pictures: which way up, square pixels, lines in their colours."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mslesion.reports import figures
from mslesion.schema.lesions import LOCATIONS
from mslesion.schema.locations import LOCATION_NUMBERS
from mslesion.schema.structures import STRUCTURES

SHAPE = (40, 50, 30)


def dot(*voxel):
    """Bright in a block of 5 voxels around one."""
    data = np.zeros(SHAPE, np.uint8)
    data[tuple(slice(v - 2, v + 3) for v in voxel)] = 255
    return data


@pytest.mark.parametrize(
    ("axis", "corner"),
    [
        (2, (30, 40)),  # axial: right is at the left, front is up
        (1, (30, 25)),  # coronal: right is at the left, head is up
        (0, (40, 25)),  # sagittal: front is at the left, head is up
    ],
)
def test_slices_hang_as_radiologists_hang_them(axis, corner):
    """A dot at the right, front and top comes to the upper left of every plane."""
    voxel = (30, 40, 25)
    plane = figures.cut(dot(*voxel), axis, voxel[axis], spacing=(1, 1, 1), pixel_mm=1.0)
    row, column = np.argwhere(plane).mean(axis=0)
    assert row < plane.shape[0] / 2
    assert column < plane.shape[1] / 2
    across, up = (SHAPE[other] for other in range(3) if other != axis)
    assert plane.shape == (up, across)
    # Mirrored along both: pixel n - 1 - index
    assert (column, row) == (across - 1 - corner[0], up - 1 - corner[1])


def test_pixels_are_square():
    spacing = (0.5, 1.0, 5.0)
    plane = figures.cut(dot(20, 20, 20), 0, 20, spacing=spacing, pixel_mm=0.5)
    assert plane.shape == (30 * 10, 50 * 2)
    numbers = np.arange(np.prod(SHAPE), dtype=np.int32).reshape(SHAPE)
    labels = figures.cut(numbers, 2, 3, spacing=spacing, pixel_mm=0.5)
    assert labels.shape == (50 * 2, 40)
    assert set(np.unique(labels)) == set(np.unique(numbers[:, :, 3]))  # none is made up


def test_grey_values_are_set_by_the_brain():
    data = np.linspace(0, 100, 1000).reshape(10, 10, 10)
    data[0, 0, 0] = 1e6  # outside the brain
    inside = data <= 50
    grey = figures.gray(data, inside)
    assert grey.dtype == np.uint8
    assert grey.max() == 255
    # 99.7 % of the brain lie below 49.85; times 1.1 that is white: 25 becomes 116
    assert grey[data < 25].max() == pytest.approx(25 / (49.85 * 1.1) * 255, abs=2)
    assert figures.gray(np.zeros((3, 3, 3)), np.ones((3, 3, 3), bool)).max() == 0
    assert figures.gray(data, np.zeros(data.shape, bool)).max() == 255


def test_lines_lie_outside_what_they_show():
    plane = np.full((9, 9), 100, np.uint8)
    numbers = np.zeros((9, 9), int)
    numbers[4, 4] = 1
    drawn = figures.with_outlines(plane, numbers, {1: (255, 0, 0)})
    red = (drawn == (255, 0, 0)).all(axis=2)
    assert sorted(map(tuple, np.argwhere(red))) == [(3, 4), (4, 3), (4, 5), (5, 4)]
    assert (drawn[4, 4] == 100).all()  # the lesion itself stays to be seen


def test_one_line_between_two_areas():
    plane = np.zeros((4, 8), np.uint8)
    numbers = np.repeat([[1, 1, 1, 1, 2, 2, 2, 2]], 4, axis=0)
    drawn = figures.with_outlines(plane, numbers, {1: (255, 0, 0), 2: (0, 255, 0)})
    assert (drawn[:, 3] == (0, 255, 0)).all()  # the larger number's line, in the smaller's area
    assert not drawn[:, :3].any()
    assert not drawn[:, 4:].any()
    assert not figures.with_outlines(plane, numbers * 0, {1: (255, 0, 0)}).any()


def test_mosaic():
    tiles = [np.full((2, 3, 3), 9, np.uint8), np.full((4, 5, 3), 7, np.uint8)] * 2
    whole = figures.mosaic(tiles[:3], 2)
    assert whole.shape == (8, 10, 3)
    assert (whole[1:3, 1:4] == 9).all()  # the small one stands in the middle of its cell
    assert (whole[:4, 5:] == 7).all()
    assert not whole[4:, 5:].any()  # the cell that is left
    assert figures.mosaic(tiles[:1], 6).shape == (2, 3, 3)


def test_overview_shows_the_lesion_in_all_planes():
    numbers = (dot(30, 40, 25) > 0).astype(int)
    inside = np.ones(SHAPE, bool)
    drawn = figures.overview(
        np.zeros(SHAPE, np.uint8), numbers, {1: (255, 0, 0)}, inside=inside, spacing=(1, 1, 1)
    )
    red = (drawn == (255, 0, 0)).all(axis=2)
    height = drawn.shape[0] // 4  # two rows axial, one coronal, one sagittal
    for rows in (slice(0, 2 * height), slice(2 * height, 3 * height), slice(3 * height, None)):
        assert red[rows].any()
    grey = drawn.min(axis=2)
    assert (grey > 100).any()  # the letters R and A


def test_overview_without_anything_to_outline():
    nothing = np.zeros(SHAPE, int)
    drawn = figures.overview(
        dot(20, 20, 20), nothing, {1: (255, 0, 0)}, inside=np.ones(SHAPE, bool), spacing=(1, 1, 1)
    )
    assert not (drawn == (255, 0, 0)).all(axis=2).any()


def tiles(*lesions, labels=None):
    labels = np.zeros(SHAPE, np.int32) if labels is None else labels
    return figures.lesion_tiles(
        np.full(SHAPE, 100, np.uint8),
        labels,
        [{"lesion_id": n, "volume_mm3": v, "location": place} for n, v, place, _ in lesions],
        voxels=np.array([voxel for *_, voxel in lesions], float).reshape(-1, 3),
        spacing=(1.0, 1.0, 1.0),
    )


def test_lesion_tiles():
    assert tiles() is None
    labels = np.zeros(SHAPE, np.int32)
    labels[0:3, 48:50, 29] = 1  # in a corner of the view
    one = tiles((1, 6.0, "periventricular", (1, 49, 29)), labels=labels)
    side = round((2 * int(figures.TILE_MM / 2) + 1) / figures.TILE_PIXEL_MM)
    assert one.shape == (side + 14, 2 * side, 3)  # caption, plain and outlined
    orange = (one == figures.LOCATION_COLORS["periventricular"]).all(axis=2)
    assert orange[:, side:].any()
    assert not orange[:, :side].any()


def test_the_largest_lesions_have_tiles(monkeypatch):
    monkeypatch.setattr(figures, "MAX_TILES", 2)
    three = tiles(*((n, 10.0 * n, None, (20, 20, 20)) for n in (1, 2, 3)))
    two = tiles(*((n, 10.0 * n, None, (20, 20, 20)) for n in (2, 3)))
    assert np.array_equal(three, two)


def test_data_uri_is_the_picture():
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[:, 15:] = 200
    uri = figures.data_uri(picture)
    head, content = uri.split(",")
    assert head == "data:image/jpeg;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert back.shape == picture.shape
    assert np.abs(back.astype(int) - picture).mean() < 3


def test_every_class_and_structure_has_its_own_colour():
    assert set(figures.LOCATION_COLORS) == set(LOCATIONS) == set(LOCATION_NUMBERS)
    assert set(figures.STRUCTURE_COLORS) == {part.number for part in STRUCTURES}
    for colors in (figures.LOCATION_COLORS, figures.STRUCTURE_COLORS):
        assert len(set(colors.values())) == len(colors)
