"""Two visits of one patient, compared: from segmented maps to what changed."""

from dataclasses import replace
from functools import partial

import numpy as np
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.imaging.threads import together
from mslesion.longitudinal.alignment.head_scale import scale_by_skull
from mslesion.longitudinal.alignment.placing import (
    PlacedPair,
    VisitMaps,
    match_placed,
    place_pair,
    place_probability,
    register_visits,
)
from mslesion.longitudinal.alignment.refinement import refine_frame
from mslesion.longitudinal.brain.volume_changes import VolumeChanges, measure_volume_changes
from mslesion.longitudinal.comparison import (
    AlignedScans,
    BrainComparison,
    LesionComparison,
    PairComparison,
)
from mslesion.longitudinal.expansion import (
    MIN_YEARS,
    Expansion,
    find_expansion,
    local_volume_ratio,
)
from mslesion.longitudinal.lesions.atrophied import csf_share, measure_atrophied_lesions
from mslesion.longitudinal.lesions.changes import (
    DEFAULT_RULE,
    OutlinedLesions,
    describe_changes,
)
from mslesion.longitudinal.lesions.evidence import weigh_change
from mslesion.longitudinal.quality import (
    FOR_BRAIN,
    FOR_LESIONS,
    ONE_HEAD,
    brain_change_values,
    brain_scan_values,
    head_values,
    judge_pair,
    quality_values,
    worst_values,
)
from mslesion.schema import structures as s
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.time import years_between

LESION_MARGIN_VOXELS = 3
"""White matter this near to a lesion is not taken for normal."""


def compare_maps(
    first: VisitMaps,
    second: VisitMaps,
    *,
    rule: str = DEFAULT_RULE,
    order_reason: str = "",
    is_one_head: bool = False,
) -> PairComparison:
    """Compare the segmented maps of two visits of one patient.

    Parameters
    ----------
    first, second : VisitMaps
        The visits, in order of time.
    rule : str
        Which rule says what is enlarging.
    order_reason : str
        Why it is not known which visit came first; nothing is compared then.
    is_one_head : bool
        Whether both visits are known to show one head, as a visit and one made from it; the
        checks of `ONE_HEAD` are not assessed then.

    Returns
    -------
    PairComparison
        A pair that cannot be compared gives the reasons.
    """
    visits = first, second
    lesion_modality, lesion_reason = _lesion_modality(*visits)
    brain_modality, brain_reason = _brain_modality(*visits)
    if order_reason:
        lesion_modality = brain_modality = ""
        lesion_reason = brain_reason = order_reason
    modalities = list(dict.fromkeys((lesion_modality, brain_modality)))
    found = together(
        *(partial(_align, *visits, one, is_one_head=is_one_head) for one in modalities)
    )
    aligned = dict(zip(modalities, found, strict=True))
    for_lesions, for_brain = aligned[lesion_modality], aligned[brain_modality]
    placed = for_lesions if for_lesions.placed is not None else for_brain
    values = quality_values(*visits, placed=placed.placed)
    values |= brain_scan_values(*visits, placed=for_brain.placed)
    values["visit_order_unknown"] = float(bool(order_reason))
    values |= worst_values([one.head_values for one in aligned.values()])
    quality = judge_pair(values)
    lesions = LesionComparison(
        aligned=for_lesions,
        reason=lesion_reason or _joined(quality.reason_against(FOR_LESIONS), for_lesions.failure),
    )
    brain = BrainComparison(
        aligned=for_brain,
        reason=brain_reason or _joined(quality.reason_against(FOR_BRAIN), for_brain.failure),
    )
    volumes, lesions, local = together(
        partial(_volume_changes, brain),
        partial(_with_changes, *visits, lesions, rule=rule),
        partial(_local_changes, *visits, brain),
    )
    if not brain.reason:
        brain = replace(brain, volumes=volumes, **local)
        values |= brain_change_values(*visits, found=brain.volumes)
        quality = judge_pair(values)
        # Only what was measured tells whether it can be believed
        contradiction = quality.reason_against(FOR_BRAIN)
        if contradiction:
            brain = BrainComparison(aligned=for_brain, reason=contradiction)
    return PairComparison(
        first=first, second=second, quality=quality, lesions=lesions, brain=brain, rule=rule
    )


def _joined(*reasons: str) -> str:
    """Reasons against a measurement, joined; empty if there is none."""
    return "; ".join(filter(None, reasons))


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
    return "", "no T1w or FLAIR at both visits"


