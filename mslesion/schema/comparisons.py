"""comparisons.csv: two groups of a study, one row a measure."""

from mslesion.schema.columns import COUNT, NUMBER, TEXT, Column, Table

COMPARISONS = Table(
    "comparisons",
    "One row a measure that was compared between two groups.",
    (
        Column("position", COUNT, "Place of the measure in the list, from 1."),
        Column("measure", TEXT, "Column of visits.csv or changes.csv."),
        Column("model", TEXT, "What was fitted."),
        Column("effect", TEXT, "What the estimate is, the other group against the reference."),
        Column("estimate", NUMBER, "The effect; empty if it could not be estimated."),
        Column("ci95_low", NUMBER, "Lower end of its 95 % confidence interval."),
        Column("ci95_high", NUMBER, "Upper end."),
        Column("p_value", NUMBER, "Of the hypothesis of no effect; not adjusted for the number "
               "of measures."),
        Column("standardized_effect", NUMBER, "Difference in standard deviations."),
        Column("reference_group", TEXT, "Group that is compared with."),
        Column("other_group", TEXT, "Group that is compared."),
        Column("reference_subjects", COUNT, "Subjects with values in the reference group."),
        Column("other_subjects", COUNT, "Subjects with values in the other group."),
        Column("note", TEXT, "Caveat, or why there is no estimate."),
    ),
    ("position",),
)  # fmt: skip
