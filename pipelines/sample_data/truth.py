"""What is true of the sample data: volumes, lesions, and how they change."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage as ndi

from mslesion.schema.structures import (
    BRAIN,
    CHOROID_PLEXUS,
    LATERAL_VENTRICLES,
    THALAMUS,
    THIRD_VENTRICLE,
)
from mslesion.schema.time import DAYS_PER_YEAR

from .lesions import REGIONS, ball_diameter_mm

VOLUMES = {
    "tiv_ml": None,
    "brain_ml": BRAIN,
    "lateral_ventricles_ml": (LATERAL_VENTRICLES, CHOROID_PLEXUS),
    "third_ventricle_ml": (THIRD_VENTRICLE,),
    "thalamus_ml": (THALAMUS,),
}
"""Structures of each volume; None: all."""
ENLARGING_MM, STABLE_MM = 0.9, 0.5
"""Radii grow by at least the one (inclusive) or less than the other; nothing between."""
SLOW_MM = 0.1
"""A stable lesion whose radius grows by this or more (inclusive) expands slowly."""

COLUMNS = {
    "participant_id": "Participant.",
    "session_id": "Visit.",
    "session_from": "Earlier visit.",
    "session_to": "Later visit.",
    "days": "Days since the first visit, or between the two.",
    "lesion_count": "Lesions.",
    "lesion_volume_ml": "Volume of all lesions, in mL.",
    **{f"{region}_count": f"Lesions that are {region}." for region in REGIONS},
    "tiv_ml": "Intracranial volume, in mL.",
    "brain_ml": "Brain with lesions, without ventricles, in mL.",
    "lateral_ventricles_ml": "Lateral ventricles with their choroid plexus, in mL.",
    "third_ventricle_ml": "Third ventricle, in mL.",
    "thalamus_ml": "Both thalami, in mL.",
    "track": "Number of the lesion, the same at all visits; its label in seg-lesions_dseg.",
    "location": "periventricular and juxtacortical: at most 1 mm from lateral ventricle or "
    "cortex; deep_white: at least 3 mm from both; infratentorial: in brainstem or cerebellum.",
    "x_mm": "Centroid in the space of the visit's FLAIR, to the right.",
    "y_mm": "Centroid, to the front.",
    "z_mm": "Centroid, to the head.",
    "volume_mm3": "True volume, in mm3; the map has it to about a voxel.",
    "equivalent_diameter_mm": "Diameter of the ball of this volume.",
    "new_t2_count": "Lesions that only the later visit has.",
    "enlarging_count": f"Lesions whose radius has grown by {ENLARGING_MM} mm or more.",
    "stable_count": f"Lesions whose radius has changed by less than {STABLE_MM} mm.",
    "slowly_expanding_count": f"Stable lesions whose radius has grown by {SLOW_MM} mm or more.",
    "resolved_count": "Lesions that only the earlier visit has.",
    "new_t2_volume_ml": "Volume of the new lesions, in mL.",
    "lesion_volume_change_ml": "Change of the volume of all lesions, in mL.",
    "pbvc_pct": "Brain volume change, in percent of the earlier visit's.",
    "pbvc_pct_per_year": "The same per year (365.25 days), linear.",
    "lateral_ventricles_change_pct": "Change of the lateral ventricles, in percent.",
    "third_ventricle_change_pct": "Change of the third ventricle, in percent.",
    "thalamus_change_pct": "Change of the thalami, in percent.",
    "change": "new, enlarging, stable or resolved.",
    "slowly_expanding": "Whether it is stable and expands slowly.",
    "volume_from_mm3": "Volume at the earlier visit; 0: not there.",
    "volume_to_mm3": "Volume at the later visit; 0: not there.",
    "radius_change_mm": "Growth of the radius of the ball of this volume; n/a: not there at both.",
}
"""Every column of the truth's tables."""


class VisitTruth(NamedTuple):
    """What is true of one visit."""

    session: str
    day: object
    volumes_ml: dict
    """By the names of `VOLUMES`."""
    lesions_mm3: dict
    """Volume by track; 0 where it is not there."""
    centroids_mm: dict
    """Place in the FLAIR's space by track, of those that are there."""


def measure(head, lesions, visit, deformation, placed):
    """Volumes in mL by name, lesion volumes in mm³ and centroids in mm by track."""
    volumes = {}
    for name, structures in VOLUMES.items():
        region = head.structure > 0 if structures is None else head.in_structure(*structures)
        growth = 0.0 if deformation is None else deformation.change_pct(region)
        volumes[name] = np.count_nonzero(region) / 1000 * (1 + growth / 100)
    sizes, centroids = {}, {}
    for lesion in lesions:
        share = lesion.share(visit)
        if deformation is not None:
            share = share * deformation.jacobian[lesion.box]
        sizes[lesion.track] = float(share.sum(dtype=float))
        if sizes[lesion.track]:
            middle = np.array(ndi.center_of_mass(share)) + [part.start for part in lesion.box]
            if deformation is not None:
                at = tuple(np.round(middle).astype(int))
                middle = middle + deformation.displacement[:, *at]
            centroids[lesion.track] = (placed @ head.affine @ [*middle, 1])[:3]
    return volumes, sizes, centroids


