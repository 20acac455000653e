"""The first half of a visit: read its scans and bring them to one place."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mslesion.errors import ImageError, StepError
from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid, resample, working_grid
from mslesion.io.images import Image, read_scan
from mslesion.io.nifti import Scan
from mslesion.schema.modalities import NAMES, T1W, reference_of, scan_for
from mslesion.segmentation.onnx_models import CHANNELS

MAX_MOTION_MM = 80.0
"""A registration that moves the middle of the scan further than this (exclusive)
within one visit is an error."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A visit's scans, all on the grid of its reference and on the working grid."""

    scans: Mapping[str, Scan]
    """As read, by modality."""
    reference: str
    """Modality that the results lie on: FLAIR, else T1w, else T1w after contrast agent."""
    native: Mapping[str, np.ndarray]
    """Each scan on the reference's own grid, by modality."""
    working: Mapping[str, np.ndarray]
    """Each scan on the 1 mm grid, by modality."""
    grid: Grid
    """The reference's own grid, axes turned to RAS."""
    working_grid: Grid
    transforms: Mapping[str, np.ndarray]
    """(4, 4) from world points of the reference to those of each other scan, in mm."""

    @property
    def reference_scan(self) -> Scan:
        """The scan that the results lie on."""
        return self.scans[self.reference]

    @property
    def t1_name(self) -> str:
        """Modality that serves as T1w; empty if there is none."""
        return scan_for(T1W, self.scans) or ""

    @property
    def channels(self) -> dict[str, np.ndarray]:
        """Inputs of the networks on the working grid, by channel."""
        names = {channel: scan_for(channel, self.working) for channel in CHANNELS}
        return {channel: self.working[name] for channel, name in names.items() if name}

    @property
    def warnings(self) -> tuple[str, ...]:
        """Named warnings of all scans, each with its modality."""
        return tuple(
            f"{name}:{text}" for name, scan in self.scans.items() for text in scan.warnings
        )

    def without(self, names: Container[str]) -> "Prepared":
        """The visit as if it had no scans of these modalities."""
        kept = {
            field: {name: one for name, one in getattr(self, field).items() if name not in names}
            for field in ("scans", "native", "working", "transforms")
        }
        return replace(self, **kept)


def prepare_visit(files: Mapping[str, Image]) -> Prepared:
    """Read a visit's scans and register them to its FLAIR (or T1w).

    Parameters
    ----------
    files : mapping of str to path, nibabel image, Scan, or tuple of (array, affine)
        Scans by modality (FLAIR, T1w, T2w, T1wGd).

    Returns
    -------
    Prepared

    Raises
    ------
    ImageError
        If a scan cannot be used, a modality is not known, or FLAIR and T1w are
        both missing.
    StepError
        If a registration moves a scan absurdly far.
    """
    odd = sorted(set(files) - set(NAMES))
    if odd:
        raise ImageError(
            f"The visit has a scan named {odd[0]!r}, but {', '.join(NAMES)} are known. Use one "
            "of these names."
        )
    scans = {name: read_scan(files[name], name=f"{name} scan") for name in NAMES if name in files}
    reference = reference_of(scans)
    if reference is None:
        raise ImageError(
            f"The visit has {', '.join(scans) or 'no scan'}, but a FLAIR or a T1w is required. "
            "Add one of them."
        )
    fixed = scans[reference]
    grid = Grid(fixed.data.shape, fixed.affine)
    wide = working_grid(fixed.data.shape, fixed.affine)
    transforms, native, working = {}, {}, {}
    for name, scan in scans.items():
        matrix = None
        if name != reference:
            matrix = _register(fixed, scan)
            transforms[name] = matrix
        native[name] = _placed(scan, grid, matrix)
        working[name] = _placed(scan, wide, matrix)
    return Prepared(scans, reference, native, working, grid, wide, transforms)


def place_on_reference(scan: Scan, *, reference: Scan, grid: Grid) -> np.ndarray:
    """A scan, registered to the reference of its visit, on a grid in the reference's world.

    Parameters
    ----------
    scan, reference : Scan
        Two scans.
    grid : Grid
        Grid of the result.

    Returns
    -------
    (I, J, K) float32 array
        0 and more.
    """
    return _placed(scan, grid, _register(reference, scan))


def _placed(scan: Scan, grid: Grid, matrix: np.ndarray | None) -> np.ndarray:
    return np.maximum(resample(scan.data, scan.affine, to=grid, transform=matrix), 0)


def _register(fixed: Scan, moving: Scan) -> np.ndarray:
    """Transform from the fixed to the moving scan's world."""
    match = register_rigid(fixed.data, fixed.affine, moving.data, moving.affine)
    middle = fixed.affine @ np.append((np.array(fixed.data.shape) - 1) / 2, 1)
    motion = np.linalg.norm((match.matrix @ middle - middle)[:3])
    offset = np.linalg.norm(_middle(fixed) - _middle(moving))
    if motion > MAX_MOTION_MM + offset:
        raise StepError(
            f"{moving.path} would have to move by {motion:.0f} mm to fit {fixed.path}, but at "
            f"most {MAX_MOTION_MM:.0f} mm is expected within a visit. Check that both show the "
            "same head."
        )
    return match.matrix


def _middle(scan: Scan) -> np.ndarray:
    return (scan.affine @ np.append((np.array(scan.data.shape) - 1) / 2, 1))[:3]
