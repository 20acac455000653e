"""Clinical data and ratings: what is read, and every way in which it is refused."""

from datetime import date, timedelta

import numpy as np
import pytest
from nibabel.affines import apply_affine

from mslesion.clinical.rated_lesions import match_by_labels, match_by_position
from mslesion.clinical.ratings import dataset_ratings, read_ratings
from mslesion.errors import GeometryError, TableError
from mslesion.schema.ratings import (
    COLUMN_BY_NAME,
    COUNT,
    DATE,
    DATES,
    KEYS,
    LESION,
    LEVEL,
    NUMBER,
    RATED_COLUMNS,
    LesionRating,
    Ratings,
)


@pytest.fixture
def write(tmp_path):
    def write(name, *lines, encoding="utf-8"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


def refused(paths, *parts):
    with pytest.raises(TableError) as caught:
        read_ratings(paths)
    for part in parts:
        assert part in str(caught.value)
    assert str(caught.value).endswith((".", "?"))


def test_bids_folder(write, tmp_path):
    write(
        "participants.tsv",
        "participant_id\tage\tsex\tarm\thandedness\tocb",
        "sub-01\t34.5\tF\tplacebo\tright\tn/a",
        "sub-02\tn/a\tm\tdrug\tleft\tpositive",
    )
    write(
        "sub-01/sub-01_sessions.tsv",
        "session_id\tacq_time\tcord_lesions\tgd_count\tsteroid_date",
        "ses-1\t2020-01-31T09:00:00\t2\t0\t2020-01-05;2020-01-06",
        "ses-2\t2021-01-31\tn/a\t1\tn/a",
    )
    ratings = read_ratings(tmp_path)
    assert ratings.subjects == ["01", "02"]
    assert ratings.facts_of("01", "1") == {
        "age_years": 34.5, "sex": "female", "group": "placebo", "visit_date": date(2020, 1, 31),
        "cord_count": 2, "gd_count": 0, "steroid_dates": (date(2020, 1, 5), date(2020, 1, 6)),
    }  # fmt: skip
    # n/a is not known: it is not there at all
    assert "cord_count" not in ratings.facts_of("01", "2")
    assert ratings.facts_of("02", "anything")["oligoclonal_bands"] is True
    assert ratings.facts_of("03", "1") == {}


def test_a_bids_folder_is_read_by_its_tables_alone(write, tmp_path):
    write("participants.tsv", "participant_id\tscanner", "sub-01\tA")
    write("other.csv", "eye_colour", "blue")
    assert read_ratings(tmp_path).facts_of("01", "1") == {"scanner_id": "A"}


def test_one_csv_a_biomarker(write, tmp_path):
    write("cord.csv", "participant_id,session_id,cord_count", "01,1,2", "01,2,3")
    write("csf.csv", "Subject_ID,OCB,kFLC,comment", "sub-01,no,yes,second tap")
    ratings = read_ratings(tmp_path)
    assert ratings.facts_of("01", "2") == {
        "cord_count": 3, "oligoclonal_bands": False, "kappa_index_positive": True,
    }  # fmt: skip


def test_facts_of_a_visit_go_before_those_of_the_person(write):
    person = write("person.csv", "participant_id,age,ocb", "01,30,no")
    visit = write("visit.csv", "participant_id,session_id,age,ocb", "01,2,32,yes")
    ratings = read_ratings([person, visit])
    assert ratings.facts_of("01", "1") == {"age_years": 30, "oligoclonal_bands": False}
    assert ratings.facts_of("01", "2") == {"age_years": 32, "oligoclonal_bands": True}


def test_visits_without_label(write):
    path = write("gd.csv", "participant_id,session_id,gd_count", "01,,2", "02,n/a,0")
    ratings = read_ratings(path)
    assert ratings.facts_of("01", "") == {"gd_count": 2}
    assert ratings.facts_of("02", "") == {"gd_count": 0}
    assert ratings.facts_of("01", "1") == {}


def test_visits_named_by_their_day(write):
    """As the folders of a plain tree: their labels have no dashes."""
    path = write("a.csv", "participant_id,session_id,gd_count", "01,2020-01-31,1")
    assert read_ratings(path).facts_of("01", "20200131") == {"gd_count": 1}


def test_other_columns_of_bids_tables(write, caplog):
    """A dataset's own columns do not stop a run; what looks like a slip is told."""
    people = write(
        "participants.tsv",
        "participant_id\tage\tindex\tlabel\tx\tdate\trelapses\ttreatments\thandedness",
        "sub-01\t40\t1\ta\tb\tlast May\tmany\tx\tright",
    )
    visits = write("sub-01_sessions.tsv", "session_id\tindex\trelapses", "ses-1\t9\t2")
    ratings = read_ratings([people, visits])
    assert ratings.facts_of("01", "1") == {"age_years": 40, "relapse_count": 2}
    assert ratings.lesions == {}
    (told,) = caplog.messages
    assert told == f"{people}: the column 'treatments' is not read; was 'treatment' meant?"
    refused(
        write("participants.tsv", "participant_id\tgd_count", "01\t1"),
        "a session_id in the same row",
    )


def test_old_age_as_bids_has_it(write):
    path = write("participants.tsv", "participant_id\tage", "sub-01\t89+")
    assert read_ratings(path).facts_of("01", "") == {"age_years": 89}
    refused(write("a.csv", "participant_id,age", "01,50+"), "'age' has '50+'")


def test_lesion_list(write):
    path = write(
        "veins.csv",
        "participant_id,session_id,x,y,z,prl,cvs,eligible,exclusion_reason,rater",
        "01,1,10.5,-20,30,yes,yes,,,AB",
        "01,1,-10,0,5,no,,no,confluent,AB",
        "",
        "02,1,1,2,3,,no,yes,,AB",
    )
    ratings = read_ratings(path)
    first, second = ratings.lesions_of("01", "1")
    assert first.position_mm == (10.5, -20, 30)
    assert (first.prl, first.cvs, first.eligible) == (True, True, None)
    assert (second.eligible, second.exclusion_reason) == (False, "confluent")
    assert second.place.endswith("veins.csv, row 3")
    assert ratings.lesions_of("02", "1")[0].cvs is False
    assert ratings.lesions_of("03", "1") == ()
    assert ratings.subjects == ["01", "02"]


def test_byte_order_mark_and_windows_lines(write):
    path = write("a.csv", "\ufeffparticipant_id,ocb\r", "01,yes\r", ",\r", "")
    assert read_ratings(path).facts_of("01", "") == {"oligoclonal_bands": True}


def test_table_without_rows(write):
    assert read_ratings(write("a.csv", "participant_id,ocb")) == Ratings()


@pytest.mark.parametrize("text", ["yes", "Y", "TRUE", "1", "1.0", "present", "Positive", "+"])
def test_yes(write, text):
    path = write("a.csv", "participant_id,ocb", f"01,{text}")
    assert read_ratings(path).facts_of("01", "")["oligoclonal_bands"] is True


@pytest.mark.parametrize("text", ["no", "N", "False", "0", "absent", "negative", "-"])
def test_no(write, text):
    path = write("a.csv", "participant_id,ocb", f"01,{text}")
    assert read_ratings(path).facts_of("01", "")["oligoclonal_bands"] is False


@pytest.mark.parametrize("text", ["", "n/a", "NA", "NaN", "None"])
def test_unknown(write, text):
    path = write("a.csv", "participant_id,ocb,age", f"01,{text},30")
    assert read_ratings(path).facts_of("01", "") == {"age_years": 30}


BIRTH = "birth_date"


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("age", "200", "row 2, column 'age' has '200', but a number from 0 to 120 is expected."),
        ("age", "-1", "a number from 0 to 120"),
        ("age", "34,5", "a decimal point"),
        ("age", "34y", "without a unit"),
        ("ocb", "perhaps", "yes or no is expected. Write yes or no; leave it empty"),
        ("sex", "3", "female or male or other is expected. Write one of them."),
        (
            BIRTH,
            "43831",
            "A spreadsheet converted 2020-01-01 to a number. Format the column as text",
        ),
        (BIRTH, "43831.0", "converted 2020-01-01 to a number"),
        (BIRTH, "01/02/1990", "a date such as 2020-01-31 is expected. Format the column as text"),
        (BIRTH, "1-Mar", "a date such as 2020-01-31"),
        (BIRTH, "1990", "a date such as 2020-01-31"),
        (BIRTH, "1990-02-30", "a day that exists is expected. Correct it."),
        (BIRTH, "19900230", "a day that exists"),
        (BIRTH, "1990-02-01 morning", "a day that exists"),
        ("age", "300", "a number from 0 to 120"),
        ("age", "inf", "a number from 0 to 120"),
        ("participant_id", "01 a", "a label of letters and digits"),
    ],
)
def test_wrong_values(write, column, text, message):
    names = ["participant_id", column] if column != "participant_id" else [column, "ocb"]
    values = ["01", text] if column != "participant_id" else [text, "yes"]
    path = write("a.csv", ",".join(names), ",".join(f'"{v}"' for v in values))
    refused(path, f"{path}, row 2, column {column!r} has {text!r}", message)


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("gd_count", "2.5", "a whole number from 0 to 1000"),
        ("gd_count", ">=2", "a whole number from 0 to 1000"),
        ("gd_count", "-1", "a whole number from 0 to 1000"),
        ("cord_count", "1e9", "a whole number from 0 to 1000"),
        ("prl_count", "1.0001", "a whole number from 0 to 1000"),
        ("relapses", "51", "a whole number from 0 to 50"),
        ("ucca_mm2", "9.9", "a number from 10 to 150"),
        ("session_id", "1-Mar", "a label of letters and digits"),
        ("steroid_dates", "2020-01-01;5/2", "a date such as 2020-01-31"),
    ],
)
def test_wrong_values_of_visits(write, column, text, message):
    names = {"participant_id": "01", "session_id": "1", column: text}
    path = write("a.csv", ",".join(names), ",".join(names.values()))
    refused(path, f"row 2, column {column!r} has {text!r}", message)


