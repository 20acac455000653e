"""Intensity scales: from the whole scan to find the tissues, then from the tissues."""

from dataclasses import dataclass

import numpy as np

from mslesion.errors import StepError
from mslesion.schema.modalities import FLAIR, T1W, T2W

TOP_PERCENTILE = 99.0
"""Percentile of the foreground that becomes 1 for the network of structures."""
TOP_VALUE = 2.0
"""Brighter values are cut off here."""
WHITE_LEVELS = {FLAIR: 0.65, T1W: 0.85, T2W: 0.35}
"""Where white matter's median lies for the network of lesions, by contrast."""
WHITE_TOP_VALUE = 2.5
"""Brighter values are cut off here on that scale."""
MAD_TO_SD = 1.4826
"""A normal distribution's standard deviation per median absolute deviation."""


@dataclass(frozen=True, slots=True)
class TissueScale:
    """Median and spread of a tissue's intensity."""

    median: float
    spread: float
    """Median absolute deviation, scaled to a standard deviation."""


def network_scale(data: np.ndarray) -> np.ndarray:
    """Scale a scan for the network.

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
            "The scan has no voxel above 0, but these voxels scale its intensities. Check how "
            "the scan was made."
        )
    values = values[values >= values.mean(dtype=np.float64)]
    top = np.percentile(values, TOP_PERCENTILE)
    return np.clip(data / np.float32(top), 0, TOP_VALUE).astype(np.float32)


def white_matter_scale(data: np.ndarray, white: np.ndarray, *, contrast: str) -> np.ndarray:
    """A scan with the median of its white matter at a fixed level.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.
    white : (I, J, K) bool array
        Where white matter is.
    contrast : {"FLAIR", "T1w", "T2w"}
        Names the level, of `WHITE_LEVELS`.

    Returns
    -------
    (I, J, K) float32 array

    Raises
    ------
    StepError
        If the scan shows no white matter.
    """
    values = data[white & (data > 0)]
    if not values.size:
        raise StepError(
            f"The {contrast} shows no signal in white matter, but white matter scales its "
            "intensities. Check that the scan covers the brain."
        )
    factor = WHITE_LEVELS[contrast] / float(np.median(values))
    return np.clip(data * np.float32(factor), 0, WHITE_TOP_VALUE).astype(np.float32)


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
