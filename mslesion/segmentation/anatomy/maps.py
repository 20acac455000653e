"""The anatomy map: cleaned of islands, and brought to the scan's own grid."""

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.distance import box_of, closed, grown
from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import Grid, resample
from mslesion.schema import structures as s

MIN_BRAIN_ML = 300.0
"""Less brain than this (exclusive) is an error: the scan shows half a head or none."""
ISLAND_SHARE = 0.1
"""A piece smaller than this share of its structure's largest piece (exclusive) is an
island and is given to the surroundings."""
CLOSING_MM = 4.0
"""Sulci up to twice as wide are part of the brain mask (inclusive)."""
SKULL_MARGIN_MM = 6.0
"""Signal further outside the brain than this (exclusive) comes from skull and scalp."""
SKULL_SHARE = 0.08
"""With this much signal outside, per intracranial volume (inclusive), there is a skull."""

_ISLANDS_TO = {
    s.LATERAL_VENTRICLES: s.EXTRA_AXIAL_CSF,
    s.THIRD_VENTRICLE: s.EXTRA_AXIAL_CSF,
    s.FOURTH_VENTRICLE: s.EXTRA_AXIAL_CSF,
    s.THALAMUS: s.WHITE_MATTER,
    s.BASAL_GANGLIA: s.WHITE_MATTER,
    s.HIPPOCAMPUS_AMYGDALA: s.CORTEX,
    s.VENTRAL_DIENCEPHALON: s.WHITE_MATTER,
    s.BRAINSTEM: s.WHITE_MATTER,
}
"""What an island of a structure becomes."""


def clean_anatomy(labels: np.ndarray) -> np.ndarray:
    """Remove islands from an anatomy map.

    What does not hang together with the brain is dropped, holes are filled with CSF,
    and small pieces far from the rest of their structure are given to their
    surroundings.

    Parameters
    ----------
    labels : (I, J, K) uint8 array
        Most probable structure of each voxel, 1 mm or so.

    Returns
    -------
    (I, J, K) uint8 array

    Raises
    ------
    StepError
        If no structure is left.
    """
    if not labels.any():
        raise StepError(
            "The scan shows no brain structure, but a brain is expected. Inspect the scan."
        )
    out = labels.copy()
    # A mask opened by one voxel comes apart at leaks into orbits and neck
    core = ndi.binary_opening(out > 0, iterations=2)
    core = core if core.any() else out > 0
    inside = _largest(core)
    inside = ndi.binary_dilation(inside, iterations=3, mask=out > 0)
    holes = ndi.binary_fill_holes(inside) & (out == 0)
    out[~inside] = 0
    out[holes] = s.EXTRA_AXIAL_CSF
    for structure, other in _ISLANDS_TO.items():
        mask = out == structure
        if structure == s.LATERAL_VENTRICLES:
            mask |= out == s.CHOROID_PLEXUS
        box = box_of(mask, (0, 0, 0))
        pieces, count = ndi.label(mask[box], np.ones((3, 3, 3)))
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            islands = sizes < ISLAND_SHARE * sizes.max()
            islands[0] = False
            out[box][islands[pieces]] = other
    return out


def to_scan_grid(
    labels: np.ndarray, affine: np.ndarray, *, to: Grid, transform: np.ndarray | None = None
) -> np.ndarray:
    """An anatomy map on another grid.

    Each structure's mask is interpolated linearly and the largest share wins, so
    that borders stay where they were.

    Parameters
    ----------
    labels : (I, J, K) uint8 array
        Anatomy map.
    affine : (4, 4) array
        Its voxel-to-world matrix.
    to : Grid
        Grid of the result.
    transform : (4, 4) array, optional
        From world points of `to` to world points of the map, in mm.

    Returns
    -------
    uint8 array of shape ``to.shape``
    """
    if transform is None and labels.shape == to.shape and np.array_equal(affine, to.affine):
        return labels
    out = np.zeros(to.shape, np.uint8)
    best = np.full(to.shape, -1.0, np.float32)
    for value in range(len(s.STRUCTURES) + 1):
        mask = labels == value
        if value and not mask.any():
            continue
        share = resample(mask.astype(np.float32), affine, to=to, transform=transform)
        if value == 0:  # outside the map is background
            seen = resample(np.ones(labels.shape), affine, to=to, transform=transform)
            share = np.maximum(share, 1 - seen)
        wins = share > best
        out[wins] = value
        best[wins] = share[wins]
    return out


def brain_mask(labels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The brain with its ventricles and the CSF between its gyri.

    Brain and ventricles are closed by a ball of `CLOSING_MM`, so that the mask runs over
    the sulci; the CSF between brain and skull, which is part of the anatomy map, is not.

    Parameters
    ----------
    labels : (I, J, K) int array
        Anatomy map.
    affine : (4, 4) array
        Its voxel-to-world matrix in mm.

    Returns
    -------
    (I, J, K) bool array
    """
    return (labels > s.EXTRA_AXIAL_CSF) | (closed_brain(labels, affine) & (labels > 0))


def closed_brain(labels: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The brain and its ventricles, closed by a ball of `CLOSING_MM`, without holes.

    Parameters
    ----------
    labels : (I, J, K) int array
        Anatomy map.
    affine : (4, 4) array
        Its voxel-to-world matrix in mm.

    Returns
    -------
    (I, J, K) bool array
    """
    brain = closed(labels > s.EXTRA_AXIAL_CSF, spacing_mm(affine), by_mm=CLOSING_MM)
    box = box_of(brain, (1, 1, 1))
    brain[box] = ndi.binary_fill_holes(brain[box])
    return brain


def sees_skull(scan: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a scan shows skull and scalp, or came with them taken off.

    Parameters
    ----------
    scan : (I, J, K) array
        A scan on the network's scale, on a 1 mm grid.
    labels : (I, J, K) int array
        Its anatomy map.

    Returns
    -------
    bool
    """
    inside = labels > 0
    far = ~grown(inside, (1, 1, 1), by_mm=SKULL_MARGIN_MM)
    signal = np.count_nonzero(far & (scan > 0.1))
    return bool(signal >= SKULL_SHARE * np.count_nonzero(inside))


def _largest(mask: np.ndarray) -> np.ndarray:
    """The largest connected piece of a mask."""
    pieces, _ = ndi.label(mask)
    return pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
