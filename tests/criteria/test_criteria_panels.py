"""The three panels: states, errors, confidence and the pattern."""

import pytest

from mslesion.criteria import Facts
from mslesion.criteria.caveats import RESEARCH_USE_ONLY, preclinical_caveat
from mslesion.criteria.panels.activity import activity_panel, atrophy_confidence, lesion_confidence
from mslesion.criteria.panels.domains import PanelRow
from mslesion.criteria.panels.preclinical import preclinical_panel
from mslesion.criteria.panels.progressive import (
    PATTERNS,
    PROGRESSIVE_DOMAINS,
    RELAPSING_DOMAIN,
    pattern_of,
    progressive_panel,
)

PAIR = {"interval_years": 2.0, "same_scanner": True, "quality_state": "pass"}


def by_domain(rows):
    found = {row.domain: row for row in rows}
    assert len(found) == len(rows)
    return found


def progressive(facts=None, visit=None, change=None, **options):
    change = PAIR | (change or {})
    return by_domain(progressive_panel(facts or Facts(), visit or {}, change, **options))


def test_nine_domains_and_the_pattern_in_order():
    assert list(progressive()) == [
        "relapsing-type activity", "chronic active rim", "slow expansion", "lesion destruction",
        "global neurodegeneration", "deep grey matter", "cord", "cortex", "choroid plexus",
        "pattern",
    ]  # fmt: skip
    assert {row.state for row in progressive().values()} == {"not assessable"}


@pytest.mark.parametrize(
    ("facts", "state", "value"),
    [
        ({"new_t2_count": 1, "enlarging_count": 2, "followup_gd_count": 0}, "present", 3),
        ({"new_t2_count": 0, "enlarging_count": 0, "followup_gd_count": 1}, "present", 1),
        ({"new_t2_count": 0, "enlarging_count": 0, "followup_gd_count": 0}, "not seen", 0),
        ({"new_t2_count": 0, "enlarging_count": 0}, "not seen", 0),
        ({"new_t2_count": 0}, "not assessable", None),
        ({"followup_gd_count": 0}, "not assessable", None),
    ],
)
def test_relapsing_domain(facts, state, value):
    row = progressive(Facts(**facts))[RELAPSING_DOMAIN]
    assert (row.state, row.value) == (state, value)
    assert ("not assessed" in row.text) is ("followup_gd_count" not in facts)


@pytest.mark.parametrize(
    ("count", "state", "text"),
    [
        (None, "not assessable", ""),
        (0, "not seen", "Category 0."),
        (1, "present", "Category 1-3."),
        (4, "present", "Category 4 or more."),
    ],
)
def test_rims(count, state, text):
    row = progressive(Facts(prl_count=count))["chronic active rim"]
    assert (row.state, row.text) == (state, text)


@pytest.mark.parametrize(
    ("candidates", "noise", "rates", "state", "value"),
    [
        (0, None, None, "not seen", 0),
        (3, 6.0, [7.9, 8.0, 12.0], "present", 2),  # 8 is inclusive
        (3, 8.0, [7.9, 8.0, 12.0], "present", 1),  # but must be over the noise
        (2, 6.0, [5.0, 7.0], "not seen", 0),
        (2, None, [9.0, 9.0], "not assessable", None),
        (2, 6.0, None, "not assessable", None),
        (2, 6.0, [], "not assessable", None),  # the table of rates is of another pair
        (None, None, None, "not assessable", None),
    ],
)
def test_slow_expansion(candidates, noise, rates, state, value):
    change = {"sel_candidate_count": candidates, "sel_noise_p95_pct_per_year": noise}
    row = progressive(change=change, expansion_rates=rates)["slow expansion"]
    assert (row.state, row.value, row.noise_floor) == (state, value, noise)


@pytest.mark.parametrize(
    ("rates", "enlarging", "state", "text"),
    [
        ([9.0], 2, "present", "Candidates at any rate: 1, not counting 2 in enlarging lesions."),
        ([], 1, "not seen", "Candidates at any rate: 0, not counting 1 in enlarging lesions."),
        ([9.0], 0, "present", "Candidates at any rate: 1."),
    ],
)
def test_no_lesion_counts_to_both_kinds_of_activity(rates, enlarging, state, text):
    change = {"sel_candidate_count": 3, "sel_noise_p95_pct_per_year": 1.0}
    options = {"expansion_rates": rates, "enlarging_candidates": enlarging}
    row = by_domain(progressive_panel(Facts(), {}, change, **options))["slow expansion"]
    assert (row.state, row.text) == (state, text)


