"""changes.csv, lesion_changes.csv and expansions.csv: between visits."""

from mslesion.schema.change_errors import PAIR_KINDS
from mslesion.schema.checks import STATES
from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    FLAG,
    GIVEN,
    IDENTIFIER,
    NUMBER,
    PAIR_OF_SESSIONS,
    PARTICIPANT,
    SETTING,
    TEXT,
    Column,
    Table,
    described,
)
from mslesion.schema.locations import LOCATIONS

OURS = "mslesion"
EVENTS = {
    "new": "lesion at the second visit; at the first visit none, or too little to distinguish "
    "from none",
    "new_adjacent": "fragment at the edge of a lesion, present at the second visit only",
    "enlarging": "one lesion at both visits, enlarging according to the rule",
    "stable": "one lesion at both visits, neither enlarging nor shrinking, or too small to assess",
    "trend": "one lesion at both visits, between stable and enlarging or shrinking according to "
    "the rule",
    "shrinking": "one lesion at both visits, shrinking according to the rule",
    "resolved": "lesion at the first visit; at the second visit none, or too little to "
    "distinguish from none",
    "resolved_adjacent": "fragment at the edge of a lesion, present at the first visit only",
    "merged": "several lesions became one; its size is compared with their sum",
    "split": "one lesion became several; their sum is compared with its size",
    "complex": "several lesions became several others; sums are compared",
}
CLASSES = {
    "enlarging": "enlarging",
    "stable": "stable",
    "shrinking": "shrinking",
    "trend": "between stable and enlarging or shrinking (annual rule only)",
    "not assessable": "below the detection floor, or the interval is too short",
}
_PAIR = (
    PARTICIPANT,
    *PAIR_OF_SESSIONS,
)
_PERCENT, _YEARLY, _POINTS = "percent", "percent/year", "percentage points"
_FROM_ERROR = ", from the measured error (see change_error_source)."

_SLOW = ("brain_change", "lesion_map_at_first", "dates", "year")
_ATROPHIED = ("brain_change", "lesion_map_at_first")
_DEFORMATION = ("brain_change", "shared_head")
_BOUNDARY = ("brain_change", "boundary")
_PER_YEAR = ("dates", "half_year")
_INTERVAL = (*_PER_YEAR, "measured_error")


_FROM_BOTH_MAPS = (
    "Both lesion maps and both scans in their common frame: a voxel changed where the maps and the "
    "difference of the scans agree."
)
_FROM_BOTH_BRAINS = (
    "Both scans in their common frame, matched in intensity: mean of the boundary-shift integral "
    "and of the integral of the deformation's local volume change."
)
_FROM_DEFORMATION = (
    "Integral of the local volume change of a deformation of both scans over the structure."
)
_FROM_BOUNDARY = "Shift of the border in intensity between both scans, over the structure."
_FROM_SKULLS = (
    "Affine motion between skull and scalp of both scans, outside the intracranial space, where "
    "the brain's own change does not reach."
)
_FROM_EXPANSION = (
    "Local volume change of a deformation that follows single lesions, inside the lesions of the "
    "first visit."
)
_FROM_CSF = "Share of CSF in the lesions of the first visit, by the intensity of both scans."

_HEAD = described(
    DERIVED,
    Column("days", COUNT, "Days between the visits.", "d", requires=("dates",)),
    Column("interval_years", NUMBER, "Interval between the visits in years of 365.25 "
                                     "days.", "year", requires=("dates",)),
    Column("same_scanner", FLAG, "Whether both visits were on one scanner according to the "
                                 "sidecars.", method=GIVEN,
           empty_when="the scanner of a visit is not known"),
    Column("lesion_modality", TEXT, "Scan from which the lesion change was measured.",
           empty_when="no FLAIR or no lesions at a visit"),
    Column("brain_modality", TEXT, "Scan from which the brain change was measured.",
           empty_when="no T1w or FLAIR at both visits"),
    Column("change_assessable", FLAG, "Whether the lesion change could be measured."),
    Column("change_reason", TEXT, "Why not.", empty_when="the lesion change is assessable"),
    Column("brain_change_assessable", FLAG, "Whether the brain change could be measured."),
    Column("brain_change_reason", TEXT, "Why not.", empty_when="the brain change is assessable"),
    Column("change_rule", TEXT, "Rule that decides size_change and the counts.", method=SETTING),
    Column("detection_floor_mm", NUMBER,
           "Smallest diameter that counts; it depends on the thickest slices of the "
           "pair.", "mm", OURS,
           label="Detection floor, diameter", requires=("lesion_change",)),
)  # fmt: skip

