"""Two visits of one patient, compared: from segmented maps to rows and pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.grid import world_mm
from mslesion.imaging.resampling import Grid
from mslesion.longitudinal.alignment.common_frame import find_scales
from mslesion.longitudinal.alignment.intensity_matching import MatchedPair
from mslesion.longitudinal.alignment.placing import (
    PlacedPair,
    VisitMaps,
    labels_on_grid,
    match_placed,
    place_pair,
    place_probability,
    register_visits,
)
from mslesion.longitudinal.alignment.refinement import refine_frame
from mslesion.longitudinal.brain.volume_changes import (
    VolumeChanges,
    comparable_head,
    measure_volume_changes,
)
from mslesion.longitudinal.expansion import (
    MIN_YEARS,
    Expansion,
    find_expansion,
    local_growth,
)
from mslesion.longitudinal.lesions.atrophied import (
    AtrophiedLesions,
    csf_share,
    measure_atrophied_lesions,
)
from mslesion.longitudinal.lesions.changes import DEFAULT_RULE, LesionChanges, describe_changes
from mslesion.longitudinal.lesions.evidence import keep_all_lesions, weigh_change
from mslesion.longitudinal.quality import (
    FOR_BRAIN,
    FOR_LESIONS,
    PairQuality,
    correlation,
    judge_pair,
    overlap,
)
from mslesion.schema import structures as s
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.time import days_between, years_between

LIKELY_TISSUE = (
    s.WHITE_MATTER, s.THALAMUS, s.BASAL_GANGLIA, s.VENTRAL_DIENCEPHALON, s.BRAINSTEM,
    s.CEREBELLAR_WHITE,
)  # fmt: skip
"""Where lesions are common."""
VENTRICLES = (s.LATERAL_VENTRICLES, s.THIRD_VENTRICLE, s.FOURTH_VENTRICLE, s.CHOROID_PLEXUS)
LESION_MARGIN_VOXELS = 3
"""White matter this near to a lesion is not taken for normal."""


@dataclass(frozen=True, slots=True)
class PairComparison:
    """What changed between two visits; what could not be measured is None."""

    first: VisitMaps
    second: VisitMaps
    days: int | None
    quality: PairQuality
    lesion_reason: str
    """Why the lesion change is not assessable; empty if it is."""
    brain_reason: str
    """Why the brain change is not assessable; empty if it is."""
    lesion_modality: str
    brain_modality: str
    placed: dict[str, PlacedPair]
    """Common frame by modality."""
    matched: dict[str, MatchedPair]
    """Scans on one scale, in that frame, by modality."""
    lesions: LesionChanges | None
    volumes: VolumeChanges | None
    growth: np.ndarray | None
    """(I, J, K) float32 in the frame of the brain change: volume at the second visit by that
    at the first, followed closely enough for single lesions. None without lesions, without
    dates, or where the brain change is not assessable."""
    expansion: Expansion | None
    atrophied: AtrophiedLesions | None
    rule: str

    @property
    def years(self) -> float | None:
        """Time between the visits; None without dates."""
        return years_between(self.first.day, self.second.day)

    @property
    def same_scanner(self) -> bool | None:
        """By the names of the scanners; None if one is not known."""
        names = self.first.scanner_id, self.second.scanner_id
        return names[0] == names[1] if all(names) else None

    def change_map(self, grid: Grid) -> np.ndarray | None:
        """The change map on the second visit's reference.

        Parameters
        ----------
        grid : Grid
            Of the second visit's reference.

        Returns
        -------
        uint8 array of shape ``grid.shape``, or None
            Values as in `lesion_changes`; None if not assessable.
        """
        if self.lesions is None:
            return None
        placed = self.placed[self.lesion_modality]
        return labels_on_grid(
            self.lesions.change_map,
            placed.frame.grid.affine,
            to=grid,
            transform=np.linalg.inv(placed.to_reference[1]),
        )

    def lesion_rows(self) -> list[dict]:
        """Rows of lesion_changes.csv, without subject, tracks and parents.

        Returns
        -------
        list of dict
        """
        if self.lesions is None:
            return []
        placed = self.placed[self.lesion_modality]
        rows = []
        for given in self.lesions.rows:
            row = dict(given)
            voxel = np.array([[row.pop("i"), row.pop("j"), row.pop("k")]])
            point = world_mm(placed.to_reference[1], world_mm(placed.frame.grid.affine, voxel))
            row |= dict(zip(("x_mm", "y_mm", "z_mm"), point[0].tolist(), strict=True))
            row |= {"session_from": self.first.session, "session_to": self.second.session}
            rows.append(row)
        return rows


def compare_visits(
    first: VisitMaps,
    second: VisitMaps,
    *,
    rule: str = DEFAULT_RULE,
    enhancing: Sequence[int] = (),
) -> PairComparison:
    """Compare two visits of one patient.

    Parameters
    ----------
    first, second : VisitMaps
        The visits, in order of time.
    rule : str
        Which rule says what is enlarging.
    enhancing : sequence of int
        Lesions of the first visit that enhance; they are no candidates for slow
        expansion.

    Returns
    -------
    PairComparison
        A pair that cannot be compared gives the reasons.
    """
    days = days_between(first.day, second.day)
    lesion_modality, lesion_reason = _lesion_modality(first, second)
    brain_modality, brain_reason = _brain_modality(first, second)
    placed, matched, failed = {}, {}, {}
    for modality in dict.fromkeys(m for m in (lesion_modality, brain_modality) if m):
        try:
            frame = register_visits(first, second, modality)
            frame = refine_frame(frame, first, second, modality)
            placed[modality] = place_pair(first, second, modality, frame)
            matched[modality] = match_placed(placed[modality])
        except (StepError, RuntimeError) as error:  # ITK raises the latter without overlap
            failed[modality] = str(error).strip().splitlines()[-1]
    values = _quality_values(first, second, days, placed)
    quality = judge_pair(values)
    if not lesion_reason:
        lesion_reason = _why_not(failed.get(lesion_modality), quality, FOR_LESIONS)
    if not brain_reason:
        brain_reason = _why_not(failed.get(brain_modality), quality, FOR_BRAIN)
    years = years_between(first.day, second.day)
    lesions = volumes = growth = expansion = atrophied = None
    if not lesion_reason:
        lesions = _compare_lesions(
            first, second, placed[lesion_modality], matched[lesion_modality], years, rule
        )
    if not brain_reason:
        place, match = placed[brain_modality], matched[brain_modality]
        volumes = measure_volume_changes(
            match,
            first_anatomy=place.anatomies[0],
            second_anatomy=place.anatomies[1],
            lesions=place.lesions,
            seen=place.seen,
        )
        quality = judge_pair(values | {"brain_stretch_difference": volumes.stretch_range_pct})
        if first.lesions is not None:
            inside = comparable_head(*place.anatomies, place.seen)
            if years is not None and place.outlined[0].any() and inside.any():
                growth = local_growth(match, inside=inside)
            expansion = _expansion(place, growth, years, enhancing)
            atrophied = measure_atrophied_lesions(
                place.outlined[0] > 0,
                first_csf=(shares := csf_share(match))[0],
                second_csf=shares[1],
                ventricles=np.isin(place.anatomies[0], VENTRICLES)
                | np.isin(place.anatomies[1], VENTRICLES),
            )
    return PairComparison(
        first, second, days, quality, lesion_reason, brain_reason, lesion_modality,
        brain_modality, placed, matched, lesions, volumes, growth, expansion, atrophied,
        rule,
    )  # fmt: skip


def _why_not(failure: str | None, quality: PairQuality, checks: tuple[str, ...]) -> str:
    """Reasons against a measurement, joined; empty if there is none."""
    return "; ".join(filter(None, (quality.reason_against(checks), failure)))


def _lesion_modality(first: VisitMaps, second: VisitMaps) -> tuple[str, str]:
    """Scan of the lesion change, and why there is none."""
    for name, visit in (("first", first), ("second", second)):
        if FLAIR not in visit.scans:
            return "", f"no FLAIR at the {name} visit"
        if visit.lesions is None:
            return "", f"no lesions at the {name} visit"
    return FLAIR, ""


def _brain_modality(first: VisitMaps, second: VisitMaps) -> tuple[str, str]:
    """Scan of the brain change, and why there is none."""
    for modality in (T1W, FLAIR):
        if modality in first.scans and modality in second.scans:
            return modality, ""
    return "", "no T1w or FLAIR that both visits have"


def _compare_lesions(first, second, place, match, years, rule) -> LesionChanges:
    """Lesion change of a pair."""
    outlined = place.outlined
    grid = place.frame.grid
    probability = [
        place_probability(visit, grid, way)
        for visit, way in zip((first, second), place.to_reference, strict=True)
    ]
    fluid = [np.isin(a, s.indices(s.FLUID)) for a in place.anatomies]
    tissue = np.isin(place.anatomies[0], LIKELY_TISSUE) | np.isin(place.anatomies[1], LIKELY_TISSUE)
    evidence = weigh_change(
        match,
        first_probability=probability[0],
        second_probability=probability[1],
        likely=tissue & ~(fluid[0] | fluid[1]),
        possible=(place.anatomies[0] > 0) & (place.anatomies[1] > 0) & place.seen,
    )
    return describe_changes(
        keep_all_lesions(evidence, *outlined),
        first=outlined[0],
        second=outlined[1],
        pair=match,
        thickest_mm=place.thickest_mm,
        years=years,
        rule=rule,
        locations=(first.locations, second.locations),
    )


def _expansion(place, growth, years, enhancing) -> Expansion | None:
    """Candidates for slow expansion; None without enough time or growth."""
    if years is None or years < MIN_YEARS:
        return None
    if not place.outlined[0].any():
        return Expansion((), None, 0)
    if growth is None:
        return None
    anatomies = place.anatomies
    ventricles = np.isin(anatomies[0], VENTRICLES) | np.isin(anatomies[1], VENTRICLES)
    normal = (anatomies[0] == s.WHITE_MATTER) & (anatomies[1] == s.WHITE_MATTER)
    normal &= ~ndi.binary_dilation(place.lesions, iterations=LESION_MARGIN_VOXELS)
    return find_expansion(
        place.outlined[0],
        growth=growth,
        years=years,
        ventricles=ventricles,
        normal_white=normal,
        excluded=enhancing,
    )


def _quality_values(first, second, days, placed) -> dict[str, float | None]:
    """Values of the pair's checks."""
    values: dict[str, float | None] = {"days_between_visits": days}
    if placed:
        modality = next(iter(placed))
        place = placed[modality]
        values["pair_correlation"] = correlation(*place.scans, place.brain)
        values["brain_overlap"] = overlap(*(anatomy > 0 for anatomy in place.anatomies))
        values["registration_disagreement_mm"] = place.frame.inconsistency_mm
        values["registration_correction_mm"] = place.frame.correction_mm
        values["slice_thickness_difference_mm"] = place.thickness_gap_mm
        values["pair_longest_voxel_mm"] = place.thickest_mm
        if first.sees_skull and second.sees_skull:
            scans = [visit.scans[modality] for visit in (first, second)]
            scales = find_scales(
                scans[0].data, scans[0].affine, scans[1].data, scans[1].affine,
                first_to_second=place.frame.first_to_second,
            )  # fmt: skip
            values["head_scale_difference"] = 100 * float(np.abs(scales - 1).max())
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
    return values
