"""The network that names the structures of a head.

It sees the whole head in 3D on voxels of 2 mm, and runs in onnxruntime on the CPU.
"""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from mslesion.errors import StepError
from mslesion.imaging.distance import box_of
from mslesion.imaging.intensity import network_scale
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.anatomy.maps import clean_anatomy
from mslesion.segmentation.onnx_models import CHANNELS, MULTIPLE, open_session, packaged_model

STRUCTURES_MODEL = "structures.onnx"
"""Its file inside the package."""
WINDOW = (80, 96, 80)
"""Window of the network, in voxels of 2 mm. The network was trained on windows of this
size; its normalisation depends on what is in view."""
TAIL_SHARE = 0.01
"""What lies outside this share of the brain at each end may be a mistake."""
ROOM_VOXELS = 5
"""Least room kept on each side of what lies between the tails."""
MIN_BRAIN_VOXELS = 1000
"""Fewer voxels of 2 mm than this (exclusive) are not a brain."""


def predict_structures(scans: Mapping[str, np.ndarray], *, model: Path | None = None) -> np.ndarray:
    """Name the structure of every voxel of a head.

    Parameters
    ----------
    scans : mapping of str to (I, J, K) array
        Scans by channel (`CHANNELS`), on one grid of 1 mm voxels with axes closest
        to RAS+, with or without the skull. At least one.
    model : Path, optional
        Another ONNX file with the same input and output than that inside the package.

    Returns
    -------
    (I, J, K) uint8 array
        Numbers of `STRUCTURES`, 0 outside; without islands
        (`mslesion.segmentation.anatomy.maps.clean_anatomy`).

    Raises
    ------
    StepError
        If no brain is found.
    """
    session = open_session(model or packaged_model(STRUCTURES_MODEL), input_name="scans")
    shape = next(iter(scans.values())).shape
    halved = {name: network_scale(_halve(data)) for name, data in scans.items()}
    volumes = np.zeros((len(CHANNELS), *next(iter(halved.values())).shape), np.float32)
    for name, data in halved.items():
        volumes[CHANNELS.index(name)] = data
    # A border of nothing, so that a window fits everywhere
    padded = np.pad(volumes, [(0, 0), *((size // 2, size // 2) for size in WINDOW)])
    brain = 1 - _shares(session, _fill(volumes))[0]
    windows = _windows(brain[tuple(slice(n) for n in volumes.shape[1:])])
    shares = np.zeros((len(STRUCTURES) + 1, *padded.shape[1:]), np.float32)
    for window in windows:
        inside = padded[(slice(None), *window)]
        shares[(slice(None), *window)] += _shares(session, inside)
        # A head and its mirror image have the same structures
        shares[(slice(None), *window)] += _shares(session, inside[:, ::-1])[:, ::-1]
    area = _around(windows, volumes.shape[1:])
    shares = shares[:, *area]
    shares[0, ~shares.any(axis=0)] = 1
    inside = shares.argmax(axis=0) > 0
    found = np.count_nonzero(inside)
    if found < MIN_BRAIN_VOXELS:
        raise _no_brain(found)
    # Beyond the next voxel all is background between the voxels too
    box = box_of(inside, (1, 1, 1))
    starts = [one.start - size // 2 for one, size in zip(area, WINDOW, strict=True)]
    fine_box = tuple(
        slice(2 * (start + side.start), 2 * (start + side.stop))
        for start, side in zip(starts, box, strict=True)
    )
    out = np.zeros(shape, np.uint8)
    size = out[fine_box].shape  # an odd number of voxels ends before the last half voxel
    fine = _most_likely(shares[:, *box])[tuple(map(slice, size))]
    out[fine_box] = clean_anatomy(fine)
    return out


def _most_likely(shares: np.ndarray) -> np.ndarray:
    """The structure with the largest share, on voxels of half the size."""
    best = _double(shares[0])
    out = np.zeros(best.shape, np.uint8)
    for number, share in enumerate(shares[1:], start=1):
        fine = _double(share)
        wins = fine > best
        out[wins] = number
        np.maximum(best, fine, out=best)
    return out


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


def _around(windows: list[tuple[slice, ...]], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """What windows cover in the padded volume, and one voxel more as far as the volume goes."""
    area = []
    for sides, size, length in zip(zip(*windows, strict=True), WINDOW, shape, strict=True):
        low, high = min(one.start for one in sides) - 1, max(one.stop for one in sides) + 1
        area.append(slice(max(low, size // 2), min(high, size // 2 + length)))
    return tuple(area)


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
