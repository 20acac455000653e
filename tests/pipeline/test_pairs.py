"""Pairs of visits: what is compared, resumed, cleared and merged, and what failures cost."""

import base64
import gzip
import json
import os
import re
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pair_visits as made
import pandas as pd
import pytest
import SimpleITK as sitk
import visit_phantoms as heads
from html_values import Page, check_values
from job_runs import later_jobs, run_jobs, write_group

from mslesion.clinical.ratings import dataset_ratings
from mslesion.errors import DatasetError
from mslesion.io import nifti
from mslesion.io.dataset import Visit, find_visits
from mslesion.longitudinal import pair as pair_steps
from mslesion.longitudinal.alignment import placing
from mslesion.pipeline.dataset.failures import merge_failures, note_outcome
from mslesion.pipeline.dataset.jobs import Outcome, do_job
from mslesion.pipeline.pair import jobs as pairs
from mslesion.pipeline.pair import outputs as pair_outputs
from mslesion.pipeline.pair.compare import compare_visits
from mslesion.pipeline.pair.maps import maps_of, read_visit
from mslesion.pipeline.pair.records import (
    Pair,
    in_time,
    is_order_sure,
    pair_path,
    pairs_folder,
    pairs_of,
)
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.outputs import clear_visit, write_visit
from mslesion.pipeline.visit.process import process_visit
from mslesion.pipeline.visit.records import read_record, record_path
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES, TRAJECTORIES, sidecar
from mslesion.schema.prerequisites import empty_when

SETTINGS = Settings()
NAMES = ["sub-01_ses-1_ses-2", "sub-01_ses-1_ses-3", "sub-01_ses-2_ses-3"]


def jobs_of(root, output, settings=SETTINGS):
    return later_jobs(root, output, find_visits(root), settings=settings)


def run(root, output, **options):
    """All pairs, and their states."""
    outcomes = run_jobs(jobs_of(root, output, **options))
    return [outcome.state for outcome in outcomes]