_LESIONS = described(
    _FROM_BOTH_MAPS,
    Column("new_t2_count", COUNT, "New lesions.", label="New lesions"),
    Column("new_t2_volume_ml", NUMBER, "Their volume.", "mL", label="Volume of new lesions"),
    Column("new_adjacent_count", COUNT, "New fragments at the edge of lesions."),
    Column("enlarging_count", COUNT, "Enlarging lesions, including merged and split ones.",
           label="Enlarging"),
    Column("new_or_enlarging_count", COUNT, "New and enlarging lesions."),
    Column("stable_count", COUNT, "Lesions that neither enlarge nor shrink.", label="Stable"),
    Column("shrinking_count", COUNT, "Lesions that shrink.", label="Shrinking"),
    Column("resolved_count", COUNT, "Resolved lesions.", label="Resolved"),
    Column("merged_count", COUNT, "Groups of lesions that merged into one.", label="Merged"),
    Column("split_count", COUNT, "Lesions that split into several.", label="Split"),
    Column("complex_count", COUNT, "Groups that consist of several lesions at both visits."),
    Column("under_floor_count", COUNT, "Lesions below the detection floor, which are in no "
                                       "other count.",
           label="Below the detection floor"),
    *(
        column
        for end, visit in (("from", "first"), ("to", "second"))
        for column in (
            Column(f"lesion_volume_joint_{end}_ml", NUMBER,
                   f"Lesion volume at the {visit} visit by both visits together: the visits differ "
                   "only where the scans changed.", "mL", OURS,
                   label=f"Lesion volume by both visits, {visit}"),
            Column(f"lesion_count_joint_{end}", COUNT,
                   f"Lesions at the {visit} visit by both visits together: one that a single "
                   "visit outlined, while the scans show no change, counts at both.",
                   source=OURS, label=f"Lesions by both visits, {visit}"),
        )
    ),
    Column("gross_gain_ml", NUMBER, "Volume that became lesion.", "mL",
           label="Volume that became lesion"),
    Column("gross_loss_ml", NUMBER, "Lesion volume that is no longer lesion.", "mL",
           label="Lesion volume lost"),
    Column("net_change_ml", NUMBER, "Gain minus loss.", "mL", label="Net lesion change"),
    Column("new_t2_per_year", NUMBER, "New lesions per year; given from an interval "
                                      "of half a year on.", "1/year",
           label="New lesions per year", requires=("lesion_change", *_PER_YEAR),
           method=DERIVED),
    Column("combined_unique_active_count", COUNT,
           "Combined unique active lesions: enhancing, new and enlarging lesions, each counted "
           "once.", requires=("lesion_change", "enhancement_rating"), method=DERIVED),
    Column("sel_candidate_count", COUNT,
           "Candidates for slow expansion, at any rate, in lesions that do not enhance at the "
           "first visit.",
           source="Elliott 2019, 10.1177/1352458518814117", label="Candidates for slow expansion",
           requires=_SLOW, method=_FROM_EXPANSION),
    Column("sel_candidate_volume_ml", NUMBER, "Their volume.", "mL", label="Volume of candidates",
           requires=_SLOW, method=_FROM_EXPANSION),
    Column("sel_assessed_count", COUNT, "Lesions that are large enough to be assessed.",
           label="Lesions assessed", requires=_SLOW, method=_FROM_EXPANSION),
    Column("sel_expected_by_chance_count", NUMBER,
           "Candidates that the same rule finds, at any rate, in as many copies of the assessed "
           "lesions shifted into normal-appearing white matter, where nothing expands.",
           source=OURS, label="Candidates expected by chance",
           requires=(*_SLOW, "lesion_at_first", "copies"), method=_FROM_EXPANSION),
    Column("sel_noise_p95_pct_per_year", NUMBER,
           "95th percentile of the growth of these copies, but not below 0.",
           _YEARLY, OURS, label="Noise of the pair",
           requires=(*_SLOW, "lesion_at_first", "copies"), method=_FROM_EXPANSION),
    Column("atrophied_lesion_volume_mm3", NUMBER,
           "Atrophied lesion volume, which is lesion that became CSF.", "mm^3",
           "Tavazzi 2019, 10.1007/s00415-019-09643-z", label="Lesion that became CSF",
           requires=_ATROPHIED, method=_FROM_CSF),
    Column("atrophied_lesion_volume_periventricular_mm3", NUMBER,
           "Atrophied lesion volume within 3 mm of a ventricle.", "mm^3", requires=_ATROPHIED,
           method=_FROM_CSF),
    Column("atrophied_lesion_volume_pct", NUMBER, "Atrophied lesion volume relative to the "
                                                  "lesion volume of the first visit.",
           _PERCENT, requires=(*_ATROPHIED, "lesion_at_first"), method=_FROM_CSF),
    Column("atrophied_lesion_volume_noise_mm3", NUMBER,
           "CSF that became lesion, which only an error can explain.", "mm^3",
           OURS, label="Noise of lesion that became CSF", requires=_ATROPHIED, method=_FROM_CSF),
    requires=("lesion_change",),
)  # fmt: skip

