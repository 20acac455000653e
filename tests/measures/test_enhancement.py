"""Contrast enhancement: what is a candidate, what is not, and when nothing can be said."""

import numpy as np
import pytest

from mslesion.measures import enhancement
from mslesion.measures.enhancement import find_enhancement
from mslesion.schema import structures as s

SHAPE = (48, 48, 48)
AFFINES = {
    "RAS": np.diag([1.0, 1, 1, 1]),
    "LAS": np.diag([-1.0, 1, 1, 1]),
    "oblique": np.array([[0.8, -0.6, 0, 5], [0.6, 0.8, 0, -3], [0, 0, 1, 2], [0, 0, 0, 1.0]]),
}


def box(*starts, size):
    """A mask of a cuboid."""
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, a + n) for a, n in zip(starts, size, strict=True))] = True
    return mask


@pytest.fixture
def head():
    """A block of white matter with noise, one lesion of 6 x 6 x 6 voxels in its middle."""
    anatomy = np.zeros(SHAPE, np.uint8)
    anatomy[4:44, 4:44, 4:44] = s.WHITE_MATTER
    lesion = box(20, 20, 20, size=(6, 6, 6))
    rng = np.random.default_rng(0)
    before = np.where(anatomy > 0, 100 + rng.normal(0, 2, SHAPE), 0)
    before[lesion] = 70
    return anatomy, lesion, before, before * 2.0 + rng.normal(0, 2, SHAPE) * (anatomy > 0)


def find(head, bright=None, *, level=280.0, affine=AFFINES["RAS"]):
    """Candidates where some voxels are this bright after contrast agent (white is 200)."""
    anatomy, lesion, before, after = head
    after = after.copy()
    if bright is not None:
        after[bright] = level
    return find_enhancement(before, after, affine, anatomy=anatomy, lesions=lesion)


def test_nothing_enhances(head):
    found = find(head)
    assert (found.count, found.volume_mm3, found.vessel_count) == (0, 0, 0)
    assert not found.labels.any()


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_nodule(head, affine):
    nodule = box(21, 21, 21, size=(4, 4, 4))
    found = find(head, nodule, affine=affine)
    assert found.count == 1
    assert found.volume_mm3 == pytest.approx(64)
    assert (found.labels > 0).tolist() == nodule.tolist()


def test_a_ring_is_no_vessel(head):
    ring = box(20, 20, 22, size=(6, 6, 1)) & ~box(21, 21, 22, size=(4, 4, 1))
    found = find(head, ring)
    assert (found.count, found.vessel_count) == (1, 0)


def test_a_rod_is_a_vessel(head):
    # 20 x 1 x 1 voxels: sqrt((399/12 + 1/12) / (1/12)) = 20 times as long as wide.
    # Of it 6 + 2 + 2 voxels are within 2 mm of the lesion: under 14 mm3; two rows are 20
    rod = box(10, 22, 22, size=(20, 1, 2))
    found = find(head, rod)
    assert (found.count, found.vessel_count) == (0, 1)


@pytest.mark.parametrize(("voxels", "count"), [(14, 1), (13, 0)])
def test_smallest_volume_is_inclusive(head, voxels, count):
    part = box(21, 21, 21, size=(3, 3, 2))
    part[tuple(np.argwhere(part)[voxels:].T)] = False
    assert find(head, part).count == count


@pytest.mark.parametrize(("gap", "count"), [(2, 1), (3, 0)])
def test_distance_to_the_lesion_is_inclusive(head, gap, count):
    """A plate of 5 x 5 voxels whose near side is this far from the lesion's last voxel."""
    plate = box(25 + gap, 20, 20, size=(1, 5, 5))
    assert find(head, plate).count == count


@pytest.mark.parametrize(("level", "count"), [(1.25, 1), (1.15, 0)])
def test_level_of_white_matter(head, level, count):
    white = np.median(head[3][head[0] == s.WHITE_MATTER])
    assert find(head, box(21, 21, 21, size=(3, 3, 3)), level=level * white).count == count


def test_bright_before_and_after_is_no_enhancement(head):
    anatomy, lesion, before, after = head
    bright = box(21, 21, 21, size=(3, 3, 3))
    before, after = before.copy(), after.copy()
    before[bright], after[bright] = 140, 280
    found = find_enhancement(before, after, AFFINES["RAS"], anatomy=anatomy, lesions=lesion)
    assert found.count == 0


@pytest.mark.parametrize("structure", [s.LATERAL_VENTRICLES, s.CHOROID_PLEXUS])
def test_plexus_and_fluid_beside_a_lesion(head, structure):
    anatomy, lesion, before, after = head
    beside = box(26, 20, 20, size=(2, 6, 6))
    anatomy = np.where(beside, structure, anatomy)
    assert find((anatomy, lesion, before, after), beside).count == 0
    assert find(head, beside).count == 1


def test_plexus_in_a_lesion_is_left_out_but_fluid_is_not(head):
    """A dark lesion is often called fluid."""
    anatomy, lesion, before, after = head
    nodule = box(21, 21, 21, size=(4, 4, 4))
    for structure, count in ((s.LATERAL_VENTRICLES, 1), (s.CHOROID_PLEXUS, 0)):
        changed = np.where(nodule, structure, anatomy)
        assert find((changed, lesion, before, after), nodule).count == count


@pytest.mark.parametrize(("first", "count"), [(4, 0), (7, 1)])
def test_rim_of_the_brain(head, first, count):
    """The block begins at voxel 4: voxels 4, 5 and 6 are 1, 2 and 3 mm deep."""
    anatomy, _, before, after = head
    plate = box(first, 20, 20, size=(3, 5, 5))
    assert find((anatomy, plate, before, after), plate).count == count


def test_no_lesion_no_candidate(head):
    anatomy, lesion, before, after = head
    found = find((anatomy, np.zeros_like(lesion), before, after), lesion)
    assert found.count == 0


def test_nothing_to_compare_with(head):
    anatomy, lesion, before, after = head
    assert find((np.full_like(anatomy, s.CORTEX), lesion, before, after)) is None
    assert find((anatomy, np.ones_like(lesion), before, after)) is None
    flat = np.where(anatomy > 0, 100.0, 0)
    assert find((anatomy, lesion, flat, flat)) is None
    assert find((anatomy, lesion, before * 0, after)) is None


def test_two_lesions_are_numbered_without_gaps(head):
    anatomy, lesion, before, after = head
    lesion = lesion | box(32, 32, 32, size=(5, 5, 5))
    rod = box(20, 18, 22, size=(1, 10, 2))
    parts = box(22, 22, 22, size=(3, 3, 3)) | box(33, 33, 33, size=(3, 3, 3)) | rod
    found = find((anatomy, lesion, before, after), parts)
    assert sorted(np.unique(found.labels)) == [0, 1, 2]
    assert found.count == 2


def test_thresholds_are_declared():
    assert enhancement.MIN_VOLUME_MM3 == 14.0  # a ball of 3 mm: 14.1 mm3