def files(folder):
    """Content of every file."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def does_pair(job):
    """A pair in a process of its own."""
    placing.find_frame = made.still_frame
    pair_steps.refine_frame = pair_steps.scale_by_skull = made.as_it_is
    return do_job(job)


def does_or_is_killed(job):
    """Work whose process is killed at one pair, as by a system out of memory."""
    if job.pair.session_from == "2":
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(job, "done")


@pytest.fixture(scope="module")
def still():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placing, "find_frame", made.still_frame)
        for step in ("scale_by_skull", "refine_frame"):
            patch.setattr(pair_steps, step, made.as_it_is)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, plain, still):
    """Three visits of one patient, each pair compared, merged: input and output."""
    folder = tmp_path_factory.mktemp("three")
    root, output = folder / "in", folder / "out"
    made.write_raw(root)
    made.finish(root, output, plain)
    assert run(root, output) == ["done"] * 3
    write_group(output, raw=str(root))
    return root, output


@pytest.fixture
def copy(whole, tmp_path, cheap):
    """A copy of the three visits and their pairs that a test may change."""
    root, output = tmp_path / "in", tmp_path / "out"
    shutil.copytree(whole[0], root)
    shutil.copytree(whole[1], output)
    return root, output


@pytest.fixture(scope="module")
def results():
    """Comparisons by their pair and rule."""
    return {}


@pytest.fixture
def cheap(monkeypatch, results):
    """Each comparison is done once; gives the pairs that were asked for."""
    calls = []
    real = pairs.compare_segmentations

    def stand_in(first, second, *, rows, rule):
        key = (first.session, second.session)
        calls.append(key)
        if key not in results:
            results[key] = real(first, second, rows=rows, rule=rule)
        comparison, widths = results[key]
        return replace(comparison, rule=rule), widths

    monkeypatch.setattr(pairs, "compare_segmentations", stand_in)
    return calls


def test_what_changed(whole):
    """3 lesions; one more at the second visit; another one gone at the third."""
    frame = made.read(whole[1] / "changes.csv").set_index(["session_from", "session_to"])
    counts = ["new_t2_count", "resolved_count", "stable_count", "enlarging_count", "days"]
    assert frame.loc[("ses-1", "ses-2"), counts].tolist() == ["1", "0", "3", "0", "366"]
    assert frame.loc[("ses-2", "ses-3"), counts].tolist() == ["0", "1", "3", "0", "365"]
    assert frame.loc[("ses-1", "ses-3"), counts].tolist() == ["1", "1", "2", "0", "731"]
    assert frame["change_rule"].unique().tolist() == ["radial"]
    assert (frame["pbvc_pct"].astype(float).abs() < 0.2).all()  # the brain is the same


def test_a_lesion_has_one_track_over_all_visits(whole):
    frame = made.read(whole[1] / "lesion_changes.csv")
    assert len(frame) == 12
    tracks = frame.groupby("location")["track_id"].unique().map(list).to_dict()
    assert sorted(len(one) for one in tracks.values()) == [1, 1, 1, 1]
    assert sorted(one[0] for one in tracks.values()) == ["1", "2", "3", "4"]
    assert tracks["deep_white"] == ["4"]  # the only one that is not there at the first visit


@pytest.mark.parametrize(
    "table", [CHANGES, LESION_CHANGES, EXPANSIONS, TRAJECTORIES], ids=lambda table: table.name
)
def test_tables_have_their_dictionaries(whole, table):
    frame = made.read(whole[1] / f"{table.name}.csv")
    assert list(frame.columns) == table.names
    assert json.loads((whole[1] / f"{table.name}.json").read_text("utf-8")) == sidecar(table)
    for column in table.columns:
        assert empty_when(column) != "never" or all(frame[column.name]), column.name
    ignored = (whole[1] / ".bidsignore").read_text().split()
    assert f"/{table.name}.json" in ignored
    assert "/*.csv" in ignored


def test_trajectories_need_three_visits(whole):
    frame = made.read(whole[1] / "trajectories.csv").set_index(["measure", "track_id"])
    # 93, 93 and 93 mm3 (the balls do not change); in years, one of 366 and one of 365 days
    assert frame.loc[("lesion_volume_mm3", "1"), "slope_per_year"] == "0"
    assert set(frame["visit_count"]) == {"3"}
    assert set(frame["ci95_low"]) == {""}
    changes = made.read(whole[1] / "changes.csv").set_index(["session_from", "session_to"])
    points = [0, *(float(changes.loc[("ses-1", f"ses-{s}"), "pbvc_pct"]) for s in "23")]
    years = [0, 366 / 365.25, 731 / 365.25]
    slopes = [(points[b] - points[a]) / (years[b] - years[a]) for a, b in ((0, 1), (0, 2), (1, 2))]
    found = float(frame.loc[("pbvc_pct", ""), "slope_per_year"])
    assert found == pytest.approx(sorted(slopes)[1], rel=1e-4)


def test_change_maps_lie_on_the_second_visits_grid(whole, plain):
    folder = whole[1] / "sub-01/ses-3/anat"
    one = heads.head()
    for name, new in (("seg-lesionchange_dseg", None), ("seg-lesionchange_desc-first_dseg", 2)):
        start = folder / f"sub-01_ses-3_space-orig_{name}"
        values = heads.read(start.with_suffix(".nii.gz"))
        assert values.shape == plain.anatomy.shape
        assert set(values[one.lesion("periventricular")]) == {1}
        assert np.median(values[one.lesion("juxtacortical")]) == 5
        assert np.median(values[one.lesion("deep_white")]) == (new or 1)
        about = json.loads(start.with_suffix(".json").read_text())
        assert about["BaselineSession"] == ("ses-2" if new is None else "ses-1")
        lookup = pd.read_csv(start.with_suffix(".tsv"), sep="\t")
        assert lookup["index"].tolist() == [0, 1, 2, 3, 4, 5]
    first = whole[1] / "sub-01/ses-1/anat"
    assert not list(first.glob("*lesionchange*"))


def test_viewer_shows_the_pairs(whole, plain):
    """What the page carries of a pair: its change map, cut, and where the earlier visit lies."""
    html = (whole[1] / "sub-01.html").read_text("utf-8")
    about = json.loads(re.search(r'data-viewer="about">(.*?)</script>', html, re.DOTALL)[1])
    assert [(pair["from"], pair["to"]) for pair in about["pairs"]] == [(0, 1), (0, 2), (1, 2)]
    data = dict(re.findall(r'data-volume="([^"]*)">(.*?)</script>', html))
    for pair in about["pairs"]:
        assert np.allclose(pair["toFirst"], np.eye(4))  # none moved
        content = gzip.decompress(base64.b64decode(data[pair["change"]]))
        image = nib.Nifti1Image.from_bytes(content)
        start = np.rint((np.linalg.inv(plain.affine) @ image.affine)[:3, 3]).astype(int)
        box = tuple(slice(a, a + n) for a, n in zip(start, image.shape, strict=True))
        values = np.zeros(plain.anatomy.shape, np.uint8)
        values[box] = np.asanyarray(image.dataobj)
        assert set(values[heads.head().lesion("periventricular")]) == {1}


def test_pages_without_viewer(copy):
    """The setting is of the page alone: no visit and no pair is done again."""
    root, output = copy
    page = output / "sub-01.html"
    before = page.read_bytes()
    assert b'id="viewer"' in before
    off = Settings(viewer=False)
    write_group(output, raw=str(root), settings=off)
    assert b'id="viewer"' not in page.read_bytes()
    assert run(root, output, settings=off) == ["unchanged"] * 3
    write_group(output, raw=str(root))
    assert page.read_bytes() == before


def test_transforms_are_read_by_itk(whole):
    output = whole[1]
    path = output / "sub-01/ses-3/anat/sub-01_ses-3_from-ses1_to-orig_mode-image_xfm.txt"
    transform = sitk.ReadTransform(str(path))
    assert transform.TransformPoint((1.0, 2.0, 3.0)) == pytest.approx((1, 2, 3))  # none moved
    path = path.with_name("sub-01_ses-3_from-T1w_to-orig_mode-image_xfm.txt")
    record = read_record(record_path(output, Visit("01", "3", {})))
    matrix = np.array(record["transforms"]["T1w"])
    point = np.array([10.0, -20, 30])
    moved = matrix[:3, :3] @ point + matrix[:3, 3]
    lps = sitk.ReadTransform(str(path)).TransformPoint((point * [-1, -1, 1]).tolist())
    assert np.multiply(lps, [-1, -1, 1]) == pytest.approx(moved, abs=1e-6)


def test_values_of_the_page_are_those_of_the_tables(whole):
    output = whole[1]
    html = (output / "sub-01.html").read_text("utf-8")
    tables = {path.stem: made.read(path) for path in output.glob("*.csv")}
    assert check_values(html, tables) > 500
    for text in (
        "Course over 3 visits", "Change from ses-1 to ses-2",
        "Change from ses-2 to ses-3", "Change from ses-1 to ses-3",
        "FLAIR of both visits in their common frame", "Every lesion that changed",
        "new lesion (solid line)", "the rule radial decides which", "Leung KK et al.",
    ):  # fmt: skip
        assert text in html


def test_what_is_read_back_is_what_the_result_had(whole, plain):
    root, output = whole
    for visit in find_visits(root):
        record = read_record(record_path(output, visit))
        back = read_visit(visit, output, record).maps
        ours = maps_of(made.result_of(visit, plain))
        for name in ("anatomy", "anatomy_affine", "lesions", "lesions_affine", "probability"):
            assert np.array_equal(getattr(back, name), getattr(ours, name)), name
        for name in ("session", "day", "scanner_id", "flair_dim", "sees_skull", "locations"):
            assert getattr(back, name) == getattr(ours, name), name
        for name, scan in back.scans.items():
            assert np.array_equal(scan.from_reference, ours.scans[name].from_reference)


def test_thick_slices_keep_their_anatomy_of_1_mm(tmp_path, monkeypatch):
    """Voxels of 3 mm are too coarse for the brain's border."""
    one = heads.head((1.0, 1.0, 3.0))
    heads.write_bids(tmp_path / "in", one, codes="LPS")
    heads.teach(monkeypatch, one)
    (visit,) = find_visits(tmp_path / "in")
    result = process_visit(visit)
    write_visit(result, tmp_path / "out", root=tmp_path / "in", made_from={})
    record = read_record(record_path(tmp_path / "out", visit))
    back = read_visit(visit, tmp_path / "out", record).maps
    assert np.array_equal(back.anatomy, result.segmented.working_anatomy)
    assert np.array_equal(back.anatomy_affine, result.prepared.working_grid.affine)
    assert np.array_equal(back.lesions, result.lesion_labels)
    assert np.array_equal(back.lesions_affine, result.affine)
    anat = tmp_path / "out/sub-01/ses-1/anat"
    about = json.loads((anat / "sub-01_ses-1_space-orig_seg-anatomy_res-1mm_dseg.json").read_text())
    assert about["Resolution"].startswith("1 mm")
    clear_visit(tmp_path / "out", visit)
    assert list(anat.iterdir()) == []  # the transform too