def test_limits_are_inclusive(write):
    path = write("a.csv", "participant_id,session_id,age,ucca_mm2", "01,1,120,10", "02,1,0,150")
    ratings = read_ratings(path)
    assert ratings.facts_of("01", "1") == {"age_years": 120, "ucca_mm2": 10}
    assert ratings.facts_of("02", "1") == {"age_years": 0, "ucca_mm2": 150}


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("a.csv", ["participant_id;ocb", "01;yes"],
         "is separated by semicolons, but commas are expected in a .csv file. Save it with commas"),
        ("a.csv", ["participant_id\tocb", "01\tyes"], "is separated by tabs"),
        ("a.tsv", ["participant_id,ocb", "01,yes"],
         "is separated by commas, but tabs are expected in a .tsv file"),
        ("a.csv", ["id,ocb", "01,yes"], "has the column 'id', but it is not declared"),
        ("a.csv", ["ocb,age", "yes,3"], "no column 'participant_id', but it identifies the rows"),
        ("a.csv", [""], "has no column 'participant_id'"),
        ("a.csv", ["participant_id,ocb,csf_ocb", "01,yes,no"],
         "has two columns for 'oligoclonal_bands', but one is expected. Remove one of them."),
        ("a.csv", ["participant_id,oligoclonal_band", "01,yes"],
         "'oligoclonal_band', but it is not declared. Did you mean 'oligoclonal_bands'?"),
        ("a.csv", ["participant_id,eye_colour", "01,blue"],
         "Use a declared name or remove it."),
        ("a.csv", ["participant_id,ocb", "01,yes,no"],
         "row 2 has 3 values, but the header has 2. Correct the row"),
        ("a.csv", ["participant_id,ocb", "01"], "row 2 has 1 values, but the header has 2"),
    ],
)  # fmt: skip
def test_wrong_tables(write, name, lines, message):
    refused(write(name, *lines), message)


