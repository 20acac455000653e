"""README and the documentation: what they name exists, and their code runs."""

import ast
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

import mslesion
from mslesion.cli import build_parser
from mslesion.criteria import CRITERIA, VEIN_RULES
from mslesion.measures.location import SCHEMES
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.anatomy import ANATOMY_SHIFTED
from mslesion.pipeline.visit.process import VisitResult
from mslesion.pipeline.visit.segment import MASK_SHIFTED
from mslesion.reports.methods import REFERENCES
from mslesion.schema import TABLES, Column, Table
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.checks import CHECKS, PAIR_CHECKS
from mslesion.schema.ratings import RATED_COLUMNS
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.lesions.instances import MIN_SIZES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = (README, ROOT / "CHANGELOG.md", CONTRIBUTING, *sorted(DOCS.glob("*.md")))
TUTORIALS = tuple(sorted(DOCS.glob("tutorial_*.md")))
MOST_WORDS = 900
"""README is shorter than this."""
MOST_PICTURE_BYTES = 300_000

CODE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
OTHER_FLAGS = {
    "--group",
    "--no-compile",
    "--cov=mslesion",
    "--folds",
    "--parts",
    "--resources",
    "--raters",
}
"""Flags of pip, pytest, Dask and the scripts that validate."""


def page_name(path):
    return path.relative_to(ROOT).as_posix()


def blocks(path, language):
    return [code for kind, code in CODE.findall(path.read_text("utf-8")) if kind == language]


def spans(path):
    """Everything in single backticks outside code blocks, comments and roles."""
    text = CODE.sub("", path.read_text("utf-8"))
    text = re.sub(r"\{[a-z:]+\}`[^`]*`", "", text)
    return SPAN.findall(text)


