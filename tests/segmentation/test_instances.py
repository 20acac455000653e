"""Single lesions: components, smallest sizes on their thresholds, confluent lesions."""

import numpy as np
import pytest
from phantoms import (
    CENTRE_MM,
    CODES,
    SPACINGS,
    TURN,
    ball,
    ellipsoid,
    grid,
    named_grid,
    reoriented,
)
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation
from skimage.measure import label as skimage_label

from mslesion.errors import MaskError, SettingsError
from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.io.nifti import to_ras
from mslesion.segmentation.lesions import instances
from mslesion.segmentation.lesions.instances import (
    CORNERS,
    EDGES,
    FACES,
    MIN_SIZES,
    assign_lesions,
    find_lesions,
    split_at_centers,
)

ONE = np.eye(4)
AWAY_MM = np.array([0.0, 18.0, 0.0])


def boxes(*where, shape=(20, 20, 20)):
    mask = np.zeros(shape, bool)
    for box in where:
        mask[box] = True
    return mask


def line(count):
    """`count` voxels in a row, and nothing else."""
    return boxes(np.s_[2 : 2 + count, 5, 5], shape=(110, 12, 12))


def count_of(mask, affine=ONE, **options):
    return find_lesions(mask, affine, **options).count


# ------------------------------------------------------------------ components


def test_by_hand():
    mask = boxes(np.s_[1:4, 1:4, 1:4], np.s_[10:14, 10:13, 10:12], np.s_[18, 18, 18])
    found = find_lesions(mask, np.diag([1.0, 1, 2, 1]))
    assert found.count == 2
    assert np.bincount(found.labels.ravel()).tolist() == [8000 - 51, 27, 24]
    assert found.unfiltered_volume_mm3 == 2 * (27 + 24 + 1)
    kept = boxes(np.s_[1:4, 1:4, 1:4], np.s_[10:14, 10:13, 10:12])
    np.testing.assert_array_equal(found.mask, kept)
    assert found.labels.dtype == np.int32
    assert found.center_count == 2


@pytest.mark.parametrize(
    ("second", "counts"),
    [
        (np.s_[4:7, 1:4, 1:4], (1, 1, 1)),  # touch across a face
        (np.s_[4:7, 4:7, 1:4], (2, 1, 1)),  # across an edge
        (np.s_[4:7, 4:7, 4:7], (2, 2, 1)),  # at a corner
        (np.s_[5:8, 1:4, 1:4], (2, 2, 2)),  # one voxel apart
    ],
)
def test_connectivity(second, counts):
    mask = boxes(np.s_[1:4, 1:4, 1:4], second)
    for connectivity, count in zip((FACES, EDGES, CORNERS), counts, strict=True):
        assert count_of(mask, connectivity=connectivity) == count
    assert count_of(mask) == counts[2]


def test_agreement_with_scikit_image():
    mask = ndi.gaussian_filter(np.random.default_rng(0).random((24, 24, 24)), 1.2) > 0.54
    for connectivity in (1, 2, 3):
        found = find_lesions(mask, ONE, min_size="all", connectivity=connectivity)
        assert found.count == skimage_label(mask, connectivity=connectivity).max() > 5


def test_empty():
    found = find_lesions(np.zeros((9, 9, 9), bool), ONE)
    assert (found.count, found.center_count, found.unfiltered_volume_mm3) == (0, 0, 0.0)
    assert not found.labels.any()
    assert not found.parts.any()
    assert found.center_counts.shape == (0,)


def test_everything_too_small():
    found = find_lesions(boxes(np.s_[5, 5, 5]), ONE)
    assert (found.count, found.center_count) == (0, 0)
    assert found.unfiltered_volume_mm3 == 1


def test_whole_grid():
    found = find_lesions(np.ones((9, 9, 9), bool), ONE)
    assert (found.count, found.center_count) == (1, 1)


def test_at_the_border():
    mask = boxes(np.s_[0:3, 0:3, 0:3], np.s_[17:, 17:, 17:])
    assert find_lesions(mask, ONE).count == 2


# ------------------------------------------------------------------ smallest sizes


@pytest.mark.parametrize(
    ("preset", "fewest"),
    [
        ("clinical3mm", 3),  # 2 mm between the outermost centres of a row, and 1 mm
        ("msseg", 3),
        ("lesvoloc", 6),  # more than 5
        ("pennsive_cc", 27),
        ("dworkin", 20),
        ("prl", 101),  # more than 100
        ("sel", 10),
        ("all", 1),
    ],
)
def test_presets_on_their_thresholds(preset, fewest):
    """Rows of voxels of 1 mm: the fewest that count, and one less."""
    assert count_of(line(fewest), min_size=preset) == 1
    if fewest > 1:
        assert count_of(line(fewest - 1), min_size=preset) == 0
    assert MIN_SIZES[preset].source


