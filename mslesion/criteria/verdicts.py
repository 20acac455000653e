"""A rule with its source, and the verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass

from mslesion.criteria.facts import WORDS, Facts
from mslesion.criteria.logic import Condition, count_met
from mslesion.criteria.wording import MRI_PART_ONLY

WITHOUT_CAPS = "without cap-like periventricular lesions"
"""The alternative whose lesions at the ventricles' horns, as in healthy people, are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One published rule, in one version."""

    id: str
    name: str
    version: str
    """Year of the version."""
    text: str
    """The rule in words, with its thresholds."""
    rule: Condition
    points: tuple[Condition, ...] = ()
    """Conditions that give one point each, for a rule that is a score."""
    source: str
    """Paper, with DOI or PMID."""
    evidence: str
    """How sure the wording is: see `docs/criteria.md`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of facts."""

    criterion: Criterion
    met: bool | None
    """None: not assessable."""
    score: tuple[int, int] | None
    """Lowest and highest score that is possible; None for a rule that is no score."""
    used: Mapping[str, int | float | bool]
    """Known facts that the rule looks at."""
    missing: tuple[str, ...]
    """Unknown facts that keep the rule open; empty if it is decided."""
    flips: tuple[str, ...] | None
    """Alternatives under which the verdict is another; None if none were given."""

    @property
    def outcome(self) -> str:
        """The verdict in a word or two: met, not met, not assessable."""
        return {True: "met", False: "not met", None: "not assessable"}[self.met]

    @property
    def borderline(self) -> bool | None:
        """Whether other settings of counting or contact change the verdict."""
        if self.flips is None:
            return None
        return any(name != WITHOUT_CAPS for name in self.flips)

    @property
    def periventricular_only_caps(self) -> bool | None:
        """Whether the verdict hangs on cap-like periventricular lesions."""
        return None if self.flips is None else WITHOUT_CAPS in self.flips

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        parts = [f"{self.criterion.name}: {self.outcome}"]
        if self.missing:
            parts[0] += "; not known: " + ", ".join(WORDS[name] for name in self.missing)
        if self.score:
            low, high = self.score
            parts.append(f"Score {low}" if low == high else f"Score {low} to {high}")
        if self.flips:
            parts.append("It changes " + "; ".join(self.flips))
        return ". ".join((*parts, MRI_PART_ONLY))


def judge(
    criterion: Criterion, facts: Facts, *, alternatives: Mapping[str, Facts] | None = None
) -> Verdict:
    """Apply a rule to facts.

    Parameters
    ----------
    criterion : Criterion
        The rule.
    facts : Facts
        What is known.
    alternatives : mapping of str to Facts, optional
        The same visit under other settings, by the name of the setting: lesions counted
        by components, another contact distance, `WITHOUT_CAPS`. The verdict is
        borderline if any of them changes it.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> from mslesion.criteria import CRITERIA_BY_ID
    >>> facts = Facts(periventricular_count=1, juxtacortical_count=0, intracortical_count=0,
    ...               infratentorial_count=0)
    >>> verdict = judge(CRITERIA_BY_ID["CR-3"], facts)
    >>> verdict.met, verdict.missing
    (None, ('cord_count',))
    """
    met = criterion.rule(facts)
    known = {name: getattr(facts, name) for name in criterion.rule.facts}
    flips = None
    if alternatives:
        flips = tuple(name for name, other in alternatives.items() if criterion.rule(other) != met)
    return Verdict(
        criterion=criterion,
        met=met,
        score=count_met(criterion.points, facts) if criterion.points else None,
        used={name: value for name, value in known.items() if value is not None},
        missing=criterion.rule.open_facts(facts),
        flips=flips,
    )
