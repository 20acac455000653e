"""The house rules: layers, sizes, exports, declared columns and settings."""

import ast
import subprocess
import sys
import time
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import pytest

import mslesion
from mslesion.cli import build_parser
from mslesion.pipeline.settings import Settings
from mslesion.schema import TABLES

PACKAGE = Path(mslesion.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
LAYERS = (
    "errors", "schema", "imaging", "clinical", "io", "segmentation", "measures", "evaluation",
    "longitudinal", "criteria", "statistics", "reports", "pipeline", "api", "cli", "__main__",
    "__init__",
)  # fmt: skip
"""Lowest first: a module imports from its own layer and from those before it."""
MAX_LINES = 400
OPENERS = ("io", "clinical", "pipeline", "api", "cli")
"""Layers that may open files."""


def layer_of(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_imports_point_down():
    above = {}
    for path in MODULES:
        inside = {name.split(".")[1] for name in imported(path) if name.startswith("mslesion.")}
        own = LAYERS.index(layer_of(path))
        found = {name for name in inside if name in LAYERS and LAYERS.index(name) > own}
        if found:
            above[name_of(path)] = found
    assert not above


def test_pure_rules_import_no_reader():
    """Criteria need facts and declarations, and nothing that reads a scan or a file."""
    found = {
        name.split(".")[1]
        for path in MODULES
        if layer_of(path) == "criteria"
        for name in imported(path)
        if name.startswith("mslesion.")
    }
    assert found <= {"criteria", "errors", "schema"}


def test_only_the_edges_open_files():
    """Nibabel's file functions, tables and folder globs stay in the layers of `OPENERS`."""
    found = {
        (name_of(path), call)
        for path in MODULES
        if layer_of(path) not in OPENERS
        for call in ("nib.load", "nib.save", ".glob(", "read_csv", "open(")
        if call in path.read_text("utf-8")
    }
    assert not found


def test_modules_are_short():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_every_folder_is_a_layer():
    found = {layer_of(path) for path in MODULES}
    assert found <= set(LAYERS)


def test_public_names():
    assert mslesion.__all__ == sorted(mslesion.__all__)
    assert len(mslesion.__all__) <= 32
    for name in mslesion.__all__:
        assert getattr(mslesion, name).__doc__
    assert mslesion.__version__ == version("mslesion")


def test_editors_see_every_public_name():
    """What is imported for type checkers is what is given at run time."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module.removeprefix("mslesion.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == mslesion._MODULE_OF
    assert {*seen, "__version__"} == set(mslesion.__all__)
    assert (PACKAGE / "py.typed").is_file()


def test_unknown_name():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        mslesion.nothing  # noqa: B018


def test_import_is_light():
    """Importing mslesion or asking for help imports no array library."""
    code = (
        "import sys, mslesion, mslesion.cli; mslesion.cli.build_parser().format_help(); "
        "print(sorted({'numpy', 'pandas', 'SimpleITK', 'onnxruntime'} & set(sys.modules)))"
    )
    start = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.strip() == "[]"
    assert time.perf_counter() - start < 10  # a hang, not a benchmark


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_columns_are_described(table):
    assert len(set(table.names)) == len(table.names)
    assert set(table.key) <= set(table.names)
    for column in table.columns:
        assert column.description.strip(), column.name
        assert column.dtype in ("string", "float64", "Int64", "boolean")
        for suffix, unit in (("_ml", "mL"), ("_mm", "mm"), ("_mm3", "mm^3"), ("_pct", "percent")):
            if column.name.endswith(suffix) and column.dtype == "float64":
                assert column.units == unit, column.name


def test_settings_are_described_and_have_flags():
    flags = {action.dest for action in build_parser()._actions}
    for item in fields(Settings):
        assert item.metadata["text"], item.name
        assert item.name in flags, item.name


def test_nothing_names_a_machine():
    """No path of a developer's machine stands in the package."""
    for path in MODULES:
        text = path.read_text("utf-8")
        assert "/home/" not in text
        assert "/tmp/" not in text
