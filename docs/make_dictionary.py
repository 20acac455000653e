"""Write the pages that repeat declarations of the code, such as columns, settings and checks.

    python docs/make_dictionary.py FOLDER

It also brings the table of measured errors in ``docs/validation.md`` up to date. Sphinx calls
`write_pages` before each build, so that the pages always agree with the code.
"""

import re
import sys
from argparse import HelpFormatter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path

from mslesion.cli import build_parser
from mslesion.criteria import CRITERIA, VEIN_RULES
from mslesion.longitudinal.lesions.sizes import RULES
from mslesion.measures.location import SCHEMES
from mslesion.pipeline.settings import Settings
from mslesion.schema import (
    CHANGES,
    EXPANSIONS,
    LESION_CHANGES,
    LESIONS,
    TABLES,
    VISITS,
    Table,
    sidecar,
)
from mslesion.schema.checks import CHECKS, PAIR_CHECKS
from mslesion.schema.columns import NOT_MEASURED
from mslesion.schema.label_schemes import LABEL_SCHEMES
from mslesion.schema.measured_errors import MEASURED_ERRORS, NONE_YET, errors_of
from mslesion.schema.ratings import COUNT, NUMBER, RATED_COLUMNS
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.lesions.instances import MIN_SIZES, MinSize

TYPES = {"string": "text", "float64": "number", "Int64": "whole number", "boolean": "true/false"}
"""Names of the column types on the page."""
HELP_COLUMNS = 90
VALIDATION = Path(__file__).with_name("validation.md")
FENCE = "<!-- table of measured errors -->\n"
"""Stands before and after the table in `VALIDATION`."""
DOI = re.compile(r"\b10\.\d{4,9}/[^\s,;]+")


def write_pages(folder: Path) -> None:
    """Write every generated page.

    Parameters
    ----------
    folder : Path
        Destination, created if needed. Unchanged pages are not written again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "dictionary.md": "\n".join(dictionary(table) for table in TABLES),
        "settings.md": settings(),
        "checks.md": checks(CHECKS),
        "pair_checks.md": checks(PAIR_CHECKS),
        "change_rules.md": change_rules(),
        "structures.md": structures(),
        "clinical.md": clinical_columns(),
        "label_schemes.md": label_schemes(),
        "rules.md": rules(),
        "conditions.md": markdown(
            ("name", "met if"), [(f"`{rule.name}`", rule.text) for rule in CRITERIA]
        ),
        "vein_rules.md": vein_rules(),
        "command.txt": command(),
    }
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def dictionary(table: Table) -> str:
    """Format the section of one table.

    Parameters
    ----------
    table : Table
        Declaration of the table.

    Returns
    -------
    str
        Markdown.
    """
    rows = []
    entries = sidecar(table)
    for column in table.columns:
        meaning = column.description
        if column.levels:
            levels = "; ".join(
                f"`{name}`" if name == text else f"`{name}` {text}"
                for name, text in column.levels.items()
            )
            meaning += f" Values: {levels}."
        cells = (
            f"`{column.name}`", TYPES[column.dtype], column.units, meaning,
            entries[column.name]["EmptyWhen"], column.source,
        )  # fmt: skip
        rows.append(cells)
    keys = ", ".join(f"`{name}`" for name in table.key)
    head = ("column", "type", "unit", "meaning", "empty when", "source")
    text = f"## {table.name}\n\n{table.description} The key is {keys}.\n\n"
    return text + markdown(head, rows)


def measured_errors() -> str:
    """Table of the error of each biomarker, first those that were measured."""
    rows = []
    for one in MEASURED_ERRORS:
        figure = f"{one.figure} (section {one.section})"
        rows.append((_columns(one.of), figure, one.data, f"`{one.command}`"))
    for table in (VISITS, LESIONS, CHANGES, LESION_CHANGES, EXPANSIONS):
        unknown = [
            f"{table.name}.{column.name}"
            for column in table.columns
            if column.dtype in ("float64", "Int64")
            and column.method not in NOT_MEASURED
            and not errors_of(table, column)
        ]
        rows.append((_columns(unknown), NONE_YET, "-", "-"))
    return markdown(("biomarker", "error measured", "data", "command"), rows)


def _columns(names: Iterable[str]) -> str:
    """Columns by table."""
    by_table: dict[str, list[str]] = {}
    for name in names:
        table, column = name.split(".")
        by_table.setdefault(table, []).append(f"`{column}`")
    return "; ".join(f"{table}: {', '.join(found)}" for table, found in by_table.items())


def update_validation() -> None:
    """Put the table of measured errors into `VALIDATION`."""
    before, _, after = VALIDATION.read_text("utf-8").split(FENCE)
    VALIDATION.write_text(f"{before}{FENCE}\n{measured_errors()}\n{FENCE}{after}", "utf-8")


def settings() -> str:
    """Tables of the settings and of the named rules that they select."""
    rows = [
        (f"`{item.name}`", item.default if item.default != "" else "(none)", item.metadata["text"])
        for item in fields(Settings)
    ]
    sizes = [(f"`{name}`", _size(least), least.source) for name, least in MIN_SIZES.items()]
    schemes = [(f"`{name}`", text) for name, text in SCHEMES.items()]
    return "\n".join(
        (
            markdown(("setting", "default", "meaning"), rows),
            "Minimum lesion size (`min_size`; bounds are inclusive):\n",
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
        Checks of a visit or of a pair.

    Returns
    -------
    str
        Markdown.
    """
    rows = [
        (
            f"`{check.name}`",
            check.description,
            check.unit,
            check.threshold,
            _fails(check),
            check.consequence,
        )
        for check in declared
    ]
    return markdown(("check", "value", "unit", "pass", "fail", "consequence"), rows)


