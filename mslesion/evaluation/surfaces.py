"""Distance between the surfaces of two masks, in mm."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree

from mslesion.evaluation.components import check_masks
from mslesion.evaluation.empty import value_or_rule
from mslesion.imaging.grid import world_mm

HAUSDORFF_PERCENTILE = 95
"""Percentile of each direction's distances; MICCAI 2017 WMH challenge (Kuijf 2019)."""


@dataclass(frozen=True, slots=True)
class SurfaceDistances:
    """Distances between two surfaces, in mm."""

    mean_mm: float
    """Mean over the surface voxels of both masks (average symmetric surface distance)."""
    hausdorff95_mm: float
    """The larger of both directions' 95th percentiles (linear interpolation)."""


def measure_surfaces(
    *, predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray
) -> SurfaceDistances:
    """Measure how far the surfaces of two masks are apart.

    The surface are the voxels with a face neighbour outside the mask or outside the
    grid; distances run between voxel centres in world space, so that thick slices,
    rotation and shear are right.

    Parameters
    ----------
    predicted, reference : (I, J, K) bool array
        Masks on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    SurfaceDistances
        NaN if a mask is empty.

    Raises
    ------
    MaskError, GeometryError
        As `check_masks`.

    Examples
    --------
    >>> predicted, reference = np.zeros((2, 4, 4, 4), bool)
    >>> predicted[0, 0, 0] = reference[0, 0, 3] = True
    >>> measure_surfaces(
    ...     predicted=predicted, reference=reference, affine=np.diag([1, 1, 3, 1]))
    SurfaceDistances(mean_mm=9.0, hausdorff95_mm=9.0)
    """
    check_masks(predicted=predicted, reference=reference)
    points = {"predicted": _surface_mm(predicted, affine)}
    points["reference"] = _surface_mm(reference, affine)
    counts = {f"{name}_count": len(found) for name, found in points.items()}
    directions = []
    if all(counts.values()):
        directions = [
            KDTree(points["reference"]).query(points["predicted"])[0],
            KDTree(points["predicted"]).query(points["reference"])[0],
        ]
    return SurfaceDistances(
        mean_mm=value_or_rule(
            "mean_surface_distance_mm",
            lambda: float(np.concatenate(directions).mean()),
            **counts,
        ),
        hausdorff95_mm=value_or_rule(
            "hausdorff95_mm",
            lambda: float(max(np.percentile(d, HAUSDORFF_PERCENTILE) for d in directions)),
            **counts,
        ),
    )


def _surface_mm(mask: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """World positions of the surface voxels of a mask: (N, 3), in mm."""
    return world_mm(affine, np.argwhere(mask & ~binary_erosion(mask)))
