"""What a scan's header must say: checks that end in a named warning or an error."""

import math
from collections.abc import Mapping
from types import MappingProxyType

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

from mslesion.errors import ImageError
from mslesion.imaging.grid import corner_gap_mm, spacing_mm

MIN_SPACING_MM, MAX_SPACING_MM = 0.2, 12.0
"""A voxel size outside this range (exclusive) is an error: units or header are wrong."""
MIN_EXTENT_MM = 60.0
"""A scan shorter than this along an axis holds too little of a brain (exclusive)."""
MAX_EXTENT_MM = 600.0
"""A scan longer than this along an axis is not a head (exclusive)."""
MAX_SFORM_QFORM_GAP_MM = 0.5
"""From this gap between sform and qform on a warning is given (exclusive)."""
MAX_PIXDIM_ERROR = 0.01
"""Relative difference of pixdim and affine from which a warning is given (exclusive)."""
MIN_VOLUME_SHARE = 1e-6
"""Volume of a voxel, per that of a box of its sides, from which the affine can be
inverted (exclusive)."""
UNKNOWN_UNIT, MILLIMETRE = 0, 2
"""Codes of the NIfTI header."""
MAX_SHEAR_COSINE = 0.02
"""Cosine between two axes from which a warning is given (exclusive)."""

NO_ORIENTATION = "no_orientation"
WARNINGS: Mapping[str, str] = MappingProxyType(
    {
        "sform_qform_differ": "sform and qform place the scan differently; sform is used",
        NO_ORIENTATION: "the header gives no orientation; left and right may be swapped",
        "pixdim_differs": "pixdim and affine give different voxel sizes; the affine is used",
        "sheared": "the axes of the voxel grid are not at right angles",
        "not_finite": "voxels that were NaN or infinite were set to 0",
        "odd_units": "the header's unit is not mm, but the sizes are those of mm",
    }
)
"""The named warnings that reading a scan can give."""


def check_header(image, path) -> list[str]:
    """Named warnings of a file's header.

    Parameters
    ----------
    image : nibabel image
        As loaded.
    path : Path
        What the message names.

    Returns
    -------
    list of str
        Names of `WARNINGS`.

    Raises
    ------
    ImageError
        If the affine cannot be inverted.
    """
    affine = np.asarray(image.affine, np.float64)
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    # Written so that NaN and sides of 0 are caught too
    if not abs(np.linalg.det(affine[:3, :3])) > MIN_VOLUME_SHARE * sides.prod():
        raise ImageError(
            f"{path} has an affine that is not invertible, but it must place every voxel. "
            "Convert the scan from DICOM again."
        )
    warnings = []
    header = image.header
    axes = affine[:3, :3] / sides
    cosines = np.abs(axes.T @ axes - np.eye(3))
    if cosines.max() > MAX_SHEAR_COSINE:
        warnings.append("sheared")
    if not isinstance(image, nib.Nifti1Pair):
        is_oriented = isinstance(image, nib.MGHImage) and bool(header["goodRASFlag"])
        return warnings if is_oriented else [*warnings, NO_ORIENTATION]
    sform, qform = int(header["sform_code"]), int(header["qform_code"])
    if sform == 0 and qform == 0:
        warnings.append(NO_ORIENTATION)
    elif sform > 0 and qform > 0 and _qform_gap_mm(image) > MAX_SFORM_QFORM_GAP_MM:
        warnings.append("sform_qform_differ")
    sizes = np.array(spacing_mm(affine))
    stated = np.array(header.get_zooms()[:3], float)
    if np.any(np.abs(stated - sizes) > MAX_PIXDIM_ERROR * sizes):
        warnings.append("pixdim_differs")
    if int(header["xyzt_units"]) % 8 not in (UNKNOWN_UNIT, MILLIMETRE):
        warnings.append("odd_units")
    return warnings


def check_size(shape: tuple, affine: np.ndarray, *, path) -> None:
    """Raise for voxel sizes and extents that no head scan has.

    Parameters
    ----------
    shape : tuple of int, shape (3,)
        Size in voxels.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    path : Path
        What the message names.

    Raises
    ------
    ImageError
        If a voxel or the whole is too small or too large.
    """
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
                f"but {MIN_EXTENT_MM:.0f} to {MAX_EXTENT_MM:.0f} mm are expected for a head "
                "scan. Give the whole scan."
            )


def _qform_gap_mm(image) -> float:
    """How far the qform places a corner from the sform; infinite if it is not a rotation."""
    try:
        gap = corner_gap_mm(image.shape[:3], image.get_sform(), image.get_qform())
    except (HeaderDataError, ValueError):
        return math.inf
    return gap if math.isfinite(gap) else math.inf