def test_other_encodings_and_files(write, tmp_path):
    refused(write("a.csv", "participant_id,group", "01,Zürich", encoding="latin-1"), "UTF-8")
    refused(write("b.csv", "participant_id,ocb", encoding="utf-16"), "CSV UTF-8")
    refused(tmp_path / "none.csv", "cannot be read", "Check the path.")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "has no table, but participants.tsv")


@pytest.mark.parametrize("names", [(), (".gitkeep",)])
def test_an_empty_folder_of_ratings_is_as_none(tmp_path, names):
    (tmp_path / "ratings").mkdir()
    for name in names:
        (tmp_path / "ratings" / name).touch()
    assert dataset_ratings(tmp_path) == Ratings()
    (tmp_path / "ratings" / "readme.txt").touch()  # a table in another format would be missed
    with pytest.raises(TableError, match="ratings has no table, but"):
        dataset_ratings(tmp_path)


def test_duplicate_rows(write):
    path = write(
        "a.csv", "participant_id,session_id,gd_count", "01,1,2", "02,1,0", "sub-01,ses-1,2"
    )
    refused(path, "row 4 repeats row 2 (sub-01), but one row is expected")
    path = write("b.csv", "participant_id,ocb", "01,yes", "01,yes")
    refused(path, "row 3 repeats row 2")
    path = write("c.csv", "participant_id,session_id,lesion,cvs", "01,1,7,yes", "01,1,7,no")
    refused(path, "row 3 repeats row 2")


