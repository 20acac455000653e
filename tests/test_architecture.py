"""The architecture page: its pictures are those of its script, and name every layer."""

import importlib.util
from pathlib import Path

import pytest
from test_house import LAYERS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("architecture", DOCS / "make_architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["layers.svg", "data_flow.svg"])
def test_pictures_are_current(name):
    assert (DOCS / "images" / name).read_text("utf-8") == script().PICTURES[name]()


def test_every_layer_is_drawn_in_order():
    drawn = [name for name, _ in script().LAYERS]
    assert drawn == [name for name in reversed(LAYERS) if not name.startswith("__")]
