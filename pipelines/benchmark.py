"""Time and memory of the command on a visit and on a pair of visits, stage by stage.

    python pipelines/benchmark.py FLAIR.nii.gz T1w.nii.gz [--second FLAIR2.nii.gz T1w2.nii.gz]
        [--against PYTHON] [--threads 2] [--repeat 3] [--folder FOLDER]

Each run is a new process that does one visit, or compares two finished ones, and writes files and
page. The tables have the medians of the runs. The whole command is measured from outside, with the
threads that are asked for; the stages by `time_stages.py` in another run with one thread, as stages
of several threads overlap. With --against, another installed version is run as well, in turn with
this one, so that what else the machine does hits both alike; PYTHON is the interpreter of its
virtual environment. In --folder the finished visits of a pair are kept for the next call.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STAGES = Path(__file__).with_name("time_stages.py")
NAMES = ("FLAIR", "T1w")
"""Scans of a visit, in the order of the arguments."""
RULES = ("pct", "radial")
"""Rules for enlarging lesions, the default last. With another one than before, a pair is compared
again, and nothing else done."""
WHOLE = "whole command"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scans", type=Path, nargs="+", help="FLAIR, or FLAIR and T1w")
    parser.add_argument("--second", type=Path, nargs="+", help="the same of a second visit")
    parser.add_argument("--against", metavar="PYTHON", help="interpreter of another version")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=("visit", "pair"), help="leave the other one out")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    options = parser.parse_args()
    pythons = {"this version": sys.executable}
    pythons |= {"the other version": options.against} if options.against else {}
    folder = options.folder or Path(tempfile.mkdtemp(prefix="benchmark_"))
    try:
        study = write_study(folder / "study", options.scans, options.second)
        if options.only != "pair":
            show("Visit", visit_runs(pythons, study, folder, options))
        if options.second and options.only != "visit":
            show("Pair", pair_runs(pythons, study, folder, options))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


def write_study(root: Path, first: list[Path], second: list[Path] | None) -> Path:
    """A dataset of one patient with these visits, a year apart."""
    dates = ["session_id\tacq_time"]
    for number, scans in enumerate(filter(None, (first, second)), start=1):
        folder = root / f"sub-1/ses-{number}/anat"
        folder.mkdir(parents=True, exist_ok=True)
        for name, scan in zip(NAMES, scans, strict=False):
            shutil.copyfile(scan, folder / f"sub-1_ses-{number}_{name}.nii.gz")
        dates.append(f"ses-{number}\t{2020 + number}-01-01T00:00:00")
    (root / "sub-1/sub-1_sessions.tsv").write_text("\n".join(dates) + "\n")
    about = {"Name": "benchmark", "BIDSVersion": "1.10.0"}
    (root / "dataset_description.json").write_text(json.dumps(about))
    return root


def visit_runs(pythons: dict, study: Path, folder: Path, options) -> dict[str, list[dict]]:
    """Runs of the first visit, by version."""
    output = folder / "visit"
    runs: dict[str, list[dict]] = {name: [] for name in pythons}
    for _ in range(options.repeat):
        for name, python in pythons.items():
            figures = {}
            for threads in (1, options.threads):
                shutil.rmtree(output, ignore_errors=True)
                arguments = [study, output, "participant", "--session-label", "1"]
                figures |= run(python, arguments, threads=threads, by_stage=not figures)
            runs[name].append(figures)
    return runs


def pair_runs(pythons: dict, study: Path, folder: Path, options) -> dict[str, list[dict]]:
    """Runs of the pair, by version, after the visits are finished."""
    runs: dict[str, list[dict]] = {name: [] for name in pythons}
    outputs = {name: folder / name.replace(" ", "_") for name in pythons}
    for name, python in pythons.items():
        run(python, [study, outputs[name], "participant"], threads=options.threads)
    for _ in range(options.repeat):
        for name, python in pythons.items():
            figures = {}
            for threads, rule in zip((1, options.threads), RULES, strict=True):
                arguments = [study, outputs[name], "participant", "--change-rule", rule]
                figures |= run(python, arguments, threads=threads, by_stage=not figures)
            runs[name].append(figures)
    return runs


def run(
    python: str, arguments: list, *, threads: int, by_stage: bool = False
) -> dict[str, list[float]]:
    """Figures of one run, by stage or of the whole command."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONDONTWRITEBYTECODE": "1"}
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)  # it may lead to this version
    command = [python, *([STAGES] if by_stage else ["-m", "mslesion"]), *arguments, "--n-jobs", "1"]
    start = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True
    )
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"The command failed: {' '.join(process.args)}")
    if by_stage:
        return json.loads(printed.splitlines()[-1])
    return {WHOLE: [wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]}


def show(title: str, runs: dict[str, list[dict]]) -> None:
    """Print the table of a visit or a pair: medians over the runs, as Markdown."""
    stages = list(dict.fromkeys(stage for own in runs.values() for one in own for stage in one))
    stages.append(stages.pop(stages.index(WHOLE)))
    columns = [f"{name}: {what}" for name in runs for what in ("s", "CPU s", "peak MiB")]
    print(f"\n| {title} | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for stage in stages:
        cells = []
        for own in runs.values():
            found = [one[stage] for one in own if stage in one]
            if not found:
                cells += [""] * 3
                continue
            wall, cpu, mib = (statistics.median(values) for values in zip(*found, strict=True))
            cells += [f"{wall:.1f}", f"{cpu:.1f}", f"{mib:.0f}"]
        print(f"| {stage} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
