"""Panel of progressive activity: nine domains and a pattern, no score.

No feature of MRI tells progressive from relapsing disease reliably (JAMA Neurol 2021
review, PMC11382596). So each domain stands with its own error and evidence, and the
pattern only says which kinds were seen. "P without R" is not called by another name:
progression independent of relapses is a clinical definition.
"""

from collections.abc import Mapping, Sequence

from mslesion.criteria.caveats import LITERATURE_THRESHOLD
from mslesion.criteria.facts import Facts
from mslesion.criteria.facts_of_visit import brain_loss_of_pair, known
from mslesion.criteria.logic import any_of, at_least
from mslesion.criteria.panels.activity import (
    atrophy_confidence,
    lesion_confidence,
    no_interval,
    why_undecided,
)
from mslesion.criteria.panels.domains import (
    EMERGING,
    GROUPS,
    LOW,
    NOT_ASSESSABLE,
    NOT_SEEN,
    ONE_CENTRE,
    PARTLY,
    PRESENT,
    REPLICATED,
    REPORTED,
    USUAL,
    VALIDATED,
    PanelRow,
    report_state,
    state_of,
)
from mslesion.criteria.rules.activity import NEDA_BRAIN_LOSS_PCT_PER_YEAR
from mslesion.criteria.rules.brain_loss import MIN_YEARS_FOR_CUTOFF, exceeds, is_long_enough
from mslesion.criteria.rules.susceptibility import rim_category

PANEL = "progressive"
MIN_EXPANSION_PCT_PER_YEAR = 8.0
"""A slowly expanding candidate counts from this mean rate on (inclusive), in %/y."""
MIN_DESTROYED_MM3 = 14.0
"""Lesion volume that became CSF counts from this volume on (inclusive): a ball of 3 mm, the
smallest lesion. A quiet pair has no noise, and its borders never match."""
HEALTHY_THALAMUS_LOSS_PCT_PER_YEAR = 0.28
"""Mean yearly loss of the thalamus in healthy people (Azevedo 2018, PMID 29328531)."""
CORD_LESIONS = 2
"""Cord lesions from which the cord domain is present (inclusive)."""

RELAPSING_DOMAIN = "relapsing-type activity"
PROGRESSIVE_DOMAINS = (
    "chronic active rim",
    "slow expansion",
    "lesion destruction",
    "global neurodegeneration",
    "deep grey matter",
    "cord",
)
"""Domains that can make the pattern progressive; cortex and choroid plexus only report."""

PATTERNS = {
    "R": "relapsing-type activity seen, no progressive-type activity",
    "P": "progressive-type activity seen, no relapsing-type activity",
    "R+P": "relapsing-type and progressive-type activity seen",
    "none seen": "neither kind of activity seen",
    "insufficient": "too little was assessable to give a pattern",
}
"""Every pattern, in words."""


def progressive_panel(
    facts: Facts,
    visit: Mapping,
    change: Mapping,
    *,
    expansion_rates: Sequence[float] | None = None,
    enlarging_candidates: int = 0,
    cord_area: tuple[float, float] | None = None,
) -> list[PanelRow]:
    """The nine domains and the pattern of one pair of visits.

    Parameters
    ----------
    facts : Facts
        Facts of the later visit.
    visit : mapping
        Its row of visits.csv.
    change : mapping
        Row of changes.csv of the pair.
    expansion_rates : sequence of float, optional
        Mean rate of each slowly expanding candidate, in %/y.
    enlarging_candidates : int
        Further candidates, in lesions that enlarge by the rule of the pair: those are
        relapsing-type activity already, and no lesion counts to both.
    cord_area : tuple of float, shape (2,), optional
        Upper cervical cord area and the lower limit of the user's own norms, in mm².

    Returns
    -------
    list of PanelRow
        The nine domains, and the pattern. `caveats.RESEARCH_USE_ONLY` goes with them.
    """
    rows = [
        _relapsing(facts, change),
        _rims(facts),
        _expansion(change, expansion_rates, enlarging_candidates),
        _destruction(change),
        _brain(facts, change),
        _thalamus(change),
        _cord(facts, cord_area),
        _cortex(facts, visit),
        _choroid_plexus(visit),
    ]
    pattern, text = pattern_of(rows)
    state = NOT_ASSESSABLE if pattern == "insufficient" else REPORTED
    return [*rows, PanelRow(panel=PANEL, domain="pattern", state=state, text=text)]


