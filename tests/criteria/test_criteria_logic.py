"""Three-valued logic, and every rule against all values its unknown facts can take."""

import re
from dataclasses import fields
from itertools import product

import numpy as np
import pytest

from mslesion.criteria import (
    CRITERIA,
    CRITERIA_BY_NAME,
    WITHOUT_CAPS,
    Facts,
    evaluate_criterion,
    modified_rio,
)
from mslesion.criteria.facts import FACT_NAMES, FACT_TYPES, FACT_WORDS
from mslesion.criteria.logic import (
    all_of,
    any_of,
    at_least,
    at_least_of,
    count_met,
    fewer_than,
    negate,
    none_of,
    present,
)

TRUE, FALSE, OPEN = present("incidental"), present("optic_nerve_lesion"), present("cvs_select_six")
FACTS = Facts(incidental=True, optic_nerve_lesion=False)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (any_of(TRUE, OPEN), True),
        (any_of(FALSE, OPEN), None),
        (any_of(FALSE, FALSE), False),
        (all_of(TRUE, OPEN), None),
        (all_of(FALSE, OPEN), False),
        (all_of(TRUE, TRUE), True),
        (at_least_of(2, TRUE, OPEN, FALSE), None),
        (at_least_of(2, TRUE, TRUE, OPEN), True),
        (at_least_of(2, FALSE, FALSE, TRUE), False),
        (at_least_of(2, FALSE, OPEN, FALSE), False),
        (negate(OPEN), None),
        (negate(TRUE), False),
    ],
)
def test_joined_conditions(condition, expected):
    assert condition(FACTS) is expected


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        (at_least(3, "periventricular_count"), {"periventricular_count": 2}, False),
        (at_least(3, "periventricular_count"), {"periventricular_count": 3}, True),
        (at_least(3, "periventricular_count"), {}, None),
        # 8 + unknown: 9 can be reached; 9 + unknown: it is reached
        (at_least(9, "lesion_count", "cord_count"), {"lesion_count": 8}, None),
        (at_least(9, "lesion_count", "cord_count"), {"lesion_count": 9}, True),
        (at_least(9, "lesion_count", "cord_count"), {"lesion_count": 8, "cord_count": 0}, False),
        (fewer_than(3, "new_t2_count"), {"new_t2_count": 3}, False),
        (fewer_than(3, "new_t2_count"), {"new_t2_count": 2}, True),
        (fewer_than(0.4, "brain_loss_pct_per_year"), {"brain_loss_pct_per_year": -0.2}, True),
        (none_of("gd_count"), {"gd_count": 0}, True),
        (none_of("gd_count"), {"gd_count": 1}, False),
        (none_of("gd_count"), {}, None),
    ],
)
def test_counts(condition, facts, expected):
    assert condition(Facts(**facts)) is expected


@pytest.mark.parametrize(
    ("cord", "symptomatic", "expected"),
    [
        (2, 1, True),
        (1, 1, False),
        (1, 2, False),  # never below 0
        (0, None, False),
        (2, None, None),  # both may be symptomatic
        (None, 3, None),
        (None, None, None),
    ],
)
def test_what_is_taken_off(cord, symptomatic, expected):
    condition = at_least(1, "cord_count", without=("symptomatic_cord_count",))
    facts = Facts(cord_count=cord, symptomatic_cord_count=symptomatic)
    assert condition(facts) is expected


def test_only_facts_that_matter_are_open():
    condition = all_of(
        any_of(TRUE, at_least(1, "cord_count")), any_of(FALSE, at_least(1, "prl_count"))
    )
    # The first half is met whatever the cord is, so only the rim is open.
    assert condition.open_facts(FACTS) == ("prl_count",)
    assert negate(OPEN).open_facts(FACTS) == ("cvs_select_six",)
    assert all_of(FALSE, OPEN).open_facts(FACTS) == ()
    assert condition.facts == ("incidental", "cord_count", "optic_nerve_lesion", "prl_count")


def test_count_met_gives_fewest_and_most():
    assert count_met((TRUE, FALSE, OPEN), FACTS) == (1, 2)


def test_every_fact_has_a_type_and_words():
    assert set(FACT_WORDS) == set(FACT_NAMES)
    assert {field.default for field in fields(Facts)} == {None}


_BARKHOF = {"lesion_count": (0, 8, 9), "periventricular_count": (0, 2, 3), "cord_count": (0, 1, 9)}
MANY = 99
"""More than any known count: tried for unknown counts only."""
_FEW_OR_MANY = (0, 1, 2, MANY)
THRESHOLDS = {
    "mcdonald2005_dis": _BARKHOF,
    "mcdonald2010_dis": {
        "infratentorial_count": _FEW_OR_MANY,
        "cord_count": _FEW_OR_MANY,
        "symptomatic_infratentorial_count": _FEW_OR_MANY,
        "symptomatic_cord_count": _FEW_OR_MANY,
    },
    "mcdonald2017_ppms": {"cord_count": (0, 1, 2)},
    "magnims2016_dis": {"periventricular_count": (0, 2, 3)},
    "mcdonald2024_progressive": {"cord_count": (0, 1, 2)},
    "mcdonald2024_caution": {"age_years": (49, 50)},
    "ris2009": _BARKHOF,
    "ris2023": _BARKHOF,
    "neda4_mri": {"brain_loss_pct_per_year": (-0.1, 0.39, 0.4)},
    "magnims2016_score": {"new_t2_count": (0, 2, 3), "relapse_count": (0, 1, 2)},
    "meda": {"new_t2_count": (0, 1, 2, 3)},
    "modified_rio": {"new_t2_count": (0, 5, 6), "relapse_count": (0, 1, 2)},
    "rio_mri": dict.fromkeys(
        ("combined_unique_active_count", "new_t2_count", "enlarging_count", "followup_gd_count"),
        (0, 1, 2, 3),
    ),
}
"""Values on both sides of every threshold of a rule; 0 and 1 where nothing is said."""
FLAGS = {name for name, kind in FACT_TYPES.items() if kind is bool}
EXHAUSTIVE_UP_TO = 3000
SAMPLE = 2000


