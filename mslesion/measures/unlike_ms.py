"""Signs that a lesion load is not that of multiple sclerosis: a mass, one side, a dark core.

Lesions of multiple sclerosis are many, on both sides, and even where they are confluent they are
thin sheets around the ventricles (Filippi 2019, Brain 142:1858). A tumour is one mass on one side,
often with a necrotic core, and crosses from white matter into cortex and deep nuclei. Confluent
lesions of small-vessel disease have none of these signs.
"""

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3, world_mm
from mslesion.imaging.shape import objects
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

MASS_DEPTH_MM = 14.0
"""A lesion with a point further inside than this (exclusive) is a mass. Ours: in 29 masks of MS
patients 1.4 to 6.4 mm, and 10.8 mm in one with a tumefactive lesion; a ball of 28 mm reaches it."""
ONE_SIDE_ML = 20.0
"""From this load on (inclusive) one would expect lesions on both sides."""
ONE_SIDE_SHARE = 0.95
"""A larger share on one side (exclusive) is odd. Ours: in 13 masks of 20 ml or more at most 0.59,
and 0.92 in the one with a tumefactive lesion."""
CORE_ML = 0.5
"""More dark tissue inside a lesion (exclusive) is a dark core. Ours: in six MS visits at most
0.01 ml."""
CORE_DEPTH_MM = 4.0
"""The core lies at least this far inside the lesion (inclusive)."""
CORE_LEVEL = 0.8
"""Darker on FLAIR than this, by normal-appearing white matter (exclusive), is dark."""
GREY_ML = 1.0
"""A lesion with more than this in the cortex and more than this in thalamus and basal ganglia (both
exclusive) is odd. Ours: in six MS visits at most 2.0 ml in the cortex, but 0.2 ml in the latter."""
SMALLEST_ML = 2.0
"""Smaller lesions (exclusive) are not looked at one by one."""


def signs_unlike_ms(
    mask: np.ndarray,
    affine: np.ndarray,
    *,
    anatomy: np.ndarray | None = None,
    midplane: Midplane | None = None,
    relative_flair: np.ndarray | None = None,
) -> list[str]:
    """What does not look like multiple sclerosis in a lesion mask, in words.

    Parameters
    ----------
    mask : (I, J, K) bool array
        All lesions.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    anatomy : (I, J, K) int array, optional
        Anatomy map; without it the structures in a lesion are not looked at.
    midplane : Midplane, optional
        Without it the sides are not compared.
    relative_flair : (I, J, K) array, optional
        FLAIR divided by the median of normal-appearing white matter; without it no core is seen.

    Returns
    -------
    list of str
        Empty if there is none.
    """
    voxel_ml = voxel_volume_mm3(affine) / 1000
    labels, _ = ndi.label(mask, np.ones((3, 3, 3)))
    thickness_mm = core_ml = 0.0
    joins_grey = False
    for _, box, lesion in objects(labels):
        if np.count_nonzero(lesion) * voxel_ml < SMALLEST_ML:
            continue
        # A core that was not taken for lesion is a hole of it
        filled = ndi.binary_fill_holes(np.pad(lesion, 1))
        depth = ndi.distance_transform_edt(filled, sampling=spacing_mm(affine))[1:-1, 1:-1, 1:-1]
        thickness_mm = max(thickness_mm, 2 * float(depth.max()))
        if relative_flair is not None:
            dark = (depth >= CORE_DEPTH_MM) & (relative_flair[box] < CORE_LEVEL)
            core_ml = max(core_ml, _largest_piece(dark) * voxel_ml)
        if anatomy is not None:
            inside = anatomy[box][depth > 0]
            parts = (inside == s.CORTEX, np.isin(inside, (s.THALAMUS, s.BASAL_GANGLIA)))
            joins_grey |= min(map(np.count_nonzero, parts)) * voxel_ml > GREY_ML
    signs = []
    if thickness_mm > 2 * MASS_DEPTH_MM:
        signs.append(f"a mass {thickness_mm:.0f} mm thick")
    if core_ml > CORE_ML:
        signs.append(f"a dark core of {core_ml:.1f} ml")
    if joins_grey:
        signs.append("one lesion in both cortex and deep grey matter")
    if midplane is not None and np.count_nonzero(mask) * voxel_ml >= ONE_SIDE_ML:
        right = float(np.mean(midplane.right_of(world_mm(affine, np.argwhere(mask))) > 0))
        if max(right, 1 - right) > ONE_SIDE_SHARE:
            signs.append(f"{100 * max(right, 1 - right):.0f} % of the load on one side")
    return signs


def _largest_piece(mask: np.ndarray) -> int:
    """Voxels of the largest connected piece."""
    pieces, count = ndi.label(mask)
    return int(np.bincount(pieces.ravel())[1:].max()) if count else 0
