"""What a visit or a pair of visits leaves for the page of its participant: pictures and methods."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np

from mslesion.reports.figures import data_uri

FIRST, LESIONS, CHANGE, BRAIN = "first", "lesions", "change", "brain"
"""Rooms of the page that have pictures."""
LOCATED, UNLOCATED = "location", "location with unknown"
"""Colours of the lesions: by location class; and that of lesions without a class besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a page."""

    room: str
    """`FIRST`, `LESIONS`, `CHANGE` or `BRAIN`."""
    caption: str
    words: str
    """What it shows, for who does not see it."""
    look_for: str = ""
    key: str = ""
    """Which colours it has: `LOCATED`, `UNLOCATED`, "structure", "change" or none."""
    source: str
    """The picture itself, as a data URI."""
    width: int
    height: int
    place: int = 0
    """Of a slice, from foot to head."""
    has_change: bool = False
    """Whether it shows a lesion that changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Pictures and methods of one visit or of one pair."""

    pictures: tuple[Picture, ...] = ()
    bigger_count: int = 0
    """Lesions of a pair that are new or enlarging; the pictures may show fewer."""
    methods: str = ""
    references: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def of(self, room: str) -> tuple[Picture, ...]:
        """Its pictures in one room.

        Parameters
        ----------
        room : str
            Of the page.

        Returns
        -------
        tuple of Picture
        """
        return tuple(one for one in self.pictures if one.room == room)

    def to_text(self) -> str:
        """The part as a file holds it."""
        return json.dumps(asdict(self))


def part_from(text: str) -> Part:
    """A part from its file.

    Parameters
    ----------
    text : str
        As `Part.to_text` gives it.

    Returns
    -------
    Part

    Raises
    ------
    ValueError, TypeError, KeyError
        If it is not one.

    Examples
    --------
    >>> part_from(Part(methods="Voxels were counted.").to_text()).methods
    'Voxels were counted.'
    """
    found = json.loads(text)
    found["pictures"] = tuple(Picture(**one) for one in found["pictures"])
    return Part(**found | {"references": tuple(found["references"])})


def picture(image: np.ndarray, room: str, **words) -> Picture:
    """A picture of a page.

    Parameters
    ----------
    image : (rows, columns, 3) uint8 array
        RGB.
    room : str
        Of the page.
    **words
        The other fields of `Picture`. Without `words`, the caption says what it shows.

    Returns
    -------
    Picture
    """
    height, width = image.shape[:2]
    words = {"words": words["caption"]} | words
    return Picture(room=room, source=data_uri(image), width=width, height=height, **words)
