"""Bias field: the slow shading of a scan, estimated by N4 and divided out."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mslesion.errors import StepError
from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.itk import from_itk, one_thread, to_itk

WORKING_SPACING_MM = 4.0
"""The field is fitted on voxels of about this size; it has no finer detail."""
ITERATIONS = (50, 50, 30)
"""Most iterations at each refinement of the control points."""


@dataclass(frozen=True, slots=True)
class BiasField:
    """A bias field and the scan without it."""

    corrected: np.ndarray
    """(I, J, K) float32: the scan divided by the field."""
    range_ratio: float
    """Largest by smallest value of the field in the mask (99th by 1st percentile)."""


@one_thread()
def correct_bias(data: np.ndarray, affine: np.ndarray, *, mask: np.ndarray) -> BiasField:
    """Estimate and divide out the bias field.

    Parameters
    ----------
    data : (I, J, K) array
        A scan; values of 0 and less are left alone.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    mask : (I, J, K) bool array
        Where the field is fitted, as a rule the brain.

    Returns
    -------
    BiasField

    Raises
    ------
    StepError
        If the mask holds no positive voxel.

    References
    ----------
    Tustison et al. 2010, N4ITK, 10.1109/TMI.2010.2046908.
    """
    usable = mask & (data > 0)
    if not usable.any():
        raise StepError(
            "The mask has no voxel above 0, but the bias field is fitted inside it. Check that "
            "the mask belongs to the scan."
        )
    image = to_itk(data.astype(np.float32), affine)
    shrink = [max(1, round(WORKING_SPACING_MM / s)) for s in spacing_mm(affine)]
    small = sitk.BinShrink(image, shrink)
    inside = sitk.BinShrink(to_itk(usable.astype(np.float32), affine), shrink) > 0.5
    if not sitk.GetArrayViewFromImage(inside).any():
        inside = small > 0
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(ITERATIONS)
    n4.Execute(sitk.Maximum(small, 1e-6), inside)
    log_field = from_itk(n4.GetLogBiasFieldAsImage(image)).astype(np.float64)
    log_field -= np.median(log_field[usable])
    low, high = np.percentile(log_field[usable], [1, 99])
    return BiasField((data / np.exp(log_field)).astype(np.float32), float(np.exp(high - low)))
