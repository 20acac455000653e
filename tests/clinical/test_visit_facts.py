"""The record of a visit: which source is believed, and what is said where two disagree."""

from datetime import date

import pytest

from mslesion.clinical.ratings import dataset_ratings
from mslesion.clinical.visit_facts import VisitFacts, resolve_facts
from mslesion.schema.ratings import Ratings, Statement

PRISMA = {"scanner_id": Statement("Siemens Prisma 12345", "FLAIR.json, Manufacturer")}


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(line.replace("|", "\t") for line in lines) + "\n", "utf-8")
        return path

    return write


def facts_of(tmp_path, session="1", *, more=(), **told):
    ratings = dataset_ratings(tmp_path / "in", more)
    return resolve_facts(ratings, subject="01", session=session, **told)


def test_nothing_is_known():
    assert resolve_facts(Ratings(), subject="01", session="1", folder="baseline") == VisitFacts()


# ------------------------------------------------------------------ one source


def test_tables_of_a_dataset(write, tmp_path):
    write("participants.tsv", "participant_id|age|sex", "sub-02|30|M", "sub-01|41.5|F")
    write(
        "sub-01/sub-01_sessions.tsv",
        "session_id|acq_time|age",
        "ses-1|2020-01-31T09:30:00|n/a",
        "ses-2|2021-02-01|43",
    )
    first, second = facts_of(tmp_path), facts_of(tmp_path, "2")
    assert first == VisitFacts(
        visit_date=date(2020, 1, 31), age_years=41.5, sex="female",
        sources={
            "visit_date": "sub-01_sessions.tsv, column 'acq_time'",
            "age_years": "participants.tsv, column 'age'",
            "sex": "participants.tsv, column 'sex'",
        },
    )  # fmt: skip
    # The age of the visit goes before that of the person, who may have been seen earlier
    assert (second.age_years, second.disagreements) == (43, ())
    assert facts_of(tmp_path, "3").visit_date is None
    assert facts_of(tmp_path, "").visit_date is None


@pytest.mark.parametrize("column", ["acq_time", "visit_date", "date"])
@pytest.mark.parametrize("day", ["20200131", "2020-01-31", "2020-01-31T23:59:59"])
def test_columns_of_dates(write, tmp_path, column, day):
    write("sub-01/sub-01_sessions.tsv", f"session_id|{column}", f"ses-1|{day}")
    assert facts_of(tmp_path).visit_date == date(2020, 1, 31)


def test_labels_stay_text(write, tmp_path):
    """Subject 01 is neither 1 nor 001; a table saved by a spreadsheet starts with a mark."""
    write("participants.tsv", "\ufeffparticipant_id|age", "sub-1|20", "sub-001|30", "sub-01|40")
    assert facts_of(tmp_path).age_years == 40


def test_sidecars_and_folder(tmp_path):
    told = PRISMA | {
        "field_t": Statement(3.0, "FLAIR.json, MagneticFieldStrength"),
        "t1_contrast": Statement(value=False, source="T1w.json, ContrastBolusAgent"),
    }
    facts = facts_of(tmp_path, sidecars=told, folder="2020-01-31")
    assert (facts.visit_date, facts.scanner_id) == (date(2020, 1, 31), "Siemens Prisma 12345")
    assert (facts.field_t, facts.t1_contrast, facts.flair_dim) == (3.0, False, "")
    assert facts.sources["visit_date"] == "name of the folder 2020-01-31"
    assert facts.disagreements == ()


# ------------------------------------------------------------------ several sources


def test_dates_that_disagree(write, tmp_path):
    """Ratings before sessions.tsv before the folder; each other date is named."""
    write("sub-01/sub-01_sessions.tsv", "session_id|acq_time", "ses-1|2020-01-31")
    rated = write("ratings/a.csv", "participant_id,session_id,date", "01,1,2020-02-01")
    facts = facts_of(tmp_path, folder="2020-01-30")
    assert facts.visit_date == date(2020, 2, 1)
    assert facts.sources["visit_date"] == "a.csv, column 'date'"
    used = "visit_date 2020-02-01 (a.csv, column 'date') is used, not "
    assert facts.disagreements == (
        f"{used}2020-01-31 (sub-01_sessions.tsv, column 'acq_time')",
        f"{used}2020-01-30 (name of the folder 2020-01-30)",
    )
    rated.unlink()
    rated.parent.rmdir()
    facts = facts_of(tmp_path, folder="2020-01-31")
    assert (facts.visit_date, facts.disagreements) == (date(2020, 1, 31), ())


def test_the_table_named_last_is_believed(write, tmp_path):
    """Also where it repeats what an earlier one said."""
    header, days = "participant_id,session_id,date", ("2020-01-01", "2020-01-02", "2020-01-01")
    more = [write(f"../{n}.csv", header, f"01,1,{day}") for n, day in enumerate(days)]
    facts = facts_of(tmp_path, more=more)
    assert (facts.visit_date, facts.sources["visit_date"]) == (
        date(2020, 1, 1), "2.csv, column 'date'",
    )  # fmt: skip
    assert len(facts.disagreements) == 1
    assert "not 2020-01-02 (1.csv" in facts.disagreements[0]


