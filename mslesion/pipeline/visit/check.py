"""What the quality checks of a visit look at."""

from collections.abc import Sequence

import numpy as np

from mslesion.clinical.visit_facts import VisitFacts
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3
from mslesion.measures.quality import signal_to_noise
from mslesion.measures.unlike_ms import signs_unlike_ms
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.pipeline.visit.segment import Segmented
from mslesion.schema import structures as s
from mslesion.schema.modalities import FLAIR, T1W

ENHANCED_LEVEL = 1.25
"""Fluid and plexus voxels brighter than this by white matter (exclusive) on T1w are
vessels full of contrast agent."""
INNER_MM = 10.0
"""From an empty end of the scan to the slice that it is compared with."""
EXPECTED = (
    s.CORTEX, s.WHITE_MATTER, s.LATERAL_VENTRICLES, s.THALAMUS, s.BASAL_GANGLIA, s.BRAINSTEM,
    s.CEREBELLAR_GREY, s.CEREBELLAR_WHITE,
)  # fmt: skip
"""Structures that every head has and every scan shows."""


def check_values(
    prepared: Prepared, segmented: Segmented, *, facts: VisitFacts
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Values of the checks of a visit, without those that look at single lesions.

    Parameters
    ----------
    prepared : Prepared
        Its scans.
    segmented : Segmented
        Its anatomy and lesions.
    facts : VisitFacts
        What is known besides.

    Returns
    -------
    values : dict of str to float or None
        By name of the check, of `mslesion.schema.checks.CHECKS`.
    details : dict of str to str
        Why a check is not assessable, or more on what was found, by name.
    """
    values, details = _check_scans(prepared, segmented)
    values["edges_in_place"] = segmented.match.lowest
    details["edges_in_place"] = segmented.match.detail
    if not segmented.match.shares:
        details["edges_in_place"] = "only one scan"
    values |= _check_lesions(prepared, segmented)
    if segmented.lesions is not None:
        signs = _signs_unlike_ms(prepared, segmented)
        values["load_unlike_ms"] = float(len(signs))
        details["load_unlike_ms"] = "; ".join(signs)
    values["facts_disagree"] = float(len(facts.disagreements))
    details["facts_disagree"] = "; ".join(facts.disagreements)
    return values, details


def cap_like_share(lesions: Sequence[dict]) -> float | None:
    """Percentage of the periventricular lesions that look like caps; None if there is none.

    Parameters
    ----------
    lesions : sequence of dict
        Rows of the lesion table.

    Returns
    -------
    float or None
    """
    periventricular = [row for row in lesions if row["location"] == "periventricular"]
    if not periventricular:
        return None
    return 100 * sum(row["is_cap_like"] for row in periventricular) / len(periventricular)


def _check_scans(prepared: Prepared, segmented: Segmented) -> tuple[dict, dict]:
    """Values and details of the checks that need no lesion."""
    values: dict[str, float | None] = {"header_problems": float(len(prepared.warnings))}
    details = {"header_problems": ", ".join(prepared.warnings)}
    reference = segmented.corrected[prepared.reference]
    white = segmented.anatomy == s.WHITE_MATTER
    if segmented.lesions is not None:
        white = white & ~segmented.lesions.mask
    if FLAIR in prepared.scans:
        values["longest_voxel_mm"] = max(prepared.scans[FLAIR].spacing_mm)
        values["flair_signal_to_noise"] = signal_to_noise(reference, white)
        values["flair_bias_range"] = segmented.bias_range[FLAIR]
    else:
        details |= dict.fromkeys(
            ("longest_voxel_mm", "flair_signal_to_noise", "flair_bias_range"), "no FLAIR"
        )
    values["structures_missing"] = float(
        len(set(EXPECTED) - set(np.unique(segmented.anatomy).tolist()))
    )
    values["brain_cut_off_cm2"] = _cut_by_view_cm2(
        segmented.anatomy, prepared.grid.affine, scan=prepared.native[prepared.reference]
    )
    if prepared.t1_name and FLAIR in prepared.scans:
        values["flair_t1w_overlap"] = _overlap_of_foregrounds(prepared, segmented)
    else:
        details["flair_t1w_overlap"] = "needs FLAIR and T1w"
    if T1W in segmented.corrected:
        data, tissue = segmented.corrected[T1W], segmented.references[T1W]
        fluid = np.isin(segmented.anatomy, s.indices(s.FLUID)) & (data > 0)
        bright = np.count_nonzero(data[fluid] > ENHANCED_LEVEL * tissue.white.median)
        total = np.count_nonzero(fluid)
        values["bright_vessels_on_t1w"] = 100 * bright / total if total else None
    else:
        details["bright_vessels_on_t1w"] = "no T1w"
    return values, details


def _check_lesions(prepared: Prepared, segmented: Segmented) -> dict[str, float | None]:
    """Values of the checks that look at the lesion mask."""
    if segmented.lesions is None:
        return {}
    mask = segmented.lesions.mask
    count = np.count_nonzero(mask)
    values = {
        "lesion_volume_ml": count * voxel_volume_mm3(prepared.grid.affine) / 1000,
        "components_in_csf": segmented.removed_count,
        "lesion_resampling_change": segmented.resampling_change_pct,
    }
    if not count:
        return values
    brain = np.count_nonzero(np.isin(segmented.anatomy, s.BRAIN))
    values["lesion_share_of_brain"] = 100 * count / brain if brain else None
    inside = segmented.anatomy[mask]
    values["lesion_outside_brain"] = 100 * float(np.mean(inside == 0))
    if s.CHOROID_PLEXUS in segmented.anatomy or not segmented.has_given_anatomy:
        values["lesion_in_choroid_plexus"] = 100 * float(np.mean(inside == s.CHOROID_PLEXUS))
    values["lesion_in_fluid"] = 100 * float(np.mean(np.isin(inside, s.indices(s.FLUID))))
    if FLAIR in segmented.corrected:
        data, tissue = segmented.corrected[FLAIR], segmented.references[FLAIR]
        values["lesion_dark_on_flair"] = 100 * float(np.mean(data[mask] < tissue.white.median))
    return values


def _signs_unlike_ms(prepared: Prepared, segmented: Segmented) -> list[str]:
    """What does not look like multiple sclerosis in the lesions."""
    flair = None
    if FLAIR in segmented.corrected:
        flair = segmented.corrected[FLAIR] / segmented.references[FLAIR].white.median
    return signs_unlike_ms(
        segmented.lesions.mask,
        prepared.grid.affine,
        anatomy=segmented.anatomy,
        midplane=segmented.midplane,
        relative_flair=flair,
    )


def _overlap_of_foregrounds(prepared: Prepared, segmented: Segmented) -> float:
    """Share of the brain that both scans show with a signal."""
    brain = np.isin(segmented.anatomy, s.BRAIN)
    seen = [
        prepared.native[name] > 0.1 * np.median(prepared.native[name][brain])
        for name in (FLAIR, prepared.t1_name)
    ]
    return float(np.count_nonzero(seen[0] & seen[1] & brain) / np.count_nonzero(brain))


def _cut_by_view_cm2(anatomy: np.ndarray, affine: np.ndarray, *, scan: np.ndarray) -> float:
    """Area of brain, brainstem left out, on the border of the field of view.

    Empty slices at an end of the scan are not part of the view. A brain whose skull was taken
    off ends there by itself: then only an end counts on which at least half as much brain
    lies as 10 mm further in.
    """
    brain = np.isin(anatomy, [i for i in s.BRAIN if i != s.BRAINSTEM])
    size = spacing_mm(affine)
    area = 0.0
    for axis in range(3):
        a, b = (size[other] for other in range(3) if other != axis)
        others = tuple(other for other in range(3) if other != axis)
        amount = np.count_nonzero(brain, axis=others) * a * b
        seen = np.flatnonzero(scan.any(axis=others))
        first, last = seen[0], seen[-1]
        for end, step, border in ((first, 1, 0), (last, -1, len(amount) - 1)):
            inner = end + step * max(1, round(INNER_MM / size[axis]))
            is_cut = end == border or amount[end] >= 0.5 * amount[np.clip(inner, first, last)]
            area += amount[end] if is_cut else 0.0
    return float(area / 100)
