"""Volumes of the brain and its parts, and the width of the third ventricle."""

import numpy as np

from mslesion.imaging.distance import closed
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3, world_mm
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

MNI152_INTRACRANIAL_ML = 1889.0
"""Intracranial volume of the MNI152 (ICBM 2009c) head, to which head sizes are scaled:
CSF, grey, white, ventricles and infratentorial of LST-AI's region map on it."""
CONTOUR_CLOSING_MM = 10.0
"""Sulci up to twice this wide lie inside the brain's outer contour."""

PARTS_ML = {
    "grey_matter_ml": s.indices(s.GREY),
    "cortical_grey_matter_ml": (s.CORTEX,),
    "deep_grey_matter_ml": (s.THALAMUS, s.BASAL_GANGLIA),
    "white_matter_ml": s.indices(s.WHITE),
    "brain_ml": s.BRAIN,
    "lateral_ventricles_ml": s.LATERAL_VENTRICLES_AND_PLEXUS,
    "third_ventricle_ml": (s.THIRD_VENTRICLE,),
    "fourth_ventricle_ml": (s.FOURTH_VENTRICLE,),
    "choroid_plexus_ml": (s.CHOROID_PLEXUS,),
    "thalamus_ml": (s.THALAMUS,),
    "basal_ganglia_ml": (s.BASAL_GANGLIA,),
    "hippocampus_amygdala_ml": (s.HIPPOCAMPUS_AMYGDALA,),
    "cerebellum_ml": (s.CEREBELLAR_GREY, s.CEREBELLAR_WHITE),
    "brainstem_ml": (s.BRAINSTEM,),
    "csf_ml": s.indices(s.FLUID),
}
"""Which structures each volume is made of."""


def measure_volumes(
    anatomy: np.ndarray, affine: np.ndarray, *, midplane: Midplane, sees_skull: bool
) -> dict:
    """Brain volumes of one visit.

    Parameters
    ----------
    anatomy : (I, J, K) int array
        Anatomy map, numbers of `STRUCTURES`; white matter includes its lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    midplane : Midplane
        Parts the left thalamus from the right.
    sees_skull : bool
        Whether the scan shows the skull; else CSF around the brain, intracranial
        volume and head scaling are None.

    Returns
    -------
    dict
        Column names of the visit table to values; None for what is not in the map.

    References
    ----------
    Rudick et al. 1999, 10.1212/WNL.53.8.1698 (brain parenchymal fraction); Smith et
    al. 2002, 10.1006/nimg.2002.1040 (scaling to the MNI152 head).
    """
    voxel_ml = voxel_volume_mm3(affine) / 1000
    sizes = np.bincount(anatomy.ravel(), minlength=len(s.STRUCTURES) + 1)
    row = {name: float(sizes[list(parts)].sum() * voxel_ml) for name, parts in PARTS_ML.items()}
    thalamus = np.argwhere(anatomy == s.THALAMUS)
    right = np.count_nonzero(midplane.right_of(world_mm(affine, thalamus)) > 0)
    row["thalamus_right_ml"] = float(right * voxel_ml)
    row["thalamus_left_ml"] = float((len(thalamus) - right) * voxel_ml)
    row["bpf"] = brain_parenchymal_fraction(anatomy, affine)
    row["third_ventricle_width_mm"] = third_ventricle_width_mm(anatomy, affine, midplane=midplane)
    tiv = float(sizes[1:].sum() * voxel_ml)
    row["tiv_ml"] = tiv if sees_skull and tiv > 0 else None
    row["head_scaling_ratio"] = MNI152_INTRACRANIAL_ML / tiv if row["tiv_ml"] else None
    if not sees_skull:
        row["csf_ml"] = None
    return {name: value or None for name, value in row.items()}


def brain_parenchymal_fraction(anatomy: np.ndarray, affine: np.ndarray) -> float | None:
    """Share of brain in the volume inside the brain's outer contour.

    The contour follows the brain's surface over the sulci: the brain and its
    ventricles, closed by 10 mm. It needs no skull.

    Parameters
    ----------
    anatomy : (I, J, K) int array
        Anatomy map.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    float or None
        0 to 1; None where there is no brain.
    """
    brain = np.isin(anatomy, s.BRAIN)
    if not brain.any():
        return None
    inside = brain | np.isin(anatomy, s.VENTRICLES)
    contour = closed(inside, spacing_mm(affine), by_mm=CONTOUR_CLOSING_MM)
    return float(np.count_nonzero(brain) / np.count_nonzero(contour))


def third_ventricle_width_mm(
    anatomy: np.ndarray, affine: np.ndarray, *, midplane: Midplane
) -> float | None:
    """Largest width of the third ventricle on an axial slice.

    The width of a slice is that at the middle (front to back) half of the ventricle,
    its median over the rows, across the midplane; the largest over the slices counts.

    Parameters
    ----------
    anatomy : (I, J, K) int array
        Anatomy map, axes closest to RAS+.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    midplane : Midplane
        Gives the direction from left to right.

    Returns
    -------
    float or None
        In mm; None where the ventricle is not seen.

    References
    ----------
    Benedict et al. 2004, 10.1001/archneur.61.2.226.
    """
    voxels = np.argwhere(anatomy == s.THIRD_VENTRICLE)
    if not len(voxels):
        return None
    # One step of the first axis, as seen across the midplane
    step_mm = abs(float(midplane.normal @ affine[:3, 0]))
    widest = 0.0
    for k in np.unique(voxels[:, 2]):
        in_slice = voxels[voxels[:, 2] == k]
        rows, counts = np.unique(in_slice[:, 1], return_counts=True)
        quarter = len(rows) // 4
        middle = counts[quarter : len(rows) - quarter]
        widest = max(widest, float(np.median(middle)) * step_mm)
    return widest
