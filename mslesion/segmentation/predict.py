"""Both networks, one after the other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mslesion.segmentation.anatomy.maps import clean_anatomy
from mslesion.segmentation.anatomy.network import predict_structures
from mslesion.segmentation.lesions.network import predict_lesions


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
    anatomy = clean_anatomy(predict_structures(scans, model=_model(models, "structures.onnx")))
    if "FLAIR" not in scans or not with_lesions:
        return Prediction(anatomy, None)
    return Prediction(
        anatomy, predict_lesions(scans, anatomy, model=_model(models, "lesions.onnx"))
    )


def _model(folder: str | Path | None, name: str) -> Path | None:
    """A model in a folder of models, if it has one of this name."""
    path = Path(folder) / name if folder else None
    return path if path and path.is_file() else None
