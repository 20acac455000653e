"""What is known of a visit besides its scans."""

import json
from datetime import date
from pathlib import Path

import pytest

from mslesion.clinical.visit_facts import VisitFacts, bids_facts, parse_date, plain_facts
from mslesion.errors import DatasetError

ANAT = Path("sub-01/ses-1/anat")


def write(path, content):
    """A text file, or a JSON file of a dict."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) if isinstance(content, dict) else content, "utf-8")
    return path


def facts_of(root, session="1"):
    scans = {kind: root / ANAT / f"sub-01_ses-1_{kind}.nii.gz" for kind in ("FLAIR", "T1w")}
    return bids_facts(root, "01", session, scans)


def test_nothing_is_known(tmp_path):
    assert facts_of(tmp_path) == VisitFacts()
    assert plain_facts("baseline", {"FLAIR": tmp_path / "flair.nii.gz"}) == VisitFacts()


# ------------------------------------------------------------------ tables


def test_tables_of_a_dataset(tmp_path):
    write(
        tmp_path / "participants.tsv", "participant_id\tage\tsex\nsub-02\t30\tM\nsub-01\t41.5\tF\n"
    )
    sessions = "session_id\tacq_time\nses-1\t2020-01-31T09:30:00\nses-2\t2021-02-01\n"
    write(tmp_path / "sub-01/sub-01_sessions.tsv", sessions)
    facts = facts_of(tmp_path)
    assert (facts.age_years, facts.sex, facts.visit_date) == (41.5, "F", date(2020, 1, 31))
    assert facts_of(tmp_path, "2").visit_date == date(2021, 2, 1)
    assert facts_of(tmp_path, "3").visit_date is None
    assert facts_of(tmp_path, "").visit_date is None


def test_age_at_the_visit_is_preferred(tmp_path):
    write(tmp_path / "participants.tsv", "participant_id\tage\nsub-01\t40\n")
    write(tmp_path / "sub-01/sub-01_sessions.tsv", "session_id\tage\nses-1\t42\nses-2\tn/a\n")
    assert facts_of(tmp_path).age_years == 42
    assert facts_of(tmp_path, "2").age_years == 40


@pytest.mark.parametrize("columns", ["acq_time", "visit_date", "date"])
def test_columns_of_dates(tmp_path, columns):
    write(tmp_path / "sub-01/sub-01_sessions.tsv", f"session_id\t{columns}\nses-1\t20200131\n")
    assert facts_of(tmp_path).visit_date == date(2020, 1, 31)


@pytest.mark.parametrize("age", ["n/a", "", "89+", "nan", "inf", "unknown"])
def test_age_that_is_no_number(tmp_path, age):
    write(tmp_path / "participants.tsv", f"participant_id\tage\tsex\nsub-01\t{age}\tn/a\n")
    facts = facts_of(tmp_path)
    assert facts.age_years is None
    assert facts.sex == ""


def test_labels_stay_text(tmp_path):
    """Subject 01 is neither 1 nor 001; a table saved by a spreadsheet starts with a mark."""
    rows = "\ufeffparticipant_id\tage\nsub-1\t20\nsub-001\t30\nsub-01\t40\n"
    write(tmp_path / "participants.tsv", rows)
    assert facts_of(tmp_path).age_years == 40


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "participants.tsv cannot be read as a table .* Mend the file or remove it"),
        ("participant_id\tage\nsub-01\t40\t\n", "has rows longer than its header, but every"),
        ("participant_id\tage\nsub-01\t1\nsub-02\t1\t2\t3\n", "cannot be read as a table"),
        ("id\tage\nsub-01\t40\n", "has no column 'participant_id', but rows are found by it"),
        ("participant_id,age\nsub-01,40\n", "has no column 'participant_id'.*separate columns by"),
    ],
)
def test_broken_tables(tmp_path, content, text):
    write(tmp_path / "participants.tsv", content)
    with pytest.raises(DatasetError, match=text):
        facts_of(tmp_path)


def test_table_of_another_encoding(tmp_path):
    (tmp_path / "participants.tsv").write_bytes(
        "participant_id\tnote\nsub-01\té\n".encode("latin-1")
    )
    with pytest.raises(DatasetError, match="cannot be read as a table"):
        facts_of(tmp_path)


# ------------------------------------------------------------------ sidecars

SCANNER = {
    "Manufacturer": "Siemens",
    "ManufacturersModelName": "Prisma",
    "DeviceSerialNumber": 12345,
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3d",
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_sidecar(tmp_path, mark):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", mark + json.dumps(SCANNER))
    facts = facts_of(tmp_path)
    assert facts.scanner_id == "Siemens Prisma 12345"
    assert facts.field_t == 3.0
    assert facts.flair_dim == "3D"
    assert facts.t1_contrast is None


def test_own_sidecar_over_that_of_the_dataset(tmp_path):
    write(tmp_path / "FLAIR.json", SCANNER)
    assert facts_of(tmp_path).field_t == 3.0
    own = {"MagneticFieldStrength": 1.5, "MRAcquisitionType": "2D"}
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", own)
    facts = facts_of(tmp_path)
    assert (facts.field_t, facts.flair_dim) == (1.5, "2D")
    assert facts.scanner_id == "Siemens Prisma 12345"


def test_scanner_told_by_the_t1(tmp_path):
    write(tmp_path / ANAT / "sub-01_ses-1_T1w.json", SCANNER)
    facts = facts_of(tmp_path)
    assert facts.scanner_id == "Siemens Prisma 12345"
    assert facts.flair_dim == ""  # of the T1w


@pytest.mark.parametrize(
    ("agent", "contrast"),
    [("Gadovist", True), ("none", False), ("None", False), ("n/a", False), ("", None)],
)
def test_contrast_agent(tmp_path, agent, contrast):
    write(tmp_path / ANAT / "sub-01_ses-1_T1w.json", {"ContrastBolusAgent": agent})
    assert facts_of(tmp_path).t1_contrast is contrast


@pytest.mark.parametrize("strength", ["three", None, [3], float("nan")])
def test_field_that_is_no_number(tmp_path, strength):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", {"MagneticFieldStrength": strength})
    assert facts_of(tmp_path).field_t is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{broken", r"FLAIR.json cannot be read as JSON .* Mend the file or remove it"),
        ("", "cannot be read as JSON"),
        ("[1, 2]", "holds a list, but an object is expected"),
    ],
)
def test_broken_sidecars(tmp_path, content, text):
    path = write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", content)
    with pytest.raises(DatasetError, match=text):
        facts_of(tmp_path)
    with pytest.raises(DatasetError, match=text):
        plain_facts("baseline", {"FLAIR": path.with_name("sub-01_ses-1_FLAIR.nii.gz")})


# ------------------------------------------------------------------ plain trees


def test_plain_folder_with_a_sidecar(tmp_path):
    write(tmp_path / "flair.json", SCANNER)
    facts = plain_facts("2020-01-31", {"FLAIR": tmp_path / "flair.nii"})
    assert facts.visit_date == date(2020, 1, 31)
    assert (facts.field_t, facts.flair_dim) == (3.0, "3D")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-31", date(2020, 1, 31)),
        (" 20200131 ", date(2020, 1, 31)),
        ("2020-01-31T09:00:00", date(2020, 1, 31)),
        ("2020-01-31 09:00", date(2020, 1, 31)),
        ("2020-02-30", None),
        ("20201301", None),
        ("2020-01-31 morning", None),
        ("31.01.2020", None),
        ("2020", None),
        ("M12", None),
        ("", None),
    ],
)
def test_dates(text, expected):
    assert parse_date(text) == expected