def _align(
    first: VisitMaps, second: VisitMaps, modality: str, *, is_one_head: bool
) -> AlignedScans:
    """One modality of both visits, in the common frame and on one scale.

    Scans that do not show one head, or show it in one image twice, go no further than it takes
    to tell so.
    """
    if not modality:
        return AlignedScans()
    placed = matched = None
    failure = ""
    values = {} if is_one_head else head_values(first, second, modality=modality, frame=None)
    try:
        if _is_one_head(values):
            frame = register_visits(first, second, modality)
            frame = scale_by_skull(frame, first, second, modality)
            frame = refine_frame(frame, first, second, modality)
            if not is_one_head:
                values |= head_values(first, second, modality=modality, frame=frame)
        if _is_one_head(values):
            placed = place_pair(first, second, modality, frame)
            matched = match_placed(placed)
    except (StepError, RuntimeError) as error:  # ITK raises the latter without overlap
        failure = str(error).strip().splitlines()[-1]
    return AlignedScans(
        modality=modality, placed=placed, matched=matched, head_values=values, failure=failure
    )


def _is_one_head(values: dict[str, float | None]) -> bool:
    """Whether nothing that is known speaks against it."""
    return not judge_pair(values).reason_against(ONE_HEAD)


def _with_changes(
    first: VisitMaps, second: VisitMaps, lesions: LesionComparison, *, rule: str
) -> LesionComparison:
    """The lesions with their change, if there is no reason against it."""
    if lesions.reason:
        return lesions
    aligned = lesions.aligned
    placed, matched = aligned.placed, aligned.matched
    probability = [
        place_probability(visit, placed.frame.grid, to_reference)
        for visit, to_reference in zip((first, second), placed.to_reference, strict=True)
    ]
    evidence = weigh_change(
        matched,
        first_probability=probability[0],
        second_probability=probability[1],
        outlined=placed.outlined,
        likely=_at_either(placed, s.LESION_TISSUE) & ~_at_either(placed, s.indices(s.FLUID)),
        possible=placed.brain,
    )
    changes = describe_changes(
        evidence,
        (
            OutlinedLesions(placed.outlined[0], first.locations),
            OutlinedLesions(placed.outlined[1], second.locations),
        ),
        pair=matched,
        thickest_mm=placed.thickest_mm,
        years=years_between(first.day, second.day),
        rule=rule,
    )
    return replace(lesions, changes=changes)


def _volume_changes(brain: BrainComparison) -> VolumeChanges | None:
    """Change of the brain and its parts, if there is no reason against it."""
    if brain.reason:
        return None
    placed = brain.aligned.placed
    return measure_volume_changes(
        brain.aligned.matched,
        anatomies=placed.anatomies,
        lesions=placed.lesions,
        seen=placed.seen,
        inside=placed.comparable,
    )


def _local_changes(first: VisitMaps, second: VisitMaps, brain: BrainComparison) -> dict:
    """The fields of `BrainComparison` on the change in and around the first visit's lesions."""
    if brain.reason or first.lesions is None:
        return {}
    placed, matched = brain.aligned.placed, brain.aligned.matched
    years = years_between(first.day, second.day)
    volume_ratio = None
    if years is not None and placed.outlined[0].any() and placed.comparable.any():
        volume_ratio = local_volume_ratio(matched, inside=placed.comparable)
    ventricles = _at_either(placed, s.VENTRICLES)
    first_csf, second_csf = csf_share(matched)
    return {
        "volume_ratio": volume_ratio,
        "expansion": _expansion(placed, volume_ratio, ventricles, years=years),
        "atrophied": measure_atrophied_lesions(
            placed.outlined[0] > 0,
            first_csf=first_csf,
            second_csf=second_csf,
            ventricles=ventricles,
        ),
    }


def _expansion(
    placed: PlacedPair,
    volume_ratio: np.ndarray | None,
    ventricles: np.ndarray,
    *,
    years: float | None,
) -> Expansion | None:
    """Candidates for slow expansion; None without enough time or a deformation."""
    if years is None or years < MIN_YEARS:
        return None
    if not placed.outlined[0].any():
        return Expansion((), None, None, 0)
    if volume_ratio is None:
        return None
    normal = (placed.anatomies[0] == s.WHITE_MATTER) & (placed.anatomies[1] == s.WHITE_MATTER)
    normal &= ~ndi.binary_dilation(placed.lesions, iterations=LESION_MARGIN_VOXELS)
    return find_expansion(
        placed.outlined[0],
        volume_ratio=volume_ratio,
        years=years,
        ventricles=ventricles,
        normal_white=normal,
    )


def _at_either(placed: PlacedPair, structures: tuple[int, ...]) -> np.ndarray:
    """Where one of the visits has one of some structures."""
    first, second = (np.isin(anatomy, structures) for anatomy in placed.anatomies)
    return first | second
