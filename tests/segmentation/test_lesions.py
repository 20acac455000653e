"""From probability to mask: the threshold, the brain, and what lies in fluid."""

import numpy as np
import pytest

from mslesion.schema import structures as s
from mslesion.segmentation.lesions.threshold import THRESHOLD, threshold_lesions

CORE_PROBABILITY, GROWTH_PROBABILITY = 0.8, 0.1
"""At the default threshold."""

SHAPE = (12, 12, 12)


def white():
    return np.full(SHAPE, s.WHITE_MATTER, np.uint8)


def probability(*boxes, value=0.9):
    out = np.zeros(SHAPE, np.float32)
    for box in boxes:
        out[box] = value
    return out


@pytest.mark.parametrize(
    ("value", "count"), [(THRESHOLD, 8), (np.nextafter(np.float32(0.5), np.float32(0)), 0)]
)
def test_threshold_is_inclusive(value, count):
    given = probability(np.s_[:2, :2, :2], value=value)
    given[2, 2, 2] = 0.9  # the core
    found = threshold_lesions(given, anatomy=white())
    assert found.mask.sum() == count + 1
    assert found.mask.dtype == bool


@pytest.mark.parametrize(
    ("threshold", "core"),
    [(0.2, 0.5), (0.5, 0.8), (0.8, 16 / 17)],  # odds of 1/4, 1 and 4, times 4
)
def test_the_core_moves_with_the_threshold(threshold, core):
    given = np.zeros(SHAPE)
    given[2:4, 2:4, 2:4] = threshold
    for value, count in ((core + 1e-9, 8), (core - 1e-9, 0)):
        given[2, 2, 2] = value
        found = threshold_lesions(given, anatomy=white(), threshold=threshold)
        assert found.mask.sum() == count


@pytest.mark.parametrize(
    ("core", "count"), [(CORE_PROBABILITY, 8), (np.nextafter(np.float32(0.8), np.float32(0)), 0)]
)
def test_a_lesion_is_sure_somewhere(core, count):
    """The core is inclusive; of two components that touch at a corner one core is enough."""
    given = probability(np.s_[2:4, 2:4, 2:4], value=0.6)
    given[3, 3, 3] = core
    given[8:10, 8:10, 8:10] = 0.79
    found = threshold_lesions(given, anatomy=white())
    assert found.mask.sum() == count
    assert not found.mask[8:10, 8:10, 8:10].any()
    assert found.removed_count == 0  # that counts what lay in fluid


def bright_line(value, probable):
    """White matter at 1, a lesion of 2 at the start of a thick line of `value`."""
    flair = np.ones((24, 24, 24), np.float32)
    flair[4:8, 4:12, 4:12] = 2.0
    flair[8:18, 4:12, 4:12] = value
    p = np.zeros(flair.shape, np.float32)
    p[4:8, 4:12, 4:12] = 0.9
    p[8:18, 4:12, 4:12] = probable
    anatomy = np.full(flair.shape, s.WHITE_MATTER, np.uint8)
    anatomy[14:] = s.CORTEX
    return p, anatomy, flair


@pytest.mark.parametrize(
    ("value", "probable", "grows"),
    [(1.9, 0.2, True), (1.2, 0.2, False), (1.9, GROWTH_PROBABILITY, False)],
    ids=["bright", "too dark", "not likely"],
)
def test_growth(value, probable, grows):
    p, anatomy, flair = bright_line(value, np.float32(probable))
    plain = threshold_lesions(p, anatomy=anatomy).mask
    found = threshold_lesions(p, anatomy=anatomy, flair=flair).mask
    assert plain.sum() == 4 * 8 * 8
    middle = found[:, 7, 7]
    # White matter is at 1, lesion at 2: the border is at 1.6; the cortex from 14 on stops it
    expected = range(4, 14) if grows else range(4, 8)
    assert np.flatnonzero(middle).tolist() == list(expected)
    assert (found & plain).sum() == plain.sum()


@pytest.mark.parametrize(
    ("threshold", "least"),
    [(0.1, 1 / 82), (0.5, 0.1), (0.9, 0.5)],  # odds of 1/9, 1 and 9, divided by 9
)
def test_growth_moves_with_the_threshold(threshold, least):
    for probable, grows in ((least + 1e-6, True), (least - 1e-6, False)):
        p, anatomy, flair = bright_line(1.9, probable)
        p[4:8] *= 1.1  # 0.99: sure at a threshold of 0.9 too
        found = threshold_lesions(p, anatomy=anatomy, flair=flair, threshold=threshold).mask
        assert np.flatnonzero(found[:, 7, 7])[-1] == (13 if grows else 7)


def test_nothing_grows_on_its_own():
    """Bright tissue that no lesion touches stays out."""
    p, anatomy, flair = bright_line(1.9, 0.2)
    p[4:8] = 0
    assert not threshold_lesions(p, anatomy=anatomy, flair=flair).mask.any()


def test_growth_is_the_same_on_thick_slices():
    """Every third slice of the same line, with its voxel size: the same slices of the mask."""
    p, anatomy, flair = bright_line(1.9, 0.2)
    thin = threshold_lesions(p, anatomy=anatomy, flair=flair).mask
    cut = np.s_[:, :, ::3]
    thick = threshold_lesions(
        p[cut], anatomy=anatomy[cut], flair=flair[cut], spacing_mm=(1.0, 1.0, 3.0)
    ).mask
    inner = np.s_[:, 5:11, 2:4]
    assert np.array_equal(thick[inner], thin[cut][inner])


def test_a_lesion_darker_than_white_matter_does_not_grow():
    p, anatomy, flair = bright_line(1.0, 0.2)
    flair[4:8, 4:12, 4:12] = 0.5
    found = threshold_lesions(p, anatomy=anatomy, flair=flair).mask
    assert found.sum() == 4 * 8 * 8


def test_no_white_matter_to_compare_with():
    p, anatomy, flair = bright_line(1.9, 0.2)
    anatomy[:] = s.BRAINSTEM
    found = threshold_lesions(p, anatomy=anatomy, flair=flair).mask
    assert found.sum() == 4 * 8 * 8


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
    anatomy = np.full(SHAPE, structure.number, np.uint8)
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