def test_presets_are_complete():
    assert set(MIN_SIZES) == {
        "clinical3mm", "msseg", "lesvoloc", "pennsive_cc", "dworkin", "prl", "sel", "all",
    }  # fmt: skip


@pytest.mark.parametrize("preset", MIN_SIZES)
def test_presets_on_turned_grids(preset):
    """A grid turned anyhow, its affine rounded as in a header, changes no threshold."""
    fewest = next(n for n in range(1, 120) if count_of(line(n), min_size=preset))
    rng = np.random.default_rng(0)
    for _ in range(40):
        affine = np.eye(4)
        turn = Rotation.random(random_state=int(rng.integers(1 << 30))).as_matrix()
        affine[:3, :3] = turn.astype(np.float32)
        affine[:3, 3] = rng.uniform(-100, 100, 3)
        assert count_of(line(fewest), affine, min_size=preset) == 1
        assert fewest == 1 or count_of(line(fewest - 1), affine, min_size=preset) == 0


@pytest.mark.parametrize(
    ("preset", "fewest"),
    [
        ("msseg", 3),  # 3 / 1.25 = 2.4
        ("lesvoloc", 5),  # 6 / 1.25 = 4.8
        ("dworkin", 16),  # 20 / 1.25 = 16
        ("sel", 10),  # voxels, whatever their size
        ("clinical3mm", 3),  # mean side 2 mm, and two steps of 0.5 mm
    ],
)
def test_presets_on_thick_slices(preset, fewest):
    """Rows in the plane of slices of 0.5 x 0.5 x 5 mm; a voxel is 1.25 mm³."""
    thick = np.diag([0.5, 0.5, 5.0, 1.0])
    assert count_of(line(fewest), thick, min_size=preset) == 1
    assert count_of(line(fewest - 1), thick, min_size=preset) == 0


def test_long_axis_counts_along_diagonals():
    """Two voxels at a corner are sqrt(3) + 1 = 2.7 mm long; three sqrt(12) + 1 = 4.5 mm."""
    for count, expected in ((2, 0), (3, 1)):
        mask = boxes(*(np.s_[5 + n, 5 + n, 5 + n] for n in range(count)))
        assert count_of(mask) == expected


def test_numbers_are_without_gaps():
    mask = boxes(np.s_[0, 0, 0], np.s_[3:8, 3, 3], np.s_[10, 10, 10], np.s_[15, 12:17, 15])
    found = find_lesions(mask, ONE, min_size="msseg")
    assert np.unique(found.labels).tolist() == [0, 1, 2]


def test_unknown_preset():
    with pytest.raises(SettingsError, match="min_size is 'tiny', but it can be clinical3mm, "):
        find_lesions(np.zeros((3, 3, 3), bool), ONE, min_size="tiny")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_mask_that_is_not_boolean(dtype):
    text = f"has type {np.dtype(dtype)}, but bool is expected. Threshold a probability map yourself"
    with pytest.raises(MaskError, match=text):
        find_lesions(np.zeros((3, 3, 3), dtype), ONE)


# ------------------------------------------------------------------ confluent lesions


def chain(shape, affine, *, radius, distance, count=2, direction=(1, 0, 0), centre=CENTRE_MM):
    """Balls in a row, their centres `distance` mm apart."""
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    mask = np.zeros(shape, bool)
    for place in np.arange(count) - (count - 1) / 2:
        where = np.asarray(centre) + place * distance * direction
        mask |= ball(shape, affine, centre=where, radius=radius)
    return mask


@pytest.mark.parametrize("radius", [3, 4, 5, 6, 8])
@pytest.mark.parametrize("factor", [1.8, 2.0])
def test_two_equal_balls_are_split(radius, factor):
    """Centres 1.8 and 2 radii apart, in any direction: two, every time."""
    rng = np.random.default_rng(10 * radius)
    shape, affine = grid(4 * radius + 12)
    for _ in range(4):
        where = {"direction": rng.normal(size=3), "centre": CENTRE_MM + rng.random(3)}
        mask = chain(shape, affine, radius=radius, distance=factor * radius, **where)
        found = find_lesions(mask, affine)
        assert found.center_count == 2
        sizes = np.bincount(found.parts.ravel())[1:]
        assert sizes.sum() == mask.sum()
        assert sizes.min() > 0.4 * mask.sum()


@pytest.mark.parametrize("factor", [1.3, 1.6, 2.0])
@pytest.mark.parametrize("direction", [(1, 0, 0), (1, 1, 0), (1, -1, 1), (0.3, 0.2, 1)])
def test_chain_of_three(factor, direction):
    shape, affine = grid(36)
    mask = chain(shape, affine, radius=4, distance=4 * factor, count=3, direction=direction)
    assert find_lesions(mask, affine).center_count == 3


