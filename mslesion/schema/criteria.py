"""criteria.csv and panels.csv: what the numbers mean by published rules."""

from mslesion.schema.columns import (
    COUNT,
    FLAG,
    NUMBER,
    PARTICIPANT,
    SESSION_OF_ROW,
    TEXT,
    Column,
    Table,
)
from mslesion.schema.identifiers import SESSION

OUTCOMES = {
    "met": "met by the known facts",
    "not met": "not met, whatever the unknown facts are",
    "not assessable": "the verdict depends on unknown facts",
}
DOMAIN_STATES = {
    "present": "the threshold is reached",
    "not seen": "assessed, and the threshold is not reached",
    "reported": "a value without a threshold",
    "met": "a named rule is met",
    "not met": "a named rule is not met",
    "not assessable": "required facts are missing, or the error is too large",
}
PANEL_NAMES = {
    "pre-clinical": "findings of one visit",
    "susceptibility": "central veins and paramagnetic rims as a rater counted them",
    "activity": "activity since the previous visit",
    "progressive": "domains of progressive activity, without a score",
}

_VISIT = (
    PARTICIPANT,
    SESSION_OF_ROW,
    Column(
        "session_from",
        TEXT,
        "Previous visit of the comparison; empty if there is none.",
        prefix=SESSION,
    ),
)

CRITERIA = Table(
    "criteria",
    "One row per rule and visit. A research measurement, never a diagnosis.",
    (
        *_VISIT,
        Column("position", COUNT, "Place of the rule in the list, from 1."),
        Column("rule", TEXT, "Name of the rule, such as mcdonald2017_dis."),
        Column("title", TEXT, "Name of the rule in a sentence."),
        Column("version", TEXT, "Year of its version."),
        Column("met", TEXT, "Verdict.", levels=OUTCOMES),
        Column("score_low", COUNT, "Lowest possible score; empty if the rule is not a score."),
        Column("score_high", COUNT, "Highest possible score."),
        Column("facts_json", TEXT, "Known facts that the rule uses, as a JSON object."),
        Column("missing", TEXT,
               "Unknown facts that keep the rule open, joined by semicolons."),
        Column("borderline", FLAG,
               "Whether the verdict changes if lesions are counted by components or with "
               "another contact distance; empty if the lesions are not known one by one."),
        Column("periventricular_only_caps", FLAG,
               "Whether the verdict changes without the cap-like periventricular lesions."),
        Column("changes_if", TEXT, "Settings that change the verdict, joined by semicolons."),
        Column("provisional", FLAG,
               "Whether the wording of the rule rests on reviews or public code and could not be "
               "checked in the primary paper or its abstract."),
        Column("evidence", TEXT, "Where the wording of the rule was seen."),
        Column("source", TEXT, "Paper of the rule."),
        Column("sentence", TEXT, "The verdict in words."),
    ),
    ("participant_id", "session_id", "position"),
)  # fmt: skip

PANELS = Table(
    "panels",
    "One row per domain of a panel. Domains are not added up.",
    (
        *_VISIT,
        Column("panel", TEXT, "Panel.", levels=PANEL_NAMES),
        Column("position", COUNT, "Place of the domain in the panel, from 1."),
        Column("domain", TEXT, "Subject of the row."),
        Column("state", TEXT, "State of the domain.", levels=DOMAIN_STATES),
        Column("value", NUMBER, "Value, in the unit beside it."),
        Column("unit", TEXT, "Unit of value and interval; empty for counts and ratios."),
        Column("ci95_low", NUMBER, "Lower end of the 95 % interval of the value."),
        Column("ci95_high", NUMBER, "Upper end."),
        Column("noise_floor", NUMBER, "Value of the measure if nothing changed."),
        Column("threshold", TEXT, "Condition of the state 'present'."),
        Column("confidence", TEXT, "Confidence in the state.",
               levels={"usual": "as the evidence says", "low": "lower; the text says why"}),
        Column("evidence", TEXT, "How well the domain is validated."),
        Column("text", TEXT, "Details and caveats."),
    ),
    ("participant_id", "session_id", "panel", "position"),
)  # fmt: skip

RATED_LESIONS = Table(
    "rated_lesions",
    "One row per lesion that a rater listed, with the matching lesion of lesions.csv.",
    (
        *_VISIT[:2],
        Column("position", COUNT, "Place in the list of the visit, from 1."),
        Column("lesion_id", COUNT, "Matching lesion of lesions.csv; empty if there is none."),
        Column("matched_by", TEXT, "How the lesion was matched.",
               levels={"position": "nearest lesion within 5 mm of x_mm, y_mm, z_mm",
                       "label map": "lesion that shares most voxels with the rater's",
                       "number": "the rater gave the number in lesions.csv"}),
        Column("distance_mm", NUMBER, "Distance from the position to the lesion.", "mm"),
        Column("prl", FLAG, "Rater: has a paramagnetic rim."),
        Column("cvs", FLAG, "Rater: has a central vein."),
        Column("eligible", FLAG, "Rater: can be rated for the central vein sign."),
        Column("exclusion_reason", TEXT, "Rater: why it cannot be rated."),
        Column("gd", FLAG, "Rater: enhances after contrast agent."),
        Column("place", TEXT, "File and row of the rating."),
    ),
    ("participant_id", "session_id", "position"),
)  # fmt: skip
