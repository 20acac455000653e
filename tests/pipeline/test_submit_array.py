"""The array script: what it freezes, and what it hands to each batch system. `tests/cluster` runs
it on a real one."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "pipelines" / "cluster" / "submit_array.sh"
MSLESION = """#!/bin/bash
# Lists three participants, and says what it was called with
case " $* " in *" --dry-run "*) printf 'sub-02_ses-1\\tFLAIR\\nsub-01_ses-1\\tFLAIR\\n'
  printf 'sub-01_ses-2\\tFLAIR\\nsub-10\\tFLAIR\\n' ;;
*) printf '%s|' "$OMP_NUM_THREADS" "$@" >>"$CALLS"; echo >>"$CALLS" ;; esac
"""
SAYS = {"sbatch": "7;cluster", "qsub": "7.1-3:1", "bsub": "Job <7> is submitted to queue <q>."}
INDEX = {
    "slurm": "SLURM_ARRAY_TASK_ID", "sge": "SGE_TASK_ID", "pbs": "PBS_ARRAY_INDEX",
    "lsf": "LSB_JOBINDEX",
}  # fmt: skip


@pytest.fixture
def submit(tmp_path):
    """Calls the script beside stand-ins of mslesion and of all submit commands."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tmp_path / "in put").mkdir()
    programs = {"mslesion": MSLESION} | {
        name: f"#!/bin/bash\nprintf '%s\\n' {name} \"$@\" -- >>\"$ASKED\"\necho '{says}'\n"
        for name, says in SAYS.items()
    }
    for name, text in programs.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}:/usr/bin:/bin",
        "CALLS": str(tmp_path / "calls"),
        "ASKED": str(tmp_path / "asked"),
    }

    def call(scheduler, *options, **variables):
        command = ["bash", str(SCRIPT), scheduler, "in put", "out", *options]
        return subprocess.run(
            command, cwd=tmp_path, env=environment | variables, capture_output=True, text=True,
            check=False,
        )  # fmt: skip

    call.environment = environment
    return call


def submission(tmp_path):
    (folder,) = (tmp_path / "out/logs/submissions").iterdir()
    return folder


def asked(tmp_path):
    """The submit commands, each as a list."""
    text = (tmp_path / "asked").read_text()
    return [call.split("\n") for call in text.strip().removesuffix("\n--").split("\n--\n")]


def do_task(submit, tmp_path, variable, number):
    script = submission(tmp_path) / "task.sh"
    environment = submit.environment | {variable: str(number)}
    done = subprocess.run(["bash", str(script)], env=environment, cwd="/", check=False)
    return done.returncode


@pytest.mark.parametrize("scheduler", INDEX)
def test_each_task_does_one_participant_of_the_frozen_list(submit, tmp_path, scheduler):
    done = submit(scheduler, "--min-size", "msseg")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 participants in 3 tasks, job 7")
    listed = submission(tmp_path) / "participants.txt"
    assert listed.read_text().split() == ["01", "02", "10"]
    assert listed.stat().st_mode & 0o222 == 0
    for number in (2, 3):
        assert do_task(submit, tmp_path, INDEX[scheduler], number) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    rest = f"{tmp_path}/in put|{tmp_path}/out|participant|--min-size|msseg|--participant-label"
    assert calls == [f"1|{rest}|02|", f"1|{rest}|10|"]
    assert do_task(submit, tmp_path, INDEX[scheduler], 4) != 0
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("scheduler", "array", "after"),
    [
        ("slurm", ["sbatch", "--array=1-3"], ["sbatch", "--dependency=afterany:7"]),
        ("sge", ["qsub", "-t", "1-3"], ["qsub", "-hold_jid", "7"]),
        ("pbs", ["qsub", "-J", "1-3"], ["qsub", "-W", "depend=afterany:7.1-3:1"]),
        ("lsf", ["bsub", "mslesion[1-3]"], ["bsub", "-w", "ended(7)"]),
    ],
)
def test_the_tables_come_after_all_tasks(submit, tmp_path, scheduler, array, after):
    assert submit(scheduler, SUBMIT_OPTIONS="--mem 4G").returncode == 0
    first, second = asked(tmp_path)
    for words, call in ((array, first), (after, second)):
        assert set(words) <= set(call)
        assert call[call.index("--mem") :][:2] == ["--mem", "4G"]
    group = (submission(tmp_path) / "group.sh").read_text()
    assert f"{tmp_path}/out group" in group


def test_more_participants_than_tasks(submit, tmp_path):
    done = submit("slurm", MAX_TASKS="2", MAX_RUNNING="1")
    assert done.stdout.startswith("3 participants in 2 tasks")
    assert "--array=1-2%1" in asked(tmp_path)[0]
    for number in (1, 2):
        assert do_task(submit, tmp_path, "SLURM_ARRAY_TASK_ID", number) == 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.partition("label|")[2] for call in calls] == ["01|02|", "10|"]


def test_an_array_of_one_task_on_pbs(submit, tmp_path):
    """PBS knows no array of one."""
    assert submit("pbs", MAX_TASKS="1").returncode == 0
    call = asked(tmp_path)[0]
    assert "-J" not in call
    assert "PBS_ARRAY_INDEX=1" in call


def test_a_second_submission_has_its_own_list(submit, tmp_path):
    for _ in range(2):
        assert submit("slurm").returncode == 0
    assert len(list((tmp_path / "out/logs/submissions").iterdir())) == 2


@pytest.mark.parametrize(
    ("scheduler", "variables", "message"),
    [
        ("moon", {}, "The scheduler is moon, but slurm, sge, pbs or lsf is expected."),
        ("slurm", {"MSLESION": "true"}, "has no participant for these options."),
        ("slurm", {"MSLESION": "false"}, ""),
    ],
)
def test_what_cannot_be(submit, tmp_path, scheduler, variables, message):
    done = submit(scheduler, **variables)
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_usage(submit):
    done = subprocess.run(["bash", str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "submit_array.sh slurm|sge|pbs|lsf BIDS_DIR OUTPUT_DIR" in done.stderr
    assert "MAX_TASKS" in done.stderr