def test_two_files_that_differ(write):
    one = write("one.csv", "participant_id,session_id,gd_count", "01,1,2")
    two = write("two.csv", "participant_id,session_id,gd_lesions", "01,1,3")
    refused(
        [one, two],
        f"{two}, row 2, column 'gd_lesions' has '3', but '2', as in {one}, row 2, column "
        "'gd_count', is expected. Correct one of them.",
    )
    same = write("same.csv", "participant_id,session_id,gd_lesions", "01,1,2")
    assert read_ratings([one, same]).facts_of("01", "1") == {"gd_count": 2}


def test_two_tables_that_disagree_on_a_visit(write):
    """Date, age and scanner: the later table is believed; both values are kept."""
    one = write("one.csv", "participant_id,session_id,visit_date,scanner", "01,1,2020-01-01,A")
    two = write("two.csv", "participant_id,session_id,date", "01,1,2020-01-02")
    ratings = read_ratings([one, two])
    assert ratings.facts_of("01", "1") == {"visit_date": date(2020, 1, 2), "scanner_id": "A"}
    assert ratings.statements_of("sub-01", "ses-1", "visit_date") == (
        (date(2020, 1, 2), "two.csv, column 'date'"),
        (date(2020, 1, 1), "one.csv, column 'visit_date'"),
    )
    assert ratings.statements_of("01", "1", "gd_count") == ()
    assert ratings.statements_of("01", None, "visit_date") == ()
    made = Ratings({("01", "1"): {"scanner_id": "B"}})
    assert made.statements_of("01", "1", "scanner_id") == (("B", "given"),)
    assert made.statements_of("02", "1", "scanner_id") == ()


def test_facts_of_visits_need_a_session(write):
    path = write("a.csv", "participant_id,gd_count", "01,1")
    refused(path, "column 'gd_count' has '1', but a session_id in the same row")
    path = write("b.csv", "participant_id,lesion,cvs", "01,1,yes")
    refused(path, "a session_id in the same row")


def test_facts_of_the_person_may_stand_with_visits(write):
    path = write("a.csv", "participant_id,session_id,group", "01,1,drug", "01,2,drug")
    assert read_ratings(path).facts_of("01", "3") == {"group": "drug"}
    path = write("b.csv", "participant_id,session_id,group", "01,1,drug", "01,2,placebo")
    refused(path, "row 3, column 'group' has 'placebo', but 'drug', as in")


