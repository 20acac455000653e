"""What stands in the data dictionaries, and where its figures come from."""

import importlib.util
import re
from pathlib import Path

import pytest

from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, LESIONS, TABLES, VISITS, sidecar
from mslesion.schema.brain import BRAIN
from mslesion.schema.columns import COUNT, IDENTIFIER, NOT_MEASURED, NUMBER, Column, described
from mslesion.schema.measured_errors import MEASURED_ERRORS, NONE_YET, errors_of
from mslesion.schema.prerequisites import empty_when
from mslesion.schema.visits import BIOMARKERS

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = (VISITS, LESIONS, CHANGES, LESION_CHANGES, EXPANSIONS)
NUMBER_IN_TEXT = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.parametrize("table", [*TABLES, BRAIN], ids=lambda table: table.name)
def test_every_column_says_how_it_was_measured_and_when_it_is_empty(table):
    for name, entry in sidecar(table).items():
        assert entry["Method"].endswith("."), name
        assert entry["EmptyWhen"], name
        # Said once, in EmptyWhen
        assert not re.search(r"\bempty (?!values)|otherwise empty", entry["Description"]), name
        is_exempt = entry["Method"] in NOT_MEASURED
        assert ("MeasuredError" in entry) != is_exempt, name


@pytest.mark.parametrize("table", MEASURED, ids=lambda table: table.name)
def test_every_biomarker_has_its_error_or_says_that_there_is_none(table):
    entries = sidecar(table)
    numbers = [column for column in table.columns if column.dtype in (NUMBER, COUNT)]
    measured = [column for column in numbers if column.method not in NOT_MEASURED]
    assert len(measured) >= 4
    for column in measured:
        error = entries[column.name]["MeasuredError"]
        known = errors_of(table, column)
        assert (error == NONE_YET) == (not known)
        for one in known:
            assert one.figure in error
            assert one.data in error
            assert f'docs/validation.md, "{one.section}"' in error
    exempt = {column.name for column in numbers if column not in measured}
    assert not exempt & set(BIOMARKERS)


def test_errors_are_of_declared_columns():
    declared = {f"{table.name}.{column.name}" for table in MEASURED for column in table.columns}
    assert {name for one in MEASURED_ERRORS for name in one.of} <= declared


@pytest.mark.parametrize(
    "error", MEASURED_ERRORS, ids=lambda error: f"{error.of[0]} {error.figure}"
)
def test_every_figure_stands_in_its_section_of_the_validation_page(error):
    """In the text of the section, not only in the table that is made from the declarations."""
    page = (DOCS / "validation.md").read_text("utf-8")
    section = page.split(f"\n## {error.section}\n", 1)[1].split("\n## ", 1)[0]
    found = set(NUMBER_IN_TEXT.findall(section))
    for number in NUMBER_IN_TEXT.findall(error.figure):
        assert number in found, (number, error.section)
    script = error.command.split()[1]
    assert (DOCS.parent / script).is_file()
    _, _, part = error.command.partition("--parts ")
    assert not part or f"def {part}(" in (DOCS.parent / script).read_text("utf-8")


def test_the_table_of_the_validation_page_is_that_of_the_declarations():
    spec = importlib.util.spec_from_file_location("make_dictionary", DOCS / "make_dictionary.py")
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    _, table, _ = (DOCS / "validation.md").read_text("utf-8").split(maker.FENCE)
    assert table.strip() == maker.measured_errors().strip(), (
        "run python docs/make_dictionary.py docs/generated"
    )
    for measured in MEASURED:
        for column in measured.columns:
            if column.dtype in (NUMBER, COUNT) and column.method not in NOT_MEASURED:
                assert f"`{column.name}`" in table


def test_what_holds_for_a_group_yields_to_what_a_column_says():
    own = Column("a", NUMBER, "", method="own.", requires=("skull",), group="look")
    bare = Column("b", NUMBER, "")
    first, second = described(
        IDENTIFIER, own, bare, group="load", requires=("flair",), empty_when="it rains"
    )
    assert first == own  # its prerequisites say when it is empty
    assert (second.method, second.group, second.requires) == (IDENTIFIER, "load", ("flair",))
    assert empty_when(second) == "it rains; no FLAIR"
