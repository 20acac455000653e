"""Atrophied lesion volume: lesion at the first visit that is CSF at the second."""

from dataclasses import dataclass

import numpy as np

from mslesion.imaging.distance import grown
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair

CSF_SHARE = 0.5
"""From this share of CSF at the second visit on (inclusive) a voxel counts. Ours; the
published variant takes the share at the second visit alone."""
NEAR_VENTRICLE_MM = 3.0
"""Up to this distance (inclusive) it is counted apart: partial volume is commonest there."""


@dataclass(frozen=True, slots=True)
class AtrophiedLesions:
    """Lesion volume that became CSF."""

    volume_mm3: float
    near_ventricle_mm3: float
    """Atrophied lesion volume within 3 mm of a ventricle."""
    pct: float | None
    """Of the lesion volume of the first visit; None without lesions."""
    noise_mm3: float
    """The same with the visits' CSF exchanged: CSF that becomes lesion tissue again does
    not happen, so that this is error alone."""


def measure_atrophied_lesions(
    lesions: np.ndarray,
    *,
    first_csf: np.ndarray,
    second_csf: np.ndarray,
    ventricles: np.ndarray,
) -> AtrophiedLesions:
    """Lesion volume that became CSF.

    Parameters
    ----------
    lesions : (I, J, K) bool array
        Lesions of the first visit, in the common frame of 1 mm voxels (rigid: a deformation
        would undo the effect).
    first_csf, second_csf : (I, J, K) array
        Share of CSF in each voxel (`csf_share`).
    ventricles : (I, J, K) bool array
        Ventricles of either visit.

    Returns
    -------
    AtrophiedLesions

    References
    ----------
    Tavazzi et al. 2019, 10.1007/s00415-019-09643-z; Genovese et al. 2019, PMC6823621.
    """
    rise = second_csf.astype(np.float64) - first_csf
    risen = np.where(lesions & (second_csf >= CSF_SHARE), np.maximum(rise, 0), 0)
    fallen = np.where(lesions & (first_csf >= CSF_SHARE), np.maximum(-rise, 0), 0)
    near = grown(ventricles, (1, 1, 1), by_mm=NEAR_VENTRICLE_MM)
    total = float(risen.sum())
    volume = np.count_nonzero(lesions)
    return AtrophiedLesions(
        volume_mm3=total,
        near_ventricle_mm3=float(risen[near].sum()),
        pct=100 * total / volume if volume else None,
        noise_mm3=float(fallen.sum()),
    )


def csf_share(pair: MatchedPair) -> tuple[np.ndarray, np.ndarray]:
    """Share of CSF in each voxel of both visits.

    A voxel holds as much CSF as it is dark, between brain and CSF.

    Parameters
    ----------
    pair : MatchedPair
        T1w or FLAIR of both visits.

    Returns
    -------
    tuple of (I, J, K) float32 array, shape (2,)
    """
    csf, grey, white = pair.levels
    brain = min(grey, white)
    first, second = (
        np.clip((brain - scan) / np.float32(max(brain - csf, 1e-3)), 0, 1).astype(np.float32)
        for scan in (pair.first, pair.second)
    )
    return first, second