def test_rerun_skips_what_is_compared(copy, cheap):
    root, output = copy
    before = files(output)
    assert run(root, output) == ["unchanged"] * 3
    write_group(output, raw=str(root))
    assert cheap == []
    assert files(output) == before


def test_three_visits_are_read_once_for_all_pairs(copy, opened):
    """Two scans and three maps of each visit."""
    root, output = copy
    assert run(root, output, settings=Settings(change_rule="pct")) == ["done"] * 3
    images = {name: count for name, count in opened.items() if name.endswith(".nii.gz")}
    assert len(images) == 3 * 5
    assert set(images.values()) == {1}


def test_another_rule_compares_again_and_segments_nothing(copy, cheap):
    root, output = copy
    assert run(root, output, settings=Settings(change_rule="pct")) == ["done"] * 3
    assert run(root, output, settings=Settings(change_rule="pct")) == ["unchanged"] * 3
    assert len(cheap) == 3


def test_another_version_compares_again(copy, monkeypatch):
    monkeypatch.setattr("mslesion.pipeline.pair.records.package_version", lambda: "9.9")
    assert run(*copy) == ["done"] * 3


def test_a_visit_done_again_takes_its_pairs_along(copy, cheap, plain):
    root, output = copy
    clear_visit(output, Visit("01", "2", {}))
    left = [pair.name for pair in pair_outputs.recorded_pairs(output, "01")]
    assert left == [NAMES[1]]
    kept = {path.name for path in pairs_folder(output, "01").glob("*_view-*")}
    assert kept == {f"{NAMES[1]}_view-change.nii.gz"}
    third = output / "sub-01/ses-3/anat"
    assert not (third / "sub-01_ses-3_space-orig_seg-lesionchange_dseg.nii.gz").exists()
    assert (third / "sub-01_ses-3_space-orig_seg-lesionchange_desc-first_dseg.nii.gz").exists()
    made.finish(root, output, plain, sessions="2")
    assert run(root, output) == ["done", "unchanged", "done"]
    assert cheap == [("1", "2"), ("2", "3")]


