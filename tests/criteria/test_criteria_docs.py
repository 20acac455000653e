"""The methods page says what the code does."""

from pathlib import Path

import pytest

from mslesion.criteria import CRITERIA, VEIN_RULES
from mslesion.schema.ratings import RATED_COLUMNS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "criteria.md"


@pytest.fixture(scope="module")
def lines():
    return PAGE.read_text("utf-8").splitlines()


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.name)
def test_rules(lines, criterion):
    cells = (criterion.name, criterion.name, criterion.text, criterion.source, criterion.evidence)
    assert f"| {' | '.join(cells)} |" in lines


def test_vein_rules(lines):
    for rule in VEIN_RULES:
        row = f"| `{rule.id}` | {rule.text} | {rule.performance} | {rule.evidence} |"
        assert row in lines


def test_rated_columns(lines):
    for column in RATED_COLUMNS:
        row = next(line for line in lines if line.startswith(f"| `{column.name}` | {column.of} |"))
        assert column.description in row
        assert all(f"`{alias}`" in row for alias in column.aliases)