def commands(path):
    """Commands of a page's bash blocks, one list of words each."""
    lines = [line for code in blocks(path, "bash") for line in code.splitlines()]
    return [shlex.split(line.removesuffix("&&")) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("make_dictionary", DOCS / "make_dictionary.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_quick_start_comes_first():
    """The first block sets up and runs the main job, the second sets up and runs the tests."""
    text = README.read_text("utf-8")
    assert text.index("## Quick start") < text.index("```")
    first, second = blocks(README, "bash")[:2]
    assert "python3 -m venv .venv-run" in first
    assert "pip install --no-compile ." in first
    assert "mslesion sample_data output participant" in first
    assert "python3 -m venv .venv-test" in second
    assert "pip>=25.1" in second  # older ones know no --group
    assert second.rstrip().endswith("pytest")


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_commands_are_understood(path):
    """Every mslesion command parses, every script that is called exists."""
    for words in commands(path):
        if words[0] == "mslesion":
            build_parser().parse_args(words[1:])
        scripts = [word for word in words if word.endswith(".py")]
        assert all((ROOT / script).is_file() for script in scripts), words


def test_wrong_command_is_caught():
    """The parser that judges the pages refuses what does not exist."""
    with pytest.raises(SystemExit):
        build_parser().parse_args(["data", "out", "participant", "--no-such-flag"])


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_flags_exist(path):
    flags = {flag for action in build_parser()._actions for flag in action.option_strings}
    words = [word for span in spans(path) for word in span.split() if word.startswith("--")]
    assert set(words) - OTHER_FLAGS <= flags


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_lead_somewhere(path):
    text = re.sub(r"<!--.*?-->", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        if "://" in target:
            continue
        file, _, anchor = unquote(target).partition("#")
        assert (path.parent / file).exists(), target
        assert not anchor or (path.parent / file).suffix == ".md", target


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_named_files_exist(path):
    """Paths in backticks that start with one of our folders."""
    for span in spans(path):
        first = span.split("/")[0]
        if "/" in span and first in (
            "docs",
            "pipelines",
            "mslesion",
            "tests",
            "sample_data",
            ".ci",
        ):
            if first == "sample_data" and not (ROOT / first).is_dir():
                pytest.skip("sample_data is not here")
            assert (ROOT / span).exists(), span


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_dotted_names_exist(path):
    """mslesion.x.y is a module or something in one."""
    for span in spans(path):
        if re.fullmatch(r"mslesion(\.\w+)+", span):
            assert resolves(span), span


def resolves(dotted):
    module, _, name = dotted.rpartition(".")
    try:
        importlib.import_module(dotted)
    except ModuleNotFoundError:
        return hasattr(importlib.import_module(module), name)
    return True


@pytest.mark.parametrize(
    "name",
    ["README.md", "docs/methods.md", "docs/dictionary.md", "docs/model_card.md", "docs/command.md",
     *(page_name(path) for path in TUTORIALS)],
)  # fmt: skip
def test_snake_case_names_exist(name):
    """A word with an underscore is a column, a setting, a named rule or a function."""
    known = {column for table in TABLES for column in table.names}
    known |= {item.name for item in fields(Settings)}
    known |= {*MIN_SIZES, *SCHEMES, *mslesion.__all__}
    known |= {column.name for column in RATED_COLUMNS}
    known |= {check.name for check in (*CHECKS, *PAIR_CHECKS)}
    known |= set(dir(VisitResult))
    for public in (getattr(mslesion, one) for one in mslesion.__all__):
        known |= set(inspect.signature(public).parameters) if inspect.isfunction(public) else set()
    known |= {
        "threshold_lesions",
        "brain_mask",
        "EMPTY_RULES",
        "sample_data",
        "lesion_roi",
        MASK_SHIFTED,
        ANATOMY_SHIFTED,
    }
    words = {
        span for span in spans(ROOT / name) if re.fullmatch(r"[A-Za-z]\w*_\w*[A-Za-z0-9]", span)
    }
    assert words <= known


@pytest.mark.parametrize("path", [README, *TUTORIALS, DOCS / "followup.md"], ids=page_name)
def test_python_examples_use_public_names(path):
    """The examples compile and take nothing that mslesion does not offer."""
    used = set()
    for code in blocks(path, "python"):
        used |= {
            node.attr
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "ms"
        }
    assert used or not blocks(path, "python")
    assert used <= set(mslesion.__all__) | {"__version__"}


@pytest.mark.parametrize("path", [README, *TUTORIALS, DOCS / "followup.md"], ids=page_name)
def test_python_examples_name_columns(path):
    """Columns that the examples ask for are declared."""
    declared = {column for table in TABLES for column in table.names}
    declared |= set(AGREEMENT.names)
    asked = {
        item.value
        for code in blocks(path, "python")
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.List)
        for item in node.slice.elts
    }
    assert asked or not blocks(path, "python")
    assert asked <= declared


def run_code(code, folder):
    """Run Python in a folder that holds nothing but the sample data."""
    (folder / "sample_data").symlink_to(ROOT / "sample_data")
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )


def test_readme_example_runs(tmp_path):
    """Five lines on a mask: 18 lesions in truth, each with its location."""
    (code,) = blocks(README, "python")
    run = run_code(code, tmp_path)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.strip().splitlines()
    assert lines[0].split() == ["location", "volume_mm3", "long_axis_3d_mm"]
    assert len(lines) == 1 + 18
    assert "periventricular" in run.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected", "files"),
    [
        ("tutorial_masks.md", "enlarging", []),
        (
            "tutorial_python.md",
            "ml of lesion in truth",
            ["example/lesions.nii.gz"],
        ),
    ],
)
def test_tutorial_examples_run(tmp_path, name, expected, files):
    """The blocks of a page one after the other, without those on the reader's own study."""
    code = "\n".join(part for part in blocks(DOCS / name, "python") if '"study"' not in part)
    run = run_code(code, tmp_path)
    assert run.returncode == 0, run.stderr
    assert expected in run.stdout
    assert all((tmp_path / file).is_file() for file in files)


def test_readme_is_short():
    assert len(README.read_text("utf-8").split()) < MOST_WORDS


@pytest.mark.parametrize("path", sorted((DOCS / "images").iterdir()), ids=lambda path: path.name)
def test_pictures_are_small_and_shown(path):
    assert path.stat().st_size < MOST_PICTURE_BYTES
    assert any(f"images/{path.name})" in page.read_text("utf-8") for page in PAGES)


def test_every_page_is_reached():
    text = (DOCS / "index.md").read_text("utf-8")
    lines = "".join(re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL)).splitlines()
    names = [line for line in lines if line and not line.startswith(":")]
    assert sorted([*names, "index"]) == sorted(path.stem for path in DOCS.glob("*.md"))


def test_public_names_are_documented():
    text = (DOCS / "api.md").read_text("utf-8")
    named = set(re.findall(r":: mslesion\.(\w+)$", text, re.MULTILINE))
    assert set(mslesion.__all__) <= named


