"""Draw the layers of the package and the way of the data, the pictures of architecture.md.

    python docs/make_architecture.py docs/images

The pictures are SVG text, the same on every machine.
"""

import sys
from html import escape
from pathlib import Path

LAYERS = (
    ("cli", "the command mslesion: flags, exit codes"),
    ("api", "functions for scripts: images, paths or facts in, tables out"),
    ("pipeline", "visits, pairs and data sets: order of the steps, records, resuming"),
    ("reports", "pages and figures from tables and maps"),
    ("statistics", "comparison of groups, sample sizes"),
    ("criteria", "published rules on facts, in three values; panels"),
    ("longitudinal", "change between visits: frames, lesions, brain, tracks, trajectories"),
    ("evaluation", "agreement of masks with a reference"),
    ("measures", "biomarkers of one visit"),
    ("segmentation", "anatomy and lesions: networks, label maps, single lesions, midplane"),
    ("io", "files: NIfTI, masks, data sets, tables, derivatives"),
    ("clinical", "what is known of a visit: tables, sidecars, ratings"),
    ("imaging", "grids, resampling, registration, bias field, intensity, shape"),
    ("schema", "declarations: columns, modalities, checks, structures, prerequisites"),
    ("errors", "the errors that a user sees"),
)
"""Layers of the package, highest first, and what each holds."""

STEPS = (
    ("Files", "scans, masks,|clinical tables", "io, clinical"),
    ("Prepare", "scans on one grid,|registered", "pipeline/visit|io, imaging"),
    ("Segment", "anatomy map,|lesion map", "pipeline/visit|segmentation"),
    ("Measure", "biomarkers,|checks, reasons", "pipeline/visit|measures"),
    ("Compare", "pairs of visits:|change, tracks", "pipeline/pair|longitudinal"),
    ("Apply rules", "criteria and panels|on facts", "pipeline/dataset|criteria"),
    ("Publish", "tables, maps,|pages", "pipeline/dataset|reports"),
)
"""Steps of a run: name, what it gives, and where its code is."""

FONT = 'font-family="Helvetica, Arial, sans-serif"'
INK, QUIET, FILL, EDGE = "#1b2733", "#51606e", "#e9f0f7", "#7d93a8"


def layers() -> str:
    """The layers as floors of a house, the lowest at the bottom."""
    width, height, top = 720, 34, 46
    parts = [
        _text(12, 26, "Each layer imports from the layers below it, never from those above.", QUIET)
    ]
    for floor, (name, holds) in enumerate(LAYERS):
        y = top + floor * height
        parts.append(_box(12, y, width - 24, height - 4))
        parts.append(_text(24, y + 20, name, INK, is_bold=True))
        parts.append(_text(150, y + 20, holds, QUIET))
    return _picture(width, top + len(LAYERS) * height + 8, parts)


def data_flow() -> str:
    """The steps of a run from left to right."""
    step, wide, high, top = 158, 138, 110, 46
    parts = [
        _text(12, 26, "Steps 2 to 4 run once per visit, step 5 once per pair of visits.", QUIET)
    ]
    for position, (name, gives, where) in enumerate(STEPS):
        x = 12 + position * step
        parts.append(_box(x, top, wide, high))
        parts.append(_text(x + 10, top + 22, f"{position + 1}. {name}", INK, is_bold=True))
        for line, text in enumerate(gives.split("|")):
            parts.append(_text(x + 10, top + 44 + 16 * line, text, INK))
        for line, text in enumerate(where.split("|")):
            parts.append(_text(x + 10, top + 84 + 14 * line, text, QUIET, size=11))
        if position:
            middle = top + high / 2
            parts.append(
                f'<path d="M{x - step + wide + 2} {middle:g} h12 m-5 -4 l5 4 l-5 4" '
                f'fill="none" stroke="{EDGE}" stroke-width="1.5"/>'
            )
    return _picture(12 + len(STEPS) * step, top + high + 12, parts)


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="{FILL}" '
        f'stroke="{EDGE}"/>'
    )


def _text(
    x: float, y: float, text: str, color: str, *, size: int = 13, is_bold: bool = False
) -> str:
    weight = ' font-weight="bold"' if is_bold else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}"{weight} {FONT}>'
        f"{escape(text)}</text>"
    )


def _picture(width: int, height: int, parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


PICTURES = {"layers.svg": layers, "data_flow.svg": data_flow}
"""Function that draws each picture."""


if __name__ == "__main__":
    for file, draw in PICTURES.items():
        (Path(sys.argv[1]) / file).write_text(draw(), "utf-8")
