"""Signals: what a sequence makes of the tissues and lesions of a head, at 1 mm."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi
from tissues import TISSUES

from mslesion.segmentation.structures import FLUID, LATERAL_VENTRICLES, indices

EDGE_BLUR_MM = 0.5
LESION_BLUR_MM = 0.5
LESION_T2_MS, LESION_T1_MS, LESION_DENSITY = 85.0, 750.0, 0.06
"""Added where a lesion is full and, for T1, its darkness is 1."""
CAP_T2_MS, CAP_REACH_MM = 20.0, 1.2
"""White matter at the ventricles is a little brighter in everyone."""
UNEVEN_SHARE, UNEVEN_MM = 0.012, 5.0
"""SD of the slow variation of T1 and T2, and its scale."""
FAT_T1_MS, FAT_T2_MS, FAT_DENSITY, MUSCLE_T1_MS = 360.0, 90.0, 0.55, 1260.0
FAT_LEFT_ON_FLAIR = 0.35
"""Fat is suppressed there."""
INFRATENTORIAL_T2_MS = {"brainstem": 75.0, "cerebellar white": 75.0, "cerebellar cortex": 90.0}
"""Instead of the table's, with which they come out too bright on FLAIR."""


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


def signal(head, lesions, visit, suffix, rng):
    """Signal of a head with its lesions at a visit.

    Parameters
    ----------
    head : Head
    lesions : list of Lesion
    visit : int
        From 0.
    suffix : {"FLAIR", "T1w"}
    rng : numpy Generator
        For the unevenness of tissue, which is the same at all visits of a patient.

    Returns
    -------
    (I, J, K) float32 array
        White matter about 1, in the grid of the head.
    """
    table = np.array(
        [(t.t1_ms, INFRATENTORIAL_T2_MS.get(t.name, t.t2_ms), t.density) for t in TISSUES],
        np.float32,
    )
    t1, t2, density = np.moveaxis(table[head.tissue], -1, 0)
    soft = head.in_tissue("soft tissue")
    t1[soft] = np.where(head.fat[soft], FAT_T1_MS, MUSCLE_T1_MS)
    t2[head.fat], density[head.fat] = FAT_T2_MS, FAT_DENSITY
    for part in (t1, t2):
        field = ndi.gaussian_filter(
            rng.normal(size=part.shape).astype(np.float32), UNEVEN_MM, truncate=3
        )
        part *= 1 + UNEVEN_SHARE * field / field.std()
    white = head.in_tissue("white")
    ventricles = head.in_structure(LATERAL_VENTRICLES).astype(np.float32)
    t2 += CAP_T2_MS * white * ndi.gaussian_filter(ventricles, CAP_REACH_MM)
    effect, darkness = lesion_effects(head, lesions, visit)
    t1 += LESION_T1_MS * effect * darkness
    t2 += LESION_T2_MS * effect
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
