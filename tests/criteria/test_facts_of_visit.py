"""From table rows to facts."""

import numpy as np
import pandas as pd
import pytest

from mslesion.criteria import WITHOUT_CAPS, VisitRows, alternatives_of_visit, facts_of_visit
from mslesion.criteria.facts_of_visit import count_lesions, known
from mslesion.schema.ratings import LesionRating


def lesion(location, *, centers=1, ventricle=20.0, cortex=20.0, cap=False):
    return {
        "location": location, "center_count": centers, "ventricle_distance_mm": ventricle,
        "cortex_distance_mm": cortex, "is_cap_like": cap,
    }  # fmt: skip


LESIONS = [
    lesion("periventricular", centers=3, ventricle=1.0),
    lesion("periventricular", ventricle=1.8, cap=True),
    lesion("juxtacortical", cortex=2.0),
    lesion("intracortical", cortex=0.0),
    lesion("infratentorial", centers=2, ventricle=1.0),
    lesion("deep_white", ventricle=2.5, cortex=2.8),
    lesion("deep_grey"),
]


def counts(**options):
    found = count_lesions(LESIONS, **options)
    return tuple(found.values())


def test_counts_by_centres_components_and_contact():
    # t2, periventricular, juxtacortical, intracortical, infratentorial
    assert counts() == (10, 4, 1, 1, 2)
    assert counts(by_centers=False) == (7, 2, 1, 1, 1)
    assert counts(with_caps=False) == (9, 3, 1, 1, 2)
    # at 1.5 mm the lesion at 1.8 and the one at 2.0 touch no more
    assert counts(contact_mm=1.5) == (10, 3, 0, 1, 2)
    # at 3 mm the deep lesion touches both; the ventricle is nearer
    assert counts(contact_mm=3.0) == (10, 5, 1, 1, 2)
    assert counts(contact_mm=2.0) == (10, 4, 1, 1, 2)  # 2.0 mm is inclusive


def test_a_lesion_that_touches_both_keeps_its_class():
    both = lesion("juxtacortical", ventricle=1.0, cortex=1.2)
    assert count_lesions([both], contact_mm=1.5)["juxtacortical_count"] == 1
    assert count_lesions([both], contact_mm=1.0)["periventricular_count"] == 1


def test_lesions_without_location_leave_regions_open():
    found = count_lesions([lesion("periventricular"), lesion(None), lesion("juxtacortical")])
    assert found["lesion_count"] == 3
    assert found["periventricular_count"] is None
    assert found["juxtacortical_count"] is None


def test_no_lesions_are_no_lesions():
    assert set(count_lesions([]).values()) == {0}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64("nan"), None), (pd.NA, None), (None, None), (np.int64(3), 3),
        (np.False_, False), ("x", "x"),
    ],
)  # fmt: skip
def test_known(value, expected):
    assert known({"a": value}, "a") is expected or known({"a": value}, "a") == expected
    assert type(known({"a": value}, "a")) is type(expected)


def test_known_tolerates_absence():
    assert known({}, "a") is None
    assert known(None, "a") is None


def test_visit_counts_stand_in_for_lesion_rows():
    visit = {
        "lesion_count": 4,
        "periventricular_count": 2,
        "juxtacortical_count": 1,
        "intracortical_count": 0,
        "infratentorial_count": np.nan,
    }
    facts = facts_of_visit(VisitRows(visit=visit))
    assert (facts.lesion_count, facts.periventricular_count) == (4, 2)
    assert facts.infratentorial_count is None
    assert alternatives_of_visit(VisitRows(visit=visit)) == {}


def test_alternatives_have_names_and_facts():
    found = alternatives_of_visit(VisitRows(visit={}, lesions=LESIONS, rated={"cord_count": 1}))
    assert list(found) == [
        "if lesions are counted by components", "if contact is 1.5 mm", "if contact is 3 mm",
        WITHOUT_CAPS,
    ]  # fmt: skip
    assert found["if contact is 1.5 mm"].periventricular_count == 3
    assert all(facts.cord_count == 1 for facts in found.values())


def test_settings_without_distances_are_left_out():
    rows = [{"location": "periventricular", "center_count": None}]
    found = alternatives_of_visit(VisitRows(visit={}, lesions=rows))
    assert list(found) == ["if lesions are counted by components", WITHOUT_CAPS]


def test_enhancing_lesions():
    rated = VisitRows(visit={}, lesions=LESIONS, rated={"gd_count": 2})
    facts = facts_of_visit(rated)
    assert (facts.gd_count, facts.non_enhancing_count, facts.followup_gd_count) == (2, 8, None)
    facts = facts_of_visit(VisitRows(visit={}, lesions=LESIONS, rated={"gd_count": 2}, change={}))
    assert facts.followup_gd_count == 2
    assert facts_of_visit(VisitRows(visit={}, lesions=LESIONS)).non_enhancing_count is None


