"""The command: exit codes, dry run, plain trees, masks, settings."""

import errno
import sys

import pytest
from run_stand_in import StandIn, bids

from mslesion import cli
from mslesion.errors import DatasetError, OutputError
from mslesion.pipeline.dataset import run


@pytest.fixture(autouse=True)
def _work(monkeypatch):
    """Instead of the jobs' work."""
    work = StandIn()
    monkeypatch.setattr(run, "do_job", work)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    return work


@pytest.fixture
def seen(_work):
    """The jobs that were done."""
    return _work.seen


@pytest.fixture
def compared(_work):
    """The pairs that were compared."""
    return _work.pairs


def call(*arguments):
    """The command, in this process unless the number of jobs is given."""
    jobs = () if "--n-jobs" in arguments else ("--n-jobs", 1)
    return cli.main([str(argument) for argument in (*arguments, *jobs)])


def rows(path, sep=","):
    return [line.split(sep) for line in path.read_text("utf-8").splitlines()]


def test_all_done(tmp_path, seen, capsys):
    root = bids(tmp_path / "in", "01/1", "01/2", "02")
    assert call(root, tmp_path / "out", "participant") == cli.DONE == 0
    assert [job.visit.name for job in seen] == ["sub-01_ses-1", "sub-01_ses-2", "sub-02"]
    assert [row[:2] for row in rows(tmp_path / "out/visits.csv")[1:]] == [
        ["sub-01", "ses-1"], ["sub-01", "ses-2"], ["sub-02", ""],
    ]  # fmt: skip
    assert "3 of 3 visits done, 1 of 1 pairs compared; tables in" in capsys.readouterr().err
    assert len(rows(tmp_path / "out/logs/failures.tsv")) == 1
    assert (tmp_path / "out/sub-01.html").read_text("utf-8").count("<p>part</p>") == 2


def test_visits_of_older_runs_are_compared_too(tmp_path, compared):
    root = bids(tmp_path / "in", "01/1", "01/2", "01/3", "02/1", "02/2")
    call(root, tmp_path / "out", "participant", "--session-label", "1")
    assert compared == []
    call(root, tmp_path / "out", "participant", "--session-label", "3", "--participant-label", "01")
    assert [pair.name for pair in compared] == ["sub-01_ses-1_ses-3"]
    compared.clear()
    call(root, tmp_path / "out", "participant", "--participant-label", "01")
    names = [f"sub-01_ses-{a}_ses-{b}" for a, b in ("12", "13", "23")]
    assert [pair.name for pair in compared] == names


def test_a_pair_that_failed(tmp_path, capsys):
    root = bids(tmp_path / "in", "01/1", "01/odd")
    assert call(root, tmp_path / "out", "participant") == cli.SOME_FAILED
    failures = rows(tmp_path / "out/logs/failures.tsv", "\t")
    assert failures[1:] == [
        ["sub-01", "ses-odd", "ses-1", "ImageError", "A map is odd. Look at it."]
    ]
    assert "2 of 2 visits done, 0 of 1 pairs compared; tables in" in capsys.readouterr().err
    assert len(rows(tmp_path / "out/changes.csv")) == 1


def test_calibration_is_asked_for(tmp_path, capsys):
    root = bids(tmp_path / "in", "01/1", "01/2")
    assert call(root, tmp_path / "out", "participant", "--calibrate") == cli.DONE
    assert "1 of 1 pairs compared, 1 of 1 patients calibrated; tables" in capsys.readouterr().err
    call(root, tmp_path / "out", "participant")
    assert "calibrated" not in capsys.readouterr().err


def test_some_failed(tmp_path, capsys):
    root = bids(tmp_path / "in", "01", "bad", "02")
    assert call(root, tmp_path / "out", "participant") == cli.SOME_FAILED == 3
    failures = rows(tmp_path / "out/logs/failures.tsv", "\t")
    assert failures[1:] == [["sub-bad", "n/a", "n/a", "StepError", "The scan is odd. Look at it."]]
    assert [row[0] for row in rows(tmp_path / "out/visits.csv")[1:]] == ["sub-01", "sub-02"]
    assert "2 of 3 visits done" in capsys.readouterr().err


def test_all_failed_leaves_no_tables(tmp_path):
    root = bids(tmp_path / "in", "bad")
    assert call(root, tmp_path / "out", "participant") == cli.SOME_FAILED
    assert not (tmp_path / "out/visits.csv").exists()
    assert len(rows(tmp_path / "out/logs/failures.tsv", "\t")) == 2