@pytest.mark.parametrize("radii", [(12, 4, 4), (12, 6, 4), (10, 5, 5), (8, 4, 4), (5, 5, 5)])
def test_smooth_ellipsoid_stays_one(radii):
    shape, affine = grid(34)
    for seed in range(4):
        turn = Rotation.random(random_state=seed).as_matrix()
        mask = ellipsoid(shape, affine, radii=radii, turn=turn)
        found = find_lesions(mask, affine)
        assert (found.count, found.center_count) == (1, 1)
        np.testing.assert_array_equal(found.parts, found.labels)


@pytest.mark.parametrize("name", ["isotropic", "oblique"])
@pytest.mark.parametrize("codes", CODES)
def test_split_in_every_orientation(name, codes):
    shape, affine = named_grid(name)
    mask = chain(shape, affine, radius=5, distance=10, direction=(1, 2, -1))
    found = find_lesions(*to_ras(*reoriented(mask, affine, codes)))
    assert (found.count, found.center_count) == (1, 2)
    sizes = np.bincount(found.parts.ravel())[1:]
    assert sizes.max() < 1.05 * sizes.min()


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 2.0), (1.0, 1.0, 2.0), (0.8, 1.2, 1.6)])
@pytest.mark.parametrize("direction", [(1, 0, 0), (0, 0, 1), (1, 1, 1)])
def test_split_on_anisotropic_grids(spacing, direction):
    """Smoothing and distances are in mm: the result is that of 1 mm voxels."""
    shape, affine = grid(34, spacing=spacing, turn=TURN)
    mask = chain(shape, affine, radius=6, distance=12, direction=direction)
    assert find_lesions(mask, affine, min_size="msseg").center_count == 2
    single = ball(shape, affine, radius=7)
    assert find_lesions(single, affine).center_count == 1


@pytest.mark.parametrize(("slice_mm", "assessable"), [(2.0, True), (2.01, False), (5.0, False)])
@pytest.mark.parametrize("axis", [0, 2])
def test_voxels_too_long_for_centres(slice_mm, assessable, axis):
    sizes = np.ones(4)
    sizes[axis] = slice_mm
    found = find_lesions(boxes(np.s_[3:9, 3:9, 3:9]), np.diag(sizes))
    assert found.count == 1
    if assessable:
        assert found.center_count == 1
    else:
        assert found.parts is found.center_counts is found.center_count is None


def test_thick_slices_turned():
    """5 mm slices stay not assessable when they are oblique; 2 mm ones assessable."""
    for name in SPACINGS:
        shape, affine = named_grid(name)
        found = find_lesions(ball(shape, affine, radius=6), affine)
        assert found.count == 1
        assert (found.parts is None) == ("thick" in name)
    shape, affine = grid(30, spacing=(1.0, 1.0, 2.0), turn=TURN)
    assert find_lesions(ball(shape, affine, radius=6), affine).center_count == 1


@pytest.mark.parametrize(("voxels", "parts"), [(10, 2), (9, 1)])
def test_smallest_centre(monkeypatch, voxels, parts):
    """10 mm³ is a centre, 9 mm³ is none; with one centre left the lesion stays whole."""
    mask = boxes(np.s_[2:17, 5:8, 5:8])
    centers = boxes(np.s_[3:8, 5:7, 6], np.s_[11:16, 5, 6])
    centers[11 : 11 + voxels - 5, 6, 6] = True
    assert ndi.label(centers)[1] == 2
    monkeypatch.setattr(
        instances, "_all_curved_down", lambda field, *_: centers[tuple(map(slice, field.shape))]
    )
    found, counts = split_at_centers(mask.astype(np.int32), ONE)
    assert counts.tolist() == [parts]
    assert found.max() == parts
    np.testing.assert_array_equal(found > 0, mask)


def test_voxels_go_to_the_nearest_centre_in_mm(monkeypatch):
    """A plate of 8 x 8 voxels of 0.5 x 2 mm; centres at its left end and along its top.

    By steps a voxel at (2, 4) is nearer to the left end (2 to 3); in mm it is too
    (1 mm to 6 mm), while (2, 6) is 1 mm from the left and 2 mm from the top. A voxel at
    (5, 6) is 2.5 mm from the left but 2 mm from the top.
    """
    affine = np.diag([0.5, 2.0, 1.0, 1.0])
    mask = boxes(np.s_[0:8, 0:8, 0:3], shape=(8, 8, 3))
    centers = boxes(np.s_[0, 0:6, 0:3], np.s_[3:8, 7, 0:3], shape=(8, 8, 3))
    monkeypatch.setattr(instances, "_all_curved_down", lambda *_: centers)
    monkeypatch.setattr(instances, "MIN_CENTER_MM3", 10.0)
    found, _ = split_at_centers(mask.astype(np.int32), affine)
    left, top = found[0, 0, 0], found[7, 7, 0]
    assert left != top
    assert found[2, 4, 0] == left
    assert found[2, 5, 0] == left  # 1 mm against 4 mm
    assert found[5, 6, 0] == top  # 2 mm against 2.5 mm and one step more