def pattern_of(rows: Sequence[PanelRow]) -> tuple[str, str]:
    """Pattern of a panel, and its text.

    Parameters
    ----------
    rows : sequence of PanelRow
        Rows with the relapsing and the progressive domains.

    Returns
    -------
    tuple of str, shape (2,)
        A key of `PATTERNS`, and the sentence. The pattern is insufficient where the
        relapsing domain, or every progressive one, was not assessable.
    """
    states = {row.domain: row.state for row in rows}
    relapsing = states[RELAPSING_DOMAIN]
    progressive = [states[domain] for domain in PROGRESSIVE_DOMAINS]
    assessed = sum(state in (PRESENT, NOT_SEEN) for state in progressive)
    if relapsing not in (PRESENT, NOT_SEEN) or not assessed:
        pattern = "insufficient"
    elif PRESENT in progressive:
        pattern = "R+P" if relapsing == PRESENT else "P"
    else:
        pattern = "R" if relapsing == PRESENT else "none seen"
    of = f"{assessed} of {len(progressive)} progressive domains assessed"
    return pattern, f"{pattern}: {PATTERNS[pattern]} ({of})."


def _relapsing(facts: Facts, change: Mapping) -> PanelRow:
    """New, enlarging and enhancing lesions.

    Unlike the rule `lublin2013_activity`, "not seen" does not require contrast agent; the
    text then says that enhancement was not assessed.
    """
    met = any_of(at_least(1, "new_t2_count", "enlarging_count"), at_least(1, "followup_gd_count"))(
        facts
    )
    without_contrast = facts.followup_gd_count is None
    lesions = (facts.new_t2_count, facts.enlarging_count)
    if met is None and without_contrast and lesions == (0, 0):
        met = False
    counts = (*lesions, facts.followup_gd_count)
    confidence, why = lesion_confidence(change)
    text = "Enhancement was not assessed." if without_contrast else ""
    return PanelRow(
        panel=PANEL,
        domain=RELAPSING_DOMAIN,
        state=state_of(met=met),
        value=None if met is None else float(sum(count or 0 for count in counts)),
        threshold=">= 1 new, enlarging or enhancing lesion",
        confidence=None if met is None else confidence,
        evidence=VALIDATED,
        text=" ".join(filter(None, (why, text))),
    )


def _rims(facts: Facts) -> PanelRow:
    """Paramagnetic rims of a rater."""
    count = facts.prl_count
    return PanelRow(
        panel=PANEL,
        domain="chronic active rim",
        state=state_of(met=None if count is None else count >= 1),
        value=None if count is None else float(count),
        threshold=">= 1 paramagnetic rim lesion",
        confidence=None if count is None else USUAL,
        evidence=REPLICATED,
        text="" if count is None else f"Category {rim_category(count)}.",
    )


def _expansion(change: Mapping, rates: Sequence[float] | None, enlarging: int) -> PanelRow:
    """Slowly expanding candidates that are fast enough and above the noise."""
    candidates = known(change, "sel_candidate_count")
    noise = known(change, "sel_noise_p95_pct_per_year")
    by_chance = known(change, "sel_expected_by_chance_count")
    count, text = None, ""
    if candidates == 0:
        count = 0
    elif (rates or enlarging) and noise is not None:
        count = sum(rate >= MIN_EXPANSION_PCT_PER_YEAR and rate > noise for rate in rates or ())
        text = f"Candidates at any rate: {len(rates or ())}"
        text += f", not counting {enlarging} in enlarging lesions." if enlarging else "."
    elif candidates is not None:
        text = f"{candidates} candidates, but their rates or the noise of the pair are not known."
    confidence, why = lesion_confidence(change)
    if by_chance is not None and candidates is not None:
        text = f"{text} Expected by chance: {by_chance:.1f}.".strip()
        if count and candidates <= by_chance:
            confidence = LOW
            text += " There are no more candidates than that."
    return PanelRow(
        panel=PANEL,
        domain="slow expansion",
        state=state_of(met=None if count is None else count >= 1),
        value=None if count is None else float(count),
        noise_floor=noise,
        threshold=f">= 1 candidate of >= {MIN_EXPANSION_PCT_PER_YEAR:g} %/y and above the noise "
        "floor (%/y)",
        confidence=None if count is None else confidence,
        evidence=PARTLY,
        text=" ".join(filter(None, (why, text))),
    )


