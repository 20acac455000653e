"""What a metric is worth when the reference or the prediction is empty: one table.

The principle follows MSSEG-2 (Commowick 2021): a scan whose reference is empty is judged
by its false lesions alone, and enters the mean of no other metric. Otherwise a scan
would count or not depending on what was predicted: a Dice of 0 for a single wrong
voxel, but no value for a right answer. Where only the prediction is empty, all lesions
were missed: what measures how much was found is 0, and so are F1, where Anima gives no
value, and the ISBI score; what would divide by the prediction has no value.
"""

from collections.abc import Callable, Mapping
from math import nan
from types import MappingProxyType
from typing import NamedTuple

FORMULA = None
"""The metric's own formula is used."""


class EmptyRule(NamedTuple):
    """Value of a metric by which side is empty; NaN is "no value"."""

    both: float | None
    reference: float | None
    """The reference alone is empty."""
    prediction: float | None
    """The prediction alone is empty."""
    neither: float | None = FORMULA


EMPTY_RULES: Mapping[str, EmptyRule] = MappingProxyType(
    {
        # Voxel-wise: empty is a mask without a voxel
        "dice": EmptyRule(nan, nan, 0.0),
        "voxel_sensitivity": EmptyRule(nan, nan, 0.0),
        "voxel_ppv": EmptyRule(nan, nan, nan),
        "volume_error_fraction": EmptyRule(nan, nan, -1.0),
        "mean_surface_distance_mm": EmptyRule(nan, nan, nan),
        "hausdorff95_mm": EmptyRule(nan, nan, nan),
        "isbi_score": EmptyRule(nan, nan, 0.0),
        # Lesion-wise (Anima, one-to-one, ISBI): empty is a mask without a lesion that counts
        "sensitivity": EmptyRule(nan, nan, 0.0),
        "ppv": EmptyRule(nan, nan, nan),
        "f1": EmptyRule(nan, nan, 0.0),
        "false_discovery_rate": EmptyRule(nan, nan, nan),
        "false_lesion_count": EmptyRule(FORMULA, FORMULA, nan, nan),
        "false_lesion_volume_mm3": EmptyRule(FORMULA, FORMULA, nan, nan),
    }
)
"""The rule of every metric that is not defined, or not used, on every pair of masks."""


def value_or_rule(
    metric: str, formula: Callable[[], float], *, predicted_count: int, reference_count: int
) -> float:
    """Value of a metric by its formula, or by `EMPTY_RULES`.

    Parameters
    ----------
    metric : str
        A name in `EMPTY_RULES`.
    formula : callable
        Gives the value; called only where the rule asks for it.
    predicted_count, reference_count : int
        Voxels or lesions; 0 is empty.

    Returns
    -------
    float

    Examples
    --------
    >>> value_or_rule("dice", lambda: 0.75, predicted_count=5, reference_count=3)
    0.75
    >>> value_or_rule("dice", lambda: 0.75, predicted_count=5, reference_count=0)
    nan
    """
    rule = EMPTY_RULES[metric]
    if reference_count:
        value = rule.neither if predicted_count else rule.prediction
    else:
        value = rule.reference if predicted_count else rule.both
    return formula() if value is FORMULA else value
