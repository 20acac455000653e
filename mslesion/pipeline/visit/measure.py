"""The second half of a visit: its rows of the lesion, visit and quality tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from mslesion.clinical.visit_facts import VisitFacts
from mslesion.imaging.grid import THICK_SLICE_MM
from mslesion.io.headers import NO_ORIENTATION
from mslesion.io.scan_choice import ScanChoice
from mslesion.measures.registry import MEASURES
from mslesion.measures.visit_context import VisitContext
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.check import cap_like_share, check_values
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.pipeline.visit.segment import Segmented
from mslesion.schema.checks import CHECKS, flags, judge, worst_state
from mslesion.schema.modalities import FLAIR, SEPARATOR, T1W_CONTRAST
from mslesion.schema.prerequisites import GIVEN_ANATOMY, SCAN, reasons_for_empty
from mslesion.schema.visits import BIOMARKERS

SEVERAL_SCANS = "several_scans"
"""Flag, after the modality: a rule decided which of several scans was taken."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of the tables, without subject and session, and whether a given mask fits."""

    visit: dict
    lesions: list[dict]
    quality: list[dict]
    mask_fits: bool = True


def measure_visit(
    prepared: Prepared,
    segmented: Segmented,
    *,
    facts: VisitFacts,
    settings: Settings,
    segmenter: tuple[str, str],
    choices: Sequence[ScanChoice] = (),
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
    choices : sequence of ScanChoice
        Which scan was taken of each modality that has several.

    Returns
    -------
    Measured
        A value that could not be measured is None, its reason in ``empty_because``.
    """
    values, details = check_values(prepared, segmented, facts=facts)
    visit = _context(prepared, segmented, facts=facts, settings=settings, checks=values)
    row = _about(prepared, segmented, facts, settings, segmenter)
    for measure in MEASURES:
        row |= measure(visit)
    values = values | {"cap_like_lesions": cap_like_share(visit.all_lesion_rows)}
    checks = judge(CHECKS, values, details=details)
    row["quality_state"] = worst_state(checks)
    row["scan_choice"] = ";".join(choice.text for choice in choices) or None
    chosen = {f"{choice.modality}:{SEVERAL_SCANS}" for choice in choices if choice.is_ours}
    warnings = {*prepared.warnings, *segmented.warnings, *chosen, *flags(checks)}
    row["flags"] = ";".join(sorted(warnings)) or None
    row["empty_because"] = (
        reasons_for_empty(
            row,
            BIOMARKERS.values(),
            unmet=visit.unmet,
            missing_scan=segmented.missing_scan,
            searched=GIVEN_ANATOMY if segmented.has_given_anatomy else SCAN,
        )
        or None
    )
    row["brain_coverage"] = "partial" if "whole_brain" in visit.unmet else "whole"
    mask_fits = "fitting_mask" not in visit.unmet
    return Measured(row, visit.lesion_rows, checks, mask_fits)


def _context(
    prepared: Prepared, segmented: Segmented, *, facts: VisitFacts, settings: Settings, checks: dict
) -> VisitContext:
    """What the measures look at."""
    return VisitContext(
        affine=prepared.grid.affine,
        anatomy=segmented.anatomy,
        working_anatomy=segmented.working_anatomy,
        working_affine=prepared.working_grid.affine,
        midplane=segmented.midplane,
        sees_skull=segmented.sees_skull,
        scans=segmented.corrected,
        references=segmented.references,
        lesions=segmented.lesions,
        probability=segmented.probability,
        t1_contrast=facts.t1_contrast,
        checks=checks,
        location_scheme=settings.location_scheme,
        contact_mm=settings.contact_mm,
        reaches_skull=segmented.reaches_skull,
        has_orientation=NO_ORIENTATION not in prepared.reference_scan.warnings,
        is_mirrored=segmented.match.is_mirrored,
        unfit_scans=segmented.match.unfit,
    )


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
        "anatomy_source": segmented.anatomy_source,
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
