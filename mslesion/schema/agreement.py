"""agreement.csv: one row per pair of masks; agreement_summary.csv: one row per metric."""

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

_ANIMA = "Commowick 2018, 10.1038/s41598-018-31911-7"
_ISBI = "Carass 2017, 10.1016/j.neuroimage.2016.12.064"
_MSSEG2 = "MSSEG-2 challenge, Commowick 2021"

_NOT_COMPARED = "the masks could not be compared"
_NO_LESION = "a mask without lesions leaves it undefined, or the masks could not be compared"

_WHO = described(
    DERIVED,
    Column(
        "reason",
        TEXT,
        "Reason why the masks could not be compared.",
        empty_when="they were compared",
    ),
    Column("voxel_mm", TEXT, "Voxel size.", "mm"),
    Column("voxel_volume_mm3", NUMBER, "Volume of a voxel.", "mm^3"),
    empty_when=_NOT_COMPARED,
)

_VOXELS = described(
    DERIVED,
    Column("predicted_volume_mm3", NUMBER, "Volume of the predicted mask.", "mm^3"),
    Column("reference_volume_mm3", NUMBER, "Volume of the reference mask.", "mm^3"),
    Column("volume_error_mm3", NUMBER, "Predicted minus reference volume.", "mm^3"),
    Column("absolute_volume_error_mm3", NUMBER, "Absolute value of the difference.", "mm^3"),
    Column("volume_error_fraction", NUMBER,
           "Predicted minus reference volume, divided by the reference volume."),
    Column("absolute_volume_error_fraction", NUMBER, "Absolute value of the difference."),
    Column("dice", NUMBER, "Shared voxels divided by the mean number of voxels.",
           source="Dice 1945, 10.2307/1932409"),
    Column("voxel_sensitivity", NUMBER, "Fraction of the reference voxels that are predicted."),
    Column("voxel_ppv", NUMBER, "Fraction of the predicted voxels that are in the reference."),
    Column("mean_surface_distance_mm", NUMBER,
           "Mean distance of the surface voxels of each mask to the surface of the other.", "mm"),
    Column("hausdorff95_mm", NUMBER,
           "95th percentile of the surface distances; the larger of both directions.", "mm",
           "Kuijf 2019, 10.1109/TMI.2019.2905770"),
    empty_when=_NO_LESION,
)  # fmt: skip

_LESIONS = described(
    DERIVED,
    Column("anima_predicted_count", COUNT,
           "Predicted lesions: 6-connected, more than 3 mm³.", source=_ANIMA),
    Column("anima_reference_count", COUNT,
           "Reference lesions: 6-connected, more than 3 mm³.", source=_ANIMA),
    Column("anima_confirmed_count", COUNT,
           "Predicted lesions that are true according to the rule of Anima.", source=_ANIMA),
    Column("anima_detected_count", COUNT,
           "Reference lesions that are found according to the rule of Anima.", source=_ANIMA),
    Column("anima_sensitivity", NUMBER, "Found lesions divided by reference "
                                        "lesions (SensL).", source=_ANIMA),
    Column("anima_ppv", NUMBER, "True lesions divided by predicted lesions (PPVL).", source=_ANIMA),
    Column("anima_f1", NUMBER, "Harmonic mean of the two.", source=_ANIMA),
    Column("false_lesion_count", COUNT,
           "Predicted lesions (6-connected, more than 3 mm³) if the reference "
           "has none.", source=_MSSEG2, empty_when="the reference has lesions"),
    Column("false_lesion_volume_mm3", NUMBER, "Their volume.", "mm^3", _MSSEG2,
           empty_when="the reference has lesions"),
    Column("lesion_predicted_count", COUNT, "Predicted lesions: 26-connected, 3 mm³ or more."),
    Column("lesion_reference_count", COUNT, "Reference lesions: 26-connected, 3 mm³ or more."),
    Column("lesion_matched_count", COUNT, "Pairs matched one to one, with any overlap."),
    Column("lesion_sensitivity", NUMBER, "Pairs divided by reference lesions."),
    Column("lesion_ppv", NUMBER, "Pairs divided by predicted lesions."),
    Column("lesion_f1", NUMBER, "Harmonic mean of the two."),
    Column("lesion_matched_count_iou50", COUNT,
           "Pairs matched one to one, with an IoU of 0.5 or more."),
    Column("lesion_f1_iou50", NUMBER, "F1 of these pairs.",
           source="Kirillov 2019, 10.1109/CVPR.2019.00963"),
    empty_when=_NO_LESION,
)  # fmt: skip

_BINS = {
    "under_10mm3": "3 mm³ or more and less than 10 mm³",
    "10_100mm3": "10 mm³ or more and less than 100 mm³",
    "100_1000mm3": "100 mm³ or more and less than 1000 mm³",
    "from_1000mm3": "1000 mm³ or more",
}

_SIZES = described(
    DERIVED,
    *(
        column
        for name, size in _BINS.items()
        for column in (
            Column(
                f"reference_count_{name}", COUNT, f"Reference lesions (26-connected) of {size}."
            ),
            Column(
                f"detected_count_{name}",
                COUNT,
                "Reference lesions of that size with a predicted voxel inside.",
            ),
        )
    ),
    empty_when=_NOT_COMPARED,
)

_SCORE = described(
    DERIVED,
    Column("isbi_ltpr", NUMBER,
           "Fraction of the reference lesions (18-connected, any size) with a predicted voxel.",
           source=_ISBI),
    Column("isbi_lfpr", NUMBER,
           "Fraction of the predicted lesions (18-connected, any size) without a reference voxel.",
           source=_ISBI),
    Column("isbi_score", NUMBER,
           "(Dice/8 + PPV/8 + (1-LFPR)/4 + LTPR/4) * 4/3, without the volume correlation.",
           source=_ISBI),
    empty_when=_NO_LESION,
)  # fmt: skip

AGREEMENT = Table(
    "agreement",
    "One row per pair of masks: agreement of the prediction with the reference.",
    (PARTICIPANT, SESSION_OF_ROW, *_WHO, *_VOXELS, *_LESIONS, *_SIZES, *_SCORE),
    ("participant_id", "session_id"),
)

_FEW = "too few patients to estimate it"

AGREEMENT_SUMMARY = Table(
    "agreement_summary",
    "One row per metric over a set of pairs, with a bootstrap interval over patients.",
    (
        *described(
        DERIVED,
        Column("line", COUNT, "Number of the line.", method=IDENTIFIER),
        Column("metric", TEXT, "Column of agreement.csv, or metric of the whole set."),
        Column("kind", TEXT, "How the scans are combined.",
               levels={"mean": "mean over scans", "pooled": "lesions of all scans pooled",
                       "set": "computed over the whole set"}),
        Column("scan_count", COUNT, "Number of scans on which the metric is defined."),
        Column("patient_count", COUNT, "Number of patients with these scans."),
        Column("estimate", NUMBER, "The value.", empty_when="it is defined on no scan"),
        Column("lower", NUMBER, "Lower limit of the confidence interval (95 % by default).",
               empty_when=_FEW),
        Column("upper", NUMBER, "Upper limit of the confidence interval (95 % by default).",
               empty_when=_FEW),
        Column("units", TEXT, "Unit of the value.",
               empty_when="the value is a count or a ratio"),
        ),
    ),
    ("line",),
)  # fmt: skip