def test_parts_of_several_lesions():
    """Parts are numbered through, each lesion's together, and counted by lesion."""
    shape, affine = grid(60)
    pair = chain(shape, affine, radius=5, distance=10, centre=CENTRE_MM - AWAY_MM)
    single = ball(shape, affine, centre=CENTRE_MM + AWAY_MM, radius=6)
    found = find_lesions(pair | single, affine)
    assert sorted(found.center_counts.tolist()) == [1, 2]
    assert found.center_count == 3
    assert np.unique(found.parts).tolist() == [0, 1, 2, 3]
    for number, parts in enumerate(found.center_counts, 1):
        assert len(np.unique(found.parts[found.labels == number])) == parts
    np.testing.assert_array_equal(found.parts > 0, found.mask)


def test_neighbours_do_not_pull_at_centres():
    """A large lesion one voxel beside a small one leaves the small one's parts as alone."""
    shape, affine = grid(50)
    small = chain(shape, affine, radius=4, distance=8, direction=(0, 1, 0))
    large = ball(shape, affine, centre=CENTRE_MM + np.array([16, 0, 0]), radius=10.5)
    large &= ~ndi.binary_dilation(small, np.ones((3, 3, 3)), iterations=1)
    probability = ndi.gaussian_filter((small | large).astype(float), 1.0)
    for given in (None, probability):
        alone = find_lesions(small, affine, probability=given)
        both = find_lesions(small | large, affine, probability=given)
        assert both.count == 2
        number = both.labels[small].max()
        assert both.center_counts[number - 1] == alone.center_count == 2


def test_probability_decides_where_the_mask_does_not():
    """A plain block of mask with two hills of probability is two."""
    shape, affine = grid(40)
    mask = ellipsoid(shape, affine, radii=(12, 6, 6))
    hills = chain(shape, affine, radius=3, distance=12).astype(float)
    probability = 0.3 + ndi.gaussian_filter(hills, 2)
    assert find_lesions(mask, affine).center_count == 1
    assert find_lesions(mask, affine, probability=probability).center_count == 2


def test_flat_probability_has_no_centre():
    shape, affine = grid(30)
    mask = ball(shape, affine, radius=6)
    found = find_lesions(mask, affine, probability=np.full(shape, 0.9))
    assert found.center_counts.tolist() == [1]
    np.testing.assert_array_equal(found.parts, found.labels)


def test_inputs_are_left_alone():
    shape, affine = grid(30)
    mask = chain(shape, affine, radius=4, distance=8)
    probability = ndi.gaussian_filter(mask.astype(np.float32), 1)
    before = mask.copy(), probability.copy()
    find_lesions(mask, affine, probability=probability)
    np.testing.assert_array_equal(mask, before[0])
    np.testing.assert_array_equal(probability, before[1])


def test_volume_is_kept():
    shape, affine = named_grid("oblique")
    mask = chain(shape, affine, radius=5, distance=9)
    found = find_lesions(mask, affine)
    volume = mask.sum() * voxel_volume_mm3(affine)
    assert found.unfiltered_volume_mm3 == pytest.approx(volume)
    assert found.mask.sum() == (found.parts > 0).sum() == mask.sum()


def test_assign_lesions():
    outlined = np.zeros((12, 5, 5), np.int32)
    outlined[1, 2, 2], outlined[6, 2, 2] = 2, 5
    mask = np.zeros((12, 5, 5), bool)
    mask[1:8, 2, 2] = True  # one piece that holds both
    mask[10, 2, 2] = True  # one that holds none
    found = assign_lesions(mask, outlined)
    # Voxels 1 to 3 are nearer to 1, 4 to 7 nearer to 6; the last is a number above
    assert found[:, 2, 2].tolist() == [0, 2, 2, 2, 5, 5, 5, 5, 0, 0, 6, 0]


def test_lesions_are_assigned_by_millimetres():
    outlined = np.zeros((3, 3, 5), np.int32)
    outlined[0, 0, 2], outlined[2, 0, 0] = 1, 2
    mask = outlined > 0
    mask[:, 0, 0] = mask[0, 0, 1] = True
    # Voxel (0, 0, 0) is two voxels from both; slices of 3 mm make the first one farther
    found = assign_lesions(mask, outlined, spacing_mm=(1.0, 1.0, 3.0))
    assert found[0, 0].tolist() == [2, 1, 1, 0, 0]
