"""Intensity scales: one for the network, one from the tissue itself."""

from dataclasses import dataclass

import numpy as np

from mslesion.errors import StepError

TOP_PERCENTILE = 99.0
"""Percentile of the foreground that becomes 1 for the network."""
TOP_VALUE = 2.0
"""Brighter values are cut off here."""
MAD_TO_SD = 1.4826
"""A normal distribution's standard deviation per median absolute deviation."""


@dataclass(frozen=True, slots=True)
class TissueScale:
    """Median and spread of a tissue's intensity."""

    median: float
    spread: float
    """Median absolute deviation, scaled to a standard deviation."""


def network_scale(data: np.ndarray) -> np.ndarray:
    """A scan as the network wants it.

    Values are divided by the 99th percentile of the foreground (voxels brighter than
    the mean of those above 0) and cut off at 2. The sums are in double precision.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.

    Returns
    -------
    (I, J, K) float32 array

    Raises
    ------
    StepError
        If nothing is above 0.
    """
    values = data[data > 0]
    if not values.size:
        raise StepError(
            "The scan has no voxel above 0, but its intensities are scaled by them. "
            "Check how the scan was made."
        )
    values = values[values >= values.mean(dtype=np.float64)]
    top = np.percentile(values, TOP_PERCENTILE)
    return np.clip(data / np.float32(top), 0, TOP_VALUE).astype(np.float32)


def tissue_scale(data: np.ndarray, tissue: np.ndarray) -> TissueScale:
    """Median and spread of a tissue.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.
    tissue : (I, J, K) bool array
        Where the tissue is.

    Returns
    -------
    TissueScale
        NaN where the tissue has no voxel.
    """
    values = data[tissue]
    if not values.size:
        return TissueScale(float("nan"), float("nan"))
    median = float(np.median(values))
    spread = float(np.median(np.abs(values - median))) * MAD_TO_SD
    return TissueScale(median, spread)
