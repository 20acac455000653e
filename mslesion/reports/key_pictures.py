"""Pictures of the first screen: the slices with most lesion, and each lesion that changed."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage as ndi

from mslesion.reports.figures import (
    LEFT_MARKS,
    LOCATION_COLORS,
    WHITE,
    cut,
    marked,
    with_outlines,
)
from mslesion.reports.parts import LOCATED, UNLOCATED
from mslesion.schema.change_map import GROWN, NEW
from mslesion.schema.locations import LOCATION_NUMBERS

SLICES = 6
SLICE_GAP_MM = 9.0
"""Slices, at least so far apart."""
SLICE_PIXEL_MM = 0.45
MARGIN_MM = 4.0
"""Around the brain."""
CLOSE_PIXEL_MM, CLOSE_MM = 0.18, 46.0
"""Pixel and side of the pictures around a lesion that changed."""
THICKNESS = 2
"""Pixels of the line around a lesion; that of change is twice as thick."""
GAP = 4
"""Pixels between both visits."""
MAX_CHANGED = 12
"""Lesions that changed, those that changed most."""
CHANGE_COLOR = (255, 45, 45)
"""The one colour of what changed."""
UNKNOWN = max(LOCATION_NUMBERS.values()) + 1
"""Number of lesions without a location class; they are outlined too."""
COLORS = {number: LOCATION_COLORS[name] for name, number in LOCATION_NUMBERS.items()}
COLORS[UNKNOWN] = WHITE
"""Colour of each number of `location_map`."""


def location_map(labels: np.ndarray, locations: Mapping[int, str]) -> np.ndarray:
    """The number of its location class in every lesion voxel.

    Parameters
    ----------
    labels : (I, J, K) int array
        Number of the lesion.
    locations : mapping of int to str
        Location class by the number of the lesion, where it has one.

    Returns
    -------
    (I, J, K) uint8 array
        0 outside the lesions, `UNKNOWN` in those without a class.

    Examples
    --------
    >>> location_map(np.array([0, 2, 1]), {2: "infratentorial"}).tolist()
    [0, 4, 7]
    """
    numbers = np.full(int(labels.max(initial=0)) + 1, UNKNOWN, np.uint8)
    numbers[0] = 0
    for lesion, location in locations.items():
        if lesion < len(numbers):
            numbers[lesion] = LOCATION_NUMBERS[location]
    return numbers[labels]


def key_of(*numbers: np.ndarray) -> str:
    """Which colours a picture of lesions has.

    Parameters
    ----------
    *numbers : int array
        Of `location_map`.

    Returns
    -------
    str
        `LOCATED`, or `UNLOCATED` where a lesion has no location class.
    """
    return UNLOCATED if any((own == UNKNOWN).any() for own in numbers) else LOCATED


def fullest_slices(mask: np.ndarray, inside: np.ndarray, *, gap: int) -> list[int]:
    """Axial slices, the one with most lesion first; then slices spread over the brain.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Lesions.
    inside : (I, J, K) bool array
        The brain.
    gap : int
        Slices between two of them, at least.

    Returns
    -------
    list of int
        At most `SLICES`.
    """
    amount = mask.sum(axis=(0, 1)).astype(float)
    chosen: list[int] = []
    while len(chosen) < SLICES and amount.max(initial=0) > 0:
        best = int(amount.argmax())
        chosen.append(best)
        amount[max(0, best - gap + 1) : best + gap] = 0
    brain = np.flatnonzero(inside.any(axis=(0, 1)))
    if not len(brain):
        return chosen
    spread = np.linspace(0.35, 0.85, SLICES)
    for place in (brain[0] + spread * (brain[-1] - brain[0])).astype(int):
        if len(chosen) < SLICES and all(abs(place - other) >= gap for other in chosen):
            chosen.append(int(place))
    return chosen


def slice_pictures(
    image: np.ndarray,
    numbers: np.ndarray | None,
    *,
    inside: np.ndarray,
    spacing: Sequence[float],
    marks: Mapping[int, str] = LEFT_MARKS,
) -> list[tuple[int, int, np.ndarray]]:
    """Axial slices with most lesion, outlined by location class.

    Parameters
    ----------
    image : (I, J, K) uint8 array
        Grey values.
    numbers : (I, J, K) int array or None
        Of `location_map`; None where lesions are not assessable.
    inside : (I, J, K) bool array
        The brain; what lies further outside than `MARGIN_MM` is cut off.
    spacing : sequence of float, shape (3,)
        Voxel size in mm.
    marks : mapping of int to str
        What is at the left of a slice across each axis.

    Returns
    -------
    list of (int, int, (rows, columns, 3) uint8 array)
        Slice, how many lesion areas it cuts, and picture; most lesion first.
    """
    if numbers is None:
        numbers = np.zeros(image.shape, np.uint8)
    if not inside.any():
        inside = np.ones(image.shape, bool)
    near = tuple(
        slice(max(0, part.start - margin), part.stop + margin)
        for part, margin in zip(
            ndi.find_objects(inside.astype(np.uint8))[0][:2],
            (int(np.ceil(MARGIN_MM / size)) for size in spacing[:2]),
            strict=True,
        )
    )
    gap = max(1, int(np.ceil(SLICE_GAP_MM / spacing[2])))
    found = []
    for index in fullest_slices(numbers > 0, inside, gap=gap):
        own = numbers[:, :, index]
        _, count = ndi.label(own > 0, np.ones((3, 3)))
        at = {"spacing": spacing, "pixel_mm": SLICE_PIXEL_MM}
        plane = cut(image[near][:, :, index, None], 2, 0, **at)
        labels = cut(own[near][..., None].astype(np.int32), 2, 0, **at)
        outlined = with_outlines(plane, labels, COLORS, thickness=THICKNESS)
        found.append((index, count, marked(outlined, marks[2])))
    return found


def changed_pictures(
    images: Sequence[np.ndarray],
    locations: Sequence[np.ndarray],
    change_map: np.ndarray,
    *,
    lesions: Sequence[Mapping],
) -> list[tuple[Mapping, np.ndarray]]:
    """Each lesion that is new or enlarging: the first visit beside the second.

    Both are outlined by location class; what is new at the second, in the colour of change.

    Parameters
    ----------
    images : sequence of (I, J, K) uint8 array, length 2
        Both visits in one window; voxels of 1 mm.
    locations : sequence of (I, J, K) int array, length 2
        Of `location_map`, at each visit.
    change_map : (I, J, K) uint8 array
        As in `mslesion.schema.change_map`.
    lesions : sequence of mapping
        ``volume_change_mm3`` and the centre ``i``, ``j``, ``k`` of each lesion.

    Returns
    -------
    list of (mapping, (rows, columns, 3) uint8 array)
        Lesion and picture, the largest change first.
    """
    gained = (change_map == NEW) | (change_map == GROWN)
    order = sorted(lesions, key=lambda one: -abs(one["volume_change_mm3"]))[:MAX_CHANGED]
    found = []
    for one in order:
        centre = np.rint([one["i"], one["j"], one["k"]]).astype(int)
        centre[2] = fullest_near(gained, centre)
        before, after = (
            with_outlines(
                around(image, centre),
                around(places.astype(np.int32), centre),
                COLORS,
                thickness=THICKNESS,
            )
            for image, places in zip(images, locations, strict=True)
        )
        new = around(gained.astype(np.int32), centre)
        after = with_outlines(after, new, {1: CHANGE_COLOR}, thickness=2 * THICKNESS)
        gap = np.zeros((before.shape[0], GAP, 3), np.uint8)
        found.append((one, np.concatenate([before, gap, after], axis=1)))
    return found


def around(
    volume: np.ndarray,
    centre: np.ndarray,
    *,
    side_mm: float = CLOSE_MM,
    pixel_mm: float = CLOSE_PIXEL_MM,
) -> np.ndarray:
    """The part of an axial slice around a voxel.

    Parameters
    ----------
    volume : (I, J, K) array
        Voxels of 1 mm; grey values are uint8, numbers another type.
    centre : (3,) int array
        The voxel.
    side_mm, pixel_mm : float
        Side of the picture and of its pixels.

    Returns
    -------
    (rows, columns) array
    """
    half = int(side_mm / 2)
    padded = np.pad(volume[:, :, np.clip(centre[2], 0, volume.shape[2] - 1)], half)
    i, j = np.clip(centre[:2], 0, np.array(volume.shape[:2]) - 1)
    part = padded[i : i + 2 * half + 1, j : j + 2 * half + 1, None]
    return cut(part, 2, 0, spacing=(1.0, 1.0, 1.0), pixel_mm=pixel_mm)


def fullest_near(changed: np.ndarray, centre: np.ndarray, *, reach_mm: int = 7) -> int:
    """The slice near a lesion's centre that shows most of its change.

    Parameters
    ----------
    changed : (I, J, K) bool array
        Where something changed; voxels of 1 mm.
    centre : (3,) int array
        The lesion's centre.
    reach_mm : int
        How far from the centre it may lie.

    Returns
    -------
    int
    """
    low = [max(0, c - reach_mm) for c in centre]
    near = changed[tuple(slice(a, a + 2 * reach_mm + 1) for a in low)]
    amount = near.sum(axis=(0, 1))
    if not amount.any():
        return int(centre[2])
    # Of slices that show as much, the one nearest to the centre
    distance = np.abs(np.arange(len(amount)) + low[2] - centre[2])
    return int(low[2] + np.lexsort((distance, -amount))[0])
