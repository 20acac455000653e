"""Four jobs on one worker of Slurm, which is cancelled while the second one is under way."""

import os
import subprocess
import sys
import time
from concurrent.futures import as_completed
from pathlib import Path

from mslesion.pipeline.dataset import batch_engine
from mslesion.pipeline.dataset.engines import open_workers
from mslesion.pipeline.dataset.workers import EngineOptions


def work(number):
    time.sleep(2)
    Path(os.environ["OUT"], f"{number}.done").touch()
    return "done"


def main():
    batch_engine.REFILL_S = 2.0
    options = EngineOptions(n_jobs=1, job_memory="2GB", job_walltime="00:30:00")
    with open_workers("slurm", options) as workers:
        futures = [workers.executor.submit(work, number) for number in range(4)]
        next(as_completed(futures))
        time.sleep(0.5)
        subprocess.run("squeue --noheader --format=%i | xargs scancel", shell=True, check=True)
        states = [future.result(timeout=300) for future in futures]
    sys.stdout.write(" ".join(states))
