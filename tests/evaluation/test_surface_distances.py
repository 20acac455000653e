import numpy as np
import pytest
from evaluation_phantoms import THICK, UNIT, blobs, disturbed, empty, lines, rotated
from nibabel.affines import apply_affine
from scipy import ndimage
from scipy.spatial.distance import cdist

from mslesion.evaluation import measure_surfaces

SHEARED = np.array([[1, 0.5, 0, 0], [0, 1, 0.2, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])


def test_numbers_by_hand():
    # Two single voxels, three apart along the slices of 3 mm
    one, other = empty(), empty()
    one[5, 5, 5] = other[5, 5, 8] = True
    distances = measure_surfaces(predicted=one, reference=other, affine=THICK)
    assert (distances.mean_mm, distances.hausdorff95_mm) == (9, 9)


def test_percentile_by_hand():
    # Reference voxels 0..20, predicted voxel 0: distances 0..20 one way, 0 the other.
    # 95th percentile of 0..20 is 19; mean over all 22 voxels is 210 / 22.
    distances = measure_surfaces(predicted=lines((0, 1)), reference=lines((0, 21)), affine=UNIT)
    assert distances.hausdorff95_mm == pytest.approx(19)
    assert distances.mean_mm == pytest.approx(210 / 22)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (0.5, 0.5, 3)])
def test_agrees_with_the_distance_transform(sizes):
    reference = blobs(1)
    predicted = disturbed(reference, 2)
    surfaces = [m ^ ndimage.binary_erosion(m) for m in (predicted, reference)]
    to = [ndimage.distance_transform_edt(~s, sampling=sizes) for s in surfaces]
    ways = [to[1][surfaces[0]], to[0][surfaces[1]]]
    distances = measure_surfaces(
        predicted=predicted, reference=reference, affine=np.diag([*sizes, 1.0])
    )
    assert distances.mean_mm == pytest.approx(np.concatenate(ways).mean())
    assert distances.hausdorff95_mm == pytest.approx(max(np.percentile(w, 95) for w in ways))


@pytest.mark.parametrize("affine", [SHEARED, rotated(THICK)])
def test_distances_are_those_of_the_world(affine):
    # Sparse masks are all surface, so that the points are the voxels
    rng = np.random.default_rng(0)
    predicted, reference = rng.random((2, 9, 9, 9)) < 0.03
    points = [apply_affine(affine, np.argwhere(m)) for m in (predicted, reference)]
    apart = cdist(*points)
    distances = measure_surfaces(predicted=predicted, reference=reference, affine=affine)
    pooled = np.concatenate([apart.min(axis=1), apart.min(axis=0)])
    assert distances.mean_mm == pytest.approx(pooled.mean())


def test_voxels_at_the_border_of_the_grid_are_surface():
    # All 27 voxels of a full grid but the inner one are surface, and so it is in the padded grid
    full = np.ones((3, 3, 3), bool)
    corner = np.zeros((3, 3, 3), bool)
    corner[0, 0, 0] = True
    cut = measure_surfaces(predicted=corner, reference=full, affine=UNIT)
    padded = measure_surfaces(predicted=np.pad(corner, 2), reference=np.pad(full, 2), affine=UNIT)
    assert cut == padded
    assert cut.mean_mm > 0


@pytest.mark.parametrize(
    ("predicted", "reference"),
    [(empty(), empty()), (empty(), ~empty()), (~empty(), empty())],
)
def test_an_empty_mask_has_no_distance(predicted, reference):
    distances = measure_surfaces(predicted=predicted, reference=reference, affine=UNIT)
    assert np.isnan([distances.mean_mm, distances.hausdorff95_mm]).all()
