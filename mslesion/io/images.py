"""Images as callers have them: a path, a nibabel image, or an array with its affine."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import SpatialImage

from mslesion.errors import GeometryError, ImageError
from mslesion.io.headers import check_header
from mslesion.io.nifti import (
    Scan,
    load_labels,
    load_mask,
    load_scan,
    to_ras,
    write_on_grid,
)
from mslesion.io.voxel_values import Label, as_labels, as_mask, as_scan

Image = str | PathLike[str] | SpatialImage | tuple[np.ndarray, np.ndarray] | Scan
"""What every public function takes for an image."""
Mask = tuple[np.ndarray, np.ndarray]
"""A bool array with axes closest to RAS+, and its (4, 4) voxel-to-world matrix in mm."""


def read_mask(image: Image, *, name: str = "mask", label: Label | None = None) -> Mask:
    """Read a lesion mask.

    Parameters
    ----------
    image : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        The mask.
    name : str
        What the image is called in an error, unless it is a path.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion (`mslesion.io.voxel_values.as_mask`).

    Returns
    -------
    mask : (I, J, K) bool array
        Axes turned to RAS.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError
        If the image is of another kind, or a file cannot be read.
    GeometryError
        If the array is not three-dimensional, or the affine no (4, 4) matrix.
    MaskError
        If the values are not those of a mask.
    """
    if isinstance(image, str | PathLike):
        return load_mask(Path(image), label=label)
    data, affine = _values(image, name)
    return to_ras(as_mask(data, name=f"The {name}", label=label), affine)


def read_labels(image: Image, *, name: str = "label map") -> tuple[np.ndarray, np.ndarray]:
    """Read a label map.

    Parameters
    ----------
    image : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        Whole numbers of 0 or more; 0 is background.
    name : str
        What the image is called in an error, unless it is a path.

    Returns
    -------
    labels : (I, J, K) int32 array
        Axes turned to RAS.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError, GeometryError
        As for `read_mask`.
    MaskError
        If a value is not a whole number of 0 or more.
    """
    if isinstance(image, str | PathLike):
        return load_labels(Path(image))
    data, affine = _values(image, name)
    return to_ras(as_labels(data, name=f"The {name}"), affine)


def read_scan(image: Image, *, name: str = "scan", may_be_flat: bool = False) -> Scan:
    """Read a scan.

    Parameters
    ----------
    image : path, nibabel image, Scan, or tuple of ((I, J, K) array, (4, 4) array)
        The scan.
    name : str
        What the image is called in an error, unless it is a path.
    may_be_flat : bool
        Whether all voxels may have the same value, where only the grid is of interest: it may
        be a mask without a lesion.

    Returns
    -------
    Scan

    Raises
    ------
    ImageError
        If the image is of another kind, a file cannot be read, or every voxel has the
        same value and `may_be_flat` is not set.
    GeometryError
        If the array is not three-dimensional, or the affine no (4, 4) matrix.
    """
    if isinstance(image, Scan):
        return image
    if isinstance(image, str | PathLike):
        return load_scan(Path(image), may_be_flat=may_be_flat)
    data, affine = _values(image, name)
    values, is_finite = as_scan(data, name=f"The {name}", may_be_flat=may_be_flat)
    turned, turned_affine = to_ras(values, affine)
    warnings = check_header(image, f"The {name}") if isinstance(image, SpatialImage) else []
    warnings += [] if is_finite else ["not_finite"]
    return Scan(turned, turned_affine, Path(name), tuple(warnings), values.shape, affine)


def name_of(image: Image, name: str, *, starts: bool = True) -> str:
    """What an image is called in an error: its path, or a name.

    Parameters
    ----------
    image : image
        In any of the forms of `Image`.
    name : str
        For an image that is not a path.
    starts : bool
        Whether it starts the sentence.

    Returns
    -------
    str
    """
    return (
        str(image) if isinstance(image, str | PathLike) else f"{'The' if starts else 'the'} {name}"
    )


def _values(image: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Voxel values in 3D and affine of an image that is not a path."""
    if isinstance(image, Scan):
        return image.data, image.affine
    if isinstance(image, SpatialImage):
        data, affine = np.asanyarray(image.dataobj), image.affine
    elif isinstance(image, tuple | list) and len(image) == 2:
        data, affine = np.asarray(image[0]), np.asarray(image[1])
    else:
        found = "an array without an affine" if isinstance(image, np.ndarray) else repr(type(image))
        raise ImageError(
            f"The {name} is {found}, but a path, a nibabel image or a tuple (array, affine) is "
            "expected. Give one of these."
        )
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim != 3 or not data.size:
        raise GeometryError(
            f"The {name} has the shape {data.shape}, but one volume in 3D is expected. Give the "
            "whole volume."
        )
    if data.dtype.kind not in "biuf":
        raise ImageError(
            f"The {name} has voxels of type {data.dtype}, but one number per voxel is expected. "
            "Convert it to numbers."
        )
    if affine is None or np.shape(affine) != (4, 4) or not np.isfinite(affine).all():
        raise GeometryError(
            f"The {name} has no (4, 4) affine of finite numbers, but volumes and places depend "
            "on it. Give the voxel-to-world matrix in mm."
        )
    affine = np.asarray(affine, np.float64)
    if not abs(np.linalg.det(affine[:3, :3])) > 0:
        raise GeometryError(
            f"The {name} has an affine whose voxels have no volume, but volumes and places depend "
            "on it. Give the voxel-to-world matrix in mm."
        )
    return data, affine


def save_like(array: np.ndarray, path: str | PathLike[str], *, like: Image) -> None:
    """Write an array on the grid of a scan, with the axes of the scan's file.

    The file appears whole or not at all, and is the same bit for bit for the same input.

    Parameters
    ----------
    array : (I, J, K) array
        On the grid of the scan, axes turned to RAS, as every function here gives it. bool
        and int are stored as the smallest unsigned integer that holds them, float as
        float32.
    path : path
        Where to write, ending in ``.nii.gz``.
    like : path, nibabel image, Scan, or tuple of ((I, J, K) array, (4, 4) array)
        The scan, or another image on its grid.

    Raises
    ------
    GeometryError
        If the array has another shape than the scan.
    OutputError
        If the file cannot be written.
    ImageError
        If the scan cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> scan, affine = np.arange(64.0).reshape(4, 4, 4), np.eye(4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_like(scan > 60, f"{folder}/mask.nii.gz", like=(scan, affine))
    ...     mask, _ = load_mask(Path(folder) / "mask.nii.gz")
    >>> int(mask.sum())
    3
    """
    write_on_grid(array, Path(path), scan=read_scan(like, may_be_flat=True))
