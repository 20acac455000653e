"""The order of sessions: labels that say it, and labels that do not."""

from datetime import date
from itertools import combinations, permutations

import pytest

from mslesion.schema.session_order import order_of_labels, why_order_is_unknown

DAY, LATER = date(2020, 1, 1), date(2021, 1, 1)


@pytest.mark.parametrize(
    "expected",
    [
        ["1"],
        ["1", "2", "10"],
        ["01", "02"],
        ["M00", "M06", "M12"],
        ["m6", "M12"],
        ["12M", "24M"],
        ["2019", "2021"],
        ["20190401", "20200102"],
        ["201904011230", "201904011800"],
        ["20190401A", "20200102A"],
        ["3T1", "3T2"],
        ["01Jan2019", "15Jan2019"],
        ["bl", "m06", "m12"],
        ["bl", "v1m06", "v1m12"],
        ["bl", "010119"],  # whatever the number means
        ["BL", "FU"],
        ["baseline", "followup"],
        ["baseline", "followup1", "followup2"],
        ["baseline", "M12"],
        ["screening", "baseline", "2"],
        ["screening", "1", "2"],
        ["screening", "baseline"],
        ["pre", "post"],
        ["Pre", "Post"],
        ["pre", "post1", "post2"],
        ["post1", "post2"],
        ["screening", "pre", "post"],
        ["", "2"],
        ["", "2", "3"],
    ],
    ids="-".join,
)
def test_labels_that_say_the_order(expected):
    for given in permutations(expected):
        assert order_of_labels(given) == expected


def test_some_of_the_visits_have_the_same_order():
    """A visit that comes later, or is left out, does not turn the others round."""
    labels = ["screening", "bl", "v1m06", "v1m12", "v1m24"]
    for some in (part for n in range(1, 5) for part in combinations(labels, n)):
        assert order_of_labels(some[::-1]) == list(some)


@pytest.mark.parametrize(
    "labels",
    [
        ("a", "b"),
        ("before", "after"),
        ("1", "01"),  # the same number
        ("1", "M2"),
        ("M12", "Y2"),
        ("01Jan2019", "05Feb2018"),
        ("01Jan2019", "05Jan2018"),  # two numbers differ
        ("25122018", "01012020"),  # no YYYYMMDD
        ("20191301", "20200101"),  # no month 13
        ("31122099", "21009999"),
        ("010119", "050118"),  # 6 digits: of either order
        ("2020", "20190101"),
        ("3T", "7T"),
        ("15T", "3T"),
        ("baseline", "bl"),
        ("baseline", "pre", "post"),
        ("pre", "2"),
        ("pre", "followup"),
        ("pre", "1", "2"),
        ("followup", "post"),
        ("bl", "fu", "fu2"),
        ("baseline", "scanA"),
        ("", "1"),  # the one without label may be later
        ("", "post"),
        ("", "baseline"),
    ],
    ids="-".join,
)
def test_labels_that_do_not(labels):
    for given in permutations(labels):
        assert order_of_labels(given) is None


def test_why_a_pair_has_no_order():
    assert why_order_is_unknown(("1", "2"), (None, None)) == ""
    assert why_order_is_unknown(("b", "a"), (DAY, LATER)) == ""
    assert why_order_is_unknown(("b", "a"), (LATER, DAY)) == ""  # a check of its own
    assert why_order_is_unknown(("b", "a"), (DAY, None)) == (
        "a date is missing, and the labels b and a do not say which came first"
    )
    assert why_order_is_unknown(("", "a"), (None, None)) == (
        "a date is missing, and the labels (none) and a do not say which came first"
    )
    assert why_order_is_unknown(("post", "pre"), (None, DAY)) == (
        "a date is missing, and the labels post and pre say that pre came first"
    )
