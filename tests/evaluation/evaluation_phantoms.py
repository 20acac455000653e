"""Masks and grids that the tests of the evaluation share."""

from itertools import product

import nibabel as nib
import numpy as np
from nibabel.affines import from_matvec
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform
from scipy import ndimage
from scipy.spatial.transform import Rotation

UNIT = np.eye(4)
THICK = np.diag([0.5, 0.5, 3.0, 1.0])
"""0.5 x 0.5 x 3 mm: a voxel has 0.75 mm³, so 3 mm³ are 4 voxels."""


def empty(shape=(12, 12, 12)):
    """A mask without lesions."""
    return np.zeros(shape, bool)


def lines(*spans, shape=(64, 32, 8)):
    """A mask of lines along the first axis: (start, stop) or (start, stop, j)."""
    mask = np.zeros(shape, bool)
    for start, stop, *j in spans:
        mask[start:stop, j[0] if j else 4, 4] = True
    return mask


def blobs(seed, shape=(24, 26, 22), *, roughness=1.2, share=0.06):
    """A random mask of lesion-like blobs."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    smooth = ndimage.gaussian_filter(noise, roughness, mode="wrap")
    return smooth > np.quantile(smooth, 1 - share)


def disturbed(mask, seed, *, share=0.5):
    """Blobs near those of a mask: the larger the share, the more are gone or new."""
    mixed = ndimage.gaussian_filter(mask.astype(float), 0.7)
    mixed += share * ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal(mask.shape), 1.0, mode="wrap"
    )
    return mixed > np.quantile(mixed, 1 - mask.mean())


def rotated(affine, seed=1):
    """The same grid turned in space; float32 as in a header."""
    turn = Rotation.from_quat(np.random.default_rng(seed).standard_normal(4)).as_matrix()
    matrix = (turn @ affine[:3, :3]).astype(np.float32)
    return from_matvec(matrix, [10.0, -20.0, 30.0])


def reoriented(mask, affine, codes):
    """A mask on the same places in the world, stored along other axes."""
    turn = ornt_transform(nib.io_orientation(affine), axcodes2ornt(codes))
    return apply_orientation(mask, turn), affine @ inv_ornt_aff(turn, mask.shape)


def voxel_sets(mask, neighbours):
    """Components by flood fill: a list of sets of voxel indices."""
    steps = [s for s in product((-1, 0, 1), repeat=3) if 0 < np.abs(s).sum() <= neighbours]
    left = set(map(tuple, np.argwhere(mask).tolist()))
    found = []
    while left:
        edge = [left.pop()]
        component = set(edge)
        while edge:
            voxel = edge.pop()
            near = {tuple(v + s for v, s in zip(voxel, step, strict=True)) for step in steps}
            near &= left
            left -= near
            component |= near
            edge.extend(near)
        found.append(component)
    return found
