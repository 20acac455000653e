"""Atrophy: a smooth deformation of which the change of every volume is known.

Every tissue is given a strain, the share by which it is to grow. The skull stays,
so the CSF outside the brain takes up what the brain loses. The displacement is
the gradient of a potential whose Laplacian is the strain; its Jacobian, not the
strain asked for, is the truth.
"""

from functools import cached_property

import numpy as np
from scipy import fft
from scipy import ndimage as ndi

from mslesion.schema.structures import (
    BRAIN,
    CHOROID_PLEXUS,
    EXTRA_AXIAL_CSF,
    LATERAL_VENTRICLES,
    THALAMUS,
    THIRD_VENTRICLE,
)

STRAIN_BLUR_MM = 1.5
SKULL_MM = 5.0
"""Over this distance from the cavity the displacement fades to nothing."""
SOFT_BORDER_MM = 0.76
"""Blur of a region as it is drawn: `EDGE_BLUR_MM` of scans.py and twice a linear
interpolation, of the labels and of the displacement (0.5² + 1/6 + 1/6)."""
NEAR_MM = 15.0
"""CSF grows most where most brain is lost within about this distance."""
STRAIN_STEPS = 3
INVERSION_STEPS = 8


class Deformation:
    """Displacement of every point of a head; all in voxels of 1 mm.

    Parameters
    ----------
    displacement : (3, I, J, K) array
        Where each point of the head of the first visit goes.
    """

    def __init__(self, displacement):
        self.displacement = displacement

    @cached_property
    def jacobian(self):
        """(I, J, K) growth of volume of each point of the first visit's head."""
        (a, b, c), (d, e, f), (g, h, i) = (np.gradient(u) for u in self.displacement)
        a, e, i = a + 1, e + 1, i + 1
        return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)

    def change_pct(self, region):
        """By how many percent a region, drawn with its soft border, grows."""
        share = ndi.gaussian_filter(region.astype(np.float32), SOFT_BORDER_MM)
        return 100 * (np.average(self.jacobian, weights=share) - 1)

    @cached_property
    def back(self):
        """(3, I, J, K) displacement from the later head to the first."""
        grid = np.indices(self.displacement.shape[1:], np.float32)
        back = -self.displacement
        for _ in range(INVERSION_STEPS):
            back = -sample(self.displacement, grid + back)
        return back

    def scaled(self, share):
        """A part of the way."""
        return Deformation(self.displacement * np.float32(share))


def sample(parts, points):
    """Each (I, J, K) part at (3, ...) voxel positions, linear."""
    return np.stack([ndi.map_coordinates(part, points, order=1, mode="nearest") for part in parts])


def atrophy(head, strain):
    """The deformation that gives a head a `Strain` of patients.py, to some 0.01 %."""
    ventricles = (LATERAL_VENTRICLES, CHOROID_PLEXUS, THIRD_VENTRICLE)
    regions = [head.in_structure(*s) for s in (BRAIN, (THALAMUS,), ventricles)]
    asked = np.array(strain)
    for _ in range(STRAIN_STEPS):
        deformation = _stretched(head, regions, asked)
        reached = [deformation.change_pct(region) for region in regions]
        asked = asked * np.array(strain) / reached
    return deformation


def _stretched(head, regions, strains):
    """The deformation towards these strains (percent); later regions win over earlier."""
    target = np.zeros(head.structure.shape)
    for region, strain in zip(regions, strains, strict=True):
        target[region] = strain / 100
    cavity, outer = head.structure > 0, head.in_structure(EXTRA_AXIAL_CSF)
    room = ndi.gaussian_filter(outer * 1.0, NEAR_MM)[outer]
    wanted = ndi.gaussian_filter(target, NEAR_MM)[outer] / room
    target[outer] = -wanted * target.sum() / wanted.sum()
    smooth = ndi.gaussian_filter(target, STRAIN_BLUR_MM)[cavity]
    smooth /= ndi.gaussian_filter(cavity * 1.0, STRAIN_BLUR_MM)[cavity]
    target[cavity] = smooth - smooth.mean()
    outside = ndi.distance_transform_edt(~cavity)
    fade = np.clip(1 - outside / SKULL_MM, 0, 1)
    fade = fade * fade * (3 - 2 * fade)
    displacement = np.stack(np.gradient(_solve_poisson(target))) * fade
    return Deformation(displacement.astype(np.float32))


def _solve_poisson(target):
    """The potential whose second derivatives add up to `target`; flat at the border."""
    frequency = fft.dctn(target.astype(np.float64))
    total = np.zeros(target.shape)
    for axis, size in enumerate(target.shape):
        eigenvalue = 2 * np.cos(np.pi * np.arange(size) / size) - 2
        total += eigenvalue.reshape([-1 if a == axis else 1 for a in range(3)])
    total[0, 0, 0] = 1
    frequency /= total
    frequency[0, 0, 0] = 0
    return fft.idctn(frequency)
