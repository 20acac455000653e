"""The lesion network that a setting names."""

from functools import cache
from importlib import import_module
from typing import Any, cast

from mslesion.errors import SettingsError
from mslesion.segmentation.lesions.network import LesionNetwork
from mslesion.segmentation.lesions.protocol import PACKAGED, LesionSegmenter
from mslesion.segmentation.onnx_models import CHANNELS

MEMBERS = ("name", "version", "required_modalities", "probability", "mask")
"""What every lesion network has."""


@cache
def find_lesion_network(choice: str = PACKAGED) -> LesionSegmenter:
    """The lesion network that a setting names, made once a process.

    Parameters
    ----------
    choice : str
        "mslesion" for the network inside the package; the path of an ONNX file with the same
        input and output, ending in ``.onnx``; or ``package.module:attribute``, which is
        imported. The attribute is a lesion network, or a class or function without arguments
        that returns one.

    Returns
    -------
    LesionSegmenter

    Raises
    ------
    SettingsError
        If nothing has this name, or what has it is not a lesion network.
    """
    if choice == PACKAGED:
        return LesionNetwork()
    if choice.endswith(".onnx"):
        return LesionNetwork(choice)
    module, colon, attribute = choice.partition(":")
    if not (module and colon and attribute):
        raise SettingsError(
            f"The lesion network is {choice!r}, but {PACKAGED}, a file that ends in .onnx or "
            "package.module:attribute is expected. Correct its name."
        )
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"The lesion network {choice!r} cannot be imported ({error}), but a module and "
            "something in it are expected. Install its package or add its folder to PYTHONPATH."
        ) from error
    is_network = hasattr(found, "probability") and not isinstance(found, type)
    network = found if is_network or not callable(found) else found()
    _check(network, choice)
    return cast(LesionSegmenter, network)


def _check(network: Any, choice: str) -> None:
    """Raise for what is not a lesion network."""
    missing = [name for name in MEMBERS if not hasattr(network, name)]
    if missing:
        raise SettingsError(
            f"The lesion network {choice!r} has no {missing[0]!r}, but each has "
            f"{', '.join(MEMBERS)}. Add it."
        )
    unknown = [name for name in network.required_modalities if name not in CHANNELS]
    if unknown:
        raise SettingsError(
            f"The lesion network {choice!r} requires a scan {unknown[0]!r}, but a network is given "
            f"{', '.join(CHANNELS)}. Require one of them."
        )