def test_a_failed_visit_leaves_the_tables_of_an_older_run(tmp_path):
    root = bids(tmp_path / "in", "01")
    call(root, tmp_path / "out", "participant")
    record = next((tmp_path / "out/logs/visits").glob("*/*.json"))
    record.unlink()  # as the real work does before it fails
    (root / "sub-01").rename(root / "sub-bad")
    for path in (root / "sub-bad/anat").iterdir():
        path.rename(path.with_name(path.name.replace("sub-01", "sub-bad")))
    assert call(root, tmp_path / "out", "participant") == cli.SOME_FAILED
    assert len(rows(tmp_path / "out/visits.csv")) == 1
    assert not (tmp_path / "out/sub-01.html").exists()


def test_group_after_participant(tmp_path):
    root = bids(tmp_path / "in", "01", "02")
    call(root, tmp_path / "out", "participant")
    (tmp_path / "out/visits.csv").unlink()
    assert call(root, tmp_path / "out", "group") == cli.DONE
    assert len(rows(tmp_path / "out/visits.csv")) == 3


def test_dry_run_lists_and_stops(tmp_path, seen, capsys):
    root = bids(tmp_path / "in", "01/1", "02")
    (root / "sub-02/anat/sub-02_acq-b_T1w.nii.gz").touch()
    assert call(root, tmp_path / "out", "participant", "--dry-run") == cli.DONE
    printed = capsys.readouterr()
    first, second = printed.out.splitlines()
    assert first == "sub-01_ses-1\tFLAIR;T1w\tplanned\t"
    assert second.startswith("sub-02\tFLAIR\tfailed\t")
    # One visit and its page, of assumed 45 s and 1 s
    assert printed.err == (
        "2 visits (0 done, 1 unusable), 0 pairs (0 done); about 31 s left with 1 at a time, by "
        "round numbers for scans of 1 mm\n"
    )
    assert "_T1w.nii.gz cannot be read" in second  # empty files: neither can be chosen
    assert seen == []
    assert not (tmp_path / "out").exists()


