"""Contrast enhancement of a visit that has T1w before and after contrast agent."""

from mslesion.measures.enhancement import Enhancement, find_enhancement
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.pipeline.visit.segment import Segmented
from mslesion.schema.modalities import T1W, T1W_CONTRAST


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
