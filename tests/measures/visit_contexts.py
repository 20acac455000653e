"""A small visit for tests of measures: `visit(...)`, with any field replaced."""

from dataclasses import replace

import numpy as np

from mslesion.imaging.intensity import TissueScale
from mslesion.measures.appearance import TissueReference
from mslesion.measures.visit_context import VisitContext
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane
from mslesion.segmentation.lesions.instances import find_lesions

SHAPE = (12, 12, 12)
USUAL = TissueReference(TissueScale(100.0, 5.0), TissueScale(60.0, 5.0))
ANATOMY = np.full(SHAPE, s.WHITE_MATTER, np.uint8)
LESION = np.zeros(SHAPE, bool)
LESION[4:8, 4:8, 4:8] = True


def visit(**changes):
    """A cube of white matter of 1 mm with one lesion of 64 mm3, FLAIR and T1w."""
    plain = VisitContext(
        affine=np.eye(4),
        anatomy=ANATOMY,
        working_anatomy=ANATOMY,
        working_affine=np.eye(4),
        midplane=Midplane(np.array([1.0, 0.0, 0.0]), 6.0),
        sees_skull=True,
        scans={"FLAIR": np.full(SHAPE, 110.0), "T1w": np.full(SHAPE, 60.0)},
        references={"FLAIR": USUAL, "T1w": USUAL},
        lesions=find_lesions(LESION, np.eye(4), min_size="clinical3mm"),
        probability=LESION.astype(np.float32),
    )
    return replace(plain, **changes)