def test_a_record_of_another_visit_is_not_merged(copy):
    """The visit was done again, with another age, and the run was stopped before the pairs."""
    root, output = copy
    path = record_path(output, Visit("01", "2", {}))
    record = json.loads(path.read_text())
    record["made_from"]["facts"]["age_years"] = "50"
    path.write_text(json.dumps(record))
    tables = write_group(output, raw=str(root))
    assert tables["changes"][["session_from", "session_to"]].to_numpy().tolist() == [
        ["ses-1", "ses-3"]
    ]


def test_one_after_the_other_is_as_all_at_once(whole, tmp_path, plain, cheap):
    """First and third visit, then the second one between them, then nothing new."""
    root, output = tmp_path / "in", tmp_path / "out"
    made.write_raw(root)
    for sessions, states in (("1", []), ("3", ["done"]), ("2", ["done"] * 3)):
        made.finish(root, output, plain, sessions=sessions)
        assert run(root, output) == states
        write_group(output, raw=str(root))
    theirs, ours = files(whole[1]), files(output)
    assert sorted(theirs) == sorted(ours)
    for name in theirs:
        if name != "dataset_description.json":  # it says where the scans are
            assert theirs[name] == ours[name], name


@pytest.mark.slow
def test_two_processes_give_the_same_files(whole, tmp_path, plain):
    root, output = tmp_path / "in", tmp_path / "out"
    made.write_raw(root)
    made.finish(root, output, plain)
    outcomes = run_jobs(jobs_of(root, output), work=does_pair, n_jobs=2)
    assert [outcome.state for outcome in outcomes] == ["done"] * 3
    write_group(output, raw=str(root))
    theirs, ours = files(whole[1]), files(output)
    assert sorted(theirs) == sorted(ours)
    assert [n for n in theirs if theirs[n] != ours[n]] in ([], ["dataset_description.json"])


def test_a_killed_worker_costs_only_its_pair(copy):
    outcomes = run_jobs(jobs_of(*copy), work=does_or_is_killed, n_jobs=2)
    assert [outcome.state for outcome in outcomes] == ["done", "done", "failed"]
    assert outcomes[2].error == "WorkerLost"
    assert outcomes[2].text.startswith("sub-01_ses-3 compared with ses-2 failed: The process")


