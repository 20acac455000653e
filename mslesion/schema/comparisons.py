"""comparisons.csv: two groups of a study, one row per measure."""

from mslesion.schema.columns import COUNT, NUMBER, TEXT, Column, Table

COMPARISONS = Table(
    "comparisons",
    "One row per measure that was compared between two groups.",
    (
        Column("position", COUNT, "Position of the measure in the list, from 1."),
        Column("measure", TEXT, "Column of visits.csv or changes.csv."),
        Column("model", TEXT, "Model that was fitted."),
        Column("effect", TEXT, "Kind of the estimate, for the other group against the "
                               "reference group."),
        Column("estimate", NUMBER, "The effect; empty if it could not be estimated."),
        Column("ci95_low", NUMBER, "Lower end of its 95 % confidence interval."),
        Column("ci95_high", NUMBER, "Upper end."),
        Column("p_value", NUMBER, "P value for no effect, not adjusted for the number of "
               "measures."),
        Column("standardized_effect", NUMBER, "Difference in units of standard deviation."),
        Column("reference_group", TEXT, "Reference group."),
        Column("other_group", TEXT, "Group that is compared with the reference group."),
        Column("reference_subjects", COUNT, "Number of participants with values in the "
                                            "reference group."),
        Column("other_subjects", COUNT, "Number of participants with values in the other group."),
        Column("note", TEXT, "Caveat, or the reason why there is no estimate."),
    ),
    ("position",),
)  # fmt: skip
