"""changes.csv, lesion_changes.csv, expansions.csv and trajectories.csv: between visits."""

from mslesion.schema.checks import STATES
from mslesion.schema.columns import (
    COUNT,
    FLAG,
    NUMBER,
    PAIR_OF_SESSIONS,
    PARTICIPANT,
    TEXT,
    Column,
    Table,
)
from mslesion.schema.locations import LOCATIONS

OURS = "mslesion"
EVENTS = {
    "new": "lesion at the second visit; at the first none, or too little to be told from none",
    "new_adjacent": "fragment at the edge of a lesion, at the second visit only",
    "enlarging": "one lesion at both visits, enlarging by the rule",
    "stable": "one lesion at both visits, neither enlarging nor shrinking, or too small to tell",
    "trend": "one lesion at both visits, between stable and enlarging or shrinking by the rule",
    "shrinking": "one lesion at both visits, shrinking by the rule",
    "resolved": "lesion at the first visit; at the second none, or too little to be told from none",
    "resolved_adjacent": "fragment at the edge of a lesion, at the first visit only",
    "merged": "several lesions became one; its size is compared with their sum",
    "split": "one lesion became several; their sum is compared with its size",
    "complex": "several lesions became several others; sums are compared",
}
CLASSES = {
    "enlarging": "enlarging",
    "stable": "stable",
    "shrinking": "shrinking",
    "trend": "between stable and enlarging or shrinking (annual rule only)",
    "not assessable": "under the detection floor, or too little time",
}
_PAIR = (
    PARTICIPANT,
    *PAIR_OF_SESSIONS,
)
_PERCENT, _YEARLY, _POINTS = "percent", "percent/year", "percentage points"

_HEAD = (
    Column("days", COUNT, "Days between the visits; empty without dates.", "d"),
    Column("interval_years", NUMBER, "The same in years of 365.25 days.", "year"),
    Column("same_scanner", FLAG, "By the sidecars; empty if they do not tell."),
    Column("lesion_modality", TEXT, "Scan from which the lesion change was measured."),
    Column("brain_modality", TEXT, "Scan from which the brain change was measured."),
    Column("change_assessable", FLAG, "Whether the lesion change could be measured."),
    Column("change_reason", TEXT, "Why not."),
    Column("brain_change_assessable", FLAG, "Whether the brain change could be measured."),
    Column("brain_change_reason", TEXT, "Why not."),
    Column("change_rule", TEXT, "Rule of size_change and of the counts."),
    Column("detection_floor_mm", NUMBER,
           "Smallest diameter that counts, by the thickest slices of the pair.", "mm", OURS),
)  # fmt: skip

_LESIONS = (
    Column("new_t2_count", COUNT, "New lesions."),
    Column("new_t2_volume_ml", NUMBER, "Their volume.", "mL"),
    Column("new_adjacent_count", COUNT, "New fragments at the edge of lesions."),
    Column("enlarging_count", COUNT, "Lesions, merged and split ones too, that enlarge."),
    Column("new_or_enlarging_count", COUNT, "New and enlarging lesions."),
    Column("stable_count", COUNT, "Lesions that neither enlarge nor shrink."),
    Column("shrinking_count", COUNT, "Lesions that shrink."),
    Column("resolved_count", COUNT, "Lesions that are gone."),
    Column("merged_count", COUNT, "Groups of lesions that became one."),
    Column("split_count", COUNT, "Lesions that became several."),
    Column("complex_count", COUNT, "Groups of several lesions at both visits."),
    Column("under_floor_count", COUNT, "Lesions under the detection floor: in no other count."),
    Column("gross_gain_ml", NUMBER, "Volume that became lesion.", "mL"),
    Column("gross_loss_ml", NUMBER, "Lesion volume that is no longer lesion.", "mL"),
    Column("net_change_ml", NUMBER, "Gain minus loss.", "mL"),
    Column("new_t2_per_year", NUMBER, "New lesions a year; from half a year on.", "1/year"),
    Column("combined_unique_active_count", COUNT,
           "Combined unique active lesions: enhancing, new and enlarging ones, each once. "
           "Needs a rater: no enhancing lesion, or each of them listed."),
    Column("sel_candidate_count", COUNT, "Candidates for slow expansion, at any rate.",
           source="Elliott 2019, 10.1177/1352458518814117"),
    Column("sel_candidate_volume_ml", NUMBER, "Their volume.", "mL"),
    Column("sel_assessed_count", COUNT, "Lesions large enough to be looked at."),
    Column("sel_noise_p95_pct_per_year", NUMBER,
           "95th percentile of the growth of shifted copies in normal white matter.",
           _YEARLY, OURS),
    Column("atrophied_lesion_volume_mm3", NUMBER,
           "Atrophied lesion volume: lesion that became CSF.", "mm^3",
           "Tavazzi 2019, 10.1007/s00415-019-09643-z"),
    Column("atrophied_lesion_volume_periventricular_mm3", NUMBER,
           "The part within 3 mm of a ventricle.", "mm^3"),
    Column("atrophied_lesion_volume_pct", NUMBER, "Of the lesion volume of the first visit.",
           _PERCENT),
    Column("atrophied_lesion_volume_noise_mm3", NUMBER,
           "CSF that became lesion, which is error alone.", "mm^3",
           OURS),
)  # fmt: skip

