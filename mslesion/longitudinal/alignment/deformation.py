"""How tissue moved between two visits: a deformation and its local volume change.

Both scans are moved by half of the displacement, towards each other, so that neither
is the reference. The displacement lives on nodes, coarse to fine; each step solves a
sparse linear system (Gauss and Newton) in which the scans' differences pull and the
displacement's unevenness costs. All sums run in one order: the result is the same
bits every time.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.longitudinal.alignment.blocks import binned, unbinned

LEVELS = ((2, 4, 4), (2, 2, 3), (1, 2, 3))
"""Of each level, coarse to fine: by how much the scans are shrunk, voxels of the shrunk
scan from node to node, number of steps."""
COARSE_LEVELS = LEVELS[:2]
"""Enough to bring both scans' tissues onto each other."""
STRAIN = 0.1
"""Typical strain (mm per mm) of tissue between visits: how uneven a displacement may be."""
ROBUST_LEVEL = 0.25
"""Differences beyond this (by white matter) pull less: lesions and vessels change."""
SOLVER_ITERATIONS = 30
MIN_NOISE = 0.01
"""The scans' difference is never taken to be less noisy than this (by white matter)."""
SCAN_SIGMA_VOXELS = 0.7
"""The scans are smoothed by this much, so that their gradients are steady."""
MARGIN_VOXELS = 4
"""Room around the compared part in which the displacement fades."""
EDGE_MM = 2.0
"""The deformation is sought in the head's inside and this far around it."""
UNSEEN_MM = 3.0
"""Nor this near to where a scan ends: smoothed, its end would pull. Where the skull was
taken off that is along the cortex."""


@dataclass(frozen=True, slots=True)
class Deformation:
    """Displacement between two visits, in the frame halfway."""

    displacement: np.ndarray
    """(3, I, J, K) float32, in voxels: tissue was at ``x - d/2`` and came to ``x + d/2``."""
    change: np.ndarray
    """(I, J, K) float32: local change of volume by the mean of both visits' volumes."""

    @property
    def volume_ratio(self) -> np.ndarray:
        """(I, J, K) float32: local volume at the second visit divided by that at the first."""
        return (2 + self.change) / (2 - self.change)


def comparable_head(
    first_anatomy: np.ndarray,
    second_anatomy: np.ndarray,
    seen: np.ndarray,
    *,
    voxel_mm: float = 1.0,
) -> np.ndarray:
    """Where two scans can be deformed onto each other.

    Parameters
    ----------
    first_anatomy, second_anatomy : (I, J, K) int array
        Anatomy maps in the common frame.
    seen : (I, J, K) bool array
        Where both scans have values.
    voxel_mm : float
        Side of the voxels.

    Returns
    -------
    (I, J, K) bool array
        The head's inside and a rim, away from where a scan ends.
    """
    head = (first_anatomy > 0) | (second_anatomy > 0)
    inside = ndi.binary_dilation(head, iterations=math.ceil(EDGE_MM / voxel_mm))
    return inside & ndi.binary_erosion(seen, iterations=math.ceil(UNSEEN_MM / voxel_mm))


def find_deformation(
    first: np.ndarray,
    second: np.ndarray,
    *,
    inside: np.ndarray,
    noise: float,
    strain: float = STRAIN,
) -> Deformation:
    """Deform two matched scans onto each other, and measure the local change of volume.

    Parameters
    ----------
    first, second, inside, noise, strain
        As in `find_displacement`.

    Returns
    -------
    Deformation
        Exactly opposite when the visits change places.

    Raises
    ------
    StepError
        If there is nothing to compare.
    """
    displacement = find_displacement(first, second, inside=inside, noise=noise, strain=strain)
    box = box_around(inside)
    change = np.zeros(first.shape, np.float32)
    change[box] = _change(displacement[(slice(None), *box)])
    return Deformation(displacement, change)