@pytest.mark.parametrize(
    ("volume", "floor", "state"),
    [
        (120.0, 100.0, "present"),
        (100.0, 100.0, "not seen"),
        (14.0, 0.0, "present"),
        (13.9, 0.0, "not seen"),  # less than a ball of 3 mm
        (120.0, None, "not assessable"),
        (None, 100.0, "not assessable"),
    ],
)
def test_lesion_destruction(volume, floor, state):
    row = progressive(
        change={"atrophied_lesion_volume_mm3": volume, "atrophied_lesion_volume_noise_mm3": floor}
    )["lesion destruction"]
    assert row.state == state
    assert ("60 mm³ per year." in row.text) is (volume == 120.0)


@pytest.mark.parametrize(
    ("age", "interval", "state", "threshold"),
    [
        (40, (-1.2, -0.6), "present", "0.52 (95th"),
        (40, (-1.2, -0.5), "not assessable", "0.52 (95th"),
        (40, (-0.5, -0.1), "not seen", "0.52 (95th"),
        (60, (-1.2, -0.6), "not assessable", "0.90 (95th"),
        (None, (-1.2, -0.45), "present", "0.4 (NEDA-4 literature threshold, not age-adjusted)"),
        (None, (-1.2, -0.3), "not assessable", "0.4 (NEDA-4"),
    ],
)
def test_brain(age, interval, state, threshold):
    change = {
        "pbvc_pct_per_year": sum(interval) / 2,
        "pbvc_ci95_low": interval[0],
        "pbvc_ci95_high": interval[1],
    }
    row = progressive(Facts(age_years=age), change=change)["global neurodegeneration"]
    assert row.state == state
    assert threshold in row.threshold
    assert (row.ci95_low, row.ci95_high) == (-interval[1], -interval[0])
    if state == "not assessable":
        assert "interval includes the cut-off" in row.text


def test_one_year_is_too_short_for_cutoffs():
    change = {"interval_years": 0.9, "pbvc_pct_per_year": -2.0}
    row = progressive(Facts(age_years=40), change=change)["global neurodegeneration"]
    assert (row.state, row.value, row.confidence) == ("not assessable", 2.0, None)
    assert "Cut-offs require an interval of 1 year or more." in row.text


@pytest.mark.parametrize(
    ("rate", "low", "high", "years", "state"),
    [
        (-0.7, -1.0, -0.3, 2.0, "present"),
        (-0.7, -1.2, -0.2, 2.0, "not assessable"),
        (-0.1, -0.2, 0.0, 2.0, "not seen"),
        (-0.7, -1.0, -0.3, 0.9, "not assessable"),
        (-0.7, None, None, 2.0, "not assessable"),
    ],
)
def test_thalamus(rate, low, high, years, state):
    change = {"thalamus_pct_per_year": rate, "thalamus_ci95_low": low, "thalamus_ci95_high": high,
              "interval_years": years}  # fmt: skip
    row = progressive(change=change)["deep grey matter"]
    assert (row.state, row.value) == (state, 0.7 if rate == -0.7 else 0.1)


@pytest.mark.parametrize(
    ("count", "area", "state"),
    [
        (2, None, "present"),
        (1, None, "not seen"),
        (None, None, "not assessable"),
        (0, (70.0, 72.0), "present"),
        (0, (72.0, 72.0), "not seen"),
        (None, (72.0, 72.0), "not seen"),
        (None, (70.0, 72.0), "present"),
    ],
)
def test_cord(count, area, state):
    assert progressive(Facts(cord_count=count), cord_area=area)["cord"].state == state


def test_a_thalamic_rate_without_error_is_not_judged():
    change = {"thalamus_pct_per_year": -1.6, "interval_years": 2.0}
    row = by_domain(progressive_panel(Facts(), {}, change))["deep grey matter"]
    assert (row.state, row.value) == (X, 1.6)
    assert row.text == "Without an interval: its error was not measured."


def test_a_loss_without_measured_error_is_not_judged():
    change = PAIR | {
        "pbvc_pct_per_year": -3.0, "thalamus_pct_per_year": -1.6, "same_scanner": False,
        "pair_kind": "another scanner",
    }  # fmt: skip
    rows = progressive(Facts(age_years=40), change=change)
    rows |= by_domain(activity_panel(Facts(age_years=40), change))
    for domain, value in (
        ("global neurodegeneration", 3.0),
        ("brain volume loss relative to age", 3.0),
        ("brain volume loss over 0.4 %/y", 3.0),
        ("deep grey matter", 1.6),
    ):
        row = rows[domain]
        assert (row.state, row.value, row.ci95_low, row.ci95_high) == (X, value, None, None)
        assert "its error was not measured for this kind of pair (another scanner)." in row.text


