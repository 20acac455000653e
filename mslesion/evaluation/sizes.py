"""Detection by the size of the reference lesion."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mslesion.evaluation.components import check_masks, label_components
from mslesion.evaluation.lesion_matching import MIN_VOLUME_MM3
from mslesion.imaging.grid import min_voxel_count
from mslesion.segmentation.lesions.instances import CORNERS

SIZE_BINS_MM3: Mapping[str, float] = MappingProxyType(
    {
        "under_10mm3": MIN_VOLUME_MM3,
        "10_100mm3": 10.0,
        "100_1000mm3": 100.0,
        "from_1000mm3": 1000.0,
    }
)
"""Smallest volume of each bin (inclusive), in mm³; a bin ends where the next begins."""


@dataclass(frozen=True, slots=True)
class SizeBin:
    """Reference lesions of one size, and how many of them were found."""

    name: str
    reference_count: int
    detected_count: int


def detect_by_size(
    *, predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray
) -> tuple[SizeBin, ...]:
    """Count the reference lesions of each size that share a voxel with the prediction.

    Reference lesions are 26-connected components of 3 mm³ or more; one predicted voxel
    inside, of whatever lesion, finds one.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    tuple of SizeBin
        One for each of `SIZE_BINS_MM3`, in order.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 8, 8, 8), bool)
    >>> reference[0, 0, :9] = reference[2:5, 2:5, 2:5] = predicted[2, 2, 2] = True
    >>> bins = detect_by_size(predicted=predicted, reference=reference, affine=np.eye(4))
    >>> [(one.reference_count, one.detected_count) for one in bins]
    [(1, 0), (1, 1), (0, 0), (0, 0)]
    """
    check_masks(predicted=predicted, reference=reference)
    starts = [min_voxel_count(volume, affine) for volume in SIZE_BINS_MM3.values()]
    labels = label_components(reference, connectivity=CORNERS, min_voxels=starts[0])
    voxels = np.bincount(labels.ravel(), minlength=1)[1:]
    is_found = np.bincount(labels[predicted], minlength=len(voxels) + 1)[1:] > 0
    bins = np.digitize(voxels, starts) - 1
    return tuple(
        SizeBin(name, int(np.sum(bins == number)), int(np.sum(is_found[bins == number])))
        for number, name in enumerate(SIZE_BINS_MM3)
    )
