"""Change of the brain and its parts between two visits."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.longitudinal.alignment.deformation import (
    Deformation,
    find_deformation,
    volume_change_pct,
)
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.brain.boundary_shift import boundary_shift, ventricle_shift
from mslesion.schema import structures as s

MIN_STRUCTURE_ML = 1.0
"""The change of a smaller structure (exclusive) is not given."""
MIN_STRETCH_VOXELS = 1000
"""No stretch is measured in fewer voxels than this (exclusive)."""

PARTS = {
    "gm": s.indices(s.GREY),
    "wm": s.indices(s.WHITE),
    "thalamus": (s.THALAMUS,),
}
"""Structures whose change is taken from the deformation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeChanges:
    """Change from the first to the second visit, in percent of the mean volume.

    All are exactly opposite when the visits change places.
    """

    boundary_pct: float | None = None
    """Brain, by the boundary-shift integral."""
    calibration: float | None = None
    """Correction of the boundary-shift integral."""
    ventricles_pct: float | None = None
    """Lateral ventricles, by the shift of their border."""
    deformation: Deformation | None = None
    deformation_pct: float | None = None
    """Brain, by the integral of the deformation's local volume change."""
    eroded_pct: float | None = None
    """As `deformation_pct`, 3 mm inside the brain's border: far from it means that the
    brain masks differ."""
    parts_pct: dict[str, float | None] = field(default_factory=lambda: dict.fromkeys(PARTS))
    """`PARTS`, by the deformation."""
    stretch_pct: tuple[float, float, float] | None = None
    """How much longer the brain became along each axis of the frame. Atrophy is about the
    same along all three; a scanner whose voxel size drifted is off along one."""
    note: str = ""
    """Why something is missing."""

    @property
    def brain_pct(self) -> float | None:
        """Mean of the estimates that there are."""
        values = [v for v in (self.boundary_pct, self.deformation_pct) if v is not None]
        return sum(values) / len(values) if values else None

    @property
    def stretch_range_pct(self) -> float | None:
        """Largest minus smallest stretch."""
        return None if self.stretch_pct is None else max(self.stretch_pct) - min(self.stretch_pct)

    @property
    def difference_pct(self) -> float | None:
        """Boundary-shift integral minus deformation, in percentage points."""
        if self.boundary_pct is None or self.deformation_pct is None:
            return None
        return self.boundary_pct - self.deformation_pct


def measure_volume_changes(
    pair: MatchedPair,
    *,
    anatomies: tuple[np.ndarray, np.ndarray],
    lesions: np.ndarray,
    seen: np.ndarray,
    inside: np.ndarray,
) -> VolumeChanges:
    """Change of the brain and its parts.

    Parameters
    ----------
    pair : MatchedPair
        T1w (or FLAIR) of both visits, in the common frame, 1 mm voxels.
    anatomies : tuple of (I, J, K) int array, shape (2,)
        Anatomy maps of both visits in the common frame.
    lesions : (I, J, K) bool array
        Lesions of either visit: brain, whatever the anatomy says.
    seen : (I, J, K) bool array
        Where both scans have values.
    inside : (I, J, K) bool array
        Where the scans can be deformed onto each other (`comparable_head`).

    Returns
    -------
    VolumeChanges
        Estimates that failed are None, with the reason.
    """
    brains = [np.isin(a, s.BRAIN) | (lesions & (a > 0)) for a in anatomies]
    ventricles = [np.isin(a, s.LATERAL_VENTRICLES_AND_PLEXUS) & ~lesions for a in anatomies]
    notes = []
    shift = ventricles_pct = None
    try:
        shift = boundary_shift(pair, first_brain=brains[0], second_brain=brains[1], seen=seen)
    except StepError as error:
        notes.append(str(error))
    try:
        if _mean_ml(*ventricles) >= MIN_STRUCTURE_ML:
            ventricles_pct = ventricle_shift(
                pair, first_ventricle=ventricles[0], second_ventricle=ventricles[1], seen=seen
            )
    except StepError as error:
        notes.append(str(error))
    notes = list(dict.fromkeys(notes))  # both need the same contrast
    by_deformation = {}
    if inside.any():
        by_deformation = _by_deformation(pair, anatomies, brains, inside)
    else:
        notes.append("The two scans share no voxel of the head.")
    return VolumeChanges(
        boundary_pct=None if shift is None else shift.change_pct,
        calibration=None if shift is None else shift.calibration,
        ventricles_pct=ventricles_pct,
        note=" ".join(notes),
        **by_deformation,
    )


def _by_deformation(pair: MatchedPair, anatomies, brains, inside: np.ndarray) -> dict:
    """The fields of `VolumeChanges` that the deformation gives."""
    deformation = find_deformation(pair.first, pair.second, inside=inside, noise=pair.noise)
    both = brains[0] & brains[1]
    core = ndi.binary_erosion(both, iterations=3)
    return {
        "deformation": deformation,
        "deformation_pct": volume_change_pct(deformation, structure=_share(*brains)),
        "eroded_pct": volume_change_pct(deformation, structure=core),
        "parts_pct": {
            name: _part_pct(deformation, *(np.isin(a, numbers) for a in anatomies))
            for name, numbers in PARTS.items()
        },
        "stretch_pct": _stretch_pct(deformation.displacement, both),
    }


def _part_pct(deformation: Deformation, first: np.ndarray, second: np.ndarray) -> float | None:
    """Change of a structure; None where it is too small."""
    if _mean_ml(first, second) < MIN_STRUCTURE_ML:
        return None
    return volume_change_pct(deformation, structure=_share(first, second))


def _stretch_pct(displacement: np.ndarray, brain: np.ndarray) -> tuple[float, float, float] | None:
    """Stretch along each axis, of the affine map closest to the displacement."""
    points = np.argwhere(brain)
    if len(points) < MIN_STRETCH_VOXELS:
        return None
    centred = points - points.mean(axis=0)
    moved = displacement[:, brain].T.astype(np.float64)
    slopes = np.linalg.solve(centred.T @ centred, centred.T @ moved)
    return tuple(100 * float(slopes[a, a]) for a in range(3))


def _share(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean of two masks."""
    return (first.astype(np.float32) + second) / np.float32(2)


def _mean_ml(first: np.ndarray, second: np.ndarray) -> float:
    """Mean volume of two masks of 1 mm voxels."""
    return (np.count_nonzero(first) + np.count_nonzero(second)) / 2000