_BRAIN = described(
    _FROM_BOTH_BRAINS,
    Column("head_scale_volume_pct", NUMBER, "How much larger the head is at the second visit, by "
           "the skull; the changes of the brain are those after correction for it.", _PERCENT,
           "Smith 2002, 10.1006/nimg.2002.1040", label="Size of the head, corrected",
           requires=("precise_head_scale",), method=_FROM_SKULLS),
    Column("head_scale_error_points", NUMBER, "Error (SD) of that difference, by the halves of "
           "the head.", _POINTS, OURS, requires=("skulls",), method=_FROM_SKULLS),
    Column("pbvc_bsi_pct", NUMBER, "Brain volume change by the boundary-shift integral.",
           _PERCENT, "Leung 2010, 10.1016/j.neuroimage.2009.12.059", label="by boundary shift",
           requires=_BOUNDARY, method=_FROM_BOUNDARY),
    Column("pbvc_deformation_pct", NUMBER, "Brain volume change by the deformation.", _PERCENT,
           "Nakamura 2014, PMC3830061", label="by deformation", requires=_DEFORMATION,
           method=_FROM_DEFORMATION),
    Column("pbvc_pct", NUMBER, "Mean of both estimates, or the only one available.", _PERCENT, OURS,
           label="Brain volume change"),
    Column("pbvc_difference_points", NUMBER, "Boundary-shift estimate minus "
                                             "deformation estimate.", _POINTS,
           requires=("brain_change", "two_estimates")),
    Column("pbvc_deformation_eroded_pct", NUMBER,
           "Like pbvc_deformation_pct, but measured 3 mm inside the brain; a large difference "
           "between the two shows that the brain masks differ.",
           _PERCENT, requires=_DEFORMATION, method=_FROM_DEFORMATION),
    Column("pbvc_bsi_calibration_ratio", NUMBER,
           "Factor applied to the integral, derived from its response to a known change.",
           source="Smith 2002, 10.1006/nimg.2002.1040", requires=_BOUNDARY,
           method="Response of the integral to a known change of the scans' own size."),
    Column("pbvc_sd_points", NUMBER, "Error of pbvc_pct: its root mean square in people who "
           "were scanned twice without change, for pairs of pair_kind.", _POINTS, OURS,
           label="Error of one value (SD)", requires=("brain_change", "measured_error"),
           method=DERIVED),
    Column("pbvc_pct_per_year", NUMBER, "pbvc_pct per year; given from an interval of "
                                        "half a year on.", _YEARLY,
           label="Brain change per year", requires=("brain_change", *_PER_YEAR), method=DERIVED),
    Column("pbvc_ci95_low", NUMBER, f"Lower end of its 95 % interval{_FROM_ERROR}", _YEARLY, OURS,
           label="95 % interval from", requires=("brain_change", *_INTERVAL), method=DERIVED),
    Column("pbvc_ci95_high", NUMBER, "Upper end.", _YEARLY, label="95 % interval to",
           requires=("brain_change", *_INTERVAL), method=DERIVED),
    Column("pvvc_pct", NUMBER, "Change of the lateral ventricles.", _PERCENT,
           label="Lateral ventricles", requires=("brain_change", "ventricle_border"),
           method=_FROM_BOUNDARY),
    Column("pvvc_sd_points", NUMBER, "Error of pvvc_pct, as pbvc_sd_points.", _POINTS, OURS,
           requires=("brain_change", "measured_error", "ventricle_border"), method=DERIVED),
    Column("pvvc_pct_per_year", NUMBER, "The change of the ventricles per year; given from an "
                                        "interval of half a year on.", _YEARLY,
           label="Ventricle change per year",
           requires=("brain_change", *_PER_YEAR, "ventricle_border"), method=DERIVED),
    Column("pvvc_ci95_low", NUMBER, f"Lower end of its 95 % interval{_FROM_ERROR}", _YEARLY, OURS,
           requires=("brain_change", *_INTERVAL, "ventricle_border"), method=DERIVED),
    Column("pvvc_ci95_high", NUMBER, "Upper end.", _YEARLY,
           requires=("brain_change", *_INTERVAL, "ventricle_border"), method=DERIVED),
    Column("thalamus_change_pct", NUMBER, "Change of the thalamus.", _PERCENT, label="Thalamus",
           requires=(*_DEFORMATION, "large_structure"), method=_FROM_DEFORMATION),
    Column("thalamus_sd_points", NUMBER, "Error of thalamus_change_pct, as pbvc_sd_points.",
           _POINTS, OURS, requires=(*_DEFORMATION, "measured_error", "large_structure"),
           method=DERIVED),
    Column("thalamus_pct_per_year", NUMBER, "The change of the thalamus per year; given from an "
                                            "interval of half a year on.", _YEARLY,
           label="Thalamus change per year",
           requires=(*_DEFORMATION, *_PER_YEAR, "large_structure"), method=DERIVED),
    Column("thalamus_ci95_low", NUMBER, f"Lower end of its 95 % interval{_FROM_ERROR}", _YEARLY,
           OURS, requires=(*_DEFORMATION, *_INTERVAL, "large_structure"), method=DERIVED),
    Column("thalamus_ci95_high", NUMBER, "Upper end.", _YEARLY,
           requires=(*_DEFORMATION, *_INTERVAL, "large_structure"), method=DERIVED),
    Column("pair_kind", TEXT, "What the error of the brain change depends on.",
           levels=PAIR_KINDS, label="Kind of pair", method=DERIVED),
    Column("change_error_source", TEXT, "Where the errors and the 95 % intervals of the changes of "
           "brain, ventricles and thalamus come from, or that there are none.", source=OURS,
           label="Source of the error", method=DERIVED),
    Column("grey_matter_change_pct", NUMBER, "Change of grey matter.", _PERCENT,
           label="Grey matter", requires=_DEFORMATION, method=_FROM_DEFORMATION),
    Column("white_matter_change_pct", NUMBER, "Change of white matter, including lesions.",
           _PERCENT, label="White matter, including lesions", requires=_DEFORMATION,
           method=_FROM_DEFORMATION),
    Column("third_ventricle_width_change_mm", NUMBER,
           "Third-ventricle width at the second minus that at the first visit.", "mm",
           label="Third ventricle, width", requires=("brain_change", "width_at_both"),
           method="Difference of the widths at both visits."),
    Column("pseudoatrophy_window", FLAG,
           "Whether a treatment began recently, so that loss of oedema may reduce the volume.",
           requires=("dates", "treatment_start"), method=DERIVED),
    requires=("brain_change",),
)  # fmt: skip

