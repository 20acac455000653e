"""Counting rules of the central vein sign and of paramagnetic rims, from a rater's list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from mslesion.schema.ratings import LesionRating

MIN_ELIGIBLE_FOR_SHARE = 10
"""A share of fewer eligible lesions than this is flagged (mslesion)."""
FEW_LESIONS = 10
"""With fewer lesions than this (exclusive) select six may go by the majority."""
RIM_CATEGORIES = ((0, "0"), (1, "1-3"), (4, "4 or more"))
"""Least count of each category (Absinta 2019, 10.1001/jamaneurol.2019.2399; the 4 is not in
its abstract, but in a table of the JAMA Neurology review of 2021, PMC11382596)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VeinCounts:
    """Central vein sign of one visit, counted."""

    positive: int
    negative: int
    unrated: int = 0
    """Eligible lesions without a rating."""
    total: int | None = None
    """All lesions, eligible or not; None if not known."""

    @property
    def eligible(self) -> int:
        """Eligible lesions: those that can be rated."""
        return self.positive + self.negative + self.unrated


class VeinRule(NamedTuple):
    """One rule on the central vein sign."""

    name: str
    text: str
    test: Callable[[VeinCounts], bool | None]
    """Takes counts without unrated lesions."""
    performance: str
    evidence: str


class VeinResult(NamedTuple):
    """Result of one rule for one visit."""

    rule: VeinRule
    met: bool | None
    numerator: int
    """Positive lesions."""
    denominator: int
    """Eligible lesions."""
    note: str


def _share_40(counts: VeinCounts) -> bool | None:
    return 5 * counts.positive >= 2 * counts.eligible if counts.eligible else None


def _at_least(number: int) -> Callable[[VeinCounts], bool]:
    return lambda counts: counts.positive >= number


def _six_or_majority(counts: VeinCounts) -> bool:
    return counts.positive >= 6 or counts.positive > counts.negative


def _select_six(counts: VeinCounts) -> bool | None:
    if counts.positive >= 6 or counts.positive <= counts.negative:
        return counts.positive >= 6
    return None if counts.total is None else counts.total < FEW_LESIONS


SINNECKER_2019 = "Sinnecker 2019, PMC6704746"
SELECT_STUDY = "PMID 38088067"

SELECT_SIX_2024 = VeinRule(
    "select_six_2024",
    "6 or more with a central vein; with fewer than 10 lesions in total, more with than without",
    _select_six,
    "not known",
    "Montalban 2025, 10.1016/S1474-4422(25)00270-4; wording seen in public code only",
)
VEIN_RULES = (
    VeinRule(
        "share_40",
        "40 % or more of the eligible lesions have a central vein",
        _share_40,
        "best share 35 %: sensitivity 68.1 %, specificity 82.9 % (" + SINNECKER_2019 + ")",
        "seen",
    ),
    VeinRule(
        "count_3",
        "3 or more lesions have a central vein",
        _at_least(3),
        "sensitivity 61.9 %, specificity 89.0 % (" + SINNECKER_2019 + ")",
        "seen",
    ),
    VeinRule(
        "select_3",
        "Select-3*: the rater finds 3",
        _at_least(3),
        "sensitivity 81 %, specificity 68 % (" + SELECT_STUDY + ")",
        "seen; how the rater selects lesions is not part of the rule",
    ),
    VeinRule(
        "select_6",
        "Select-6*: the rater finds 6",
        _at_least(6),
        "sensitivity 65 %, specificity 98 % (" + SELECT_STUDY + ")",
        "seen; how the rater selects lesions is not part of the rule",
    ),
    VeinRule(
        "mistry_6",
        "Rule of six: 6 or more with a central vein, or more with than without",
        _six_or_majority,
        "not known",
        "recalled (Mistry 2016)",
    ),
    SELECT_SIX_2024,
)
"""All rules on the central vein sign."""


def count_veins(lesions: Sequence[LesionRating]) -> VeinCounts:
    """Count a rater's list.

    Parameters
    ----------
    lesions : sequence of LesionRating
        All lesions of a visit. One that is not said to be ineligible is eligible.

    Returns
    -------
    VeinCounts

    Examples
    --------
    >>> count_veins([LesionRating(cvs=True), LesionRating(), LesionRating(eligible=False)])
    VeinCounts(positive=1, negative=0, unrated=1, total=3)
    """
    ratings = [lesion.cvs for lesion in lesions if lesion.eligible is not False]
    return VeinCounts(
        positive=sum(rating is True for rating in ratings),
        negative=sum(rating is False for rating in ratings),
        unrated=sum(rating is None for rating in ratings),
        total=len(lesions),
    )


def apply_vein_rule(rule: VeinRule, counts: VeinCounts) -> VeinResult:
    """Apply one rule; lesions without a rating may go either way.

    Parameters
    ----------
    rule : VeinRule
        Of `VEIN_RULES`.
    counts : VeinCounts
        What was counted.

    Returns
    -------
    VeinResult
    """
    worst = rule.test(replace(counts, negative=counts.negative + counts.unrated, unrated=0))
    best = rule.test(replace(counts, positive=counts.positive + counts.unrated, unrated=0))
    few = rule.name == "share_40" and counts.eligible < MIN_ELIGIBLE_FOR_SHARE
    note = f"fewer than {MIN_ELIGIBLE_FOR_SHARE} eligible lesions" if few else ""
    return VeinResult(
        rule, worst if worst == best else None, counts.positive, counts.eligible, note
    )


def rim_category(count: int) -> str:
    """Category of a number of paramagnetic rim lesions.

    Parameters
    ----------
    count : int
        Rim lesions.

    Returns
    -------
    {"0", "1-3", "4 or more"}

    Examples
    --------
    >>> rim_category(3), rim_category(4)
    ('1-3', '4 or more')
    """
    return [name for least, name in RIM_CATEGORIES if count >= least][-1]
