"""A whole study from its tables."""

import pandas as pd
import pytest

from mslesion.errors import TableError
from mslesion.schema.columns import check_table
from mslesion.schema.comparisons import COMPARISONS
from mslesion.statistics import compare_groups

pytest.importorskip("statsmodels")

GROUPS = {f"{n:02d}": "drug" if n % 2 else "placebo" for n in range(12)}


@pytest.fixture
def tables():
    """Twelve people with three visits a year apart; session 10 comes after 2 and 9."""
    visits, changes = [], []
    for n in range(12):
        subject, drug = f"{n:02d}", n % 2
        for year, session in enumerate(("2", "9", "10")):
            visits.append(
                {
                    "participant_id": subject, "session_id": session,
                    "visit_date": f"{2020 + year}-01-01",
                    "lesion_count": 3 + n % 3 + 5 * year, "lesion_volume_ml": 1.0 + n + year,
                    "brain_ml": 1500 + n - (4 - 2 * drug + 0.3 * (n % 4)) * year + (n * year) % 3,
                }
            )  # fmt: skip
        for before, after, new in (("2", "9", 4 - drug), ("9", "10", 3 + n % 2), ("2", "10", 99)):
            changes.append(
                {
                    "participant_id": subject, "session_from": before, "session_to": after,
                    "interval_years": 2.0 if new == 99 else 1.0, "new_t2_count": new,
                    "pbvc_pct_per_year": -0.5 + 0.2 * drug + 0.05 * (n % 5),
                }
            )  # fmt: skip
    return pd.DataFrame(visits), pd.DataFrame(changes)


def test_all_measures_that_are_there(tables):
    visits, changes = tables
    found = compare_groups(visits, GROUPS, reference="placebo", changes=changes)
    check_table(found, COMPARISONS)
    assert list(found["measure"]) == [
        "lesion_count", "lesion_volume_ml", "new_t2_count", "pbvc_pct_per_year",
        "lesion_volume_ml", "brain_ml",
    ]  # fmt: skip
    assert set(found["other_group"]) == {"drug"}
    assert set(found["other_subjects"]) == {6}
    assert (found["note"] == "").all()


def test_first_visit_and_consecutive_pairs_are_used(tables):
    visits, changes = tables
    found = compare_groups(visits, GROUPS, reference="placebo", changes=changes)
    found = found.drop_duplicates("measure").set_index("measure")
    # First visits: the counts are 3 + n % 3, of mean 4 in both groups
    assert found.loc["lesion_count", "estimate"] == pytest.approx(1)
    # Placebo: 4 + 3 lesions in two years; drug: 3 + 4. The pair over both years is left out.
    assert found.loc["new_t2_count", "estimate"] == pytest.approx(1)
    assert found.loc["new_t2_count", "model"] == "Poisson (no overdispersion)"


def test_visits_alone(tables):
    visits, _ = tables
    found = compare_groups(visits.drop(columns="visit_date"), GROUPS, reference="drug")
    assert list(found["measure"]) == ["lesion_count", "lesion_volume_ml"]
    assert set(found["reference_group"]) == {"drug"}


def test_subjects_without_group_are_left_out(tables):
    visits, _ = tables
    few = {subject: group for subject, group in GROUPS.items() if subject < "08"}
    found = compare_groups(visits, few, reference="placebo")
    assert set(found["reference_subjects"]) == {4}


def test_no_groups_at_all(tables):
    with pytest.raises(TableError, match="No participant of the table has a group"):
        compare_groups(tables[0], {"sub-99": "drug"}, reference="drug")
