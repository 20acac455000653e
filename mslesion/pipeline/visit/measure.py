"""The second half of a visit: its rows of the lesion, visit and quality tables."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mslesion.clinical.visit_facts import VisitFacts
from mslesion.imaging.grid import spacing_mm, voxel_volume_mm3
from mslesion.measures.appearance import describe_lesions, flair_z, t1_index
from mslesion.measures.enhancement import ENHANCEMENT_COLUMNS, add_enhancement
from mslesion.measures.load import LOAD_COLUMNS, MIN_RATIO_VOLUME_ML, measure_load
from mslesion.measures.location import MAX_SPACING_MM, find_surroundings, locate_lesions
from mslesion.measures.quality import signal_to_noise
from mslesion.measures.single_lesions import find_edge_contacts, measure_single_lesions
from mslesion.measures.volumes import PARTS_ML, measure_volumes
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.enhancement import measure_enhancement
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.pipeline.visit.segment import Segmented
from mslesion.schema import structures as s
from mslesion.schema.checks import CHECKS, FAIL, WARN, flags, judge, worst_state
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.modalities import FLAIR, SEPARATOR, T1W, T1W_CONTRAST
from mslesion.segmentation.lesions.instances import MAX_CENTER_SPACING_MM

THICK_SLICE_MM = 2.0
"""A FLAIR with longer voxels (exclusive) and no sidecar is taken for 2D."""
ENHANCED_LEVEL = 1.25
"""Fluid and plexus voxels brighter than this by white matter (exclusive) on T1w are
vessels full of contrast agent."""
MAX_CUT_CM2 = 40.0
"""With more brain than this on the border of the view (exclusive) volumes are empty."""

FOREIGN_MASK = "the given mask does not fit the scan"
EXPECTED = (
    s.CORTEX, s.WHITE_MATTER, s.LATERAL_VENTRICLES, s.THALAMUS, s.BASAL_GANGLIA, s.BRAINSTEM,
    s.CEREBELLAR_GREY, s.CEREBELLAR_WHITE,
)  # fmt: skip
"""Structures that every head has and every scan shows."""

_T1_COLUMNS = ("t1_hypointense_volume_ml", "t1_t2_lesion_ratio", "t1_index_mean")
_THALAMI = ("thalamus_left_ml", "thalamus_right_ml")
_NORMALISED = (
    "lesion_volume_tiv_pct",
    "lesion_volume_normalised_ml",
    "lesion_burden_white_matter_pct",
)
_SKULL_COLUMNS = (
    "tiv_ml",
    "head_scaling_ratio",
    "csf_ml",
    "lesion_volume_tiv_pct",
    "lesion_volume_normalised_ml",
)
_MEANS = ("flair_z_mean", "t1_index_mean", "t1_t2_lesion_ratio")
_CLASS_COLUMNS = tuple(
    name for one in LOCATION_CLASSES for name in (one.count_column, one.volume_column)
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of the tables, without subject and session."""

    visit: dict
    lesions: list[dict]
    quality: list[dict]


