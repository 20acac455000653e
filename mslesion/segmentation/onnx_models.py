"""The ONNX models inside the package, and how any model is run and told from another."""

import hashlib
import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import onnxruntime as ort

from mslesion.schema.modalities import FLAIR, T1W, T2W

CHANNELS = (FLAIR, T1W, T2W)
"""What the package's networks can look at, in the order of their input."""
MULTIPLE = 16
"""Sizes are filled up to multiples of this."""


def packaged_model(name: str) -> Path:
    """Path of a model inside the package.

    Parameters
    ----------
    name : str
        Name of the file, such as ``lesions.onnx``.

    Returns
    -------
    Path
    """
    return Path(str(files("mslesion.segmentation") / "models" / name))


@lru_cache(maxsize=4)
def open_session(path: Path) -> ort.InferenceSession:
    """A model ready to run on the CPU; each process reads a file once.

    Parameters
    ----------
    path : Path
        The ONNX file.

    Returns
    -------
    onnxruntime.InferenceSession
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or 0
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=4)
def content_hash(path: Path) -> str:
    """SHA-256 of a model file, by which a result can be traced to it.

    Parameters
    ----------
    path : Path
        The ONNX file.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()
