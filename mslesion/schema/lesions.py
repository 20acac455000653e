"""lesions.csv: one row per lesion."""

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
from mslesion.schema.locations import LOCATIONS

LESIONS = Table(
    "lesions",
    "One row per lesion. A lesion is a 26-connected component of at least the minimum size.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column("lesion_id", COUNT, "Number of the lesion in the lesion map."),
        Column("x_mm", NUMBER, "Centroid, left to right (RAS+).", "mm"),
        Column("y_mm", NUMBER, "Centroid, back to front (RAS+).", "mm"),
        Column("z_mm", NUMBER, "Centroid, foot to head (RAS+).", "mm"),
        Column("hemisphere", TEXT,
               "Side of the midsagittal plane on which the centroid lies; empty if the header "
               "gives no orientation.",
               levels={"left": "left", "right": "right"}),
        Column("voxel_count", COUNT, "Voxels."),
        Column("volume_mm3", NUMBER, "Number of voxels multiplied by the voxel volume.", "mm^3"),
        Column("soft_volume_mm3", NUMBER,
               "Sum of the lesion probability multiplied by the voxel volume; empty "
               "for a mask made elsewhere.", "mm^3"),
        Column("equivalent_diameter_mm", NUMBER, "Diameter of the sphere with this volume.", "mm"),
        Column("long_axis_axial_mm", NUMBER,
               "Longest diameter in one axial slice, including the voxel width.", "mm"),
        Column("long_axis_3d_mm", NUMBER, "Longest diameter, including the voxel width.", "mm"),
        Column("slice_count", COUNT, "Number of slices that contain the lesion, counted along "
                                     "the axis with the longest voxels."),
        Column("surface_mm2", NUMBER, "Area of the surface mesh.", "mm^2",
               "Lorensen 1987, 10.1145/37402.37422"),
        Column("sphericity_ratio", NUMBER, "pi^(1/3) (6V)^(2/3) / A, which is 1 for a sphere."),
        Column("elongation_ratio", NUMBER, "Ratio of the first to the second principal axis."),
        Column("center_count", COUNT,
               "Number of lesion centres inside, which is more than 1 in confluent lesions; "
               "empty on thick slices.",
               source="Dworkin 2018, PMC5895493"),
        Column("location", TEXT, "Location class.", levels=LOCATIONS,
               source="Thompson 2018, 10.1016/S1474-4422(17)30470-2"),
        Column("touches_ventricle", FLAG, "Within the contact distance of a lateral ventricle."),
        Column("touches_cortex", FLAG, "Within the contact distance of the cortex."),
        Column("ventricle_distance_mm", NUMBER, "Shortest distance to a lateral ventricle.", "mm"),
        Column("cortex_distance_mm", NUMBER, "Shortest distance to the cortex.", "mm"),
        Column("infratentorial_fraction", NUMBER, "Fraction of the lesion in brainstem and "
                                                  "cerebellum."),
        Column("cortex_fraction", NUMBER, "Fraction of the lesion in the cortex."),
        Column("deep_grey_fraction", NUMBER, "Fraction of the lesion in thalamus and basal "
                                             "ganglia."),
        Column("probability_mean", NUMBER, "Mean lesion probability; empty for a mask made "
                                           "elsewhere."),
        Column("flair_z_mean", NUMBER,
               "Mean FLAIR above the median of normal-appearing white matter, in its robust "
               "standard deviations (1.4826 MAD).", source="mslesion"),
        Column("t1_index_mean", NUMBER, "Mean T1 index, which is 1 in white and 0 in grey matter.",
               source="mslesion"),
        Column("t1_index_p10", NUMBER, "10th percentile of the T1 index.", source="mslesion"),
        Column("t1_hypointense_volume_mm3", NUMBER, "Volume with a T1 index of 0 or less.", "mm^3",
               "Eur Radiol 2026, 10.1007/s00330-026-12577-6"),
        Column("is_enhancing_candidate", FLAG,
               "Contains a candidate for contrast enhancement, to be "
               "inspected; empty without T1w before and after contrast "
               "agent.", source="mslesion"),
        Column("is_confluent", FLAG, "Contains more than one lesion centre."),
        Column("is_single_slice", FLAG, "Lies in one slice only."),
        Column("touches_brain_edge", FLAG, "Touches the border of the brain mask."),
        Column("is_cap_like", FLAG,
               "Thin and at a horn of the lateral ventricles, as also seen in healthy people.",
               source="Neuroradiology 1997;39:243"),
        Column("is_juxtacortical_uncertain", FLAG,
               "In the cortex according to the anatomy map, but dark on T1w; possibly "
               "juxtacortical.",
               source="mslesion"),
    ),
    ("participant_id", "session_id", "lesion_id"),
)  # fmt: skip
