"""criteria.csv and panels.csv of a cohort."""

import json
from datetime import date

import pandas as pd
import pytest

from mslesion.criteria import CRITERIA, make_criteria_tables
from mslesion.errors import TableError
from mslesion.schema.columns import as_table, check_table
from mslesion.schema.criteria import CRITERIA as CRITERIA_TABLE
from mslesion.schema.criteria import PANELS
from mslesion.schema.dictionaries import sidecar
from mslesion.schema.lesions import LESIONS
from mslesion.schema.ratings import Ratings
from mslesion.schema.visits import VISITS


def visit(subject, session, lesions, **more):
    return {"participant_id": subject, "session_id": session, "lesion_count": lesions} | more


def lesion(subject, session, number, location, **more):
    row = {
        "participant_id": subject,
        "session_id": session,
        "lesion_id": number,
        "location": location,
    }
    distances = {"ventricle_distance_mm": 9.0, "cortex_distance_mm": 9.0, "center_count": 1}
    return row | distances | more


@pytest.fixture
def tables():
    """One person with one visit without label, one with two visits."""
    visits = [
        visit("01", None, 2),
        visit("02", "a", 0, visit_date="2020-01-01"),
        visit("02", "b", 1, visit_date="2022-01-01"),
        visit("03", "a", None),  # the lesion step failed
    ]
    lesions = [
        lesion("01", None, 1, "periventricular", ventricle_distance_mm=1.8, is_cap_like=True),
        lesion("01", None, 2, "infratentorial"),
        lesion("02", "b", 1, "deep_white"),
    ]
    return as_table(visits, VISITS), as_table(lesions, LESIONS)


CHANGES = pd.DataFrame(
    {
        "participant_id": ["sub-02", "sub-02"],
        "session_from": ["ses-0", "ses-a"],
        "session_to": ["ses-b", "ses-b"],
        "days": [1500, 731],
        "interval_years": [4.1, 2.0],
        "new_t2_count": [5, 1],
        "enlarging_count": [0, 0],
    }
)


