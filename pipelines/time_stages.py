"""The command, with the time and memory of each stage of its visits and pairs.

    OMP_NUM_THREADS=1 python pipelines/time_stages.py STUDY OUTPUT participant --n-jobs 1

Takes the arguments of mslesion, does the jobs in this process, and ends with one line of JSON:
for each stage seconds on the clock, seconds of the processors in all threads, and the most memory
in MiB. What a stage takes is not part of the stage around it; a stage whose function a version of
mslesion does not have counts to the one around it. With several threads stages overlap, and cannot
be told apart. Needs Linux.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path

START, REST = "start", "plan, tables and page"
"""Until the arguments are read, and what is in no other stage."""
VISIT = {
    "read": "mslesion.pipeline.visit.prepare.read_scan",
    "register": "mslesion.pipeline.visit.process.prepare_visit",
    "structure network": "mslesion.pipeline.visit.head.predict_structures",
    "structures on the grid, fit": "mslesion.pipeline.visit.process.find_head",
    "bias fields": "mslesion.pipeline.visit.segment.correct_bias",
    "lesion network": "mslesion.pipeline.visit.segment.lesion_probability",
    "lesion mask, midplane": "mslesion.pipeline.visit.process.segment_visit",
    "measure": "mslesion.pipeline.visit.process.measure_visit",
    "pictures": "mslesion.pipeline.visit.outputs.visit_part",
    "write": "mslesion.pipeline.visit.jobs.write_visit",
}
"""Stages of a visit, each with the function that does it, where that is called."""
PAIR = {
    "read visits": "mslesion.pipeline.pair.maps.read_visit",
    "one head": "mslesion.longitudinal.pair.head_values",
    "register": "mslesion.longitudinal.pair.register_visits",
    "scale of the head": "mslesion.longitudinal.pair.scale_by_skull",
    "refine": "mslesion.longitudinal.pair.refine_frame",
    "place": "mslesion.longitudinal.pair.place_pair",
    "match intensities": "mslesion.longitudinal.pair.match_placed",
    "weigh lesion change": "mslesion.longitudinal.pair.weigh_change",
    "describe lesions": "mslesion.longitudinal.pair.describe_changes",
    "volume change": "mslesion.longitudinal.pair.measure_volume_changes",
    "local volume change": "mslesion.longitudinal.pair.local_volume_ratio",
    "rest of comparison": "mslesion.pipeline.pair.jobs.compare_segmentations",
    "write, pictures": "mslesion.pipeline.pair.jobs.write_pair",
}
"""The same of a pair."""


class Clock:
    """Counts time and memory to the stage that is under way."""

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = {}
        """Seconds, seconds of the processors and MiB by stage, in the order of their first use."""
        self._stage = START
        self._since = time.perf_counter(), 0.0

    def turn_to(self, stage: str) -> str:
        """End the stage that is under way, and begin another.

        Returns
        -------
        str
            The one that ended.
        """
        ended, now = self._stage, (time.perf_counter(), time.process_time())
        wall, cpu, mib = self.stages.setdefault(ended, [0.0, 0.0, 0.0])
        wall, cpu = wall + now[0] - self._since[0], cpu + now[1] - self._since[1]
        self.stages[ended] = [wall, cpu, max(mib, _peak_mib())]
        Path("/proc/self/clear_refs").write_text("5")  # the peak is measured anew
        self._stage, self._since = stage, now
        return ended

    def watch(self, stage: str, function: Callable) -> Callable:
        """A function, as a stage of its own."""

        @wraps(function)
        def timed(*args, **kwargs):
            around = self.turn_to(stage)
            try:
                return function(*args, **kwargs)
            finally:
                self.turn_to(around)

        return timed


def _peak_mib() -> float:
    """Most memory of this process since it was last measured anew."""
    status = Path("/proc/self/status").read_text()
    return float(status.split("VmHWM:")[1].split()[0]) / 1024


def main(argv: list[str]) -> int:
    """Run the command and print its stages."""
    clock = Clock()
    from mslesion.cli import main as run_command

    for job, stages in (("visit", VISIT), ("pair", PAIR)):
        for stage, place in stages.items():
            module_name, _, name = place.rpartition(".")
            module = import_module(module_name)
            if hasattr(module, name):
                setattr(module, name, clock.watch(f"{job}: {stage}", getattr(module, name)))
    clock.turn_to(REST)
    code = run_command(argv)
    clock.turn_to(REST)
    print(json.dumps(clock.stages))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
