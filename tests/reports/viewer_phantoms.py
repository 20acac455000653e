"""A round brain in a head with a face, and two visits of it for the viewer."""

from dataclasses import replace

import numpy as np

from mslesion.reports.viewer.section import ViewedPair, ViewedVisit
from mslesion.reports.viewer.volumes import change_volume, visit_volumes

SHAPE = (50, 60, 48)
BRAIN_MM, LESION_MM = 18.0, 3.0
LESION = (-9.5, 4.5, 5.5)
"""Centre of the lesion in mm: in the patient's left half, in front, high."""
RIGHT_LESION = (8.5, -6.5, 5.5)
"""A lesion that only the second visit has."""
FACE = 1000.0
"""Grey value outside the head's brain."""


def grid(spacing=(1.0, 1.0, 1.0)):
    """Affine of a grid around the origin."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return affine


def world(affine):
    """World points of all voxels."""
    voxels = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    return voxels @ affine[:3, :3].T + affine[:3, 3]


def ball(affine, centre, radius):
    """Voxels within a distance of a point of the world."""
    return np.linalg.norm(world(affine) - centre, axis=-1) <= radius


def scene(affine=None, lesions=(LESION,)):
    """Scans, brain, anatomy and numbered lesions of a visit, as `visit_volumes` takes them."""
    affine = grid() if affine is None else affine
    brain = ball(affine, (0, 0, 0), BRAIN_MM)
    labels = np.zeros(SHAPE, np.int32)
    for number, centre in enumerate(lesions, start=1):
        labels[ball(affine, centre, LESION_MM)] = number
    scan = np.where(brain, 100.0, FACE)
    scan[labels > 0] = 180
    return {
        "scans": {"FLAIR": scan, "T1w": np.where(brain, 120.0, FACE)},
        "brain": brain,
        "anatomy": brain.astype(np.uint8) * 3,
        "lesions": labels,
        "affine": affine,
    }


def viewed(session, made, *, locations=None, is_oriented=True):
    """A visit of a scene."""
    named = locations or {1: "periventricular", 2: "deep_white"}
    return ViewedVisit(
        session=session, day="2020-01-01", volumes=visit_volumes(**made), locations=named,
        is_oriented=is_oriented,
    )  # fmt: skip


def two_visits():
    """A visit, and a later one in another position with one lesion more; both of one world.

    The head of the first visit is turned by 0.2 about the long axis and shifted.
    """
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]
    turn[:3, 3] = (2.0, -3.0, 1.5)
    moved = tuple((turn @ [*LESION, 1])[:3])
    affine = grid()
    first = scene(affine, lesions=(moved,))
    first["brain"] = ball(affine, turn[:3, 3], BRAIN_MM)
    second = scene(affine, lesions=(LESION, RIGHT_LESION))
    change = np.array([0, 1, 2], np.uint8)[second["lesions"]]
    pair = ViewedPair(
        session_from="1", session_to="2", to_first=turn, change=change_volume(change, affine)
    )
    return [viewed("1", first), viewed("2", second)], [pair]


def three_visits():
    """The two visits, and a third at the place of the second; each beside the first."""
    visits, [pair] = two_visits()
    third = viewed("3", scene(lesions=(RIGHT_LESION,)))
    return [*visits, third], [pair, replace(pair, session_to="3", change=None)]
