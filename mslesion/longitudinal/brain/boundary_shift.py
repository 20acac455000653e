"""Brain volume change by the boundary-shift integral.

Where the brain shrank, voxels of its border turn from grey towards CSF. The sum of
that fall, cut to the window between CSF and grey and divided by its width, is the
volume lost.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair

BORDER_VOXELS = 1
"""How far the border region reaches out of the union and into the intersection."""
WINDOW_SPREADS = 1.0
"""The window begins and ends this many spreads from the levels of CSF and brain."""
MIN_WINDOW_SHARE = 0.3
"""A window narrower than this share of the step from CSF to brain (exclusive) becomes
one of this share, in the middle."""
MIN_STEP = 0.1
"""A smaller step from CSF to brain (by white matter, exclusive) shows no border."""
CALIBRATION_SCALE = 0.01
"""The response is measured on a brain of this much difference in length. Less, and the
place of a sharp border between two voxels counts; more, and both sides of a sulcus meet."""
MAX_CALIBRATION = 4.0
"""A larger correction (exclusive) shows that the border is not in view, as in brains whose
skull was taken off without a rim of CSF: those needed 13 and more, a whole head 3."""


@dataclass(frozen=True, slots=True)
class BoundaryShift:
    """Volume change between two visits."""

    change_pct: float
    """Volume change from the first to the second visit, percent of their mean volume."""
    change_mm3: float
    window: tuple[float, float]
    calibration: float
    """By how much the plain integral was multiplied."""


def boundary_shift(
    pair: MatchedPair,
    *,
    first_brain: np.ndarray,
    second_brain: np.ndarray,
    seen: np.ndarray | None = None,
    calibrate: bool = True,
) -> BoundaryShift:
    """Volume change of the brain between two visits.

    Parameters
    ----------
    pair : MatchedPair
        Scans on one scale, in the common frame of 1 mm voxels.
    first_brain, second_brain : (I, J, K) bool array
        Brain tissue of each visit, without ventricles, in the common frame.
    seen : (I, J, K) bool array, optional
        Where both scans have values: where only one had its skull taken off, or the
        field of view ends, there is no change to see.
    calibrate : bool
        Whether to divide by the response to a known change: the mean of both scans,
        once smaller and once larger. In narrow sulci the plain integral sees a part of
        the shift only.

    Returns
    -------
    BoundaryShift
        Exactly opposite when the visits change places.

    Raises
    ------
    StepError
        If CSF and grey matter are too close for a window, there is no brain, or its border
        is not in view.

    References
    ----------
    Freeborough and Fox 1997, 10.1109/42.640753; Leung et al. 2010,
    10.1016/j.neuroimage.2009.12.059 (KN-BSI: window from the tissues' own levels);
    Smith et al. 2002, 10.1006/nimg.2002.1040 (calibration by a scaled copy).
    """
    volume = (np.count_nonzero(first_brain) + np.count_nonzero(second_brain)) / 2
    if not volume:
        raise StepError(
            "Neither visit has brain tissue, but its change is to be measured. Check the anatomy "
            "maps."
        )
    window = find_window(pair)
    seen = np.ones(pair.first.shape, bool) if seen is None else seen
    region = _border(first_brain, second_brain) & seen
    change = _integral(pair.first[region], pair.second[region], window)
    factor = 1.0
    if calibrate:
        mean = (pair.first + pair.second) / np.float32(2)
        factor = _calibration(mean, first_brain, second_brain, seen, window)
    change_mm3 = float(factor * change)
    return BoundaryShift(float(100 * change_mm3 / volume), change_mm3, window, factor)


def find_window(pair: MatchedPair) -> tuple[float, float]:
    """Intensities between which a voxel holds brain and CSF both.

    Parameters
    ----------
    pair : MatchedPair
        For its levels and spreads.

    Returns
    -------
    tuple of float, shape (2,)

    Raises
    ------
    StepError
        If CSF is not darker than the brain.
    """
    csf, grey, white = pair.levels
    brain = min(grey, white)  # on FLAIR white matter is the darker one
    if brain - csf < MIN_STEP:
        raise StepError(
            f"CSF has a signal of {csf:.2f} and brain at {brain:.2f} of white matter, but CSF at "
            f"least {MIN_STEP} darker is needed. Give a T1w or FLAIR with dark CSF."
        )
    low = csf + WINDOW_SPREADS * pair.spreads[0]
    high = brain - WINDOW_SPREADS * pair.spreads[1 if grey <= white else 2]
    least = MIN_WINDOW_SHARE * (brain - csf)
    if high - low < least:
        middle = (csf + brain) / 2
        return middle - least / 2, middle + least / 2
    return low, high


def ventricle_shift(
    pair: MatchedPair,
    *,
    first_ventricle: np.ndarray,
    second_ventricle: np.ndarray,
    seen: np.ndarray | None = None,
) -> float | None:
    """Volume change of a fluid space within the brain.

    Parameters
    ----------
    pair : MatchedPair
        Scans on one scale, in the common frame, with dark CSF.
    first_ventricle, second_ventricle : (I, J, K) bool array
        The fluid space of each visit.
    seen : (I, J, K) bool array, optional
        Where both scans have values.

    Returns
    -------
    float or None
        Percent of the mean volume, exactly opposite when the visits change places;
        None where there is no such space.

    Raises
    ------
    StepError
        If CSF is not darker than the brain, or the border is not in view.
    """
    volume = (np.count_nonzero(first_ventricle) + np.count_nonzero(second_ventricle)) / 2
    if not volume:
        return None
    window = find_window(pair)
    seen = np.ones(pair.first.shape, bool) if seen is None else seen
    region = _border(first_ventricle, second_ventricle) & seen
    change = _integral(pair.first[region], pair.second[region], window)
    mean = (pair.first + pair.second) / np.float32(2)
    factor = _calibration(mean, first_ventricle, second_ventricle, seen, window, dark=True)
    return float(-100 * factor * change / volume)


def _border(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Voxels around the border of either mask."""
    structure = ndi.generate_binary_structure(3, 1)
    outer = ndi.binary_dilation(first | second, structure, BORDER_VOXELS)
    return outer & ~ndi.binary_erosion(first & second, structure, BORDER_VOXELS)


def _integral(first, second, window) -> float:
    """Sum of the rise of voxels within the window, by its width."""
    rise = np.clip(second, *window).astype(np.float64)
    rise -= np.clip(first, *window)
    return float(rise.sum()) / (window[1] - window[0])


def _calibration(mean, first_brain, second_brain, seen, window, *, dark=False) -> float:
    """True by measured volume of a known change of the mean scan; `dark` for fluid."""
    both, either = first_brain & second_brain, first_brain | second_brain
    middle = np.array(ndi.center_of_mass(either))
    box = tuple(
        slice(max(0, part.start - 3), part.stop + 3)
        for part in ndi.find_objects(either.astype(np.uint8))[0]
    )
    middle = middle - [part.start for part in box]
    brain = (both[box].astype(np.float32) + either[box]) / 2
    # Output voxels are pulled from here: a factor under 1 makes the brain larger
    factors = [np.exp(-sign * CALIBRATION_SCALE / 2) for sign in (-1, 1)]
    ways = [(factor, middle * (1 - factor)) for factor in factors]
    brains = [_scaled(brain, *way) > 0.5 for way in ways]
    views = [_scaled(seen[box].astype(np.float32), *way) > 0.99 for way in ways]
    region = _border(*brains) & views[0] & views[1]
    spline = ndi.spline_filter(mean[box], output=np.float32, mode="nearest")
    voxels = np.argwhere(region).T
    scans = [
        ndi.map_coordinates(
            spline, factor * voxels + shift[:, None], order=3, mode="nearest", prefilter=False
        )
        for factor, shift in ways
    ]
    true = float(brain.sum(dtype=np.float64)) * 2 * np.sinh(1.5 * CALIBRATION_SCALE)
    measured = _integral(*scans, window) * (-1 if dark else 1)
    if measured * MAX_CALIBRATION < true:
        raise StepError(
            f"The boundary-shift integral measures {100 * max(measured, 0) / true:.0f} % of a "
            f"known change, but {100 / MAX_CALIBRATION:.0f} % or more is expected. Give scans "
            "with CSF around the brain."
        )
    return true / measured


def _scaled(values, factor, shift):
    """Values of an array scaled around a point, linear between voxels."""
    return ndi.affine_transform(values, np.full(3, factor), shift, order=1, mode="nearest")
