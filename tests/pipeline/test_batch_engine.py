"""Workers that a batch system starts: what dask-jobqueue is told. `tests/cluster` runs them."""

from pathlib import Path

import pytest

from mslesion.errors import ExecutorError, OutputError, SettingsError
from mslesion.pipeline.dataset.batch_engine import CLUSTERS, cluster_settings, walltime_s
from mslesion.pipeline.dataset.engines import open_workers
from mslesion.pipeline.dataset.workers import EngineOptions

dask = pytest.importorskip("dask")
jobqueue = pytest.importorskip("dask_jobqueue")
pytestmark = pytest.mark.filterwarnings("default")  # those of Dask are not ours


def settings(system="slurm", **options):
    return cluster_settings(EngineOptions(**{"job_memory": "4GB"} | options), system=system)


def open_and_close(name, **options):
    with open_workers(name, EngineOptions(**options)):
        pass


def test_one_core_a_worker_and_nothing_that_is_not_asked():
    assert settings() == {"cores": 1, "processes": 1, "memory": "4GB"}


def test_a_worker_ends_before_its_job_does():
    """90 % of the walltime, at least a minute before its end; the arguments of the file stay."""
    found = settings(job_walltime="10:00:00")
    assert (found["walltime"], found["worker_extra_args"]) == ("10:00:00", ["--lifetime", "32400s"])
    assert settings(job_walltime="00:05:00")["worker_extra_args"] == ["--lifetime", "240s"]
    with dask.config.set({"jobqueue.slurm.worker-extra-args": ["--x"]}):
        found = settings(job_walltime="1-00:00:00")
    assert found["worker_extra_args"] == ["--x", "--lifetime", "77760s"]
    assert found["walltime"] == "24:00:00"
    assert settings("lsf", job_walltime="1-00:30:00")["walltime"] == "24:30"


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:02:01", 121), ("12:00:00", 43200), ("2-01:00:00", 176400)]
)
def test_walltime(text, seconds):
    assert walltime_s(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "10:00", "1:60:00", "00:02:00", "00:00:00", "1h"])
def test_no_walltime(text):
    with pytest.raises(SettingsError, match="but HH:MM:SS of more than two minutes is expected"):
        walltime_s(text)


def test_memory_of_the_configuration_will_do():
    with pytest.raises(SettingsError, match=r"pbs has no memory of a job, .* Add --job-memory 4GB"):
        settings("pbs", job_memory=None)
    with dask.config.set({"jobqueue.pbs.memory": "6GB"}):
        assert "memory" not in settings("pbs", job_memory=None)
    with pytest.raises(SettingsError, match="memory of a job is '-1', but a size such as 4GB"):
        settings(job_memory="-1")


def test_logs_lie_in_the_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings(logs=Path("out/logs/workers"))["log_directory"] == str(
        tmp_path / "out/logs/workers"
    )
    assert (tmp_path / "out/logs/workers").is_dir()
    with dask.config.set({"jobqueue.slurm.log-directory": "/elsewhere"}):
        assert "log_directory" not in settings(logs=tmp_path / "not made")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/logs cannot be written \(Not a directory\), but"):
        settings(logs=tmp_path / "file/logs")


@pytest.mark.parametrize("n_jobs", [None, "auto"])
def test_the_number_of_workers_is_asked_for(n_jobs):
    with pytest.raises(SettingsError, match="slurm has no number of jobs, but the number of work"):
        open_and_close("slurm", n_jobs=n_jobs)


@pytest.mark.parametrize(
    ("system", "command"), [("slurm", "sbatch"), ("pbs", "qsub"), ("sge", "qsub"), ("lsf", "bsub")]
)
def test_every_batch_system_has_its_command(monkeypatch, tmp_path, system, command):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutorError, match=f"no command {command}, but the executor {system} sub"):
        open_and_close(system, n_jobs=1, job_memory="4GB")


def test_a_batch_system_that_refuses_ends_the_run(monkeypatch, tmp_path):
    """Its own words are in the message."""
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: no such account' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ExecutorError, match=r"slurm takes no job \(sbatch: error: no such acc"):
        open_and_close("slurm", n_jobs=2, job_memory="4GB")


def test_names_are_those_of_dask_jobqueue():
    assert all(hasattr(jobqueue, name) for name in CLUSTERS.values())
