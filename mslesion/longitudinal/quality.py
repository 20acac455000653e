"""Checks of a pair of visits: may they be compared, and for what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mslesion.longitudinal.alignment.common_frame import Frame
from mslesion.longitudinal.alignment.placing import PlacedPair, VisitMaps
from mslesion.longitudinal.brain.volume_changes import VolumeChanges
from mslesion.longitudinal.identity import measure_identity
from mslesion.longitudinal.same_image import same_image_correlation
from mslesion.schema.checks import FAIL, PAIR_CHECKS, judge, worst_state
from mslesion.schema.time import days_between

ONE_HEAD = ("same_image_correlation", "identity_score", "mirror_gain")
"""Checks that, failed, spare the comparison: there is nothing to compare."""
FOR_BOTH = (
    *ONE_HEAD, "brain_overlap", "registration_disagreement_mm", "days_between_visits",
    "registration_correction_mm",
)  # fmt: skip
FOR_BRAIN = (
    *FOR_BOTH, "head_scale_not_corrected", "thick_slices_of_two_scanners_mm",
    "brain_border_at_one_visit", "brain_stretch_difference", "brain_estimates_difference",
)  # fmt: skip
FOR_LESIONS = (*FOR_BOTH, "flair_2d_and_3d", "pair_longest_voxel_mm")
"""Checks that, failed, take the lesion change or the brain change away."""
OTHER_SCANNER_PCT = 1.0
"""A head that differs by more along an axis (exclusive) was scanned on two scanners, whatever
their names, or on one whose voxel size was changed."""
CERTAIN_SD = 2.0
"""Only what a difference in size of the head has beyond so many of its errors counts."""


@dataclass(frozen=True, slots=True)
class PairQuality:
    """Rows of the checks, and what follows from them."""

    rows: list[dict] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The worst state."""
        return worst_state(self.rows)

    def reason_against(self, checks: tuple[str, ...]) -> str:
        """Why something is not assessable; empty if it is.

        Parameters
        ----------
        checks : tuple of str
            `FOR_LESIONS` or `FOR_BRAIN`.

        Returns
        -------
        str
        """
        failed = [r for r in self.rows if r["state"] == FAIL and r["check"] in checks]
        return "; ".join(
            f"{r['description']}: {r['value']:.3g}{' ' + r['unit'] if r['unit'] else ''} "
            f"(expected {r['threshold']})"
            for r in failed
        )


def quality_values(
    first: VisitMaps, second: VisitMaps, *, placed: PlacedPair | None
) -> dict[str, float | None]:
    """Values of the pair's checks, without `ONE_HEAD` and those of the brain's change alone.

    Parameters
    ----------
    first, second : VisitMaps
        The visits.
    placed : PlacedPair or None
        Their scans in the common frame; None if they could not be registered.

    Returns
    -------
    dict of str to float or None
        By check; what is not assessable is None or missing.
    """
    values: dict[str, float | None] = {"days_between_visits": days_between(first.day, second.day)}
    if placed is not None:
        values["pair_correlation"] = correlation(*placed.scans, placed.brain)
        values["brain_overlap"] = overlap(*(anatomy > 0 for anatomy in placed.anatomies))
        values["registration_disagreement_mm"] = placed.frame.inconsistency_mm
        values["registration_correction_mm"] = placed.frame.correction_mm
        values["slice_thickness_difference_mm"] = placed.thickness_gap_mm
        values["pair_longest_voxel_mm"] = placed.thickest_mm
    if first.flair_dim and second.flair_dim:
        values["flair_2d_and_3d"] = float(first.flair_dim != second.flair_dim)
    if first.scanner_id and second.scanner_id:
        values["scanner_change"] = float(first.scanner_id != second.scanner_id)
    if first.sees_skull is not None and second.sees_skull is not None:
        values["skull_at_one_visit"] = float(first.sees_skull != second.sees_skull)
    if first.lesions is not None and second.lesions is not None:
        values["lesions_given_at_one_visit"] = float(
            (first.probability is None) != (second.probability is None)
        )
    values["anatomy_of_two_tools"] = float(first.anatomy_source != second.anatomy_source)
    return values


