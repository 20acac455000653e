"""Criteria from facts: what can be given, what comes back, and every error."""

import re

import numpy as np
import pandas as pd
import pytest

import mslesion as ms
from mslesion.criteria import CRITERIA
from mslesion.criteria.facts import (
    FACT_NAMES,
    FACT_RANGES,
    FACT_TYPES,
    FACT_WORDS,
    with_implied_facts,
)
from mslesion.errors import SettingsError, TableError
from mslesion.schema.changes import CHANGES
from mslesion.schema.columns import check_table
from mslesion.schema.criteria import CRITERIA as CRITERIA_TABLE
from mslesion.schema.ratings import COLUMN_BY_NAME
from mslesion.schema.visits import VISITS

TWO_REGIONS = {
    "periventricular_count": 1, "juxtacortical_count": 1, "intracortical_count": 0,
    "infratentorial_count": 0,
}  # fmt: skip
ONE_REGION = TWO_REGIONS | {"juxtacortical_count": 0}
DIS = "mcdonald2017_dis"


def verdicts(table):
    return list(table["met"])


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (TWO_REGIONS, "met"),
        (ONE_REGION, "not assessable"),  # the cord may be the second region
        (ONE_REGION | {"cord_count": 0}, "not met"),
        ({}, "not assessable"),
    ],
)
def test_three_values(facts, expected):
    table = ms.evaluate_criteria(facts, DIS)
    check_table(table, CRITERIA_TABLE)
    assert verdicts(table) == [expected]
    assert verdicts(ms.evaluate_criteria(ms.Facts(**facts), [DIS])) == [expected]


def test_all_rules_by_default():
    table = ms.evaluate_criteria(TWO_REGIONS)
    check_table(table, CRITERIA_TABLE)
    assert list(table["rule"]) == [criterion.name for criterion in CRITERIA]
    assert list(table["position"]) == list(range(1, len(CRITERIA) + 1))
    assert table["session_from"].isna().all()
    assert table["borderline"].isna().all()
    assert (table["changes_if"] == "").all()


def test_provisional_rules_are_marked():
    table = ms.evaluate_criteria({}).set_index("rule")
    assert set(table.index[table["provisional"]]) == {
        "mcdonald2024_four_regions", "mcdonald2024_two_regions", "mcdonald2024_one_region",
        "mcdonald2024_progressive", "mcdonald2024_incidental", "mcdonald2024_caution",
        "mcdonald2005_dis", "rio_mri",
    }  # fmt: skip
    for _, row in table.iterrows():
        assert ("(provisional): " in row["sentence"]) == row["provisional"]


def test_chosen_rules_come_in_their_order_and_once():
    table = ms.evaluate_criteria({}, ["ris2023", DIS, "ris2023"])
    assert list(table["rule"]) == [DIS, "ris2023"]
    assert list(table["position"]) == [3, 15]


def test_rows_of_a_frame_in_the_order_given():
    frame = pd.DataFrame(
        [
            {"participant_id": "02", "session_id": "b"} | ONE_REGION | {"cord_count": 0},
            {"participant_id": "01", "session_id": None} | TWO_REGIONS,
            {"participant_id": "sub-02", "session_id": "ses-a"} | ONE_REGION,
        ]
    )
    assert frame["cord_count"].dtype == float  # NaN is not known
    table = ms.evaluate_criteria(frame, ["mcdonald2024_dis", DIS])
    check_table(table, CRITERIA_TABLE)
    assert list(table["participant_id"]) == ["sub-02"] * 2 + ["sub-01"] * 2 + ["sub-02"] * 2
    assert list(table["session_id"].fillna("")) == ["ses-b"] * 2 + [""] * 2 + ["ses-a"] * 2
    assert list(table["rule"]) == [DIS, "mcdonald2024_dis"] * 3
    assert verdicts(table)[::2] == ["not met", "met", "not assessable"]


def test_a_sequence_without_labels():
    table = ms.evaluate_criteria([TWO_REGIONS, ms.Facts(**ONE_REGION)], DIS)
    assert verdicts(table) == ["met", "not assessable"]
    assert table["participant_id"].isna().all()


@pytest.mark.parametrize(
    ("facts", "rules", "count"),
    [([], None, 0), (pd.DataFrame(), None, 0), ({}, [], 0), ({}, None, len(CRITERIA))],
)
def test_nothing_gives_an_empty_table(facts, rules, count):
    table = ms.evaluate_criteria(facts, rules)
    check_table(table, CRITERIA_TABLE)
    assert len(table) == count


