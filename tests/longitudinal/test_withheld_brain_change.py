"""Brain change that cannot be believed is empty, with its reason."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pair_phantoms import still_frame, visit

from mslesion.longitudinal import pair as p
from mslesion.longitudinal.alignment import placing
from mslesion.longitudinal.alignment.common_frame import HeadScale
from mslesion.longitudinal.brain.volume_changes import VolumeChanges
from mslesion.longitudinal.quality import brain_change_values, brain_scan_values
from mslesion.longitudinal.rows import change_row
from mslesion.schema import CHANGES, as_table
from mslesion.schema.prerequisites import reason_of_pair

BRAIN_COLUMNS = [column for column in CHANGES.columns if "brain_change" in column.requires]


def compared(monkeypatch, *, facts=({}, {}), **volumes):
    """Row of two visits whose brain change is known."""
    monkeypatch.setattr(placing, "find_frame", still_frame)
    monkeypatch.setattr(p, "refine_frame", lambda frame, *_: frame)
    monkeypatch.setattr(p, "measure_volume_changes", lambda *_, **__: VolumeChanges(**volumes))
    visits = [
        visit(modalities=("T1w",), seed=n, session=str(n), day=date(2019 + n, 1, 1), **fact)
        for n, fact in enumerate(facts, start=1)
    ]
    row = change_row(p.compare_maps(*visits), widths_mm=(4.0, 5.0))
    return as_table([row | {"participant_id": "sub-01"}], CHANGES).iloc[0]


def is_withheld(row, words):
    """Whether every number of the brain's change is empty and says why."""
    assert not row["brain_change_assessable"]
    assert words in row["brain_change_reason"]
    for column in BRAIN_COLUMNS:
        assert pd.isna(row[column.name]), column.name
        assert words in reason_of_pair(row, column)
    return True


@pytest.mark.parametrize(("gap", "is_believed"), [(0.5, True), (0.51, False)])
def test_estimates_that_contradict_each_other(monkeypatch, gap, is_believed):
    row = compared(monkeypatch, boundary_pct=gap, deformation_pct=0.0)
    if is_believed:
        assert row["pbvc_pct"] == gap / 2
        return
    assert is_withheld(row, "difference between boundary shift and deformation: 0.51 percentage")
    assert "brain_estimates_difference:fail" in row["flags"]
    assert row["quality_state"] == "fail"


@pytest.mark.parametrize(("stretch", "is_believed"), [(0.4, True), (0.41, False)])
def test_stretched_axis_that_no_skull_corrects(monkeypatch, stretch, is_believed):
    row = compared(monkeypatch, deformation_pct=0.3, stretch_pct=(0.0, stretch, 0.0))
    if is_believed:
        assert row["pbvc_pct"] == 0.3
        return
    assert is_withheld(row, "difference in scaling of the brain between axes: 0.41 percent")


def test_border_in_view_at_one_visit_only(monkeypatch):
    facts = {"sees_skull": True}, {"sees_skull": False}
    row = compared(monkeypatch, facts=facts, deformation_pct=0.3)
    assert is_withheld(row, "border of the brain in view at one visit only")
    # Where the boundary-shift integral sees the border, a rim of CSF was left
    row = compared(monkeypatch, facts=facts, deformation_pct=0.3, boundary_pct=0.1)
    assert row["pbvc_pct"] == pytest.approx(0.2)
    # No border at both visits is one state, as in brains that were both stripped
    facts = {"sees_skull": False}, {"sees_skull": False}
    assert compared(monkeypatch, facts=facts, deformation_pct=0.3)["pbvc_pct"] == 0.3


def scan_values(scale=None, *, longest_mm=1.0, scanners=("", "")):
    visits = [SimpleNamespace(scanner_id=name) for name in scanners]
    frame = SimpleNamespace(head_scale=scale)
    return brain_scan_values(*visits, placed=SimpleNamespace(frame=frame, thickest_mm=longest_mm))


def scale(percent, error, voxel_mm=1.0):
    return HeadScale(np.diag(np.array(percent) / 100), error, 1.0, voxel_mm)


THICK = "thick_slices_of_two_scanners_mm"


def test_thick_slices_of_two_scanners():
    assert scan_values(longest_mm=3.0) == {}  # whether the scanner is another one is not known
    assert scan_values(longest_mm=3.0, scanners=("a", "a")) == {THICK: 0.0}
    assert scan_values(longest_mm=3.0, scanners=("a", "b")) == {THICK: 3.0}
    assert brain_scan_values(None, None, placed=None) == {}


def test_head_of_another_size_tells_of_another_scanner():
    """More than 1 % along an axis, and sure of it: twice the error is less than the volume."""
    sure, unsure = scale((1.1, 0, 0), 0.5), scale((1.1, 0, 0), 0.6)
    assert scan_values(sure, longest_mm=3.0)[THICK] == 3.0
    assert THICK not in scan_values(unsure, longest_mm=3.0)
    assert THICK not in scan_values(scale((0.9, 0.9, 0), 0.5), longest_mm=3.0)
    assert scan_values(sure, longest_mm=3.0, scanners=("a", "a"))[THICK] == 3.0


def test_head_scale_that_is_not_corrected():
    """What is sure of it counts: 3 % less twice the error of 1 point; nothing once corrected."""
    name = "head_scale_not_corrected"
    assert scan_values(scale((1, 1, 1), 1.0))[name] == pytest.approx(1.0, abs=0.001)
    assert scan_values(scale((1, 1, 1), 1.6))[name] == 0
    assert scan_values(scale((1, 1, 1), 0.5))[name] == 0
    assert scan_values(scale((1, 1, 1), 0.5, 3.0))[name] == pytest.approx(2.0, abs=0.001)


def test_another_scanner_with_thick_slices_is_not_measured(monkeypatch):
    values = {THICK: 3.0}
    monkeypatch.setattr(p, "brain_scan_values", lambda *args, **kwargs: values)
    row = compared(monkeypatch, deformation_pct=0.3)
    assert is_withheld(row, "longest voxel side, with another scanner: 3 mm")
    values[THICK] = 2.1
    assert compared(monkeypatch, deformation_pct=0.3)["pbvc_pct"] == 0.3


def test_values_without_skull_or_second_estimate():
    unknown = SimpleNamespace(sees_skull=None)
    found = brain_change_values(unknown, unknown, found=VolumeChanges(deformation_pct=0.1))
    assert found == {"brain_stretch_difference": None, "brain_estimates_difference": None}
