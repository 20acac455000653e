"""Jobs on a Dask cluster: two worker processes, a killed worker, a lost scheduler."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import job_runs
import pytest

from mslesion.errors import ExecutorError, MissingToolError, SettingsError
from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset import dask_engine as engine
from mslesion.pipeline.dataset.dask_engine import DaskExecutor, Place, do_at
from mslesion.pipeline.dataset.engines import open_workers
from mslesion.pipeline.dataset.jobs import Job, Outcome
from mslesion.pipeline.dataset.workers import IN_FLIGHT, EngineOptions
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import VISIT_STEP

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")  # those of Dask are not ours


class Cluster:
    """A scheduler and two workers, each a process of its own as on several machines."""

    def __init__(self, folder, *, port=0, resources=()):
        self.folder, self.resources = folder, resources
        self.file = folder / "scheduler.json"
        self.port = port
        self.processes = {}
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self):
        """At the same address as before."""
        self._start_scheduler()
        for name in ("a", "b"):
            options = [*self.resources, "--nthreads", "1", "--name", name, "--no-nanny"]
            self._start(name, "dask_worker", self.address, "--no-dashboard", *options)
        with self.client() as client:
            client.wait_for_workers(2, timeout=60)

    def _start_scheduler(self):
        self.file.unlink(missing_ok=True)
        options = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(self.file)]
        self._start("scheduler", "dask_scheduler", *options, "--port", str(self.port))
        with self.client() as client:
            self.address = client.scheduler.address
        self.port = int(self.address.rpartition(":")[2])

    def client(self):
        end = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < end:
            time.sleep(0.05)
        return distributed.Client(scheduler_file=str(self.file), timeout=60, set_as_default=False)

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self):
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _start(self, name, module, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        tests = Path(__file__).parents[1]
        paths = [str(tests / "pipeline"), str(tests), os.environ.get("PYTHONPATH", "")]
        with (self.folder / f"{name}.log").open("w") as out:
            self.processes[name] = subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                cwd="/",
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    one = Cluster(tmp_path_factory.mktemp("dask"), resources=("--resources", "memory=1e9"))
    yield one
    one.stop()


@pytest.fixture
def fragile(tmp_path):
    """A cluster that a test may damage."""
    one = Cluster(tmp_path)
    yield one
    one.stop()


def jobs_in(root, names):
    return [Job(VISIT_STEP, (Visit(n, "", {}),), Path("in"), root, Settings()) for n in names]


def leaves_its_process(job):
    """Work of half a second that says where it was done, in a file of a relative path."""
    time.sleep(0.5)
    (Path("in") / job.visit.subject).write_text(str(os.getpid()))
    return Outcome(job, "done", seconds=os.getpid())


def is_killed_once(job):
    """Work whose process is killed the first time that visit B is done."""
    flag = job.output / "killed"
    if job.visit.subject == "B" and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return leaves_its_process(job)


def is_always_killed(job):
    if job.visit.subject == "B":
        os.kill(os.getpid(), signal.SIGKILL)
    return Outcome(job, "done")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A current folder with an input."""
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(cluster, jobs, work, **options):
    with open_workers("dask", EngineOptions(scheduler=cluster.address, **options)) as workers:
        outcomes = []
        job_runs.run_plans([job_runs.Independent(jobs)], workers, work=work, finish=outcomes.append)
    return {outcome.job.visit.subject: outcome for outcome in outcomes}


def test_jobs_are_done_by_both_workers_as_if_here(cluster, here):
    folders = (Path("in"),)
    found = run(cluster, jobs_in(here, "ABCD"), leaves_its_process, n_jobs="auto", folders=folders)
    assert {name: outcome.state for name, outcome in found.items()} == dict.fromkeys("ABCD", "done")
    pids = {name: int((here / "in" / name).read_text()) for name in "ABCD"}
    assert set(pids.values()) == {cluster.processes[name].pid for name in "ab"}


def test_one_job_at_a_time(cluster, here):
    with open_workers("dask", EngineOptions(scheduler=cluster.address, n_jobs=1)) as workers:
        assert workers.in_flight == 1


@pytest.mark.parametrize("n_jobs", [None, "auto"])
def test_as_many_jobs_as_the_workers_take(cluster, here, n_jobs):
    with open_workers("dask", EngineOptions(scheduler=cluster.address, n_jobs=n_jobs)) as workers:
        assert workers.in_flight == IN_FLIGHT


