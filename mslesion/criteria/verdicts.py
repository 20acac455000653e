"""A published rule, and the verdict on a visit."""

from collections.abc import Mapping
from dataclasses import dataclass

from mslesion.criteria.caveats import MRI_PART_ONLY
from mslesion.criteria.facts import FACT_WORDS, Facts
from mslesion.criteria.logic import Condition, count_met

WITHOUT_CAPS = "without cap-like periventricular lesions"
"""The alternative that leaves out lesions at the horns of the ventricles, which healthy people
have too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One published rule, in one version."""

    name: str
    """Identifier, such as ``mcdonald2017_dis``."""
    title: str
    """Name in a sentence."""
    version: str
    """Year of the version."""
    text: str
    """The rule in words, with its thresholds."""
    condition: Condition
    """The rule itself."""
    score_conditions: tuple[Condition, ...] = ()
    """For a score: the conditions that give one point each."""
    source: str
    """Paper, with DOI or PMID."""
    evidence: str
    """Where the wording was seen: see `docs/criteria.md`."""
    provisional: bool = False
    """Whether the wording rests on reviews or public code, not on the paper or its abstract."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict of one rule on one visit."""

    criterion: Criterion
    met: bool | None
    """None: not assessable."""
    score: tuple[int, int] | None
    """Lowest and highest possible score; None for a rule that is not a score."""
    facts_used: Mapping[str, int | float | bool]
    """Known facts that the rule uses."""
    missing: tuple[str, ...]
    """Unknown facts that keep the rule open; empty if it is decided."""
    changes_if: tuple[str, ...] | None
    """Alternative settings that change the verdict; None if none were given."""
    doubt: str = ""
    """Why measured facts are not used; empty if they are."""

    @property
    def outcome(self) -> str:
        """The verdict in a word or two: met, not met, not assessable."""
        return {True: "met", False: "not met", None: "not assessable"}[self.met]

    @property
    def borderline(self) -> bool | None:
        """Whether other settings of counting or contact change the verdict."""
        if self.changes_if is None:
            return None
        return any(name != WITHOUT_CAPS for name in self.changes_if)

    @property
    def periventricular_only_caps(self) -> bool | None:
        """Whether the verdict depends on cap-like periventricular lesions."""
        return None if self.changes_if is None else WITHOUT_CAPS in self.changes_if

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        mark = " (provisional)" if self.criterion.provisional else ""
        parts = [f"{self.criterion.title}{mark}: {self.outcome}"]
        if self.missing:
            parts[0] += "; not known: " + ", ".join(FACT_WORDS[name] for name in self.missing)
        if self.doubt:
            parts.append(self.doubt[0].upper() + self.doubt[1:])
        if self.score:
            low, high = self.score
            parts.append(f"Score {low}" if low == high else f"Score {low} to {high}")
        if self.changes_if:
            parts.append("The verdict changes " + "; ".join(self.changes_if))
        return ". ".join((*parts, MRI_PART_ONLY))


def evaluate_criterion(
    criterion: Criterion,
    facts: Facts,
    *,
    alternatives: Mapping[str, Facts] | None = None,
    doubt: str = "",
) -> Verdict:
    """Apply one rule to the facts of one visit.

    Parameters
    ----------
    criterion : Criterion
        The rule.
    facts : Facts
        What is known.
    alternatives : mapping of str to Facts, optional
        The same visit under other settings, by the name of the setting: lesions counted
        by components, another contact distance, `WITHOUT_CAPS`. The verdict is
        borderline if any of the first two changes it.
    doubt : str
        Why measured facts are not among the facts, for the sentence.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from mslesion.criteria import CRITERIA_BY_NAME
    >>> facts = Facts(periventricular_count=1, juxtacortical_count=0, intracortical_count=0,
    ...               infratentorial_count=0)
    >>> verdict = evaluate_criterion(CRITERIA_BY_NAME["mcdonald2017_dis"], facts)
    >>> verdict.met, verdict.missing
    (None, ('cord_count',))
    """
    met = criterion.condition(facts)
    known = {name: getattr(facts, name) for name in criterion.condition.facts}
    changes_if = None
    if alternatives:
        changes_if = tuple(
            name for name, other in alternatives.items() if criterion.condition(other) != met
        )
    return Verdict(
        criterion=criterion,
        met=met,
        score=count_met(criterion.score_conditions, facts) if criterion.score_conditions else None,
        facts_used={name: value for name, value in known.items() if value is not None},
        missing=criterion.condition.open_facts(facts),
        changes_if=changes_if,
        doubt=doubt,
    )
