"""From probability to mask: the threshold, the brain, and what lies in fluid."""

import numpy as np
import pytest

from mslesion.segmentation import structures as s
from mslesion.segmentation.lesions import THRESHOLD, threshold_lesions

SHAPE = (12, 12, 12)


def white():
    return np.full(SHAPE, s.WHITE_MATTER, np.uint8)


def probability(*boxes, value=0.9):
    out = np.zeros(SHAPE, np.float32)
    for box in boxes:
        out[box] = value
    return out


@pytest.mark.parametrize(("value", "count"), [(THRESHOLD, 8), (np.nextafter(0.5, 0), 0)])
def test_threshold_is_inclusive(value, count):
    found = threshold_lesions(np.where(np.indices(SHAPE).max(0) < 2, value, 0.0), anatomy=white())
    assert found.mask.sum() == count
    assert found.mask.dtype == bool


def test_other_threshold():
    given = probability(np.s_[2:4, 2:4, 2:4], value=0.3)
    assert threshold_lesions(given, anatomy=white()).mask.sum() == 0
    assert threshold_lesions(given, anatomy=white(), threshold=0.3).mask.sum() == 8


def test_nothing_outside_the_anatomy():
    anatomy = white()
    anatomy[:, :, 3:] = 0
    found = threshold_lesions(probability(np.s_[2:4, 2:4, 2:6]), anatomy=anatomy)
    assert found.mask.sum() == 4
    assert found.removed_count == 0


def test_empty():
    found = threshold_lesions(np.zeros(SHAPE), anatomy=white())
    assert not found.mask.any()
    assert not found.removed.any()
    assert found.removed_count == 0
    assert not threshold_lesions(np.ones(SHAPE), anatomy=np.zeros(SHAPE, np.uint8)).mask.any()


@pytest.mark.parametrize("structure", s.STRUCTURES, ids=lambda one: one.name)
def test_what_lies_in_fluid_is_removed(structure):
    """CSF, ventricles and plexus are bright by flow; lesions of every tissue stay."""
    anatomy = np.full(SHAPE, structure.index, np.uint8)
    box = np.s_[2:5, 2:5, 2:5]
    found = threshold_lesions(probability(box), anatomy=anatomy)
    is_fluid = structure.kind == s.FLUID
    assert found.mask.sum() == (0 if is_fluid else 27)
    assert found.removed.sum() == (27 if is_fluid else 0)
    assert found.removed_count == is_fluid


@pytest.mark.parametrize(("in_fluid", "kept"), [(4, True), (5, False)])
def test_half_in_fluid_is_kept(in_fluid, kept):
    """Of 8 voxels 4 in fluid are exactly the limit, which is exclusive."""
    anatomy = white()
    anatomy[2 : 2 + in_fluid, 2, 2] = s.LATERAL_VENTRICLES
    found = threshold_lesions(probability(np.s_[2:10, 2, 2]), anatomy=anatomy)
    # A lesion that is kept is kept whole, the part in the ventricle too
    assert found.mask.sum() == (8 if kept else 0)
    assert found.removed_count == (0 if kept else 1)


def test_each_component_is_judged_alone():
    anatomy = white()
    anatomy[:, :, 6:] = s.LATERAL_VENTRICLES
    boxes = np.s_[1:4, 1:4, 1:4], np.s_[1:4, 1:4, 8:11], np.s_[7:9, 7:9, 8:10]
    found = threshold_lesions(probability(*boxes), anatomy=anatomy)
    assert found.mask.sum() == 27
    assert found.removed.sum() == 27 + 8
    assert found.removed_count == 2
    assert not (found.mask & found.removed).any()


def test_components_touch_at_corners():
    """A voxel of the ventricle at the corner of a lesion belongs to it and stays."""
    anatomy = white()
    anatomy[4, 4, 4] = s.LATERAL_VENTRICLES
    found = threshold_lesions(probability(np.s_[2:4, 2:4, 2:4], np.s_[4, 4, 4]), anatomy=anatomy)
    assert found.mask.sum() == 9
