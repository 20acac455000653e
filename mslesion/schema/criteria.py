"""criteria.csv and panels.csv: what the numbers mean by published rules."""

from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    FLAG,
    IDENTIFIER,
    NUMBER,
    PARTICIPANT,
    RATED,
    SESSION_OF_ROW,
    TEXT,
    Column,
    Table,
    described,
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
        "Previous visit of the comparison.",
        prefix=SESSION,
        method=IDENTIFIER,
        empty_when="there is no earlier visit, or it has no session label",
    ),
)

_NOT_SINGLE = "the lesions are not known one by one"

CRITERIA = Table(
    "criteria",
    "One row per rule and visit. A research measurement, never a diagnosis.",
    (
        *_VISIT,
        *described(
        DERIVED,
        Column("position", COUNT, "Place of the rule in the list, from 1."),
        Column("rule", TEXT, "Name of the rule, such as mcdonald2017_dis."),
        Column("title", TEXT, "Name of the rule in a sentence."),
        Column("version", TEXT, "Year of its version."),
        Column("met", TEXT, "Verdict.", levels=OUTCOMES),
        Column("score_low", COUNT, "Lowest possible score.",
               empty_when="the rule is not a score"),
        Column("score_high", COUNT, "Highest possible score.",
               empty_when="the rule is not a score"),
        Column("facts_json", TEXT, "Known facts that the rule uses, as a JSON object."),
        Column("missing", TEXT,
               "Unknown facts that keep the rule open, joined by semicolons.",
               empty_when="the verdict depends on none"),
        Column("borderline", FLAG,
               "Whether the verdict changes if lesions are counted by components or with "
               "another contact distance.", empty_when=_NOT_SINGLE),
        Column("periventricular_only_caps", FLAG,
               "Whether the verdict changes without the cap-like periventricular lesions.",
               empty_when=_NOT_SINGLE),
        Column("changes_if", TEXT, "Settings that change the verdict, joined by semicolons.",
               empty_when="none does"),
        Column("provisional", FLAG,
               "Whether the wording of the rule rests on reviews or public code and could not be "
               "checked in the primary paper or its abstract."),
        Column("evidence", TEXT, "Where the wording of the rule was seen."),
        Column("source", TEXT, "Paper of the rule."),
        Column("sentence", TEXT, "The verdict in words."),
        ),
    ),
    ("participant_id", "session_id", "position"),
)  # fmt: skip

PANELS = Table(
    "panels",
    "One row per domain of a panel. Domains are not added up.",
    (
        *_VISIT,
        *described(
        DERIVED,
        Column("panel", TEXT, "Panel.", levels=PANEL_NAMES),
        Column("position", COUNT, "Place of the domain in the panel, from 1."),
        Column("domain", TEXT, "Subject of the row."),
        Column("state", TEXT, "State of the domain.", levels=DOMAIN_STATES),
        Column("value", NUMBER, "Value, in the unit beside it.",
               empty_when="the domain has no single value, or it is not assessable"),
        Column("unit", TEXT, "Unit of value and interval.",
               empty_when="the value is a count or a ratio, or there is none"),
        Column("ci95_low", NUMBER, "Lower end of the 95 % interval of the value.",
               empty_when="no error of the value was measured"),
        Column("ci95_high", NUMBER, "Upper end.",
               empty_when="no error of the value was measured"),
        Column("noise_floor", NUMBER, "Value of the measure if nothing changed.",
               empty_when="it was not measured"),
        Column("threshold", TEXT, "Condition of the state 'present'.",
               empty_when="the domain has none"),
        Column("confidence", TEXT, "Confidence in the state.",
               empty_when="the domain is not assessable, or has no such state",
               levels={"usual": "as the evidence says", "low": "lower; the text says why"}),
        Column("evidence", TEXT, "How well the domain is validated.",
               empty_when="the row is the pattern of the panel"),
        Column("text", TEXT, "Details and caveats.", empty_when="there are none"),
        ),
    ),
    ("participant_id", "session_id", "panel", "position"),
)  # fmt: skip

RATED_LESIONS = Table(
    "rated_lesions",
    "One row per lesion that a rater listed, with the matching lesion of lesions.csv.",
    (
        *_VISIT[:2],
        *described(
        RATED,
        Column("position", COUNT, "Place in the list of the visit, from 1.", method=IDENTIFIER),
        Column("lesion_id", COUNT, "Matching lesion of lesions.csv.", method=DERIVED,
               empty_when="there is none"),
        Column("matched_by", TEXT, "How the lesion was matched.",
               levels={"position": "nearest lesion within 5 mm of x_mm, y_mm, z_mm",
                       "label map": "lesion that shares most voxels with the rater's",
                       "number": "the rater gave the number in lesions.csv"},
               method=DERIVED),
        Column("distance_mm", NUMBER, "Distance from the position to the lesion.", "mm",
               method=DERIVED, empty_when="no lesion was matched by position"),
        Column("prl", FLAG, "Rater: has a paramagnetic rim."),
        Column("cvs", FLAG, "Rater: has a central vein."),
        Column("eligible", FLAG, "Rater: can be rated for the central vein sign."),
        Column("exclusion_reason", TEXT, "Rater: why it cannot be rated."),
        Column("gd", FLAG, "Rater: enhances after contrast agent."),
        Column("place", TEXT, "File and row of the rating.", method=DERIVED,
               empty_when="the rating was given in Python"),
        empty_when="the rater did not say",
        ),
    ),
    ("participant_id", "session_id", "position"),
)  # fmt: skip
