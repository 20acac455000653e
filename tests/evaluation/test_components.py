import numpy as np
import pytest
from evaluation_phantoms import blobs, empty, voxel_sets

from mslesion.errors import GeometryError, MaskError
from mslesion.evaluation.components import (
    check_masks,
    count_overlaps,
    label_components,
)
from mslesion.segmentation.lesions.instances import CORNERS, EDGES, FACES


@pytest.mark.parametrize("connectivity", [FACES, EDGES, CORNERS])
def test_components_are_those_of_a_flood_fill(connectivity):
    mask = blobs(3)
    labels = label_components(mask, connectivity=connectivity, min_voxels=4)
    expected = {frozenset(s) for s in voxel_sets(mask, connectivity) if len(s) >= 4}
    found = {
        frozenset(map(tuple, np.argwhere(labels == number).tolist()))
        for number in range(1, labels.max() + 1)
    }
    assert found == expected


def test_smallest_component_stays_at_its_size_and_goes_below():
    mask = empty()
    mask[0, 0, :4] = mask[5, 5, :3] = True
    assert label_components(mask, connectivity=FACES, min_voxels=4).max() == 1
    assert label_components(mask, connectivity=FACES, min_voxels=3).max() == 2
    assert label_components(mask, connectivity=FACES, min_voxels=5).max() == 0


@pytest.mark.parametrize("shape", [(12, 12, 12), (0, 4, 4)])
def test_an_empty_mask_has_no_components(shape):
    labels = label_components(empty(shape), connectivity=CORNERS)
    assert labels.shape == shape
    assert not labels.any()


def test_overlap_table():
    reference, predicted = np.zeros((2, 1, 1, 6), int)
    reference[0, 0] = [1, 1, 0, 2, 2, 2]
    predicted[0, 0] = [0, 1, 1, 1, 0, 0]
    # rows: background, reference 1, reference 2; columns: background, predicted 1
    table = count_overlaps(predicted_labels=predicted, reference_labels=reference)
    assert table.tolist() == [[0, 1], [1, 1], [2, 1]]


def test_masks_must_be_boolean_and_3d():
    good = empty()
    with pytest.raises(MaskError, match=r"predicted is an array of float64 in 3D, .* Threshold"):
        check_masks(predicted=good.astype(float), reference=good)
    with pytest.raises(MaskError, match="reference is an array of bool in 2D"):
        check_masks(predicted=good, reference=good[0])


def test_masks_must_have_one_size():
    with pytest.raises(GeometryError, match=r"\(12, 12, 12\) voxels, but .* Resample"):
        check_masks(predicted=empty(), reference=empty((12, 12, 11)))
