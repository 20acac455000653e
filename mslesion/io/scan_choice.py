"""Which scan of a visit is taken where there are several of one modality."""

import filecmp
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np

from mslesion.clinical.file_content import missing_content
from mslesion.clinical.sidecars import read_sidecar
from mslesion.errors import DatasetError
from mslesion.imaging.grid import THICK_SLICE_MM, spacing_mm, voxel_volume_mm3
from mslesion.io.names import without_labels

PREFERRED, SAME_CONTENT = "--prefer", "same content"
REASONS = ("3D before 2D", "smaller voxels", "later run", "last name", "packed before unpacked")
"""Why a scan is taken, in the order in which scans are compared."""
VOLUME_DECIMALS = 2
"""Voxels are compared by their volume, rounded to 0.01 mm³: headers of one protocol differ in
their last digits."""

_DIMENSION = re.compile(r"(?<![0-9t])([23])d", re.IGNORECASE)
"""In ``acq-3Dsag`` or ``flair_2d``, not in ``t2d``."""
_RUN = re.compile(r"_run-(\d+)")
_TRAILER_BYTES = 8
"""At the end of a gzip file: checksum and size of what is packed."""


class ScanChoice(NamedTuple):
    """The scan that was taken of a modality."""

    modality: str
    path: Path
    others: tuple[str, ...] = ()
    """Names of the scans that were not taken."""
    reason: str = ""
    """One of `REASONS`, `PREFERRED` or `SAME_CONTENT`: why it and not the next best."""

    @property
    def text(self) -> str:
        """The choice in words, without semicolons."""
        return f"{self.modality}: {self.path.name}, not {', '.join(self.others)} ({self.reason})"

    @property
    def is_ours(self) -> bool:
        """Whether a rule decided between scans of different content, and not the user."""
        return self.reason in REASONS


def choose_scan(
    modality: str, found: Sequence[Path], *, prefer: str = "", root: Path | None = None
) -> ScanChoice:
    """Take one of the scans of a modality.

    A scan whose name holds `prefer` comes first. Then 3D comes before 2D (by the sidecar's
    MRAcquisitionType, else ``2D`` or ``3D`` in the name such as ``acq-3D``, else by slices of
    more than 2 mm), the smaller voxel volume before the larger one, and the later run before
    the earlier one (by the entity ``run``, else by the order of the names). Files of the same
    content count once. Headers are read only where there are several scans.

    Parameters
    ----------
    modality : str
        Of the scans.
    found : sequence of Path
        Its scans, one or more.
    prefer : str
        Text that decides.
    root : Path, optional
        A BIDS dataset, whose common sidecars count too.

    Returns
    -------
    ScanChoice

    Raises
    ------
    DatasetError
        If one of several scans cannot be read, so that nothing can be said about it.
    """
    if len(found) == 1:
        return ScanChoice(modality, found[0])
    preferred = [path for path in found if prefer and prefer in path.name] or found
    if len(preferred) == 1:
        return ScanChoice(modality, preferred[0], _names(found, preferred[0]), PREFERRED)
    best, *rest = sorted((_look(path, root) for path in preferred), reverse=True)
    second = next((scan for scan in rest if not _is_same(best, scan)), None)
    reason = SAME_CONTENT
    if second is not None:
        differs = (a != b for a, b in zip(best.rank, second.rank, strict=True))
        reason = next(text for text, is_it in zip(REASONS, differs, strict=True) if is_it)
    return ScanChoice(modality, best.path, _names(found, best.path), reason)


class _Candidate(NamedTuple):
    """A scan, and what it is compared by."""

    rank: tuple
    """Higher is better; one entry for each of `REASONS`."""
    path: Path
    content_bytes: int
    """Size of its content, by the header."""


def _look(path: Path, root: Path | None) -> _Candidate:
    """Read the header of a scan and its sidecar."""
    if problem := missing_content(path):
        raise DatasetError(problem)
    try:
        image = nib.load(path)
        affine, data = image.affine, image.dataobj
        size = int(data.offset) + int(np.prod(image.shape)) * image.get_data_dtype().itemsize
        slice_mm = max(spacing_mm(affine))
    except Exception as error:  # what nibabel makes of broken bytes has no common type
        raise DatasetError(
            f"{path} cannot be read ({type(error).__name__}: {error}), but it is one of several "
            "scans of a modality, and one is chosen by their headers. Copy it again, remove it, "
            "or say with --prefer TEXT which name to take."
        ) from error
    stated = read_sidecar(path, root=root).get("MRAcquisitionType")
    named = _DIMENSION.search(without_labels(path.name))
    dimension = str(stated.value).upper() if stated else f"{named[1]}D" if named else ""
    is_3d = dimension == "3D" if dimension in ("2D", "3D") else slice_mm <= THICK_SLICE_MM
    run = _RUN.search(path.name)
    rank = (
        is_3d,
        -round(voxel_volume_mm3(affine), VOLUME_DECIMALS),
        int(run[1]) if run else 0,
        _in_order(path.name),
        _is_packed(path),
    )
    return _Candidate(rank, path, size)


def _in_order(name: str) -> tuple:
    """A name without its ending as a key by which flair_10 comes after flair_9."""
    stem = re.sub(r"\.nii(\.gz)?$", "", name, flags=re.IGNORECASE)
    parts = re.findall(r"\d+|\D+", stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _is_same(one: _Candidate, other: _Candidate) -> bool:
    """Whether two files have the same content, packed or not."""
    if one.content_bytes != other.content_bytes:
        return False
    if not (_is_packed(one.path) or _is_packed(other.path)):
        return filecmp.cmp(one.path, other.path, shallow=False)
    content = _checksum(one)
    return content is not None and content == _checksum(other)


def _checksum(scan: _Candidate) -> int | None:
    """Checksum of the unpacked content; None where a packed file does not state it."""
    if not _is_packed(scan.path):
        return zlib.crc32(scan.path.read_bytes())
    with scan.path.open("rb") as file:
        file.seek(-_TRAILER_BYTES, 2)
        checksum, size = np.frombuffer(file.read(), "<u4").tolist()
    return checksum if size == scan.content_bytes % 2**32 else None


def _is_packed(path: Path) -> bool:
    return path.name.lower().endswith(".gz")


def _names(paths: Sequence[Path], taken: Path) -> tuple[str, ...]:
    return tuple(path.name for path in paths if path != taken)
