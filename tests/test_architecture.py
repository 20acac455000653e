"""The architecture page: its pictures are current and name every layer, its examples work."""

import importlib.util
import re
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from test_house import LAYERS

from mslesion.io import names
from mslesion.measures.visit_context import VisitContext
from mslesion.schema import modalities, visits
from mslesion.schema.prerequisites import reasons_for_empty
from mslesion.schema.structures import LATERAL_VENTRICLES, WHITE_MATTER
from mslesion.segmentation.anatomy.midplane import Midplane

DOCS = Path(__file__).resolve().parents[1] / "docs"


def script():
    spec = importlib.util.spec_from_file_location("architecture", DOCS / "make_architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def examples():
    """Code of the page: a measure, its declaration and a modality."""
    text = (DOCS / "architecture.md").read_text("utf-8")
    return [dedent(code) for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("name", ["layers.svg", "data_flow.svg"])
def test_pictures_are_current(name):
    assert (DOCS / "images" / name).read_text("utf-8") == script().PICTURES[name]()


def test_every_layer_is_drawn_in_order():
    drawn = [name for name, _ in script().LAYERS]
    assert drawn == [name for name in reversed(LAYERS) if not name.startswith("__")]


def test_the_biomarker_of_the_page_is_measured():
    """A quarter of a head is lateral ventricle."""
    measure, declaration, _ = examples()
    found = {}
    exec(measure, found)  # the page's own code
    declared = eval(declaration, vars(visits))
    (column,) = visits.described("From the map.", declared, group="brain")
    anatomy = np.full((8, 8, 8), WHITE_MATTER, np.uint8)
    anatomy[:2] = LATERAL_VENTRICLES
    head = {"affine": np.eye(4), "working_anatomy": anatomy, "working_affine": np.eye(4)}
    head["midplane"] = Midplane(np.array([1.0, 0.0, 0.0]), 4.0)
    whole = VisitContext(anatomy=anatomy, sees_skull=True, **head)
    assert found["ventricular_fraction"](whole) == {column.name: pytest.approx(25)}
    stripped = VisitContext(anatomy=anatomy, sees_skull=False, **head)
    assert found["ventricular_fraction"](stripped) == {}
    text = reasons_for_empty({}, [column], unmet=stripped.unmet)
    assert text == "ventricular_fraction_pct: no skull in the scan"
    assert column.title == "Ventricular fraction, %"


def test_the_modality_of_the_page_is_found(monkeypatch):
    *_, modality = examples()
    one = eval(modality, vars(modalities))  # the page's own code
    monkeypatch.setattr(names, "BY_PRECEDENCE", (one, *modalities.BY_PRECEDENCE))
    assert names.bids_modality("sub-1_acq-DIR_FLAIR.nii.gz") == "DIR"
    assert names.bids_modality("sub-1_FLAIR.nii.gz") == "FLAIR"
    assert names.plain_modality("3d_dir.nii.gz") == "DIR"
