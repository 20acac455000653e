"""Voxel-wise agreement: Dice, sensitivity, positive predictive value, volumes."""

from dataclasses import dataclass

import numpy as np

from mslesion.evaluation.components import check_masks
from mslesion.evaluation.empty import value_or_rule
from mslesion.imaging.grid import voxel_volume_mm3


@dataclass(frozen=True, slots=True)
class VoxelOverlap:
    """Voxels of two masks, and what follows from them; all voxels count."""

    predicted_count: int
    reference_count: int
    shared_count: int
    voxel_mm3: float

    @property
    def dice(self) -> float:
        """Shared voxels divided by the mean number of voxels."""
        total = self.predicted_count + self.reference_count
        return self._by_rule("dice", lambda: 2 * self.shared_count / total)

    @property
    def sensitivity(self) -> float:
        """Share of the reference that was found."""
        return self._by_rule("voxel_sensitivity", lambda: self.shared_count / self.reference_count)

    @property
    def ppv(self) -> float:
        """Share of the prediction that is true (positive predictive value)."""
        return self._by_rule("voxel_ppv", lambda: self.shared_count / self.predicted_count)

    @property
    def predicted_volume_mm3(self) -> float:
        """Predicted volume in mm³."""
        return self.predicted_count * self.voxel_mm3

    @property
    def reference_volume_mm3(self) -> float:
        """Reference volume in mm³."""
        return self.reference_count * self.voxel_mm3

    @property
    def volume_error_mm3(self) -> float:
        """Predicted minus reference volume in mm³."""
        return (self.predicted_count - self.reference_count) * self.voxel_mm3

    @property
    def volume_error_fraction(self) -> float:
        """Predicted minus reference volume, divided by the reference volume."""
        difference = self.predicted_count - self.reference_count
        return self._by_rule("volume_error_fraction", lambda: difference / self.reference_count)

    def _by_rule(self, metric, formula) -> float:
        return value_or_rule(
            metric,
            formula,
            predicted_count=self.predicted_count,
            reference_count=self.reference_count,
        )


def measure_overlap(
    *, predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray
) -> VoxelOverlap:
    """Count the voxels that two masks have and share.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    VoxelOverlap

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 4, 4, 4), bool)
    >>> predicted[0, 0, :3] = reference[0, 0, 1:4] = True
    >>> overlap = measure_overlap(predicted=predicted, reference=reference, affine=np.eye(4))
    >>> round(overlap.dice, 3), overlap.volume_error_mm3
    (0.667, 0.0)
    """
    check_masks(predicted=predicted, reference=reference)
    return VoxelOverlap(
        predicted_count=int(np.count_nonzero(predicted)),
        reference_count=int(np.count_nonzero(reference)),
        shared_count=int(np.count_nonzero(predicted & reference)),
        voxel_mm3=voxel_volume_mm3(affine),
    )
