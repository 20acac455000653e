"""The midsagittal plane: where the anatomy mirrors itself best."""

from dataclasses import dataclass

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy.optimize import minimize

from mslesion.errors import StepError
from mslesion.imaging.grid import spacing_mm, world_mm

SEARCH_MM = 3.0
"""Distance of the points whose mirror images are looked up, at first."""
POLISH_MM = 2.0
"""Their distance once the plane is nearly found: with few points the criterion has steps, on
which a search that starts elsewhere ends elsewhere, half a millimetre away."""
SEARCH_SIZE = (8.0, 8.0, 6.0)
POLISH_SIZE = (1.0, 1.0, 0.7)
"""First steps of the two searches: yaw and roll (degrees), offset (mm)."""
STEP_AT_END, DISAGREEMENT_AT_END, MOST_STEPS = 0.02, 1e-5, 250
"""A search ends where its steps and the changes of the share that disagrees are this small."""
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
    few, many = (_points(labels, affine, distance) for distance in (SEARCH_MM, POLISH_MM))
    if not len(few[0]):
        raise StepError(
            "The anatomy map has no structure, but the midplane is derived from structures. "
            "Check that the scan shows a brain."
        )
    to_voxel = np.linalg.inv(affine)
    centre = few[0].mean(axis=0)
    # What is mirrored beyond the map meets its border of zeros
    around = np.ascontiguousarray(np.pad(labels, 1))
    values_around = around.ravel()
    last = np.array(labels.shape)
    strides = np.array(around.strides, float) / around.itemsize

    def plane(parameters):
        yaw, roll = np.radians(np.clip(parameters[:2], -MAX_TILT_DEGREES, MAX_TILT_DEGREES))
        normal = np.array([np.cos(yaw) * np.cos(roll), np.sin(yaw) * np.cos(roll), np.sin(roll)])
        return normal, float(normal @ centre + parameters[2])

    def disagreement(parameters, points, values):
        normal, offset = plane(parameters)
        # The mirror image of a point, and its voxel, in one product
        mirror = from_matvec(np.eye(3) - 2 * np.outer(normal, normal), 2 * offset * normal)
        index = np.clip(np.rint(apply_affine(to_voxel @ mirror, points)), -1, last)
        found = values_around[((index + 1) @ strides).astype(np.intp)]
        return np.count_nonzero(found != values) / len(values)

    best = np.zeros(3)
    for size, looked_up in ((SEARCH_SIZE, few), (POLISH_SIZE, many)):
        best = minimize(
            disagreement,
            best,
            args=looked_up,
            method="Nelder-Mead",
            options={
                "initial_simplex": best + np.vstack([np.zeros(3), np.diag(size)]),
                "xatol": STEP_AT_END,
                "fatol": DISAGREEMENT_AT_END,
                "maxiter": MOST_STEPS,
            },
        ).x
    return Midplane(*plane(best))


def _points(labels, affine, distance_mm) -> tuple[np.ndarray, np.ndarray]:
    """Positions (mm) and labels of voxels about so far apart, those outside left out."""
    step = [max(1, round(distance_mm / s)) for s in spacing_mm(affine)]
    coarse = labels[:: step[0], :: step[1], :: step[2]]
    inside = coarse > 0
    if not inside.any():  # too few to be met
        step, coarse, inside = [1, 1, 1], labels, labels > 0
    return world_mm(affine, np.argwhere(inside) * step), coarse[inside]
