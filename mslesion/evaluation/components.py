"""Lesions of two masks as components, and how many voxels they share."""

import numpy as np
from scipy import ndimage

from mslesion.errors import GeometryError, MaskError


def check_masks(*, predicted: np.ndarray, reference: np.ndarray) -> None:
    """Raise unless two arrays are masks of one size.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.

    Raises
    ------
    MaskError
        If one is not boolean or not in 3D.
    GeometryError
        If their sizes differ.
    """
    for name, mask in (("predicted", predicted), ("reference", reference)):
        if mask.dtype != bool or mask.ndim != 3:
            raise MaskError(
                f"{name} is an array of {mask.dtype} in {mask.ndim}D, but a bool array in 3D is "
                "expected. Threshold it yourself, so that the threshold is part of your own code."
            )
    if predicted.shape != reference.shape:
        raise GeometryError(
            f"predicted has {predicted.shape} voxels, but reference has {reference.shape}. "
            "Resample it: mslesion.resample_mask(mask, like=scan)."
        )


def label_components(mask: np.ndarray, *, connectivity: int, min_voxels: int = 1) -> np.ndarray:
    """Number the components of a mask, small ones left out.

    Parameters
    ----------
    mask : (I, J, K) bool array
        True inside lesions; may be empty.
    connectivity : {1, 2, 3}
        What neighbours share.
    min_voxels : int
        Components of fewer voxels become background (inclusive: this many stay).

    Returns
    -------
    (I, J, K) int array
        0 is background, components are 1..n without gaps.

    Examples
    --------
    >>> mask = np.zeros((3, 3, 3), bool)
    >>> mask[0, 0, :2] = mask[1, 1, 2] = True
    >>> [int(label_components(mask, connectivity=c).max()) for c in (1, 2, 3)]
    [2, 2, 1]
    """
    labels, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, connectivity))
    keep = np.bincount(labels.ravel(), minlength=1) >= min_voxels
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0)[labels]


def count_overlaps(*, predicted_labels: np.ndarray, reference_labels: np.ndarray) -> np.ndarray:
    """Voxels that each reference component shares with each predicted one.

    Parameters
    ----------
    predicted_labels, reference_labels : (I, J, K) int array
        Components 1..n, 0 background.

    Returns
    -------
    (R + 1, P + 1) int array
        Row r and column p: voxels of reference component r and predicted component p;
        row and column 0 are background. Sums of rows and columns are sizes.
    """
    rows = int(reference_labels.max(initial=0)) + 1
    columns = int(predicted_labels.max(initial=0)) + 1
    cells = reference_labels.ravel() * columns + predicted_labels.ravel()
    return np.bincount(cells, minlength=rows * columns).reshape(rows, columns)