def test_a_pair_that_fails_is_a_row(copy, monkeypatch):
    root, output = copy

    def breaks(first, second, **_options):
        return {}["nothing"]

    monkeypatch.setattr(pairs, "compare_segmentations", breaks)
    jobs = jobs_of(root, output, settings=Settings(change_rule="pct"))
    for outcome in run_jobs(jobs):
        note_outcome(outcome, output)
    merge_failures(output)
    frame = pd.read_csv(output / "logs/failures.tsv", sep="\t", dtype=str)
    assert frame["session_from"].tolist() == ["ses-1", "ses-1", "ses-2"]
    assert set(frame["reason"]) == {"KeyError('nothing') at breaks. Please report it."}
    assert not list(output.rglob("*lesionchange*"))
    assert len(write_group(output, raw=str(root))["changes"]) == 0


def test_stopped_while_writing_then_rerun(copy, monkeypatch):
    root, output = copy
    whole_sync = nifti.os.fsync
    written = []

    def interrupted(handle):
        written.append(handle)
        if len(written) == 3:
            raise KeyboardInterrupt
        whole_sync(handle)

    shutil.rmtree(output / "logs/pairs")
    monkeypatch.setattr(nifti.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(root, output)
    monkeypatch.setattr(nifti.os, "fsync", whole_sync)
    assert not list(output.rglob("*.part"))
    assert not list((output / "logs").rglob("*ses-1_ses-2.json"))
    assert not list((output / ".work").iterdir())
    assert run(root, output) == ["done"] * 3


def test_maps_that_are_gone(copy):
    root, output = copy
    (output / "sub-01/ses-2/anat/sub-01_ses-2_space-orig_seg-anatomy_dseg.nii.gz").unlink()
    jobs = jobs_of(root, output, settings=Settings(change_rule="pct"))
    outcomes = run_jobs(jobs)
    assert [outcome.state for outcome in outcomes] == ["failed", "done", "failed"]
    assert (
        "is missing, but a comparison reads the maps of both visits. Remove "
        "logs/visits/sub-01/sub-01_ses-2"
    ) in (outcomes[0].reason)


def test_scans_that_are_gone(copy):
    """What is compared stays; what is not cannot be."""
    root, output = copy
    shutil.rmtree(root / "sub-01/ses-2")
    assert run(root, output) == ["unchanged"] * 3
    outcome = do_job(jobs_of(root, output, settings=Settings(change_rule="pct"))[0])
    assert "has no sub-01_ses-2, but" in outcome.reason
    advice = "Bring the scans back, or remove logs/visits/sub-01/sub-01_ses-2.json there."
    assert advice in outcome.reason


def test_a_visit_that_now_has_a_problem(copy):
    root, output = copy
    folder = root / "sub-01/ses-2/anat"
    (folder / "sub-01_ses-2_acq-b_FLAIR.nii.gz").write_bytes(b"b")
    outcome = do_job(jobs_of(root, output, settings=Settings(change_rule="pct"))[0])
    assert "acq-b_FLAIR.nii.gz cannot be read" in outcome.reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"ses-1_ses-2.json cannot be read \(Expecting"),
        ("{}", r"has no 'subject', but the record of each compared pair has it\. Remove"),
    ],
)
def test_a_broken_record_of_a_pair(copy, content, message):
    root, output = copy
    path = pair_path(output, Pair("01", "1", "2", is_with_before=True))
    path.write_text(content)
    with pytest.raises(DatasetError, match=message):
        write_group(output, raw=str(root))
    assert run(root, output) == ["done", "unchanged", "unchanged"]


def test_a_pair_without_its_pictures(copy):
    root, output = copy
    next((output / "logs/pairs/sub-01").glob("*ses-1_ses-2.page")).unlink()
    with pytest.raises(
        DatasetError,
        match=r"ses-1_ses-2\.page.*each compared pair has",
    ):
        write_group(output, raw=str(root))
    assert run(root, output) == ["done", "unchanged", "unchanged"]


