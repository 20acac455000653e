"""Pictures of a pair of visits in their common frame: before, after, difference, change."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage as ndi

from mslesion.reports.figures import WHITE, cut, mosaic
from mslesion.reports.key_pictures import around, fullest_near
from mslesion.schema.change_map import GROWN, KEPT, NEW, RESOLVED, SHRUNK

PIXEL_MM = 0.6
"""Size of a pixel of the overview: four heads side by side fill the page."""
TILE_PIXEL_MM, TILE_MM = 0.3, 30.0
"""Pixel and side of a lesion's pictures."""
SLICES = 4
"""Axial slices of the overview."""
SLICE_GAP_MM = 6
"""They are at least so far apart."""
MAX_STRIPS = 40
"""Most lesions that are shown; those that changed most come first."""
STRIPS_IN_ROW = 3
FULL_DIFFERENCE = 0.4
"""Difference, by white matter, that is drawn black or white; none is mid-grey."""
FULL_CHANGE_PCT = 30.0
"""Volume change that is drawn white; a loss of as much is black."""
SHADOW = (0, 0, 0)

LINES = {
    KEPT: ("", (150, 150, 150), "solid", "lesion at both visits"),
    GROWN: ("G", (240, 228, 66), "dashed", "grown part"),
    SHRUNK: ("L", (120, 200, 255), "dotted", "lost part"),
    NEW: ("N", (255, 110, 40), "solid", "new lesion"),
    RESOLVED: ("X", (60, 220, 160), "dash-dot", "resolved lesion"),
}
"""Letter, colour, line and meaning of each value of the change map, those drawn last on
top; letters and line styles distinguish them without colour. The letter R already means right."""
_PERIODS = {
    "solid": (1,),
    "dashed": (1, 1, 1, 1, 0, 0, 0),
    "dotted": (1, 0, 0),
    "dash-dot": (1, 1, 1, 1, 0, 0, 1, 0, 0),
}
"""Which pixels of a line are drawn, from its start."""


