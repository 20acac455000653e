"""The scanner: where the head lies, which voxels are taken, bias field and noise."""

import itertools
import math
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from .atrophy import sample

SIGNAL_STEP_MM, LABEL_STEP_MM = 0.8, 0.6
"""Signal is averaged, and labels are counted, over points this far apart or nearer."""
AIR_SHARE = 0.02
WHITE_LEVEL = {"FLAIR": 56.0, "T1w": 64.0}
NOISE_SHARE = 0.02
"""SD of the noise per signal of white matter."""
GAIN_SHARE = 0.05
BIAS_WAVES = 3
COIL_SHARE, LOADING_SHARE = 0.025, 0.008
"""SD of the weights of the bias field's waves: of a patient, and of a scan."""
BRIGHTEST = 255


class Grid(NamedTuple):
    """Voxels of a scan."""

    shape: tuple[int, int, int]
    affine: np.ndarray
    """Voxel to the scanner's space, mm, RAS+."""

    @property
    def spacing_mm(self):
        """Size of a voxel."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)


def rigid(angles_deg, shift_mm):
    """(4, 4) turn about x, then y, then z, then shift."""
    matrix = np.eye(4)
    for axis, angle in enumerate(np.radians(angles_deg)):
        turn = np.eye(4)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn[[i, j], [i, j]] = math.cos(angle)
        turn[i, j], turn[j, i] = -math.sin(angle), math.sin(angle)
        matrix = turn @ matrix
    matrix[:3, 3] = shift_mm
    return matrix


def movement(rng, turn_deg, shift_mm):
    """A random rigid movement, each angle and shift within its bound."""
    return rigid(rng.uniform(-turn_deg, turn_deg, 3), rng.uniform(-shift_mm, shift_mm, 3))


def grid_of(head, voxel_mm, tilt_deg):
    """The grid that holds a head, slices tilted about the axis from ear to ear."""
    corners = np.array([[0, 0, 0], head.tissue.shape]).T - 0.5
    low, high = (head.affine[:3, :3] @ corners + head.affine[:3, 3:]).T
    affine = rigid((tilt_deg, 0, 0), (0, 0, 0)) @ np.diag([*voxel_mm, 1.0])
    shape = np.ceil((high - low) / voxel_mm).astype(int)
    affine[:3, 3] = (low + high) / 2 - affine[:3, :3] @ ((shape - 1) / 2)
    return Grid(tuple(int(n) for n in shape), affine)


class Scanner:
    """Looks at a head at one visit.

    Parameters
    ----------
    head : Head
    deformation : Deformation or None
        What became of the head since the first visit.
    placed : (4, 4) array
        Head space to the scanner's space.
    grid : Grid
    """

    def __init__(self, head, deformation, placed, grid):
        self.grid = grid
        self.to_head = np.linalg.inv(placed @ head.affine) @ grid.affine
        voxels = np.indices(grid.shape, np.float32)
        points = np.einsum("ab,bijk->aijk", self.to_head[:3, :3].astype(np.float32), voxels)
        points += self.to_head[:3, 3].astype(np.float32)[:, None, None, None]
        if deformation is not None:
            points += sample(deformation.back, points)
        self.points = points

    def _points(self, step_mm):
        """Points spread over each voxel, in voxels of the head, a place at a time."""
        counts = np.ceil(self.grid.spacing_mm / step_mm - 1e-6).astype(int)
        steps = [(np.arange(count) + 0.5) / count - 0.5 for count in counts]
        for step in itertools.product(*steps):
            shift = (self.to_head[:3, :3] @ step).astype(np.float32)
            yield self.points + shift[:, None, None, None]

    def mean(self, volume):
        """Mean over each voxel of a volume in the grid of the head."""
        volume = [volume.astype(np.float32, copy=False)]
        total, count = np.zeros(self.grid.shape, np.float32), 0
        for points in self._points(SIGNAL_STEP_MM):
            total += sample(volume, points)[0]
            count += 1
        return total / count

    def nearest(self, labels):
        """The label at the middle of each voxel."""
        return ndi.map_coordinates(labels, self.points, order=0, mode="nearest")

    def most(self, labels):
        """The label that most of each voxel has; of equals the lowest."""
        points = self._points(LABEL_STEP_MM)
        votes = np.stack([ndi.map_coordinates(labels, p, order=0, mode="nearest") for p in points])
        best, most = np.zeros(self.grid.shape, labels.dtype), np.zeros(self.grid.shape, np.uint8)
        for label in np.unique(labels):
            count = np.count_nonzero(votes == label, axis=0).astype(np.uint8)
            best[count > most] = label
            most = np.maximum(most, count)
        return best


def recorded(image, in_head, suffix, coil_rng, rng):
    """Stored grey levels of an image whose white matter is about 1, as uint8.

    `coil_rng` gives the part of the bias field that a patient's scans share.
    """
    level = WHITE_LEVEL[suffix] * rng.uniform(1 - GAIN_SHARE, 1 + GAIN_SHARE)
    image = image * _bias(image.shape, coil_rng, rng) * level
    noise = NOISE_SHARE * WHITE_LEVEL[suffix] * rng.normal(size=(2, *image.shape))
    image = np.hypot(image + noise[0], noise[1])
    image[in_head < AIR_SHARE] = 0  # scanners blank what is no head
    return np.clip(np.round(image), 0, BRIGHTEST).astype(np.uint8)


def _bias(shape, coil_rng, rng):
    """A smooth field about 1: a few cosine waves along each axis."""
    waves = [
        np.cos(np.pi * np.arange(BIAS_WAVES)[:, None] * (np.arange(n) + 0.5) / n) for n in shape
    ]
    weights = coil_rng.normal(0, COIL_SHARE, (BIAS_WAVES,) * 3)
    weights += rng.normal(0, LOADING_SHARE, weights.shape)
    weights[0, 0, 0] = 0
    return np.exp(np.einsum("abc,ai,bj,ck->ijk", weights, *waves))
