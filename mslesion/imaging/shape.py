"""Size and shape of each object of a label map, in millimetres."""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import ConvexHull, QhullError
from scipy.spatial.distance import pdist
from skimage.measure import marching_cubes, mesh_surface_area

from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3, world_mm

HULL_POINTS = 60
"""From this many points on (inclusive) only those of the convex hull are compared."""

SHAPE_NAMES = (
    "lesion_id",
    "x_mm",
    "y_mm",
    "z_mm",
    "voxel_count",
    "volume_mm3",
    "equivalent_diameter_mm",
    "long_axis_axial_mm",
    "long_axis_3d_mm",
    "slice_count",
    "surface_mm2",
    "sphericity_ratio",
    "elongation_ratio",
)
"""What `measure_shapes` gives for each object."""


def objects(labels: np.ndarray) -> Iterator[tuple[int, tuple[slice, ...], np.ndarray]]:
    """Number, box and mask inside the box of each object, in order of the numbers.

    Parameters
    ----------
    labels : (I, J, K) int array
        0 outside, 1..n in the objects; numbers may be missing.

    Yields
    ------
    number : int
    box : tuple of slice
    mask : bool array of the box's shape
    """
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        if box is not None:
            yield number, box, labels[box] == number


def measure_shapes(labels: np.ndarray, affine: np.ndarray) -> list[dict]:
    """Size and shape of every object.

    Parameters
    ----------
    labels : (I, J, K) int array
        0 outside, 1..n in the objects.
    affine : (4, 4) array
        Voxel-to-world matrix in mm, axes closest to RAS+.

    Returns
    -------
    list of dict
        One a object, with the keys `SHAPE_NAMES`; the list is empty where there is none.

    Notes
    -----
    Long axes are the largest distance between voxel centres plus the (in-plane, or
    mean) voxel size. Sphericity is that of the surface mesh, volume and area both, so
    that it stays at 1 or less for single voxels too. The elongation's principal axes
    include the extent of the voxels themselves.
    """
    volume = voxel_volume_mm3(affine)
    spacing = np.array(spacing_mm(affine))
    thickest = int(np.argmax(np.round(spacing, 3)))
    rows = []
    for number, box, mask in objects(labels):
        voxels = np.argwhere(mask)
        points = world_mm(affine, voxels + [s.start for s in box])
        x_mm, y_mm, z_mm = points.mean(axis=0)
        surface, sphericity = _surface(mask, spacing)
        rows.append(
            {
                "lesion_id": number,
                "x_mm": x_mm,
                "y_mm": y_mm,
                "z_mm": z_mm,
                "voxel_count": len(voxels),
                "volume_mm3": len(voxels) * volume,
                "equivalent_diameter_mm": equivalent_diameter_mm(len(voxels) * volume),
                "long_axis_axial_mm": max(
                    longest_distance_mm(points[voxels[:, 2] == k]) for k in set(voxels[:, 2])
                )
                + float(spacing[:2].mean()),
                "long_axis_3d_mm": longest_distance_mm(points) + float(spacing.mean()),
                "slice_count": len(set(voxels[:, thickest])),
                "surface_mm2": surface,
                "sphericity_ratio": sphericity,
                "elongation_ratio": elongation(points, affine),
            }
        )
    return rows


def equivalent_diameter_mm(volume_mm3: float) -> float:
    """Diameter of the ball of a volume.

    Parameters
    ----------
    volume_mm3 : float
        Volume in mm³.

    Returns
    -------
    float

    Examples
    --------
    >>> round(equivalent_diameter_mm(14.137), 2)
    3.0
    """
    return float(np.cbrt(6 * volume_mm3 / np.pi))


def longest_distance_mm(points: np.ndarray) -> float:
    """Largest distance between two of some points.

    Parameters
    ----------
    points : (N, 3) array
        World positions in mm.

    Returns
    -------
    float
        0 for a single point.
    """
    if len(points) >= HULL_POINTS:
        flat = points[:, np.ptp(points, axis=0) > 1e-6]  # a slice is flat along one axis
        try:
            points = points[np.sort(ConvexHull(flat).vertices)]
        except (QhullError, ValueError):  # a line, or flat along no axis of the world
            points = points[_extremes(points)]
    return float(pdist(points).max(initial=0))


def _extremes(points: np.ndarray) -> np.ndarray:
    """Indices of points that are outermost along one of many directions in their plane."""
    centred = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    angles = np.linspace(0, np.pi, 180, endpoint=False)
    directions = np.outer(np.cos(angles), axes[0]) + np.outer(np.sin(angles), axes[1])
    along = centred @ directions.T
    return np.unique(np.concatenate([along.argmax(axis=0), along.argmin(axis=0)]))


def _surface(mask: np.ndarray, spacing: np.ndarray) -> tuple[float, float]:
    """Area of the surface mesh in mm², and the mesh's sphericity."""
    padded = np.pad(mask, 1).astype(np.float32)
    vertices, faces, *_ = marching_cubes(padded, 0.5, spacing=tuple(spacing))
    area = float(mesh_surface_area(vertices, faces))
    a, b, c = (vertices[faces[:, corner]].astype(np.float64) for corner in range(3))
    volume = abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6
    return area, float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area)


def elongation(points: np.ndarray, affine: np.ndarray) -> float:
    """Ratio of the standard deviations along the first and second principal axis.

    Parameters
    ----------
    points : (N, 3) array
        Voxel centres of one object in world millimetres; at least one.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    float
        1 for a ball, a plate or a single cubic voxel; large for a rod.
    """
    voxel = affine[:3, :3] @ affine[:3, :3].T / 12  # variance inside one voxel
    centred = points - points.mean(axis=0)
    values = np.linalg.eigvalsh(centred.T @ centred / len(points) + voxel)
    return float(np.sqrt(values[2] / values[1]))
