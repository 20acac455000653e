"""The sample data on a real Slurm of one node: an array job, and workers of `--executor slurm`.

Both leave the bytes of a run without Slurm.
"""

import os
import subprocess
import sys
import time

import pytest
from sample_runs import LABELS, ROOT, SAMPLE, contents, mslesion

pytestmark = pytest.mark.slow
SUBMIT = ROOT / "pipelines" / "cluster" / "submit_array.sh"
END_S = 3600


def differing(found, expected):
    return sorted(n for n in found.keys() | expected.keys() if found.get(n) != expected.get(n))


def wait_until_empty(environment):
    """Until no job is left."""
    end = time.monotonic() + END_S
    while subprocess.run(
        ["squeue", "--noheader"], env=environment, capture_output=True, check=True
    ).stdout.strip():
        assert time.monotonic() < end
        time.sleep(1)


def test_array_job(slurm, reference, tmp_path):
    """One task a participant, the tables afterwards; a second submission finds all done."""
    output = tmp_path / "out with blank"
    environment = slurm | {"MSLESION": f"{sys.executable} -m mslesion"}
    command = ["bash", str(SUBMIT), "slurm", str(SAMPLE), str(output)]
    command += ["--participant-label", *LABELS, "--n-jobs", "1"]
    said = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert f"{len(LABELS)} participants in {len(LABELS)} tasks" in said.stdout
    wait_until_empty(environment)
    (folder,) = (output / "logs/submissions").iterdir()
    logs = {path.name: path.read_text() for path in folder.glob("*.log")}
    assert set(logs) == {"group.log", *(f"task-{n + 1}.log" for n in range(len(LABELS)))}
    assert differing(contents(output), reference) == [], logs


def test_workers_of_slurm(slurm, reference, tmp_path):
    """Two workers; the configuration file of dask-jobqueue names the network."""
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "jobqueue.yaml").write_text(
        "jobqueue:\n  slurm:\n    interface: lo\n    queue: work\n"
    )
    environment = slurm | {"DASK_CONFIG": str(tmp_path)}
    output = tmp_path / "out"
    options = ["--executor", "slurm", "--n-jobs", "2", "--job-memory", "3GB"]
    options += ["--job-walltime", "02:00:00"]
    code, text = mslesion(output, *options, environment=environment)
    assert code == 0, text
    code, text = mslesion(output, level="group", environment=environment)
    assert code == 0, text
    assert differing(contents(output), reference) == []
    assert len(list((output / "logs/workers").glob("*.out"))) == 2
    wait_until_empty(environment)


def test_a_worker_that_slurm_ends_is_replaced(slurm, tmp_path):
    """The only worker is cancelled in the middle; another one is submitted and does the rest."""
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "jobqueue.yaml").write_text("jobqueue:\n  slurm:\n    interface: lo\n")
    environment = slurm | {"DASK_CONFIG": str(tmp_path), "OUT": str(tmp_path)}
    environment["PYTHONPATH"] += os.pathsep + str(ROOT / "tests" / "cluster")
    done = subprocess.run(
        [sys.executable, "-c", "import cancelled; cancelled.main()"],
        env=environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["done"] * 4
    wait_until_empty(environment)


def test_a_partition_that_does_not_exist(slurm, tmp_path):
    """Slurm's own words say what is wrong; nothing is left in the queue."""
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "jobqueue.yaml").write_text("jobqueue:\n  slurm:\n    queue: moon\n")
    options = ["--executor", "slurm", "--n-jobs", "2", "--job-memory", "3GB"]
    code, text = mslesion(
        tmp_path / "out", *options, environment=slurm | {"DASK_CONFIG": str(tmp_path)}
    )
    assert code == 4
    assert "slurm takes no job (sbatch: error: invalid partition specified: moon" in text