VISIT = "participant_id,session_id,"


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        (VISIT + "contrast_given,gd_count", "01,1,no,1",
         "'gd_count' has '1', but an empty cell at a visit without contrast agent is expected"),
        (VISIT + "contrast_given,gd_count", "01,1,no,0", "'gd_count' has '0', but an empty cell"),
        (VISIT + "contrast_given,lesion,gd", "01,1,no,3,yes",
         "row 2 has an enhancing lesion, but no contrast agent was given at this visit"),
        (VISIT + "cvs_positive_count,cvs_eligible_count", "01,1,5,4",
         "'cvs_positive_count' has '5', but at most 4 (cvs_eligible_count) is expected"),
        (VISIT + "symptomatic_cord_count,cord_count", "01,1,2,1", "at most 1 (cord_count)"),
        (VISIT + "incidental,relapse_count", "01,1,yes,1",
         "'relapse_count' has '1', but no attack or symptom in an incidental finding"),
        (VISIT + "incidental,progression_12_months", "01,1,yes,yes", "in an incidental finding"),
        (VISIT + "incidental,onset_date,visit_date", "01,1,yes,2020-01-31,2020-01-31",
         "no symptom up to the visit (2020-01-31) in an incidental finding"),
        (VISIT + "lesion,eligible,exclusion_reason", "01,1,1,yes,confluent",
         "has an exclusion reason ('confluent'), but the lesion is eligible"),
        (VISIT + "lesion,eligible,cvs", "01,1,1,no,yes",
         "has a central vein rating, but the lesion is not eligible"),
        (VISIT + "lesion,prl,prl_count", "01,1,1,yes,0",
         "'prl_count' has '0', but 1 or more, as in the list of lesions, is expected"),
        (VISIT + "prl", "01,1,yes", "does not identify the rated lesion"),
        (VISIT + "prl,x_mm,y_mm", "01,1,yes,3,4", "has only some of x_mm, y_mm, z_mm"),
        ("participant_id,birth_date,onset_date", "01,1990-01-01,1989-12-31",
         "'onset_date' has '1989-12-31', but a day after birth (1990-01-01) is expected"),
        (VISIT + "birth_date,visit_date", "01,1,1990-01-01,1989-01-01", "a day after birth"),
        (VISIT + "birth_date,visit_date", "01,1,1990-01-01,1925-01-01", "a day after birth"),
        (VISIT + "birth_date,visit_date", "01,1,1890-01-01,1889-01-01", "a day after birth"),
        (VISIT + "birth_date,steroid_dates", "01,1,1990-01-01,2020-01-01;1980-01-01",
         "a day after birth"),
    ],
)  # fmt: skip
def test_contradictions(write, header, row, message):
    refused(write("a.csv", header, row), message)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (VISIT + "contrast_given,gd_count", "01,1,no,n/a"),
        (VISIT + "contrast_given,gd_count", "01,1,yes,2"),
        (VISIT + "contrast_given,lesion,gd", "01,1,no,3,no"),
        (VISIT + "incidental,relapse_count", "01,1,yes,0"),
        (VISIT + "incidental,relapse_count", "01,1,no,3"),
        (VISIT + "incidental,onset_date,visit_date", "01,1,yes,2020-02-01,2020-01-31"),
        (VISIT + "incidental,onset_date,visit_date", "01,1,no,2010-01-01,2020-01-31"),
        (VISIT + "incidental,onset_date", "01,1,yes,2010-01-01"),  # the day is not known
        (VISIT + "incidental,onset_date,visit_date", "01,1,yes,2010-01-01,1880-01-31"),  # shifted
        (VISIT + "cvs_positive_count,cvs_eligible_count", "01,1,4,4"),
        (VISIT + "birth_date,visit_date", "01,1,1990-01-01,1990-01-01"),
        (VISIT + "birth_date,visit_date", "01,1,1990-01-01,1924-12-31"),
        (VISIT + "birth_date,steroid_dates", "01,1,1990-01-01,1900-01-01;2000-01-01"),
        (VISIT + "lesion,prl,prl_count", "01,1,1,yes,3"),
    ],
)
def test_what_can_be_true_together(write, header, row):
    assert read_ratings(write("a.csv", header, row)).facts_of("01", "1")


def test_contradictions_across_files(write):
    person = write("person.csv", "participant_id,birth_date,incidental", "01,2000-01-01,yes")
    visit = write("visit.csv", VISIT + "visit_date", "01,1,1999-01-01")
    refused([person, visit], "visit.csv, row 2, column 'visit_date' has '1999-01-01'")
    relapse = write("relapse.csv", VISIT + "relapses", "01,1,2")
    refused([person, relapse], "column 'relapses' has '2'", "person.csv, row 2")


def test_the_age_of_a_person_is_no_age_of_a_visit(write):
    person = write("person.csv", "participant_id,birth_date,age", "01,1990-01-01,20")
    visit = write("visit.csv", VISIT + "visit_date", "01,1,2020-01-01")
    assert read_ratings([person, visit]).facts_of("01", "1")["age_years"] == 20