_BRAIN = (
    Column("pbvc_bsi_pct", NUMBER, "Brain volume change by the boundary-shift integral.",
           _PERCENT, "Leung 2010, 10.1016/j.neuroimage.2009.12.059"),
    Column("pbvc_deformation_pct", NUMBER, "Brain volume change by the deformation.", _PERCENT,
           "Nakamura 2014, PMC3830061"),
    Column("pbvc_pct", NUMBER, "Mean of both, or the one that there is.", _PERCENT, OURS),
    Column("pbvc_difference_points", NUMBER, "First minus second estimate.", _POINTS),
    Column("pbvc_disagrees", FLAG, "Whether they are more than 0.5 points apart.", source=OURS),
    Column("pbvc_deformation_eroded_pct", NUMBER,
           "As pbvc_deformation_pct, 3 mm inside the brain: far from it, the brain masks differ.",
           _PERCENT),
    Column("pbvc_bsi_calibration_ratio", NUMBER,
           "By how much the integral was multiplied, from its response to a known change.",
           source="Smith 2002, 10.1006/nimg.2002.1040"),
    Column("pbvc_sd_points", NUMBER, "Standard deviation of one PBVC of such a pair.", _POINTS,
           "Cover 2011, PMID 21764565; icobrain"),
    Column("pbvc_pct_per_year", NUMBER, "pbvc_pct a year; from half a year on.", _YEARLY),
    Column("pbvc_ci95_low", NUMBER, "Lower end of its 95 % interval.", _YEARLY),
    Column("pbvc_ci95_high", NUMBER, "Upper end.", _YEARLY),
    Column("pvvc_pct", NUMBER, "Change of the lateral ventricles.", _PERCENT),
    Column("pvvc_pct_per_year", NUMBER, "The same a year; from half a year on.", _YEARLY),
    Column("thalamus_change_pct", NUMBER, "Change of the thalamus.", _PERCENT),
    Column("thalamus_pct_per_year", NUMBER, "The same a year; from half a year on.", _YEARLY),
    Column("grey_matter_change_pct", NUMBER, "Change of grey matter.", _PERCENT),
    Column("white_matter_change_pct", NUMBER, "Change of white matter, lesions included.",
           _PERCENT),
    Column("third_ventricle_width_change_mm", NUMBER,
           "Third-ventricle width at the second minus that at the first visit.", "mm"),
    Column("pseudoatrophy_window", FLAG,
           "Whether a treatment began so that volume may fall by loss of oedema."),
    Column("quality_state", TEXT, "Worst state of the pair's checks.", levels=STATES),
    Column("flags", TEXT, "Checks that did not pass with their state, joined by semicolons; "
           "chain_inconsistent: pbvc_pct is over 0.5 points from the sum of the steps between."),
)  # fmt: skip

CHANGES = Table(
    "changes",
    "One row a pair of visits: each with the one before it and with the first.",
    (*_PAIR, *_HEAD, *_LESIONS, *_BRAIN),
    ("participant_id", "session_to", "session_from"),
)

