"""Panel of one visit, for findings without a diagnosis: what is present and what is unknown.

No risk in percent is given. In Lebrun-Frenay 2020 (Ann Neurol, 277 people of the 2009
rule) age, oligoclonal bands, infratentorial and cord lesions, and enhancement at
follow-up were associated with a first clinical event, which half of them had in 10 years; a
cut-off at 37 years and risks by number of factors are recalled and not used.
"""

from collections.abc import Mapping, Sequence

from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import known
from mslesion.criteria.logic import Condition, at_least, present
from mslesion.criteria.panels.domains import (
    DESCRIPTIVE,
    USUAL,
    PanelRow,
    report_state,
    rule_row,
    state_of,
)
from mslesion.criteria.rules import CRITERIA_BY_NAME
from mslesion.criteria.rules.mcdonald import (
    CORD,
    CORTICAL,
    INFRATENTORIAL,
    NEW_AT_FOLLOWUP,
    OPTIC_NERVE,
    PERIVENTRICULAR,
    POSITIVE_CSF,
    RIM,
    SELECT_SIX,
)
from mslesion.criteria.rules.susceptibility import rim_category
from mslesion.criteria.verdicts import Verdict, evaluate_criterion

PANEL = "pre-clinical"
RULES_SHOWN = ("mcdonald2017_dis", "mcdonald2024_dis", "ris2009", "ris2023")
RISK_FACTORS = (
    ("infratentorial lesion", INFRATENTORIAL),
    ("spinal cord lesion", CORD),
    ("oligoclonal bands", present("oligoclonal_bands")),
    ("enhancing lesion at follow-up", at_least(1, "followup_gd_count")),
)
"""What was associated with a first clinical event; the fifth, younger age, is given as the age."""
_RISK_SOURCE = "Lebrun-Frenay 2020, Ann Neurol (abstract)"

_LESIONS = (
    ("periventricular lesions", PERIVENTRICULAR, ("periventricular_count",)),
    ("cortical or juxtacortical lesions", CORTICAL,
     ("juxtacortical_count", "intracortical_count")),
    ("infratentorial lesions", INFRATENTORIAL, ("infratentorial_count",)),
    ("spinal cord lesions", CORD, ("cord_count",)),
    ("optic nerve lesion", OPTIC_NERVE, ()),
    ("contrast-enhancing lesions", at_least(1, "gd_count"), ("gd_count",)),
    ("paramagnetic rim lesions", RIM, ("prl_count",)),
    ("central vein sign, select six", SELECT_SIX, ()),
    ("oligoclonal bands or kappa index", POSITIVE_CSF, ()),
    ("new or enhancing lesions at follow-up", NEW_AT_FOLLOWUP, ()),
)  # fmt: skip


def preclinical_panel(facts: Facts, visit: Mapping) -> list[PanelRow]:
    """Findings of one visit: lesions, rules, risk factors, volumes, and caveats.

    Parameters
    ----------
    facts : Facts
        Facts of the visit.
    visit : mapping
        Its row of visits.csv.

    Returns
    -------
    list of PanelRow
    """
    rows = [
        _value("lesion volume", known(visit, "lesion_volume_ml"), "mL"),
        _value("T2 lesions", facts.lesion_count, None),
        *(_lesions(facts, *declared) for declared in _LESIONS),
        _value(
            "contrast-enhancing candidates",
            known(visit, "enhancing_candidate_count"),
            None,
            text="Candidates to be looked at, not a count; no rule uses them.",
        ),
        *(rule_row(PANEL, verdict) for verdict in _verdicts(facts)),
        _risk_factors(facts),
        _value("age", facts.age_years, "year", source=_RISK_SOURCE),
        _value("brain parenchymal fraction", known(visit, "bpf"), None),
    ]
    for name, column in (
        ("thalamus", "thalamus_ml"),
        ("lateral ventricles", "lateral_ventricles_ml"),
        ("choroid plexus", "choroid_plexus_ml"),
    ):
        rows.append(_share(f"{name} per head", visit, column, "tiv_ml"))
    for name, column in (
        ("deep white matter", "deep_white_lesion_volume_ml"),
        ("deep grey", "deep_grey_lesion_volume_ml"),
    ):
        domain = f"share of lesion volume in {name}"
        text = "High shares are common in small-vessel disease; no threshold is used."
        rows.append(_share(domain, visit, column, "lesion_volume_ml", text=text))
    return rows


def _lesions(facts: Facts, domain: str, condition: Condition, counts: Sequence[str]) -> PanelRow:
    """A finding with its count, where all counts are known."""
    values = [getattr(facts, name) for name in counts]
    value = None if not values or None in values else float(sum(values))
    state = state_of(met=condition(facts))
    is_rim = condition is RIM and value is not None
    return PanelRow(
        panel=PANEL,
        domain=domain,
        state=state,
        value=value,
        threshold=">= 1",
        confidence=None if condition(facts) is None else USUAL,
        evidence=DESCRIPTIVE,
        text=f"Category {rim_category(int(value))}." if is_rim else "",
    )


def _verdicts(facts: Facts) -> list[Verdict]:
    """The rules that belong to this panel."""
    return [evaluate_criterion(CRITERIA_BY_NAME[name], facts) for name in RULES_SHOWN]


def _risk_factors(facts: Facts) -> PanelRow:
    """Which risk factors are present and which are not known; no percentage."""
    states = {name: condition(facts) for name, condition in RISK_FACTORS}
    there = [name for name, met in states.items() if met]
    unknown = [name for name, met in states.items() if met is None]
    text = "Present: " + (", ".join(there) or "none") + "."
    if unknown:
        text += " Not known: " + ", ".join(unknown) + "."
    return PanelRow(
        panel=PANEL,
        domain="risk factors",
        state=report_state(None if len(unknown) == len(states) else len(there)),
        value=float(len(there)),
        evidence=_RISK_SOURCE,
        text=text,
    )


def _value(
    domain: str, value: float | None, unit: str | None, *, source: str = "", text: str = ""
) -> PanelRow:
    """A value without a threshold."""
    value = None if value is None else float(value)
    return PanelRow(
        panel=PANEL,
        domain=domain,
        state=report_state(value),
        value=value,
        unit=unit,
        evidence=source or DESCRIPTIVE,
        text=text if value is not None else "",
    )


def _share(domain: str, visit: Mapping, part: str, whole: str, *, text: str = "") -> PanelRow:
    """One column as a share of another, in percent; not assessable if either is missing or 0."""
    value, per = known(visit, part), known(visit, whole)
    share = None if value is None or not per else 100 * value / per
    return PanelRow(
        panel=PANEL,
        domain=domain,
        state=report_state(share),
        value=share,
        unit="percent",
        evidence=DESCRIPTIVE,
        text=text,
    )
