"""Time and memory of one visit, from its scans to its tables.

    OMP_NUM_THREADS=2 python pipelines/benchmark.py FLAIR.nii.gz T1w.nii.gz [--repeat 3]

Prints the seconds of each run (the first one reads the networks) and the peak memory of
the process, imports included.
"""

import argparse
import resource
import statistics
import time
from pathlib import Path

import mslesion as ms


def main():
    """Run a visit several times."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("flair", type=Path)
    parser.add_argument("t1w", type=Path, nargs="?")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    scans = {"FLAIR": options.flair} | ({"T1w": options.t1w} if options.t1w else {})
    seconds = []
    for _ in range(options.repeat):
        start = time.perf_counter()
        result = ms.process_visit(scans)
        seconds.append(time.perf_counter() - start)
    memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    shape = "x".join(str(n) for n in result.anatomy.shape)
    print(f"{'+'.join(scans)}, {shape} voxels: " + ", ".join(f"{s:.1f} s" for s in seconds))
    print(f"median {statistics.median(seconds):.1f} s, peak memory {memory_gib:.2f} GiB")


if __name__ == "__main__":
    main()
