"""A visit in pictures: its lesions and its structures on its scans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from nibabel.affines import apply_affine

from mslesion.imaging.grid import spacing_mm
from mslesion.reports import figures
from mslesion.reports.key_pictures import COLORS, key_of, location_map, slice_pictures
from mslesion.reports.parts import BRAIN, FIRST, LESIONS, LOCATED, Picture, picture
from mslesion.schema.structures import STRUCTURES

LESIONS_LOOK_FOR = (
    "Axial, coronal and sagittal slices. R: the patient's right is on the left; A: anterior. "
    "Check that every outline surrounds a lesion, and that every lesion has an outline."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitImages:
    """What the pictures of a visit show, all on one grid."""

    scans: Mapping[str, np.ndarray]
    """(I, J, K) scans by modality; the first one is that of the lesions."""
    anatomy: np.ndarray
    """(I, J, K) int: structures."""
    lesion_labels: np.ndarray | None
    """(I, J, K) int: number of the lesion; None where lesions are not assessable."""
    lesions: pd.DataFrame
    """Rows of lesions.csv."""
    affine: np.ndarray
    is_oriented: bool
    """Whether it is known which side is which."""


def visit_pictures(maps: VisitImages) -> Iterator[Picture]:
    """The pictures of a visit.

    Parameters
    ----------
    maps : VisitImages
        Scans, lesions and structures.

    Yields
    ------
    Picture
    """
    inside = maps.anatomy > 0
    marks = figures.LEFT_MARKS if maps.is_oriented else figures.UNKNOWN_MARKS
    shown = {"inside": inside, "spacing": spacing_mm(maps.affine), "marks": marks}
    images = {name: figures.gray(scan, inside) for name, scan in maps.scans.items()}
    numbers, key = None, LOCATED
    if maps.lesion_labels is not None:
        known = maps.lesions.dropna(subset="location")
        places = dict(zip(known["lesion_id"].astype(int), known["location"], strict=True))
        numbers = location_map(maps.lesion_labels, places)
        key = key_of(numbers)
    name, image = next(iter(images.items()))
    for place, count, drawn in slice_pictures(image, numbers, **shown):
        outlined = f", {count} lesion area{'' if count == 1 else 's'} outlined"
        caption = f"{name}, axial slice {place + 1}"
        words = caption + ("" if numbers is None else outlined)
        yield picture(drawn, FIRST, caption=caption, words=words, key=key, place=place)
    if numbers is not None:
        for name, image in images.items():
            yield picture(
                figures.overview(image, numbers, COLORS, **shown),
                LESIONS,
                caption=f"Lesions on {name}",
                words=f"Axial, coronal and sagittal {name} slices, lesions outlined by location",
                look_for=LESIONS_LOOK_FOR,
                key=key,
            )
        yield from _every_lesion(maps, next(iter(images.values())), key=key)
    colors = {part.number: figures.STRUCTURE_COLORS[part.number] for part in STRUCTURES}
    for name, image in images.items():
        yield picture(
            figures.overview(image, maps.anatomy, colors, **shown),
            BRAIN,
            caption=f"Anatomy on {name}",
            words=f"Axial, coronal and sagittal {name} slices, structures of the brain outlined",
            look_for="Check that the outlines follow the borders in the scan.",
            key="structure",
        )


def _every_lesion(maps: VisitImages, image: np.ndarray, *, key: str) -> Iterator[Picture]:
    """A tile for every lesion; nothing without lesions."""
    centres = maps.lesions[["x_mm", "y_mm", "z_mm"]].to_numpy(float)
    if not len(centres):
        return
    tiles = figures.lesion_tiles(
        image,
        maps.lesion_labels,
        maps.lesions.to_dict("records"),
        voxels=apply_affine(np.linalg.inv(maps.affine), centres),
        spacing=spacing_mm(maps.affine),
    )
    count = min(len(centres), figures.MAX_TILES)
    yield picture(
        tiles,
        LESIONS,
        caption=f"Every lesion (the {figures.MAX_TILES} largest at most)",
        words=f"{count} lesions, each plain and outlined, with number, volume and region",
        look_for="Axial slices, plain and outlined, with number, volume and region of the lesion.",
        key=key,
    )
