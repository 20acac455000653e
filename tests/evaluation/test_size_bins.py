import numpy as np
import pytest
from evaluation_phantoms import THICK, UNIT, empty, rotated

from mslesion.evaluation import SIZE_BINS_MM3, detect_by_size
from mslesion.schema.agreement import AGREEMENT


def slab(voxels, shape=(12, 12, 12)):
    """A connected mask of so many voxels: the first ones of the grid."""
    mask = empty(shape)
    mask.reshape(-1)[:voxels] = True
    return mask


def bins(predicted, reference, affine=UNIT):
    found = detect_by_size(predicted=predicted, reference=reference, affine=affine)
    assert [one.name for one in found] == list(SIZE_BINS_MM3)
    return [one.reference_count for one in found], [one.detected_count for one in found]


@pytest.mark.parametrize(
    ("voxels", "expected"),
    [
        (2, [0, 0, 0, 0]),
        (3, [1, 0, 0, 0]),
        (9, [1, 0, 0, 0]),
        (10, [0, 1, 0, 0]),
        (99, [0, 1, 0, 0]),
        (100, [0, 0, 1, 0]),
        (999, [0, 0, 1, 0]),
        (1000, [0, 0, 0, 1]),
    ],
)
def test_a_bin_has_its_smallest_size(voxels, expected):
    reference = slab(voxels)
    assert bins(reference, reference) == (expected, expected)
    assert bins(empty(), reference) == (expected, [0, 0, 0, 0])
    # counts are compared, so that rounding of the voxel volume has no say
    assert bins(empty(), reference, rotated(UNIT)) == (expected, [0, 0, 0, 0])


def test_thick_voxels():
    # 0.75 mm³: 13 voxels are 9.75 mm³, 14 are 10.5
    assert bins(empty(), slab(13), THICK)[0] == [1, 0, 0, 0]
    assert bins(empty(), slab(14), THICK)[0] == [0, 1, 0, 0]


def test_one_predicted_voxel_finds_a_lesion():
    reference = slab(200)
    one = empty()
    one[0, 0, 0] = True
    assert bins(one, reference) == ([0, 0, 1, 0], [0, 0, 1, 0])
    assert bins(~reference, reference) == ([0, 0, 1, 0], [0, 0, 0, 0])


def test_lesions_touching_at_a_corner_are_one():
    mask = empty()
    mask[:2, :2, :2] = mask[2:4, 2:4, 2:4] = True  # 8 + 8 voxels
    assert bins(mask, mask)[0] == [0, 1, 0, 0]


def test_no_lesions():
    assert bins(slab(5), empty()) == ([0, 0, 0, 0], [0, 0, 0, 0])


def test_the_table_has_the_bins():
    names = [name for name in AGREEMENT.names if name.startswith("reference_count_")]
    assert names == [f"reference_count_{name}" for name in SIZE_BINS_MM3]
    assert np.all(np.diff(list(SIZE_BINS_MM3.values())) > 0)