def find_displacement(
    first: np.ndarray,
    second: np.ndarray,
    *,
    inside: np.ndarray,
    noise: float,
    strain: float = STRAIN,
    levels: tuple[tuple[int, int, int], ...] = LEVELS,
) -> np.ndarray:
    """Deform two matched scans onto each other, treating both alike.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans of one contrast and scale, in the common frame, isotropic voxels.
    inside : (I, J, K) bool array
        Where the scans can be compared (`comparable_head`).
    noise : float
        Spread of the scans' difference where nothing changed; `MIN_NOISE` at least.
    strain : float
        Typical strain (mm per mm): the larger, the more uneven the displacement may be.
    levels : tuple of (int, int, int)
        Coarse to fine, as in `LEVELS`.

    Returns
    -------
    (3, I, J, K) float32 array
        As in `Deformation`; exactly opposite when the visits change places.

    Raises
    ------
    StepError
        If there is nothing to compare.

    References
    ----------
    Ashburner and Ridgway 2013, 10.3389/fnins.2012.00197 (symmetric registration and
    its Gauss-Newton solution).
    """
    if not inside.any():
        raise StepError(
            "The two scans share no voxel, but shared voxels are needed to deform them onto each "
            "other. Check that both show the same part of the head."
        )
    box = box_around(inside)
    weight = inside[box].astype(np.float32)
    scans = [
        ndi.gaussian_filter(scan[box].astype(np.float32), SCAN_SIGMA_VOXELS)
        for scan in (first, second)
    ]
    cost = (max(noise, MIN_NOISE) / strain) ** 2
    nodes, old = None, 1
    for shrink, spacing, steps in levels:
        small = [binned(scan, shrink) for scan in scans]
        where = binned(weight, shrink)
        shape = where.shape
        size = tuple(-(-n // spacing) for n in shape)
        if nodes is None:
            nodes = np.zeros((3, *size), np.float32)
        else:
            finer = old / (shrink * spacing)
            nodes = unbinned(nodes, size, round(finer)) if finer > 1 else nodes
        for _ in range(steps):
            displacement = unbinned(nodes, shape, spacing) / np.float32(shrink)
            pull, stiffness = _forces(small, displacement, where, spacing)
            nodes = nodes + _step(
                pull / np.float32(shrink), stiffness / np.float32(shrink) ** 2, nodes,
                cost / (shrink * spacing) ** 2,
            )  # fmt: skip
        old = shrink * spacing
    displacement = np.zeros((3, *first.shape), np.float32)
    displacement[(slice(None), *box)] = unbinned(nodes, weight.shape, old)
    return displacement


def box_around(inside: np.ndarray) -> tuple[slice, ...]:
    """The part of a frame in which a displacement is sought.

    Parameters
    ----------
    inside : (I, J, K) bool array
        Where two scans can be compared, somewhere.

    Returns
    -------
    tuple of slice, shape (3,)
    """
    return tuple(
        slice(max(0, part.start - MARGIN_VOXELS), min(n, part.stop + MARGIN_VOXELS))
        for part, n in zip(ndi.find_objects(inside.astype(np.uint8))[0], inside.shape, strict=True)
    )


def meet_halfway(
    first: np.ndarray, second: np.ndarray, displacement: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Both scans moved onto each other, by half of the displacement each.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans in the frame of the displacement.
    displacement : (3, I, J, K) array
        Of `find_displacement`.

    Returns
    -------
    tuple of (I, J, K) float32 array, shape (2,)
    """
    scans = first.astype(np.float32), second.astype(np.float32)
    return tuple(_moved(scans, displacement))


def _moved(scans, displacement: np.ndarray) -> list[np.ndarray]:
    """The first scan half of the displacement back, the second half of it forth."""
    half, points = displacement / 2, np.empty_like(displacement)
    moved = []
    for scan, towards in zip(scans, (np.subtract, np.add), strict=True):
        for axis, voxels in enumerate(np.ogrid[tuple(slice(n) for n in scan.shape)]):
            towards(voxels.astype(np.float32), half[axis], out=points[axis])
        moved.append(ndi.map_coordinates(scan, points, order=1, mode="nearest"))
    return moved


def _forces(scans, displacement, where, spacing):
    """How the scans' difference pulls at each node, and how stiffly."""
    moved = _moved(scans, displacement)
    difference = moved[1] - moved[0]
    slope = np.gradient((moved[0] + moved[1]) / 2)
    weight = where / (1 + (difference / np.float32(ROBUST_LEVEL)) ** 2)
    wanted = -weight * difference
    pull = np.stack([binned(wanted * slope[a], spacing) for a in range(3)])
    stiffness = np.empty((3, *pull.shape), np.float32)
    for a in range(3):
        weighted = weight * slope[a]
        for b in range(a, 3):
            stiffness[a, b] = stiffness[b, a] = binned(weighted * slope[b], spacing)
    return pull, stiffness


def _step(pull, stiffness, nodes, cost: float) -> np.ndarray:
    """Change of the nodes' displacement that brings the scans closer.

    Solves (stiffness + cost * unevenness) x = pull - cost * unevenness of the nodes, by
    conjugate gradients: the unevenness of the whole displacement costs, not of the step.
    """
    cost = np.float32(cost)
    residual = pull - cost * _unevenness(nodes)
    scale = np.stack([stiffness[a, a] for a in range(3)]) + 6 * cost

    def applied(x):
        out = cost * _unevenness(x)
        for a in range(3):
            for b in range(3):
                out[a] += stiffness[a, b] * x[b]
        return out

    x = np.zeros_like(residual)
    z = residual / scale
    direction, energy = z, _dot(residual, z)
    for _ in range(SOLVER_ITERATIONS):
        if energy <= 0:
            break
        product = applied(direction)
        length = np.float32(energy / _dot(direction, product))
        x += length * direction
        residual = residual - length * product
        z = residual / scale
        new_energy = _dot(residual, z)
        direction = z + np.float32(new_energy / energy) * direction
        energy = new_energy
    return x


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    """Sum of products, in double precision."""
    return float(np.sum(a * b, dtype=np.float64))


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


def _change(displacement: np.ndarray) -> np.ndarray:
    """Volumes of a voxel of the frame at both visits: their difference by their mean.

    By half of the deformation each way, so that it is exactly opposite when the visits
    change places. With slopes A, the volumes are det(1 - A/2) and det(1 + A/2), which is
    1 -+ trace/2 + minors/4 -+ det(A)/8, the principal minors summed.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = (np.gradient(part) for part in displacement)
    trace = xx + yy + zz
    minors = (xx * yy - xy * yx) + (xx * zz - xz * zx) + (yy * zz - yz * zy)
    determinant = xx * (yy * zz - yz * zy) - xy * (yx * zz - yz * zx) + xz * (yx * zy - yy * zx)
    return (4 * trace + determinant) / (4 + minors)


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
    return 100 * float((deformation.change.astype(np.float64) * structure).sum()) / total
