"""The common frame, made exact by what the scans show inside the brain.

Mutual information of whole slices is blunt: half a millimetre off, it hardly changes, and
another scanner's shading shifts its best place by more. Once both scans are on one scale and
without shading, they are deformed onto each other; the rigid part of that deformation is
what the frame was off.
"""

from dataclasses import replace

import numpy as np
from nibabel.affines import apply_affine
from scipy.linalg import expm, logm

from mslesion.errors import StepError
from mslesion.longitudinal.alignment.common_frame import Frame, coarser
from mslesion.longitudinal.alignment.deformation import find_displacement
from mslesion.longitudinal.alignment.placing import VisitMaps, match_placed, place_pair

SPACING_MM = 2.0
"""Voxel size for this step: half a million voxels tell a rigid motion well enough."""
LEVELS = ((1, 4, 4),)
"""Nodes every 8 mm, as in `find_displacement`."""
FREE_STRAIN = 0.3
"""The displacement may be uneven: only its rigid part is used."""
EVERY = 7
"""Step in voxels between the brain voxels that are used."""
MAX_MOTION_MM = 5.0
"""A larger correction (exclusive, mean in the brain) is not made: the deformation follows no
further. The check registration_correction_mm fails then."""


def refine_frame(frame: Frame, first: VisitMaps, second: VisitMaps, modality: str) -> Frame:
    """Correct the motion between two visits by the scans inside the brain.

    Parameters
    ----------
    frame : Frame
        Where the visits are thought to lie.
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.

    Returns
    -------
    Frame
        Exactly opposite when the visits change places. The motion is the given one where
        the scans cannot be matched, or would be moved by more than `MAX_MOTION_MM`.
    """
    coarse = replace(frame, grid=coarser(frame.grid, spacing_mm=SPACING_MM))
    place = place_pair(first, second, modality, coarse)
    try:
        match = match_placed(place)
        displacement = find_displacement(
            match.first, match.second, inside=place.comparable, noise=match.noise,
            strain=FREE_STRAIN, levels=LEVELS,
        )  # fmt: skip
    except StepError:  # the comparison itself will say why
        return frame
    brain = np.argwhere((place.anatomies[0] > 0) & (place.anatomies[1] > 0) & place.comparable)[
        ::EVERY
    ]
    if not len(brain):
        return frame
    shift = displacement[:, *brain.T].T.astype(np.float64)
    before, after = (apply_affine(coarse.grid.affine, brain + sign * shift) for sign in (-0.5, 0.5))
    there, back = _rigid(before, after), _rigid(after, before)
    correction_mm = float(np.linalg.norm(apply_affine(there, before) - before, axis=1).mean())
    if correction_mm > MAX_MOTION_MM:
        return replace(frame, correction_mm=correction_mm)
    # Both ways, for then the motion is exactly opposite when the visits change places
    motion = (logm(there).real - logm(back).real) / 2
    return replace(
        frame,
        to_first=frame.to_first @ expm(-motion / 2),
        to_second=frame.to_second @ expm(motion / 2),
        correction_mm=correction_mm,
    )


def _rigid(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Rigid motion that brings points closest to their targets (Kabsch)."""
    middles = points.mean(axis=0), targets.mean(axis=0)
    left, _, right = np.linalg.svd((targets - middles[1]).T @ (points - middles[0]))
    turn = left @ np.diag([1, 1, np.sign(np.linalg.det(left @ right))]) @ right
    out = np.eye(4)
    out[:3, :3] = turn
    out[:3, 3] = middles[1] - turn @ middles[0]
    return out
