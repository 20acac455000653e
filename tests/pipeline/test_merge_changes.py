"""What is made of several pairs together: tracks, chains, constancy, treatment, calibration."""

import json
from datetime import date

import numpy as np
import pytest
from job_runs import later_jobs

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.longitudinal.calibration.self_calibration import Calibration, Recovery
from mslesion.pipeline.dataset import calibration as calibrating
from mslesion.pipeline.dataset.calibration import (
    calibration_path,
    finished_calibration,
)
from mslesion.pipeline.dataset.jobs import do_job
from mslesion.pipeline.dataset.merge_changes import CHAIN, merge_changes
from mslesion.pipeline.pair.constancy import volume_change_path, with_constancy
from mslesion.pipeline.pair.maps import ReadVisit
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import RECORD_KEYS, part_path, record_path
from mslesion.reports.parts import Part
from mslesion.schema.ratings import Ratings

CALIBRATE = Settings(calibrate=True)
DAYS = {"1": "2020-01-01", "2": "2021-01-01", "3": "2022-01-01", "4": "2023-01-01"}


def visit(session, *, lesions=(), **values):
    """A visit's record with lesions of these volumes."""
    row = {"visit_date": DAYS[session], "scanner_id": "A"} | values
    rows = [{"lesion_id": n, "volume_mm3": v} for n, v in enumerate(lesions, start=1)]
    return {"subject": "1", "session": session, "visits": [row], "lesions": rows}


def pair(start, end, *, links=(), lesions=(), expansions=(), **change):
    """A pair's record."""
    who = {"session_from": start, "session_to": end}
    return who | {
        "change": who | change,
        "links": [list(link) for link in links],
        "lesions": [who | row for row in lesions],
        "expansions": [who | row for row in expansions],
    }


def merged(visits, pairs, facts=None):
    ratings = Ratings({("1", None): facts} if facts else {})
    return merge_changes({"1": visits}, {"1": pairs}, ratings=ratings)


def lesion(group, before, after, event="stable"):
    ends = {"lesions_from": before, "lesions_to": after}
    return {"group_id": group, **ends, "change": event, "parents": None}


def test_tracks_go_through_visits_that_are_not_neighbours():
    """Lesion 1 is gone at the second visit and there again at the third; 2 and 3 merge."""
    visits = [visit("1", lesions=(5, 6, 7)), visit("2", lesions=(9,)), visit("3", lesions=(8, 14))]
    pairs = [
        pair("1", "2", links=[(2, 1)], lesions=[
            lesion(1, "1", None, "resolved"), lesion(2, "2", "1"), lesion(3, "3", None, "resolved"),
        ]),
        pair("1", "3", links=[(1, 1), (2, 2), (3, 2)], lesions=[
            lesion(1, "1", "1"), lesion(2, "2+3", "2", "merged"), lesion(3, None, None),
        ]),
        pair("2", "3", links=[(1, 2)], lesions=[
            lesion(1, "1", "2"), lesion(2, None, "1", "new"),
        ]),
    ]  # fmt: skip
    frame = merged(visits, pairs)["lesion_changes"]
    key = ["session_from", "session_to", "group_id"]
    tracks = frame.set_index(key)["track_id"].to_dict()
    first, second, third = "ses-1", "ses-2", "ses-3"
    assert tracks[first, second, 1] == tracks[first, third, 1] == tracks[second, third, 2] == 1
    assert tracks[first, second, 2] == tracks[first, second, 3] == tracks[first, third, 2] == 2
    assert tracks[second, third, 1] == 2
    assert frame.set_index(key)["track_id"].isna().sum() == 1  # no visit's table has it
    # The same whatever the order in which the pairs are given
    again = merged(visits[::-1], pairs[::-1])["lesion_changes"]
    assert again.equals(frame)


@pytest.mark.parametrize(("direct", "flag"), [(-1.2, CHAIN), (-1.1, None), (None, None)])
def test_chain(direct, flag):
    """-0.3 and -0.3 add up to -0.6; -1.2 is 0.6 away, -1.1 half a point (exclusive)."""
    visits = [visit(s) for s in "123"]
    pairs = [
        pair("1", "2", pbvc_pct=-0.25, flags=""),
        pair("1", "3", pbvc_pct=direct, flags="scanner_change:warn"),
        pair("2", "3", pbvc_pct=-0.35, flags=""),
    ]
    frame = merged(visits, pairs)["changes"].set_index(["session_from", "session_to"])
    flags = frame.loc[("ses-1", "ses-3"), "flags"]
    assert flags == ";".join(filter(None, ("scanner_change:warn", flag)))
    assert frame.loc[("ses-1", "ses-2"), "flags"] == ""


