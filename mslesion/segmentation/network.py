"""The two networks: one names the structures of a head, one finds lesions in its brain.

The first sees the whole head in 3D on voxels of 2 mm. The second sees the brain in
slices of 1 mm with two neighbours on each side, from three directions whose answers
are averaged; its scans are scaled by the white matter that the first has found. Both
run in onnxruntime on the CPU.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import product
from pathlib import Path

import numpy as np
import onnxruntime as ort
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.intensity import network_scale, white_matter_scale
from mslesion.schema.structures import STRUCTURES, WHITE_MATTER
from mslesion.segmentation.anatomy.maps import clean_anatomy

CHANNELS = ("FLAIR", "T1w", "T2w")
"""What the networks can look at, in the order of their input."""
STRUCTURES_MODEL, LESIONS_MODEL = "structures.onnx", "lesions.onnx"
"""Files in the folder of the models."""
MULTIPLE = 16
"""Sizes are filled up to multiples of this."""
WINDOW = (80, 96, 80)
"""Voxels of 2 mm that are looked at together. The network was trained on windows of this
size; its normalisation depends on what is in view."""
TAIL_SHARE = 0.01
"""What lies outside this share of the brain at each end may be a mistake."""
ROOM_VOXELS = 5
"""Least room kept on each side of what lies between the tails."""
MIN_BRAIN_VOXELS = 1000
"""Fewer voxels of 2 mm than this (exclusive) are no brain."""
NEIGHBOURS = 2
"""Slices on each side that are seen with a slice."""
SLICES_AT_ONCE = 8
MARGIN_VOXELS = 4
"""Voxels kept around the brain."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the networks say, on the grid of their input."""

    anatomy: np.ndarray
    """(I, J, K) uint8: most probable structure, numbers of `STRUCTURES`, 0 outside."""
    lesion: np.ndarray | None
    """(I, J, K) float32: lesion probability; None without a FLAIR or if not asked for."""


def predict(
    scans: dict[str, np.ndarray], *, with_lesions: bool = True, models: str | Path | None = None
) -> Prediction:
    """Name the structures and give the lesion probability of one visit.

    Parameters
    ----------
    scans : dict of str to (I, J, K) array
        Scans by channel (`CHANNELS`), on one grid of 1 mm voxels with axes closest
        to RAS+, with or without the skull. At least one.
    with_lesions : bool
        Whether lesions are looked for; they take most of the time.
    models : str or Path, optional
        A folder with `structures.onnx`, `lesions.onnx` or both, instead of those inside
        the package.

    Returns
    -------
    Prediction
        Its anatomy without islands (`mslesion.segmentation.anatomy.maps.clean_anatomy`).

    Raises
    ------
    StepError
        If no brain is found.
    """
    anatomy = clean_anatomy(predict_structures(scans, models=models))
    if "FLAIR" not in scans or not with_lesions:
        return Prediction(anatomy, None)
    return Prediction(anatomy, predict_lesions(scans, anatomy, models=models))


