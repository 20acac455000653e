"""Whether a lesion grew or shrank between two visits, by every rule in use.

A rule sees two sizes and says enlarging, shrinking or stable. Shrinking mirrors
enlarging: percentages are of the smaller of both sizes, so that swapped visits give the
swapped answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from mslesion.imaging.shape import equivalent_diameter_mm
from mslesion.schema.time import MIN_YEARS_FOR_RATE

ENLARGING, SHRINKING, STABLE, TREND = "enlarging", "shrinking", "stable", "trend"
NOT_ASSESSABLE = "not assessable"

MIN_RADIUS_CHANGE_MM = 0.5
"""Rule ``radial``: half a 1 mm voxel (inclusive); on longer voxels half of the longest
side. From the effect of a border error on volume."""
MIN_VOLUME_CHANGE_MM3 = 14.0
"""Rule ``radial``: and at least the volume of a 3 mm ball (inclusive)."""
LARGE_DIAMETER_MM = 8.0
"""Rule ``pct``: from this diameter on (inclusive) 20 % are enough, below it takes 50 %."""
MIN_AXIS_CHANGE_MM = 3.0
"""Rule ``pct``: least change of the long axis (inclusive)."""
SMALL_AXIS_MM = 5.0
"""Rule ``diameter``: up to this long axis (inclusive) it takes 50 %, above 20 %."""
ANNUAL_CHANGE_PCT, ANNUAL_STABLE_PCT = 9.0, 4.0
"""Rule ``annual``: from 9 % a year on (inclusive) enlarging, up to 4 % (inclusive)
stable, between them a trend. Vanden Bulcke 2025."""
SMALL_AREA_MM2, SMALL_AREA_PCT, LARGE_AREA_PCT = 67.0, 45.2, 24.2
"""Rule ``area``: under 67 mm² it takes more than 45.2 %, else more than 24.2 %: twice the
coefficient of variation of repeated manual outlines."""

NEGLIGIBLE_SHARE, SMALL_NEGLIGIBLE_SHARE = 0.02, 0.1
"""A lesion with less of the other visit's volume (exclusive) is negligible, no stage of it; the
second holds for one under the detection floor. Ours; a tenth is also the least overlap of two
stages."""

FLOOR_MM = ((1.0, 3.0), (3.0, 5.0), (5.0, 8.0))
"""Thickest voxel side in mm, and the diameter from which (inclusive) a change can be seen
there; straight lines between. From the volume error of small balls."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a lesion, or a group of lesions, is at one visit."""

    volume_mm3: float
    long_axis_mm: float
    """Longest distance in 3D, voxel width included; of a group, that of its largest."""
    area_mm2: float
    """Largest cross-section in an axial slice."""

    @property
    def diameter_mm(self) -> float:
        """Diameter of the ball of this volume."""
        return equivalent_diameter_mm(self.volume_mm3)


def detection_floor_mm(thickest_mm: float) -> float:
    """Smallest diameter for which a change can be detected.

    Parameters
    ----------
    thickest_mm : float
        Longest voxel side of the two visits.

    Returns
    -------
    float

    Examples
    --------
    >>> [detection_floor_mm(t) for t in (0.9, 1, 3, 4, 5, 6)]
    [3.0, 3.0, 5.0, 6.5, 8.0, 9.5]
    """
    sides, diameters = zip(*FLOOR_MM, strict=True)
    if thickest_mm > sides[-1]:
        slope = (diameters[-1] - diameters[-2]) / (sides[-1] - sides[-2])
        return diameters[-1] + slope * (thickest_mm - sides[-1])
    return float(np.interp(thickest_mm, sides, diameters))


def radius_change_mm(first: Size, second: Size) -> float:
    """Change of the radius of the balls of both volumes.

    Parameters
    ----------
    first, second : Size
        The two visits.

    Returns
    -------
    float
    """
    return (second.diameter_mm - first.diameter_mm) / 2


def classify_change(
    first: Size, second: Size, *, thickest_mm: float, years: float | None = None
) -> dict[str, str]:
    """What every rule says of a lesion that is there at both visits.

    Parameters
    ----------
    first, second : Size
        The two visits.
    thickest_mm : float
        Longest voxel side of the two visits.
    years : float, optional
        Time between them.

    Returns
    -------
    dict of str to str
        Class by the name of the rule, one of `RULES`. All are "not assessable" where
        both sizes are under the detection floor; ``annual`` without enough time.
    """
    if is_under_floor(first, second, thickest_mm=thickest_mm):
        return dict.fromkeys(RULES, NOT_ASSESSABLE)
    grows = second.volume_mm3 >= first.volume_mm3
    small, large = (first, second) if grows else (second, first)
    return {
        name: _signed(rule(small, large, thickest_mm, years), grows=grows)
        for name, rule in RULES.items()
    }


