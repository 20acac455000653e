"""Caveats that go with every result. None of them names a diagnosis."""

from collections.abc import Sequence

MRI_PART_ONLY = (
    "MRI part only; requires clinical and laboratory context and exclusion of better explanations."
)
"""Ends the sentence of every rule."""

OTHER_CONDITIONS = (
    "Migraine, small-vessel disease, ageing and other conditions also cause such lesions."
)

RESEARCH_USE_ONLY = (
    "Research use only. Not a medical device. Not validated for individual prognosis. MRI measures "
    "of progression are associated with outcome at group level; a single patient's values are "
    "dominated by measurement error for intervals under two years. Low values do not show absence "
    "of disease."
)
"""Goes with the panel of progressive activity and with every report."""

LITERATURE_THRESHOLD = "NEDA-4 literature threshold, not age-adjusted"
"""Goes with every use of 0.4 %/y."""


def preclinical_caveat(met: Sequence[str]) -> str:
    """The caveat above the pre-clinical panel.

    Parameters
    ----------
    met : sequence of str
        Titles of the rules that are met.

    Returns
    -------
    str

    Examples
    --------
    >>> preclinical_caveat(["RIS 2023"])[:50]
    'Findings compatible with the MRI part of RIS 2023;'
    """
    if met:
        rules = ", ".join(met)
        start = f"Findings compatible with the MRI part of {rules}; a research measurement, "
    else:
        start = "A research measurement, "
    return f"{start}not a diagnosis. {OTHER_CONDITIONS}"
