"""Brain volumes of a label map, by numbers derived by hand."""

import numpy as np
import pytest

import mslesion as ms
from mslesion.errors import MaskError
from mslesion.schema.brain import BRAIN


def head(csf=24):
    """A cube head: 2 mm of CSF, 4 mm of cortex, white matter, a ventricle and two thalami."""
    labels = np.zeros((60, 60, 60), np.int16)
    labels[4:56, 4:56, 4:56] = csf  # 52³
    labels[6:54, 6:54, 6:54] = 3  # 48³
    labels[10:50, 10:50, 10:50] = 2  # 40³
    labels[25:35, 20:40, 30:40] = 4  # 2 ml
    labels[15:20, 25:30, 25:30] = 10  # 0.125 ml each
    labels[40:45, 25:30, 25:30] = 49
    return labels


def test_volumes_by_hand():
    table = ms.measure_brain((head(), np.eye(4)), anatomy_labels="freesurfer")
    assert list(table.columns) == BRAIN.names
    row = table.iloc[0]
    assert row["brain_ml"] == pytest.approx(48**3 / 1000 - 2)
    assert row["cortical_grey_matter_ml"] == pytest.approx((48**3 - 40**3) / 1000)
    assert row["white_matter_ml"] == pytest.approx(64 - 2 - 0.25)
    assert row["lateral_ventricles_ml"] == pytest.approx(2)
    assert row["thalamus_ml"] == pytest.approx(0.25)
    assert row["thalamus_left_ml"] == row["thalamus_right_ml"] == pytest.approx(0.125)
    assert row["tiv_ml"] == pytest.approx(52**3 / 1000)
    assert "brainstem_ml: not found in the given anatomy" in row["empty_because"]


def test_voxels_and_orientation_do_not_matter():
    plain = ms.measure_brain((head(), np.eye(4)), anatomy_labels="freesurfer")
    halved = np.diag([0.5, 0.5, 0.5, 1.0])
    small = ms.measure_brain((head(), halved), anatomy_labels="freesurfer")
    assert small["thalamus_ml"].item() == pytest.approx(plain["thalamus_ml"].item() / 8)
    flipped = np.diag([-1.0, 1.0, 1.0, 1.0])
    turned = ms.measure_brain((head()[::-1].copy(), flipped), anatomy_labels="freesurfer")
    for name in ("brain_ml", "tiv_ml", "thalamus_ml"):
        assert turned[name].item() == pytest.approx(plain[name].item())


def test_no_csf_around_the_brain():
    row = ms.measure_brain((head(csf=0), np.eye(4)), anatomy_labels="freesurfer").iloc[0]
    assert row[["tiv_ml", "csf_ml", "head_scaling_ratio"]].isna().all()
    assert "tiv_ml: the given anatomy has no CSF around the brain" in row["empty_because"]
    assert row["brain_ml"] == pytest.approx(48**3 / 1000 - 2)


def test_a_mapping_of_ones_own():
    labels = np.where(head() > 0, 1, 0)
    row = ms.measure_brain((labels, np.eye(4)), anatomy_labels={1: "cerebral white matter"}).iloc[0]
    assert row["white_matter_ml"] == pytest.approx(52**3 / 1000)
    with pytest.raises(MaskError, match="The anatomy"):
        ms.measure_brain((labels + 5, np.eye(4)), anatomy_labels={1: "thalamus"})