def draw_changes(plane: np.ndarray, numbers: np.ndarray, *, letters: bool = True) -> np.ndarray:
    """A grey slice with an outline round each area of a change map.

    Parameters
    ----------
    plane : (rows, columns) uint8 array
        Grey values.
    numbers : (rows, columns) int array
        Change map.
    letters : bool
        Whether each area gets its letter.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    out = np.repeat(plane[..., None], 3, axis=2)
    marks = []
    for number, (letter, color, line, _) in LINES.items():
        areas, _ = ndi.label(numbers == number, np.ones((3, 3)))
        for n, box in enumerate(ndi.find_objects(areas), start=1):
            wide = tuple(slice(max(0, part.start - 1), part.stop + 1) for part in box)
            area = areas[wide] == n
            ring = np.argwhere(ndi.binary_dilation(area) & ~area)
            # Along the outline: by the angle around its middle
            middle = ring.mean(axis=0)
            order = np.argsort(np.arctan2(*(ring - middle).T), kind="stable")
            period = np.array(_PERIODS[line], bool)
            drawn = ring[order][period[np.arange(len(ring)) % len(period)]]
            out[wide][drawn[:, 0], drawn[:, 1]] = color
            if letter and letters:
                marks.append((wide[1].stop + 1, wide[0].start - 8, letter, color))
    image = Image.fromarray(out)
    pen = ImageDraw.Draw(image)
    for column, row, letter, color in marks:
        place = (min(column, plane.shape[1] - 8), max(row, 0))
        pen.text((place[0] + 1, place[1] + 1), letter, fill=SHADOW)
        pen.text(place, letter, fill=color)
    return np.asarray(image)


def windowed(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> list[np.ndarray]:
    """Both scans and their difference as 8-bit grey values, in one window.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans on one scale, white matter at 1.
    inside : (I, J, K) bool array
        The brain.

    Returns
    -------
    list of (I, J, K) uint8 array, length 3
    """
    values = np.concatenate([first[inside], second[inside]]) if inside.any() else first.ravel()
    top = max(1.1 * float(np.percentile(values, 99.7)), 1e-9)
    grey = [np.clip(scan / top * 255, 0, 255).astype(np.uint8) for scan in (first, second)]
    gap = np.where((first > 0) & (second > 0), second - first, 0)
    return [*grey, centred(gap, FULL_DIFFERENCE)]


def centred(values: np.ndarray, full: float) -> np.ndarray:
    """Values around zero as 8-bit grey values, zero at mid-grey.

    Parameters
    ----------
    values : array
        Any.
    full : float
        What becomes white; minus as much becomes black.

    Returns
    -------
    uint8 array

    Examples
    --------
    >>> centred(np.array([-1.0, 0, 0.5]), 1.0).tolist()
    [0, 128, 191]
    """
    return np.clip(127.5 * (1 + values / full) + 0.5, 0, 255).astype(np.uint8)


def change_overview(
    images: Sequence[np.ndarray],
    change_map: np.ndarray | None,
    *,
    inside: np.ndarray,
    names: Sequence[str],
) -> np.ndarray:
    """Axial slices: a row each for before, after, difference and, outlined, the change.

    Parameters
    ----------
    images : sequence of (I, J, K) uint8 array, length 3
        As `windowed` gives them; 1 mm voxels.
    change_map : (I, J, K) uint8 array or None
        Change map; without it there is no fourth row.
    inside : (I, J, K) bool array
        The brain; what lies outside its box is cut off.
    names : sequence of str, length 3
        Text in the corner of each row.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    box = ndi.find_objects(inside.astype(np.uint8))[0]
    box = tuple(
        slice(max(0, part.start - 3), min(n, part.stop + 3))
        for part, n in zip(box, inside.shape, strict=True)
    )
    images = [image[box] for image in images]
    changes = np.zeros(images[0].shape, np.uint8) if change_map is None else change_map[box]
    rows = [[], [], [], []]
    for index in changed_slices(changes > KEPT):
        planes = [_plane(image, index, PIXEL_MM) for image in images]
        for row, plane, name in zip(rows, planes, names, strict=False):
            first = _named(np.repeat(plane[..., None], 3, axis=2), "" if row else name)
            row.append(first)
        outlined = draw_changes(planes[1], _plane(changes.astype(np.int32), index, PIXEL_MM))
        rows[3].append(_named(outlined, "" if rows[3] else "changes"))
    shown = rows if change_map is not None else rows[:3]
    tiles = [tile for row in shown for tile in row]
    return mosaic(tiles, len(rows[0]))


def changed_slices(changed: np.ndarray) -> list[int]:
    """Axial slices with most change, some way apart; else spread evenly.

    Parameters
    ----------
    changed : (I, J, K) bool array
        Where something changed; 1 mm voxels.

    Returns
    -------
    list of int
        At most `SLICES`, from foot to head.
    """
    amount = changed.sum(axis=(0, 1)).astype(float)
    chosen: list[int] = []
    while len(chosen) < SLICES and amount.max(initial=0) > 0:
        best = int(amount.argmax())
        chosen.append(best)
        amount[max(0, best - SLICE_GAP_MM + 1) : best + SLICE_GAP_MM] = 0
    length = changed.shape[2]
    for place in np.linspace(0.3 * length, 0.8 * length, SLICES).astype(int):
        if len(chosen) < SLICES and all(abs(place - other) >= SLICE_GAP_MM for other in chosen):
            chosen.append(int(place))
    return sorted(chosen)


