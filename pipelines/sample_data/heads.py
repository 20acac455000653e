"""Heads: tissue maps of 1 mm in a space of their own, and the way to MNI space."""

from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from pack import canonical, contrast, tissue_map, to_sitk
from scipy import ndimage as ndi
from tissues import TISSUES, tissue_number

from mslesion.schema.structures import BRAIN

AIR_MARGIN_VOXELS = 8
NECK_MM = 20
"""What is kept of the neck, below the brainstem."""
FAT_DEPTH_MM = 6.0
"""Soft tissue nearer to the skin than this is fat."""
SAMPLED_SHARE = 0.05
"""Of the voxels, in the registration to MNI space."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
TEMPLATE_LEVEL = np.array([0, 0.15, 0.6, 1.0, 0.15, 0.8], np.float32)
"""Grey level of the classes of the region mask, as `Tissue.level`."""


class Head(NamedTuple):
    """A head without lesions."""

    tissue: np.ndarray
    """(I, J, K) uint8: positions in `TISSUES`, axes RAS, 1 mm."""
    structure: np.ndarray
    """(I, J, K) uint8: numbers of the anatomy map."""
    fat: np.ndarray
    """(I, J, K) bool: soft tissue that is fat."""
    solid: np.ndarray
    """(I, J, K) bool: the head with its cavities."""
    affine: np.ndarray
    """Voxel to head space: mm, RAS+, 0 in the middle of the brain."""
    to_mni: np.ndarray
    """Head space to MNI space."""

    def in_tissue(self, *names):
        """Where one of these tissues is."""
        return np.isin(self.tissue, [tissue_number(name) for name in names])

    def in_structure(self, *indices):
        """Where one of these structures is."""
        return np.isin(self.structure, indices)


def load_head(shared, number):
    """One of the label maps as a head.

    Parameters
    ----------
    shared : Path
        The folder with `label_maps` and `atlas`.
    number : str
        Two digits, as in the name of the label map's file.
    """
    labels, affine = canonical(shared / f"label_maps/training_seg_{number}.nii.gz")
    tissue = tissue_map(np.asarray(labels))
    tissue[tissue == tissue_number("hypointense white")] = tissue_number("white")
    to_mni = _way_to_mni(shared, tissue, affine)
    tissue, affine = _crop(tissue, affine)
    structure = np.array([t.structure for t in TISSUES], np.uint8)[tissue]
    middle = np.eye(4)
    middle[:3, 3] = affine[:3] @ [*ndi.center_of_mass(np.isin(structure, BRAIN)), 1]
    return Head(
        tissue,
        structure,
        _fat(tissue),
        _solid(tissue),
        np.linalg.inv(middle) @ affine,
        to_mni @ middle,
    )


def _way_to_mni(shared, tissue, affine):
    """(4, 4) from the label map's world to MNI space, both RAS."""
    regions, regions_affine = canonical(shared / "atlas/regions_msmask_ICBM2009c_1mm.nii.gz")
    template = ndi.gaussian_filter(TEMPLATE_LEVEL[regions.astype(int)], 1.5)
    transform = _align(to_sitk(contrast(tissue), affine), to_sitk(template, regions_affine))
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    back = np.eye(4)  # MNI to label map, LPS
    back[:3, 3] = origin
    for axis in range(3):
        back[:3, axis] = np.array(transform.TransformPoint(np.eye(3)[axis].tolist())) - origin
    # Shapes are drawn by lot among those that fit: the last digits would change the draw
    return np.round(np.linalg.inv(LPS @ back @ LPS), 3)


def _align(moving, fixed):
    """Affine transform (fixed to moving) of largest correlation, the same at every run."""
    first = sitk.CenteredTransformInitializer(
        fixed,
        moving,
        sitk.AffineTransform(3),
        sitk.CenteredTransformInitializerFilter.MOMENTS,
    )
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in another order would differ
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(SAMPLED_SHARE, seed=1)  # else by the clock
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 300)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SetInitialTransform(first, inPlace=True)
    method.Execute(fixed, moving)
    return first


def _crop(tissue, affine):
    """The head with a margin of air; below, the cut goes through the neck."""
    brainstem = tissue == tissue_number("brainstem")
    lowest = np.flatnonzero(brainstem.any((0, 1)))[0] - NECK_MM
    bounds = []
    for axis in range(3):
        inside = np.flatnonzero(tissue.any(tuple({0, 1, 2} - {axis})))
        bounds.append([inside[0] - AIR_MARGIN_VOXELS, inside[-1] + AIR_MARGIN_VOXELS + 1])
    bounds[2][0] = max(lowest, bounds[2][0] + AIR_MARGIN_VOXELS + 1)
    bounds = [(max(a, 0), min(b, n)) for (a, b), n in zip(bounds, tissue.shape, strict=True)]
    shift = np.eye(4)
    shift[:3, 3] = [first for first, _ in bounds]
    return tissue[tuple(slice(*b) for b in bounds)].copy(), affine @ shift


def _fat(tissue):
    """Where soft tissue is fat: under the skin, and here and there further inside."""
    soft = tissue == tissue_number("soft tissue")
    rng = np.random.default_rng(0)
    patches = ndi.gaussian_filter(rng.normal(size=tissue.shape).astype(np.float32), 3)
    shallow = ndi.distance_transform_edt(tissue > 0) < FAT_DEPTH_MM
    return soft & (shallow | (patches > 0.7 * patches.std()))


def _solid(tissue):
    """The head without holes; nose and ears are closed, and the neck goes on below."""
    closed = np.pad(tissue > 0, ((0, 0), (0, 0), (AIR_MARGIN_VOXELS, 0)), "edge")
    closed = ndi.binary_closing(closed, iterations=AIR_MARGIN_VOXELS // 2)
    return ndi.binary_fill_holes(closed)[:, :, AIR_MARGIN_VOXELS:]
