"""Faults at any moment of a run: running again ends with the bytes of an undisturbed run.

`pipelines/faults.py` does the same with more moments.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

PIPELINES = Path(__file__).parents[2] / "pipelines"


@pytest.fixture(scope="module")
def faults():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PIPELINES)
        import faults

        yield faults
    for name in ("faults", "struck_cohort", "memory_group"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def cohort(faults, tmp_path_factory):
    return faults.Cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(autouse=True)
def _forget(cohort):
    cohort.lost.clear()
    cohort.codes.clear()


def strike(faults, cohort, kind, *, moments, seed=1):
    faults.KINDS[kind](cohort, random.Random(seed), moments)
    return cohort.lost


def test_a_killed_run(faults, cohort):
    assert strike(faults, cohort, "kill-local", moments=2) == []
    assert set(cohort.codes) == {-9}


@pytest.mark.slow
def test_a_killed_task_of_an_array(faults, cohort):
    assert strike(faults, cohort, "kill-array", moments=1) == []
    assert cohort.codes[-9] >= 1


@pytest.mark.parametrize("kind", ["full-disk", pytest.param("read-only", marks=pytest.mark.slow)])
def test_nothing_can_be_written_from_a_moment_on(faults, cohort, kind):
    """From the first change on of a visit, a pair, a page and the whole run: exit code 3 or 4."""
    assert strike(faults, cohort, kind, moments=1) == []
    assert set(cohort.codes) <= {3, 4}


def test_no_memory_for_a_job(faults, cohort):
    assert strike(faults, cohort, "out-of-memory", moments=1) == []
    assert cohort.codes == {3: 3}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts file systems")
def test_a_real_disk_is_full_or_read_only(faults, cohort):
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount file systems")
    assert strike(faults, cohort, "small-disk", moments=2) == []
    assert set(cohort.codes) <= {3, 4}


@pytest.mark.slow
def test_the_system_kills_workers_without_memory(faults, cohort):
    """Each job is lost twice, the second time alone, and fails; the run ends."""
    if not faults.is_possible():
        pytest.skip("this process may not make a control group")
    before = cohort.strikes()
    assert strike(faults, cohort, "memory-limit", moments=1) == []
    assert cohort.codes == {3: 1}
    assert cohort.strikes() > before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill-worker", "kill-dask", "no-home", "two-at-once"])
@pytest.mark.filterwarnings("default")  # those of Dask are not ours
def test_runs_in_processes_of_their_own(faults, cohort, kind):
    if kind == "kill-dask":
        pytest.importorskip("distributed")
    before = cohort.strikes()
    assert strike(faults, cohort, kind, moments=2) == []
    assert cohort.strikes() > before or not kind.startswith("kill")


def test_what_is_lost_is_seen(faults, cohort):
    """The check itself: a missing file, one of other bytes, one too many."""
    output = cohort.new_output()
    assert cohort.run(output) == 0
    name = "sub-01/ses-1/anat/sub-01_ses-1_space-orig_desc-0_mask.nii.gz"
    (output / name).write_bytes(b"half")
    (output / name.replace("desc-0", "desc-1")).unlink()
    (output / "logs/.visits.csv.part").touch()
    cohort.check_half(output, "test")
    assert cohort.lost == [f"test: {name} is not whole"]
    cohort.lost.clear()
    cohort.check_rerun(output, "test")
    assert [line.partition(": ")[2] for line in cohort.lost] == [
        "logs/.visits.csv.part (other bytes, not in an undisturbed run)",
        f"{name} (other bytes)",
        f"{name.replace('desc-0', 'desc-1')} (missing)",
    ]
