"""Agreement of lesion masks with reference masks, by the rules of the field.

`measure_agreement` measures one pair, `measure_lesion_agreement` its lesions by size and
location, `measure_rater_agreement` a mask and those of several raters; for each there is a summary
of a set of scans. The rules stand one in a module: voxels, surfaces, Anima's lesion detection
(MSSEG), one-to-one matching, groups of lesions, the ISBI score, and what each is worth where a
mask is empty.
"""

from mslesion.evaluation.agreement import measure_agreement
from mslesion.evaluation.anima import FalseLesions, detect_by_anima, measure_false_lesions
from mslesion.evaluation.bootstrap import Interval, bootstrap_interval
from mslesion.evaluation.detection import Detection
from mslesion.evaluation.empty import EMPTY_RULES, EmptyRule
from mslesion.evaluation.isbi import detect_any_overlap, score_isbi, score_isbi_set
from mslesion.evaluation.lesion_groups import (
    LesionGroup,
    detect_by_group,
    measure_lesion_agreement,
)
from mslesion.evaluation.lesion_matching import match_lesions
from mslesion.evaluation.lesion_summary import summarize_lesion_agreement
from mslesion.evaluation.raters import measure_rater_agreement, summarize_rater_agreement
from mslesion.evaluation.sizes import SIZE_BINS_MM3, size_classes
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
    "LesionGroup",
    "SurfaceDistances",
    "VolumeAgreement",
    "VoxelOverlap",
    "bootstrap_interval",
    "detect_any_overlap",
    "detect_by_anima",
    "detect_by_group",
    "match_lesions",
    "measure_agreement",
    "measure_false_lesions",
    "measure_lesion_agreement",
    "measure_overlap",
    "measure_rater_agreement",
    "measure_surfaces",
    "measure_volume_agreement",
    "score_isbi",
    "score_isbi_set",
    "size_classes",
    "summarize_agreement",
    "summarize_lesion_agreement",
    "summarize_rater_agreement",
]