LESION_CHANGES = Table(
    "lesion_changes",
    "One row a lesion (or a group that merged or split) and pair of visits. Sizes are of "
    "outlines refined by both scans and both lesion maps.",
    (
        *_PAIR,
        Column("group_id", COUNT, "Number of the row within the pair."),
        Column("track_id", COUNT,
               "Number of the lesion over all visits of the subject; empty if no visit's "
               "lesion table has it."),
        Column("parents", TEXT, "Lesions of the first visit, where several became one."),
        Column("lesions_from", TEXT, "lesion_id at the first visit, several joined by +."),
        Column("lesions_to", TEXT, "lesion_id at the second visit, several joined by +."),
        Column("change", TEXT, "What happened.", levels=EVENTS),
        Column("size_change", TEXT, "Class by change_rule.", levels=CLASSES),
        Column("x_mm", NUMBER, "Centroid on the second visit's scan, left to right.", "mm"),
        Column("y_mm", NUMBER, "Centroid, back to front.", "mm"),
        Column("z_mm", NUMBER, "Centroid, foot to head.", "mm"),
        Column("location", TEXT, "Location class at the second visit, else at the first.",
               levels=LOCATIONS),
        Column("volume_from_mm3", NUMBER, "Volume at the first visit.", "mm^3"),
        Column("volume_to_mm3", NUMBER, "Volume at the second visit.", "mm^3"),
        Column("volume_change_mm3", NUMBER, "Second minus first.", "mm^3"),
        Column("volume_change_pct", NUMBER, "In percent of the first; empty for new and "
               "resolved ones.", _PERCENT),
        Column("radius_change_mm", NUMBER, "Change of the radius of the ball of that volume.",
               "mm"),
        Column("gained_mm3", NUMBER, "Volume that became lesion.", "mm^3"),
        Column("lost_mm3", NUMBER, "Volume that is no longer lesion.", "mm^3"),
        Column("long_axis_from_mm", NUMBER, "Longest distance at the first visit.", "mm"),
        Column("long_axis_to_mm", NUMBER, "Longest distance at the second visit.", "mm"),
        Column("class_radial", TEXT,
               "Radius change of 0.5 mm (half of the longest voxel side) and 14 mm³.",
               source=OURS, levels=CLASSES),
        Column("class_pct", TEXT,
               "50 % of volume (20 % from 8 mm on) and 3 mm of the long axis.", levels=CLASSES),
        Column("class_diameter", TEXT, "50 % of the long axis up to 5 mm, else 20 %.",
               levels=CLASSES),
        Column("class_annual", TEXT, "9 % of volume a year.", source="Vanden Bulcke 2025",
               levels=CLASSES),
        Column("class_area", TEXT,
               "Over 45.2 % of the largest axial area under 67 mm², else over 24.2 %.",
               levels=CLASSES),
        Column("confirmed_by_intensity", FLAG,
               "Whether the signal of what changed did so too, from that of white matter.",
               source=OURS),
        Column("is_under_floor", FLAG, "Smaller than detection_floor_mm: in no count."),
        Column("evidence", TEXT, "What the row rests on.",
               levels={"scans and masks": "both scans and both lesion masks",
                       "masks alone": "the masks as drawn; no scan confirms a change"}),
        Column("note", TEXT, "Caveat."),
    ),
    ("participant_id", "session_to", "session_from", "group_id"),
)  # fmt: skip

EXPANSIONS = Table(
    "expansions",
    "One row a candidate for slow expansion. Candidates are no finding: see the noise of "
    "the pair in changes.csv.",
    (
        *_PAIR,
        Column("candidate_id", COUNT, "Number of the candidate within the pair."),
        Column("lesion_id", COUNT, "Lesion of the first visit that it lies in."),
        Column("volume_mm3", NUMBER, "Volume.", "mm^3"),
        Column("rate_pct_per_year", NUMBER, "Mean local growth.", _YEARLY,
               "Elliott 2019, 10.1177/1352458518814117"),
        Column("concentricity", NUMBER, "Growth towards the middle, %/y per mm."),
        Column("constancy", NUMBER, "0 is even growth; empty with two visits."),
        Column("is_above_noise", FLAG, "Whether the rate is over the noise of the pair."),
    ),
    ("participant_id", "session_to", "session_from", "candidate_id"),
)  # fmt: skip

TRAJECTORIES = Table(
    "trajectories",
    "One row a quantity and segment: three or more visits that can be compared.",
    (
        PARTICIPANT,
        Column("measure", TEXT, "Column of visits.csv, pbvc_pct since the first visit, or "
               "lesion_volume_mm3 of a track."),
        Column("track_id", COUNT, "Lesion over all visits; empty for the brain's measures."),
        Column("segment", COUNT, "Number of the segment, from 1."),
        Column("starts_with", TEXT, "Why the segment begins.",
               levels={"first visit": "nothing before", "scanner change": "another scanner",
                       "treatment": "half a year after a treatment began"}),
        Column("date_from", TEXT, "First visit of the segment."),
        Column("date_to", TEXT, "Last visit of the segment."),
        Column("visit_count", COUNT, "Visits with a value."),
        Column("span_years", NUMBER, "Time between the first and the last of them.", "year"),
        Column("scanner_count", COUNT, "Scanners; empty if not known."),
        Column("slope_per_year", NUMBER, "Theil-Sen slope, in units of the measure a year.",
               source="Sen 1968, 10.1080/01621459.1968.10480934"),
        Column("ci95_low", NUMBER, "Lower end of its rank-based 95 % interval; empty with "
               "three visits."),
        Column("ci95_high", NUMBER, "Upper end."),
    ),
    ("participant_id", "measure", "track_id", "segment"),
)  # fmt: skip
