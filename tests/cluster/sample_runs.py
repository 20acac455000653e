"""The sample data done by the command, and what a run leaves."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_data"
WHOLE = os.environ.get("MSLESION_SAMPLE_OUTPUT")
"""Output folder of a run over the whole sample data, if there is one."""
EVERYONE = sorted(path.name.removeprefix("sub-") for path in SAMPLE.glob("sub-*"))
LABELS = EVERYONE if WHOLE else ["preclinical", "thick"]
"""Participants that are done."""
OF_ONE_RUN = ("logs/runs/", "logs/workers/", "logs/submissions/", "dataset_description.json")
"""What tells of a run, or where its output lies."""


def mslesion(output, *options, level="participant", environment=None):
    """The command on the participants; its exit code and what it printed."""
    command = [sys.executable, "-m", "mslesion", str(SAMPLE), str(output), level, *options]
    if level == "participant":
        command += ["--participant-label", *LABELS]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False
    )
    return done.returncode, done.stderr


def contents(output):
    """All files by name."""
    files = (path for path in Path(output).rglob("*") if path.is_file())
    found = {path.relative_to(output).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in found.items() if not name.startswith(OF_ONE_RUN)}
