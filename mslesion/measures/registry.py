"""Every measure of a visit, in order."""

from collections.abc import Callable

import numpy as np

from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.measures.load import measure_load
from mslesion.measures.visit_context import VisitContext
from mslesion.schema import structures as s
from mslesion.schema.prerequisites import LESIONS


def brain_volumes(visit: VisitContext) -> dict:
    """Brain volumes and widths (`mslesion.measures.volumes`)."""
    return visit.volumes


def lesion_load(visit: VisitContext) -> dict:
    """Load, counts, locations and look of the lesions (`mslesion.measures.load`)."""
    if not visit.unmet.isdisjoint(LESIONS):
        return {}
    white = np.isin(visit.anatomy, s.indices(s.WHITE))
    voxels = np.count_nonzero(visit.lesions.mask & white)
    return measure_load(
        visit.lesion_rows,
        visit.lesions,
        volumes=visit.volumes,
        white_lesion_ml=voxels * voxel_volume_mm3(visit.affine) / 1000,
        has_t1_index=visit.t1_index is not None,
    )


def enhancement(visit: VisitContext) -> dict:
    """Candidates for enhancing lesions (`mslesion.measures.enhancement`)."""
    found = visit.enhancement
    if found is None or not visit.unmet.isdisjoint(LESIONS):
        return {}
    return {
        "enhancing_candidate_count": found.count,
        "enhancing_candidate_volume_ml": found.volume_mm3 / 1000,
    }


MEASURES: tuple[Callable[[VisitContext], dict], ...] = (brain_volumes, lesion_load, enhancement)
"""Each gives values by column of visits.csv; what it leaves out or gives as None is empty, and
the prerequisites of the column say why. A new biomarker is one more entry."""
