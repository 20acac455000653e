"""Pages made of what the code declares: columns, settings, checks, structures, the command.

    python docs/make_dictionary.py FOLDER

Sphinx calls `write_pages` before each build, so that no page can differ from the code.
"""

import re
import sys
from argparse import HelpFormatter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

from mslesion.cli import build_parser
from mslesion.longitudinal.lesions.sizes import RULES
from mslesion.longitudinal.quality import PAIR_CHECKS
from mslesion.measures.location import SCHEMES
from mslesion.measures.quality import CHECKS
from mslesion.pipeline.settings import Settings
from mslesion.schema import LESION_CHANGES, TABLES, Table
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.lesions.instances import MIN_SIZES, MinSize

TYPES = {"string": "text", "float64": "number", "Int64": "whole number", "boolean": "true/false"}
"""How the page calls the column types."""
HELP_COLUMNS = 90
DOI = re.compile(r"\b10\.\d{4,9}/[^\s,;]+")


def write_pages(folder: Path) -> None:
    """Write every page that is made of declarations.

    Parameters
    ----------
    folder : Path
        Where to; it is made where needed. Unchanged pages are not written again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "dictionary.md": "\n".join(dictionary(table) for table in TABLES),
        "settings.md": settings(),
        "checks.md": checks(CHECKS),
        "pair_checks.md": checks(PAIR_CHECKS),
        "change_rules.md": change_rules(),
        "structures.md": structures(),
        "command.txt": command(),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def dictionary(table: Table) -> str:
    """The section of one table.

    Parameters
    ----------
    table : Table
        Its declaration.

    Returns
    -------
    str
        Markdown.
    """
    rows = []
    for column in table.columns:
        meaning = column.description
        if column.levels:
            levels = "; ".join(
                f"`{name}`" if name == text else f"`{name}` {text}"
                for name, text in column.levels.items()
            )
            meaning += f" Values: {levels}."
        cells = (f"`{column.name}`", TYPES[column.dtype], column.units, meaning, column.source)
        rows.append(cells)
    keys = ", ".join(f"`{name}`" for name in table.key)
    head = ("column", "type", "unit", "meaning", "source")
    return f"## {table.name}\n\n{table.description} Rows are told apart by {keys}.\n\n" + markdown(
        head, rows
    )


def settings() -> str:
    """Tables of the settings and of the named rules they choose among."""
    rows = [
        (f"`{item.name}`", item.default if item.default != "" else "(none)", item.metadata["text"])
        for item in fields(Settings)
    ]
    sizes = [(f"`{name}`", _size(least), least.source) for name, least in MIN_SIZES.items()]
    schemes = [(f"`{name}`", text) for name, text in SCHEMES.items()]
    return "\n".join(
        (
            markdown(("setting", "default", "meaning"), rows),
            "The smallest lesion that counts (`min_size`), bounds inclusive:\n",
            markdown(("name", "at least", "source"), sizes),
            "Rules of the location classes (`location_scheme`):\n",
            markdown(("name", "rule"), schemes),
        )
    )


def checks(declared: Sequence) -> str:
    """Table of quality checks.

    Parameters
    ----------
    declared : sequence of Check
        Those of a visit or of a pair.

    Returns
    -------
    str
        Markdown.
    """
    rows = [
        (check.check_id, check.name, check.unit, check.threshold, _fails(check), check.consequence)
        for check in declared
    ]
    return markdown(("check", "value", "unit", "pass", "fail", "what follows"), rows)


def change_rules() -> str:
    """Table of the rules of what is enlarging, as their columns declare them."""
    columns = {column.name: column for column in LESION_CHANGES.columns}
    found = [(name, columns[f"class_{name}"]) for name in RULES]
    rows = [(f"`{name}`", column.description, column.source) for name, column in found]
    return markdown(("rule", "enlarging from", "source"), rows)


def structures() -> str:
    """Table of the structures of the anatomy map."""
    return markdown(("number", "structure", "counts as"), STRUCTURES)


def command() -> str:
    """The command's help, at a width that does not depend on the terminal."""
    parser = build_parser()
    parser.formatter_class = partial(HelpFormatter, width=HELP_COLUMNS)
    return parser.format_help()


def markdown(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A Markdown table; empty cells for None, DOIs as links.

    Parameters
    ----------
    head : sequence of str
        Titles of the columns.
    rows : iterable of sequence
        Cells.

    Returns
    -------
    str
    """
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines)


def _cell(value) -> str:
    """A cell's text, safe inside a table."""
    text = "" if value is None else str(value)
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return DOI.sub(lambda found: f"[{found[0]}](<https://doi.org/{found[0]}>)", text)


def _size(least: MinSize) -> str:
    """A smallest lesion in words."""
    parts = [
        (least.long_axis_mm, f"{least.long_axis_mm:g} mm long"),
        (least.volume_mm3, f"{least.volume_mm3:g} mm³"),
        (least.voxels > 1, f"{least.voxels} voxels"),
    ]
    return ", ".join(text for used, text in parts if used) or "1 voxel"


def _fails(check) -> str:
    """When the state of a check is fail, in words."""
    if check.fail_above is not None:
        return f"> {check.fail_above:g}"
    return f"< {check.fail_below:g}" if check.fail_below is not None else ""


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
