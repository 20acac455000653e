"""Agreement of lesion masks with reference masks, by the rules of the field.

`measure_agreement` measures one pair, `summarize_agreement` a set of pairs. The rules
stand one in a module: voxels, surfaces, Anima's lesion detection (MSSEG), one-to-one
matching, detection by size, the ISBI score, and what each is worth where a mask is empty.
"""

from mslesion.evaluation.agreement import measure_agreement
from mslesion.evaluation.anima import FalseLesions, detect_by_anima, measure_false_lesions
from mslesion.evaluation.bootstrap import Interval, bootstrap_interval
from mslesion.evaluation.detection import Detection
from mslesion.evaluation.empty import EMPTY_RULES, EmptyRule
from mslesion.evaluation.isbi import detect_any_overlap, score_isbi, score_isbi_set
from mslesion.evaluation.lesion_matching import match_lesions
from mslesion.evaluation.sizes import SIZE_BINS_MM3, SizeBin, detect_by_size
from mslesion.evaluation.summary import summarize_agreement
from mslesion.evaluation.surfaces import SurfaceDistances, measure_surfaces
from mslesion.evaluation.volumes import VolumeAgreement, measure_volume_agreement
from mslesion.evaluation.voxels import VoxelOverlap, measure_overlap

__all__ = [
    "EMPTY_RULES",
    "SIZE_BINS_MM3",
    "Detection",
    "EmptyRule",
    "FalseLesions",
    "Interval",
    "SizeBin",
    "SurfaceDistances",
    "VolumeAgreement",
    "VoxelOverlap",
    "bootstrap_interval",
    "detect_any_overlap",
    "detect_by_anima",
    "detect_by_size",
    "match_lesions",
    "measure_agreement",
    "measure_false_lesions",
    "measure_overlap",
    "measure_surfaces",
    "measure_volume_agreement",
    "score_isbi",
    "score_isbi_set",
    "summarize_agreement",
]