@pytest.mark.parametrize("value", [None, float("nan"), np.nan, pd.NA, np.float32("nan")])
def test_missing_values_are_not_known(value):
    table = ms.evaluate_criteria(ONE_REGION | {"cord_count": value}, DIS)
    assert list(table["missing"]) == ["cord_count"]
    assert ms.Facts(cord_count=value, incidental=value, age_years=value) == ms.Facts()


def test_plain_types_are_made():
    facts = ms.Facts(
        cord_count=np.int64(2), prl_count=3.0, age_years=40, incidental=np.True_,
        brain_loss_pct_per_year=np.float32(0.5),
    )  # fmt: skip
    types = {name: type(getattr(facts, name)) for name in ("cord_count", "prl_count", "age_years")}
    assert types == {"cord_count": int, "prl_count": int, "age_years": float}
    assert facts.incidental is True
    assert facts.brain_loss_pct_per_year == 0.5


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("cord_count", -1, "has cord_count = -1, but a count is a whole number of 0 or more"),
        ("cord_count", np.int64(-1), "has cord_count = -1, but"),
        ("cord_count", 1.5, "has cord_count = 1.5, but a count"),
        ("cord_count", float("inf"), "has cord_count = inf, but a count"),
        ("cord_count", True, "has cord_count = True, but a count"),
        ("cord_count", "2", "has cord_count = '2', but a count"),
        ("cord_count", [2], r"has cord_count = \[2\], but a count"),
        ("age_years", 300, "has age_years = 300, but this fact is a number from 0 to 120"),
        ("age_years", -0.1, "has age_years = -0.1, but"),
        ("brain_loss_pct_per_year", 100.1, ".* but this fact is a number from -100 to 100"),
        ("brain_loss_pct_per_year", False, "has brain_loss_pct_per_year = False, but"),
        ("incidental", "yes", "has incidental = 'yes', but this fact is either True or False"),
        ("incidental", 1, "has incidental = 1, but this fact is either True or False"),
    ],
)
def test_impossible_values(name, value, expected):
    action = r".*\. Correct the value, or give None if it is not known\.$"
    with pytest.raises(TableError, match="^Facts " + expected + action):
        ms.Facts(**{name: value})
    with pytest.raises(TableError, match="^facts " + expected + action):
        ms.evaluate_criteria({name: value})


@pytest.mark.parametrize(("name", "bounds"), FACT_RANGES.items())
def test_ends_of_a_range_are_possible(name, bounds):
    for value in bounds:
        assert getattr(ms.Facts(**{name: value}), name) == value


def test_the_row_of_a_wrong_value_is_named():
    with pytest.raises(TableError, match=r"^facts, row 1 has cord_count = 0\.5"):
        ms.evaluate_criteria(pd.DataFrame({"cord_count": [1, 0.5]}))
    with pytest.raises(TableError, match=r"^facts\[1\] has cord_count = -2"):
        ms.evaluate_criteria([{"cord_count": 1}, {"cord_count": -2}])


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"lesion_count": 2, "periventricular_count": 2, "infratentorial_count": 1},
            "periventricular_count = 2 + infratentorial_count = 1, but at most lesion_count = 2",
        ),
        ({"lesion_count": 2, "non_enhancing_count": 3}, "non_enhancing_count = 3, but at most"),
        ({"cord_count": 1, "symptomatic_cord_count": 2}, "symptomatic_cord_count = 2, but at m"),
        ({"incidental": True, "relapse_count": 1}, "relapse_count = 1, but incidental = True exc"),
        ({"incidental": True, "progression_12_months": True}, "progression_12_months = True, but"),
    ],
)
def test_facts_that_cannot_be_true_together(facts, expected):
    with pytest.raises(TableError, match="^facts has " + re.escape(expected)):
        ms.evaluate_criteria(facts)
    with pytest.raises(TableError, match=r"^facts\[1\] has " + re.escape(expected)):
        ms.evaluate_criteria([{}, facts])


def test_facts_that_just_can_be_true_together():
    ms.evaluate_criteria(
        {"lesion_count": 3, "periventricular_count": 2, "juxtacortical_count": 1,
         "non_enhancing_count": 3, "cord_count": 1, "symptomatic_cord_count": 1,
         "incidental": False, "relapse_count": 1},
        DIS,
    )  # fmt: skip
    ms.evaluate_criteria({"incidental": True, "relapse_count": 0}, DIS)


