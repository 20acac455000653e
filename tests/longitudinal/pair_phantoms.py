"""Small heads for pairs of visits, on 1 mm grids."""

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment.common_frame import Frame
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.schema import structures as s

SHAPE = (64, 64, 64)
CENTRE = (np.array(SHAPE) - 1) / 2
T1_LEVELS = {
    s.EXTRA_AXIAL_CSF: 0.25,
    s.CORTEX: 0.6,
    s.WHITE_MATTER: 1.0,
    s.LATERAL_VENTRICLES: 0.25,
}
FLAIR_LEVELS = {
    s.EXTRA_AXIAL_CSF: 0.3, s.CORTEX: 1.15, s.WHITE_MATTER: 1.0, s.LATERAL_VENTRICLES: 0.3,
}  # fmt: skip


def distance(centre=CENTRE, shape=SHAPE):
    """Distance of each voxel from a point."""
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"))
    return np.sqrt(((grid - np.reshape(centre, (3, 1, 1, 1))) ** 2).sum(axis=0))


def cover(radius, centre=CENTRE, shape=SHAPE):
    """Share of each voxel that a ball covers, by its distance to the border."""
    return np.clip(radius - distance(centre, shape) + 0.5, 0, 1)


def anatomy(ventricle=6.0, brain=24.0):
    """CSF around a cortex of 5 mm, white matter and a ventricle."""
    out = np.zeros(SHAPE, np.uint8)
    d = distance()
    out[d <= 28] = s.EXTRA_AXIAL_CSF
    out[d <= brain] = s.CORTEX
    out[d <= brain - 5] = s.WHITE_MATTER
    out[d <= ventricle] = s.LATERAL_VENTRICLES
    return out


def scan(
    levels, ventricle=6.0, brain=24.0, *, noise=0.01, seed=0, lesions=(), bright=0.4, blur=0.0
):
    """Intensities with partial volume; lesions are (centre, radius)."""
    data = levels[s.EXTRA_AXIAL_CSF] * cover(28)
    for structure, radius in (
        (s.CORTEX, brain),
        (s.WHITE_MATTER, brain - 5),
        (s.LATERAL_VENTRICLES, ventricle),
    ):
        share = cover(radius)
        data = data * (1 - share) + levels[structure] * share
    for centre, radius in lesions:
        data = data + bright * cover(radius, centre)
    data = ndi.gaussian_filter(data, blur) if blur else data
    data = data + noise * np.random.default_rng(seed).standard_normal(SHAPE)
    return np.where(distance() <= 28, np.maximum(data, 0.01), 0).astype(np.float32)


def visit(ventricle=6.0, brain=24.0, *, lesions=(), seed=0, modalities=("FLAIR", "T1w"), **facts):
    """A whole visit; its lesion map is the truth, softened."""
    outlined = np.zeros(SHAPE, np.int32)
    soft = np.zeros(SHAPE)
    for number, (centre, radius) in enumerate(lesions, start=1):
        outlined[distance(centre) <= radius] = number
        soft = np.maximum(soft, ndi.gaussian_filter(cover(radius, centre), 0.5))
    levels = {"FLAIR": FLAIR_LEVELS, "T1w": T1_LEVELS}
    return VisitMaps(
        scans={
            m: PlacedScan(
                scan(levels[m], ventricle, brain, seed=seed + 100 * n,
                     lesions=lesions, bright=0.4 if m == "FLAIR" else -0.2),
                np.eye(4),
            )
            for n, m in enumerate(modalities)
        },
        anatomy=anatomy(ventricle, brain),
        anatomy_affine=np.eye(4),
        lesions=outlined,
        lesions_affine=np.eye(4),
        probability=soft.astype(np.float32),
        **facts,
    )  # fmt: skip


def still_frame(*args, **kwargs):
    """A frame for scans that did not move: stands for the registration."""
    return Frame(Grid(SHAPE, np.eye(4)), np.eye(4), np.eye(4), 0.0, 1.0)


def matched(first, second, levels, noise=0.014):
    """Scans that are on one scale already."""
    values = tuple(levels[k] for k in (s.LATERAL_VENTRICLES, s.CORTEX, s.WHITE_MATTER))
    return MatchedPair(first, second, noise, values, (0.02, 0.02, 0.02))