@pytest.mark.parametrize(
    ("by_chance", "confidence", "text"),
    [
        (0.44, "usual", "Candidates at any rate: 3. Expected by chance: 0.4."),
        (2.99, "usual", "Candidates at any rate: 3. Expected by chance: 3.0."),
        (3.0, "low", "Candidates at any rate: 3. Expected by chance: 3.0. There are no more "
         "candidates than that."),
        (None, "usual", "Candidates at any rate: 3."),
    ],
)  # fmt: skip
def test_candidates_expected_by_chance(by_chance, confidence, text):
    change = {
        "sel_candidate_count": 3, "sel_noise_p95_pct_per_year": 0.0,
        "sel_expected_by_chance_count": by_chance,
    }  # fmt: skip
    row = progressive(change=change, expansion_rates=[9.0, 9.0, 5.0])["slow expansion"]
    assert (row.state, row.value, row.confidence, row.text) == ("present", 2, confidence, text)


def test_cortex_and_choroid_plexus_only_report():
    facts = Facts(juxtacortical_count=2, intracortical_count=1)
    visit = {"cortical_grey_matter_ml": 480.4, "choroid_plexus_ml": 2.8, "tiv_ml": 1400.0}
    rows = progressive(facts, visit)
    assert (rows["cortex"].state, rows["cortex"].value) == ("reported", 3)
    assert rows["cortex"].text == "Cortical volume 480 mL."
    assert rows["choroid plexus"].value == pytest.approx(0.2)
    assert (
        progressive(facts, {"choroid_plexus_ml": 2.8})["choroid plexus"].state == "not assessable"
    )


P, S, X = "present", "not seen", "not assessable"


@pytest.mark.parametrize(
    ("relapsing", "others", "pattern"),
    [
        (P, [S, X, X, X, X, X], "R"),
        (S, [P, S, X, X, X, X], "P"),
        (P, [X, X, P, X, X, X], "R+P"),
        (S, [S, S, S, S, S, S], "none seen"),
        (S, [X, X, X, X, X, S], "none seen"),
        (X, [P, P, P, P, P, P], "insufficient"),
        (P, [X, X, X, X, X, X], "insufficient"),
        (S, [X, X, X, X, X, X], "insufficient"),
    ],
)
def test_pattern(relapsing, others, pattern):
    domains = dict(zip(PROGRESSIVE_DOMAINS, others, strict=True)) | {RELAPSING_DOMAIN: relapsing}
    rows = [PanelRow(panel="progressive", domain=d, state=s) for d, s in domains.items()]
    found, text = pattern_of(rows)
    assert found == pattern
    assessed = sum(state != X for state in others)
    assert text == f"{pattern}: {PATTERNS[pattern]} ({assessed} of 6 progressive domains assessed)."


def test_pattern_row_of_the_panel():
    facts = Facts(new_t2_count=0, enlarging_count=0, followup_gd_count=0, prl_count=2)
    row = progressive(facts)["pattern"]
    assert (row.state, row.text[:3]) == ("reported", "P: ")
    assert progressive()["pattern"].state == "not assessable"


def test_no_word_of_a_diagnosis():
    facts = Facts(new_t2_count=1, prl_count=2, cord_count=3)
    texts = [row.text + row.threshold + row.domain for row in progressive(facts).values()]
    for word in ("PIRA", "progressive MS", "diagnos", "SPMS"):
        assert not any(word in text for text in [*texts, *PATTERNS.values()])
    assert RESEARCH_USE_ONLY.startswith("Research use only. Not a medical device.")
    assert RESEARCH_USE_ONLY.endswith("Low values do not show absence of disease.")


@pytest.mark.parametrize(
    ("change", "lesions", "atrophy"),
    [
        ({}, "usual", "usual"),
        ({"same_scanner": False}, "low", "low"),
        ({"quality_state": "warn"}, "low", "low"),
        ({"interval_years": 1.94}, "usual", "low"),
        ({"interval_years": 728 / 365.25}, "usual", "usual"),  # 104 weeks
        ({"interval_years": None}, "usual", "low"),
        ({"pseudoatrophy_window": True}, "usual", "low"),
        ({"pseudoatrophy_window": None, "same_scanner": None}, "usual", "usual"),
    ],
)
def test_confidence(change, lesions, atrophy):
    assert lesion_confidence(PAIR | change)[0] == lesions
    assert atrophy_confidence(PAIR | change)[0] == atrophy


