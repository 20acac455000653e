"""Brain MRI of people with multiple sclerosis, turned into biomarkers.

The names below are the public surface; each is imported when it is first used, so that the
import itself takes no time. Every function that takes an image takes a path, a nibabel image, or
a tuple of an array and its affine.
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mslesion.api.agreement import compare_lesions, compare_masks, compare_raters
    from mslesion.api.brain import measure_brain
    from mslesion.api.criteria import evaluate_criteria
    from mslesion.api.lesions import measure_lesions
    from mslesion.api.resampling import resample_mask
    from mslesion.api.tracking import track_lesions
    from mslesion.criteria import Facts
    from mslesion.errors import MSLesionError
    from mslesion.evaluation import (
        summarize_agreement,
        summarize_lesion_agreement,
        summarize_rater_agreement,
    )
    from mslesion.io.dataset import find_visits
    from mslesion.io.images import save_like
    from mslesion.io.nifti import Scan, load_labels, load_mask, load_scan
    from mslesion.pipeline.dataset.run import run_dataset
    from mslesion.pipeline.pair.compare import compare_visits
    from mslesion.pipeline.settings import Settings
    from mslesion.pipeline.visit.process import process_visit
    from mslesion.segmentation.lesions.network import LesionNetwork
    from mslesion.segmentation.lesions.protocol import LesionSegmenter

    __version__: str

_MODULE_OF = {
    "Facts": "criteria",
    "LesionNetwork": "segmentation.lesions.network",
    "LesionSegmenter": "segmentation.lesions.protocol",
    "MSLesionError": "errors",
    "Scan": "io.nifti",
    "Settings": "pipeline.settings",
    "compare_lesions": "api.agreement",
    "compare_masks": "api.agreement",
    "compare_raters": "api.agreement",
    "compare_visits": "pipeline.pair.compare",
    "evaluate_criteria": "api.criteria",
    "find_visits": "io.dataset",
    "load_labels": "io.nifti",
    "load_mask": "io.nifti",
    "load_scan": "io.nifti",
    "measure_brain": "api.brain",
    "measure_lesions": "api.lesions",
    "process_visit": "pipeline.visit.process",
    "resample_mask": "api.resampling",
    "run_dataset": "pipeline.dataset.run",
    "save_like": "io.images",
    "summarize_agreement": "evaluation",
    "summarize_lesion_agreement": "evaluation",
    "summarize_rater_agreement": "evaluation",
    "track_lesions": "api.tracking",
}

__all__ = [
    "Facts",
    "LesionNetwork",
    "LesionSegmenter",
    "MSLesionError",
    "Scan",
    "Settings",
    "__version__",
    "compare_lesions",
    "compare_masks",
    "compare_raters",
    "compare_visits",
    "evaluate_criteria",
    "find_visits",
    "load_labels",
    "load_mask",
    "load_scan",
    "measure_brain",
    "measure_lesions",
    "process_visit",
    "resample_mask",
    "run_dataset",
    "save_like",
    "summarize_agreement",
    "summarize_lesion_agreement",
    "summarize_rater_agreement",
    "track_lesions",
]


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name == "__version__":
        return version("mslesion")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mslesion' has no attribute {name!r}")
    return getattr(import_module(f"mslesion.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