def is_under_floor(*sizes: Size, thickest_mm: float) -> bool:
    """Whether a change of a lesion cannot be seen, as it is too small at every visit.

    Parameters
    ----------
    *sizes : Size
        Of the visits.
    thickest_mm : float
        Longest voxel side of the visits.

    Returns
    -------
    bool
    """
    largest_mm = max(size.diameter_mm for size in sizes)
    return largest_mm < detection_floor_mm(thickest_mm) - 1e-6


def is_negligible(small: Size, large: Size, *, thickest_mm: float) -> bool:
    """Whether a lesion of one visit is too little to be a stage of the other visit's.

    A large new lesion often has a few voxels of the earlier map in its place, which no
    reader would call a lesion: it is new, not enlarging.

    Parameters
    ----------
    small, large : Size
        The two visits; which came first does not matter.
    thickest_mm : float
        Longest voxel side of the two visits.

    Returns
    -------
    bool
    """
    is_small = is_under_floor(small, thickest_mm=thickest_mm)
    share = SMALL_NEGLIGIBLE_SHARE if is_small else NEGLIGIBLE_SHARE
    return small.volume_mm3 < share * large.volume_mm3 - 1e-9


def _signed(change: str, *, grows: bool) -> str:
    """The class of a growth, or of the shrinkage that mirrors it."""
    return SHRINKING if change == ENLARGING and not grows else change


def _radial(small: Size, large: Size, thickest_mm: float, years: float | None) -> str:  # noqa: ARG001
    least = max(MIN_RADIUS_CHANGE_MM, thickest_mm / 2)
    moved = radius_change_mm(small, large) >= least - 1e-9
    gained = large.volume_mm3 - small.volume_mm3 >= MIN_VOLUME_CHANGE_MM3 - 1e-6
    return ENLARGING if moved and gained else STABLE


def _pct(small: Size, large: Size, thickest_mm: float, years: float | None) -> str:  # noqa: ARG001
    least = 20 if small.diameter_mm >= LARGE_DIAMETER_MM - 1e-9 else 50
    grown = _growth_pct(small.volume_mm3, large.volume_mm3) >= least - 1e-9
    longer = large.long_axis_mm - small.long_axis_mm >= MIN_AXIS_CHANGE_MM - 1e-9
    return ENLARGING if grown and longer else STABLE


def _diameter(small: Size, large: Size, thickest_mm: float, years: float | None) -> str:  # noqa: ARG001
    # The rule looks at the axis alone: a lesion may grow in volume and not in length
    least = 50 if small.long_axis_mm <= SMALL_AXIS_MM + 1e-9 else 20
    grown = _growth_pct(small.long_axis_mm, large.long_axis_mm)
    return ENLARGING if grown >= least - 1e-9 else STABLE


def _annual(small: Size, large: Size, thickest_mm: float, years: float | None) -> str:  # noqa: ARG001
    if years is None or years < MIN_YEARS_FOR_RATE:
        return NOT_ASSESSABLE
    rate = _growth_pct(small.volume_mm3, large.volume_mm3) / years
    if rate >= ANNUAL_CHANGE_PCT - 1e-9:
        return ENLARGING
    return STABLE if rate <= ANNUAL_STABLE_PCT + 1e-9 else TREND


def _area(small: Size, large: Size, thickest_mm: float, years: float | None) -> str:  # noqa: ARG001
    least = SMALL_AREA_PCT if small.area_mm2 < SMALL_AREA_MM2 - 1e-6 else LARGE_AREA_PCT
    return ENLARGING if _growth_pct(small.area_mm2, large.area_mm2) > least + 1e-9 else STABLE


def _growth_pct(small: float, large: float) -> float:
    """Growth in percent of the smaller."""
    return 100 * (large - small) / small if small > 0 else float("inf")


RULES: Mapping[str, Callable[[Size, Size, float, float | None], str]] = MappingProxyType(
    {
        "radial": _radial,
        "pct": _pct,
        "diameter": _diameter,
        "annual": _annual,
        "area": _area,
    }
)
"""Every rule by its name; each takes the smaller size first."""
