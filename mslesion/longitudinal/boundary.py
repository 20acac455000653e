"""Brain volume change by the boundary-shift integral.

Where the brain shrank, voxels of its border turn from grey towards CSF. The sum of
that fall, cut to the window between CSF and grey and divided by its width, is the
volume lost.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.longitudinal.matching import MatchedPair

BORDER_VOXELS = 1
"""How far the border region reaches out of the union and into the intersection."""
WINDOW_SPREADS = 1.0
"""The window begins and ends this many spreads from the levels of CSF and grey."""
MIN_WINDOW = 0.08
"""Narrower windows (by white matter, exclusive) carry no boundary."""


@dataclass(frozen=True, slots=True)
class BoundaryShift:
    """Volume change between two visits."""

    change_pct: float
    """Volume change from the first to the second visit, percent of their mean volume."""
    change_mm3: float
    window: tuple[float, float]


def boundary_shift(
    pair: MatchedPair,
    *,
    first_brain: np.ndarray,
    second_brain: np.ndarray,
    voxel_mm3: float = 1.0,
) -> BoundaryShift:
    """Volume change of the brain between two visits.

    Parameters
    ----------
    pair : MatchedPair
        Scans on one scale, in the common frame.
    first_brain, second_brain : (I, J, K) bool array
        Brain tissue of each visit, without ventricles, in the common frame.
    voxel_mm3 : float
        Volume of a voxel.

    Returns
    -------
    BoundaryShift
        Exactly opposite when the visits change places.

    Raises
    ------
    StepError
        If CSF and grey matter are too close for a window.

    References
    ----------
    Freeborough and Fox 1997, 10.1109/42.640753; Leung et al. 2010,
    10.1016/j.neuroimage.2009.12.059 (KN-BSI: window from the tissues' own levels).
    """
    csf, grey, _ = pair.levels
    csf_spread, grey_spread, _ = pair.spreads
    low = csf + WINDOW_SPREADS * csf_spread
    high = grey - WINDOW_SPREADS * grey_spread
    if high - low < MIN_WINDOW:
        raise StepError(
            f"CSF lies at {csf:.2f} and grey matter at {grey:.2f} of white matter, but a window "
            "between them is needed. Give a T1w or FLAIR with dark CSF."
        )
    structure = ndi.generate_binary_structure(3, 1)
    outer = ndi.binary_dilation(first_brain | second_brain, structure, BORDER_VOXELS)
    inner = ndi.binary_erosion(first_brain & second_brain, structure, BORDER_VOXELS)
    region = outer & ~inner
    fall = np.clip(pair.second[region], low, high).astype(np.float64)
    fall -= np.clip(pair.first[region], low, high)
    change = float(fall.sum()) / (high - low) * voxel_mm3
    volume = (np.count_nonzero(first_brain) + np.count_nonzero(second_brain)) / 2 * voxel_mm3
    return BoundaryShift(100 * change / volume, change, (low, high))
