"""Brain MRI of people with multiple sclerosis, turned into biomarkers.

The names below are the public surface; each is imported when it is first used.
"""

from importlib import import_module

_WHERE = {
    "Facts": "criteria",
    "MSLesionError": "errors",
    "Scan": "io.nifti",
    "Settings": "pipeline.settings",
    "compare_masks": "evaluation",
    "compare_visits": "pipeline.pair.compare",
    "correct_bias": "imaging.bias",
    "evaluate_criteria": "api.criteria",
    "find_lesions": "segmentation.lesions.instances",
    "find_midplane": "segmentation.anatomy.midplane",
    "find_surroundings": "measures.location",
    "find_visits": "io.dataset",
    "load_mask": "io.nifti",
    "load_scan": "io.nifti",
    "locate_lesions": "measures.location",
    "measure_shapes": "imaging.shape",
    "measure_volumes": "measures.volumes",
    "predict": "segmentation.predict",
    "process_visit": "pipeline.visit.process",
    "register_rigid": "imaging.registration",
    "resample": "imaging.resampling",
    "resample_mask": "imaging.resampling",
    "save_like": "io.nifti",
    "summarize_agreement": "evaluation",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    """Import a public name."""
    if name not in _WHERE:
        raise AttributeError(f"module 'mslesion' has no attribute {name!r}")
    return getattr(import_module(f"mslesion.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
