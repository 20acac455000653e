"""What the mask alone tells of each lesion: size, shape, centres, contact with the brain's edge."""

import numpy as np

from mslesion.imaging.shape import measure_shapes, objects
from mslesion.segmentation.lesions.instances import LesionMap


def measure_single_lesions(lesions: LesionMap) -> list[dict]:
    """Size, shape and centres of each lesion.

    Parameters
    ----------
    lesions : LesionMap
        Single lesions of one visit.

    Returns
    -------
    list of dict
        Columns of the lesion table, a dict a lesion in order of their numbers.
    """
    rows = measure_shapes(lesions.labels, lesions.affine)
    for position, row in enumerate(rows):
        centers = None if lesions.center_counts is None else int(lesions.center_counts[position])
        row["center_count"] = centers
        row["is_confluent"] = None if centers is None else centers > 1
        row["is_single_slice"] = row["slice_count"] == 1
    return rows


def find_edge_contacts(labels: np.ndarray, brain: np.ndarray) -> list[dict]:
    """Whether each lesion touches the border of the brain mask or lies beyond it.

    Parameters
    ----------
    labels : (I, J, K) int array
        Lesions numbered from 1.
    brain : (I, J, K) bool array
        Brain mask on the same grid.

    Returns
    -------
    list of dict
        The column ``touches_brain_edge``, a dict a lesion.
    """
    inner = brain.copy()
    for axis in range(3):
        for shift in (1, -1):
            inner &= np.roll(brain, shift, axis)
    return [
        {"touches_brain_edge": bool((~inner[box] & mask).any())} for _, box, mask in objects(labels)
    ]