_STATE = described(
    DERIVED,
    Column("quality_state", TEXT, "Worst state of the checks of the pair.", levels=STATES),
    Column("flags", TEXT, "Checks that did not pass with their state, joined by semicolons; "
           "chain_inconsistent: pbvc_pct differs by more than 0.5 percentage points from the "
           "sum of the steps in between.", empty_when="there is none"),
)  # fmt: skip

CHANGES = Table(
    "changes",
    "One row per pair of visits: each visit with the previous one and with the first.",
    (*_PAIR, *_HEAD, *_LESIONS, *_BRAIN, *_STATE),
    ("participant_id", "session_to", "session_from"),
)

_WHOLE = "the lesion is new or resolved"

LESION_CHANGES = Table(
    "lesion_changes",
    "One row per pair of visits and lesion (or group of lesions that merged or split). Sizes "
    "refer to outlines that both scans and both lesion maps refine.",
    (
        *_PAIR,
        *described(
        IDENTIFIER,
        Column("group_id", COUNT, "Number of the row within the pair."),
        Column("track_id", COUNT, "Number of the lesion over all visits of the participant.",
               empty_when="no lesion table contains the lesion"),
        Column("parents", TEXT, "lesion_id of the lesions of the first visit that merged, joined "
               "by +, without those of which hardly anything lies in the later lesion.",
               empty_when="none merged"),
        Column("lesions_from", TEXT, "lesion_id at the first visit, several joined by +.",
               empty_when="the first visit has no lesion there, or its table has not"),
        Column("lesions_to", TEXT, "lesion_id at the second visit, several joined by +.",
               empty_when="the second visit has no lesion there, or its table has not"),
        ),
        *described(
        _FROM_BOTH_MAPS,
        Column("change", TEXT, "What happened.", levels=EVENTS),
        Column("size_change", TEXT, "Class according to change_rule.", levels=CLASSES,
               empty_when=_WHOLE),
        Column("x_mm", NUMBER, "Centroid on the scan of the second visit, left to right.", "mm"),
        Column("y_mm", NUMBER, "Centroid, back to front.", "mm"),
        Column("z_mm", NUMBER, "Centroid, foot to head.", "mm"),
        Column("location", TEXT, "Location class at the second visit, else at the first.",
               levels=LOCATIONS, method="From lesions.csv.",
               empty_when="no lesion table contains the lesion, or voxels are longer than 5 mm"),
        Column("volume_from_mm3", NUMBER, "Volume at the first visit.", "mm^3"),
        Column("volume_to_mm3", NUMBER, "Volume at the second visit.", "mm^3"),
        Column("volume_change_mm3", NUMBER, "Second minus first.", "mm^3"),
        Column("volume_change_pct", NUMBER, "Change in percent of the volume at the "
               "first visit.", _PERCENT, empty_when=_WHOLE),
        Column("radius_change_mm", NUMBER, "Change of the radius of the sphere with the same "
                                           "volume.",
               "mm"),
        Column("gained_mm3", NUMBER, "Volume that became lesion.", "mm^3"),
        Column("lost_mm3", NUMBER, "Volume that is no longer lesion.", "mm^3"),
        Column("long_axis_from_mm", NUMBER, "Longest diameter at the first visit.", "mm"),
        Column("long_axis_to_mm", NUMBER, "Longest diameter at the second visit.", "mm"),
        Column("class_radial", TEXT,
               "Radius change of 0.5 mm (half of the longest voxel side) and 14 mm³.",
               source=OURS, levels=CLASSES, empty_when=_WHOLE),
        Column("class_pct", TEXT,
               "50 % of volume (20 % from 8 mm on) and 3 mm of the long axis.", levels=CLASSES,
               empty_when=_WHOLE),
        Column("class_diameter", TEXT, "50 % of the long axis up to 5 mm, otherwise 20 %.",
               levels=CLASSES, empty_when=_WHOLE),
        Column("class_annual", TEXT, "9 % of volume per year.", source="Vanden Bulcke 2025",
               levels=CLASSES, empty_when=_WHOLE),
        Column("class_area", TEXT,
               "More than 45.2 % of the largest axial area if it is below 67 mm², otherwise "
               "more than 24.2 %.",
               levels=CLASSES, empty_when=_WHOLE),
        Column("confirmed_by_intensity", FLAG,
               "Whether the signal of the changed part also changed relative to white matter.",
               source=OURS, empty_when="no voxel changed, or no scans were given"),
        Column("is_under_floor", FLAG, "Smaller than detection_floor_mm, and therefore in no "
                                       "count."),
        Column("evidence", TEXT, "What the row rests on.",
               method=DERIVED,
               levels={"scans and masks": "both scans and both lesion masks",
                       "masks alone": "the masks as drawn; no scan confirms a change"}),
        Column("note", TEXT, "Caveat.", method=DERIVED, empty_when="there is none"),
        ),
    ),
    ("participant_id", "session_to", "session_from", "group_id"),
)  # fmt: skip

EXPANSIONS = Table(
    "expansions",
    "One row per candidate for slow expansion. A candidate is not a finding; compare it with "
    "the noise of the pair in changes.csv.",
    (
        *_PAIR,
        Column("candidate_id", COUNT, "Number of the candidate within the pair.",
               method=IDENTIFIER),
        Column("lesion_id", COUNT, "Lesion of the first visit that contains the candidate.",
               method=IDENTIFIER),
        *described(
        _FROM_EXPANSION,
        Column("volume_mm3", NUMBER, "Volume.", "mm^3"),
        Column("rate_pct_per_year", NUMBER, "Mean local growth.", _YEARLY,
               "Elliott 2019, 10.1177/1352458518814117"),
        Column("concentricity", NUMBER, "Increase of growth towards the centre, in %/y per mm.",
               empty_when="the candidate is one voxel deep"),
        Column("constancy", NUMBER, "0 for growth at a constant rate.",
               empty_when="there are two visits, or the candidate was not measured at one"),
        Column("is_above_noise", FLAG, "Whether the rate exceeds the noise of the pair.",
               empty_when="the noise of the pair could not be measured"),
        ),
    ),
    ("participant_id", "session_to", "session_from", "candidate_id"),
)  # fmt: skip