@pytest.mark.parametrize(
    ("change", "gd", "expected"),
    [
        ({"new_t2_count": 2, "enlarging_count": 1}, 0, 3),
        ({"new_t2_count": 2, "enlarging_count": 1}, 1, None),  # may be the same lesions
        ({"new_t2_count": 2, "enlarging_count": 1}, None, None),
        ({"new_t2_count": 2, "enlarging_count": 1, "combined_unique_active_count": 4}, 2, 4),
        ({"new_t2_count": 2}, 0, None),
    ],
)
def test_combined_unique_active_lesions(change, gd, expected):
    rows = VisitRows(visit={}, lesions=[], change=change, rated={"gd_count": gd})
    assert facts_of_visit(rows).combined_unique_active_count == expected


def test_change_that_cannot_be_assessed_is_unknown():
    change = {"new_t2_count": 4, "enlarging_count": 0, "change_assessable": np.False_,
              "pbvc_pct_per_year": -0.5, "pbvc_ci95_low": -0.6, "pbvc_ci95_high": -0.41,
              "interval_years": 2.0}  # fmt: skip
    facts = facts_of_visit(VisitRows(visit={}, lesions=[], change=change))
    assert (facts.new_t2_count, facts.enlarging_count) == (None, None)
    assert facts.brain_loss_pct_per_year == 0.5


@pytest.mark.parametrize(
    ("low", "high", "years", "expected"),
    [
        (-0.6, -0.41, 1.0, 0.5),
        (-0.6, -0.4, 1.0, None),  # the cut-off of NEDA-4 lies in the interval
        (-0.6, -0.41, 0.9, None),  # too short for a cut-off
        (None, None, 1.0, None),  # no error is known
    ],
)
def test_a_brain_loss_that_decides_nothing_is_no_fact(low, high, years, expected):
    change = {"pbvc_pct_per_year": -0.5, "pbvc_ci95_low": low, "pbvc_ci95_high": high,
              "interval_years": years}  # fmt: skip
    facts = facts_of_visit(VisitRows(visit={}, lesions=[], change=change))
    assert facts.brain_loss_pct_per_year == expected


def test_nothing_is_symptomatic_where_lesions_were_found_by_chance():
    facts = facts_of_visit(VisitRows(visit={}, rated={"incidental": True}))
    assert (facts.symptomatic_infratentorial_count, facts.symptomatic_cord_count) == (0, 0)
    assert facts_of_visit(VisitRows(visit={})).symptomatic_cord_count is None


def test_rims_of_a_list():
    def rims(*ratings):
        rated = tuple(LesionRating(prl=rating) for rating in ratings)
        return facts_of_visit(VisitRows(visit={}, rated_lesions=rated)).prl_count

    assert rims() is None
    assert rims(True, False, True) == 2
    assert rims(False, False) == 0
    assert rims(False, None) is None  # the other may have one
    assert rims(True, None) == 1


def test_select_six_by_list_or_by_counts():
    rated = tuple(LesionRating(cvs=True) for _ in range(6))
    assert facts_of_visit(VisitRows(visit={}, rated_lesions=rated)).cvs_select_six is True
    counts = {"cvs_positive_count": 3, "cvs_eligible_count": 5}
    few = [lesion("deep_white")] * 9
    assert facts_of_visit(VisitRows(visit={}, lesions=few, rated=counts)).cvs_select_six is True
    many = [lesion("deep_white")] * 10
    assert facts_of_visit(VisitRows(visit={}, lesions=many, rated=counts)).cvs_select_six is False
    assert facts_of_visit(VisitRows(visit={}, lesions=many)).cvs_select_six is None


def test_age_of_the_visit_goes_before_the_age_of_the_person():
    rows = VisitRows(visit={"age_years": 41.0}, rated={"age_years": 40.0})
    assert facts_of_visit(rows).age_years == 41.0
    assert facts_of_visit(VisitRows(visit={}, rated={"age_years": 40.0})).age_years == 40.0


def test_a_load_unlike_ms_gives_no_fact():
    """Neither counts nor change; what a rater states is kept, and may say otherwise."""
    row = {"lesion_count": 7, "periventricular_count": 2, "flags": "x;load_unlike_ms:warn"}
    change = {"change_assessable": True, "new_t2_count": 1, "pbvc_pct_per_year": -0.5}
    rated = {"cord_count": 1, "gd_count": 2}
    rows = VisitRows(visit=row, lesions=LESIONS, change=change, rated=rated)
    facts = facts_of_visit(rows)
    assert (facts.lesion_count, facts.periventricular_count, facts.new_t2_count) == (None,) * 3
    assert facts.brain_loss_pct_per_year is facts.non_enhancing_count is None
    assert (facts.cord_count, facts.gd_count) == (1, 2)
    assert alternatives_of_visit(rows) == {}
    assert "does not look like multiple sclerosis" in rows.doubt
    excluded = VisitRows(visit=row, lesions=LESIONS, rated={"other_causes_excluded": True})
    assert facts_of_visit(excluded).periventricular_count == 4
    assert excluded.doubt == ""
    assert VisitRows(visit=row | {"flags": None}).doubt == ""
    by_rater = VisitRows(visit=row, lesions=LESIONS, rated={"periventricular_count": 5})
    assert facts_of_visit(by_rater).periventricular_count == 5
