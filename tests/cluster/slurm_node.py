"""A Slurm of one node on this machine, from Debian's packages slurm-wlm and munge.

Runs as root and needs no service manager. `python tests/cluster/slurm_node.py COMMAND ...` runs
a command with `SLURM_CONF` set, and stops Slurm afterwards.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CONF = """\
ClusterName=onenode
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={controller_port}
SlurmdPort={node_port}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mb} State=UNKNOWN
PartitionName=work Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
START_S = 60.0
"""Longest wait for the node to take jobs."""


def why_not() -> str:
    """Why Slurm cannot be started here; empty if it can."""
    if os.geteuid() != 0:
        return "a Slurm of one node is started by root only"
    missing = [name for name in DAEMONS if shutil.which(name, path=_path()) is None]
    return f"{', '.join(missing)} not installed (packages slurm-wlm, munge)" if missing else ""


@contextmanager
def slurm_node(*, cores: int = 2, memory_mb: int = 8000) -> Iterator[dict[str, str]]:
    """Slurm, for as long as the block lasts.

    Parameters
    ----------
    cores : int
        How many jobs of one core run at a time.
    memory_mb : int
        What the node says it has; nothing is reserved.

    Yields
    ------
    dict of str to str
        The environment in which `sbatch`, `squeue` and `scancel` find it.
    """
    # Sockets have short paths, so not below a test's own folder
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    for name in ("state", "spool"):
        (folder / name).mkdir()
    ports = _free_ports(2)
    conf = folder / "slurm.conf"
    conf.write_text(
        CONF.format(
            host=socket.gethostname().split(".")[0],
            folder=folder,
            controller_port=ports[0],
            node_port=ports[1],
            cores=cores,
            memory_mb=memory_mb,
        )
    )
    environment = os.environ | {"SLURM_CONF": str(conf), "PATH": _path()}
    started: list[subprocess.Popen] = []
    try:
        for command in _commands(folder, conf):
            with (folder / f"{Path(command[0]).name}.out").open("wb") as out:
                started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=out))
            time.sleep(0.5)
        _wait_until_idle(environment, folder)
        yield environment
    finally:
        subprocess.run(["scancel", "--quiet", "--user=root"], env=environment, check=False)
        _wait_until_empty(environment)
        for daemon in reversed(started):
            daemon.terminate()
        for daemon in started:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        shutil.rmtree(folder, ignore_errors=True)


def _commands(folder: Path, conf: Path) -> list[list[str]]:
    """The daemons in the foreground, so that their end is seen; munge with a key of its own."""
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    munged = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket"]
    munged += [f"--key-file={key}", f"--pid-file={folder}/munged.pid"]
    munged += [f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"]
    folder.chmod(0o755)  # the socket is opened by every user
    return [munged, ["slurmctld", "-D", "-f", str(conf)], ["slurmd", "-D", "-f", str(conf)]]


def _wait_until_idle(environment: dict[str, str], folder: Path) -> None:
    end = time.monotonic() + START_S
    state = ""
    while time.monotonic() < end:
        command = ["sinfo", "--noheader", "--format=%T"]
        state = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        ).stdout.strip()
        if state == "idle":
            return
        time.sleep(0.5)
    logs = "\n".join(
        f"{path.name}: {path.read_text(errors='replace')[-1500:]}"
        for path in sorted([*folder.glob("*.log"), *folder.glob("*.out")])
    )
    raise TimeoutError(f"The node is {state or 'not seen'}, not idle.\n{logs}")


def _wait_until_empty(environment: dict[str, str]) -> None:
    for _ in range(40):
        queue = subprocess.run(
            ["squeue", "--noheader"], env=environment, capture_output=True, text=True, check=False
        )
        if queue.returncode or not queue.stdout.strip():
            return
        time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


if __name__ == "__main__":
    if problem := why_not():
        raise SystemExit(f"No Slurm here: {problem}.")
    with slurm_node() as where:
        raise SystemExit(subprocess.run(sys.argv[1:], env=where, check=False).returncode)