def test_references():
    """Citations have entries, entries are cited; those of the report say the same DOI."""
    bib = (DOCS / "references.bib").read_text("utf-8")
    entries = {entry.split(",")[0]: entry for entry in re.split(r"^@\w+\{", bib, flags=re.M)[1:]}
    cited = set()
    for path in DOCS.glob("*.md"):
        for keys in re.findall(r"\{cite:\w\}`([^`]+)`", path.read_text("utf-8")):
            cited |= set(keys.split(","))
    assert cited <= set(entries)
    assert set(entries) <= cited | set(REFERENCES)
    for key, text in REFERENCES.items():
        doi = re.search(r"doi:(\S+)", text)
        found = re.search(r"doi = \{(.*)\}", entries[key])
        assert (found[1] if found else None) == (doi[1] if doi else None), key


def test_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation
    assert f"## [{project['version']}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_generated_pages_hold_every_declaration(generator, tmp_path):
    generator.write_pages(tmp_path)
    text = (tmp_path / "dictionary.md").read_text("utf-8")
    for table in TABLES:
        assert f"## {table.name}\n" in text
        assert all(f"| `{name}` |" in text for name in table.names)
    text = (tmp_path / "settings.md").read_text("utf-8")
    for name in (*(item.name for item in fields(Settings)), *MIN_SIZES, *SCHEMES):
        assert f"| `{name}` |" in text
    text = (tmp_path / "checks.md").read_text("utf-8")
    assert all(f"| `{check.name}` | {check.description} |" in text for check in CHECKS)
    text = (tmp_path / "structures.md").read_text("utf-8")
    assert all(f"| {part.number} | {part.name} |" in text for part in STRUCTURES)
    text = (tmp_path / "label_schemes.md").read_text("utf-8")
    assert "| 3, 42, 1000-1003, 1005-1035, 2000-2003, 2005-2035 | cortex, and its parcels" in text
    assert (
        "| 69 | optic chiasm | left out | outside the brain, not a structure of mslesion |"
    ) in text
    text = (tmp_path / "rules.md").read_text("utf-8")
    assert all(f"| `{rule.name}` | {rule.title} |" in text for rule in CRITERIA)
    assert text.count("| provisional |") == 1 + sum(rule.provisional for rule in CRITERIA)
    text = (tmp_path / "conditions.md").read_text("utf-8")
    assert all(f"| `{rule.name}` | {rule.text} |" in text for rule in CRITERIA)
    text = (tmp_path / "vein_rules.md").read_text("utf-8")
    assert all(f"| `{rule.name}` | {rule.text} |" in text for rule in VEIN_RULES)
    assert "--lesion-masks DIR" in (tmp_path / "command.txt").read_text("utf-8")


def test_generated_clinical_columns(generator):
    lines = generator.clinical_columns().splitlines()
    assert len(lines) == 2 + len(RATED_COLUMNS)
    assert "| `age_years` | person or visit | number, 0 to 120 year | Age. | `age` |" in lines
    assert "| `sex` | person | female, male, other | Sex. | `gender` |" in lines


def test_generated_table_by_hand(generator):
    column = Column("size_mm", "float64", "Is < 3 | ok.", "mm", "X 2018, 10.1016/S1474-4422(17)3",
                    {"a": "first", "b": "b"})  # fmt: skip
    text = generator.dictionary(Table("things", "A row a thing.", (column,), ("size_mm",)))
    assert text == (
        "## things\n\nA row a thing. The key is `size_mm`.\n\n"
        "| column | type | unit | meaning | empty when | source |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| `size_mm` | number | mm | Is &lt; 3 \\| ok. Values: `a` first; `b`. | never | "
        "X 2018, [10.1016/S1474-4422(17)3](<https://doi.org/10.1016/S1474-4422(17)3>) |\n"
    )


def test_unchanged_pages_are_left_alone(generator, tmp_path):
    """Else Sphinx would read them anew at each build."""
    generator.write_pages(tmp_path)
    page = tmp_path / "dictionary.md"
    os.utime(page, (1, 1))
    generator.write_pages(tmp_path)
    assert page.stat().st_mtime == 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not here")
def test_ci_takes_its_blocks_from_readme():
    """The continuous integration's own function, run on README."""
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    function = re.search(r"^block\(\) \{.*?^\}$", script, re.MULTILINE | re.DOTALL)[0]
    for number, expected in enumerate(blocks(README, "bash")[:2], start=1):
        out = subprocess.run(
            ["bash", "-c", f"{function}\nblock {number}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert out == expected
