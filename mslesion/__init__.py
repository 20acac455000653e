"""Brain MRI of people with multiple sclerosis, turned into biomarkers.

The names below are the public surface; each is imported when it is first used.
"""

from importlib import import_module

_WHERE = {
    "MSLesionError": "errors",
    "Scan": "loaders.nifti",
    "Settings": "workflow.settings",
    "compare_masks": "evaluation",
    "compare_visits": "workflow.comparing",
    "correct_bias": "preparation.bias",
    "find_lesions": "segmentation.instances",
    "find_midplane": "segmentation.midplane",
    "find_surroundings": "quantification.location",
    "find_visits": "loaders.dataset",
    "load_mask": "loaders.nifti",
    "load_scan": "loaders.nifti",
    "locate_lesions": "quantification.location",
    "measure_shapes": "segmentation.shape",
    "measure_volumes": "quantification.volumes",
    "predict": "segmentation.network",
    "process_visit": "workflow.visit",
    "register_rigid": "preparation.registration",
    "resample": "preparation.resampling",
    "resample_mask": "preparation.resampling",
    "save_like": "loaders.nifti",
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
