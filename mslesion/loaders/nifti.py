"""NIfTI files: read with checks, turned to RAS; written whole or not at all.

Every problem of a file is either an `ImageError`/`MaskError` that says what to do,
or a named warning in `Scan.warnings`, so that a wrong header never becomes a
wrong number unseen. The files that are read are never changed.
"""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

from mslesion.errors import GeometryError, ImageError, MaskError, OutputError
from mslesion.grid import check_same_grid, corner_gap_mm, spacing_mm

MIN_SPACING_MM, MAX_SPACING_MM = 0.2, 12.0
"""A voxel size outside this range (exclusive) is an error: units or header are wrong."""
MIN_EXTENT_MM = 60.0
"""A scan shorter than this along an axis holds too little of a brain (exclusive)."""
MAX_EXTENT_MM = 600.0
"""A scan longer than this along an axis is no head (exclusive)."""
MAX_SFORM_QFORM_GAP_MM = 0.5
"""From this gap between sform and qform on a warning is given (exclusive)."""
MAX_PIXDIM_ERROR = 0.01
"""Relative difference of pixdim and affine from which a warning is given (exclusive)."""
MAX_SHEAR_COSINE = 0.02
"""Cosine between two axes from which a warning is given (exclusive)."""

ANY_LABEL = -1
"""As a label: every voxel above 0."""

WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "sform_qform_differ": "sform and qform place the scan differently; sform is used",
        "no_orientation": "the header gives no orientation; left and right may be swapped",
        "pixdim_differs": "pixdim and affine disagree on the voxel size; the affine is used",
        "sheared": "the axes of the voxel grid are not at right angles",
        "not_finite": "voxels that were NaN or infinite were set to 0",
        "odd_units": "the header's unit is not mm, but the sizes are those of mm",
    }
)
"""The named warnings that reading a scan can give."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan read from a file, its axes turned to RAS."""

    data: np.ndarray
    """(I, J, K) float32 array, finite."""
    affine: np.ndarray
    """(4, 4) voxel-to-world matrix in mm, axes closest to RAS+."""
    path: Path
    warnings: tuple[str, ...] = ()
    """Names of `WARNINGS` that apply."""
    stored_shape: tuple[int, int, int] = (0, 0, 0)
    """Size of the voxel grid as stored."""
    stored_affine: np.ndarray | None = None
    """Voxel-to-world matrix as stored."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along each axis, in mm."""
        return spacing_mm(self.affine)


def load_scan(path: str | Path) -> Scan:
    """Read a scan and check it.

    Parameters
    ----------
    path : str or Path
        A NIfTI-1 or -2 file, gz or not, in 3D or in 4D with one volume.

    Returns
    -------
    Scan

    Raises
    ------
    ImageError
        If the file cannot be read, has another number of dimensions, is empty or
        constant, or has voxel sizes or extents that no head scan has.
    """
    image, data, affine, warnings = _read(Path(path))
    values = np.asarray(data, np.float32)
    finite = np.isfinite(values)
    if not finite.all():
        warnings.append("not_finite")
        values = np.where(finite, values, np.float32(0))
    if values.min() == values.max():
        raise ImageError(
            f"{path} has the same value {float(values.flat[0]):g} in every voxel, but a scan "
            "is expected. Check how the file was made."
        )
    data, turned = _to_ras(values, affine)
    return Scan(data, turned, Path(path), tuple(warnings), image.shape[:3], affine)


def load_mask(path: str | Path, *, like: Scan | None = None, label: int | None = None):
    """Read a mask or one label of a label map.

    Parameters
    ----------
    path : str or Path
        A NIfTI or MGZ file.
    like : Scan, optional
        The scan on whose grid the mask must lie.
    label : int, optional
        Take the voxels of this value from a label map (`ANY_LABEL`: of any above 0).
        Without it the file must be binary: 0 and one other value.

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
        If the mask does not lie on the grid of `like`.
    """
    _, data, affine, _ = _read(Path(path), is_scan=False)
    values = np.unique(data)
    if label is not None:
        mask = data > 0 if label == ANY_LABEL else data == label
    elif len(values) > 2 or (len(values) == 2 and values[0] != 0):
        raise MaskError(
            f"{path} has {len(values)} values ({values.min():g} to {values.max():g}), but a "
            "mask has 0 and one other. Threshold a probability map yourself, so that the "
            "threshold stands in your own code."
        )
    elif not np.isfinite(values).all():
        raise MaskError(
            f"{path} has voxels that are not finite, but a mask has 0 and one other value. "
            "Save the mask again as integers."
        )
    else:
        mask = data != 0
    mask, affine = _to_ras(mask, affine)
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
    """
    to_ras = io_orientation(scan.stored_affine)
    back = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), to_ras)
    turned = apply_orientation(array, back)
    if turned.shape != tuple(scan.stored_shape):
        raise GeometryError(
            f"The array has {turned.shape} voxels, but {scan.path} has {scan.stored_shape}. "
            "Give an array on the scan's own grid."
        )
    return turned


def save_like(array: np.ndarray, path: str | Path, *, scan: Scan) -> None:
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
        stored = stored.astype(np.uint8 if stored.max(initial=0) < 256 else np.uint16)
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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
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
            f"{path} cannot be written ({error.strerror or error}), but the results must go "
            "somewhere. Free space or choose another output folder, then run again."
        ) from error


def _gzip(content: bytes) -> bytes:
    """Gzip without a time or a name, so that the same content gives the same bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(content) + packer.flush()


