"""The location classes of a lesion, declared once: name, number, words, McDonald region."""

from typing import NamedTuple


class LocationClass(NamedTuple):
    """One location class."""

    name: str
    """Name in the column ``location``."""
    number: int
    """Number in the location map."""
    words: str
    """Name in a sentence."""
    description: str
    is_mcdonald: bool = True
    """Whether a rule of dissemination in space counts it."""

    @property
    def count_column(self) -> str:
        """Column of the visit table, and fact of the criteria, with its lesion count."""
        return f"{self.name}_count"

    @property
    def volume_column(self) -> str:
        """Column of the visit table with its lesion volume."""
        return f"{self.name}_lesion_volume_ml"


PERIVENTRICULAR, JUXTACORTICAL, DEEP_WHITE = "periventricular", "juxtacortical", "deep_white"
"""The classes that depend on contact: with a ventricle, with the cortex, with neither."""

LOCATION_CLASSES = (
    LocationClass(PERIVENTRICULAR, 1, "periventricular", "touches a lateral ventricle"),
    LocationClass(JUXTACORTICAL, 2, "juxtacortical", "touches the cortex"),
    LocationClass("intracortical", 3, "intracortical", "lies mostly in the cortex"),
    LocationClass("infratentorial", 4, "infratentorial", "lies mostly in brainstem or cerebellum"),
    LocationClass(
        DEEP_WHITE, 5, "deep white matter", "lies in white matter and touches neither ventricle "
        "nor cortex", is_mcdonald=False,
    ),
    LocationClass(
        "deep_grey", 6, "deep grey matter", "lies mostly in thalamus or basal ganglia",
        is_mcdonald=False,
    ),
)  # fmt: skip
"""Every location class, in the order of the tables and of the location map."""

LOCATION_NUMBERS = {one.name: one.number for one in LOCATION_CLASSES}
"""Number of each location class in the location map."""
LOCATIONS = {one.name: one.description for one in LOCATION_CLASSES}
"""Levels of the column ``location``."""
