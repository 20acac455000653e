"""Measure the error of the change of brain, ventricles and thalamus, by kind of pair.

    python pipelines/measure_error.py DATA CACHE [--people 1018 P14 ...]

DATA holds the developers' scans. The change of every pair is known: the two scans of a rescan, the
same two with thick slices, a scan and a copy of it as another session might give it, two copies
with thick slices, and a scan and its copy with simulated atrophy. Every scan and copy is segmented
on its own; segmented visits are kept in CACHE. `mslesion/schema/change_errors.py` holds what the
rescans gave: they alone are two acquisitions.
"""

import argparse
import pickle
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy.spatial.transform import Rotation
from simulated_change import growth_of, inverse, noisy, pulled, shrinkage
from validate_longitudinal import both_visits, segmented

from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import Grid, resample
from mslesion.longitudinal.alignment.placing import VisitMaps
from mslesion.longitudinal.pair import compare_maps
from mslesion.longitudinal.rows import change_row
from mslesion.pipeline.pair.maps import maps_of
from mslesion.pipeline.visit.process import process_visit
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.maps import to_scan_grid

RESCANNED = ("1003", "1018", "1019")
COPIED = ("1018", "niivue", "IXI013HH1212", "P14", "1003")
SHRUNKEN = ("niivue", "1018")
RATE = 0.0075
"""Shrinkage of the brain before smoothing: a loss of about 0.5 %."""
SLICE_MM = 4
NOISE = 0.03
"""Standard deviation of the noise that is added, as a share of the bright tissue."""
BIAS = 0.1
"""Standard deviation of the logarithm of the bias field that is added."""
MEASURES = {
    "pbvc": "pbvc_pct",
    "pvvc": "pvvc_pct",
    "thalamus": "thalamus_change_pct",
}
"""Column of changes.csv by quantity."""


def turned(degrees, shift_mm, centre) -> np.ndarray:
    """A rigid move about a point."""
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    return from_matvec(turn, centre - turn @ centre + shift_mm)


STILL = ((0, 0, 0), (0, 0, 0))
MOVED = ((4, -3, 5), (3, -4, 2.5))
"""Rotation in degrees about each axis, and shift in mm."""
KINDS = {"moved": (MOVED, False), "slices": (STILL, True), "slices moved": (MOVED, True)}
"""Copies of a scan: how it is moved, and whether it gets thick slices."""