def _read(path: Path, *, is_scan: bool = True):
    """Image, 3D data, affine and warnings of a file; everything about its header."""
    if not path.is_file():
        raise ImageError(f"{path} is no file, but a scan is expected. Check the path.")
    try:
        image = nib.load(path)
        shape = image.shape
        while len(shape) > 3 and shape[-1] == 1:
            shape = shape[:-1]
        if len(shape) != 3:
            raise ImageError(
                f"{path} has {'x'.join(map(str, image.shape))} voxels, but one volume in 3D "
                "is expected. Split the series and give one volume."
            )
        data = np.asanyarray(image.dataobj).reshape(shape)
    except ImageError:
        raise
    except (ImageFileError, OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise ImageError(
            f"{path} cannot be read ({type(error).__name__}: {error}), but a whole NIfTI file "
            "is expected. Copy or convert the scan again."
        ) from error
    if not np.issubdtype(data.dtype, np.number):
        raise ImageError(
            f"{path} has voxels of type {data.dtype}, but one number a voxel is expected. "
            "Convert the scan to grey values."
        )
    affine = np.asarray(image.affine, np.float64)
    warnings = _check_header(image, affine, path)
    if is_scan:
        _check_size(data.shape, affine, path)
    return image, data, affine, warnings


def _check_header(image, affine, path) -> list[str]:
    """Named warnings of a header; an affine that is none is an error."""
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ImageError(
            f"{path} has an affine that is not invertible, but it must place every voxel. "
            "Convert the scan again from DICOM."
        )
    warnings = []
    header = image.header
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs(axes.T @ axes - np.eye(3))
    if cosines.max() > MAX_SHEAR_COSINE:
        warnings.append("sheared")
    if not isinstance(image, nib.Nifti1Pair):
        return warnings
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    if sform == 0 and qform == 0:
        warnings.append("no_orientation")
    elif sform > 0 and qform > 0:
        gap = corner_gap_mm(image.shape[:3], image.get_sform(), image.get_qform())
        if gap > MAX_SFORM_QFORM_GAP_MM:
            warnings.append("sform_qform_differ")
    sizes = np.array(spacing_mm(affine))
    stated = np.array(header.get_zooms()[:3], float)
    if np.any(np.abs(stated - sizes) > MAX_PIXDIM_ERROR * sizes):
        warnings.append("pixdim_differs")
    if header.get_xyzt_units()[0] not in ("mm", "unknown"):
        warnings.append("odd_units")
    return warnings


def _check_size(shape, affine, path) -> None:
    """Raise for voxel sizes and extents that no head scan has."""
    sizes = np.array(spacing_mm(affine))
    if np.any(sizes < MIN_SPACING_MM) or np.any(sizes > MAX_SPACING_MM):
        found = " x ".join(f"{s:.3g}" for s in sizes)
        raise ImageError(
            f"{path} has voxels of {found} mm, but {MIN_SPACING_MM} to {MAX_SPACING_MM} mm are "
            "expected. Check the header's voxel size and unit."
        )
    extent = sizes * shape
    for axis, length in enumerate(extent):
        if not MIN_EXTENT_MM <= length <= MAX_EXTENT_MM:
            raise ImageError(
                f"{path} covers {length:.0f} mm along axis {axis + 1} ({shape[axis]} voxels), "
                f"but {MIN_EXTENT_MM:.0f} to {MAX_EXTENT_MM:.0f} mm are expected of a head scan. "
                "Give the whole scan."
            )


def _to_ras(data, affine):
    """Data and affine with axes closest to right, front, head."""
    turn = io_orientation(affine)
    turned = np.ascontiguousarray(apply_orientation(data, turn))
    return turned, affine @ inv_ornt_aff(turn, data.shape)
