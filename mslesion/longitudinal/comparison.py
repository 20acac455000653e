"""What the comparison of two visits gives: lesions, brain, and why something is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.alignment.placing import PlacedPair, VisitMaps, labels_on_grid
from mslesion.longitudinal.brain.volume_changes import VolumeChanges
from mslesion.longitudinal.expansion import Expansion
from mslesion.longitudinal.lesions.atrophied import AtrophiedLesions
from mslesion.longitudinal.lesions.changes import LesionChanges
from mslesion.longitudinal.quality import PairQuality
from mslesion.schema.time import days_between, years_between


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedScans:
    """One modality of both visits, brought together as far as that was possible."""

    modality: str = ""
    """Empty if the visits have no scan in common."""
    placed: PlacedPair | None = None
    """In the common frame; None if the scans could not be registered, or do not show one head."""
    matched: MatchedPair | None = None
    """In that frame and on one intensity scale; None if that failed."""
    head_values: Mapping[str, float | None] = field(default_factory=dict)
    """Whether both show one head: values of the checks `ONE_HEAD`, as far as known."""
    failure: str = ""
    """What failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionComparison:
    """How the lesions changed."""

    aligned: AlignedScans
    reason: str = ""
    """Why the change is not assessable; empty if it is."""
    changes: LesionChanges | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrainComparison:
    """How the volume of the brain changed, as a whole and locally."""

    aligned: AlignedScans
    reason: str = ""
    """Why the change is not assessable; empty if it is."""
    volumes: VolumeChanges | None = None
    volume_ratio: np.ndarray | None = None
    """(I, J, K) float32 in the common frame: local volume at the second visit divided by that
    at the first, by a deformation that follows single lesions. None without lesions, without
    dates, or where the change is not assessable."""
    expansion: Expansion | None = None
    """None without dates, with less than a year between the visits, or without lesions."""
    atrophied: AtrophiedLesions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairComparison:
    """What changed between two visits; what could not be measured is None."""

    first: VisitMaps
    second: VisitMaps
    quality: PairQuality
    lesions: LesionComparison
    brain: BrainComparison
    rule: str
    """Which rule says what is enlarging."""

    @property
    def days(self) -> int | None:
        """Time between the visits; None without dates."""
        return days_between(self.first.day, self.second.day)

    @property
    def years(self) -> float | None:
        """Time between the visits; None without dates."""
        return years_between(self.first.day, self.second.day)

    @property
    def same_scanner(self) -> bool | None:
        """By the names of the scanners; None if one is not known."""
        names = self.first.scanner_id, self.second.scanner_id
        return names[0] == names[1] if all(names) else None

    @property
    def placed(self) -> PlacedPair | None:
        """The scans of the lesion change in their frame, else those of the brain change."""
        return self.lesions.aligned.placed or self.brain.aligned.placed

    def change_map(self, grid: Grid) -> np.ndarray | None:
        """The change map on the second visit's reference.

        Parameters
        ----------
        grid : Grid
            Of the second visit's reference.

        Returns
        -------
        uint8 array of shape ``grid.shape``, or None
            Values as in `mslesion.schema.change_map`; None if not assessable.
        """
        if self.lesions.changes is None:
            return None
        placed = self.lesions.aligned.placed
        return labels_on_grid(
            self.lesions.changes.change_map,
            placed.frame.grid.affine,
            to=grid,
            transform=np.linalg.inv(placed.to_reference[1]),
        )