def test_plain_tree(tmp_path, seen):
    for name in ("P 1/2020-01-31/flair.nii.gz", "P 1/2020-01-31/t1.nii", "P2/3D_FLAIR.nii.gz"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert call(tmp_path / "in", tmp_path / "out", "participant") == cli.DONE
    assert [job.visit.name for job in seen] == ["sub-P1_ses-20200131", "sub-P2"]
    assert str(seen[0].visit.facts.visit_date) == "2020-01-31"
    assert set(seen[0].visit.scans) == {"FLAIR", "T1w"}


def test_ratings_reach_the_visits(tmp_path, seen):
    """A date and a scanner of a named file are those that the visit is measured with."""
    root = bids(tmp_path / "in", "01/1", "01/2")
    table = tmp_path / "visits.csv"
    lines = ("participant_id,session_id,visit_date,scanner", "01,1,2020-01-31,A", "01,2,,B")
    table.write_text("\n".join(lines))
    call(root, tmp_path / "out", "participant", "--ratings", table)
    facts = [job.visit.facts for job in seen]
    assert [str(one.visit_date) for one in facts] == ["2020-01-31", "None"]
    assert [one.scanner_id for one in facts] == ["A", "B"]


@pytest.mark.parametrize("flag", ["--participant-label", "--participant_label"])
def test_labels(tmp_path, seen, flag):
    root = bids(tmp_path / "in", "01/1", "01/2", "02/1", "03/1")
    options = (flag, "sub-01", "02", "--session-label", "ses-1")
    assert call(root, tmp_path / "out", "participant", *options) == cli.DONE
    assert [job.visit.name for job in seen] == ["sub-01_ses-1", "sub-02_ses-1"]


def test_settings_flags_win_over_the_file(tmp_path, seen):
    root = bids(tmp_path / "in", "01")
    (tmp_path / "s.toml").write_text('contact_mm = 3.0\nmin_size = "msseg"\n')
    options = ("--settings", tmp_path / "s.toml", "--contact-mm", "1.5", "--skull-stripped", "no",
               "--resample-masks", "--lesion-threshold", "0.3")  # fmt: skip
    assert call(root, tmp_path / "out", "participant", *options) == cli.DONE
    settings = seen[0].settings
    assert (settings.contact_mm, settings.min_size) == (1.5, "msseg")
    assert (settings.skull_stripped, settings.lesion_threshold) == ("no", 0.3)
    assert settings.resample_masks is True


def test_masks_are_handed_on(tmp_path, seen):
    root = bids(tmp_path / "in", "01", "02")
    mask = tmp_path / "masks/sub-01_label-L_mask.nii"
    mask.parent.mkdir()
    mask.touch()
    arguments = (root, tmp_path / "out", "participant", "--lesion-masks", mask.parent)
    assert call(*arguments) == cli.SOME_FAILED
    assert [job.mask and job.mask.path for job in seen] == [mask, None]
    assert "has no lesion mask of sub-02, but one is expected" in seen[1].visit.problem


def test_label_maps_are_handed_on(tmp_path, seen):
    root = bids(tmp_path / "in", "01", "02")
    path = tmp_path / "subjects/sub-01/mri/aseg.mgz"
    path.parent.mkdir(parents=True)
    path.touch()
    options = ("--anatomy", tmp_path / "subjects", "--anatomy-labels", "freesurfer")
    assert call(root, tmp_path / "out", "participant", *options) == cli.SOME_FAILED
    assert [job.label_map for job in seen] == [path, None]
    assert seen[0].settings.anatomy_labels == "freesurfer"
    assert "has no label map of the anatomy of sub-02, but one is" in seen[1].visit.problem


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--n-jobs", "0"),
            "number of jobs is 0, but 'auto' or 1 or more is expected. Correct",
        ),
        (("--contact-mm", "-1"), "The setting contact_mm is -1.0, but 0 to 20 is expected"),
        (("--min-size", "tiny"), "The setting min_size is 'tiny', but it can be"),
        (("--settings", "no.toml"), "no.toml cannot be read"),
        (("--participant-label", "99"), "has no sub-99, but it was requested"),
        (("--session-label", "99"), "has no ses-99, but it was requested"),
        (("--lesion-masks", "nowhere"), "nowhere is not a folder, but lesion masks are expected"),
        (("--anatomy", "nowhere"), "nowhere is not a folder, but label maps of the anatomy are"),
        (("--lesion-network", "no_such_module:x"), "cannot be imported (No module named"),
    ],
)
def test_unusable_options(tmp_path, capsys, options, message):
    root = bids(tmp_path / "in", "01/1")
    assert call(root, tmp_path / "out", "participant", *options) == cli.UNUSABLE == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unusable_folders(tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    root = bids(tmp_path / "in", "01")
    for arguments, message in (
        ((tmp_path / "none", tmp_path / "out", "participant"), "is not a folder, but a dataset is"),
        ((empty, tmp_path / "out", "participant"), "has no scans, but"),
        ((root, root, "participant"), "is also the input, but scans are never modified"),
        ((root, empty, "group"), "has no finished visit, but finished visits are merged"),
    ):
        assert call(*arguments) == cli.UNUSABLE
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["in", "out"], ["in", "out", "session"], ["in", "out", "group", "--what"],
                  ["in", "out", "participant", "--n-jobs", "two"]],
)  # fmt: skip
def test_unusable_arguments(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == cli.UNUSABLE
    assert "usage: mslesion" in capsys.readouterr().err


def test_interrupt(tmp_path, monkeypatch, capsys):
    def stop(_job):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "do_job", stop)
    root = bids(tmp_path / "in", "01")
    assert call(root, tmp_path / "out", "participant") == cli.INTERRUPTED == 130
    assert "finished visits are kept. Run the command again to continue." in capsys.readouterr().err


def test_disk_full_at_the_tables(tmp_path, monkeypatch, capsys):
    def full(*_args, **_options):
        raise OutputError(errno.ENOSPC, "visits.csv cannot be written. Free space.")

    monkeypatch.setattr(run, "merge_participants", full)
    root = bids(tmp_path / "in", "01")
    assert call(root, tmp_path / "out", "participant") == cli.UNFINISHED
    assert "visits.csv cannot be written" in capsys.readouterr().err


def test_version_and_help(capsys):
    for option in ("--version", "--help"):
        with pytest.raises(SystemExit) as stop:
            cli.main([option])
        assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "mslesion 0." in out
    assert "Research use only." in " ".join(out.split())


def test_an_error_of_ours_never_shows_a_traceback(tmp_path, monkeypatch, capsys):
    def broken(*_args, **_options):
        raise DatasetError("The folder is odd. Look at it.")

    monkeypatch.setattr(run, "find_visits", broken)
    assert call(tmp_path, tmp_path / "out", "participant") == cli.UNUSABLE
    assert capsys.readouterr().err == "mslesion: The folder is odd. Look at it.\n"
