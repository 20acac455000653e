"""A small head with four known lesions, as files of a visit, and a network that knows it."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import nibabel as nib
import numpy as np
import phantoms

from mslesion.imaging.resampling import working_grid
from mslesion.pipeline.visit import head as visit_head
from mslesion.segmentation.lesions.network import LesionNetwork

SCALE = 0.5
"""Of the head in `phantoms`, so that a visit takes seconds: 152 ml inside the skull."""
MIN_BRAIN_ML = 50.0
"""Stands for the limit of the package, which such a head would not reach."""
INTRACRANIAL_MM = np.multiply((62, 78, 60), SCALE)
EXTENT_MM = (84.0, 100.0, 82.0)
RADIUS_MM = 3.0
LESIONS = {
    # class: offset of the centre in mm. The ventricle's wall is at x = 8, the cortex begins
    # at x = 25.6 in the height of the second, the third is 3.5 mm or more from both
    "periventricular": (11.5, 2, 7),
    "juxtacortical": (23, -7, 4),
    "deep_white": (-14, -14, 7),
    "infratentorial": (5, -21, -22),
}
LESION_ML = 4 / 3 * np.pi * RADIUS_MM**3 / 1000
"""0.11 ml each."""
BLACK_HOLE = "deep_white"
"""The one that is darker than cortex on T1w."""


@dataclass(frozen=True, eq=False)
class Head:
    """The head on a grid."""

    shape: tuple
    affine: np.ndarray
    skull: bool = True
    names: tuple = tuple(LESIONS)
    """Which lesions there are."""
    grain: int = 0
    """Another number gives other noise."""

    @cached_property
    def labels(self):
        """Anatomy map."""
        labels = np.zeros(self.shape, np.uint8)
        for structure, offset, radii in phantoms.PARTS:
            labels[self._body(np.multiply(offset, SCALE), np.multiply(radii, SCALE))] = structure
        return labels

    @property
    def lesions(self):
        """Lesion mask."""
        return np.any([self.lesion(name) for name in self.names], axis=0)

    def lesion(self, name):
        """Mask of one lesion."""
        return self._body(LESIONS[name], (RADIUS_MM,) * 3)

    @cached_property
    def probability(self):
        """Lesion probability: 0.5 on the surface of the lesions."""
        gaps = [self._distance(offset) - RADIUS_MM for offset in map(LESIONS.get, self.names)]
        return np.clip(0.5 - np.min(gaps, axis=0) / 2, 0, 1).astype(np.float32)

    def scan(self, modality, noise=4.0):
        """Intensities."""
        labels = self.labels
        levels = phantoms.FLAIR_LEVELS if modality == "FLAIR" else phantoms.T1_LEVELS
        data = phantoms.head_scan(labels, levels)
        for name in self.names:
            level = 420 if modality == "FLAIR" else 130 if name == BLACK_HOLE else 250
            data[self.lesion(name)] = level
        if self.skull:
            whole, inner = (self._body((0, 0, 0), INTRACRANIAL_MM + mm) for mm in (10, 4))
            data[whole & ~inner & (labels == 0)] = 220
        seed = sorted(phantoms.FLAIR_LEVELS).index(1) + len(modality) + 100 * self.grain
        grain = noise * np.random.default_rng(seed).standard_normal(self.shape)
        return np.where(data > 0, np.maximum(data + grain, 1), 0).astype(np.float32)

    def _body(self, offset, radii):
        centre = phantoms.CENTRE_MM + np.array(offset, float)
        return phantoms.ellipsoid(self.shape, self.affine, centre=centre, radii=radii)

    def _distance(self, offset):
        centre = phantoms.CENTRE_MM + np.array(offset, float)
        return np.linalg.norm(phantoms.world(self.shape, self.affine) - centre, axis=-1)


@lru_cache(maxsize=4)
def head(spacing=(1.0, 1.0, 1.0), *, skull=True, tilted=False):
    """The head on a grid with axes closest to RAS."""
    shape = tuple(int(np.ceil(e / size)) for e, size in zip(EXTENT_MM, spacing, strict=True))
    axes = ((phantoms.TURN if tilted else np.eye(3)) * spacing).astype(np.float32).astype(float)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = phantoms.CENTRE_MM - axes @ ((np.array(shape) - 1) / 2)
    return Head(shape, affine, skull)


def teach(patch, *heads):
    """Replace both networks by ones that know the heads by the shape of their working grid.

    `patch` is a `pytest.MonkeyPatch`.
    """
    known = {}
    for one in heads:
        grid = working_grid(one.shape, one.affine)
        same = grid.shape == one.shape and np.allclose(grid.affine, one.affine)
        known[grid.shape] = one if same else Head(grid.shape, grid.affine, one.skull)

    def structures(scans):
        return known[next(iter(scans.values())).shape].labels

    def probability(_network, _scans, *, anatomy, affine):
        return known[anatomy.shape].probability

    patch.setattr(visit_head, "predict_structures", structures)
    patch.setattr(LesionNetwork, "probability", probability)


def write_bids(root, one, *, subject="01", session="1", modalities=("FLAIR", "T1w"), codes="RAS"):
    """Write a visit of a BIDS dataset."""
    name = f"sub-{subject}" + (f"_ses-{session}" if session else "")
    folder = root / f"sub-{subject}" / (f"ses-{session}" if session else "") / "anat"
    for modality in modalities:
        data, affine = phantoms.reoriented(one.scan(modality), one.affine, codes)
        phantoms.write_nifti(folder / f"{name}_{modality}.nii.gz", data, affine, dtype=np.int16)
    folder.mkdir(parents=True, exist_ok=True)
    description = root / "dataset_description.json"
    if not description.exists():
        description.write_text('{"Name": "phantoms", "BIDSVersion": "1.10.0"}\n')
    return folder


def write_mask(root, one, mask, *, subject="01", session="1"):
    """Write a lesion mask under the name that BIDS has for it."""
    name = f"sub-{subject}_ses-{session}"
    path = root / f"sub-{subject}" / f"ses-{session}" / "anat" / f"{name}_label-L_mask.nii.gz"
    return phantoms.write_nifti(path, mask.astype(np.uint8), one.affine)


def read(path):
    """Array of a NIfTI file."""
    return np.asanyarray(nib.load(path).dataobj)
