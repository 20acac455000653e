"""How tissue moved between two visits: a deformation and its local volume change.

Both scans are moved by half of the displacement, towards each other, so that neither
is the reference. The displacement lives on nodes 2 mm apart; each step solves a sparse
linear system (Gauss and Newton) in which the scans' differences pull and the
displacement's unevenness costs. All sums run in one order: the result is the same
bits every time.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

STEP_COUNTS = ((4, 4), (2, 5))
"""Node spacing in voxels and number of steps, coarse to fine."""
STRAIN = 0.05
"""Typical strain (mm per mm) of tissue between visits: how uneven a displacement may be."""
ROBUST_LEVEL = 0.25
"""Differences beyond this (by white matter) pull less: lesions and vessels change."""
SOLVER_ITERATIONS = 40
SCAN_SIGMA_MM = 0.7
"""The scans are smoothed by this much, so that their gradients are steady."""


@dataclass(frozen=True, slots=True)
class Deformation:
    """Displacement between two visits, in the frame halfway."""

    displacement: np.ndarray
    """(3, I, J, K) float32, in mm: tissue was at ``x - d/2`` and came to ``x + d/2``."""
    growth: np.ndarray
    """(I, J, K) float32: local volume at the second visit by that at the first."""


def find_deformation(
    first: np.ndarray, second: np.ndarray, *, inside: np.ndarray, noise: float
) -> Deformation:
    """Deform two matched scans onto each other, treating both alike.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans of one contrast and scale, in the common frame, 1 mm voxels.
    inside : (I, J, K) bool array
        Where the scans can be compared: the brain and a rim around it.
    noise : float
        Spread of the scans' difference where nothing changed.

    Returns
    -------
    Deformation
        Exactly opposite when the visits change places.

    References
    ----------
    Ashburner and Ridgway 2013, 10.3389/fnins.2012.00197 (symmetric registration and
    its Gauss-Newton solution).
    """
    smooth = [
        ndi.gaussian_filter(scan.astype(np.float64), SCAN_SIGMA_MM) for scan in (first, second)
    ]
    displacement = np.zeros((3, *first.shape))
    cost = (noise / STRAIN) ** 2
    for spacing, steps in STEP_COUNTS:
        nodes = _to_nodes(displacement, spacing)
        for _ in range(steps):
            displacement = _from_nodes(nodes, first.shape, spacing)
            nodes = nodes + _step(smooth, displacement, nodes, inside, cost, spacing)
    displacement = _from_nodes(nodes, first.shape, spacing)
    return Deformation(displacement.astype(np.float32), _growth(displacement))


def _step(scans, displacement, nodes, inside, cost, spacing):
    """Change of the nodes' displacement that brings the scans closer."""
    moved = [
        _sampled(scan, sign * displacement / 2) for scan, sign in zip(scans, (-1, 1), strict=True)
    ]
    difference = moved[1] - moved[0]
    slope = np.stack(np.gradient((moved[0] + moved[1]) / 2))
    weight = inside / (1 + (difference / ROBUST_LEVEL) ** 2)
    pull = np.stack([_binned(-weight * difference * slope[a], spacing) for a in range(3)])
    stiffness = np.empty((3, 3, *pull.shape[1:]))
    for a in range(3):
        for b in range(a, 3):
            stiffness[a, b] = stiffness[b, a] = _binned(weight * slope[a] * slope[b], spacing)
    # Unevenness of the whole displacement costs, not only that of this step
    cost = cost / spacing**2
    pull = pull - cost * _unevenness(nodes)
    return _solve(stiffness, pull, cost)


def _solve(stiffness: np.ndarray, pull: np.ndarray, cost: float) -> np.ndarray:
    """Conjugate gradients for (stiffness + cost * Laplacian) x = pull."""
    diagonal = np.moveaxis(stiffness, (0, 1), (-2, -1)) + 6 * cost * np.eye(3)
    inverse = np.moveaxis(np.linalg.inv(diagonal), (-2, -1), (0, 1))

    def applied(x):
        return np.einsum("ab...,b...->a...", stiffness, x) + cost * _unevenness(x)

    x = np.zeros_like(pull)
    residual = pull.copy()
    z = np.einsum("ab...,b...->a...", inverse, residual)
    direction, energy = z, float(np.sum(residual * z))
    for _ in range(SOLVER_ITERATIONS):
        if energy <= 0:
            break
        product = applied(direction)
        length = energy / float(np.sum(direction * product))
        x += length * direction
        residual -= length * product
        z = np.einsum("ab...,b...->a...", inverse, residual)
        new_energy = float(np.sum(residual * z))
        direction = z + (new_energy / energy) * direction
        energy = new_energy
    return x


def _unevenness(x: np.ndarray) -> np.ndarray:
    """Negative Laplacian of (3, ...) node values, no flow across the border."""
    out = np.zeros_like(x)
    for axis in range(1, 4):
        step = np.diff(x, axis=axis)
        low = [slice(None)] * 4
        high = [slice(None)] * 4
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        out[tuple(low)] -= step
        out[tuple(high)] += step
    return out


def _sampled(scan: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A scan at shifted voxels, cubic where it counts: the filter is applied once."""
    points = [np.arange(n, dtype=np.float64) for n in scan.shape]
    grid = np.stack(np.meshgrid(*points, indexing="ij")) + shift
    return ndi.map_coordinates(scan, grid, order=1, mode="nearest")


def _binned(values: np.ndarray, spacing: int) -> np.ndarray:
    """Means over blocks of ``spacing`` voxels a side."""
    pad = [(0, -n % spacing) for n in values.shape]
    values = np.pad(values, pad)
    i, j, k = (n // spacing for n in values.shape)
    return values.reshape(i, spacing, j, spacing, k, spacing).mean(axis=(1, 3, 5))


def _to_nodes(field: np.ndarray, spacing: int) -> np.ndarray:
    """A displacement at the nodes."""
    return np.stack([_binned(component, spacing) for component in field])


def _from_nodes(nodes: np.ndarray, shape: tuple, spacing: int) -> np.ndarray:
    """A displacement at every voxel, linear between the nodes."""
    cut = tuple(slice(n) for n in shape)
    return np.stack(
        [ndi.zoom(part, spacing, order=1, mode="nearest", grid_mode=True)[cut] for part in nodes]
    )


def _growth(displacement: np.ndarray) -> np.ndarray:
    """Determinant of the map from the first to the second visit, in the frame halfway."""
    gradient = np.stack([np.stack(np.gradient(component)) for component in displacement])
    half = np.moveaxis(gradient, (0, 1), (-2, -1)) / 2
    one = np.eye(3)
    return (np.linalg.det(one + half) / np.linalg.det(one - half)).astype(np.float32)


def volume_change_pct(deformation: Deformation, *, structure: np.ndarray) -> float | None:
    """Volume change of a structure.

    Parameters
    ----------
    deformation : Deformation
        Local volume change.
    structure : (I, J, K) array
        Share of the structure in each voxel of the frame halfway, 0 to 1: as a rule
        the mean of both visits' masks.

    Returns
    -------
    float or None
        Percent of the mean volume, exactly opposite when the visits change places;
        None where the structure is absent.

    References
    ----------
    Nakamura et al. 2014, PMC3830061 (Jacobian integration).
    """
    total = float(structure.sum(dtype=np.float64))
    if total <= 0:
        return None
    # By half of the deformation each way: volumes at both visits of what is here
    growth = deformation.growth.astype(np.float64)
    difference = 2 * (growth - 1) / (growth + 1)
    return 100 * float((difference * structure).sum()) / total