def lesion_strips(
    images: Sequence[np.ndarray], change_map: np.ndarray, lesions: Sequence[Mapping]
) -> np.ndarray | None:
    """Before, after and difference of each lesion that changed, the largest change first.

    Parameters
    ----------
    images : sequence of (I, J, K) uint8 array, length 3
        As `windowed` gives them.
    change_map : (I, J, K) uint8 array
        Change map.
    lesions : sequence of mapping
        Lesions that changed: ``group_id``, ``change``, ``volume_change_mm3``, ``location``
        and their centre ``i``, ``j``, ``k``.

    Returns
    -------
    (rows, columns, 3) uint8 array or None
        None where there is no such lesion.
    """
    order = sorted(lesions, key=lambda one: -abs(one["volume_change_mm3"]))[:MAX_STRIPS]
    strips = []
    for one in order:
        centre = np.rint([one["i"], one["j"], one["k"]]).astype(int)
        centre[2] = fullest_near(change_map > KEPT, centre)
        planes = [_around(image, centre) for image in images]
        numbers = _around(change_map.astype(np.int32), centre)
        plain = [np.repeat(plane[..., None], 3, axis=2) for plane in planes[:2]]
        outlined = draw_changes(planes[2], numbers)
        text = f"{one['group_id']}  {one['change'].replace('_', ' ')}"
        strips.append(_captioned([*plain, outlined], text, f"{one['volume_change_mm3']:+.0f} mm3"))
    return _rows_of(strips)


def expansion_strips(
    images: Sequence[np.ndarray], change_pct: np.ndarray, candidates: Sequence
) -> np.ndarray | None:
    """Before, after and volume change of each candidate for slow expansion.

    Parameters
    ----------
    images : sequence of (I, J, K) uint8 array, length 3
        As `windowed` gives them.
    change_pct : (I, J, K) array
        Local volume change between the visits.
    candidates : sequence of Candidate
        As `find_expansion` gives them.

    Returns
    -------
    (rows, columns, 3) uint8 array or None
    """
    change = centred(change_pct, FULL_CHANGE_PCT)
    strips = []
    numbered = sorted(enumerate(candidates, start=1), key=lambda one: -one[1].volume_mm3)
    for number, one in numbered[:MAX_STRIPS]:
        mask = np.zeros(change.shape, np.int32)
        mask[tuple(one.voxels.T)] = GROWN
        centre = np.rint(one.voxels.mean(axis=0)).astype(int)
        centre[2] = fullest_near(mask > 0, centre)
        planes = [_around(image, centre) for image in (*images[:2], change)]
        numbers = _around(mask, centre)
        drawn = [np.repeat(planes[0][..., None], 3, axis=2)]
        drawn += [draw_changes(plane, numbers, letters=False) for plane in planes[1:]]
        text = f"candidate {number}, lesion {one.lesion_id}"
        strips.append(_captioned(drawn, text, f"{one.rate_pct_per_year:+.0f} %/y"))
    return _rows_of(strips)


def _rows_of(strips: list[np.ndarray]) -> np.ndarray | None:
    """Strips in rows; a row that is not full keeps its width, so that one is not blown up."""
    if not strips:
        return None
    nothing = np.zeros_like(strips[0])
    return mosaic([*strips, *[nothing] * (-len(strips) % STRIPS_IN_ROW)], STRIPS_IN_ROW)


def _plane(volume: np.ndarray, index: int, pixel_mm: float) -> np.ndarray:
    """An axial slice of 1 mm voxels."""
    return cut(volume, 2, index, spacing=(1.0, 1.0, 1.0), pixel_mm=pixel_mm)


def _around(volume: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The part of an axial slice around a voxel."""
    return around(volume, centre, side_mm=TILE_MM, pixel_mm=TILE_PIXEL_MM)


def _named(tile: np.ndarray, text: str) -> np.ndarray:
    """A tile with a text in its corner and the side at its left."""
    image = Image.fromarray(tile)
    pen = ImageDraw.Draw(image)
    pen.text((2, tile.shape[0] // 2 - 6), "R", fill=WHITE)
    pen.text((4, 3), text, fill=WHITE)
    return np.asarray(image)


def _captioned(planes: Sequence[np.ndarray], left: str, right: str) -> np.ndarray:
    """Pictures side by side with a line of text above."""
    wide = np.concatenate(planes, axis=1)
    strip = Image.new("RGB", (wide.shape[1], 14))
    pen = ImageDraw.Draw(strip)
    pen.text((3, 1), left, fill=WHITE)
    pen.text((wide.shape[1] - 6 - pen.textlength(right), 1), right, fill=WHITE)
    frame = np.concatenate([np.asarray(strip), wide])
    frame[:, -1] = frame[-1] = 40
    return frame
