"""Measure the check `edges_in_place` on scans of one person, of two, mirrored and degraded.

    python pipelines/validate_scan_match.py DATA OUTPUT_DIR [--kinds right mirrored degraded wrong]
        [--people LJ07 LJL01 ...]

DATA holds the developers' scans (`crosssectional`, `longitudinal`). Every FLAIR is held against
the other scans of its visit (right, also mirrored left to right, and degraded), and against the
scans of every other person of the same folder (wrong). Writes `scan_match.csv` and prints the
range of each kind.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import from_matvec
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation

import mslesion as ms
from mslesion.imaging.local_agreement import share_in_place
from mslesion.imaging.resampling import resample, working_grid
from mslesion.io.nifti import Scan, load_scan
from mslesion.pipeline.visit.prepare import place_on_reference
from mslesion.segmentation.anatomy.network import predict_structures

NOISE = 0.08
"""Standard deviation of the noise that is added, by the 95th percentile of the head."""
BIAS = 0.5
"""The gain falls from 1 + this to 1 - this along the second axis."""
SLICES_MM = 4
TURN_DEGREES, SHIFT_MM = (8, -5, 6), (12, -9, 7)
"""A header that is wrong by this."""


def mirrored(scan: Scan) -> Scan:
    """The scan stored with left and right exchanged."""
    return replace(scan, data=scan.data[::-1])


def noisy(scan: Scan) -> Scan:
    """With noise."""
    level = NOISE * np.percentile(scan.data[scan.data > 0], 95)
    grain = level * np.random.default_rng(0).standard_normal(scan.data.shape)
    return replace(scan, data=np.where(scan.data > 0, np.maximum(scan.data + grain, 0), 0))


def shaded(scan: Scan) -> Scan:
    """With a strong bias field."""
    ramp = np.linspace(1 + BIAS, 1 - BIAS, scan.data.shape[1])[None, :, None]
    return replace(scan, data=scan.data * ramp)


def in_slices(scan: Scan) -> Scan:
    """Each voxel the mean of slices that are 4 mm together, on the same grid."""
    size = max(1, round(SLICES_MM / scan.spacing_mm[2]))
    return replace(scan, data=ndi.uniform_filter1d(scan.data.astype(float), size, axis=2))


def moved(scan: Scan) -> Scan:
    """With a header that puts it elsewhere."""
    turn = Rotation.from_euler("xyz", TURN_DEGREES, degrees=True).as_matrix()
    return replace(scan, affine=from_matvec(turn, SHIFT_MM) @ scan.affine)


DEGRADED = {"noise": noisy, "bias": shaded, "slices": in_slices, "header": moved}


def pairs(visits, kinds, people):
    """Visit whose FLAIR is taken, visit and modality of the other scan, kind, and what is done."""
    for visit in visits:
        if people and visit.subject not in people:
            continue
        for other in visits:
            for name in set(other.scans) - {"FLAIR"}:
                if other.name == visit.name:
                    found = {"right": {"": lambda scan: scan}, "mirrored": {"": mirrored}}
                    found["degraded"] = DEGRADED
                elif other.subject != visit.subject:
                    found = {"wrong": {"": lambda scan: scan}}
                else:
                    continue
                for kind in kinds:
                    for how, change in found.get(kind, {}).items():
                        yield visit, other, name, kind, how, change


def main():
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    kinds = ("right", "mirrored", "degraded", "wrong")
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--people", nargs="+", help="whose FLAIR; all by default")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rows, heads = [], {}
    for folder in ("crosssectional", "longitudinal"):
        visits = ms.find_visits(options.data / folder)
        for visit, other, name, kind, how, change in pairs(visits, options.kinds, options.people):
            if visit.name not in heads:
                flair = load_scan(visit.scans["FLAIR"])
                grid = working_grid(flair.data.shape, flair.affine)
                fixed = np.maximum(resample(flair.data, flair.affine, to=grid), 0)
                brain = predict_structures({"FLAIR": fixed}) > 0
                heads = {visit.name: (flair, grid, fixed, brain)}
            flair, grid, fixed, brain = heads[visit.name]
            scan = change(load_scan(other.scans[name]))
            share = share_in_place(
                fixed, place_on_reference(scan, reference=flair, grid=grid), brain
            )
            rows.append([folder, kind, how, visit.name, other.name, name, share])
            print(*rows[-1], flush=True)
    columns = ["folder", "kind", "degraded_by", "flair_of", "scan_of", "modality", "share_pct"]
    table = pd.DataFrame(rows, columns=columns)
    table.round(2).to_csv(options.output / "scan_match.csv", index=False)
    print(table.groupby(["kind", "folder"])["share_pct"].describe()[["count", "min", "max"]])


if __name__ == "__main__":
    main()
