"""A run over real scans that is killed again and again ends with the bytes of an undisturbed one.

    python pipelines/kill_real_run.py sample_data [--kills 10] [--seed 0] [--participant-label ID]

First an undisturbed run makes the reference. Then another one is killed with all its processes,
10 to 60 s after its start, and started again into the same output folder, as often as asked; the
last one is left alone. The exit code is 1 if a file differs, is missing or is one too many.
`faults.py` does the same with work that is only pretended, at chosen moments.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from struck_cohort import snapshot

SECONDS = (10, 60)
"""Between these times after its start a run is killed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scans", type=Path, help="a dataset")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--participant-label", nargs="+", default=[])
    options = parser.parse_args()
    chance = random.Random(options.seed)
    more = ["--participant-label", *options.participant_label] if options.participant_label else []
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        whole, disturbed = Path(folder) / "whole", Path(folder) / "disturbed"
        start(options.scans, whole, more).wait()
        kills = 0
        for _ in range(options.kills):
            kills += is_killed(start(options.scans, disturbed, more), chance.uniform(*SECONDS))
        code = start(options.scans, disturbed, more).wait()
        lost = differences(snapshot(whole), snapshot(disturbed))
    print(f"killed {kills} times; the last run ends with {code}; {len(lost)} files differ")
    print("\n".join(lost))
    return int(bool(lost) or code != 0)


def start(scans: Path, output: Path, more: list[str]) -> subprocess.Popen:
    """A run in a session of its own."""
    command = ["-m", "mslesion", str(scans), str(output), "participant", *more]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, *command], start_new_session=True, **quiet)


def is_killed(run: subprocess.Popen, seconds: float) -> bool:
    """Kill a run and its processes after some time, unless it has ended by then."""
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        return True
    return False


def differences(expected: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Files that are not the same in two outputs."""
    names = sorted(expected.keys() | found.keys())
    return [name for name in names if expected.get(name) != found.get(name)]


if __name__ == "__main__":
    sys.exit(main())