def values_of(criterion, name):
    return (False, True) if name in FLAGS else THRESHOLDS.get(criterion.name, {}).get(name, (0, 1))


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.name)
def test_open_just_where_both_outcomes_can_be_reached(criterion):
    names = criterion.condition.facts
    values = [values_of(criterion, name) for name in names]
    outcomes = [
        criterion.condition(Facts(**dict(zip(names, full, strict=True))))
        for full in product(*values)
    ]
    assert set(outcomes) == {True, False}, (  # full facts decide
        f"Add values on both sides of each threshold of {criterion.name} to THRESHOLDS"
    )
    grid = np.array(outcomes).reshape([len(of_fact) for of_fact in values])  # an axis a fact
    rng = np.random.default_rng(0)
    choices = [(*(i for i, v in enumerate(of) if v != MANY), None) for of in values]
    if np.prod([len(choice) for choice in choices]) <= EXHAUSTIVE_UP_TO:
        partial = product(*choices)
    else:
        partial = ([c[rng.integers(len(c))] for c in choices] for _ in range(SAMPLE))
    for picked in partial:
        reachable = set(grid[tuple(slice(None) if i is None else i for i in picked)].ravel())
        known = {
            name: of_fact[index]
            for name, of_fact, index in zip(names, values, picked, strict=True)
            if index is not None
        }
        verdict = evaluate_criterion(criterion, Facts(**known))
        expected = None if len(reachable) == 2 else bool(reachable.pop())
        assert verdict.met is expected, known
        assert set(verdict.facts_used) == set(known)
        assert set(verdict.missing) <= set(names) - set(known)
        assert bool(verdict.missing) == (expected is None)


def test_every_rule_is_declared_once_with_source_and_evidence():
    assert len(CRITERIA) == len(CRITERIA_BY_NAME)
    for criterion in CRITERIA:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", criterion.name)
        assert any(mark in criterion.source for mark in ("10.", "PMID", "PMC")), criterion.name
        assert criterion.evidence
        assert set(criterion.condition.facts) <= set(FACT_NAMES)
        for points in criterion.score_conditions:
            assert set(points.facts) <= set(criterion.condition.facts)


def test_borderline_if_another_setting_changes_the_verdict():
    rule = CRITERIA_BY_NAME["mcdonald2017_dis"]
    facts = Facts(
        periventricular_count=1, juxtacortical_count=1, intracortical_count=0,
        infratentorial_count=0, cord_count=0,
    )  # fmt: skip
    none = Facts(
        periventricular_count=0, juxtacortical_count=1, intracortical_count=0,
        infratentorial_count=0, cord_count=0,
    )  # fmt: skip
    assert evaluate_criterion(rule, facts).borderline is None
    assert evaluate_criterion(rule, facts).periventricular_only_caps is None
    same = evaluate_criterion(rule, facts, alternatives={"if contact is 3 mm": facts})
    assert (same.borderline, same.periventricular_only_caps) == (False, False)
    other = evaluate_criterion(
        rule, facts, alternatives={"if contact is 1.5 mm": none, WITHOUT_CAPS: facts}
    )
    assert (other.borderline, other.periventricular_only_caps) == (True, False)
    assert "The verdict changes if contact is 1.5 mm." in other.sentence
    caps = evaluate_criterion(
        rule, facts, alternatives={"if contact is 3 mm": facts, WITHOUT_CAPS: none}
    )
    assert (caps.borderline, caps.periventricular_only_caps) == (False, True)


def test_sentences_name_what_is_missing_and_no_diagnosis():
    verdict = evaluate_criterion(CRITERIA_BY_NAME["magnims2016_score"], Facts(relapse_count=0))
    assert verdict.sentence == (
        "MAGNIMS score of 1 or more: not assessable; not known: new T2 lesions. Score 0 to 1. "
        "MRI part only; requires clinical and laboratory context and exclusion of better "
        "explanations."
    )
    for criterion in CRITERIA:
        sentence = evaluate_criterion(criterion, Facts()).sentence
        for word in ("PIRA", "diagnos", "has multiple sclerosis", "patient"):
            assert word not in sentence


def test_modified_rio_takes_another_threshold():
    facts = Facts(new_t2_count=5, relapse_count=0)
    assert evaluate_criterion(modified_rio(), facts).met is False
    assert evaluate_criterion(modified_rio(new_lesions=4), facts).met is True
