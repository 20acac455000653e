"""What the values of an array say: a lesion mask, a label map, a scan, or none of them."""

import logging

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import ImageError, MaskError

log = logging.getLogger(__name__)

ANY_LABEL = "all"
"""As a label: every voxel above 0."""
MAX_LABELS_NAMED = 6
"""Largest number of labels in an error message."""
MANY_VALUES = 32
"""More values above 0 than this (exclusive) are rather those of a scan, or of a probability map in
percent, than labels of a lesion segmenter; only the wording of the error depends on it."""
NO_LABEL = "%s has no voxel of label %s (its labels are %s), so its lesion mask is empty"
"""What the log says where a label map does not have the label that is lesion."""

Label = int | tuple[int, ...] | str
"""A value of a label map, several of them, or `ANY_LABEL`."""


def as_mask(data: np.ndarray, *, name: str, label: Label | None = None) -> np.ndarray:
    """Read an array as a lesion mask, or say why it is none.

    Parameters
    ----------
    data : array
        Voxel values. Without `label` they must be 0 and one other value, or lesions
        numbered 1 to n of which no two touch.
    name : str
        What the array is called in an error.
    label : int, tuple of int or "all", optional
        Take the voxels with this value or these values of a label map; "all" takes every
        voxel above 0.

    Returns
    -------
    bool array of the same shape

    Raises
    ------
    MaskError
        If a value is not finite or negative, if the values are probabilities, or if a label
        map comes without `label`.

    Notes
    -----
    A label that the map does not have gives an empty mask, because a person without lesions
    has no voxel of it; the log warns of it.

    Examples
    --------
    >>> as_mask(np.array([0, 0, 255]), name="mask.nii.gz")
    array([False, False,  True])
    >>> as_mask(np.array([0, 4, 7]), name="labels.nii.gz", label=7)
    array([False, False,  True])
    """
    if data.dtype == bool:
        return data
    values = np.unique(data)
    if not np.isfinite(values).all():
        raise MaskError(
            f"{name} has voxels that are not finite, but a mask has 0 and one other value. "
            "Save the mask again as integers."
        )
    if len(values) and values[0] < 0:
        raise MaskError(
            f"{name} has the negative value {values[0]:g}, but a mask has 0 and one other "
            "value above it. Save the mask again as integers."
        )
    if label is not None:
        return _labelled(data, values, name=name, label=label)
    if len(values) <= 2 and (not len(values) or values[0] == 0):
        return data != 0
    if (values != np.rint(values)).any():
        raise MaskError(
            f"{name} has {len(values)} values from {values[0]:g} to {values[-1]:g}, as a "
            "probability map has, but a mask has 0 and one other value. Threshold the map "
            "yourself (probability >= 0.5, say), so that the threshold is part of your own code."
        )
    if values[0] != 0:
        raise MaskError(
            f"{name} has no voxel of 0 (its values are {_named(values)}), but a mask has 0 "
            "outside the lesions. Check how the mask was made."
        )
    if _are_numbered_lesions(data, values):
        return data > 0
    if len(values) - 1 > MANY_VALUES:
        raise MaskError(
            f"{name} has {len(values) - 1} values from {values[1]:g} to {values[-1]:g}, as a scan "
            "or a probability map in whole numbers has, but a mask has 0 and one other value. "
            "Give the mask or threshold the map; for a label map, say which label is lesion with "
            "label=... (--label in a script)."
        )
    raise MaskError(
        f"{name} has {len(values) - 1} labels ({_named(values)}), but a mask has one. Say which "
        "label is lesion with label=... (--label in a script), or label='all' for every voxel "
        "above 0."
    )


def as_labels(data: np.ndarray, *, name: str) -> np.ndarray:
    """Read an array as a label map, or say why it is none.

    Parameters
    ----------
    data : array
        Voxel values: whole numbers of 0 or more, of any type.
    name : str
        What the array is called in an error.

    Returns
    -------
    int32 array of the same shape

    Raises
    ------
    MaskError
        If a value is not a whole number of 0 or more.
    """
    if not (np.isfinite(data).all() and (data >= 0).all() and (data == np.rint(data)).all()):
        raise MaskError(
            f"{name} has values that are not whole numbers of 0 or more, but a label map is "
            "expected. Give the map in which each lesion or structure has a number."
        )
    return np.rint(data).astype(np.int32)


def as_scan(data: np.ndarray, *, name: str, may_be_flat: bool = False) -> tuple[np.ndarray, bool]:
    """Voxel values as a scan has them.

    Parameters
    ----------
    data : array
        Voxel values.
    name : str
        What the image is called in an error.
    may_be_flat : bool
        Whether all voxels may have the same value, where only the grid is of interest.

    Returns
    -------
    values : float32 array
        0 where a value is not finite.
    is_finite : bool
        Whether all values are finite.

    Raises
    ------
    ImageError
        If every voxel has the same value, and `may_be_flat` is not set.
    """
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and warned of as such
        values = np.asarray(data, np.float32)
    finite = np.isfinite(values)
    is_finite = bool(finite.all())
    if not is_finite:
        values = np.where(finite, values, np.float32(0))
    if not may_be_flat and values.min() == values.max():
        raise ImageError(
            f"{name} has the same value {float(values.flat[0]):g} in every voxel, but a scan "
            "is expected. Check how it was made."
        )
    return values, is_finite


def _labelled(data: np.ndarray, values: np.ndarray, *, name: str, label: Label) -> np.ndarray:
    """The voxels of one or several labels."""
    if label == ANY_LABEL:
        return data > 0
    if isinstance(label, str):
        raise MaskError(
            f"label is {label!r}, but a whole number, several of them or {ANY_LABEL!r} is "
            "expected. Give one of these."
        )
    mask = np.isin(data, label)
    if not mask.any() and (values != np.rint(values)).any():
        raise MaskError(
            f"{name} has values that are not whole numbers, but a label map is expected where "
            "a label is given. Leave the label out, or give the label map."
        )
    if not mask.any() and values.any():
        log.warning(NO_LABEL, name, _listed(label), _named(values))
    return mask


def _are_numbered_lesions(data: np.ndarray, values: np.ndarray) -> bool:
    """Whether labels are 1 to n and no two of them touch, as tissues and regions do."""
    if values[-1] != len(values) - 1:
        return False
    whole = data > 0
    components, count = ndi.label(whole, np.ones((3,) * data.ndim))
    index = np.arange(1, count + 1)
    lowest, highest = (f(data, components, index) for f in (ndi.minimum, ndi.maximum))
    return bool(np.array_equal(lowest, highest))


def _listed(label: int | tuple[int, ...]) -> str:
    """The label, or the labels, that were asked for."""
    return " or ".join(str(number) for number in np.atleast_1d(label))


def _named(values: np.ndarray) -> str:
    """The labels above 0, the first few of many."""
    labels = [f"{value:g}" for value in values if value]
    more = ", ..." if len(labels) > MAX_LABELS_NAMED else ""
    return ", ".join(labels[:MAX_LABELS_NAMED]) + more
