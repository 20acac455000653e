"""Signs that a lesion load is not that of multiple sclerosis: a mass, one side, a dark core.

Lesions of multiple sclerosis are many, on both sides, and even where they are confluent they are
thin sheets around the ventricles (Filippi 2019, Brain 142:1858). A tumour is one mass on one side,
often with a necrotic core, and crosses from white matter into cortex and deep nuclei. Confluent
lesions of small-vessel disease have none of these signs.
"""

import math

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.distance import grown, thinned
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3, world_mm
from mslesion.imaging.shape import objects
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

MASS_DEPTH_MM = 14.0
"""A lesion with a point further inside than this (exclusive) is a mass. Ours: in 28 masks of MS
patients 1.4 to 6.4 mm, and 10.8 mm in one with a tumefactive lesion; a ball of 28 mm reaches it."""
ONE_SIDE_ML = 20.0
"""From this load on (inclusive) one would expect lesions on both sides."""
ONE_SIDE_SHARE = 0.95
"""A larger share on one side (exclusive) is odd. Ours: in 13 masks of 20 ml or more at most 0.59,
and 0.92 in the one with a tumefactive lesion."""
CORE_ML = 0.5
"""More dark tissue in a core (exclusive) is odd. Ours."""
CORE_RADIUS_MM = 4.0
"""A core holds a ball of this radius; sulci do not."""
DARK, BRIGHT = 0.8, 1.3
"""FLAIR by that of normal-appearing white matter: below the first a voxel is dark, above the second
it is bright (both exclusive). Ours."""
BRIGHT_RADIUS_MM = 3.0
"""Bright tissue counts as a mass where it holds a ball of this radius; cortex does not."""
SHELL_MM = 4.0
ENCLOSED_SHARE = 0.6
"""A core is enclosed if this share of the tissue within `SHELL_MM` of it is lesion or bright
(inclusive). Ours: 0.22 at most in six MS visits, 0.83 for the core drawn into one of them."""
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
        FLAIR divided by the median of normal-appearing white matter; without it or the anatomy
        only the mask is looked at, and no core is seen.

    Returns
    -------
    list of str
        Empty if there is none.
    """
    voxel_ml = voxel_volume_mm3(affine) / 1000
    spacing = spacing_mm(affine)
    core = np.zeros(mask.shape, bool)
    body = mask
    if relative_flair is not None and anatomy is not None and mask.any():
        # A lesion network may find only a part of a mass: that in white matter
        bright = (relative_flair > BRIGHT) & (anatomy > 0)
        body = mask | _opened(bright, BRIGHT_RADIUS_MM, spacing)
        dark = (relative_flair < DARK) & ~np.isin(anatomy, (0, *s.VENTRICLES)) & ~mask
        core = _enclosed(_opened(dark, CORE_RADIUS_MM, spacing), body | bright, spacing)
        body = body | core
    labels, _ = ndi.label(body, np.ones((3, 3, 3)))
    thickness_mm = 0.0
    joins_grey = False
    for _, box, lesion in objects(labels):
        found = lesion & mask[box]
        if np.count_nonzero(found) * voxel_ml < SMALLEST_ML:
            continue
        filled = ndi.binary_fill_holes(np.pad(lesion, 1))
        depth = ndi.distance_transform_edt(filled, sampling=spacing)
        thickness_mm = max(thickness_mm, 2 * float(depth.max()))
        if anatomy is not None:
            inside = anatomy[box][found]
            parts = (inside == s.CORTEX, np.isin(inside, (s.THALAMUS, s.BASAL_GANGLIA)))
            joins_grey |= min(map(np.count_nonzero, parts)) * voxel_ml > GREY_ML
    core_ml = np.count_nonzero(core) * voxel_ml
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


def _opened(mask: np.ndarray, radius_mm: float, spacing: tuple[float, ...]) -> np.ndarray:
    """What of a mask is covered by balls that lie inside it."""
    return mask & grown(thinned(mask, spacing, by_mm=radius_mm), spacing, by_mm=radius_mm)


def _enclosed(dark: np.ndarray, bright: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """The pieces of a mask around which most tissue is bright."""
    pieces, _ = ndi.label(dark)
    out = np.zeros(dark.shape, bool)
    room = [math.ceil(SHELL_MM / size) + 1 for size in spacing]
    for number, box, _ in objects(pieces):
        wide = tuple(
            slice(max(0, one.start - more), one.stop + more)
            for one, more in zip(box, room, strict=True)
        )
        piece = pieces[wide] == number
        shell = grown(piece, spacing, by_mm=SHELL_MM) & ~piece
        if shell.any() and bright[wide][shell].mean() >= ENCLOSED_SHARE:
            out[wide] |= piece
    return out