def measure_visit(
    prepared: Prepared,
    segmented: Segmented,
    *,
    facts: VisitFacts,
    settings: Settings,
    segmenter: tuple[str, str],
) -> Measured:
    """Measure a segmented visit.

    Parameters
    ----------
    prepared : Prepared
        Its scans.
    segmented : Segmented
        Its anatomy and lesions.
    facts : VisitFacts
        What is known besides.
    settings : Settings
        Names of the rules.
    segmenter : tuple of str
        What drew the lesions, and its version.

    Returns
    -------
    Measured
        A value that could not be measured is None, its reason in ``empty_because``.
    """
    values, details = _lesion_free_checks(prepared, segmented)
    t1_reason = _why_no_t1_index(prepared, facts, values.get("bright_vessels_on_t1w"))
    enhanced, no_enhancement = measure_enhancement(prepared, segmented, t1_reason=t1_reason)
    index = None if t1_reason else t1_index(*_scan_of(prepared.t1_name, segmented))
    if index is not None and np.isnan(index).all():
        index, t1_reason = None, "white matter is not brighter than cortex on the T1w"
    row = measure_volumes(
        segmented.anatomy,
        prepared.grid.affine,
        midplane=segmented.midplane,
        sees_skull=segmented.sees_skull,
    )
    row |= {name: None for name, value in row.items() if value == 0}
    empty = _Reasons(row)
    cut = values["brain_cut_off_cm2"]
    if cut > MAX_CUT_CM2:
        row.update(dict.fromkeys(row))
        empty.because(f"the view cuts {cut:.0f} cm2 of brain off", *row, *_NORMALISED)
    rows = []
    if segmented.lesions is None:
        empty.because(segmented.no_lesions_because, *LOAD_COLUMNS)
    else:
        rows = _lesion_rows(prepared, segmented, settings, index)
        _lesion_checks(values, rows, prepared, segmented)
        if segmented.probability is None and _mask_is_foreign(values):
            empty.because(
                FOREIGN_MASK,
                *LOAD_COLUMNS,
            )
            rows = []
        else:
            row |= measure_load(
                rows,
                segmented.lesions,
                volumes=row,
                white_lesion_ml=_white_lesion_ml(prepared, segmented),
                has_t1_index=index is not None,
            )
            if enhanced is not None:
                add_enhancement(row, rows, labels=segmented.lesions.labels, found=enhanced)
    empty.because(no_enhancement or FOREIGN_MASK, *ENHANCEMENT_COLUMNS)
    if not segmented.sees_skull:
        empty.because("no skull in the scan", *_SKULL_COLUMNS)
    if t1_reason:
        empty.because(t1_reason, *_T1_COLUMNS)
    if FLAIR not in prepared.scans:
        empty.because("no FLAIR", "flair_z_mean")
    if not rows:
        empty.because("no lesion", *_MEANS)
    empty.because(f"under {MIN_RATIO_VOLUME_ML:g} ml of lesion", "t1_t2_lesion_ratio")
    empty.because(f"voxels longer than {MAX_SPACING_MM:g} mm", *_CLASS_COLUMNS)
    empty.because(f"voxels longer than {MAX_CENTER_SPACING_MM:g} mm", "lesion_count_centers")
    empty.because("not found in the scan", *PARTS_ML, *_THALAMI, "third_ventricle_width_mm")
    empty.because("no white matter was found", "lesion_burden_white_matter_pct")
    values["facts_disagree"] = float(len(facts.disagreements))
    details["facts_disagree"] = "; ".join(facts.disagreements)
    checks = judge(CHECKS, values, details=details)
    row |= _about(prepared, segmented, facts, settings, segmenter)
    row["quality_state"] = worst_state(checks)
    row["flags"] = ";".join(sorted({*prepared.warnings, *flags(checks)})) or None
    row["empty_because"] = empty.text() or None
    return Measured(row, rows, checks)


class _Reasons:
    """Why values of a row are empty; the first reason given for a column stays."""

    def __init__(self, row: dict):
        self._row, self._found = row, {}

    def because(self, reason: str, *names: str) -> None:
        """Give the reason for those of the columns that are empty."""
        for name in names:
            if self._row.get(name) is None:
                self._found.setdefault(name, reason)

    def text(self) -> str:
        """Column: reason, joined by semicolons."""
        return ";".join(f"{name}: {reason}" for name, reason in sorted(self._found.items()))


def _scan_of(name: str, segmented: Segmented):
    """A corrected scan and its tissue reference."""
    return segmented.corrected[name], segmented.references[name]


def _lesion_rows(prepared, segmented, settings, index) -> list[dict]:
    """Rows of the lesion table."""
    lesions, affine = segmented.lesions, prepared.grid.affine
    z = flair_z(*_scan_of(FLAIR, segmented)) if FLAIR in segmented.corrected else None
    surroundings = find_surroundings(
        segmented.working_anatomy, prepared.working_grid.affine, midplane=segmented.midplane
    )
    parts = zip(
        measure_single_lesions(lesions),
        locate_lesions(
            lesions.labels,
            affine,
            surroundings=surroundings,
            midplane=segmented.midplane,
            scheme=settings.location_scheme,
            contact_mm=settings.contact_mm,
        ),
        describe_lesions(
            lesions.labels, affine, z=z, index=index, probability=segmented.probability
        ),
        find_edge_contacts(lesions.labels, segmented.anatomy > 0),
        strict=True,
    )
    rows = []
    for single, place, look, edge in parts:
        row = single | place | look | edge
        row["is_juxtacortical_uncertain"] = (
            None
            if index is None
            else place["location"] == "intracortical" and row["t1_index_mean"] < 0
        )
        rows.append(row)
    return rows


def _lesion_free_checks(prepared: Prepared, segmented: Segmented):
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
    values["brain_cut_off_cm2"] = _cut_by_view_cm2(segmented.anatomy, prepared.grid.affine)
    if prepared.t1_name and FLAIR in prepared.scans:
        values["flair_t1w_overlap"] = _overlap_of_foregrounds(prepared, segmented)
    else:
        details["flair_t1w_overlap"] = "needs FLAIR and T1w"
    if T1W in segmented.corrected:
        data, tissue = _scan_of(T1W, segmented)
        fluid = np.isin(segmented.anatomy, s.indices(s.FLUID)) & (data > 0)
        bright = np.count_nonzero(data[fluid] > ENHANCED_LEVEL * tissue.white.median)
        total = np.count_nonzero(fluid)
        values["bright_vessels_on_t1w"] = 100 * bright / total if total else None
    else:
        details["bright_vessels_on_t1w"] = "no T1w"
    return values, details


