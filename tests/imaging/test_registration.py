"""Rigid registration: known motions are found again, to the bit each time."""

from itertools import product

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from nibabel.affines import apply_affine
from phantoms import (
    CENTRE_MM,
    FLAIR_LEVELS,
    T1_LEVELS,
    TURN,
    head_grid,
    head_labels,
    head_scan,
    reoriented,
    with_face,
)
from scipy.spatial.transform import Rotation

from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid, resample

WITHIN_MM = 0.5
"""Largest error allowed anywhere in the head."""

SPACING = (2.5, 2.5, 2.5)


def motion(angles_degrees, shift_mm, centre=CENTRE_MM):
    """A turn about a centre, then a shift: (4, 4) world matrix."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_degrees, degrees=True).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + shift_mm
    return matrix


def largest_error_mm(matrix, truth, centre=CENTRE_MM):
    """Largest distance, at the corners of the brain's box, between two motions."""
    corners = centre + np.array(list(product((-62, 62), (-78, 78), (-60, 60))))
    gap = apply_affine(matrix, corners) - apply_affine(truth, corners)
    return np.linalg.norm(gap, axis=1).max()


def moved_head(truth, levels, *, spacing=SPACING, turn=None, face=160, seed=0):
    """A head that `truth` has moved, drawn anew on its own grid, with noise of its own."""
    shape, affine = head_grid(spacing, turn=turn)
    before = np.linalg.inv(truth) @ affine
    labels = head_labels(shape, before)
    data = head_scan(labels, levels, before, noise=8.0, seed=seed)
    return with_face(data, labels, before, level=face), affine


@pytest.fixture(scope="module")
def fixed():
    return moved_head(np.eye(4), FLAIR_LEVELS)


@pytest.mark.parametrize(
    ("angles", "shift", "spacing", "turn"),
    [
        ((0, 0, 0), (0, 0, 0), SPACING, None),
        ((10, 8, -12), (25, -18, 20), SPACING, None),
        ((4, 3, -6), (3, 5, -8), (1.5, 1.5, 4.0), TURN),
    ],
)
def test_known_motion_between_two_contrasts(fixed, angles, shift, spacing, turn):
    truth = motion(angles, shift)
    moving = moved_head(truth, T1_LEVELS, spacing=spacing, turn=turn, face=210, seed=1)
    match = register_rigid(*fixed, *moving)
    assert largest_error_mm(match.matrix, truth) < WITHIN_MM
    np.testing.assert_allclose(match.matrix[:3, :3] @ match.matrix[:3, :3].T, np.eye(3), atol=1e-9)
    assert np.linalg.det(match.matrix[:3, :3]) > 0


def test_known_motion_by_correlation(fixed):
    truth = motion((5, -4, 8), (6, -9, 4))
    moving = moved_head(truth, FLAIR_LEVELS, seed=1)
    match = register_rigid(*fixed, *moving, metric="correlation")
    assert largest_error_mm(match.matrix, truth) < WITHIN_MM
    assert 0.9 < match.similarity <= 1


@pytest.mark.parametrize("shift_mm", [(150, -80, 60), (0, 1000, 0)])
def test_header_far_away(fixed, shift_mm):
    """A header that puts the head 15 cm or 1 m off: the centres of mass are the better start."""
    truth = motion((3, 0, 4), shift_mm)
    data, affine = moved_head(motion((3, 0, 4), (0, 0, 0)), T1_LEVELS, face=210, seed=1)
    shift = motion((0, 0, 0), shift_mm)
    match = register_rigid(*fixed, data, shift @ affine)
    assert largest_error_mm(match.matrix, truth) < WITHIN_MM


def test_order_of_axes_says_nothing(fixed):
    truth = motion((5, -4, 8), (6, -9, 4))
    moving = moved_head(truth, T1_LEVELS, face=210, seed=1)
    match = register_rigid(*fixed, *reoriented(*moving, "PIR"))
    assert largest_error_mm(match.matrix, truth) < WITHIN_MM


@pytest.mark.parametrize("metric", ["mutual information", "correlation"])
def test_both_turned_together(metric):
    """Where a head lies in the world says nothing about how its scans lie to each other."""
    size = (4.0, 4.0, 4.0)
    fixed = moved_head(np.eye(4), FLAIR_LEVELS, spacing=size)
    moving = moved_head(motion((5, -4, 8), (6, -9, 4)), T1_LEVELS, spacing=size, seed=1)
    world = motion((8, -5, 11), (30.3, -7.7, 12.1))
    match = register_rigid(*fixed, *moving, metric=metric)
    # A header holds single precision
    turned = [(data, (world @ affine).astype(np.float32)) for data, affine in (fixed, moving)]
    again = register_rigid(*turned[0], *turned[1], metric=metric)
    assert again.similarity == match.similarity
    np.testing.assert_allclose(again.matrix @ world, world @ match.matrix, atol=1e-4)


@pytest.mark.parametrize("metric", ["mutual information", "correlation"])
def test_the_same_bits_every_time(metric):
    """Also where the program runs many threads, whose sums end in other digits."""
    size = (4.0, 4.0, 4.0)
    fixed = moved_head(np.eye(4), FLAIR_LEVELS, spacing=size)
    truth = motion((5, -4, 8), (6, -9, 4))
    moving = moved_head(truth, T1_LEVELS, spacing=size, face=210, seed=1)
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    found = []
    try:
        for threads in (1, 4, 4):
            sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)
            found.append(register_rigid(*fixed, *moving, metric=metric))
            assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == threads
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)
    for again in found[1:]:
        np.testing.assert_array_equal(again.matrix, found[0].matrix)
        assert again.similarity == found[0].similarity


def test_inputs_are_left_alone(fixed):
    data, affine = (array.copy() for array in fixed)
    register_rigid(*fixed, *fixed)
    np.testing.assert_array_equal(fixed[0], data)
    np.testing.assert_array_equal(fixed[1], affine)


def read(path):
    image = nib.as_closest_canonical(nib.load(path))
    return np.asarray(image.dataobj, np.float32), image.affine


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "wholehead/sub-IXI013HH1212/ses-1/anat/sub-IXI013HH1212_ses-1_T1w.nii.gz",
        "crosssectional/sub-LJ07/ses-1/anat/sub-LJ07_ses-1_FLAIR.nii.gz",
    ],
)
@pytest.mark.parametrize("slice_mm", [1.2, 4.0])
def test_known_motion_of_a_real_scan(shared_data, name, slice_mm):
    """A whole head, and a brain only, moved and sampled on another grid."""
    data, affine = read(shared_data / name)
    centre = apply_affine(affine, (np.array(data.shape) - 1) / 2)
    truth = motion((10, 8, -12), (25, -18, 20), centre)
    to = np.diag([1.1, 1.1, slice_mm, 1.0])
    to[:3, 3] = centre - [105, 115, 100]
    grid = Grid((200, 220, round(210 / slice_mm)), to)
    moving = resample(data, affine, to=grid, transform=np.linalg.inv(truth))
    match = register_rigid(data, affine, moving, grid.affine)
    assert largest_error_mm(match.matrix, truth, centre) < WITHIN_MM
