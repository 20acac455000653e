"""NIfTI files: read with checks, turned to RAS; written whole or not at all.

Every problem of a file is either an `ImageError`/`MaskError` that says what to do,
or a named warning in `Scan.warnings`, so that a wrong header never becomes a
wrong number unseen. The files that are read are never changed.
"""

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.orientations import (
    apply_orientation,
    axcodes2ornt,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)

from mslesion.clinical.file_content import missing_content
from mslesion.errors import GeometryError, ImageError, OutputError
from mslesion.imaging.grid import check_same_grid, is_same_grid, spacing_mm
from mslesion.io.headers import check_header, check_size
from mslesion.io.publishing import PART, name_of_own
from mslesion.io.voxel_values import Label, as_labels, as_mask, as_scan

PACKED = (".nii.gz", ".mgz")
"""Ends of the names of files that are gzipped."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan read from a file, its axes turned to RAS."""

    data: np.ndarray
    """(I, J, K) float32 array, finite."""
    affine: np.ndarray
    """(4, 4) voxel-to-world matrix in mm, axes closest to RAS+."""
    path: Path
    warnings: tuple[str, ...] = ()
    """Names of `mslesion.io.headers.WARNINGS` that apply."""
    stored_shape: tuple[int, int, int] = (0, 0, 0)
    """Size of the voxel grid as stored."""
    stored_affine: np.ndarray | None = None
    """Voxel-to-world matrix as stored."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along each axis, in mm."""
        return spacing_mm(self.affine)


def load_scan(path: str | Path, *, may_be_flat: bool = False) -> Scan:
    """Read a scan and check it.

    Parameters
    ----------
    path : str or Path
        A NIfTI-1 or -2 file, gz or not, in 3D or in 4D with one volume.
    may_be_flat : bool
        As for `as_scan`.

    Returns
    -------
    Scan

    Raises
    ------
    ImageError
        If the file cannot be read, has another number of dimensions, is empty or
        constant, or has voxel sizes or extents that no head scan has.

    Examples
    --------
    >>> scan = load_scan("sub-01_FLAIR.nii.gz")  # doctest: +SKIP
    >>> scan.data.shape, scan.spacing_mm, scan.warnings  # doctest: +SKIP
    """
    data, affine, warnings = _read(Path(path))
    stored_shape = data.shape
    values, is_finite = as_scan(data, name=str(path), may_be_flat=may_be_flat)
    warnings += [] if is_finite else ["not_finite"]
    data, turned = to_ras(values, affine)
    return Scan(data, turned, Path(path), tuple(warnings), stored_shape, affine)


