"""How well lesion masks agree: as a whole, lesion by lesion, and with several raters."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

import logging
from collections.abc import Mapping

import numpy as np
import pandas as pd

from mslesion.api.anatomy import read_anatomy
from mslesion.evaluation.agreement import measure_agreement
from mslesion.evaluation.lesion_groups import measure_lesion_agreement
from mslesion.evaluation.raters import measure_rater_agreement
from mslesion.imaging.grid import SHIFTED, check_same_grid
from mslesion.io.images import Image, name_of, read_mask
from mslesion.io.voxel_values import Label
from mslesion.schema import RATER_AGREEMENT, empty_table
from mslesion.segmentation.anatomy.label_maps import AUTO, Mapped

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
    ours, theirs, affine = _read_pair(predicted, reference, label)
    return measure_agreement(
        predicted=ours,
        reference=theirs,
        affine=affine,
        participant_id=participant_id,
        session_id=session_id,
    )


def compare_lesions(
    predicted: Image,
    reference: Image,
    *,
    anatomy: Image | None = None,
    anatomy_labels: str | Mapped = AUTO,
    label: Label | None = None,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Measure how well single lesions agree with a reference, by their size and location.

    Parameters
    ----------
    predicted, reference : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        Lesion masks on one grid; either may be empty.
    anatomy : image, optional
        Label map of the same head in the world space of the masks; without it there are no
        groups by location.
    anatomy_labels : {"auto", "freesurfer", "dlmuse", "mslesion"} or mapping
        Numbering of the anatomy, as for `measure_lesions`.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion.
    participant_id, session_id : str, optional
        Whose masks they are; `summarize_lesion_agreement` needs the participant.

    Returns
    -------
    DataFrame
        One row per group of lesions with the columns of ``lesion_agreement.csv``
        (`mslesion.schema.LESION_AGREEMENT`).

    Raises
    ------
    ImageError, MaskError
        If an image cannot be used as a mask or as an anatomy.
    GeometryError
        If the masks lie on different grids.

    Examples
    --------
    >>> import numpy as np
    >>> predicted, reference = np.zeros((2, 8, 8, 8), np.uint8)
    >>> predicted[0, 0, :5] = reference[0, 0, :4] = 1
    >>> rows = compare_lesions((predicted, np.eye(4)), (reference, np.eye(4)))
    >>> rows[["group", "reference_count", "detected_count"]].head(2).to_numpy().tolist()
    [['all', 1, 1], ['under_10mm3', 1, 1]]
    """
    ours, theirs, affine = _read_pair(predicted, reference, label)
    return measure_lesion_agreement(
        predicted=ours,
        reference=theirs,
        affine=affine,
        anatomy=None if anatomy is None else read_anatomy(anatomy, anatomy_labels),
        participant_id=participant_id,
        session_id=session_id,
    )


def compare_raters(
    predicted: Image,
    raters: Mapping[str, Image],
    *,
    label: Label | None = None,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Compare a lesion mask with that of each rater, and the raters' with one another.

    Parameters
    ----------
    predicted : path, nibabel image, or tuple of ((I, J, K) array, (4, 4) array)
        The lesion mask to judge.
    raters : mapping of str to image
        Masks of the same scan by the raters' names, on the same grid.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion.
    participant_id, session_id : str, optional
        Whose masks they are; `summarize_rater_agreement` needs the participant.

    Returns
    -------
    DataFrame
        One row per pair of masks with the columns of ``rater_agreement.csv``
        (`mslesion.schema.RATER_AGREEMENT`).

    Raises
    ------
    ImageError, MaskError
        If an image cannot be used as a mask.
    GeometryError
        If the masks lie on different grids.
    SettingsError
        If a rater is called `all`.

    Examples
    --------
    >>> import numpy as np
    >>> first, second = np.zeros((2, 8, 8, 8), np.uint8)
    >>> first[0, 0, :4] = second[0, 0, 2:6] = 1
    >>> ours, theirs = (first, np.eye(4)), (second, np.eye(4))
    >>> rows = compare_raters(ours, {"A": ours, "B": theirs})
    >>> rows[["pair", "rater", "dice"]].to_numpy().tolist()
    [['prediction', 'A', 1.0], ['prediction', 'B', 0.5], ['raters', 'A', 0.5]]
    """
    masks = {name: _read_pair(predicted, mask, label) for name, mask in raters.items()}
    if not masks:
        return empty_table(RATER_AGREEMENT)
    ours, _, affine = next(iter(masks.values()))
    return measure_rater_agreement(
        predicted=ours,
        raters={name: theirs for name, (_, theirs, _) in masks.items()},
        affine=affine,
        participant_id=participant_id,
        session_id=session_id,
    )


def _read_pair(
    predicted: Image, reference: Image, label: Label | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both masks, which lie on one grid, and its affine."""
    ours, affine = read_mask(predicted, name="predicted mask", label=label)
    theirs, other = read_mask(reference, name="reference mask", label=label)
    names = name_of(predicted, "predicted mask"), name_of(reference, "reference mask", starts=False)
    if check_same_grid(
        ours.shape, affine, theirs.shape, other,
        name=names[0], other_name=names[1], remedy=_ONE_GRID,
    ):  # fmt: skip
        log.warning(SHIFTED, *names)
    return ours, theirs, affine