def head_values(
    first: VisitMaps, second: VisitMaps, *, modality: str, frame: Frame | None
) -> dict[str, float | None]:
    """Values of the checks `ONE_HEAD` for one modality.

    Parameters
    ----------
    first, second : VisitMaps
        The visits; both have the modality.
    modality : str
        Which scan.
    frame : Frame or None
        Where they lie; None before they are registered.

    Returns
    -------
    dict of str to float or None
        By check; without a frame only what the voxels alone tell.
    """
    if frame is None:
        scans = first.scans[modality], second.scans[modality]
        return {"same_image_correlation": same_image_correlation(*scans)}
    found = measure_identity(first, second, modality, frame=frame)
    return {"identity_score": found.score, "mirror_gain": found.mirror_gain}


def worst_values(found: Iterable[Mapping[str, float | None]]) -> dict[str, float]:
    """Of the same checks for several scans, the value furthest from passing.

    Parameters
    ----------
    found : iterable of mapping
        Value by check, of each modality.

    Returns
    -------
    dict of str to float
        What is not assessable in any of them is missing.
    """
    worst: dict[str, float] = {}
    for check in PAIR_CHECKS:
        values = [one[check.name] for one in found if one.get(check.name) is not None]
        if values:
            worst[check.name] = (min if check.warn_below is not None else max)(values)
    return worst


def brain_scan_values(
    first: VisitMaps, second: VisitMaps, *, placed: PlacedPair | None
) -> dict[str, float | None]:
    """Values of the checks that say whether scans are fit for the brain's change.

    Parameters
    ----------
    first, second : VisitMaps
        The visits.
    placed : PlacedPair or None
        The scans of the brain's change in their common frame; None if there are none.

    Returns
    -------
    dict of str to float or None
        By check.
    """
    if placed is None:
        return {}
    values: dict[str, float | None] = {}
    scale, scanners = placed.frame.head_scale, (first.scanner_id, second.scanner_id)
    is_other_scanner = scanners[0] != scanners[1] if all(scanners) else None
    if scale is not None:
        values["head_scale_difference"] = scale.largest_axis_pct
        sure = max(0.0, abs(scale.volume_pct) - CERTAIN_SD * scale.error_points)
        values["head_scale_not_corrected"] = 0.0 if scale.is_precise else sure
        if sure and scale.largest_axis_pct > OTHER_SCANNER_PCT:
            is_other_scanner = True
    if is_other_scanner is not None:
        longest = placed.thickest_mm if is_other_scanner else 0.0
        values["thick_slices_of_two_scanners_mm"] = longest
    return values


def brain_change_values(
    first: VisitMaps, second: VisitMaps, *, found: VolumeChanges
) -> dict[str, float | None]:
    """Values of the checks that say whether a measured change of the brain can be believed.

    Parameters
    ----------
    first, second : VisitMaps
        The visits.
    found : VolumeChanges
        What was measured.

    Returns
    -------
    dict of str to float or None
        By check.
    """
    gap = found.difference_pct
    values = {
        "brain_stretch_difference": found.stretch_range_pct,
        "brain_estimates_difference": None if gap is None else abs(gap),
    }
    if first.sees_skull is not None and second.sees_skull is not None:
        has_skull_once = first.sees_skull != second.sees_skull
        values["brain_border_at_one_visit"] = float(has_skull_once and found.boundary_pct is None)
    return values


def judge_pair(values: dict[str, float | None]) -> PairQuality:
    """The checks of a pair.

    Parameters
    ----------
    values : dict of str to float or None
        Value by check; None or missing is not assessable.

    Returns
    -------
    PairQuality
    """
    return PairQuality(judge(PAIR_CHECKS, values))


def correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float | None:
    """Correlation of two scans.

    Parameters
    ----------
    first, second : (I, J, K) array
        Scans in the common frame.
    inside : (I, J, K) bool array
        Where they are compared.

    Returns
    -------
    float or None
        None where a scan is flat.
    """
    if np.count_nonzero(inside) < 2:
        return None
    a, b = (scan[inside].astype(np.float64) for scan in (first, second))
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / power if power > 0 else None


def overlap(first: np.ndarray, second: np.ndarray) -> float | None:
    """Dice of two masks.

    Parameters
    ----------
    first, second : (I, J, K) bool array
        Masks.

    Returns
    -------
    float or None
        None where both are empty.
    """
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else None