def test_treatment_splits_the_course():
    """It begins on 1 March 2020: the second visit is later than half a year after it."""
    visits = [visit(s, lesion_volume_ml=float(s)) for s in "1234"]
    pairs = [pair("1", "2"), pair("2", "3")]
    facts = {"treatment_start_date": date(2020, 3, 1)}
    tables = merged(visits, pairs, facts)
    row = tables["trajectories"].iloc[0]
    assert (row["measure"], row["starts_with"]) == ("lesion_volume_ml", "treatment")
    assert (row["date_from"], row["visit_count"]) == ("2021-01-01", 3)
    assert row["slope_per_year"] == pytest.approx(365.25 / 365)
    window = tables["changes"].set_index("session_to")["pseudoatrophy_window"]
    assert bool(window["ses-2"])
    assert not window["ses-3"]
    plain = merged(visits, pairs)
    assert plain["trajectories"].iloc[0]["starts_with"] == "first visit"
    assert plain["changes"]["pseudoatrophy_window"].isna().all()


def test_a_scanner_change_splits_the_course():
    names = dict(zip("1234", "ABBB", strict=True))
    visits = [visit(s, lesion_volume_ml=1.0, scanner_id=names[s]) for s in "1234"]
    rows = merged(visits, [])["trajectories"]
    assert rows[["starts_with", "visit_count"]].to_numpy().tolist() == [["scanner change", 3]]


def test_a_withheld_brain_change_splits_the_course_of_brain_volumes():
    visits = [visit(s, lesion_volume_ml=float(s), brain_ml=1000 - int(s)) for s in "1234"]
    pairs = [
        pair("1", "2", brain_change_assessable=False), pair("2", "3", brain_change_assessable=True),
        pair("1", "4", brain_change_assessable=False),
    ]  # fmt: skip
    rows = merged(visits, pairs)["trajectories"].set_index("measure")
    names = ["starts_with", "visit_count"]
    assert rows.loc["brain_ml", names].tolist() == ["change not assessable", 3]
    assert rows.loc["lesion_volume_ml", names].tolist() == ["first visit", 4]


def test_course_of_the_lesions_by_both_visits():
    """The load since the first visit: 2.0 and 2.5 in one pair, 1.8 and 2.8 in the other."""
    visits = [visit("1"), visit("2"), visit("3")]
    columns = ("lesion_volume_joint_from_ml", "lesion_volume_joint_to_ml")
    pairs = [
        pair(start, end, **dict(zip(columns, values, strict=True)))
        for start, end, values in (("1", "2", (2.0, 2.5)), ("1", "3", (1.8, 2.8)))
    ] + [pair("2", "3", **dict(zip(columns, (2.1, 9.0), strict=True)))]
    rows = merged(visits, pairs)["trajectories"].set_index("measure")
    # 0, 0.5 and 1 ml after 0, 366 and 731 days
    assert rows.index.tolist() == ["lesion_volume_joint_ml"]
    slopes = sorted([0.5 / 366, 0.5 / 365, 1 / 731])
    assert rows["slope_per_year"].tolist() == pytest.approx([365.25 * slopes[1]])
    lost = [pairs[0], pair("1", "3"), pairs[2]]  # two visits with a value give no slope
    assert len(merged(visits, lost)["trajectories"]) == 0


def test_no_course_where_dates_do_not_rise():
    visits = [visit(s, lesion_volume_ml=1.0) for s in "123"]
    visits[2]["visits"][0]["visit_date"] = DAYS["1"]
    assert len(merged(visits, [])["trajectories"]) == 0


def keep(tmp_path, name, change_pct, points=()):
    """The volume change of a pair, everywhere the same; gives the path of its record."""
    record = tmp_path / f"{name}.json"
    with volume_change_path(record).open("wb") as file:
        np.savez_compressed(
            file,
            change_pct=np.full((8, 8, 8), change_pct, np.float16),
            to_first=np.eye(4),
            points=np.array(points, np.float32).reshape(-1, 3),
            candidate=np.ones(len(points), np.int32),
        )
    return record