def load_mask(
    path: str | Path, *, like: Scan | None = None, label: Label | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Read a mask or one label of a label map.

    Parameters
    ----------
    path : str or Path
        A NIfTI or MGZ file.
    like : Scan, optional
        The scan on whose grid the mask must lie.
    label : int, tuple of int or "all", optional
        Take the voxels with this value or these values of a label map; "all" takes every
        voxel above 0. Without it the values must be those of a mask (`as_mask`).

    Returns
    -------
    mask : (I, J, K) bool array
        Axes turned to RAS.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If the values are not those of a mask.
    GeometryError
        If the mask does not lie on the grid of `like` (`check_same_grid`).

    Examples
    --------
    >>> import tempfile
    >>> data = np.zeros((4, 4, 4), np.uint8)
    >>> data[1, 1, :2] = 3
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.save(nib.Nifti1Image(data, np.eye(4)), f"{folder}/labels.nii.gz")
    ...     mask, affine = load_mask(f"{folder}/labels.nii.gz", label=3)
    >>> int(mask.sum())
    2
    """
    data, affine, _ = _read(Path(path), is_scan=False)
    mask, affine = to_ras(as_mask(data, name=str(path), label=label), affine)
    if like is not None:
        check_same_grid(
            mask.shape,
            affine,
            like.data.shape,
            like.affine,
            name=str(path),
            other_name=str(like.path),
        )
    return mask, affine


def load_labels(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a label map.

    Parameters
    ----------
    path : str or Path
        A NIfTI file of whole numbers, 0 is background.

    Returns
    -------
    labels : (I, J, K) int32 array
        Axes turned to RAS.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Raises
    ------
    ImageError
        If the file cannot be read.
    MaskError
        If a value is not a whole number of 0 or more.

    Examples
    --------
    >>> import tempfile
    >>> data = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nib.save(nib.Nifti1Image(data, np.eye(4)), f"{folder}/labels.nii.gz")
    ...     labels, affine = load_labels(f"{folder}/labels.nii.gz")
    >>> int(labels[1, 1, 1])
    7
    """
    data, affine, _ = _read(Path(path), is_scan=False)
    return to_ras(as_labels(data, name=str(path)), affine)


def load_map(path: str | Path, *, like: Scan) -> np.ndarray:
    """Read a map that `write_on_grid` wrote, as it was.

    Parameters
    ----------
    path : str or Path
        The file.
    like : Scan
        The scan on whose grid it lies.

    Returns
    -------
    array of shape ``like.data.shape``
        Axes turned to RAS; values and type as stored.

    Raises
    ------
    ImageError
        If the file cannot be read.
    GeometryError
        If it does not lie exactly on the grid of `like`.
    """
    data, affine, _ = _read(Path(path), is_scan=False)
    values, affine = to_ras(data, affine)
    if not is_same_grid(values.shape, affine, like.data.shape, like.affine, exactly=True):
        raise GeometryError(
            f"{path} is not on the grid of {like.path}, but the maps of a visit are. Run the "
            "participant level again."
        )
    return values


def as_stored(array: np.ndarray, scan: Scan) -> np.ndarray:
    """Turn an array on a scan's RAS grid back to the axes of the scan's file.

    Parameters
    ----------
    array : (I, J, K) array
        Values on the grid of `scan.data`.
    scan : Scan
        The scan.

    Returns
    -------
    array of shape ``scan.stored_shape``

    Raises
    ------
    GeometryError
        If the array has another shape than `scan.data`.
    """
    if array.shape != scan.data.shape:
        raise GeometryError(
            f"The array has {_times(array.shape)} voxels, but the RAS grid of {scan.path} has "
            f"{_times(scan.data.shape)}. Give an array on the scan's own grid."
        )
    to_ras = io_orientation(scan.stored_affine)
    return apply_orientation(array, ornt_transform(axcodes2ornt("RAS"), to_ras))


def write_on_grid(array: np.ndarray, path: str | Path, *, scan: Scan) -> None:
    """Write an array on a scan's grid, on the grid of the scan's file.

    The file appears whole or not at all, and is the same bit for bit for the same
    input (the gzip header holds no time).

    Parameters
    ----------
    array : (I, J, K) array
        bool and int are stored as the smallest unsigned integer that holds them,
        float as float32.
    path : str or Path
        Where to write, ending in ``.nii.gz``.
    scan : Scan
        The scan whose grid the array lies on.
    """
    stored = as_stored(array, scan)
    if stored.dtype == bool:
        stored = stored.astype(np.uint8)
    elif np.issubdtype(stored.dtype, np.integer):
        stored = stored.astype(np.min_scalar_type(int(stored.max(initial=0))))
    else:
        stored = stored.astype(np.float32)
    image = nib.Nifti1Image(stored, scan.stored_affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(scan.stored_affine, code=1)
    image.set_qform(scan.stored_affine, code=1, strip_shears=True)
    write_bytes(_gzip(image.to_bytes()), path)


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    content : bytes
        The file's content.
    path : str or Path
        Where to; missing folders are made.

    Raises
    ------
    OutputError
        If the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    part = path.with_name(f".{name_of_own(path.name)}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror or error}), but the results are written "
            "there. Free space or choose another output folder, then run again."
        ) from error


def _gzip(content: bytes) -> bytes:
    """Gzip without a time or a name, so that the same content gives the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


@np.errstate(over="ignore", invalid="ignore")
def _read(path: Path, *, is_scan: bool = True):
    """3D data, affine and warnings of a file; everything about its header."""
    try:
        if not path.is_file():
            raise ImageError(
                missing_content(path)
                or f"{path} is not a file, but a scan is expected. Check the path."
            )
        image = _load(path)
        shape = image.shape
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3 or min(shape) < 1:
            raise ImageError(
                f"{path} has {_times(image.shape)} voxels, but one volume in 3D is expected. "
                "Split the series and give one volume."
            )
        data = np.asanyarray(image.dataobj).reshape(shape)
    except ImageError:
        raise
    except Exception as error:  # what nibabel makes of broken bytes has no common type
        raise ImageError(
            missing_content(path)
            or f"{path} cannot be read ({type(error).__name__}: {error}), but a whole NIfTI file "
            "is expected. Copy or convert the scan again."
        ) from error
    if data.dtype.kind not in "biuf":
        raise ImageError(
            f"{path} has voxels of type {data.dtype}, but one number per voxel is expected. "
            "Convert the scan to grey values."
        )
    affine = np.asarray(image.affine, np.float64)
    warnings = check_header(image, path)
    if is_scan:
        check_size(data.shape, affine, path=path)
    return data, affine, warnings


def _load(path: Path):
    """The image of a file. A packed file is read and unpacked once, to its checksum.

    Nibabel stops before the end of a gzip file, where the checksum is.
    """
    name = path.name.lower()
    if not name.endswith(PACKED):
        return nib.load(path)
    content = gzip.decompress(path.read_bytes())
    if name.endswith(".mgz"):
        return nib.MGHImage.from_bytes(content)
    is_second = nib.Nifti2Header.may_contain_header(content[: nib.Nifti2Header.sizeof_hdr])
    return (nib.Nifti2Image if is_second else nib.Nifti1Image).from_bytes(content)


def _times(shape) -> str:
    return "x".join(str(n) for n in shape)


def to_ras(data: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn an array to axes closest to right, front, head.

    Parameters
    ----------
    data : (I, J, K) array
        Voxel values as stored.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    data : array
    affine : (4, 4) array
    """
    turn = io_orientation(affine)
    turned = np.ascontiguousarray(apply_orientation(data, turn))
    return turned, affine @ inv_ornt_aff(turn, data.shape)
