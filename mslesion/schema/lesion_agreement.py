"""Agreement of single lesions by size and place, and of several raters: four tables."""

from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    IDENTIFIER,
    NUMBER,
    PARTICIPANT,
    SESSION_OF_ROW,
    TEXT,
    Column,
    Table,
    described,
)

ALL, BY_SIZE, BY_LOCATION = "all", "size", "location"
"""How lesions are grouped."""
PREDICTION, RATERS = "prediction", "raters"
"""Which two masks are compared: the prediction with a rater's, or those of two raters."""

_BASIT = "as Basit 2026, arXiv 2605.09666, asks"
_FEW = "too few patients to estimate it"

_GROUP = described(
    IDENTIFIER,
    Column("line", COUNT, "Number of the line."),
    Column(
        "grouping", TEXT, "How the lesions are grouped.",
        levels={
            ALL: "all lesions together",
            BY_SIZE: "by the volume of the lesion",
            BY_LOCATION: "by the location class of the lesion, as in lesions.csv",
        },
    ),
    Column(
        "group", TEXT,
        "Which lesions: all, a size (under_10mm3: 3 mm³ or more and less than 10; 10_100mm3: 10 "
        "or more and less than 100; 100_1000mm3: 100 or more and less than 1000; from_1000mm3: "
        "1000 or more) or a location class.",
    ),
)  # fmt: skip

LESION_AGREEMENT = Table(
    "lesion_agreement",
    "One row per pair of masks and group of lesions: detection and Dice of single lesions, which "
    "are 26-connected and of 3 mm³ or more.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        *_GROUP,
        *described(
        DERIVED,
        Column("reference_count", COUNT, "Reference lesions of the group.", source=_BASIT),
        Column("detected_count", COUNT, "Those with a predicted voxel inside."),
        Column("predicted_count", COUNT,
               "Predicted lesions of the group, by their own size and location."),
        Column("confirmed_count", COUNT, "Those with a reference voxel inside."),
        Column("false_count", COUNT, "Predicted lesions without a reference voxel inside."),
        Column("reference_volume_mm3", NUMBER, "Volume of the reference lesions.", "mm^3"),
        Column("predicted_volume_mm3", NUMBER, "Volume of the predicted lesions.", "mm^3"),
        Column("false_volume_mm3", NUMBER, "Volume of the false lesions.", "mm^3"),
        Column("sensitivity", NUMBER, "Detected divided by reference lesions.",
               empty_when="the reference has no lesion of the group"),
        Column("ppv", NUMBER,
               "Confirmed divided by predicted lesions (positive predictive value, precision).",
               empty_when="the prediction has no lesion of the group"),
        Column("f1", NUMBER, "Harmonic mean of the two; 0 if no lesion was detected.",
               empty_when="the reference has no lesion of the group, or the prediction none while "
                          "lesions of other groups detect those of the reference"),
        Column("dice_mean", NUMBER,
               "Mean over the reference lesions of the Dice with the nearest voxels of the "
               "predicted lesions that reach into them; 0 for a missed one.",
               empty_when="the reference has no lesion of the group"),
        Column("detected_dice_mean", NUMBER, "The same over the detected lesions alone.",
               empty_when="no lesion of the group was detected"),
        ),
    ),
    ("participant_id", "session_id", "line"),
)  # fmt: skip

LESION_AGREEMENT_SUMMARY = Table(
    "lesion_agreement_summary",
    "One row per group of lesions and metric over a set of scans, lesions of all scans pooled, "
    "with a bootstrap interval over patients.",
    (
        *_GROUP,
        *described(
        DERIVED,
        Column("metric", TEXT, "What is measured.",
               levels={
                   "sensitivity": "detected divided by reference lesions",
                   "ppv": "confirmed divided by predicted lesions",
                   "f1": "harmonic mean of the two",
                   "dice_mean": "mean Dice of the reference lesions, 0 for a missed one",
                   "detected_dice_mean": "mean Dice of the detected lesions",
                   "false_count": "false lesions a scan",
                   "false_volume_mm3": "volume of the false lesions a scan, in mm³",
               }),
        Column("scan_count", COUNT, "Number of scans."),
        Column("reference_count", COUNT, "Reference lesions of the group."),
        Column("predicted_count", COUNT, "Predicted lesions of the group."),
        Column("estimate", NUMBER, "The value.", empty_when="no lesion defines it"),
        Column("lower", NUMBER, "Lower limit of the 95 % confidence interval.", empty_when=_FEW),
        Column("upper", NUMBER, "Upper limit of the 95 % confidence interval.", empty_when=_FEW),
        ),
    ),
    ("line",),
)  # fmt: skip

RATER_AGREEMENT = Table(
    "rater_agreement",
    "One row per scan and pair of masks, of which one or both are a rater's.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        *described(
        IDENTIFIER,
        Column("pair", TEXT, "Which masks are compared.",
               levels={PREDICTION: "the prediction and a rater's", RATERS: "those of two raters"}),
        Column("rater", TEXT, "The rater.",
               empty_when="the masks of the scan could not be compared"),
        Column("other_rater", TEXT, "The other rater.",
               empty_when="the mask is compared with the prediction"),
        ),
        *described(
        DERIVED,
        Column("reason", TEXT, "Reason why the masks could not be compared.",
               empty_when="they were compared"),
        Column("volume_mm3", NUMBER, "Volume of the rater's mask.", "mm^3"),
        Column("other_volume_mm3", NUMBER, "Volume of the other mask.", "mm^3"),
        Column("dice", NUMBER, "Dice; 0 if one mask is empty."),
        Column("lesion_f1", NUMBER,
               "F1 of lesions matched one to one (26-connected, 3 mm³ or more); 0 if one mask has "
               "none."),
        Column("anima_f1", NUMBER,
               "F1 by the rule of Anima (6-connected, more than 3 mm³); 0 if one mask has none."),
        empty_when="neither mask has a lesion, or the masks could not be compared",
        ),
    ),
    ("participant_id", "session_id", "pair", "rater", "other_rater"),
)  # fmt: skip

RATER_AGREEMENT_SUMMARY = Table(
    "rater_agreement_summary",
    "One row per metric and rater: agreement of the prediction with the rater, of the raters with "
    "one another, and their ratio, over the scans of two raters or more.",
    described(
        DERIVED,
        Column("line", COUNT, "Number of the line.", method=IDENTIFIER),
        Column("metric", TEXT, "Column of rater_agreement.csv."),
        Column("rater", TEXT, "The rater; `all` is the mean over them.", method=IDENTIFIER),
        Column("scan_count", COUNT, "Number of scans on which both are defined."),
        Column("patient_count", COUNT, "Number of patients with these scans."),
        Column("prediction", NUMBER, "Mean agreement of the prediction with the rater.",
               empty_when="there is no such scan"),
        Column("raters", NUMBER, "Mean agreement of the rater with the other ones.",
               empty_when="there is no such scan"),
        Column("ratio", NUMBER, "Agreement of the prediction divided by that of the raters.",
               empty_when="there is no such scan, or the raters agree nowhere"),
        Column("lower", NUMBER, "Lower limit of the ratio's 95 % confidence interval.",
               empty_when=_FEW),
        Column("upper", NUMBER, "Upper limit of the ratio's 95 % confidence interval.",
               empty_when=_FEW),
    ),
    ("line",),
)  # fmt: skip