def test_reasons_of_low_confidence_are_named():
    change = PAIR | {"same_scanner": False, "quality_state": "fail", "interval_years": 1.0}
    assert atrophy_confidence(change)[1] == (
        "Low: another scanner, quality of the pair: fail, interval under 2 years."
    )


def test_withheld_brain_change_decides_nothing_and_says_why():
    """No rule about loss is met or not met, whatever the volumes of the single visits."""
    withheld = {
        "interval_years": 2.0, "brain_change_assessable": False,
        "brain_change_reason": "the two estimates differ",
    }  # fmt: skip
    assert atrophy_confidence(withheld)[1] == (
        "Brain change is not assessable: the two estimates differ."
    )
    rows = activity_panel(Facts(age_years=40), change=withheld)
    loss = [row for row in rows if "loss" in row.domain or "loss" in row.threshold]
    assert loss
    for row in loss:
        assert (row.state, row.value) == ("not assessable", None)
        assert "the two estimates differ" in row.text or row.domain.startswith("NEDA-4")


def test_activity_panel():
    facts = Facts(
        new_t2_count=2, enlarging_count=0, followup_gd_count=None, relapse_count=0, age_years=40,
        brain_loss_pct_per_year=0.9,
    )  # fmt: skip
    change = PAIR | {"pbvc_pct_per_year": -0.9, "pbvc_ci95_low": -1.2, "pbvc_ci95_high": -0.6}
    rows = by_domain(activity_panel(facts, change))
    assert [rows[name].state for name in (
        "new T2 lesions", "enlarging T2 lesions", "contrast-enhancing lesions",
        "combined unique active lesions", "brain volume loss relative to age",
        "brain volume loss over 0.4 %/y", "NEDA-3, MRI part", "NEDA-4, MRI part",
        "Lublin 2013 MRI activity", "MAGNIMS score of 1 or more",
        "Minimal evidence of disease activity (MEDA)",
    )] == [
        "present", "not seen", "not assessable", "not assessable", "present", "present",
        "not met", "not met", "met", "not met", "not assessable",
    ]  # fmt: skip
    assert rows["new T2 lesions"].value == 2
    assert "not age-adjusted" in rows["brain volume loss over 0.4 %/y"].threshold
    assert rows["brain volume loss relative to age"].unit == "percent/year"


def test_activity_panel_without_anything():
    rows = activity_panel(Facts(), {})
    assert {row.state for row in rows} == {"not assessable"}
    assert {row.confidence for row in rows} == {None}


RIS = Facts(
    lesion_count=12, periventricular_count=4, juxtacortical_count=2, intracortical_count=0,
    infratentorial_count=1, incidental=True, other_causes_excluded=True, age_years=30,
)  # fmt: skip


def test_preclinical_panel():
    visit = {
        "lesion_volume_ml": 4.0,
        "deep_white_lesion_volume_ml": 1.0,
        "thalamus_ml": 14.0,
        "tiv_ml": 1400.0,
    }
    rows = by_domain(preclinical_panel(RIS, visit))
    assert (rows["periventricular lesions"].state, rows["periventricular lesions"].value) == (P, 4)
    assert rows["spinal cord lesions"].state == X
    assert rows["RIS 2009"].state == "met"
    assert rows["McDonald 2017 dissemination in space"].state == "met"
    assert rows["share of lesion volume in deep white matter"].value == 25
    assert rows["share of lesion volume in deep grey"].state == X
    assert rows["thalamus per head"].value == 1
    assert rows["risk factors"].value == 1
    assert rows["risk factors"].text == (
        "Present: infratentorial lesion. Not known: spinal cord lesion, oligoclonal bands, "
        "enhancing lesion at follow-up."
    )
    assert not any("%" in row.text and "risk" in row.domain for row in rows.values())


def test_shares_of_nothing_are_not_assessable():
    rows = by_domain(
        preclinical_panel(Facts(), {"lesion_volume_ml": 0.0, "deep_white_lesion_volume_ml": 0.0})
    )
    assert rows["share of lesion volume in deep white matter"].state == X
    assert rows["lesion volume"].state == "reported"
    assert rows["risk factors"].state == X


def test_caveat_names_the_rules_that_are_met():
    met = [row.domain for row in preclinical_panel(RIS, {}) if row.state == "met"]
    assert preclinical_caveat(met) == (
        "Findings compatible with the MRI part of McDonald 2017 dissemination in space, "
        "McDonald 2024 dissemination in space, RIS 2009, RIS 2023; a research measurement, "
        "not a diagnosis. Migraine, small-vessel disease, ageing and other conditions also "
        "cause such lesions."
    )
    assert preclinical_caveat([]).startswith("A research measurement, not a diagnosis. Migraine")
