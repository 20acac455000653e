"""Where a lesion lies: distances to ventricles and cortex, and its location class."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

import numpy as np
from nibabel.affines import apply_affine

from mslesion.errors import SettingsError
from mslesion.imaging.distance import distance_mm
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3, world_mm
from mslesion.imaging.shape import objects
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

CONTACT_MM = 2.0
"""A lesion this near to ventricle or cortex touches it (inclusive). Ours; LST-AI's
contact on 1 mm voxels is 1.73 mm."""
MOSTLY = 0.5
"""From this share inside a structure on (inclusive) a lesion lies mostly in it."""
INFRATENTORIAL_MARGIN_MM = 1.0
"""Brainstem and cerebellum reach this far (inclusive) for `MOSTLY`."""
MAX_SPACING_MM = 5.0
"""On voxels longer than this (exclusive) contact is not assessed."""
POINT_SPACING_MM = 1.5
"""Voxels longer than this (exclusive) are looked at in several points."""

CAP_REACH_MM = 5.0
"""Caps lie this near to a horn's tip (inclusive). Neuroradiology 1997;39:243."""
CAP_THICKNESS_MM = 3.0
"""Caps reach less far from the ventricle than this (exclusive)."""

INFRATENTORIAL = (s.BRAINSTEM, s.CEREBELLAR_GREY, s.CEREBELLAR_WHITE)

SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "contact": "contact within 2 mm; regions of McDonald 2017 (default)",
        "lesvoloc20": "largest overlap with dilated structures, at least 20 % of the lesion "
        "(Lesion-volumetry-and-location)",
        "lstai": "first of ventricle, cortex and infratentorial region that the lesion touches "
        "(LST-AI)",
        "wmh10mm": "periventricular up to 10 mm from the ventricle (DeCarli 2005)",
    }
)
"""Rules for the location class."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Distances to the structures that location depends on, on the anatomy's grid."""

    labels: np.ndarray
    affine: np.ndarray
    ventricle_mm: np.ndarray
    cortex_mm: np.ndarray
    infratentorial_mm: np.ndarray
    horn_tips: np.ndarray
    """(N, 3) world positions of the tips of the ventricles' horns."""


def find_surroundings(labels: np.ndarray, affine: np.ndarray, *, midplane: Midplane):
    """Distance maps of an anatomy map.

    Parameters
    ----------
    labels : (I, J, K) int array
        Anatomy map, numbers of `STRUCTURES`, voxels of 1 mm or so.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    midplane : Midplane
        Parts the horns of the left from those of the right.

    Returns
    -------
    Surroundings
        A distance is infinite where the structure is absent.
    """
    spacing = spacing_mm(affine)
    return Surroundings(
        labels,
        affine,
        distance_mm(np.isin(labels, s.LATERAL_VENTRICLES_AND_PLEXUS), spacing),
        distance_mm(labels == s.CORTEX, spacing),
        distance_mm(np.isin(labels, INFRATENTORIAL), spacing),
        _horn_tips(labels == s.LATERAL_VENTRICLES, affine, midplane),
    )


def locate_lesions(
    lesions: np.ndarray,
    affine: np.ndarray,
    *,
    surroundings: Surroundings,
    midplane: Midplane,
    scheme: str = "contact",
    contact_mm: float = CONTACT_MM,
) -> list[dict]:
    """Location of every lesion.

    Parameters
    ----------
    lesions : (I, J, K) int array
        0 outside, 1..n in the lesions.
    affine : (4, 4) array
        Their voxel-to-world matrix; the grid may differ from the anatomy's.
    surroundings : Surroundings
        Distance maps of the anatomy.
    midplane : Midplane
        Parts left from right.
    scheme : str
        One of `SCHEMES`.
    contact_mm : float
        Distance within which a lesion touches (inclusive).

    Returns
    -------
    list of dict
        One a lesion, with the location columns of the lesion table. Contact and class
        are None on voxels longer than `MAX_SPACING_MM`.

    Raises
    ------
    SettingsError
        If the scheme is not known.

    References
    ----------
    Thompson et al. 2018, 10.1016/S1474-4422(17)30470-2 (McDonald criteria); Filippi et
    al. 2019, 10.1093/brain/awz144 (MAGNIMS, what counts as touching).
    """
    if scheme not in SCHEMES:
        raise SettingsError(
            f"location_scheme is {scheme!r}, but it can be {', '.join(SCHEMES)}. Choose one."
        )
    assessable = max(spacing_mm(affine)) <= MAX_SPACING_MM
    offsets = _points_in_voxel(affine)
    to_anatomy = np.linalg.inv(surroundings.affine)
    limit = np.array(surroundings.labels.shape) - 1
    voxel_mm3 = voxel_volume_mm3(affine)
    rows = []
    for number, box, mask in objects(lesions):
        voxels = np.argwhere(mask) + [part.start for part in box]
        points = (voxels[:, None, :] + offsets).reshape(-1, 3)
        world = world_mm(affine, points)
        index = np.clip(np.rint(apply_affine(to_anatomy, world)).astype(int), 0, limit)
        at = tuple(index.T)
        structure = surroundings.labels[at]
        ventricle, cortex, infratentorial = (
            distances[at]
            for distances in (
                surroundings.ventricle_mm,
                surroundings.cortex_mm,
                surroundings.infratentorial_mm,
            )
        )
        facts = {
            "infratentorial": float(np.mean(infratentorial <= INFRATENTORIAL_MARGIN_MM)),
            "cortex": float(np.mean(structure == s.CORTEX)),
            "deep_grey": float(np.mean(np.isin(structure, s.DEEP_GREY))),
            "near_ventricle": float(np.mean(ventricle <= contact_mm)),
            "near_cortex": float(np.mean(cortex <= contact_mm)),
            "in_3mm_of_ventricle": float(np.mean(ventricle <= 3.0)),
            "in_1mm_of_cortex": float(np.mean(cortex <= 1.0)),
            "ventricle_mm": float(ventricle.min()),
            "cortex_mm": float(cortex.min()),
            "infratentorial_mm": float(infratentorial.min()),
            "volume_mm3": len(voxels) * voxel_mm3,
        }
        # By the share, which compares in the maps' own precision: 1.2 mm is 1.2000000477 there
        touches_ventricle = facts["near_ventricle"] > 0
        touches_cortex = facts["near_cortex"] > 0
        location = _CLASSIFIERS[scheme](facts, touches_ventricle, touches_cortex)
        centre = world.mean(axis=0)
        rows.append(
            {
                "lesion_id": number,
                "hemisphere": "right" if midplane.right_of(centre[None])[0] > 0 else "left",
                "location": location if assessable else None,
                "touches_ventricle": touches_ventricle if assessable else None,
                "touches_cortex": touches_cortex if assessable else None,
                "ventricle_distance_mm": _finite(facts["ventricle_mm"]),
                "cortex_distance_mm": _finite(facts["cortex_mm"]),
                "infratentorial_fraction": facts["infratentorial"],
                "cortex_fraction": facts["cortex"],
                "deep_grey_fraction": facts["deep_grey"],
                "is_cap_like": assessable
                and location == "periventricular"
                and float(ventricle.max()) < CAP_THICKNESS_MM
                and _nearest_mm(world, surroundings.horn_tips) <= CAP_REACH_MM,
            }
        )
    return rows


