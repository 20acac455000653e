"""comparisons.csv: two groups of a study, one row per measure."""

from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    IDENTIFIER,
    NUMBER,
    TEXT,
    Column,
    Table,
    described,
)

_NONE = "it could not be estimated"

COMPARISONS = Table(
    "comparisons",
    "One row per measure that was compared between two groups.",
    (
        *described(
        DERIVED,
        Column("position", COUNT, "Position of the measure in the list, from 1.",
               method=IDENTIFIER),
        Column("measure", TEXT, "Column of visits.csv or changes.csv."),
        Column("model", TEXT, "Model that was fitted."),
        Column("effect", TEXT, "Kind of the estimate, for the other group against the "
                               "reference group."),
        Column("estimate", NUMBER, "The effect.", empty_when=_NONE),
        Column("ci95_low", NUMBER, "Lower end of its 95 % confidence interval.", empty_when=_NONE),
        Column("ci95_high", NUMBER, "Upper end.", empty_when=_NONE),
        Column("p_value", NUMBER, "P value for no effect, not adjusted for the number of "
               "measures.", empty_when=_NONE),
        Column("standardized_effect", NUMBER, "Difference in units of standard deviation.",
               empty_when=_NONE),
        Column("reference_group", TEXT, "Reference group."),
        Column("other_group", TEXT, "Group that is compared with the reference group."),
        Column("reference_subjects", COUNT, "Number of participants with values in the "
                                            "reference group."),
        Column("other_subjects", COUNT, "Number of participants with values in the other group."),
        Column("note", TEXT, "Caveat, or the reason why there is no estimate.",
               empty_when="there is none"),
        ),
    ),
    ("position",),
)  # fmt: skip