def test_visits_without_a_scan_in_common(tmp_path, plain):
    """T1w at the first, FLAIR at the second: nothing is compared, and the row says why."""
    root, output = tmp_path / "in", tmp_path / "out"
    made.write_raw(root, sessions="12", modalities={"1": ("T1w",), "2": ("FLAIR",)})
    made.finish(root, output, plain)
    assert run(root, output) == ["done"]
    row = write_group(output, raw=str(root))["changes"].iloc[0]
    assert row["change_reason"] == "no FLAIR at the first visit"
    assert row["brain_change_reason"] == "no T1w or FLAIR at both visits"
    assert pd.isna(row["new_t2_count"])
    assert pd.isna(row["pbvc_pct"])
    html = (output / "sub-01.html").read_text("utf-8")
    assert "Lesion change is not assessable: no FLAIR at the first visit." in Page(html).text
    assert not list(output.rglob("*lesionchange*"))


@pytest.mark.parametrize(
    ("dates", "reason"),
    [
        (("2020-01-01", "2020-01-01"), "days between the visits: 0 d"),
        (("2021-01-01", "2020-01-01"), "days between the visits: -366 d"),
    ],
)
def test_dates_that_do_not_rise(plain, still, dates, reason):
    row = compared(plain, dates=dates).changes.iloc[0]
    assert row["change_reason"].startswith(reason)
    assert row["brain_change_reason"].startswith(reason)
    assert pd.isna(row["new_t2_count"])
    assert not row["change_assessable"]


def test_a_rated_date_and_scanner_reach_the_pair(tmp_path, plain, still):
    """No table of the dataset has them: interval, rates and scanners are those of the ratings."""
    root, output, table = tmp_path / "in", tmp_path / "out", tmp_path / "visits.csv"
    made.write_raw(root, sessions="12", dates=None)
    rows = (
        "participant_id,session_id,visit_date,scanner",
        "01,1,2020-01-01,A",
        "01,2,2021-01-01,B",
    )
    table.write_text("\n".join(rows))
    made.finish(root, output, plain, ratings=table)
    assert run(root, output) == ["done"]
    write_group(output, raw=str(root), ratings=dataset_ratings(root, table))
    row = made.read(output / "changes.csv").iloc[0]
    assert (row["days"], row["same_scanner"], row["new_t2_count"]) == ("366", "false", "1")
    # 366 of 365.25 days; 1 new lesion in them
    assert float(row["interval_years"]) == pytest.approx(1.002053, abs=5e-6)
    assert float(row["new_t2_per_year"]) == pytest.approx(0.997951, abs=5e-6)
    assert row["pbvc_pct_per_year"] != ""


def noisier(result):
    """A result whose scans are of another acquisition: with noise of their own."""
    rng = np.random.default_rng(2)
    scans = {
        name: replace(
            scan,
            data=np.where(scan.data > 0, scan.data + 4 * rng.standard_normal(scan.data.shape), 0),
        )
        for name, scan in result.prepared.scans.items()
    }
    return replace(result, prepared=replace(result.prepared, scans=scans))


def compared(plain, *, dates=(None, None), segmenter=None):
    """The first two visits, compared in Python."""
    found = []
    for session, day in zip("12", dates, strict=True):
        visit = Visit("01", session, {"FLAIR": Path(), "T1w": Path()})
        one = made.result_of(visit, plain)
        row = one.visits.assign(visit_date=day)
        if session == "2":
            one = noisier(one)
        if session == "2" and segmenter:
            row = row.assign(segmenter=segmenter)
        found.append(replace(one, visits=row.astype(one.visits.dtypes)))
    return compare_visits(*found)


def test_a_mask_for_one_visit_only(plain, still):
    """Two ways of finding lesions are not compared; the brain is."""
    found = compared(plain, segmenter="LST-AI")
    row = found.changes.iloc[0]
    assert (
        row["change_reason"]
        == "lesions segmented by mslesion at the first visit and by LST-AI at the second"
    )
    assert pd.isna(row["new_t2_count"])
    assert row["brain_change_assessable"]
    assert not pd.isna(row["pbvc_pct"])
    assert found.change_map is None
    assert len(found.lesions) == 0


def test_two_results_are_compared_in_python(plain, still):
    """No dates: change is given, rates are empty. The heads are that of `plain`: no change."""
    found = compared(plain)
    row = found.changes.iloc[0]
    assert row["brain_change_assessable"]
    assert pd.isna(row["days"])
    assert pd.isna(row["pbvc_pct_per_year"])
    assert row["pbvc_pct"] == pytest.approx(0, abs=0.1)
    assert found.change_map.shape == plain.anatomy.shape
    assert (found.quality["session_from"] == "ses-1").all()


