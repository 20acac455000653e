"""The ONNX models inside the package, and how any model is run and identified."""

import hashlib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import onnxruntime as ort

from mslesion.errors import SettingsError
from mslesion.imaging.threads import thread_count
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
def open_session(path: Path, *, input_name: str) -> ort.InferenceSession:
    """A model ready to run on the CPU; each process reads a file once.

    Parameters
    ----------
    path : Path
        The ONNX file.
    input_name : str
        Name of its only input.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    SettingsError
        If the file is no ONNX model, or has another input.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.log_severity_level = 3
    # Threads that wait in a loop for the next layer cost a sixth more of the processors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the errors of onnxruntime have no class in common
        raise SettingsError(
            f"{path} cannot be read ({error}), but an ONNX model is expected. Check the file."
        ) from error
    inputs = [one.name for one in session.get_inputs()]
    if inputs != [input_name]:
        raise SettingsError(
            f"{path} has the input {', '.join(inputs)}, but {input_name} is expected, as the model "
            "inside the package has it. Give a model of the same form."
        )
    return session


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

    Raises
    ------
    SettingsError
        If the file is not there.
    """
    if not path.is_file():
        raise SettingsError(
            f"{path} is no file, but an ONNX model is expected there. Check the path."
        )
    return hashlib.sha256(path.read_bytes()).hexdigest()