def test_unknown_fact():
    with pytest.raises(TableError, match=r"^facts has 'cord_lesions', but no fact") as caught:
        ms.evaluate_criteria({"cord_lesions": 1})
    assert "Give only participant_id and session_id, and facts: lesion_count, " in str(caught.value)
    with pytest.raises(TableError, match="did you mean 'cord_count'"):
        ms.evaluate_criteria(pd.DataFrame({"cord_counts": [1]}))


@pytest.mark.parametrize(
    ("rules", "found"),
    [("mcdonald2017_diss", "'mcdonald2017_diss'"), ([DIS, 3], "3"), (3, "3"), ([[DIS]], r"\[.*\]")],
)
def test_unknown_rule(rules, found):
    with pytest.raises(SettingsError, match=f"^rules has {found}, but no rule has") as caught:
        ms.evaluate_criteria({}, rules)
    assert "Give one or several of: mcdonald2005_dis, " in str(caught.value)
    with pytest.raises(SettingsError, match=r"\(did you mean 'ris2023'\?\)"):
        ms.evaluate_criteria({}, "ris_2023")


@pytest.mark.parametrize(("facts", "place"), [(5, "facts"), ("x", "facts"), ([5], r"facts\[0\]")])
def test_what_is_no_facts(facts, place):
    with pytest.raises(TableError, match=f"^{place} is of type .*, but facts of a visit are exp"):
        ms.evaluate_criteria(facts)


def test_a_visit_twice():
    rows = [{"participant_id": "01"}, {"participant_id": "sub-01"}]
    with pytest.raises(TableError, match=r"^facts\[1\] has participant_id = 'sub-01' and session_"):
        ms.evaluate_criteria(rows)


def test_a_column_twice():
    frame = pd.DataFrame([[1, 2]], columns=["cord_count", "cord_count"])
    with pytest.raises(TableError, match="has the column 'cord_count' twice, but each fact"):
        ms.evaluate_criteria(frame)


def test_labels_are_text():
    with pytest.raises(TableError, match="has participant_id = 1, but a label is text"):
        ms.evaluate_criteria({"participant_id": 1})


def test_facts_that_follow_from_others():
    facts = with_implied_facts(ms.Facts(lesion_count=5, gd_count=2, new_t2_count=1))
    assert (facts.non_enhancing_count, facts.followup_gd_count) == (3, 2)
    assert facts.combined_unique_active_count is None  # two enhance: new ones may be the same
    facts = with_implied_facts(ms.Facts(gd_count=0, new_t2_count=1, enlarging_count=2))
    assert (facts.followup_gd_count, facts.combined_unique_active_count) == (0, 3)
    assert with_implied_facts(ms.Facts(gd_count=1)).followup_gd_count is None  # no earlier visit
    assert with_implied_facts(ms.Facts(lesion_count=1, gd_count=2)).non_enhancing_count == 0
    facts = with_implied_facts(ms.Facts(incidental=True, symptomatic_cord_count=1))
    assert (facts.symptomatic_infratentorial_count, facts.symptomatic_cord_count) == (0, 1)
    assert with_implied_facts(ms.Facts(incidental=False)) == ms.Facts(incidental=False)


def test_implied_facts_reach_the_rules():
    rules = ["mcdonald2017_dit", "neda3_mri"]
    facts = {"lesion_count": 9, "gd_count": 1}
    assert verdicts(ms.evaluate_criteria(facts, rules)) == ["met", "not assessable"]
    facts = {"gd_count": 0, "new_t2_count": 0, "enlarging_count": 0}
    assert verdicts(ms.evaluate_criteria(facts, "neda3_mri")) == ["met"]


def test_facts_are_named_like_columns():
    """A fact that a table or a rating holds has its name; the rest belong to the rules alone."""
    columns = {*VISITS.names, *CHANGES.names, *COLUMN_BY_NAME}
    assert set(FACT_NAMES) - columns == {
        "non_enhancing_count", "followup_gd_count", "brain_loss_pct_per_year", "cvs_select_six",
    }  # fmt: skip
    assert set(FACT_NAMES) == set(FACT_WORDS) == set(FACT_TYPES)
    numbers = {name for name, kind in FACT_TYPES.items() if kind is float}
    assert numbers == set(FACT_RANGES)
