"""The network that names every voxel's structure and gives its lesion probability.

It sees a slice with two neighbours on each side, in one of three views; the answers
of the views are averaged. The slices go through onnxruntime on the CPU.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import onnxruntime as ort
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.preparation.intensity import network_scale
from mslesion.segmentation.structures import STRUCTURES

CHANNELS = ("FLAIR", "T1w", "T2w")
"""What the network can look at, in the order of its input."""
NEIGHBOURS = 2
"""Slices on each side that are seen with a slice."""
SLICES_AT_ONCE = 8
MULTIPLE = 16
"""In-plane sizes are filled up to multiples of this."""

LOCATE_STEP = 6
"""Every so many axial slices are looked at to find the brain."""
LOCATE_MARGIN = 14
"""Voxels kept around the brain that was found."""
MIN_BRAIN_VOXELS = 200
"""Fewer brain voxels than this (exclusive) in the slices looked at are no brain."""
FOREGROUND = 0.1
"""Of the network's scale; voxels above are head."""

MODEL = "models/mslesion.onnx"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the network says, on the grid of its input."""

    anatomy: np.ndarray
    """(I, J, K) uint8: most probable structure, numbers of `STRUCTURES`, 0 outside."""
    lesion: np.ndarray | None
    """(I, J, K) float32: lesion probability; None without a FLAIR."""


def predict(scans: dict[str, np.ndarray], *, model: str | Path | None = None) -> Prediction:
    """Name the structures and give the lesion probability of one visit.

    Parameters
    ----------
    scans : dict of str to (I, J, K) array
        Scans by channel (`CHANNELS`), on one grid of 1 mm voxels with axes closest
        to RAS+, with or without the skull. At least one.
    model : str or Path, optional
        Another ONNX file; by default the one inside the package.

    Returns
    -------
    Prediction

    Raises
    ------
    StepError
        If no brain is found.
    """
    session = _session(str(model or files("mslesion.segmentation") / MODEL))
    shape = next(iter(scans.values())).shape
    volumes = np.zeros((len(CHANNELS), *shape), np.float32)
    for name, data in scans.items():
        volumes[CHANNELS.index(name)] = network_scale(data)
    box = _find_brain(session, volumes)
    cropped = volumes[(slice(None), *box)]
    total = np.zeros((len(STRUCTURES) + 2, *cropped.shape[1:]), np.float32)
    for view in range(3):
        _add_view(session, cropped, view, total)
    anatomy = np.zeros(shape, np.uint8)
    anatomy[box] = total[:-1].argmax(axis=0)
    if "FLAIR" not in scans:
        return Prediction(anatomy, None)
    lesion = np.zeros(shape, np.float32)
    lesion[box] = total[-1] / 3
    return Prediction(anatomy, lesion)


def slices_of(volumes: np.ndarray, view: int, indices: range) -> np.ndarray:
    """Slices with their neighbours, as the network reads them.

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
    """Add one view's probabilities to `total`; slices without signal are background."""
    count = volumes.shape[1 + view]
    shape = [n for axis, n in enumerate(volumes.shape[1:]) if axis != view]
    target = np.moveaxis(total, 1 + view, 0)
    seen = np.moveaxis(volumes, 1 + view, 0).reshape(count, -1).any(axis=1)
    for start in range(0, count, SLICES_AT_ONCE):
        indices = range(start, min(start + SLICES_AT_ONCE, count))
        if not seen[indices.start : indices.stop].any():
            target[indices.start : indices.stop, 0] += 1
            continue
        (out,) = session.run(None, {"slices": slices_of(volumes, view, indices)})
        target[indices.start : indices.stop] += out[:, :, : shape[0], : shape[1]]


def _find_brain(session, volumes: np.ndarray) -> tuple[slice, slice, slice]:
    """Box around the brain, found on a few axial slices."""
    head = ndi.find_objects((volumes > FOREGROUND).any(axis=0).astype(np.uint8))[0]
    cropped = volumes[(slice(None), *head)]
    found = []
    for index in range(0, cropped.shape[3], LOCATE_STEP):
        (out,) = session.run(None, {"slices": slices_of(cropped, 2, range(index, index + 1))})
        inside = np.argwhere(out[0, :-1].argmax(axis=0) > 0)
        found.append(np.column_stack([inside, np.full(len(inside), index)]))
    voxels = np.concatenate(found)
    if len(voxels) < MIN_BRAIN_VOXELS:
        raise StepError(
            f"The scan shows a brain in {len(voxels)} voxels of the slices looked at, but "
            f"{MIN_BRAIN_VOXELS} or more are expected. Look at the scan: is it a FLAIR, T1w "
            "or T2w of a head?"
        )
    box = []
    for axis, part in enumerate(head):
        low, high = np.percentile(voxels[:, axis], [0.05, 99.95])
        reach = LOCATE_MARGIN + (LOCATE_STEP if axis == 2 else 0)
        start = max(part.start, part.start + int(low) - reach)
        stop = min(part.stop, part.start + int(high) + 1 + reach)
        box.append(slice(start, stop))
    return tuple(box)


@lru_cache(maxsize=2)
def _session(path: str) -> ort.InferenceSession:
    """The network, read once a process."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or 0
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
