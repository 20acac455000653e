"""Signals: what a sequence makes of the tissues and lesions of a head, at 1 mm."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi
from tissues import TISSUES

from mslesion.schema.structures import FLUID, LATERAL_VENTRICLES, indices

EDGE_BLUR_MM = 0.5
LESION_BLUR_MM = 0.5
LESION_T2_MS, LESION_DENSITY = 30.0, 0.06
"""Added where a lesion is full."""
DARK_T1_MS, DARK_T2_MS = 750.0, 80.0
"""Added as well where its darkness is 1: more water. On FLAIR all lesions are about 1.7 times
as bright as white matter, as in scans of Lesjak 2017 and MSLesSeg."""
CAP_T2_MS, CAP_REACH_MM = 20.0, 1.2
"""White matter at the ventricles is a little brighter in everyone."""
UNEVEN_SHARE, UNEVEN_MM = 0.012, 5.0
"""SD of the slow variation of T1 and T2, and its scale."""
FAT_T1_MS, FAT_T2_MS, FAT_DENSITY, MUSCLE_T1_MS = 360.0, 90.0, 0.55, 1260.0
SKIN_DENSITY = 0.45
"""Instead of the table's, with which the scalp outshines the brain."""
FAT_LEFT_ON_FLAIR = 0.25
"""Fat is suppressed there."""
FLAIR_T2_MS = {
    "cortex": 99.0,
    "thalamus": 77.0,
    "ventral diencephalon": 74.0,
    "hippocampus": 95.0,
    "amygdala": 93.0,
    "brainstem": 75.0,
    "cerebellar white": 76.0,
    "cerebellar cortex": 90.0,
}
"""Instead of the table's, which spread more on FLAIR than real scans do."""


class Sequence(NamedTuple):
    """How a scan is taken."""

    repetition_ms: float
    echo_ms: float
    inversion_ms: float
    flip_deg: float


SEQUENCES = {
    "FLAIR": Sequence(9000, 110, 2320, 120),
    "T1w": Sequence(2200, 3, 1100, 8),
}


def unevenness(shape, rng):
    """Factors of T1 and T2 of each voxel, about 1, the same at all visits of a patient."""
    factors = []
    for _ in range(2):
        field = rng.normal(size=shape).astype(np.float32)
        field = ndi.gaussian_filter(field, UNEVEN_MM, truncate=3)
        factors.append(1 + UNEVEN_SHARE * field / field.std())
    return factors


def signal(head, lesions, visit, suffix, uneven):
    """Signal of a head with its lesions at a visit.

    Parameters
    ----------
    head : Head
    lesions : list of Lesion
    visit : int
        From 0.
    suffix : {"FLAIR", "T1w"}
    uneven : list of (I, J, K) array
        What `unevenness` returns.

    Returns
    -------
    (I, J, K) float32 array
        White matter about 1, in the grid of the head.
    """
    table = np.array(
        [(t.t1_ms, FLAIR_T2_MS.get(t.name, t.t2_ms), t.density) for t in TISSUES],
        np.float32,
    )
    t1, t2, density = np.moveaxis(table[head.tissue], -1, 0)
    soft = head.in_tissue("soft tissue")
    t1[soft] = np.where(head.fat[soft], FAT_T1_MS, MUSCLE_T1_MS)
    t2[head.fat], density[head.fat] = FAT_T2_MS, FAT_DENSITY
    density[head.in_tissue("skin")] = SKIN_DENSITY
    t1 *= uneven[0]
    t2 *= uneven[1]
    white = head.in_tissue("white")
    ventricles = head.in_structure(LATERAL_VENTRICLES).astype(np.float32)
    t2 += CAP_T2_MS * white * ndi.gaussian_filter(ventricles, CAP_REACH_MM)
    effect, darkness = lesion_effects(head, lesions, visit)
    t1 += DARK_T1_MS * effect * darkness
    t2 += (LESION_T2_MS + DARK_T2_MS * darkness) * effect
    density += LESION_DENSITY * effect
    drawn = _flair(t1, t2, density) if suffix == "FLAIR" else _t1_weighted(t1, density)
    if suffix == "FLAIR":
        drawn[head.fat] *= FAT_LEFT_ON_FLAIR
    return ndi.gaussian_filter(drawn / np.median(drawn[white]), EDGE_BLUR_MM)


def lesion_effects(head, lesions, visit):
    """Share of lesion and darkness of each voxel, borders a little blurred."""
    effect = np.zeros(head.tissue.shape, np.float32)
    darkness = np.zeros(head.tissue.shape, np.float32)
    for lesion in lesions:
        share = ndi.gaussian_filter(lesion.share(visit), LESION_BLUR_MM)
        stronger = share > effect[lesion.box]
        effect[lesion.box][stronger] = share[stronger]
        darkness[lesion.box][stronger] = lesion.darkness
    effect[head.in_structure(*indices(FLUID))] = 0
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
