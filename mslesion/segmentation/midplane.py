"""The midsagittal plane: where the anatomy mirrors itself best."""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine
from scipy.optimize import minimize

from mslesion.errors import StepError
from mslesion.grid import spacing_mm, world_mm

SAMPLE_MM = 3.0
"""Distance of the points whose mirror images are looked up."""
MAX_TILT_DEGREES = 40.0
"""Largest turn of the plane against the grid (inclusive)."""


@dataclass(frozen=True, slots=True)
class Midplane:
    """A plane that parts left from right: points with ``normal . x = offset_mm``."""

    normal: np.ndarray
    """(3,) unit vector in world axes, pointing right."""
    offset_mm: float

    def right_of(self, points: np.ndarray) -> np.ndarray:
        """How far points lie to the right of the plane.

        Parameters
        ----------
        points : (N, 3) array
            World positions in mm.

        Returns
        -------
        (N,) array
            Distance in mm, negative on the left.
        """
        return points @ self.normal - self.offset_mm


def find_midplane(labels: np.ndarray, affine: np.ndarray) -> Midplane:
    """The plane across which the structures of an anatomy map mirror best.

    Parameters
    ----------
    labels : (I, J, K) int array
        Anatomy map, 0 outside, on about equal sides: thick slices mirror best onto
        themselves, whatever the tilt of the head.
    affine : (4, 4) array
        Voxel-to-world matrix in mm, axes closest to RAS+.

    Returns
    -------
    Midplane

    Raises
    ------
    StepError
        If the map is empty.
    """
    step = [max(1, round(SAMPLE_MM / s)) for s in spacing_mm(affine)]
    coarse = labels[:: step[0], :: step[1], :: step[2]]
    voxels = np.argwhere(coarse > 0) * step
    if not len(voxels):
        raise StepError(
            "The anatomy map has no structure, but the midplane is found from them. "
            "Check that the scan shows a brain."
        )
    points = world_mm(affine, voxels)
    values = labels[tuple(voxels.T)]
    to_voxel = np.linalg.inv(affine)
    centre = points.mean(axis=0)
    limit = np.array(labels.shape) - 1

    def plane(parameters):
        yaw, roll = np.radians(np.clip(parameters[:2], -MAX_TILT_DEGREES, MAX_TILT_DEGREES))
        normal = np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
        return normal, float(normal @ centre + parameters[2])

    def disagreement(parameters):
        normal, offset = plane(parameters)
        mirrored = points - 2 * np.outer(points @ normal - offset, normal)
        index = np.rint(apply_affine(to_voxel, mirrored)).astype(int)
        inside = np.all((index >= 0) & (index <= limit), axis=1)
        found = np.zeros(len(points), labels.dtype)
        found[inside] = labels[tuple(index[inside].T)]
        return float(np.mean(found != values))

    simplex = np.array([[0, 0, 0], [8, 0, 0], [0, 8, 0], [0, 0, 6]], float)
    best = minimize(
        disagreement,
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.05, "fatol": 1e-5, "maxiter": 250},
    )
    normal, offset = plane(best.x)
    return Midplane(normal, offset)