def change_rules() -> str:
    """Table of the rules for enlarging lesions, as their columns declare them."""
    columns = {column.name: column for column in LESION_CHANGES.columns}
    found = [(name, columns[f"class_{name}"]) for name in RULES]
    rows = [(f"`{name}`", column.description, column.source) for name, column in found]
    return markdown(("rule", "enlarging from", "source"), rows)


def structures() -> str:
    """Table of the structures of the anatomy map."""
    return markdown(("number", "structure", "counts as"), STRUCTURES)


def clinical_columns() -> str:
    """Format the table of the columns that are read from tables beside the scans."""
    rows = []
    for column in RATED_COLUMNS:
        values = column.kind
        if column.levels:
            values = ", ".join(column.levels)
        if column.kind in (COUNT, NUMBER):
            values += f", {column.low:g} to {column.high:g} {column.units or ''}".rstrip()
        others = ", ".join(f"`{name}`" for name in column.aliases)
        rows.append((f"`{column.name}`", column.of, values, column.description, others))
    return markdown(("column", "of a", "values", "meaning", "other names"), rows)


def label_schemes() -> str:
    """A table of each scheme of label maps made elsewhere."""
    names = {0: "left out"} | {part.number: part.name for part in STRUCTURES}
    sections = []
    for scheme in LABEL_SCHEMES.values():
        if not scheme.expected:  # our own numbers
            continue
        rows = [
            (_runs(group.numbers), group.meaning, names[group.structure], group.reason)
            for group in scheme.groups
        ]
        table = markdown(("labels", "what they name", "becomes", "why"), rows)
        sections.append(f"### `{scheme.name}`\n\n{scheme.tools}.\n\n{table}")
    return "\n".join(sections)


def rules() -> str:
    """Table of the published rules."""
    rows = [
        (
            f"`{rule.name}`",
            rule.title,
            rule.source,
            rule.evidence,
            "provisional" if rule.provisional else "",
        )
        for rule in CRITERIA
    ]
    return markdown(("name", "title", "source", "evidence", "provisional"), rows)


def vein_rules() -> str:
    """Table of the rules of the central vein sign."""
    rows = [(f"`{rule.name}`", rule.text, rule.performance, rule.evidence) for rule in VEIN_RULES]
    return markdown(("name", "rule", "performance", "evidence"), rows)


def _runs(numbers: Sequence[int]) -> str:
    """Whole numbers, those that follow on one another as first-last."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(words)


def command() -> str:
    """Help text of the command, at a width that is independent of the terminal."""
    parser = build_parser()
    parser.formatter_class = partial(HelpFormatter, width=HELP_COLUMNS)
    return parser.format_help()


def markdown(head: Sequence[str], rows: Iterable[Sequence]) -> str:
    """Format a Markdown table with empty cells for None and with DOIs as links.

    Parameters
    ----------
    head : sequence of str
        Column titles.
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
    update_validation()
