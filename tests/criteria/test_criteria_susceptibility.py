"""Counting rules of central veins and paramagnetic rims."""

import pytest

from mslesion.criteria import VEIN_RULES, apply_vein_rule, count_veins, rim_category
from mslesion.criteria.rules.susceptibility import VeinCounts
from mslesion.schema.ratings import LesionRating

RULES = {rule.name: rule for rule in VEIN_RULES}
Y, N, U = True, False, None


def result(rule, positive, negative, unrated=0, total=None):
    counts = VeinCounts(positive=positive, negative=negative, unrated=unrated, total=total)
    return apply_vein_rule(RULES[rule], counts)


@pytest.mark.parametrize(
    ("rule", "counts", "expected"),
    [
        # 40 %: inclusive, as whole numbers: 5 * 4 >= 2 * 10
        ("share_40", (4, 6), Y),
        ("share_40", (3, 7), N),
        ("share_40", (2, 3), Y),
        ("share_40", (39, 61), N),
        ("share_40", (0, 0), U),  # no eligible lesion
        ("share_40", (4, 5, 1), Y),  # 4 of 10 even if the last is negative
        ("share_40", (3, 6, 1), U),  # 3 or 4 of 10
        ("share_40", (2, 7, 1), N),
        ("count_3", (2, 20), N),
        ("count_3", (3, 20), Y),
        ("count_3", (2, 20, 1), U),
        ("select_3", (3, 0), Y),
        ("select_6", (5, 0), N),
        ("select_6", (6, 9), Y),
        # rule of six: 6, or more with than without
        ("mistry_6", (6, 30), Y),
        ("mistry_6", (5, 4), Y),
        ("mistry_6", (5, 5), N),
        ("mistry_6", (0, 0), N),
        # select six of 2024: the majority counts only under 10 lesions in total
        ("select_six_2024", (6, 30, 0, 36), Y),
        ("select_six_2024", (5, 4, 0, 9), Y),
        ("select_six_2024", (5, 4, 0, 10), N),
        ("select_six_2024", (4, 4, 0, 9), N),
        ("select_six_2024", (5, 4, 0, None), U),
        ("select_six_2024", (4, 5, 0, None), N),
        ("select_six_2024", (6, 0, 0, None), Y),
        ("select_six_2024", (5, 5, 1, 11), U),
        ("select_six_2024", (4, 3, 1, 8), U),  # 4 to 4, or 5 to 3
        ("select_six_2024", (4, 2, 1, 8), Y),
    ],
)
def test_rule(rule, counts, expected):
    found = result(rule, *counts)
    assert found.met is expected
    assert found.numerator == counts[0]
    assert found.denominator == sum(counts[:3])


def test_shares_of_few_lesions_are_flagged():
    assert result("share_40", 4, 5).note == "fewer than 10 eligible lesions"
    assert result("share_40", 4, 6).note == ""
    assert result("count_3", 3, 0).note == ""


def test_count_leaves_out_what_is_not_eligible():
    lesions = [
        LesionRating(cvs=True),
        LesionRating(cvs=True, eligible=True),
        LesionRating(cvs=False),
        LesionRating(),
        LesionRating(eligible=False, exclusion_reason="confluent"),
    ]
    counts = count_veins(lesions)
    assert counts == VeinCounts(positive=2, negative=1, unrated=1, total=5)
    assert counts.eligible == 4


def test_empty_list_has_no_lesion():
    assert count_veins([]) == VeinCounts(positive=0, negative=0, unrated=0, total=0)


@pytest.mark.parametrize(
    ("count", "category"), [(0, "0"), (1, "1-3"), (3, "1-3"), (4, "4 or more")]
)
def test_rim_category(count, category):
    assert rim_category(count) == category
