"""How lesions look: FLAIR against white matter, T1 between grey and white matter."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.distance import grown
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3
from mslesion.imaging.intensity import TissueScale, tissue_scale
from mslesion.imaging.shape import objects
from mslesion.schema import structures as s

LESION_MARGIN_MM = 3.0
"""Tissue this near to a lesion (inclusive) is not taken for normal."""
HYPOINTENSE_T1_INDEX = 0.0
"""At this index or below (inclusive) a voxel is as dark as cortex: a black hole.
Eur Radiol 2026, 10.1007/s00330-026-12577-6 uses the mean of cortex on spin echo."""


@dataclass(frozen=True, slots=True)
class TissueReference:
    """Normal-appearing tissue of one scan."""

    white: TissueScale
    grey: TissueScale


def reference_tissue(
    data: np.ndarray, affine: np.ndarray, *, anatomy: np.ndarray, lesions: np.ndarray
) -> TissueReference:
    """Median and spread of normal-appearing white matter and of cortex.

    Parameters
    ----------
    data : (I, J, K) array
        A scan, bias field corrected.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    anatomy : (I, J, K) int array
        Anatomy map on the same grid.
    lesions : (I, J, K) bool array
        Lesions; they and 3 mm around them are left out.

    Returns
    -------
    TissueReference
        NaN where a tissue has no voxel.
    """
    near = grown(lesions, spacing_mm(affine), by_mm=LESION_MARGIN_MM)
    visible = ~near & (data > 0)
    white = anatomy == s.WHITE_MATTER
    inner = ndi.binary_erosion(white)  # voxels shared with cortex or CSF are not white
    white = inner if np.count_nonzero(inner & visible) else white
    return TissueReference(
        tissue_scale(data, white & visible), tissue_scale(data, (anatomy == s.CORTEX) & visible)
    )


def t1_index(data: np.ndarray, reference: TissueReference) -> np.ndarray:
    """T1w intensity on a scale where white matter is 1 and cortex is 0.

    Parameters
    ----------
    data : (I, J, K) array
        T1w without contrast agent, bias field corrected.
    reference : TissueReference
        Tissue of the same scan.

    Returns
    -------
    (I, J, K) float array
        NaN everywhere if white matter is not brighter than cortex: no T1w, or no
        contrast between them.
    """
    span = reference.white.median - reference.grey.median
    if not span > 0:
        return np.full(data.shape, np.nan, np.float32)
    return ((data - reference.grey.median) / span).astype(np.float32)


def flair_z(data: np.ndarray, reference: TissueReference) -> np.ndarray:
    """FLAIR above the median of white matter, in robust standard deviations (1.4826 MAD).

    Parameters
    ----------
    data : (I, J, K) array
        FLAIR, bias field corrected.
    reference : TissueReference
        Tissue of the same scan.

    Returns
    -------
    (I, J, K) float array
        NaN everywhere if the white matter has no spread.
    """
    if not reference.white.spread > 0:
        return np.full(data.shape, np.nan, np.float32)
    return ((data - reference.white.median) / reference.white.spread).astype(np.float32)


def describe_lesions(
    lesions: np.ndarray,
    affine: np.ndarray,
    *,
    z: np.ndarray | None = None,
    index: np.ndarray | None = None,
    probability: np.ndarray | None = None,
) -> list[dict]:
    """Intensity columns of every lesion.

    Parameters
    ----------
    lesions : (I, J, K) int array
        0 outside, 1..n in the lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    z, index, probability : (I, J, K) array, optional
        FLAIR z, T1 index, lesion probability; columns of what is missing are None.

    Returns
    -------
    list of dict
        One a lesion.
    """
    voxel_mm3 = voxel_volume_mm3(affine)
    rows = []
    for number, box, mask in objects(lesions):
        row = {"lesion_id": number}
        if probability is not None:
            values = probability[box][mask].astype(np.float64)
            row["probability_mean"] = float(values.mean())
            row["soft_volume_mm3"] = float(values.sum()) * voxel_mm3
        if z is not None and np.isfinite(z[box]).all():
            row["flair_z_mean"] = float(z[box][mask].mean(dtype=np.float64))
        if index is not None and np.isfinite(index[box]).all():
            values = index[box][mask].astype(np.float64)
            dark = np.count_nonzero(values <= HYPOINTENSE_T1_INDEX)
            row["t1_index_mean"] = float(values.mean())
            row["t1_index_p10"] = float(np.percentile(values, 10))
            row["t1_hypointense_volume_mm3"] = dark * voxel_mm3
        rows.append(row)
    return rows