def test_declarations_are_whole():
    names = [name for c in RATED_COLUMNS for name in (c.name, *c.aliases)]
    names += [name for key, others in KEYS.items() for name in (key, *others)]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)
    for column in RATED_COLUMNS:
        assert column.description.endswith(".")
        assert (column.levels is not None) == (column.kind == LEVEL)
        assert column.low < column.high or column.kind not in (COUNT, NUMBER)
        assert column.low >= 0 or column.of == LESION  # positions alone can be negative
        assert column.high <= 100 or column.units != "percent"
    assert COLUMN_BY_NAME["ocb"].name == "oligoclonal_bands"


# Matching -----------------------------------------------------------------------------

TILT = np.deg2rad(30)
AFFINES = {
    "RAS": np.diag([1.0, 1, 1, 1]),
    "LPS": np.diag([-1.0, -1, 1, 1]),
    "thick": np.array([[0.5, 0, 0, -7], [0, 0.5, 0, 4], [0, 0, 4, -20], [0, 0, 0, 1.0]]),
    "oblique": np.array(
        [
            [np.cos(TILT), -np.sin(TILT), 0, 5],
            [np.sin(TILT), np.cos(TILT), 0, -3],
            [0, 0, 1, 2],
            [0, 0, 0, 1],
        ]
    ),
}


@pytest.fixture
def labels():
    """Lesion 1 is voxels 2..3 of each axis, lesion 2 one voxel far from it."""
    labels = np.zeros((20, 20, 20), np.int16)
    labels[2:4, 2:4, 2:4] = 1
    labels[15, 15, 15] = 2
    return labels


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_match_by_position(labels, affine):
    inside, near = apply_affine(affine, [[2, 3, 2], [15, 15, 15]])
    near[0] += 3.0  # world millimetres, whatever the axes
    ratings = [LesionRating(position_mm=tuple(p)) for p in (inside, near)]
    first, second = match_by_position(ratings, labels, affine=affine)
    assert (first.lesion_id, first.distance_mm) == (1, pytest.approx(0, abs=1e-9))
    assert (second.lesion_id, second.distance_mm) == (2, pytest.approx(3.0))
    assert first.rating is ratings[0]


@pytest.mark.parametrize(("x", "lesion"), [(20.0, 2), (20.01, None)])
def test_the_largest_distance_is_inclusive(labels, x, lesion):
    rating = LesionRating(position_mm=(x, 15.0, 15.0))
    (match,) = match_by_position([rating], labels, affine=np.eye(4), max_distance_mm=5.0)
    assert match.lesion_id == lesion
    assert (match.distance_mm is None) is (lesion is None)


def test_nothing_to_match(labels):
    rating = LesionRating(position_mm=(1.0, 1, 1))
    assert match_by_position([], labels, affine=np.eye(4)) == []
    (match,) = match_by_position([rating], np.zeros_like(labels), affine=np.eye(4))
    assert match.lesion_id is None


@pytest.mark.parametrize("position", [(10.0, 10, 10), (-30.0, 2, 2)])
def test_a_lesion_outside_the_brain(labels, position):
    brain = np.zeros(labels.shape, bool)
    brain[:5, :5, :5] = True
    rating = LesionRating(position_mm=position, place="veins.csv, row 7")
    with pytest.raises(TableError, match=r"veins.csv, row 7 has a lesion at .* outside the brain"):
        match_by_position([rating], labels, affine=np.eye(4), brain=brain)
    inside = LesionRating(position_mm=(2.0, 2, 2))
    assert match_by_position([inside], labels, affine=np.eye(4), brain=brain)[0].lesion_id == 1


def test_a_rating_without_position(labels):
    with pytest.raises(TableError, match=r"has no x_mm, y_mm, z_mm, but lesions are matched"):
        match_by_position([LesionRating(lesion=3, place="a.csv, row 2")], labels, affine=np.eye(4))


def match_labels(ratings, labels, theirs, rater_affine=None):
    rater_affine = np.eye(4) if rater_affine is None else rater_affine
    return match_by_labels(ratings, labels, theirs, affine=np.eye(4), rater_affine=rater_affine)


