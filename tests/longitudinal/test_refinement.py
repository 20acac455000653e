"""The frame of a pair, corrected by what the scans show inside the brain."""

from dataclasses import replace

import numpy as np
import pytest
from pair_phantoms import CENTRE, still_frame, visit

from mslesion.longitudinal.alignment import refinement
from mslesion.longitudinal.alignment.placing import PlacedScan
from mslesion.longitudinal.alignment.refinement import refine_frame

LEFT, FRONT = CENTRE - np.array([13.0, 0, 0]), CENTRE + np.array([0, 12.0, 5.0])


def frame_off_by(shift):
    """The frame in which visits that lie still seem to be moved by so many mm."""
    frame = still_frame()
    half = np.eye(4)
    half[:3, 3] = np.array(shift) / 2
    return replace(frame, to_first=np.linalg.inv(half), to_second=half)


def visits(ventricles=(6.0, 6.0)):
    return [
        visit(size, lesions=[(LEFT, 4), (FRONT, 3)], seed=n, modalities=("FLAIR",))
        for n, size in enumerate(ventricles)
    ]


def error_mm(frame):
    """What is left of the motion at the middle of the head: there is none in truth."""
    middle = np.append(CENTRE, 1)
    return np.linalg.norm((frame.first_to_second @ middle - middle)[:3])


@pytest.mark.parametrize("shift", [(0.8, 0, 0), (0, -0.6, 0.9), (2.0, 1.0, -1.0)])
def test_shift_is_taken_back(shift):
    frame = frame_off_by(shift)
    assert error_mm(frame) == pytest.approx(np.linalg.norm(shift))
    assert error_mm(refine_frame(frame, *visits(), "FLAIR")) < 0.15 * np.linalg.norm(shift)


def test_atrophy_is_no_motion():
    """Tissue that moves away to all sides leaves the head where it is."""
    assert error_mm(refine_frame(still_frame(), *visits((6.0, 7.0)), "FLAIR")) < 0.1


def test_shading_is_no_motion():
    """The second scan is a fifth brighter on one side than on the other."""
    first, second = visits()
    scan = second.scans["FLAIR"]
    shade = np.linspace(0.9, 1.1, scan.data.shape[0])[:, None, None]
    second = replace(second, scans={"FLAIR": PlacedScan(1.3 * scan.data * shade, scan.affine)})
    assert error_mm(refine_frame(still_frame(), first, second, "FLAIR")) < 0.1


def test_swapped_visits_are_mirrored_bit_for_bit():
    first, second = visits((6.0, 7.0))
    frame = frame_off_by((0.5, -0.4, 0.3))
    there = refine_frame(frame, first, second, "FLAIR")
    turned = replace(frame, to_first=frame.to_second, to_second=frame.to_first)
    back = refine_frame(turned, second, first, "FLAIR")
    assert np.array_equal(there.to_first, back.to_second)
    assert np.array_equal(there.to_second, back.to_first)
    assert there.grid == frame.grid


def test_far_off_is_left(monkeypatch):
    """What the deformation says of more than it can follow is not believed, but told."""
    frame = frame_off_by((0.8, 0, 0))
    assert refine_frame(frame, *visits(), "FLAIR").correction_mm == pytest.approx(0.8, rel=0.15)
    monkeypatch.setattr(refinement, "MAX_MOTION_MM", 0.5)
    found = refine_frame(frame, *visits(), "FLAIR")
    assert found.correction_mm == pytest.approx(0.8, rel=0.15)
    assert error_mm(found) == pytest.approx(0.8)


def test_no_lesions_and_thick_slices():
    """Visits whose lesions are not assessable; the second one in slices of 4 mm."""
    first, second = visits()
    scan = second.scans["FLAIR"]
    thick = scan.data.reshape(*scan.data.shape[:2], -1, 4).mean(axis=3)
    affine = np.diag([1.0, 1, 4, 1])
    affine[2, 3] = 1.5
    second = replace(second, scans={"FLAIR": PlacedScan(thick, affine)})
    pair = [replace(one, lesions=None, probability=None) for one in (first, second)]
    assert error_mm(refine_frame(frame_off_by((0.5, 0.4, 0.5)), *pair, "FLAIR")) < 0.2


def test_scans_that_cannot_be_matched():
    first, second = visits()
    second = replace(second, anatomy=np.zeros_like(second.anatomy))
    frame = frame_off_by((1.0, 0, 0))
    assert refine_frame(frame, first, second, "FLAIR") is frame