@pytest.mark.parametrize(
    ("scanner", "disagree"),
    [("Prisma", False), ("SIEMENS prisma", False), ("Skyra", True), ("Siemens Skyra", True)],
)
def test_scanners(write, tmp_path, scanner, disagree):
    """A table's name is used; one that holds only a part of the other's words is no other."""
    write("participants.tsv", "participant_id|scanner", f"sub-01|{scanner}")
    facts = facts_of(tmp_path, sidecars=PRISMA)
    assert facts.scanner_id == scanner
    text = (
        f"scanner_id {scanner} (participants.tsv, column 'scanner') is used, not "
        "Siemens Prisma 12345 (FLAIR.json, Manufacturer)"
    )
    assert facts.disagreements == ((text,) if disagree else ())


def test_the_scanner_of_a_visit_goes_before_that_of_the_person(write, tmp_path):
    write("participants.tsv", "participant_id|scanner", "sub-01|A")
    write("sub-01/sub-01_sessions.tsv", "session_id|scanner_id", "ses-1|n/a", "ses-2|B")
    assert facts_of(tmp_path).scanner_id == "A"
    second = facts_of(tmp_path, "2")
    assert (second.scanner_id, second.disagreements) == ("B", ())


# ------------------------------------------------------------------ age


def dated(write, birth, day, *, age="n/a"):
    write("participants.tsv", "participant_id|birth_date|age", f"sub-01|{birth}|20")
    write("sub-01/sub-01_sessions.tsv", "session_id|acq_time|age", f"ses-1|{day}|{age}")


def test_age_by_dates(write, tmp_path):
    # 14610 days are 40 years of 365.25 days; the person's age is of another day
    dated(write, "1980-01-01", "2020-01-01")
    facts = facts_of(tmp_path)
    assert (facts.age_years, facts.disagreements) == (40.0, ())
    assert facts.sources["age_years"] == (
        "participants.tsv, column 'birth_date', and visit_date of sub-01_sessions.tsv, "
        "column 'acq_time'"
    )
    assert facts_of(tmp_path, "2").age_years == 20  # no date: only the person's age


@pytest.mark.parametrize(
    ("age", "disagree"), [("39", False), ("41", False), ("41.01", True), ("30", True)]
)
def test_age_against_its_dates(write, tmp_path, age, disagree):
    dated(write, "1980-01-01", "2020-01-01", age=age)
    facts = facts_of(tmp_path)
    assert facts.age_years == float(age)  # as stated
    assert bool(facts.disagreements) is disagree
    if disagree:
        assert facts.disagreements[0].startswith(f"age_years {age} (sub-01_sessions.tsv, column")
        assert "is used, not 40 (participants.tsv, column 'birth_date'" in facts.disagreements[0]


def test_ages_of_two_tables(write, tmp_path):
    write("participants.tsv", "participant_id|age", "sub-01|40")
    near = write("../near.csv", "participant_id,age", "01,41")
    far = write("../far.csv", "participant_id,age", "01,42")
    assert facts_of(tmp_path, more=[near]).disagreements == ()
    facts = facts_of(tmp_path, more=[far])
    assert facts.age_years == 42
    assert facts.disagreements == (
        "age_years 42 (far.csv, column 'age') is used, not 40 (participants.tsv, column 'age')",
    )


@pytest.mark.parametrize(
    ("birth", "day"),
    [
        ("1850-01-01", "1884-06-01"),  # both shifted
        ("1985-01-01", "1884-06-01"),  # the visit alone: it would be before birth
        ("1884-01-01", "2020-01-01"),
        ("1924-12-31", "2020-01-01"),
    ],
)
def test_no_age_by_shifted_dates(write, tmp_path, birth, day):
    dated(write, birth, day)
    facts = facts_of(tmp_path)
    assert facts.visit_date == date.fromisoformat(day)  # intervals stay
    assert (facts.age_years, facts.disagreements) == (20, ())


@pytest.mark.parametrize(
    ("began", "disagree"), [("1884-01-01", False), ("2020-01-01", True), ("n/a", False)]
)
def test_a_treatment_that_was_not_shifted(write, tmp_path, began, disagree):
    write("participants.tsv", "participant_id|treatment_start_date", f"sub-01|{began}")
    write("sub-01/sub-01_sessions.tsv", "session_id|acq_time", "ses-1|1884-06-01")
    text = (
        "of visit_date 1884-06-01 (sub-01_sessions.tsv, column 'acq_time') and "
        "treatment_start_date 2020-01-01 (participants.tsv, column 'treatment_start_date') only "
        "one is shifted (before 1925)"
    )
    assert facts_of(tmp_path).disagreements == ((text,) if disagree else ())


def test_the_first_day_that_is_not_shifted(write, tmp_path):
    dated(write, "1925-01-01", "2020-01-01")
    # 34698 days: 95 years with 23 leap days (1928 to 2016)
    assert facts_of(tmp_path).age_years == pytest.approx(34698 / 365.25)
