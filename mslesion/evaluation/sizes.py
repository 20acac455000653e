"""Classes of lesions by their size."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mslesion.evaluation.lesion_matching import MIN_VOLUME_MM3
from mslesion.imaging.grid import min_voxel_count

SIZE_BINS_MM3: Mapping[str, float] = MappingProxyType(
    {
        "under_10mm3": MIN_VOLUME_MM3,
        "10_100mm3": 10.0,
        "100_1000mm3": 100.0,
        "from_1000mm3": 1000.0,
    }
)
"""Smallest volume of each class (inclusive), in mm³; a class ends where the next begins. Powers of
ten, as in lesion-wise reports (Basit 2026, arXiv 2605.09666)."""


def size_classes(voxel_counts: np.ndarray, affine: np.ndarray) -> list[str | None]:
    """Class of each lesion by its size.

    Parameters
    ----------
    voxel_counts : (N,) int array
        Voxels of each lesion. Counts are compared, so that rounding of volumes has no say.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    list of str or None
        Names of `SIZE_BINS_MM3`; None under the smallest.

    Examples
    --------
    >>> size_classes(np.array([2, 3, 10]), np.eye(4))
    [None, 'under_10mm3', '10_100mm3']
    """
    starts = [min_voxel_count(volume, affine) for volume in SIZE_BINS_MM3.values()]
    names = [None, *SIZE_BINS_MM3]
    return [names[number] for number in np.digitize(voxel_counts, starts)]
