"""How well two lesion masks agree."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

import logging

import pandas as pd

from mslesion.evaluation.agreement import measure_agreement
from mslesion.imaging.grid import SHIFTED, check_same_grid
from mslesion.io.images import Image, name_of, read_mask
from mslesion.io.voxel_values import Label

log = logging.getLogger(__name__)

_ONE_GRID = (
    "Resample one of them: mslesion.resample_mask(mask, like=image) in Python, with the scan or "
    "the other mask as image."
)


def compare_masks(
    predicted: Image,
    reference: Image,
    *,
    label: Label | None = None,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Measure how well a lesion mask agrees with a reference mask.

    Parameters
    ----------
    predicted, reference : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        Lesion masks on one grid. Either may be empty
        (`mslesion.evaluation.empty.EMPTY_RULES` says what a metric is then).
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion.
    participant_id, session_id : str, optional
        Whose masks they are; `summarize_agreement` needs the participant.

    Returns
    -------
    DataFrame
        One row with the columns of ``agreement.csv`` (`mslesion.schema.AGREEMENT`).

    Raises
    ------
    ImageError, MaskError
        If an image cannot be used as a mask.
    GeometryError
        If the masks lie on different grids.

    Examples
    --------
    >>> import numpy as np
    >>> predicted, reference = np.zeros((2, 8, 8, 8), np.uint8)
    >>> predicted[0, 0, :5] = reference[0, 0, :4] = 1
    >>> row = compare_masks((predicted, np.eye(4)), (reference, np.eye(4)))
    >>> row[["dice", "lesion_f1"]].round(3).to_numpy().tolist()
    [[0.889, 1.0]]
    """
    ours, affine = read_mask(predicted, name="predicted mask", label=label)
    theirs, other = read_mask(reference, name="reference mask", label=label)
    names = name_of(predicted, "predicted mask"), name_of(reference, "reference mask", starts=False)
    if check_same_grid(
        ours.shape, affine, theirs.shape, other,
        name=names[0], other_name=names[1], remedy=_ONE_GRID,
    ):  # fmt: skip
        log.warning(SHIFTED, *names)
    return measure_agreement(
        predicted=ours,
        reference=theirs,
        affine=affine,
        participant_id=participant_id,
        session_id=session_id,
    )
