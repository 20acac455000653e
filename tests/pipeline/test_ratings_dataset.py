"""Facts of a dataset: where they lie, whose they are, and what contradicts its scans."""

import logging

import numpy as np
import phantoms
import pytest

from mslesion.clinical.ratings import dataset_ratings, find_ratings, read_ratings
from mslesion.errors import TableError
from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset.ratings import (
    check_ratings,
    check_records,
    check_visits,
    find_label_map,
)
from mslesion.schema.ratings import LesionRating, Ratings

GRID = np.array([[4.0, 0, 0, -78], [0, 2, 0, -40], [0, 0, 2, 1], [0, 0, 0, 1]])
"""Of 40 voxels each: x from -80 to 80, y from -41 to 39, z from 0 to 80 mm."""


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@pytest.fixture
def root(tmp_path):
    """A dataset with BIDS tables and a folder of ratings."""
    root = tmp_path / "in"
    write(root / "participants.tsv", "participant_id\tage", "sub-01\t41")
    write(root / "sub-01/sub-01_sessions.tsv", "session_id\tgd_count", "ses-1\t2")
    write(root / "ratings/csf.csv", "participant_id,ocb", "01,yes")
    return root


def test_all_facts_of_a_dataset(root, tmp_path):
    more = write(tmp_path / "more.csv", "participant_id,session_id,cord_count", "01,1,3")
    ratings = dataset_ratings(root, [more])
    assert ratings.facts_of("01", "1") == {
        "age_years": 41, "gd_count": 2, "oligoclonal_bands": True, "cord_count": 3,
    }  # fmt: skip
    assert ratings.folders == (root / "ratings",)


def test_no_file_is_read_twice(root):
    own = [root / "participants.tsv", root / "sub-01/sub-01_sessions.tsv", root / "ratings"]
    assert find_ratings(root) == own
    assert find_ratings(root, [root / "ratings", root / "ratings/csf.csv"]) == own


def test_a_dataset_without_facts(tmp_path):
    (tmp_path / "in").mkdir()
    assert dataset_ratings(tmp_path / "in") == Ratings()
    assert dataset_ratings(tmp_path / "gone") == Ratings()


def test_a_named_file_that_is_not_there(root, tmp_path):
    with pytest.raises(TableError, match=r"none.csv cannot be read \(No such file"):
        dataset_ratings(root, [tmp_path / "none.csv"])


def test_zeros_cut_off_by_a_spreadsheet(tmp_path):
    table = write(tmp_path / "a.csv", "participant_id,session_id,cord_count", "1,1,0", "99,1,0")
    ratings = read_ratings(table)
    check_visits(ratings, [("1", "1"), ("002", "1")])
    with pytest.raises(
        TableError, match=r"the subject '1', but the dataset has '001': .* write sub-001\."
    ):
        check_visits(ratings, [("001", "1")])
    with pytest.raises(
        TableError, match=r"the session '1', but the dataset has '01': .* write ses-01\."
    ):
        check_visits(ratings, [("1", "01")])


def test_facts_of_no_visit_are_told(tmp_path, caplog):
    table = write(tmp_path / "a.csv", "participant_id,session_id,cord_count", "01,9,0", "02,9,0")
    with caplog.at_level(logging.WARNING):
        check_visits(read_ratings(table), [("01", "1"), ("01", "2")])
    assert caplog.messages == ["Clinical data of sub-01 ses-9 match no visit (1, 2)"]


def test_facts_that_are_newer_than_the_visit(tmp_path, caplog):
    """What is given to the group level alone does not reach intervals and rates."""
    table = write(
        tmp_path / "a.csv",
        "participant_id,session_id,visit_date,scanner,age",
        "01,1,2020-01-31,A,40",
        "02,,2020-01-31,,",
    )
    row = {"visit_date": "2020-01-31", "scanner_id": "A", "age_years": 40.0}
    one = {"subject": "01", "session": "1", "visits": [row]}
    with caplog.at_level(logging.WARNING):
        check_records(read_ratings(table), [one])
        assert caplog.messages == []
        undated = one | {"visits": [row | {"visit_date": None}]}
        nothing = {"subject": "02", "session": "", "visits": []}
        check_records(read_ratings(table), [undated, nothing])
    assert caplog.messages == [
        "sub-01_ses-1 was measured with visit_date None, but the ratings give 2020-01-31. Run the "
        "participant level again with the same ratings.",
        "sub-02 was measured with visit_date None, but the ratings give 2020-01-31. Run the "
        "participant level again with the same ratings.",
    ]


def test_no_contrast_agent_but_a_scan_after_it(tmp_path):
    table = write(tmp_path / "a.csv", "participant_id,session_id,contrast_given", "01,1,no")
    scan = tmp_path / "sub-01_ses-1_ce-gd_T1w.nii.gz"
    ratings = read_ratings(table)
    check_ratings(ratings, [Visit("01", "1", {"T1w": scan})])
    with pytest.raises(
        TableError, match=r"that sub-01_ses-1 was acquired without contrast agent, but .*ce-gd_T1w"
    ):
        check_ratings(ratings, [Visit("01", "1", {"T1w": scan, "T1wGd": scan})])


@pytest.mark.parametrize(
    ("position", "is_inside"),
    [
        ((0, 0, 5), True), ((-80, -41, 0), True), ((80, 39, 80), True),
        ((80.1, 0, 5), False), ((0, -41.1, 5), False), ((0, 0, 80.1), False),
    ],
)  # fmt: skip
def test_a_position_outside_of_the_scan(tmp_path, position, is_inside):
    scan = tmp_path / "flair.nii.gz"
    data = np.random.default_rng(0).random((40, 40, 40)).astype(np.float32) + 1
    phantoms.write_nifti(scan, data, GRID)
    rating = LesionRating(position_mm=position, place="a.csv, row 2")
    ratings = Ratings(lesions={("01", ""): (rating,)})
    visit = Visit("01", "", {"FLAIR": scan})
    if is_inside:
        check_ratings(ratings, [visit])
        return
    with pytest.raises(
        TableError,
        match=r"a.csv, row 2 has a lesion at .* mm, which is outside .*flair.nii.gz "
        r"\(x -80 to 80, y -41 to 39, z 0 to 80\). Check that x_mm is positive to the right",
    ):
        check_ratings(ratings, [visit])


def test_a_scan_that_cannot_be_read_fails_later(tmp_path):
    """With its own reason; the facts are not to blame."""
    scan = tmp_path / "flair.nii.gz"
    scan.write_bytes(b"no scan")
    rated = Ratings(lesions={("01", ""): (LesionRating(position_mm=(0, 0, 0)),)})
    check_ratings(rated, [Visit("01", "", {"FLAIR": scan}), Visit("01", "", {})])


def test_label_map_of_a_rater(tmp_path):
    assert find_label_map([tmp_path], "sub-01_ses-1") is None
    first = write(tmp_path / "a/sub-01_ses-1_desc-prl_dseg.nii.gz", "")
    write(tmp_path / "a/sub-01_ses-1_desc-prl_dseg.json", "")
    write(tmp_path / "a/sub-01_ses-12_dseg.nii.gz", "")
    assert find_label_map([tmp_path], "sub-01_ses-1") == first
    write(tmp_path / "b/sub-01_ses-1_dseg.nii", "")
    with pytest.raises(TableError, match=r"sub-01_ses-1 has 2 label maps of a rater \(.*one is"):
        find_label_map([tmp_path], "sub-01_ses-1")
