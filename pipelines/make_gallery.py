"""Make the pictures of README and of the gallery.

    mslesion sample_data output participant
    python pipelines/make_gallery.py output docs/images

takes the pictures of the sample data from the pages in ``output``. Those of real scans need the
two Ljubljana data sets (CC BY) as BIDS datasets in DATA, and their results in REAL:

    mslesion DATA/crosssectional REAL participant --participant-label LJ19 \
        --lesion-masks DATA/crosssectional/derivatives/manual
    mslesion DATA/longitudinal REAL participant --participant-label LJL01
    python pipelines/make_gallery.py output docs/images --data DATA --real REAL
"""

import argparse
import base64
import re
from html import unescape
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

import mslesion as ms
from mslesion.imaging.itk import from_itk_transform
from mslesion.imaging.resampling import Grid, resample
from mslesion.io.nifti import load_labels
from mslesion.measures.location import find_surroundings, locate_lesions
from mslesion.reports.figures import LOCATION_COLORS, WHITE, cut, gray, mosaic, with_outlines
from mslesion.schema.change_map import NEW
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.segmentation.anatomy.midplane import find_midplane
from mslesion.segmentation.lesions.instances import find_lesions

FROM_PAGES = {
    "lesions_by_location.jpg": ("sub-relapsing", "ses-03", "Lesions on FLAIR"),
    "every_lesion.jpg": ("sub-preclinical", "ses-02", "Every lesion"),
    "anatomy.jpg": ("sub-relapsing", "ses-03", "Anatomy on FLAIR"),
    "thick_slices.jpg": ("sub-thick", "ses-01", "Lesions on FLAIR"),
    "change.jpg": ("sub-relapsing", "Change from ses-01 to ses-03", "FLAIR of both"),
    "changed_lesions.jpg": (
        "sub-relapsing", "Change from ses-01 to ses-03", "Every lesion that changed",
    ),
    "expansion.jpg": ("sub-progressive", "Change from ses-01", "Candidates for slow"),
}  # fmt: skip
"""Pictures of the sample data: person, start of the section's title and of the picture's."""
COURSE = ("course.svg", "sub-relapsing", ("Brain volume change since", "Lesion volume"))
"""File, person and titles of the curves."""
CURVE_STYLE = (
    "text{fill:#222;font:11px sans-serif;text-anchor:middle}"
    ".name{font-size:13px;font-weight:600}.name,.start,.why{text-anchor:start}"
    ".end,.last{text-anchor:end}polyline{fill:none;stroke:#0b5cad;stroke-width:2}"
    "circle{fill:#0b5cad}.grid{stroke:#ccc}.break{stroke:#888;stroke-dasharray:4 3}"
)
PIXEL_MM = 0.48
CLOSE_PIXEL_MM, CLOSE_MM = 0.28, 78.0
"""Pixel and side of the pictures around the new lesion."""
NEW_COLOR = (255, 90, 30)
BAR = 26
"""Height of a line of text, in pixels."""


def section(page: str, title: str) -> str:
    """The part of a page from a heading of the second order to the next."""
    found = re.search(rf"<h2[^>]*>{re.escape(title)}.*?(?=<h2|\Z)", page, re.DOTALL)
    if found is None:
        raise SystemExit(f"The page has no section {title!r}. Run mslesion on sample_data again.")
    return found[0]


def copy_pictures(output: Path, images: Path) -> None:
    """Save the pictures of the pages."""
    for name, (person, heading, caption) in FROM_PAGES.items():
        part = section(unescape((output / f"{person}.html").read_text("utf-8")), heading)
        found = re.search(rf'alt="{re.escape(caption)}[^>]*src="data:[^,]+,([^"]+)"', part)
        if found is None:
            raise SystemExit(f"{person}.html has no picture {caption!r} in {heading!r}.")
        (images / name).write_bytes(base64.b64decode(found[1]))


def copy_curves(output: Path, images: Path) -> None:
    """Save curves of a page side by side as one file."""
    name, person, titles = COURSE
    part = section((output / f"{person}.html").read_text("utf-8"), "Course")
    curves = re.findall(r"<svg.*?</svg>", part, re.DOTALL)
    chosen = [next(one for one in curves if f"<title>{title}" in one) for title in titles]
    placed = [one.replace("<svg", f'<svg x="{340 * n}"', 1) for n, one in enumerate(chosen)]
    (images / name).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {340 * len(placed)} 170" '
        f'width="{340 * len(placed)}" height="170"><style>{CURVE_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(placed)}</svg>\n',
        "utf-8",
    )


def text_bar(width: int, items: list[tuple[str, tuple]]) -> np.ndarray:
    """A black line with coloured squares and words."""
    bar = Image.new("RGB", (width, BAR))
    pen = ImageDraw.Draw(bar)
    font = ImageFont.load_default(13)
    used = [pen.textlength(words, font) + (0 if color == WHITE else 16) for words, color in items]
    gap = (width - sum(used)) / (len(items) + 1)
    for n, (words, color) in enumerate(items):
        left = int(gap * (n + 1) + sum(used[:n]))
        if color != WHITE:
            pen.rectangle((left, 8, left + 10, 18), fill=color)
            left += 16
        pen.text((left, 4), words, fill=WHITE, font=font)
    return np.asarray(bar)


