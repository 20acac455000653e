"""Pictures of scans with outlines, drawn with numpy and Pillow."""

import base64
import io
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw
from scipy import ndimage as ndi

PIXEL_MM = 0.75
"""Size of a pixel of the overviews: six heads of 140 mm fill a page of 1120 pixels."""
TILE_PIXEL_MM = 0.3
"""Size of a pixel of the lesion tiles."""
TILE_MM = 36.0
"""Side of a lesion tile."""
MAX_TILES = 60
"""Most lesion tiles; the largest lesions come first."""
JPEG_QUALITY = 82
WHITE = (255, 255, 255)
LEFT_MARKS = {0: "A", 1: "R", 2: "R"}
"""What is at the left of a slice across each axis: front, or the patient's right."""
UNKNOWN_MARKS = dict.fromkeys(LEFT_MARKS, "?")
"""The same where the header gives no orientation."""

LOCATION_COLORS = {
    "periventricular": (230, 159, 0),
    "juxtacortical": (86, 180, 233),
    "intracortical": (0, 114, 178),
    "infratentorial": (204, 121, 167),
    "deep_white": (240, 228, 66),
    "deep_grey": (0, 158, 115),
}
"""Colours of the location classes, distinguishable with colour vision deficiency (Okabe and
Ito)."""
STRUCTURE_COLORS = {
    1: (60, 90, 160), 2: (200, 90, 90), 3: (225, 225, 215), 4: (90, 190, 255),
    5: (255, 120, 60), 6: (0, 220, 200), 7: (0, 150, 140), 8: (0, 158, 115),
    9: (150, 110, 220), 10: (220, 200, 60), 11: (150, 130, 90), 12: (190, 150, 190),
    13: (230, 150, 110), 14: (240, 215, 185),
}  # fmt: skip
"""Colour of each structure of the anatomy map."""


