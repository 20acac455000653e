"""Contrast enhancement of a visit that has T1w before and after contrast agent."""

import numpy as np

from mslesion.measures.enhancement import Enhancement, find_enhancement
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.pipeline.visit.segment import Segmented
from mslesion.schema.modalities import T1W, T1W_CONTRAST

COLUMNS = ("enhancing_candidate_count", "enhancing_candidate_volume_ml")


def measure_enhancement(
    prepared: Prepared, segmented: Segmented, *, t1_reason: str
) -> tuple[Enhancement | None, str]:
    """Candidates for enhancing lesions.

    Parameters
    ----------
    prepared : Prepared
        The visit's scans.
    segmented : Segmented
        Its anatomy and lesions.
    t1_reason : str
        Why its T1w is no T1w without contrast agent; empty if it is one.

    Returns
    -------
    candidates : Enhancement or None
    reason : str
        Why there are none to give; empty if there are.
    """
    if segmented.lesions is None:
        return None, segmented.no_lesions_because
    if T1W_CONTRAST not in prepared.scans:
        return None, "no T1w after contrast agent beside one before it"
    if t1_reason:
        return None, t1_reason
    found = find_enhancement(
        segmented.corrected[T1W],
        segmented.corrected[T1W_CONTRAST],
        prepared.grid.affine,
        anatomy=segmented.anatomy,
        lesions=segmented.lesions.mask,
    )
    return found, "" if found else "no white matter to compare with"


def add_enhancement(row: dict, rows: list[dict], labels: np.ndarray, found: Enhancement) -> None:
    """Add the candidates to the rows of the visit and of its lesions.

    Parameters
    ----------
    row : dict
        Row of the visit table.
    rows : list of dict
        Its rows of the lesion table, lesion 1 first.
    labels : (I, J, K) int array
        Number of the lesion.
    found : Enhancement
        The candidates.
    """
    row |= dict(zip(COLUMNS, (found.count, found.volume_mm3 / 1000), strict=True))
    bright = set(np.unique(labels[found.labels > 0]).tolist())
    for lesion in rows:
        lesion["is_enhancing_candidate"] = lesion["lesion_id"] in bright
