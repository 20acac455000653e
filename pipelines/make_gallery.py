"""Make the pictures of README and of the gallery.

    mslesion sample_data output participant
    python pipelines/make_gallery.py output docs/images

takes the pictures of the sample data from ``output``, and those of pages with Chromium.
Those of real scans need the two Ljubljana data sets (CC BY) as BIDS datasets in DATA, and their
results in REAL:

    mslesion DATA/crosssectional REAL participant --participant-label LJ19 \
        --lesion-masks DATA/crosssectional/derivatives/manual
    mslesion DATA/longitudinal REAL participant --participant-label LJL01
    python pipelines/make_gallery.py output docs/images --data DATA --real REAL
"""

import argparse
import base64
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image, ImageDraw, ImageFont

import mslesion as ms
from mslesion.imaging.itk import from_itk_transform
from mslesion.imaging.resampling import Grid, resample
from mslesion.io.nifti import load_labels
from mslesion.measures.location import find_surroundings, locate_lesions
from mslesion.pipeline.visit.records import PART_SUFFIX
from mslesion.reports.curves import LARGE
from mslesion.reports.figures import LOCATION_COLORS, WHITE, cut, gray, mosaic, with_outlines
from mslesion.reports.key_pictures import COLORS, location_map
from mslesion.reports.parts import part_from
from mslesion.schema.change_map import NEW
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.segmentation.anatomy.midplane import find_midplane
from mslesion.segmentation.lesions.instances import find_lesions

FROM_PARTS = {
    "lesions_by_location.jpg": ("visits", "sub-relapsing", "_ses-03", "Lesions on FLAIR"),
    "every_lesion.jpg": ("visits", "sub-preclinical", "_ses-02", "Every lesion"),
    "anatomy.jpg": ("visits", "sub-relapsing", "_ses-03", "Anatomy on FLAIR"),
    "thick_slices.jpg": ("visits", "sub-thick", "_ses-01", "Lesions on FLAIR"),
    "change.jpg": ("pairs", "sub-relapsing", "_ses-01_ses-03", "FLAIR of both"),
    "changed_lesions.jpg": ("pairs", "sub-relapsing", "_ses-01_ses-03", "Every lesion that"),
    "expansion.jpg": ("pairs", "sub-progressive", "_ses-01_ses-02", "Candidates for slow"),
}
"""Pictures of the sample data: folder of logs, person, visits and start of the caption."""
SCREENS = (
    ("report.png", "sub-relapsing.html", "1280,900", ""),
    ("viewer.png", "sub-relapsing.html", "1280,720", "nav, main > :not(.viewer) {display: none}"),
)
"""File, page, size and additional style of the pictures of a first screen and of a viewer."""
WITH_WEBGL = (
    "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
    "--virtual-time-budget=30000",
)  # fmt: skip
"""What lets Chromium draw the viewer without a graphics card, and wait for it."""
COURSE = ("course.svg", "sub-relapsing", ("Brain change since", "Lesion volume"))
"""File, person and titles of the curves."""
LARGE_CURVE = f'width="{LARGE.width}"'
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


def copy_pictures(output: Path, images: Path) -> None:
    """Save the pictures of the pages."""
    for name, (step, person, visits, caption) in FROM_PARTS.items():
        path = output / "logs" / step / person / f"{person}{visits}{PART_SUFFIX}"
        part = part_from(path.read_text("utf-8"))
        found = [one for one in part.pictures if one.caption.startswith(caption)]
        if not found:
            raise SystemExit(
                f"{path} has no picture {caption!r}. Run mslesion on sample_data again."
            )
        (images / name).write_bytes(base64.b64decode(found[0].source.partition(",")[2]))


def copy_curves(output: Path, images: Path) -> None:
    """Save curves of a page side by side as one file."""
    name, person, titles = COURSE
    page = (output / f"{person}.html").read_text("utf-8")
    curves = [one for one in re.findall(r"<svg.*?</svg>", page, re.DOTALL) if LARGE_CURVE in one]
    chosen = [next(one for one in curves if f"<title>{title}" in one) for title in titles]
    placed = [one.replace("<svg", f'<svg x="{LARGE.width * n}"', 1) for n, one in enumerate(chosen)]
    width, height = LARGE.width * len(placed), LARGE.height
    (images / name).write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{CURVE_STYLE}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(placed)}</svg>\n',
        "utf-8",
    )


def take_screens(output: Path, images: Path) -> None:
    """Save parts of pages as headless Chromium shows them; nothing where Chromium is not here."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("The pictures of pages need Chromium, which is not here.")
        return
    for name, page, size, style in SCREENS:
        html = (output / page).read_text("utf-8")
        with tempfile.TemporaryDirectory() as folder:
            shown = Path(folder, page)
            shown.write_text(html.replace("</head>", f"<style>{style}</style></head>"), "utf-8")
            subprocess.run(
                [browser, "--headless", "--no-sandbox", "--hide-scrollbars", *WITH_WEBGL,
                 f"--user-data-dir={folder}/profile", f"--window-size={size}",
                 f"--screenshot={(images / name).resolve()}", shown.as_uri()],
                check=True, capture_output=True, timeout=300,
            )  # fmt: skip
        picture = Image.open(images / name).convert("RGB")
        # Octree, not median cut, keeps the colours of thin lines in a picture that is mostly grey
        few = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(images / name, optimize=True)


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
    classes = located_lesions(mask, affine, anatomy)
    inside, _ = ms.load_mask(folder / f"{name}_space-orig_desc-brain_mask.nii.gz")
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
        tiles.append(with_outlines(plane, numbers, COLORS if tiles else {}))
    picture = mosaic(tiles, len(tiles))
    shown = [one for one in LOCATION_CLASSES if one.number in seen]
    key = text_bar(picture.shape[1], [(one.words, LOCATION_COLORS[one.name]) for one in shown])
    Image.fromarray(np.concatenate([picture, key])).save(path, optimize=True)


def located_lesions(mask: np.ndarray, affine: np.ndarray, anatomy: np.ndarray) -> np.ndarray:
    """Number of the location class of each lesion, confluent lesions split at their centres."""
    parts = find_lesions(mask, affine, min_size="all").parts
    midplane = find_midplane(anatomy, affine)
    rows = locate_lesions(
        parts,
        affine,
        surroundings=find_surroundings(anatomy, affine, midplane=midplane),
        midplane=midplane,
    )
    return location_map(parts, {n: row["location"] for n, row in enumerate(rows, start=1)})


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
    take_screens(given.output, given.images)
    if given.data and given.real:
        draw_lesions(given.data, given.real, given.images / "real_lesions.png")
        draw_new_lesion(given.data, given.real, given.images / "new_lesion.png")


if __name__ == "__main__":
    main()