def test_match_by_labels_takes_the_largest_overlap(labels):
    theirs = np.zeros_like(labels)
    theirs[3:16, 3:16, 3:16] = 7  # 1 voxel of lesion 1, 1 of lesion 2: the lower number
    theirs[2, 2, 2:4] = 8
    theirs[19, 19, 19] = 9
    ratings = [LesionRating(lesion=number) for number in (8, 9, 7)]
    assert [match.lesion_id for match in match_labels(ratings, labels, theirs)] == [1, None, 1]
    theirs[15, 15, 15] = 0
    theirs[2:4, 2:4, 2] = 7
    assert match_labels(ratings[2:], labels, theirs)[0].lesion_id == 1


@pytest.mark.parametrize("number", [5, None])
def test_a_number_that_is_not_in_the_map(labels, number):
    rating = LesionRating(lesion=number, place="a.csv, row 2")
    with pytest.raises(TableError, match=rf"rates the lesion {number}, but the rater's label map"):
        match_labels([rating], labels, labels)


def test_maps_on_two_grids(labels):
    with pytest.raises(GeometryError, match=r"the rater's label map .* on the grid of the lesion"):
        match_labels([LesionRating(lesion=1)], labels, labels, np.diag([2.0, 1, 1, 1]))


def test_maps_that_round(labels, caplog):
    shifted = np.eye(4)
    shifted[0, 3] = 0.0017
    rating = LesionRating(lesion=1, place="a.csv, row 2")
    assert match_labels([rating], labels, labels, shifted) == match_labels([rating], labels, labels)
    assert caplog.messages == [
        "the rater's label map lies up to a tenth of a voxel away from the lesion map; its voxels "
        "are taken as they are"
    ]


DATES_READ = [c.name for c in RATED_COLUMNS if c.kind in (DATE, DATES)]


@pytest.mark.parametrize("name", DATES_READ)
@pytest.mark.parametrize("day", ["2999-01-01", "9999-12-31", "1799-12-31", "0020-01-31"])
def test_a_day_that_cannot_be_is_refused(write, name, day):
    """In the future, or before any date that is shifted: a typing error."""
    path = write("r.csv", f"participant_id,session_id,{name}", f"01,1,{day}")
    refused(path, f"r.csv, row 2, column '{name}' has '{day}'", "a day from 1800-01-01 to today")


def test_days_on_the_ends_of_the_range(write):
    tomorrow = date.today() + timedelta(days=1)  # it is tomorrow somewhere
    path = write(
        "r.csv", "participant_id,session_id,visit_date", "01,1,1800-01-01", f"01,2,{tomorrow}"
    )
    facts = read_ratings(path).facts
    assert facts["01", "1"]["visit_date"] == date(1800, 1, 1)
    assert facts["01", "2"]["visit_date"] == tomorrow
    path = write("s.csv", "participant_id,visit_date", f"01,{tomorrow + timedelta(days=1)}")
    refused(path, "a day from 1800-01-01 to today")


def test_a_day_that_cannot_be_in_a_table_of_sessions(write, tmp_path):
    write("sub-01/sub-01_sessions.tsv", "session_id\tacq_time", "ses-1\t2999-01-31T09:00:00")
    refused(tmp_path, "column 'acq_time' has '2999-01-31T09:00:00'", "before 1925")


NUMBERS_READ = [c for c in RATED_COLUMNS if c.kind in (COUNT, NUMBER)]


@pytest.mark.parametrize("column", NUMBERS_READ, ids=lambda column: column.name)
def test_a_number_out_of_its_range_names_file_row_and_column(write, column):
    wrong = [str(column.high + 1), str(column.low - 1), "inf", "many"]
    wrong += ["2.5"] if column.kind == COUNT else []
    place = {"x_mm": 1, "y_mm": 1, "z_mm": 1} if column.of == LESION else {}
    for text in wrong:
        cells = {"participant_id": "01", "session_id": "1"} | place | {column.name: text}
        path = write("r.csv", ",".join(cells), ",".join(map(str, cells.values())))
        refused(path, f"r.csv, row 2, column '{column.name}' has '{text}', but a {column.kind}")