def test_memory_of_a_job(cluster, here):
    """Each worker declares 1 GB: a job of 1 GB has one to itself, a job of 2 GB has none."""
    found = run(cluster, jobs_in(here, "A"), leaves_its_process, job_memory="1GB")
    assert found["A"].state == "done"
    with pytest.raises(SettingsError, match=r"takes 2e\+09 bytes of .* the workers declare 1e\+09"):
        run(cluster, jobs_in(here, "A"), leaves_its_process, job_memory="2GB")
    with pytest.raises(SettingsError, match="memory of a job is 'much', but a size such as 4GB"):
        run(cluster, jobs_in(here, "A"), leaves_its_process, job_memory="much")


def test_a_worker_without_the_folder_ends_the_run(cluster, here):
    with pytest.raises(ExecutorError, match=r"has no folder .*/nowhere, but all workers read"):
        run(cluster, jobs_in(here, "AB"), leaves_its_process, folders=(Path("nowhere"),))


def test_a_worker_of_another_version_ends_the_run(tmp_path):
    with pytest.raises(ExecutorError, match=r"has mslesion .*, but the run has 9\.9\. Install"):
        do_at(Place(tmp_path, (), "9.9"), b"")


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(fragile, here):
    found = run(fragile, jobs_in(here, "ABCD"), is_killed_once, n_jobs="auto")
    assert {name: outcome.state for name, outcome in found.items()} == dict.fromkeys("ABCD", "done")
    assert (here / "killed").exists()
    ends = [process.poll() for process in fragile.processes.values()]
    assert ends.count(-signal.SIGKILL) == 1


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_and_a_rerun_completes(fragile, here, monkeypatch):
    """Its workers end with it."""
    jobs = jobs_in(here, "ABCDEF")
    timer = threading.Timer(0.7, fragile.kill, ["scheduler"])
    timer.start()
    with pytest.raises(ExecutorError, match=r"has given up visit sub-. and what else .* run again"):
        run(fragile, jobs, leaves_its_process, n_jobs="auto")
    timer.join()
    monkeypatch.setattr(engine, "CONNECT_S", 1)
    with pytest.raises(ExecutorError, match=r"does not answer \(Timed out"):
        run(fragile, jobs, leaves_its_process)
    monkeypatch.setattr(engine, "CONNECT_S", 60)
    for name in "ab":
        fragile.processes[name].wait(60)
    fragile.start()
    found = run(fragile, jobs, leaves_its_process, n_jobs="auto")
    assert {outcome.state for outcome in found.values()} == {"done"}
    assert len(found) == 6


@pytest.mark.slow
def test_a_job_that_kills_every_worker_fails_alone(tmp_path, here):
    """Nannies start new workers; Dask gives up the job after a few of them."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as local,
        distributed.Client(local, set_as_default=False) as client,
    ):
        outcomes = job_runs.run_jobs(
            jobs_in(here, "ABC"), work=is_always_killed, executor=DaskExecutor(client, ())
        )
    assert [outcome.state for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[1].error == "WorkerLost"


def open_and_close(name, **options):
    with open_workers(name, EngineOptions(**options)):
        pass


def test_workers_of_several_threads_are_refused():
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        distributed.LocalCluster(**options, dashboard_address=None) as local,
        pytest.raises(SettingsError, match="worker of 2 threads, but one thread a worker is exp"),
    ):
        open_and_close("dask", scheduler=local.scheduler_address)


def test_no_scheduler():
    with pytest.raises(SettingsError, match="dask has no scheduler, but the address"):
        open_and_close("dask")


def test_no_scheme():
    with pytest.raises(ExecutorError, match=r"moon://x:1 does not answer \(unknown address"):
        open_and_close("dask", scheduler="moon://x:1")


@pytest.mark.parametrize(("name", "tool"), [("dask", "distributed"), ("lsf", "dask-jobqueue")])
def test_without_the_packages(monkeypatch, name, tool):
    monkeypatch.setitem(sys.modules, tool.replace("-", "_"), None)
    with pytest.raises(MissingToolError, match=f"{tool} is not installed, .* it: pip install 'msl"):
        open_and_close(name, scheduler="tcp://x:1")
