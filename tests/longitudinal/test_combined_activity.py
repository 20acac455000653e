"""Enhancing, new and enlarging lesions, each counted once, as far as a rater tells."""

import pandas as pd
import pytest

from mslesion.longitudinal.lesions.combined_activity import count_active, with_active_counts
from mslesion.schema import CHANGES, LESION_CHANGES, RATED_LESIONS, as_table
from mslesion.schema.ratings import Ratings

PAIR = {"participant_id": "01", "session_from": "1", "session_to": "2"}


def lesion(group, event, to, size="", *, small=False):
    return PAIR | {
        "group_id": group, "change": event, "lesions_to": to, "size_change": size or None,
        "is_under_floor": small,
    }  # fmt: skip


LESIONS = [
    lesion(1, "new", "4"),
    lesion(2, "new", "5", small=True),
    lesion(3, "merged", "1+2", "enlarging"),
    lesion(4, "stable", "3", "stable"),
    lesion(5, "resolved", None),
]
"""Two active lesions: the new one number 4, and the enlarging ones 1 and 2."""


def counted(*rated, known=2, sessions=("1", "2"), **facts):
    """The count of a pair; `rated` are (our lesion, whether it enhances)."""
    ends = dict(zip(("session_from", "session_to"), sessions, strict=True))
    changes = as_table([PAIR | ends | {"new_or_enlarging_count": known}], CHANGES)
    end = sessions[1]
    rows = [
        {"participant_id": "01", "session_id": end, "position": n, "lesion_id": own, "gd": gd}
        for n, (own, gd) in enumerate(rated, start=1)
    ]
    found = with_active_counts(
        changes,
        lesion_changes=as_table([row | ends for row in LESIONS], LESION_CHANGES),
        rated=as_table(rows, RATED_LESIONS),
        ratings=Ratings({("01", end or ""): facts}, {}),
    )
    as_table(found.to_dict("records"), CHANGES)  # the column keeps its type
    value = found["combined_unique_active_count"].iloc[0]
    return None if pd.isna(value) else value


@pytest.mark.parametrize(
    ("rated", "facts", "expected"),
    [
        ((), {}, None),  # nobody looked
        ((), {"gd_count": 0}, 2),
        ((), {"gd_count": 1}, None),  # is it one of the two?
        (((4, True),), {}, 2),  # the new one enhances: counted once
        (((2, True),), {}, 2),  # so does a part of the enlarging one
        (((3, True),), {}, 3),  # a stable one that enhances is active too
        (((None, True),), {}, 3),  # and one that is in no lesion map
        (((3, True), (4, True)), {"gd_count": 2}, 3),
        (((3, False),), {}, 2),
        (((3, True), (4, None)), {}, None),  # one is not rated
        (((3, True), (4, None)), {"gd_count": 1}, 3),  # but the count says it does not
        (((3, True),), {"gd_count": 2}, None),  # one more, not listed
    ],
)
def test_count(rated, facts, expected):
    assert counted(*rated, **facts) == expected


def test_both_are_in_no_map(monkeypatch):
    """Scans show a new lesion that no map has, a rater one that enhances: the same?"""
    monkeypatch.setitem(LESIONS[0], "lesions_to", None)
    assert counted((None, True)) is None
    assert counted((3, True)) == 3


@pytest.mark.parametrize("sessions", [(None, "2"), ("1", None)])
def test_a_visit_without_label(sessions):
    assert counted(gd_count=0, sessions=sessions) == 2
    assert counted((3, True), sessions=sessions) == 3


def test_lesion_change_that_is_not_assessable():
    assert counted(known=None, gd_count=0) is None


def test_no_lesions():
    assert count_active([], []) == 0


def test_no_pairs():
    empty = as_table([], CHANGES)
    found = with_active_counts(
        empty,
        lesion_changes=as_table([], LESION_CHANGES),
        rated=as_table([], RATED_LESIONS),
        ratings=Ratings(),
    )
    assert len(found) == 0
    assert list(found.columns) == list(empty.columns)
