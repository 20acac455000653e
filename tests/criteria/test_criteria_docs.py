"""The methods page says what the code does."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from mslesion.criteria.facts import FACT_NAMES, FACT_RANGES, FACT_WORDS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "criteria.md"


@pytest.fixture(scope="module")
def lines():
    return PAGE.read_text("utf-8").splitlines()


def test_facts(lines):
    for name in FACT_NAMES:
        row = next(line for line in lines if line.startswith(f"| `{name}` | {FACT_WORDS[name]} |"))
        if name in FACT_RANGES:
            low, high = FACT_RANGES[name]
            assert f"| number, {low:g} to {high:g} |" in row


def test_example_runs(lines):
    (code,) = re.findall(r"```python\n(.*?)```", "\n".join(lines), re.DOTALL)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, PAGE.name, "exec"), {})  # the page's own code
    assert "mcdonald2017_dis  met" in output.getvalue()