def _overlap_of_foregrounds(prepared: Prepared, segmented: Segmented) -> float:
    """Share of the brain that both scans show with a signal."""
    brain = np.isin(segmented.anatomy, s.BRAIN)
    seen = [
        prepared.native[name] > 0.1 * np.median(prepared.native[name][brain])
        for name in (FLAIR, prepared.t1_name)
    ]
    return float(np.count_nonzero(seen[0] & seen[1] & brain) / np.count_nonzero(brain))


def _lesion_checks(values, rows, prepared, segmented) -> None:
    """Add the values of the checks that look at lesions."""
    mask = segmented.lesions.mask
    count = np.count_nonzero(mask)
    volume = count * voxel_volume_mm3(prepared.grid.affine) / 1000
    values["lesion_volume_ml"] = volume
    values["components_in_csf"] = segmented.removed_count
    values["lesion_resampling_change"] = segmented.resampling_change_pct
    if not count:
        return
    inside = segmented.anatomy[mask]
    values["lesion_outside_brain"] = 100 * float(np.mean(inside == 0))
    values["lesion_in_choroid_plexus"] = 100 * float(np.mean(inside == s.CHOROID_PLEXUS))
    values["lesion_in_fluid"] = 100 * float(np.mean(np.isin(inside, s.indices(s.FLUID))))
    if FLAIR in segmented.corrected:
        data, tissue = _scan_of(FLAIR, segmented)
        values["lesion_dark_on_flair"] = 100 * float(np.mean(data[mask] < tissue.white.median))
    periventricular = [r for r in rows if r["location"] == "periventricular"]
    if periventricular:
        caps = sum(row["is_cap_like"] for row in periventricular)
        values["cap_like_lesions"] = 100 * caps / len(periventricular)


def _mask_is_foreign(values: Mapping[str, float | None]) -> bool:
    """Whether a given mask lies so badly that it must be of another scan."""
    checks = {check.name: check for check in CHECKS}
    return any(
        checks[i].state(values.get(i)) == FAIL
        for i in ("lesion_outside_brain", "lesion_dark_on_flair")
    )


def _why_no_t1_index(prepared: Prepared, facts: VisitFacts, enhanced: float | None) -> str:
    """Why the T1 index cannot be given; empty if it can."""
    if T1W not in prepared.scans:
        return "only a T1w after contrast" if prepared.t1_name else "no T1w"
    if facts.t1_contrast:
        return "the T1w was taken after contrast"
    check = next(check for check in CHECKS if check.name == "bright_vessels_on_t1w")
    if facts.t1_contrast is None and check.state(enhanced) == WARN:
        return "the T1w looks contrast-enhanced"
    return ""


def _white_lesion_ml(prepared: Prepared, segmented: Segmented) -> float:
    """Lesion volume in white matter."""
    white = np.isin(segmented.anatomy, s.indices(s.WHITE))
    voxels = np.count_nonzero(segmented.lesions.mask & white)
    return voxels * voxel_volume_mm3(prepared.grid.affine) / 1000


def _cut_by_view_cm2(anatomy: np.ndarray, affine: np.ndarray) -> float:
    """Area of brain, brainstem left out, on the border of the field of view."""
    brain = np.isin(anatomy, [i for i in s.BRAIN if i != s.BRAINSTEM])
    size = spacing_mm(affine)
    area = 0.0
    for axis in range(3):
        a, b = (size[other] for other in range(3) if other != axis)
        for end in (0, -1):
            area += np.count_nonzero(np.take(brain, end, axis)) * a * b
    return area / 100


def _about(prepared, segmented, facts: VisitFacts, settings: Settings, segmenter) -> dict:
    """Columns on whose visit it is and how it was measured."""
    row = {
        "visit_date": facts.visit_date.isoformat() if facts.visit_date else None,
        "age_years": facts.age_years,
        "sex": facts.sex or None,
        "scanner_id": facts.scanner_id or None,
        "field_t": facts.field_t,
        "inputs": SEPARATOR.join(prepared.scans),
        "skull_stripped": not segmented.sees_skull,
        "segmenter": segmenter[0],
        "segmenter_version": segmenter[1] or None,
        "lesion_threshold": None if segmented.probability is None else settings.lesion_threshold,
        "min_size": settings.min_size,
        "location_scheme": settings.location_scheme,
    }
    if FLAIR in prepared.scans:
        sizes = prepared.scans[FLAIR].spacing_mm
        stated = facts.flair_dim if facts.flair_dim in ("2D", "3D") else ""
        row["flair_dim"] = stated or ("2D" if max(sizes) > THICK_SLICE_MM else "3D")
        row["flair_voxel_mm"] = "x".join(f"{size:.2f}" for size in sizes)
    if prepared.t1_name == T1W_CONTRAST or facts.t1_contrast:
        row["t1_type"] = "contrast"
    elif prepared.t1_name:
        row["t1_type"] = "unknown" if facts.t1_contrast is None else "plain"
    return row