def taken_again(data, affine, *, move, slices: bool):
    """A scan on another grid, rigidly moved; each slice is the mean of what it covers."""
    spacing = np.array(spacing_mm(affine))
    size = np.array(data.shape) * spacing
    centre = apply_affine(affine, (np.array(data.shape) - 1) / 2)
    if slices:
        spacing[2] = 1
    elif spacing.max() < 1.5:  # else the copy would count as one of thick slices
        spacing *= (1.1, 1.0, 1.2)
    shape = np.ceil(size / spacing).astype(int) + 16
    if slices:
        shape[2] -= shape[2] % SLICE_MM
    corner = centre - spacing * (shape - 1) / 2
    grid = Grid(tuple(int(n) for n in shape), from_matvec(np.diag(spacing), corner))
    way = turned(*move, centre)
    values = resample(data.astype(np.float64), affine, to=grid, transform=way, order=3)
    has = resample((data > 0).astype(np.float32), affine, to=grid, transform=way)
    affine = grid.affine
    if slices:
        blocks = (*shape[:2], shape[2] // SLICE_MM, SLICE_MM)
        values, has = (array.reshape(blocks).mean(axis=3) for array in (values, has))
        corner[2] += (SLICE_MM - 1) / 2
        affine = from_matvec(np.diag((*spacing[:2], SLICE_MM)), corner)
    return np.where(has > 0.5, np.maximum(values, 1e-3), 0), affine


def another_bias(data, rng) -> np.ndarray:
    """A scan under another smooth field."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in data.shape), indexing="ij")
    field = sum(rng.normal() * term for term in (x, y, z, x * y, y * z, x * z, x * x, z * z))
    return data * np.exp(BIAS * (field - field.mean()) / field.std())


def copy_of(data, affine, kind: str, rng):
    """A scan as another session might give it."""
    data = data.astype(np.float64)
    bright = np.percentile(data[data > 0], 90)
    move, slices = KINDS[kind]
    data, affine = taken_again(data, affine, move=move, slices=slices)
    return noisy(another_bias(data, rng), NOISE * bright, rng), affine


def kept(cache: Path, name: str, make) -> VisitMaps:
    """A segmented visit; made only once."""
    path = cache / f"{name}.pickle"
    if not path.exists():
        path.write_bytes(pickle.dumps(make()))
    return pickle.loads(path.read_bytes())


def t1w_of(data: Path, cache: Path, person: str) -> VisitMaps:
    """A person's first visit with its T1w alone."""
    visit = segmented(data, cache, f"{person}_1")
    return replace(visit, scans={"T1w": visit.scans["T1w"]})


def copied(data: Path, cache: Path, person: str, kind: str, session: str = "1") -> VisitMaps:
    """A degraded copy of a person's visit, segmented on its own."""

    def make() -> VisitMaps:
        rng = np.random.default_rng(0)
        scan = segmented(data, cache, f"{person}_{session}").scans["T1w"]
        return maps_of(process_visit({"T1w": copy_of(scan.data, scan.affine, kind, rng)}))

    return kept(cache, f"{person}_{session}_{kind}", make)


def shrunken(data: Path, cache: Path, person: str):
    """A person's T1w with a smaller brain, segmented on its own, and what is true."""
    visit = segmented(data, cache, f"{person}_1")
    scan = visit.scans["T1w"]
    anatomy = to_scan_grid(
        visit.anatomy, visit.anatomy_affine, to=Grid(scan.data.shape, scan.affine)
    )
    brain = np.isin(anatomy, s.BRAIN)
    shift = shrinkage(brain, anatomy > 0, RATE)
    growth = growth_of(shift)
    parts = {
        "pbvc": brain,
        "pvvc": np.isin(anatomy, s.LATERAL_VENTRICLES_AND_PLEXUS),
        "thalamus": anatomy == s.THALAMUS,
    }
    after = {name: growth[mask].mean() for name, mask in parts.items()}
    true = {name: 200 * (value - 1) / (value + 1) for name, value in after.items()}

    def make() -> VisitMaps:
        moved = pulled(scan.data, inverse(shift), 3)
        noise = 0.015 * np.median(scan.data[anatomy == s.WHITE_MATTER])
        noisy_scan = noisy(moved, noise, np.random.default_rng(1))
        return maps_of(process_visit({"T1w": (noisy_scan, scan.affine)}))

    return kept(cache, f"{person}_shrunken", make), true


def pairs(data: Path, cache: Path, people):
    """Name, visits and true change of every pair; the name begins with the person."""
    for person in people:
        first = t1w_of(data, cache, person)
        second = "2" if person in RESCANNED else "1"
        if person in RESCANNED:
            yield f"{person} rescan", both_visits(data, cache, person), {}
        if person in COPIED:
            yield f"{person} copy", (first, copied(data, cache, person, "moved")), {}
        slices = [
            copied(data, cache, person, "slices"),
            copied(data, cache, person, "slices moved", second),
        ]
        what = "rescan" if person in RESCANNED else "copy"
        yield f"{person} {what} of {SLICE_MM} mm slices", slices, {}
        if person in SHRUNKEN:
            copy, true = shrunken(data, cache, person)
            yield f"{person} atrophy {true['pbvc']:.2f} %", (first, copy), true


def compared(name: str, visits, true) -> tuple[str, dict[str, float]]:
    """Kind of a pair and the errors of its changes; the pair is printed."""
    visits = [
        replace(visit, session=k, day=None, scanner_id="one")
        for visit, k in zip(visits, "12", strict=True)
    ]
    pair = compare_maps(*visits)
    row = change_row(pair)
    kind = row.get("pair_kind", "withheld")
    errors = {
        measure: row[column] - true.get(measure, 0)
        for measure, column in MEASURES.items()
        if row.get(column) is not None
    }
    shown = ", ".join(f"{measure} {error:+.3f}" for measure, error in errors.items())
    why = row["brain_change_reason"]
    print(f"{name} ({kind}, {row['quality_state']}): {shown or why}", flush=True)
    return kind, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path, help="folder for segmented visits")
    everybody = list(dict.fromkeys((*RESCANNED, *COPIED, *SHRUNKEN)))
    parser.add_argument("--people", nargs="+", choices=everybody, default=everybody)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
    for name, visits, true in pairs(given.data, given.cache, given.people):
        person, source = name.split()[:2]
        kind, errors = compared(name, visits, true)
        for measure, error in errors.items():
            found[kind, source, measure].append((person, error))
    for (kind, source, measure), values in sorted(found.items()):
        errors = np.array([error for _, error in values])
        people = len({person for person, _ in values})
        print(
            f"{kind}, {source}, {measure}: RMS {np.sqrt(np.mean(errors**2)):.3f}, largest "
            f"{np.abs(errors).max():.3f} of {len(errors)} pairs of {people} people"
        )


if __name__ == "__main__":
    main()