def gray(data: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A scan as 8-bit grey values, its window set by the brain.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.
    inside : (I, J, K) bool array
        The brain.

    Returns
    -------
    (I, J, K) uint8 array
    """
    values = data[inside] if inside.any() else data
    top = float(np.percentile(values, 99.7)) * 1.1
    return np.clip(data / max(top, 1e-9) * 255, 0, 255).astype(np.uint8)


def cut(volume: np.ndarray, axis: int, index: int, *, spacing: Sequence[float], pixel_mm: float):
    """One slice as radiologists hang it, with square pixels.

    The head is up; the patient's right, or the front on sagittal slices, is at the left.

    Parameters
    ----------
    volume : (I, J, K) array
        Grey values (uint8, interpolated) or numbers (other types, nearest).
    axis : {0, 1, 2}
        Across the slice.
    index : int
        Which slice.
    spacing : sequence of float, shape (3,)
        Voxel size in mm.
    pixel_mm : float
        Pixel size of the result.

    Returns
    -------
    (rows, columns) array
    """
    plane = np.rot90(np.take(volume, index, axis=axis))[:, ::-1]
    a, b = (spacing[other] for other in range(3) if other != axis)
    size = (
        max(1, round(plane.shape[1] * a / pixel_mm)),
        max(1, round(plane.shape[0] * b / pixel_mm)),
    )
    if plane.dtype == np.uint8:
        plane = np.ascontiguousarray(plane)
        return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))
    rows = np.minimum((np.arange(size[1]) + 0.5) * plane.shape[0] / size[1], plane.shape[0] - 1)
    columns = np.minimum((np.arange(size[0]) + 0.5) * plane.shape[1] / size[0], plane.shape[1] - 1)
    return plane[rows.astype(int)][:, columns.astype(int)]


def with_outlines(
    plane: np.ndarray, numbers: np.ndarray, colors: Mapping[int, tuple], *, thickness: int = 1
) -> np.ndarray:
    """A grey slice with a line around each area of a label slice.

    The line lies outside the area, so that a small lesion is not covered by it; between
    two areas it is that of the larger number.

    Parameters
    ----------
    plane : (rows, columns) or (rows, columns, 3) uint8 array
        Grey values, or a picture that is drawn on.
    numbers : (rows, columns) int array
        0 where there is nothing.
    colors : mapping of int to tuple
        Colour of each number.
    thickness : int
        Of the line, in pixels.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    out = plane.copy() if plane.ndim == 3 else np.repeat(plane[..., None], 3, axis=2)
    for number, color in sorted(colors.items()):
        mask = numbers == number
        if mask.any():
            out[ndi.binary_dilation(mask, iterations=thickness) & (numbers < number)] = color
    return out


def mosaic(tiles: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Tiles in rows, each centred in a cell of the largest tile's size.

    Parameters
    ----------
    tiles : sequence of (rows, columns, 3) uint8 array
        Pictures; at least one.
    columns : int
        Tiles in a row.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    height = max(tile.shape[0] for tile in tiles)
    width = max(tile.shape[1] for tile in tiles)
    rows = -(-len(tiles) // columns)
    out = np.zeros((rows * height, min(columns, len(tiles)) * width, 3), np.uint8)
    for n, tile in enumerate(tiles):
        top = n // columns * height + (height - tile.shape[0]) // 2
        left = n % columns * width + (width - tile.shape[1]) // 2
        out[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return out


def overview(
    image: np.ndarray,
    numbers: np.ndarray,
    colors: Mapping[int, tuple],
    *,
    inside: np.ndarray,
    spacing: Sequence[float],
    marks: Mapping[int, str] = LEFT_MARKS,
) -> np.ndarray:
    """Axial, coronal and sagittal slices with outlines.

    Parameters
    ----------
    image : (I, J, K) uint8 array
        Grey values.
    numbers : (I, J, K) int array
        What is outlined; slices with most of it are shown.
    colors : mapping of int to tuple
        Colour of each number.
    inside : (I, J, K) bool array
        The brain; what lies outside its box is cut off.
    spacing : sequence of float, shape (3,)
        Voxel size in mm.
    marks : mapping of int to str
        What is at the left of a slice across each axis: `LEFT_MARKS` or `UNKNOWN_MARKS`.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    box = ndi.find_objects(inside.astype(np.uint8))[0]
    box = tuple(
        slice(max(0, part.start - 3), min(n, part.stop + 3))
        for part, n in zip(box, image.shape, strict=True)
    )
    image, numbers = image[box], numbers[box]
    tiles = []
    for axis, count in ((2, 12), (1, 6), (0, 6)):
        for index in _telling_slices(numbers > 0, axis, count):
            plane = cut(image, axis, index, spacing=spacing, pixel_mm=PIXEL_MM)
            labels = cut(numbers.astype(np.int32), axis, index, spacing=spacing, pixel_mm=PIXEL_MM)
            tiles.append(marked(with_outlines(plane, labels, colors), marks[axis]))
    return mosaic(tiles, 6)


def marked(tile: np.ndarray, text: str) -> np.ndarray:
    """A tile with a letter at its left.

    Parameters
    ----------
    tile : (rows, columns, 3) uint8 array
        A picture.
    text : str
        The letter.

    Returns
    -------
    (rows, columns, 3) uint8 array
    """
    image = Image.fromarray(tile)
    ImageDraw.Draw(image).text((2, tile.shape[0] // 2 - 6), text, fill=WHITE)
    return np.asarray(image)


def _telling_slices(mask: np.ndarray, axis: int, count: int) -> list[int]:
    """Evenly spread slices, each the fullest of its share of the volume."""
    length = mask.shape[axis]
    amount = mask.sum(axis=tuple(other for other in range(3) if other != axis))
    edges = np.linspace(0.08 * length, 0.95 * length, count + 1).astype(int)
    chosen = []
    for low, high in pairwise(edges):
        part = amount[low : max(high, low + 1)]
        full = int(part.argmax()) if part.any() else len(part) // 2
        chosen.append(min(low + full, length - 1))
    return chosen


def lesion_tiles(
    image: np.ndarray,
    labels: np.ndarray,
    lesions: Sequence[Mapping],
    *,
    voxels: np.ndarray,
    spacing: Sequence[float],
) -> np.ndarray | None:
    """An axial tile for every lesion, plain and outlined, the largest first.

    Parameters
    ----------
    image : (I, J, K) uint8 array
        Grey values of the FLAIR.
    labels : (I, J, K) int array
        Number of the lesion.
    lesions : sequence of mapping
        ``lesion_id``, ``volume_mm3`` and ``location`` of each lesion.
    voxels : (N, 3) array
        Voxel of each lesion's centre.
    spacing : sequence of float, shape (3,)
        Voxel size in mm.

    Returns
    -------
    (rows, columns, 3) uint8 array or None
        None where there is no lesion.
    """
    order = sorted(range(len(lesions)), key=lambda n: -lesions[n]["volume_mm3"])[:MAX_TILES]
    tiles = []
    for n in order:
        lesion = lesions[n]
        half = [int(TILE_MM / 2 / size) for size in spacing]
        centre = np.rint(voxels[n]).astype(int)
        low = [centre[a] - half[a] for a in range(2)]
        wide = [2 * half[a] + 1 for a in range(2)]
        planes = []
        for volume in (image, labels):
            plane = np.zeros(wide, volume.dtype)
            source = tuple(
                slice(max(0, low[a]), min(volume.shape[a], low[a] + wide[a])) for a in range(2)
            )
            target = tuple(slice(p.start - low[a], p.stop - low[a]) for a, p in enumerate(source))
            plane[target] = volume[(*source, centre[2])]
            planes.append(cut(plane[..., None], 2, 0, spacing=spacing, pixel_mm=TILE_PIXEL_MM))
        color = LOCATION_COLORS.get(lesion["location"], WHITE)
        outlined = with_outlines(planes[0], planes[1], {lesion["lesion_id"]: color})
        pair = np.concatenate([np.repeat(planes[0][..., None], 3, axis=2), outlined], axis=1)
        place = "" if pd.isna(lesion["location"]) else lesion["location"].replace("_", " ")
        tiles.append(
            _captioned(pair, f"{lesion['lesion_id']}  {lesion['volume_mm3']:.0f} mm3", place)
        )
    return mosaic(tiles, 4) if tiles else None


def _captioned(tile: np.ndarray, left: str, right: str) -> np.ndarray:
    """A tile with a line of text above."""
    strip = Image.new("RGB", (tile.shape[1], 14))
    draw = ImageDraw.Draw(strip)
    draw.text((3, 1), left, fill=WHITE)
    draw.text((tile.shape[1] - 3 - draw.textlength(right), 1), right, fill=WHITE)
    frame = np.concatenate([np.asarray(strip), tile])
    frame[:, -1] = frame[-1] = 40
    return frame


def data_uri(picture: np.ndarray) -> str:
    """Encode a picture for embedding in a page.

    Parameters
    ----------
    picture : (rows, columns, 3) uint8 array
        RGB.

    Returns
    -------
    str
        ``data:image/jpeg;base64,...``
    """
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
