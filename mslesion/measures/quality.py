"""Measures of a scan's quality."""

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.distance import box_of


def signal_to_noise(data: np.ndarray, tissue: np.ndarray) -> float | None:
    """Median by noise of a tissue.

    The noise is the robust spread of the second differences along each axis, which a
    tissue's slow changes do not reach; the least of the axes counts, because
    interpolated axes are smooth.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.
    tissue : (I, J, K) bool array
        A tissue without borders, as a rule white matter.

    Returns
    -------
    float or None
        None where the tissue is too small.

    References
    ----------
    Immerkaer 1996, 10.1006/cviu.1996.0060 (noise from second differences).
    """
    box = box_of(tissue, (0, 0, 0))
    data, inner = data[box], ndi.binary_erosion(tissue[box], iterations=2)
    if np.count_nonzero(inner) < 1000:
        return None
    median = float(np.median(data[inner]))
    noise = []
    for axis in range(3):
        second = np.diff(data.astype(np.float64), 2, axis=axis)
        middle = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        noise.append(1.4826 * np.median(np.abs(second[inner[middle]])) / np.sqrt(6))
    worst = max(noise)
    return median / worst if worst > 0 else None
