"""The panel of veins and rims: every rule with its numerator and denominator."""

import pytest

from mslesion.criteria import VEIN_RULES, Facts, VisitRows, facts_of_visit
from mslesion.criteria.panels.susceptibility import susceptibility_panel
from mslesion.criteria.rows import panel_rows
from mslesion.schema.ratings import LesionRating


def by_domain(rows):
    return {row.domain: row for row in rows}


def test_nothing_rated_is_no_panel():
    assert susceptibility_panel(Facts(), rated={}) == []
    listed = (LesionRating(lesion=1, gd=True),)
    assert susceptibility_panel(Facts(), rated={}, rated_lesions=listed) == []
    assert "susceptibility" not in {row["panel"] for row in panel_rows(VisitRows(visit={}))}


@pytest.mark.parametrize(
    ("count", "state", "category"),
    [(0, "not seen", "0"), (1, "present", "1-3"), (4, "present", "4 or more")],
)
def test_rims(count, state, category):
    (row,) = susceptibility_panel(Facts(prl_count=count), rated={})
    assert (row.domain, row.state, row.value) == ("paramagnetic rim lesions", state, count)
    assert row.text.startswith(f"Category {category}.")
    assert "recalled, not confirmed" in row.text


def test_every_rule_by_a_list():
    """7 with, 2 without, 1 not rated, 1 not eligible: 7 of 10."""
    listed = [LesionRating(cvs=True)] * 7 + [LesionRating(cvs=False)] * 2
    listed += [LesionRating(), LesionRating(eligible=False, exclusion_reason="confluent")]
    rows = by_domain(susceptibility_panel(Facts(), rated={}, rated_lesions=listed))
    assert len(rows) == len(VEIN_RULES)
    for row in rows.values():
        assert (row.state, row.value) == ("met", 7)
        assert row.text.startswith("7 of 10 eligible lesions have a central vein; 1 not rated")
        assert "performance: " in row.text
        assert row.evidence
        assert row.threshold
    assert "fewer than" not in rows["central vein sign, share 40"].text


def test_unrated_lesions_leave_a_rule_open():
    """2 with, 4 not rated: 2 to 6 with a vein."""
    listed = [LesionRating(cvs=True)] * 2 + [LesionRating()] * 4
    rows = by_domain(susceptibility_panel(Facts(), rated={}, rated_lesions=listed))
    assert rows["central vein sign, count 3"].state == "not assessable"
    assert rows["central vein sign, count 3"].confidence is None


def test_counts_stand_in_for_a_list():
    rated = {"cvs_positive_count": 2, "cvs_eligible_count": 6}
    rows = by_domain(susceptibility_panel(Facts(lesion_count=20), rated=rated))
    share = rows["central vein sign, share 40"]
    assert (share.state, share.value) == ("not met", 2)  # a third
    text = "2 of 6 eligible lesions have a central vein; fewer than 10 eligible lesions"
    assert text in share.text
    assert susceptibility_panel(Facts(), rated={"cvs_positive_count": 2}) == []


@pytest.mark.parametrize(
    ("listed", "count"),
    [([True, None], 1), ([False, False], 0), ([False, None], None), ([], None)],
)
def test_enhancing_lesions_of_a_list(listed, count):
    """As for rims: none is known only if all were rated."""
    rated = tuple(LesionRating(lesion=n, gd=gd) for n, gd in enumerate(listed, start=1))
    facts = facts_of_visit(VisitRows(visit={"lesion_count": 5}, rated_lesions=rated))
    assert facts.gd_count == count
    assert facts.non_enhancing_count == (None if count is None else 5 - count)


def test_a_count_goes_before_a_list():
    rated = (LesionRating(lesion=1, gd=True),)
    facts = facts_of_visit(VisitRows(visit={}, rated={"gd_count": 3}, rated_lesions=rated))
    assert facts.gd_count == 3


def test_candidates_are_no_fact():
    """What the scans show as candidates is reported, and no rule takes it."""
    given = VisitRows(visit={"enhancing_candidate_count": 2})
    assert facts_of_visit(given).gd_count is None
    rows = {row["domain"]: row for row in panel_rows(given)}
    row = rows["contrast-enhancing candidates"]
    assert (row["state"], row["value"]) == ("reported", 2)
    assert "no rule uses them" in row["text"]
    assert rows["contrast-enhancing lesions"]["state"] == "not assessable"