def predict_structures(
    scans: dict[str, np.ndarray], *, models: str | Path | None = None
) -> np.ndarray:
    """Name the structure of every voxel of a head.

    Parameters
    ----------
    scans, models
        As for `predict`.

    Returns
    -------
    (I, J, K) uint8 array
        Numbers of `STRUCTURES`, 0 outside.

    Raises
    ------
    StepError
        If no brain is found.
    """
    session = _session(models, STRUCTURES_MODEL)
    shape = next(iter(scans.values())).shape
    halved = {name: network_scale(_halve(data)) for name, data in scans.items()}
    # A border of nothing, so that a window fits everywhere
    border = [(size // 2, size // 2) for size in WINDOW]
    volumes = np.zeros((len(CHANNELS), *next(iter(halved.values())).shape), np.float32)
    for name, data in halved.items():
        volumes[CHANNELS.index(name)] = data
    padded = np.pad(volumes, [(0, 0), *border])
    brain = 1 - _shares(session, _fill(volumes))[0]
    shares = np.zeros((len(STRUCTURES) + 1, *padded.shape[1:]), np.float32)
    for window in _windows(brain[tuple(slice(n) for n in volumes.shape[1:])]):
        inside = padded[(slice(None), *window)]
        shares[(slice(None), *window)] += _shares(session, inside)
        # A head and its mirror image have the same structures
        shares[(slice(None), *window)] += _shares(session, inside[:, ::-1])[:, ::-1]
    shares[0, ~shares.any(axis=0)] = 1
    shares = shares[(slice(None), *(slice(low, -high) for low, high in border))]
    found = np.count_nonzero(shares.argmax(axis=0))
    if found < MIN_BRAIN_VOXELS:
        raise _no_brain(found)
    best = np.full(shape, -1.0, np.float32)
    out = np.zeros(shape, np.uint8)
    inner = tuple(slice(n) for n in shape)
    for number, share in enumerate(shares):
        fine = _double(share)[inner]
        wins = fine > best
        out[wins] = number
        best[wins] = fine[wins]
    return out


def predict_lesions(
    scans: dict[str, np.ndarray], anatomy: np.ndarray, *, models: str | Path | None = None
) -> np.ndarray:
    """Probability of lesion in every voxel of a brain.

    Parameters
    ----------
    scans : dict of str to (I, J, K) array
        As for `predict`; a FLAIR must be among them.
    anatomy : (I, J, K) int array
        Anatomy map on the same grid.
    models : str or Path, optional
        A folder with other models; by default those inside the package.

    Returns
    -------
    (I, J, K) float32 array
        0 outside the brain.
    """
    session = _session(models, LESIONS_MODEL)
    brain = anatomy > 0
    box = tuple(
        slice(max(0, part.start - MARGIN_VOXELS), part.stop + MARGIN_VOXELS)
        for part in ndi.find_objects(brain.astype(np.uint8))[0]
    )
    inside, white = brain[box], (anatomy == WHITE_MATTER)[box]
    volumes = np.zeros((len(CHANNELS), *inside.shape), np.float32)
    for name, data in scans.items():
        scaled = white_matter_scale(data[box], white, contrast=name)
        volumes[CHANNELS.index(name)] = np.where(inside, scaled, 0)
    total = np.zeros(inside.shape, np.float32)
    for view in range(3):
        _add_view(session, volumes, view, total)
    lesion = np.zeros(anatomy.shape, np.float32)
    lesion[box] = np.where(inside, total / 3, 0)
    return lesion


def _windows(brain: np.ndarray) -> list[tuple[slice, ...]]:
    """Windows, in the padded volume, that hold the brain: one, or more for a large brain."""
    total = float(brain.sum(dtype=np.float64))
    if total < MIN_BRAIN_VOXELS:
        raise _no_brain(total)
    starts = []
    for axis, size in enumerate(WINDOW):
        along = brain.sum(axis=tuple(a for a in range(3) if a != axis), dtype=np.float64)
        share = np.cumsum(along) / total
        low, high = np.searchsorted(share, [TAIL_SHARE, 1 - TAIL_SHARE])
        if high - low < size - 2 * ROOM_VOXELS:
            ends = [(low + high - size) // 2]
        else:
            ends = [low - ROOM_VOXELS, high + ROOM_VOXELS - size]
        starts.append(
            [min(max(end, -size // 2), len(along) - size // 2) + size // 2 for end in ends]
        )
    return [
        tuple(slice(start, start + size) for start, size in zip(corner, WINDOW, strict=True))
        for corner in product(*starts)
    ]


def _shares(session, volumes: np.ndarray) -> np.ndarray:
    """Share of each structure in each voxel."""
    (out,) = session.run(None, {"scans": np.ascontiguousarray(volumes[None])})
    return out[0]


def _fill(volumes: np.ndarray) -> np.ndarray:
    """Volumes with zeros behind their ends, up to multiples of `MULTIPLE`."""
    return np.pad(volumes, [(0, 0), *((0, -n % MULTIPLE) for n in volumes.shape[1:])])


def _no_brain(voxels: float) -> StepError:
    return StepError(
        f"The scan shows {8 * voxels / 1000:.1f} ml of brain, but "
        f"{8 * MIN_BRAIN_VOXELS / 1000:.0f} ml or more are expected. Look at the scan: is it a "
        "FLAIR, T1w or T2w of a head?"
    )


def slices_of(volumes: np.ndarray, view: int, indices: range) -> np.ndarray:
    """Slices with their neighbours, as the lesion network reads them.

    Parameters
    ----------
    volumes : (C, I, J, K) float32 array
        Scaled scans.
    view : {0, 1, 2}
        Axis across the slices: sagittal, coronal, axial.
    indices : range
        Which slices.

    Returns
    -------
    (N, C * 5 + 3, A, B) float32 array
        For each channel five slices, lowest first (0 outside the volume), then three
        planes of which that of the view is 1; A and B are multiples of 16.
    """
    volumes = np.moveaxis(volumes, 1 + view, 1)
    channels, count, a, b = volumes.shape
    wide = 2 * NEIGHBOURS + 1
    filled = [-(-n // MULTIPLE) * MULTIPLE for n in (a, b)]
    out = np.zeros((len(indices), channels * wide + 3, *filled), np.float32)
    for n, index in enumerate(indices):
        low, high = max(0, index - NEIGHBOURS), min(count, index + NEIGHBOURS + 1)
        first = low - (index - NEIGHBOURS)
        block = out[n, : channels * wide].reshape(channels, wide, *filled)
        block[:, first : first + high - low, :a, :b] = volumes[:, low:high]
        out[n, channels * wide + view] = 1
    return out


def _add_view(session, volumes: np.ndarray, view: int, total: np.ndarray) -> None:
    """Add one view's probabilities to `total`; slices without brain are left out."""
    count = volumes.shape[1 + view]
    shape = [n for axis, n in enumerate(volumes.shape[1:]) if axis != view]
    target = np.moveaxis(total, view, 0)
    seen = np.moveaxis(volumes, 1 + view, 0).reshape(count, -1).any(axis=1)
    for start in range(0, count, SLICES_AT_ONCE):
        indices = range(start, min(start + SLICES_AT_ONCE, count))
        if not seen[indices.start : indices.stop].any():
            continue
        (out,) = session.run(None, {"slices": slices_of(volumes, view, indices)})
        target[indices.start : indices.stop] += out[:, 0, : shape[0], : shape[1]]


def _halve(data: np.ndarray) -> np.ndarray:
    """Means over blocks of 2 x 2 x 2 voxels, 0 beyond the end."""
    data = np.pad(data.astype(np.float32), [(0, n % 2) for n in data.shape])
    i, j, k = (n // 2 for n in data.shape)
    return data.reshape(i, 2, j, 2, k, 2).mean(axis=(1, 3, 5), dtype=np.float64)


def _double(share: np.ndarray) -> np.ndarray:
    """Values between the centres of voxels, twice as many along each axis, linear."""
    for axis in range(3):
        share = np.moveaxis(share, axis, 0)
        before = np.concatenate([share[:1], share[:-1]])
        after = np.concatenate([share[1:], share[-1:]])
        out = np.empty((2 * len(share), *share.shape[1:]), np.float32)
        out[::2] = 0.75 * share + 0.25 * before
        out[1::2] = 0.75 * share + 0.25 * after
        share = np.moveaxis(out, 0, axis)
    return share


def _session(models: str | Path | None, name: str) -> ort.InferenceSession:
    """A network, from a folder that has it or from the package; read once a process."""
    if models and (Path(models) / name).is_file():
        return _read(str(Path(models) / name))
    return _read(str(files("mslesion.segmentation") / "models" / name))


@lru_cache(maxsize=4)
def _read(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or 0
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
