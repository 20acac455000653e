"""Visits of which it is not known which came first are not compared."""

from datetime import date

import pair_phantoms
import pandas as pd
import pytest

from mslesion.longitudinal import pair as pair_steps
from mslesion.longitudinal.alignment import placing
from mslesion.pipeline.pair.compare import compare_visits


@pytest.fixture
def still(monkeypatch):
    """The heads did not move: stands for the registration."""
    monkeypatch.setattr(placing, "find_frame", pair_phantoms.still_frame)
    monkeypatch.setattr(pair_steps, "refine_frame", lambda found, *_: found)


def of_sessions(sessions, days=(None, None)):
    """A comparison of two visits as arrays."""
    pair = [
        pair_phantoms.visit(seed=seed, session=session, day=day)
        for seed, (session, day) in enumerate(zip(sessions, days, strict=True))
    ]
    return compare_visits(*pair)


@pytest.mark.parametrize(
    ("sessions", "says"),
    [
        (("scanA", "scanB"), "the labels scanA and scanB do not say which came first"),
        (("post", "pre"), "the labels post and pre say that pre came first"),
    ],
)
def test_no_change_without_a_known_order(sessions, says):
    found = of_sessions(sessions)
    row = found.changes.iloc[0]
    reason = (
        f"a date is missing, and {says}: give the dates of both visits, such as acq_time in "
        "sessions.tsv"
    )
    assert not row["change_assessable"]
    assert not row["brain_change_assessable"]
    assert row["change_reason"] == row["brain_change_reason"] == reason
    assert row.isna()[["new_t2_count", "pbvc_pct", "pvvc_pct", "thalamus_change_pct"]].all()
    assert len(found.lesions) == len(found.expansions) == 0
    check = found.quality.set_index("check").loc["visit_order_unknown"]
    assert (check["state"], row["quality_state"]) == ("fail", "fail")
    assert check["detail"].startswith("Add the dates of the visits")


@pytest.mark.parametrize(
    ("sessions", "days"),
    [
        (("scanB", "scanA"), (date(2020, 1, 1), date(2021, 1, 1))),
        (("pre", "post"), (None, None)),
        (("", ""), (None, None)),  # the caller's order: 1 and 2
    ],
)
def test_change_with_a_known_order(sessions, days, still):
    found = of_sessions(sessions, days)
    assert found.changes["brain_change_assessable"][0]
    check = found.quality.set_index("check").loc["visit_order_unknown"]
    assert check["state"] == "pass"


def test_days_that_fall_are_not_compared(still):
    found = of_sessions(("scanB", "scanA"), (date(2021, 1, 1), date(2020, 1, 1)))
    row = found.changes.iloc[0]
    assert row["change_reason"].startswith("days between the visits: -366 d")
    assert pd.isna(row["pbvc_pct"])