def _destruction(change: Mapping) -> PanelRow:
    """Lesion tissue that became CSF, above the noise of the pair."""
    volume, floor = (
        known(change, "atrophied_lesion_volume_mm3"),
        known(change, "atrophied_lesion_volume_noise_mm3"),
    )
    years = known(change, "interval_years")
    met = None
    if volume is not None and floor is not None:
        met = volume > floor and volume >= MIN_DESTROYED_MM3
    confidence, why = atrophy_confidence(change)
    yearly = "" if volume is None or not years else f"{volume / years:.0f} mm³ per year."
    return PanelRow(
        panel=PANEL,
        domain="lesion destruction",
        state=state_of(met=met),
        value=volume,
        unit="mm^3",
        noise_floor=floor,
        threshold=f"atrophied lesion volume of {MIN_DESTROYED_MM3:.0f} mm³ or more and above the "
        "noise floor of the pair",
        confidence=None if met is None else confidence,
        evidence=ONE_CENTRE,
        text=" ".join(filter(None, (why, yearly))),
    )


def _brain(facts: Facts, change: Mapping) -> PanelRow:
    """Brain volume loss for the age, or over 0.4 %/y where the age is not known."""
    loss = brain_loss_of_pair(change, age_years=facts.age_years)
    if loss.age_cutoff is None:
        met = loss.exceeds_0_4
        cutoff = f"{NEDA_BRAIN_LOSS_PCT_PER_YEAR} ({LITERATURE_THRESHOLD})"
    else:
        met = loss.exceeds_age_cutoff
        cutoff = f"{loss.age_cutoff:.2f} (95th percentile of the age)"
    confidence, why = atrophy_confidence(change)
    return PanelRow(
        panel=PANEL,
        domain="global neurodegeneration",
        state=state_of(met=met),
        value=loss.loss,
        unit="percent/year",
        ci95_low=loss.ci_low,
        ci95_high=loss.ci_high,
        threshold=f"whole 95 % interval above {cutoff}",
        confidence=None if met is None else confidence,
        evidence=GROUPS,
        text=" ".join(filter(None, (why, why_undecided(loss, change, met=met)))),
    )


def _thalamus(change: Mapping) -> PanelRow:
    """Yearly loss of the thalamus, its whole interval over the mean of healthy people."""
    rate, years = known(change, "thalamus_pct_per_year"), known(change, "interval_years")
    low, high = known(change, "thalamus_ci95_low"), known(change, "thalamus_ci95_high")
    met = None
    if None not in (rate, low, high) and is_long_enough(years, MIN_YEARS_FOR_CUTOFF):
        met = exceeds(HEALTHY_THALAMUS_LOSS_PCT_PER_YEAR, -high, -low)
    confidence, why = atrophy_confidence(change)
    if rate is not None and None in (low, high):
        why = " ".join(filter(None, (why, no_interval(change))))
    return PanelRow(
        panel=PANEL,
        domain="deep grey matter",
        state=state_of(met=met),
        value=None if rate is None else -rate,
        unit="percent/year",
        ci95_low=None if high is None else -high,
        ci95_high=None if low is None else -low,
        threshold="whole 95 % interval of the thalamic loss above "
        f"{HEALTHY_THALAMUS_LOSS_PCT_PER_YEAR} (mean of healthy people)",
        confidence=None if met is None else confidence,
        evidence=GROUPS,
        text=why,
    )


def _cord(facts: Facts, area: tuple[float, float] | None) -> PanelRow:
    """Cord lesions, or a cord area below the user's own norm."""
    count = facts.cord_count
    many = None if count is None else count >= CORD_LESIONS
    thin = None if area is None else area[0] < area[1]
    met = True if many or thin else (None if many is None and thin is None else False)
    text = "" if area is None else f"Cord area {area[0]:g} mm², lower limit {area[1]:g} mm²."
    return PanelRow(
        panel=PANEL,
        domain="cord",
        state=state_of(met=met),
        value=None if count is None else float(count),
        threshold=f">= {CORD_LESIONS} cord lesions, or a cord area below the user's norm",
        confidence=None if met is None else USUAL,
        evidence=REPLICATED,
        text=text,
    )


def _cortex(facts: Facts, visit: Mapping) -> PanelRow:
    """Lesions at the cortex and its volume; reported only."""
    counts = (facts.juxtacortical_count, facts.intracortical_count)
    value = None if None in counts else float(sum(counts))
    volume = known(visit, "cortical_grey_matter_ml")
    return PanelRow(
        panel=PANEL,
        domain="cortex",
        state=report_state(value),
        value=value,
        evidence=GROUPS,
        text="" if volume is None else f"Cortical volume {volume:.0f} mL.",
    )


def _choroid_plexus(visit: Mapping) -> PanelRow:
    """Choroid plexus per head; reported only."""
    volume, head = known(visit, "choroid_plexus_ml"), known(visit, "tiv_ml")
    share = None if volume is None or not head else 100 * volume / head
    return PanelRow(
        panel=PANEL,
        domain="choroid plexus",
        state=report_state(share),
        value=share,
        unit="percent",
        evidence=EMERGING,
    )