def row_of(table, **keys):
    found = table
    for name, value in keys.items():
        found = found[found[name].isna() if value is None else found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


def test_tables_are_as_declared(tables):
    criteria, panels = make_criteria_tables(*tables, changes=CHANGES)
    check_table(criteria, CRITERIA_TABLE)
    check_table(panels, PANELS)
    assert len(criteria) == 4 * len(CRITERIA)
    assert list(criteria["rule"][:3]) == [
        "mcdonald2005_dis",
        "mcdonald2010_dis",
        "mcdonald2017_dis",
    ]
    assert sidecar(CRITERIA_TABLE)["met"]["Levels"]["not assessable"]


def test_verdict_row(tables):
    criteria, _ = make_criteria_tables(*tables)
    row = row_of(criteria, participant_id="sub-01", rule="mcdonald2017_dis")
    assert row["met"] == "met"
    assert row["session_id"] is pd.NA
    assert json.loads(row["facts_json"]) == {
        "periventricular_count": 1, "juxtacortical_count": 0, "intracortical_count": 0,
        "infratentorial_count": 1,
    }  # fmt: skip
    assert row["missing"] == ""
    # The only periventricular lesion is 1.8 mm from the ventricle and cap-like.
    assert row["borderline"]
    assert row["periventricular_only_caps"]
    assert row["changes_if"] == ("if contact is 1.5 mm; without cap-like periventricular lesions")
    row = row_of(criteria, participant_id="sub-01", rule="magnims2016_score")
    assert (row["score_low"], row["score_high"]) == (0, 2)


def test_failed_lesion_step_is_unknown_not_zero(tables):
    criteria, _ = make_criteria_tables(*tables)
    row = row_of(criteria, participant_id="sub-03", rule="mcdonald2017_dis")
    assert row["met"] == "not assessable"
    assert row["borderline"] is pd.NA


def test_no_lesions_and_unknown_cord(tables):
    criteria, _ = make_criteria_tables(*tables)
    row = row_of(criteria, participant_id="sub-02", session_id="ses-a", rule="mcdonald2017_dis")
    assert row["met"] == "not met"  # the cord alone is one region of two
    row = row_of(criteria, participant_id="sub-02", session_id="ses-a", rule="mcdonald2024_dis")
    assert (row["met"], row["missing"]) == ("not assessable", "cord_count; optic_nerve_lesion")


def test_shortest_pair_is_the_visit_before(tables):
    criteria, panels = make_criteria_tables(*tables, changes=CHANGES)
    row = row_of(criteria, participant_id="sub-02", session_id="ses-b", rule="lublin2013_activity")
    assert (row["session_from"], row["met"]) == ("ses-a", "met")
    assert json.loads(row["facts_json"]) == {"new_t2_count": 1, "enlarging_count": 0}
    assert set(panels["panel"][panels["session_id"] == "ses-b"]) == {
        "activity", "pre-clinical", "progressive",
    }  # fmt: skip
    assert set(panels["panel"][panels["session_id"] != "ses-b"]) == {"pre-clinical"}


def test_rates_of_slow_expansion_are_found(tables):
    changes = CHANGES.assign(sel_candidate_count=2, sel_noise_p95_pct_per_year=5.0)
    expansions = pd.DataFrame(
        {
            "participant_id": "sub-02",
            "session_from": ["ses-a", "ses-a", "ses-0"],
            "session_to": "ses-b",
            "rate_pct_per_year": [9.0, 4.0, 20.0],
        }
    )
    _, panels = make_criteria_tables(*tables, changes=changes, expansions=expansions)
    row = row_of(panels, participant_id="sub-02", session_id="ses-b", domain="slow expansion")
    assert (row["value"], row["state"]) == (1, "present")


def test_candidates_in_enlarging_lesions_are_left_out(tables):
    """Lesion 3 enlarges, and so do 1 and 2 that became one; lesion 4 does not."""
    changes = CHANGES.assign(sel_candidate_count=4, sel_noise_p95_pct_per_year=5.0)
    pair = {"participant_id": "sub-02", "session_from": "ses-a", "session_to": "ses-b"}
    expansions = pd.DataFrame(
        [pair | {"lesion_id": n, "rate_pct_per_year": 9.0} for n in (1, 3, 4)]
        + [pair | {"session_from": "ses-0", "lesion_id": 5, "rate_pct_per_year": 9.0}]
    )
    lesion_changes = pd.DataFrame(
        [
            pair | {"lesions_from": "3", "size_change": "enlarging"},
            pair | {"lesions_from": "1+2", "size_change": "enlarging"},
            pair | {"lesions_from": "4", "size_change": "stable"},
            pair | {"session_from": "ses-0", "lesions_from": "4", "size_change": "enlarging"},
        ]
    )
    _, panels = make_criteria_tables(
        *tables, changes=changes, expansions=expansions, lesion_changes=lesion_changes
    )
    row = row_of(panels, participant_id="sub-02", session_id="ses-b", domain="slow expansion")
    assert (row["value"], row["state"]) == (1, "present")
    assert "Candidates at any rate: 1, not counting 2 in enlarging lesions." in row["text"]


def test_ratings_and_treatment_window(tables):
    facts = {
        ("02", None): {"treatment_start_date": date(2020, 6, 1)},
        ("02", "b"): {"cord_count": 3, "gd_count": 0},
    }
    changes = CHANGES.assign(atrophied_lesion_volume_mm3=9.0, atrophied_lesion_volume_noise_mm3=5.0)
    criteria, panels = make_criteria_tables(*tables, changes=changes, ratings=Ratings(facts))
    assert "a treatment began" in row_of(panels, domain="lesion destruction")["text"]
    assert row_of(panels, domain="cord")["state"] == "present"
    row = row_of(criteria, participant_id="sub-02", session_id="ses-b", rule="rio_mri")
    assert row["met"] == "not met"  # 1 new and no enhancing lesion


def test_a_stated_window_is_kept(tables):
    facts = {("02", None): {"treatment_start_date": date(2020, 6, 1)}}
    changes = CHANGES.assign(
        atrophied_lesion_volume_mm3=9.0,
        atrophied_lesion_volume_noise_mm3=5.0,
        pseudoatrophy_window=False,
    )
    _, panels = make_criteria_tables(*tables, changes=changes, ratings=Ratings(facts))
    assert row_of(panels, domain="lesion destruction")["text"] == "4 mm³ per year."


def test_tables_of_two_runs_are_refused(tables):
    visits, lesions = tables
    with pytest.raises(TableError, match=r"has 1 lesions of sub-01, but the visit table has 2"):
        make_criteria_tables(visits, lesions.drop(index=0))


def test_empty_cohort(tables):
    criteria, panels = make_criteria_tables(tables[0].iloc[:0])
    check_table(criteria, CRITERIA_TABLE)
    check_table(panels, PANELS)
    assert len(criteria) == len(panels) == 0


def test_a_load_unlike_ms_says_why_no_rule_is_met():
    row = visit("1", "a", 9, periventricular_count=9, juxtacortical_count=9, intracortical_count=9,
                infratentorial_count=9, flags="load_unlike_ms:warn")  # fmt: skip
    for flags, outcome in ((None, "met"), ("load_unlike_ms:warn", "not assessable")):
        criteria, _ = make_criteria_tables(pd.DataFrame([row | {"flags": flags}]))
        found = criteria.set_index("rule").loc["mcdonald2017_dis"]
        assert found["met"] == outcome
        reason = "The segmented lesions are not used, because the load does not look like multiple"
        assert (reason in found["sentence"]) == (flags is not None)
