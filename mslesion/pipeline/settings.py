"""Settings of a run: one frozen dataclass, its command-line flags, its TOML file."""

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from mslesion.errors import SettingsError
from mslesion.longitudinal.lesions.changes import DEFAULT_RULE
from mslesion.longitudinal.lesions.sizes import RULES
from mslesion.measures.location import CONTACT_MM, SCHEMES
from mslesion.schema.label_schemes import LABEL_SCHEMES
from mslesion.segmentation.anatomy.label_maps import AUTO
from mslesion.segmentation.lesions.instances import DEFAULT_MIN_SIZE, MIN_SIZES
from mslesion.segmentation.lesions.protocol import PACKAGED
from mslesion.segmentation.lesions.threshold import MAX_THRESHOLD, MIN_THRESHOLD, THRESHOLD

VISIT, PAIR, PAGE = "visit", "pair", "page"
"""What a setting is for."""


def _setting(
    default, text: str, choices: tuple[str, ...] = (), *, low=None, high=None, of: str = VISIT
):
    """A field with its description and the values it can have.

    When a setting of `PAIR` changes, no visit is done again; when one of `PAGE` does, only pages
    are.
    """
    limits = {"text": text, "choices": choices, "low": low, "high": high, "of": of}
    return field(default=default, metadata=limits)


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be set; every field is a command-line flag and a key of the TOML file.

    Examples
    --------
    >>> Settings(min_size="msseg").min_size
    'msseg'
    """

    lesion_network: str = _setting(
        PACKAGED, "lesion network: mslesion, a file that ends in .onnx, or package.module:attribute"
    )
    lesion_threshold: float = _setting(
        THRESHOLD,
        "lesion probability at which the rules of the lesion network cut the mask; a lower one "
        "never gives a smaller mask",
        low=MIN_THRESHOLD,
        high=MAX_THRESHOLD,
    )
    min_size: str = _setting(DEFAULT_MIN_SIZE, "minimum lesion size", tuple(MIN_SIZES))
    location_scheme: str = _setting("contact", "rule for the location classes", tuple(SCHEMES))
    contact_mm: float = _setting(
        CONTACT_MM,
        "largest distance at which a lesion touches a structure (inclusive)",
        low=0.0,
        high=20.0,
    )
    skull_stripped: str = _setting(
        "auto", "whether the scans are skull-stripped", ("auto", "yes", "no")
    )
    anatomy_labels: str = _setting(
        AUTO, "whose numbers given label maps of the anatomy have", (AUTO, *LABEL_SCHEMES)
    )
    prefer: str = _setting(
        "", "text in the name of the scan to use if a modality has several scans"
    )
    resample_masks: bool = _setting(
        default=False, text="resample lesion masks that are not on the grid of the FLAIR"
    )
    change_rule: str = _setting(
        DEFAULT_RULE, "rule for enlarging and shrinking lesions", tuple(RULES), of=PAIR
    )
    calibrate: bool = _setting(
        default=False,
        text="also compare each first visit with a synthetic follow-up of known change",
        of=PAIR,
    )
    viewer: bool = _setting(
        default=True, text="put a viewer of the scans into the page of each participant", of=PAGE
    )

    def __post_init__(self):
        for item in fields(self):
            _check(item, getattr(self, item.name))

    def of_visit(self) -> dict:
        """Names and values of what a single visit depends on.

        Returns
        -------
        dict
        """
        names = [item.name for item in fields(self) if item.metadata["of"] == VISIT]
        return {name: getattr(self, name) for name in names}


def read_settings(path: str | Path | None = None, **given) -> Settings:
    """Settings from a TOML file, over which given values win.

    Parameters
    ----------
    path : str or Path, optional
        A TOML file with names of `Settings` as keys.
    **given
        Values by name; None is not given.

    Returns
    -------
    Settings

    Raises
    ------
    SettingsError
        If the file cannot be read, or a name or value cannot be.
    """
    values = {}
    if path is not None:
        try:
            values = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"{path} cannot be read ({error}), but a TOML file of settings is expected. "
                "Correct the file or omit --settings."
            ) from error
    values |= {name: value for name, value in given.items() if value is not None}
    names = {item.name for item in fields(Settings)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise SettingsError(
            f"The setting {unknown[0]!r} does not exist, but {', '.join(sorted(names))} do. "
            "Correct the name."
        )
    return replace(Settings(), **values)


def _check(item, value) -> None:
    """Raise for a value that a setting cannot have."""
    kind, limits = item.type, item.metadata
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind):
        raise SettingsError(
            f"The setting {item.name} is {value!r}, but a {kind.__name__} is expected. "
            "Correct its value."
        )
    if limits["choices"] and value not in limits["choices"]:
        raise SettingsError(
            f"The setting {item.name} is {value!r}, but it can be "
            f"{', '.join(limits['choices'])}. Choose one of them."
        )
    if limits["low"] is not None and not limits["low"] <= value <= limits["high"]:
        raise SettingsError(
            f"The setting {item.name} is {value!r}, but {limits['low']:g} to "
            f"{limits['high']:g} is expected. Correct its value."
        )