def lesion_rows(patient, lesions, visit):
    """Rows of the lesions of one visit."""
    return [
        {
            "participant_id": f"sub-{patient.label}",
            "session_id": f"ses-{visit.session}",
            "track": lesion.track,
            "location": lesion.region,
            **{
                f"{axis}_mm": round(float(place), 1)
                for axis, place in zip("xyz", visit.centroids_mm[lesion.track], strict=True)
            },
            "volume_mm3": round(visit.lesions_mm3[lesion.track], 1),
            "equivalent_diameter_mm": round(
                float(ball_diameter_mm(visit.lesions_mm3[lesion.track])), 2
            ),
        }
        for lesion in lesions
        if visit.lesions_mm3[lesion.track]
    ]


def visit_row(patient, lesions, visit, first):
    """Row of one visit."""
    there = [lesion for lesion in lesions if visit.lesions_mm3[lesion.track]]
    return {
        "participant_id": f"sub-{patient.label}",
        "session_id": f"ses-{visit.session}",
        "days": (visit.day - first.day).days,
        "lesion_count": len(there),
        "lesion_volume_ml": round(sum(visit.lesions_mm3.values()) / 1000, 3),
        **{f"{region}_count": sum(x.region == region for x in there) for region in REGIONS},
        **{name: round(value, 2) for name, value in visit.volumes_ml.items()},
    }


def lesion_change_rows(patient, lesions, earlier, later):
    """Rows of what became of each lesion between two visits."""
    rows = []
    for lesion in lesions:
        before, after = (visit.lesions_mm3[lesion.track] for visit in (earlier, later))
        if not before and not after:
            continue
        growth = float(ball_diameter_mm(after) - ball_diameter_mm(before)) / 2
        event = _event(before, after, growth)
        rows.append(
            {
                "participant_id": f"sub-{patient.label}",
                "session_from": f"ses-{earlier.session}",
                "session_to": f"ses-{later.session}",
                "track": lesion.track,
                "location": lesion.region,
                "change": event,
                "slowly_expanding": "yes" if event == "stable" and growth >= SLOW_MM else "no",
                "volume_from_mm3": round(before, 1),
                "volume_to_mm3": round(after, 1),
                "radius_change_mm": round(growth, 2) if before and after else None,
            }
        )
    return rows


def _event(before, after, growth_mm):
    """What became of a lesion."""
    if not before:
        return "new"
    if not after:
        return "resolved"
    if growth_mm >= ENLARGING_MM:
        return "enlarging"
    if abs(growth_mm) < STABLE_MM:
        return "stable"
    raise RuntimeError(
        f"A lesion's radius grows by {growth_mm:.2f} mm, but only less than {STABLE_MM} mm or "
        f"at least {ENLARGING_MM} mm is clear. Change its growth in patients.py."
    )


def change_row(patient, earlier, later, lesion_changes):
    """Row of the change between two visits."""
    events = [row["change"] for row in lesion_changes]
    days = (later.day - earlier.day).days
    change = {
        name.removesuffix("_ml"): 100 * (later.volumes_ml[name] / earlier.volumes_ml[name] - 1)
        for name in VOLUMES
    }
    new = sum(row["volume_to_mm3"] for row in lesion_changes if row["change"] == "new")
    total = sum(later.lesions_mm3.values()) - sum(earlier.lesions_mm3.values())
    return {
        "participant_id": f"sub-{patient.label}",
        "session_from": f"ses-{earlier.session}",
        "session_to": f"ses-{later.session}",
        "days": days,
        "new_t2_count": events.count("new"),
        "enlarging_count": events.count("enlarging"),
        "stable_count": events.count("stable"),
        "slowly_expanding_count": sum(r["slowly_expanding"] == "yes" for r in lesion_changes),
        "resolved_count": events.count("resolved"),
        "new_t2_volume_ml": round(new / 1000, 3),
        "lesion_volume_change_ml": round(total / 1000, 3),
        "pbvc_pct": round(change["brain"], 3),
        "pbvc_pct_per_year": round(change["brain"] / days * DAYS_PER_YEAR, 3),
        "lateral_ventricles_change_pct": round(change["lat_vent"], 2),
        "third_ventricle_change_pct": round(change["third_ventricle"], 2),
        "thalamus_change_pct": round(change["thalamus"], 2),
    }
