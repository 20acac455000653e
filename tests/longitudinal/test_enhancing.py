"""Candidates for slow expansion: none in a lesion that enhances at the first visit."""

import pandas as pd
import pytest

from mslesion.longitudinal.lesions.enhancing import without_enhancing
from mslesion.schema import CHANGES, EXPANSIONS, LESIONS, RATED_LESIONS, as_table


def tables(*, enhancing=(), rated=()):
    """Two pairs that begin with visit 1, of a person and of a namesake without sessions."""
    pairs = [("01", "1", "2"), ("01", "1", "3"), ("02", None, "2")]
    ends = ("participant_id", "session_from", "session_to")
    changes = [
        dict(zip(ends, pair, strict=True))
        | {"sel_candidate_count": 2, "sel_candidate_volume_ml": 0.03}
        for pair in pairs
    ]
    expansions = [
        dict(zip(ends, pair, strict=True))
        | {"candidate_id": n, "lesion_id": lesion, "volume_mm3": volume}
        for pair in pairs
        for n, (lesion, volume) in enumerate([(4, 10.0), (7, 20.0)], start=1)
    ]
    lesions = [
        {"participant_id": "01", "session_id": session, "lesion_id": n,
         "is_enhancing_candidate": (session, n) in enhancing}
        for session in ("1", "2", "3") for n in (4, 7)
    ]  # fmt: skip
    lesions.append({"participant_id": "02", "session_id": None, "lesion_id": 4})  # not known
    ratings = [
        {"participant_id": who, "session_id": session, "position": n, "lesion_id": lesion, "gd": gd}
        for n, (who, session, lesion, gd) in enumerate(rated)
    ]
    return without_enhancing(
        as_table(changes, CHANGES),
        as_table(expansions, EXPANSIONS),
        lesions=as_table(lesions, LESIONS),
        rated=as_table(ratings, RATED_LESIONS),
    )


def counts(changes):
    return changes["sel_candidate_count"].tolist(), changes["sel_candidate_volume_ml"].tolist()


def test_nothing_enhances():
    changes, expansions = tables()
    assert counts(changes) == ([2, 2, 2], [0.03, 0.03, 0.03])
    assert len(expansions) == 6


def test_a_candidate_for_enhancement_leaves_all_pairs_that_begin_with_the_visit():
    changes, expansions = tables(enhancing={("1", 4)})
    assert counts(changes) == ([1, 1, 2], [pytest.approx(0.02), pytest.approx(0.02), 0.03])
    left = expansions[expansions["participant_id"] == "sub-01"]
    assert left["lesion_id"].tolist() == [7, 7]
    assert expansions.index.tolist() == list(range(4))


def test_enhancement_at_the_second_visit_is_another_matter():
    changes, expansions = tables(enhancing={("2", 4), ("3", 7)})
    assert counts(changes)[0] == [2, 2, 2]
    assert len(expansions) == 6


def test_a_rater_says_which_lesion_enhances():
    changes, _ = tables(rated=[("01", "1", 7, True), ("01", "1", 4, False), ("01", "1", 4, None)])
    assert counts(changes)[0] == [1, 1, 2]
    changes, expansions = tables(rated=[("02", None, 4, True), ("02", None, 7, True)])
    assert counts(changes) == ([2, 2, 0], [0.03, 0.03, pytest.approx(0, abs=1e-12)])
    assert not (expansions["participant_id"] == "sub-02").any()


def test_a_rated_lesion_that_was_not_segmented_is_no_candidate():
    changes, _ = tables(rated=[("01", "1", None, True)])
    assert counts(changes)[0] == [2, 2, 2]


def test_without_pairs():
    empty = [as_table([], table) for table in (CHANGES, EXPANSIONS, LESIONS, RATED_LESIONS)]
    changes, expansions = without_enhancing(*empty[:2], lesions=empty[2], rated=empty[3])
    pd.testing.assert_frame_equal(changes, empty[0])
    pd.testing.assert_frame_equal(expansions, empty[1])