def draw_lesions(data: Path, real: Path, path: Path) -> None:
    """Outlined lesions of LJ19 by location class, in two planes, beside the plain slice.

    Confluent lesions are split at their centres, so that each part has its own class.
    """
    name = "sub-LJ19_ses-1"
    folder = real / "sub-LJ19" / "ses-1" / "anat"
    flair = ms.load_scan(next((data / "crosssectional").glob(f"sub-LJ19/*/anat/{name}_FLAIR.nii*")))
    mask, affine = ms.load_mask(folder / f"{name}_space-orig_label-L_mask.nii.gz")
    anatomy, _ = load_labels(folder / f"{name}_space-orig_seg-anatomy_dseg.nii.gz")
    classes = location_map(mask, affine, anatomy)
    inside, _ = ms.load_mask(folder / f"{name}_space-orig_desc-brain_mask.nii.gz")
    colors = {one.number: LOCATION_COLORS[one.name] for one in LOCATION_CLASSES}
    box = tuple(slice(int(at.min()) - 2, int(at.max()) + 3) for at in np.nonzero(inside))
    grey, classes = gray(flair.data, inside)[box], classes[box]
    tiles, seen = [], set()
    for axis in (2, 2, 1):
        others = tuple(other for other in range(3) if other != axis)
        # The slice that shows most classes, and of those the fullest
        kinds = sum((classes == one.number).any(axis=others) for one in LOCATION_CLASSES)
        index = int(np.lexsort(((classes > 0).sum(axis=others), kinds))[-1])
        at = {"spacing": flair.spacing_mm, "pixel_mm": PIXEL_MM}
        plane = cut(grey, axis, index, **at)
        numbers = cut(classes.astype(np.int32), axis, index, **at)
        seen |= set(np.unique(numbers))
        tiles.append(with_outlines(plane, numbers, colors if tiles else {}))
    picture = mosaic(tiles, len(tiles))
    shown = [one for one in LOCATION_CLASSES if one.number in seen]
    key = text_bar(picture.shape[1], [(one.words, LOCATION_COLORS[one.name]) for one in shown])
    Image.fromarray(np.concatenate([picture, key])).save(path, optimize=True)


def location_map(mask: np.ndarray, affine: np.ndarray, anatomy: np.ndarray) -> np.ndarray:
    """Number of the location class of each lesion, confluent lesions split at their centres."""
    parts = find_lesions(mask, affine, min_size="all").parts
    midplane = find_midplane(anatomy, affine)
    rows = locate_lesions(
        parts,
        affine,
        surroundings=find_surroundings(anatomy, affine, midplane=midplane),
        midplane=midplane,
    )
    number_of = {one.name: one.number for one in LOCATION_CLASSES}
    return np.array([0, *(number_of[row["location"]] for row in rows)])[parts]


def draw_new_lesion(data: Path, real: Path, path: Path) -> None:
    """The new lesion of LJL01: before, after, and outlined."""
    raw = data / "longitudinal" / "sub-LJL01"
    name = "sub-LJL01_ses-2"
    folder = real / "sub-LJL01" / "ses-2" / "anat"
    first, second = (
        ms.load_scan(raw / f"ses-{n}" / "anat" / f"sub-LJL01_ses-{n}_FLAIR.nii.gz") for n in "12"
    )
    change, _ = load_labels(folder / f"{name}_space-orig_seg-lesionchange_dseg.nii.gz")
    inside, _ = ms.load_mask(folder / f"{name}_space-orig_desc-brain_mask.nii.gz")
    moved = from_itk_transform(
        sitk.ReadTransform(str(folder / f"{name}_from-ses1_to-orig_mode-image_xfm.txt"))
    )
    grid = Grid(second.data.shape, second.affine)
    before = resample(first.data, first.affine, to=grid, transform=moved)
    centre = np.rint(np.argwhere(change == NEW).mean(axis=0)).astype(int)
    centre[2] = (change == NEW).sum(axis=(0, 1)).argmax()
    half = [int(CLOSE_MM / 2 / size) for size in second.spacing_mm[:2]]
    near = tuple(slice(c - h, c + h + 1) for c, h in zip(centre[:2], half, strict=True))
    at = {"spacing": second.spacing_mm, "pixel_mm": CLOSE_PIXEL_MM}
    planes = [
        cut(gray(scan, inside)[near][:, :, centre[2], None], 2, 0, **at)
        for scan in (before, second.data)
    ]
    numbers = cut(change[near][:, :, centre[2], None].astype(np.int32), 2, 0, **at)
    outlined = with_outlines(planes[1], (numbers == NEW).astype(np.int32), {1: NEW_COLOR})
    tiles = [*(np.repeat(plane[..., None], 3, axis=2) for plane in planes), outlined]
    picture = mosaic(tiles, len(tiles))
    words = ("first visit", "203 days later", "new lesion outlined")
    bars = [text_bar(outlined.shape[1], [(word, WHITE)]) for word in words]
    Image.fromarray(np.concatenate([picture, np.concatenate(bars, axis=1)])).save(
        path, optimize=True
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, help="results of the sample data")
    parser.add_argument("images", type=Path, help="folder of the pictures")
    parser.add_argument("--data", type=Path, help="folder of the two Ljubljana data sets")
    parser.add_argument("--real", type=Path, help="folder of their results")
    given = parser.parse_args(argv)
    copy_pictures(given.output, given.images)
    copy_curves(given.output, given.images)
    if given.data and given.real:
        draw_lesions(given.data, given.real, given.images / "real_lesions.png")
        draw_new_lesion(given.data, given.real, given.images / "new_lesion.png")


if __name__ == "__main__":
    main()