def visit_record(session, day=None):
    return {"subject": "1", "session": session, "visits": [{"visit_date": day}]}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"M12": None, "M6": None, "M0": None}, ["M0", "M6", "M12"]),
        ({"02": "2020-01-01", "01": "2021-01-01"}, ["01", "02"]),  # one of both is wrong
        ({"post": "2021-01-01", "pre": "2020-01-01"}, ["pre", "post"]),
        ({"post": "2021-01-01", "pre": None}, ["pre", "post"]),
        ({"post": None, "pre": None}, ["pre", "post"]),
        ({"followup": None, "baseline": None}, ["baseline", "followup"]),
        ({"m12": None, "m6": None, "bl": None}, ["bl", "m6", "m12"]),
        ({"pre": "2021-01-01", "post": "2020-01-01"}, ["pre", "post"]),  # one of both is wrong
        ({"scanB": "2020-01-01", "scanA": "2021-01-01"}, ["scanB", "scanA"]),
        ({"scanB": "2020-01-01", "scanA": None}, ["scanA", "scanB"]),  # not assessable
        ({"": None, "2": None}, ["", "2"]),
    ],
)
def test_order_of_visits(labels, expected):
    records = [visit_record(label, day) for label, day in labels.items()]
    assert [record["session"] for record in in_time(records)] == expected


def test_sessions_without_order_in_a_run(tmp_path, plain, monkeypatch):
    """The command says it in the table, the page and the checks, and goes on."""
    root, output = tmp_path / "in", tmp_path / "out"
    for session in ("scanB", "scanA"):
        monkeypatch.setitem(made.LESIONS_AT, session, made.LESIONS_AT["1"])
        heads.write_bids(root, heads.head(), session=session)
    made.finish(root, output, plain)
    assert run(root, output) == ["done"]
    write_group(output, raw=str(root))
    row = made.read(output / "changes.csv").iloc[0]
    assert (row["session_from"], row["session_to"]) == ("ses-scanA", "ses-scanB")
    assert "do not say which came first" in row["change_reason"]
    assert row["new_t2_count"] == row["pbvc_pct"] == ""
    assert "do not say which came first" in (output / "sub-01.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("labels", "is_sure"),
    [
        ({"M12": None, "M6": "2020-01-01"}, True),
        ({"post": None, "pre": None}, True),
        ({"a": "2020-01-01", "b": "2021-01-01", "c": None}, True),
        ({"a": "2021-01-01", "b": "2020-01-01"}, False),
        ({"post": None, "pre": None, "x": None}, False),  # without x, pre comes first
    ],
)
def test_an_order_that_no_further_visit_changes(labels, is_sure):
    records = [visit_record(label, day) for label, day in labels.items()]
    assert is_order_sure(records) == is_sure


def test_each_visit_with_the_one_before_and_the_first():
    found = pairs_of([visit_record(label) for label in "4213"])
    assert [(p.session_from, p.session_to, p.is_with_before) for p in found] == [
        ("1", "2", True), ("1", "3", False), ("2", "3", True), ("1", "4", False), ("3", "4", True),
    ]  # fmt: skip
    assert pairs_of([visit_record("1")]) == []


def test_a_first_visit_without_a_session_label(copy):
    """Its label is empty in tables and records; pages name it in words."""
    root, output = copy
    run(root, output)
    for folder in ("visits", "pairs"):
        for path in (output / "logs" / folder / "sub-01").glob("sub-01_ses-1*"):
            start = "sub-01" if folder == "visits" else "sub-01_ses-"
            renamed = path.rename(path.with_name(path.name.replace("sub-01_ses-1", start)))
            if renamed.suffix in (".json", ".page"):
                text = renamed.read_text("utf-8")
                for name in ("session", "session_from"):
                    text = text.replace(f'"{name}": "1"', f'"{name}": ""')
                renamed.write_text(text.replace('"session_id": "ses-1"', '"session_id": null'))
    tables = write_group(output, raw=str(root))
    assert tables["changes"]["session_from"].isna().sum() == 2
    assert tables["lesion_changes"]["track_id"].notna().any()
    page = (output / "sub-01.html").read_text("utf-8")
    assert page.count("Change from the visit without a session label to ses-") >= 2
    assert "Rules and panels of earlier visits" in page
