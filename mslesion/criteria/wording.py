"""Sentences that go with every result. None of them names a diagnosis."""

MRI_PART_ONLY = (
    "MRI part only; requires clinical and laboratory context and exclusion of better explanations."
)
"""Ends the sentence of every rule."""

COMPATIBLE_FINDINGS = (
    "Findings compatible with the MRI part of {rules}; a research measurement, not a diagnosis. "
    "Migraine, small-vessel disease, ageing and other conditions also cause such lesions."
)
"""Heads the pre-clinical panel where a rule is met; `rules` are the names of the rules."""

OTHER_CONDITIONS = (
    "A research measurement, not a diagnosis. Migraine, small-vessel disease, ageing and other "
    "conditions also cause such lesions."
)
"""Heads the pre-clinical panel where no rule is met."""

RESEARCH_USE_ONLY = (
    "Research use only. Not a medical device. Not validated for individual prognosis. MRI measures "
    "of progression are associated with outcome at group level; a single patient's values are "
    "dominated by measurement error for intervals under two years. Low values do not show absence "
    "of disease."
)
"""Goes with the progressive-activity panel and with every report."""

LITERATURE_THRESHOLD = "NEDA-4 literature threshold, not age-adjusted"
"""Goes with every use of 0.4 %/y."""
