"""A row of a panel: one domain with its state, error and evidence."""

from dataclasses import dataclass

from mslesion.criteria.verdicts import Verdict

PRESENT, NOT_SEEN, REPORTED, NOT_ASSESSABLE = "present", "not seen", "reported", "not assessable"
USUAL, LOW = "usual", "low"

VALIDATED = "validated in trials"
REPLICATED = "prognostic, replicated"
GROUPS = "valid for groups, weak for one person"
PARTLY = "partly validated, for groups only"
ONE_CENTRE = "mainly one centre"
EMERGING = "emerging"
DESCRIPTIVE = "description only"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """One domain of a panel."""

    panel: str
    domain: str
    state: str
    """`PRESENT`, `NOT_SEEN`, `REPORTED` (a value without a threshold) or `NOT_ASSESSABLE`;
    for a named rule "met" or "not met"."""
    value: float | None = None
    unit: str | None = None
    ci95_low: float | None = None
    ci95_high: float | None = None
    noise_floor: float | None = None
    """What the same measure gives where nothing changed, in the unit of the value."""
    threshold: str = ""
    """When the state is `PRESENT`."""
    confidence: str | None = None
    """`USUAL` or `LOW`; None where nothing could be assessed."""
    evidence: str = ""
    text: str = ""


def state_of(*, met: bool | None) -> str:
    """State of a domain that a condition decides.

    Parameters
    ----------
    met : bool or None
        The condition.

    Returns
    -------
    str
    """
    return {True: PRESENT, False: NOT_SEEN, None: NOT_ASSESSABLE}[met]


def report_state(value: float | None) -> str:
    """State of a domain that only gives a value.

    Parameters
    ----------
    value : float or None
        The value.

    Returns
    -------
    str
    """
    return NOT_ASSESSABLE if value is None else REPORTED


def rule_row(panel: str, verdict: Verdict) -> PanelRow:
    """The row of a named rule.

    Parameters
    ----------
    panel : str
        Where it stands.
    verdict : Verdict
        What the rule says.

    Returns
    -------
    PanelRow
    """
    return PanelRow(
        panel=panel,
        domain=verdict.criterion.title,
        state=verdict.outcome,
        threshold=verdict.criterion.text,
        confidence=None if verdict.met is None else USUAL,
        evidence=verdict.criterion.evidence,
        text=verdict.sentence,
    )
