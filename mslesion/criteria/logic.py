"""Conditions with three values: true, false, and None for "not assessable".

A condition that is met by what is known is true; one that could be met by what is
unknown is None; else it is false. Unknown counts are intervals from 0 to infinity, so
that every rule is written in the words of its source and no rule repeats this logic.

The verdict of a rule is exact (None just where both outcomes can be reached) as long as
no fact works for the rule in one place and against it in another; a test tries every
rule with every value.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from mslesion.criteria.facts import Facts


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a rule; call it with facts."""

    facts: tuple[str, ...]
    """Names of the facts that the condition uses."""
    test: Callable[[Facts], bool | None]
    parts: tuple["Condition", ...] = ()
    """The conditions it is made of."""

    def __call__(self, facts: Facts) -> bool | None:
        """Whether the facts meet the condition; None if that is open."""
        return self.test(facts)

    def open_facts(self, facts: Facts) -> tuple[str, ...]:
        """Unknown facts that keep the condition open; empty if it is decided."""
        if self(facts) is not None:
            return ()
        if not self.parts:
            return tuple(name for name in self.facts if getattr(facts, name) is None)
        return tuple(dict.fromkeys(n for part in self.parts for n in part.open_facts(facts)))


def at_least(number: float, *names: str, without: tuple[str, ...] = ()) -> Condition:
    """The sum of the counts is `number` or more.

    Parameters
    ----------
    number : float
        Threshold (inclusive).
    *names : str
        Facts that are added.
    without : tuple of str
        Facts that are subtracted; the result is never less than 0.

    Returns
    -------
    Condition

    Examples
    --------
    >>> cord = at_least(1, "cord_count")
    >>> cord(Facts(cord_count=2)), cord(Facts(cord_count=0)), cord(Facts())
    (True, False, None)
    """

    def test(facts: Facts) -> bool | None:
        low, high = _bounds(facts, names)
        if without:
            off_low, off_high = _bounds(facts, without)
            low, high = max(0, low - off_high), max(0, high - off_low)
        return _reaches((low, high), number)

    return Condition((*names, *without), test)


def fewer_than(number: float, *names: str) -> Condition:
    """The sum of the counts is less than `number` (exclusive).

    Parameters
    ----------
    number : float
        Threshold.
    *names : str
        Facts that are added.

    Returns
    -------
    Condition
    """
    return negate(at_least(number, *names))


def none_of(*names: str) -> Condition:
    """Each of the counts is 0.

    Parameters
    ----------
    *names : str
        Facts that are counts.

    Returns
    -------
    Condition
    """
    return fewer_than(1, *names)


def present(name: str) -> Condition:
    """A flag is true.

    Parameters
    ----------
    name : str
        The fact.

    Returns
    -------
    Condition
    """
    return Condition((name,), lambda facts: getattr(facts, name))


def negate(condition: Condition) -> Condition:
    """The opposite; None stays None.

    Parameters
    ----------
    condition : Condition
        What must not be.

    Returns
    -------
    Condition
    """

    def test(facts: Facts) -> bool | None:
        met = condition(facts)
        return None if met is None else not met

    return Condition(condition.facts, test, (condition,))


def at_least_of(number: int, *conditions: Condition) -> Condition:
    """`number` or more of the conditions are met.

    Parameters
    ----------
    number : int
        Threshold (inclusive).
    *conditions : Condition
        What is counted.

    Returns
    -------
    Condition

    Examples
    --------
    >>> two = at_least_of(2, at_least(1, "cord_count"), present("optic_nerve_lesion"))
    >>> two(Facts(cord_count=1)), two(Facts(cord_count=0))
    (None, False)
    """

    def test(facts: Facts) -> bool | None:
        return _reaches(count_met(conditions, facts), number)

    names = tuple(dict.fromkeys(name for part in conditions for name in part.facts))
    return Condition(names, test, conditions)


def any_of(*conditions: Condition) -> Condition:
    """One or more of the conditions are met.

    Parameters
    ----------
    *conditions : Condition
        What is joined.

    Returns
    -------
    Condition
    """
    return at_least_of(1, *conditions)


def all_of(*conditions: Condition) -> Condition:
    """All of the conditions are met.

    Parameters
    ----------
    *conditions : Condition
        What is joined.

    Returns
    -------
    Condition
    """
    return at_least_of(len(conditions), *conditions)


def count_met(conditions: tuple[Condition, ...], facts: Facts) -> tuple[int, int]:
    """Fewest and most conditions that can be met.

    Parameters
    ----------
    conditions : tuple of Condition
        What is counted.
    facts : Facts
        What is known.

    Returns
    -------
    tuple of int, shape (2,)
    """
    met = [condition(facts) for condition in conditions]
    return sum(m is True for m in met), sum(m is not False for m in met)


def _bounds(facts: Facts, names: tuple[str, ...]) -> tuple[float, float]:
    """Least and largest sum of facts; an unknown one is 0 to infinity."""
    values = [getattr(facts, name) for name in names]
    low = sum(value for value in values if value is not None)
    return low, inf if None in values else low


def _reaches(bounds: tuple[float, float], number: float) -> bool | None:
    """Whether a value between two bounds is `number` or more."""
    low, high = bounds
    return True if low >= number else (False if high < number else None)