def test_constancy(tmp_path):
    """20 % in two years, 10 % in the first: even. Half of it, 5 %: not.

    The line through the origin that fits (1, 5) and (2, 20) best has a slope of
    (1 * 5 + 2 * 20) / 5 = 9; residuals -4 and 2; mean square 10 by (25 + 400) / 2 = 0.047.
    Robust weights move it somewhat.
    """
    days = {session: date.fromisoformat(day) for session, day in DAYS.items()}
    whole = 731 / 365.25
    candidate = {"candidate_id": 1, "rate_pct_per_year": 20 / whole, "constancy": None}
    long = pair("1", "3", expansions=[candidate]) | {
        "path": keep(tmp_path, "long", 20, [(3, 3, 3), (4, 4, 4)])
    }
    even = pair("1", "2") | {"path": keep(tmp_path, "even", 10)}
    odd = pair("1", "2") | {"path": keep(tmp_path, "odd", 5)}
    other = pair("2", "3") | {"path": keep(tmp_path, "other", 99)}
    (row,) = with_constancy(long, [long, even, other], days)
    assert row["constancy"] == pytest.approx(0, abs=1e-4)
    (row,) = with_constancy(long, [long, odd, other], days)
    assert 0.03 < row["constancy"] < 0.12
    (row,) = with_constancy(long, [long, other], days)
    assert row["constancy"] is None
    (row,) = with_constancy(long, [long, pair("1", "2")], days)  # it kept nothing
    assert row["constancy"] is None


def finished(output, session):
    """A finished visit with a record alone."""
    record = {key: [] for key in RECORD_KEYS} | visit(session, lesion_volume_ml=1.0)
    record["made_from"] = {"session": session}
    path = record_path(output, Visit("1", session, {}))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    part_path(output, Visit("1", session, {})).write_text(Part().to_text())
    return record


@pytest.fixture
def calibrated(tmp_path, monkeypatch):
    """Two visits, and a stand-in for the work."""
    calls = []

    def stand_in(maps, *, rule, lesion_network, threshold, min_size):
        calls.append((rule, lesion_network, threshold, min_size))
        return Calibration(
            (Recovery("enlarging", 5, 4),), 1, 0, 0, -1.0, np.float64(-0.9), "", True
        )

    class Maps:
        probability = None

    monkeypatch.setattr(calibrating, "calibrate", stand_in)
    monkeypatch.setattr(calibrating, "read_visit", lambda *_args: ReadVisit(Maps, None))
    records = [finished(tmp_path, session) for session in "12"]
    scans = {"FLAIR": tmp_path / "flair.nii.gz"}
    visits = [Visit("1", session, scans) for session in "12"]
    return tmp_path, visits, records, calls


def calibrations(output, visits, settings=CALIBRATE):
    """The calibrations of visits that are finished."""
    jobs = later_jobs(output, output, visits, settings=settings)
    return [job for job in jobs if job.pair is None]


def test_calibration_is_of_the_first_visit(calibrated):
    output, visits, records, calls = calibrated
    settings = Settings(calibrate=True, change_rule="pct", lesion_threshold=0.6, min_size="msseg")
    assert calibrations(output, visits, Settings()) == []
    (job,) = calibrations(output, visits, settings)
    assert job.visit.session == "1"
    outcome = do_job(job)
    assert outcome.text.startswith("sub-1_ses-1 calibration done (")
    assert do_job(job).state == "unchanged"
    assert calls == [("pct", None, 0.6, "msseg")]  # a given mask is not found anew
    rows = finished_calibration(output, records)
    assert [row["item"] for row in rows] == ["enlarging", "false_new", "brain_volume"]
    assert rows[0]["recovered_count"] == 4
    assert rows[2]["recovered_pct"] == -0.9
    assert {(row["participant_id"], row["session_id"]) for row in rows} == {("1", "1")}


def test_calibration_of_a_visit_that_was_done_again_is_not_shown(calibrated):
    output, visits, records, _ = calibrated
    (job,) = calibrations(output, visits)
    do_job(job)
    changed = [records[0] | {"made_from": {"session": "other"}}, records[1]]
    assert finished_calibration(output, changed) == []
    assert finished_calibration(output, records[:1]) == []  # one visit needs none


def test_a_patient_without_lesions_or_follow_up_is_not_calibrated(calibrated):
    output, visits, _, _ = calibrated
    settings = CALIBRATE
    plain = [Visit("1", "1", {"T1w": output}), visits[1]]
    assert calibrations(output, plain, settings) == []
    record_path(output, visits[1]).unlink()
    assert calibrations(output, visits, settings) == []


def test_a_broken_calibration(calibrated):
    output, visits, records, calls = calibrated
    (job,) = calibrations(output, visits)
    do_job(job)
    calibration_path(output, "1").write_text("{}")
    with pytest.raises(DatasetError, match="has no 'subject', but the record of each calibration"):
        finished_calibration(output, records)
    assert do_job(job).state == "done"
    assert len(calls) == 2
