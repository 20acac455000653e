"""A mask brought to the grid of a scan."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

from mslesion.imaging import resampling
from mslesion.imaging.resampling import Grid
from mslesion.io.images import Image, Mask, read_mask, read_scan
from mslesion.io.voxel_values import Label


def resample_mask(mask: Image, *, like: Image, label: Label | None = None) -> Mask:
    """Bring a mask to the grid of a scan that shares its world space.

    Parameters
    ----------
    mask : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        The mask. Nothing is registered: mask and scan must lie in one world space.
    like : image
        The scan, or another image on its grid, also an empty mask; in the forms of `mask`.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion.

    Returns
    -------
    mask : (I, J, K) bool array
        On the grid of the scan, axes turned to RAS; a voxel belongs to the mask from a
        share of one half on (inclusive).
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError, MaskError, GeometryError
        If an image cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> mask, scan = np.zeros((4, 4, 4), np.uint8), np.arange(512.0).reshape(8, 8, 8)
    >>> mask[1:3, 1:3, 1:3] = 1
    >>> fine = np.diag([0.5, 0.5, 0.5, 1.0])
    >>> fine[:3, 3] = -0.25
    >>> found, affine = resample_mask((mask, np.eye(4)), like=(scan, fine))
    >>> int(found.sum())  # 64 voxels of 0.5 mm without the 8 at the corners
    56
    """
    found, affine = read_mask(mask, label=label)
    scan = read_scan(like, may_be_flat=True)
    grid = Grid(scan.data.shape, scan.affine)
    return resampling.resample_mask(found, affine, to=grid), scan.affine
