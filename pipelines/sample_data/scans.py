"""Scans: the signal of a head with its lesions, seen through a scanner.

Tissue parameters are turned into signal by the sequence equations at 1 mm, in the
space of the head; a scan is the mean of the signal over each of its voxels, with
bias field and Rician noise.
"""

import itertools
from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi
from tissues import TISSUES

from mslesion.segmentation.structures import LATERAL_VENTRICLES

from .atrophy import sample

EDGE_BLUR_MM = 0.5
LESION_BLUR_MM = 0.5
LESION_T2_MS = 85.0
LESION_T1_MS = 750.0
"""Added where a lesion is full and, for T1, its darkness is 1."""
LESION_DENSITY = 0.06
CAP_T2_MS = 14.0
"""Added to white matter at the ventricles, which is brighter in everyone."""
CAP_REACH_MM = 1.2
UNEVEN_SHARE = 0.012
"""SD of the slow variation of T1 and T2."""
FAT_T1_MS, FAT_T2_MS = 360.0, 90.0
MUSCLE_T1_MS = 1260.0
FAT_LEFT_ON_FLAIR = 0.25
"""Fat is suppressed there."""
WHITE_LEVEL = {"FLAIR": 90.0, "T1w": 120.0}
NOISE_SHARE = 0.022
"""SD of the noise per signal of white matter."""
BIAS_SHARE = 0.06
"""SD of the weights of the bias field's waves."""
BRIGHTEST = 255


class Sequence(NamedTuple):
    """How a scan is taken; times in ms."""

    repetition_ms: float
    echo_ms: float
    inversion_ms: float
    flip_deg: float


SEQUENCES = {
    "FLAIR": Sequence(9000, 110, 2320, 120),
    "T1w": Sequence(2200, 3, 950, 8),
}


def signal(head, lesions, visit, suffix, seed):
    """(I, J, K) signal of a head at a visit, white matter about 1, at 1 mm."""
    t1, t2, density = (
        np.array([getattr(t, name) for t in TISSUES], np.float32)[head.tissue]
        for name in ("t1_ms", "t2_ms", "density")
    )
    soft = head.in_tissue("soft tissue")
    t1[soft] = np.where(head.fat[soft], FAT_T1_MS, MUSCLE_T1_MS)
    t2[head.fat] = FAT_T2_MS
    rng = np.random.default_rng(seed)
    for part in (t1, t2):
        part *= np.exp(UNEVEN_SHARE * _slow_field(part.shape, rng))
    white = head.in_tissue("white")
    near = ndi.gaussian_filter(
        head.in_structure(LATERAL_VENTRICLES).astype(np.float32), CAP_REACH_MM
    )
    t2 += CAP_T2_MS * np.where(white, near, 0) / 0.5
    effect, darkness = _lesion_effects(head, lesions, visit)
    t1 += LESION_T1_MS * effect * darkness
    t2 += LESION_T2_MS * effect
    density += LESION_DENSITY * effect
    drawn = _flair(t1, t2, density) if suffix == "FLAIR" else _t1_weighted(t1, density)
    if suffix == "FLAIR":
        drawn[head.fat] *= FAT_LEFT_ON_FLAIR
    return ndi.gaussian_filter(drawn / np.median(drawn[white]), EDGE_BLUR_MM)


def _lesion_effects(head, lesions, visit):
    """Share of lesion and darkness of each voxel, borders a little blurred."""
    effect = np.zeros(head.tissue.shape, np.float32)
    darkness = np.zeros(head.tissue.shape, np.float32)
    for lesion in lesions:
        part = ndi.gaussian_filter(lesion.share(visit), LESION_BLUR_MM)
        stronger = part > effect[lesion.box]
        darkness[lesion.box][stronger] = lesion.darkness
        effect[lesion.box] = np.maximum(effect[lesion.box], part)
    fluid = np.isin(head.structure, FLUID)
    effect[fluid] = 0
    return effect, darkness


def _flair(t1, t2, density):
    """Inversion recovery turbo spin echo."""
    s = SEQUENCES["FLAIR"]
    z = 1 - 2 * np.exp(-s.inversion_ms / t1) + np.exp(-s.repetition_ms / t1)
    return density * np.abs(z) * np.exp(-s.echo_ms / t2)


def _t1_weighted(t1, density):
    """Magnetisation-prepared gradient echo."""
    s = SEQUENCES["T1w"]
    z = 1 - 2 * np.exp(-s.inversion_ms / t1) / (1 + np.exp(-s.repetition_ms / t1))
    return density * np.abs(z)


def _slow_field(shape, rng):
    """Gaussian noise, smooth over some 10 mm, SD about 1."""
    field = ndi.gaussian_filter(rng.normal(size=shape).astype(np.float32), 5, truncate=3)
    return field / field.std()