def _by_contact(facts, touches_ventricle, touches_cortex):
    """The class of the default scheme."""
    if facts["infratentorial"] >= MOSTLY:
        return "infratentorial"
    if facts["deep_grey"] >= MOSTLY:
        return "deep_grey"
    if facts["cortex"] >= MOSTLY:
        return "intracortical"
    if touches_ventricle and touches_cortex:
        more = facts["near_ventricle"] >= facts["near_cortex"]
        return "periventricular" if more else "juxtacortical"
    if touches_ventricle:
        return "periventricular"
    return "juxtacortical" if touches_cortex else "deep_white"


def _by_overlap(facts, _touches_ventricle, _touches_cortex):
    """Lesion-volumetry-and-location: widest overlap, 20 % at least."""
    shares = {
        "periventricular": facts["in_3mm_of_ventricle"],
        "juxtacortical": facts["in_1mm_of_cortex"],
        "infratentorial": facts["infratentorial"],
    }
    name = max(shares, key=shares.get)
    least = 0.0 if name == "infratentorial" else 0.2
    return name if shares[name] > 0 and shares[name] >= least else "deep_white"


def _by_first_touch(facts, _touches_ventricle, _touches_cortex):
    """LST-AI: ventricle, then cortex, then infratentorial, within one voxel of 1 mm."""
    for name, key in (
        ("periventricular", "ventricle_mm"),
        ("juxtacortical", "cortex_mm"),
        ("infratentorial", "infratentorial_mm"),
    ):
        if facts[key] <= np.sqrt(3):
            return name
    return "deep_white"


def _by_ten_millimetres(facts, _touches_ventricle, touches_cortex):
    """White matter hyperintensity habit: periventricular up to 10 mm."""
    if facts["infratentorial"] >= MOSTLY:
        return "infratentorial"
    if facts["ventricle_mm"] <= 10.0:
        return "periventricular"
    return "juxtacortical" if touches_cortex else "deep_white"


_CLASSIFIERS = {
    "contact": _by_contact,
    "lesvoloc20": _by_overlap,
    "lstai": _by_first_touch,
    "wmh10mm": _by_ten_millimetres,
}


def _points_in_voxel(affine: np.ndarray) -> np.ndarray:
    """(N, 3) offsets, in voxels, of the points that stand for a voxel."""
    axes = []
    for size in spacing_mm(affine):
        count = int(np.ceil(size / POINT_SPACING_MM - 1e-6))
        axes.append((np.arange(count) + 0.5) / count - 0.5)
    return np.array(list(product(*axes)))


def _horn_tips(ventricle: np.ndarray, affine: np.ndarray, midplane: Midplane) -> np.ndarray:
    """Foremost and hindmost point of each side's lateral ventricle."""
    points = world_mm(affine, np.argwhere(ventricle))
    if not len(points):
        return np.zeros((0, 3))
    tips = []
    right = midplane.right_of(points) > 0
    for side in (points[right], points[~right]):
        if len(side):
            tips += [side[side[:, 1].argmax()], side[side[:, 1].argmin()]]
    return np.array(tips)


def _nearest_mm(points: np.ndarray, tips: np.ndarray) -> float:
    """Shortest distance between two sets of points; infinite if one is empty."""
    if not len(tips):
        return float("inf")
    return float(np.linalg.norm(points[:, None] - tips, axis=2).min())


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
