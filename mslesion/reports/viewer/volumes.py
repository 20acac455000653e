"""The scans and maps of a visit in the compact form in which a page carries them.

A scan is cut to the brain with a small margin, and nothing outside this margin is kept, so that
these volumes show no face. Grey values have 8 bits. Each volume is a NIfTI file, packed by gzip.
"""

import zlib
from collections.abc import Mapping, Sequence

import nibabel as nib
import numpy as np

from mslesion.imaging.distance import box_of, grown
from mslesion.imaging.grid import spacing_mm
from mslesion.reports.figures import gray

MARGIN_MM = 4.0
"""What lies within this distance of the brain (inclusive) is kept of a scan: the fluid and the
inner border of the skull."""
LESIONS, ANATOMY, CHANGE = "lesions", "anatomy", "change"
"""Names of the maps; scans are named by their modality."""
_GZIP_WINDOW = 31
"""Makes zlib write a gzip header, which without a time is the same for the same content."""


def around(brain: np.ndarray, spacing: Sequence[float]) -> tuple[tuple[slice, ...], np.ndarray]:
    """The brain with its margin.

    Parameters
    ----------
    brain : (I, J, K) bool array
        The brain with its ventricles and sulci; at least one voxel.
    spacing : sequence of float, shape (3,)
        Voxel size in mm.

    Returns
    -------
    box : tuple of slice
        The smallest box that holds the brain and its margin, as far as the grid reaches.
    kept : bool array of the box's shape
        Voxels at most `MARGIN_MM` from the brain.
    """
    kept = grown(brain, spacing, by_mm=MARGIN_MM)
    box = box_of(kept, (0, 0, 0))
    return box, kept[box]


def visit_volumes(
    scans: Mapping[str, np.ndarray],
    *,
    brain: np.ndarray,
    anatomy: np.ndarray,
    lesions: np.ndarray | None,
    affine: np.ndarray,
) -> dict[str, bytes]:
    """The volumes of a visit, all on one grid.

    Parameters
    ----------
    scans : mapping of str to (I, J, K) array
        Scans by modality.
    brain : (I, J, K) bool array
        The brain with its ventricles and sulci.
    anatomy : (I, J, K) uint8 array
        Structure of each voxel.
    lesions : (I, J, K) int array or None
        Number of the lesion; None if lesions were not assessable.
    affine : (4, 4) array
        Voxel-to-world matrix in mm, axes closest to RAS+.

    Returns
    -------
    dict of str to bytes
        Packed NIfTI files by name; none without a brain.
    """
    if not brain.any():
        return {}
    box, kept = around(brain, spacing_mm(affine))
    own = _cut(affine, box)
    volumes = {
        name: packed(np.where(kept, gray(scan[box], brain[box]), 0), own)
        for name, scan in scans.items()
    }
    maps = {ANATOMY: anatomy} | ({} if lesions is None else {LESIONS: lesions})
    return volumes | {
        name: packed(np.where(kept, one[box], 0), own, is_map=True) for name, one in maps.items()
    }


def change_volume(change_map: np.ndarray, affine: np.ndarray) -> bytes | None:
    """The change map of a pair, cut to what is in it.

    Parameters
    ----------
    change_map : (I, J, K) uint8 array
        Values of `mslesion.schema.change_map.CHANGE_NAMES`.
    affine : (4, 4) array
        Voxel-to-world matrix of the second visit in mm.

    Returns
    -------
    bytes or None
        A packed NIfTI file; None where neither visit has a lesion.
    """
    is_lesion = change_map > 0
    if not is_lesion.any():
        return None
    box = box_of(is_lesion, (0, 0, 0))
    return packed(change_map[box], _cut(affine, box), is_map=True)


def packed(volume: np.ndarray, affine: np.ndarray, *, is_map: bool = False) -> bytes:
    """A volume as a packed NIfTI file, the same bytes for the same content.

    Parameters
    ----------
    volume : (I, J, K) array
        Whole numbers of 0 or more, stored in 8 bits, or in 16 where one is above 255.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    is_map : bool
        Whether the numbers are labels.

    Returns
    -------
    bytes
    """
    kind = np.uint8 if int(volume.max(initial=0)) <= np.iinfo(np.uint8).max else np.uint16
    image = nib.Nifti1Image(volume.astype(kind), affine)
    image.header.set_xyzt_units("mm")
    image.header.set_intent("label" if is_map else "none")
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW)
    return packer.compress(image.to_bytes()) + packer.flush()


def _cut(affine: np.ndarray, box: Sequence[slice]) -> np.ndarray:
    """Affine of a box of a grid."""
    moved = np.array(affine, np.float64)
    moved[:3, 3] += moved[:3, :3] @ [part.start for part in box]
    return moved
