"""Measure the comparison of two visits on real scans and on simulated change.

    python pipelines/validate_longitudinal.py DATA CACHE [--parts registration rescan ...]

DATA holds the developers' scans (crosssectional, longitudinal, rescan, wholehead, atlas).
Segmented visits are kept in CACHE; lesions of simulated pairs are the given masks. Each part
prints one line a case.
"""

import argparse
import pickle
import resource
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from nibabel.affines import apply_affine
from scipy import ndimage as ndi
from simulated_change import (
    change_lesions,
    growth_of,
    inverse,
    moved_t1w,
    moved_visit,
    noisy,
    pulled,
    shrinkage,
    stretched,
    with_mask,
)

from mslesion.imaging.itk import from_itk_transform
from mslesion.imaging.resampling import Grid, resample
from mslesion.longitudinal.alignment.head_scale import scale_by_skull
from mslesion.longitudinal.alignment.placing import (
    PlacedScan,
    VisitMaps,
    register_visits,
)
from mslesion.longitudinal.alignment.refinement import refine_frame
from mslesion.longitudinal.calibration.self_calibration import calibrate
from mslesion.longitudinal.pair import compare_maps
from mslesion.pipeline.pair.maps import maps_of
from mslesion.pipeline.visit.process import process_visit
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.maps import to_scan_grid
from mslesion.segmentation.lesions.network import LesionNetwork

DAYS = {"1": date(2000, 1, 1), "2": date(2001, 1, 1), "3": date(2002, 1, 1)}


def scan_folder(data: Path, name: str) -> Path:
    """Where the scans of a subject's session, such as LJL01_2, lie in the developers' data."""
    subject, session = name.split("_")
    return next(data.glob(f"*/sub-{subject}/ses-{session}/anat"))


def segmented(data: Path, cache: Path, name: str, session: str | None = None) -> VisitMaps:
    """A visit of real scans as the command leaves it; kept, as that takes a while.

    `session` says which visit of a pair it shall be, by default its own.
    """
    kept = cache / f"{name}.pickle"
    if not kept.exists():
        folder = scan_folder(data, name)
        files = {
            m: next(folder.glob(f"*_{m}.nii.gz"))
            for m in ("FLAIR", "T1w")
            if [*folder.glob(f"*_{m}.nii.gz")]
        }
        kept.write_bytes(pickle.dumps(maps_of(process_visit(files))))
    session = session or name.split("_")[1]
    visit = pickle.loads(kept.read_bytes())
    return replace(visit, session=session, day=DAYS[session])


def both_visits(data: Path, cache: Path, subject: str) -> list[VisitMaps]:
    return [segmented(data, cache, f"{subject}_{k}") for k in "12"]


def given_transforms(data: Path, subject: str):
    """From the common space to the FLAIR of each visit, and the space's masks."""
    root = data / "longitudinal/derivatives/change" / f"sub-{subject}"
    ways = []
    for k in "12":
        file = root / f"ses-{k}/anat/sub-{subject}_ses-{k}_from-common_to-FLAIR_xfm.txt"
        ways.append(from_itk_transform(sitk.ReadTransform(str(file))))
    masks = [
        nib.load(root / f"anat/sub-{subject}_space-common_desc-{kind}_mask.nii.gz")
        for kind in ("brain", "change")
    ]
    return ways, masks


def registration(data: Path, cache: Path) -> None:
    for subject in ("LJL01", "LJL03"):
        pair = both_visits(data, cache, subject)
        frame = register_visits(*pair, "FLAIR")
        frame = refine_frame(frame, *pair, "FLAIR")
        ways, (brain, _) = given_transforms(data, subject)
        points = apply_affine(brain.affine, np.argwhere(np.asarray(brain.dataobj) > 0)[::97])
        first, second = (apply_affine(way, points) for way in ways)
        gap = np.linalg.norm(apply_affine(frame.first_to_second, first) - second, axis=1)
        print(
            f"registration {subject}: mean {gap.mean():.2f} mm, max {gap.max():.2f} mm, both "
            f"ways {frame.inconsistency_mm:.2f} mm apart"
        )


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def change(data: Path, cache: Path) -> None:
    for subject in ("LJL01", "LJL03"):
        pair = both_visits(data, cache, subject)
        start = time.process_time()
        found = compare_maps(*pair)
        seconds = time.process_time() - start
        ways, (_, truth) = given_transforms(data, subject)
        grid = Grid(truth.shape, truth.affine)
        true = np.asarray(truth.dataobj) > 0
        if found.lesions.changes is None:
            print(f"change {subject}: {found.lesions.reason}")
            continue
        place, changes = found.lesions.aligned.placed, found.lesions.changes
        # The truth lies in the space of visit 2: by its own transform, not by ours
        way = np.linalg.inv(place.to_reference[1]) @ ways[1]
        outlined = [labels > 0 for labels in place.outlined]
        ours, differing, either = (
            resample(mask.astype(np.float32), place.frame.grid.affine, to=grid, transform=way)
            >= 0.5
            for mask in (
                changes.change_map >= 2,
                outlined[0] ^ outlined[1],
                place.lesions,
            )
        )
        voxel = abs(np.linalg.det(truth.affine[:3, :3])) / 1000
        print(
            f"change {subject}: Dice {dice(ours, true):.3f} (masks alone "
            f"{dice(differing, true):.3f}, all lesions {dice(either, true):.3f}), sensitivity "
            f"{(ours & true).sum() / true.sum():.2f}, ours {ours.sum() * voxel:.1f} ml, true "
            f"{true.sum() * voxel:.1f} ml, quality {found.quality.state}, CPU {seconds:.0f} s, "
            f"{_counts(found)}; {_joint(found)}"
        )


def rescan(data: Path, cache: Path) -> None:
    values = []
    for subject in ("1003", "1018", "1019"):
        pair = both_visits(data, cache, subject)
        start = time.process_time()
        found = compare_maps(*pair)
        seconds = time.process_time() - start
        values.append(found.brain.volumes.brain_pct)
        print(f"rescan {subject}: {_brain(found)}, quality {found.quality.state}, {seconds:.0f} s")
    sizes = np.abs(values)
    print(f"rescan: absolute PBVC, median {np.median(sizes):.3f} %, maximum {sizes.max():.3f} %")


def swap(data: Path, cache: Path) -> None:
    pair = [replace(visit, day=None) for visit in both_visits(data, cache, "1018")]
    there, back = compare_maps(*pair), compare_maps(*pair[::-1])
    values = [found.brain.volumes.brain_pct for found in (there, back)]
    print(f"swap: {values[0]:.6f} and {values[1]:.6f}, sum {sum(values):.2g}")


def strangers(data: Path, cache: Path) -> None:
    pair = [segmented(data, cache, "1003_1", "1"), segmented(data, cache, "1018_1", "2")]
    found = compare_maps(*pair)
    values = {r["check"]: r["value"] for r in found.quality.rows if r["value"] is not None}
    print(f"another person: {found.brain.reason or 'NOT CAUGHT'}; {values}")


def atrophy(data: Path, cache: Path) -> None:
    visit = segmented(data, cache, "niivue_1")
    scan = visit.scans["T1w"]
    grid = Grid(scan.data.shape, scan.affine)
    anatomy = to_scan_grid(visit.anatomy, visit.anatomy_affine, to=grid)
    brain = np.isin(anatomy, s.BRAIN)
    rng = np.random.default_rng(0)
    noise = 0.015 * np.median(scan.data[anatomy == s.WHITE_MATTER])
    base = _visit(noisy(scan.data, noise, rng), anatomy, scan.affine, "1")
    for rate in (0.0, 0.0075, 0.015, 0.03):  # 0.5, 1 and 2 % after smoothing
        shift = shrinkage(brain, anatomy > 0, rate)
        after = growth_of(shift)[brain].mean()
        true = 200 * (after - 1) / (after + 1)  # of the mean volume, as PBVC is
        back = inverse(shift)
        moved = pulled(scan.data, back, 3)
        after = pulled(anatomy, back, 0)
        second = _visit(noisy(moved, noise, rng), after, scan.affine, "2")
        print(f"atrophy {true:.3f} %: {_brain(compare_maps(base, second))}", flush=True)
        if rate != 0.015:
            continue
        for percent in (along(0, 1), along(None, 2)):
            found = compare_maps(base, stretched(second, percent))
            print(
                f"atrophy {true:.3f} %, stretched by {percent} %: {_brain(found)}; {_scale(found)}",
                flush=True,
            )


def scale(data: Path, cache: Path) -> None:
    """Whole heads, moved and noisy, whose voxel size is wrong at one visit: the scale alone."""
    errors, stated = [], []
    for name in whole_heads(data):
        first = segmented(data, cache, name)
        second = moved_t1w(first, np.random.default_rng(4))
        for percent in [along(0, 0), *(along(n, p) for p in (0.5, 1, 2) for n in (0, 1, 2, None))]:
            wrong = stretched(second, percent)
            frame = scale_by_skull(register_visits(first, wrong, "T1w"), first, wrong, "T1w")
            errors.append(
                frame.head_scale.volume_pct - 100 * np.log1p(np.array(percent) / 100).sum()
            )
            stated.append(frame.head_scale.error_points)
        print(f"scale {name}: errors up to {np.abs(errors[-13:]).max():.3f} points", flush=True)
    print(
        f"scale: {len(errors)} pairs, error of the head's volume {np.abs(errors).max():.3f} points "
        f"at most, root mean square {np.sqrt(np.mean(np.square(errors))):.3f}; stated "
        f"{min(stated):.3f} to {max(stated):.3f}"
    )


def whole_heads(data: Path) -> list[str]:
    folders = (data / "wholehead").glob("sub-*")
    return [f"{folder.name.removeprefix('sub-')}_1" for folder in sorted(folders)]


def stretch(data: Path, cache: Path) -> None:
    """The same heads: the brain change, against that without a wrong voxel size."""
    cases = [along(0, 0.5), along(1, 1), along(2, 2), along(None, 1), along(None, 2)]
    errors = []
    for number, name in enumerate(reversed(whole_heads(data))):
        first = segmented(data, cache, name)
        second = moved_t1w(first, np.random.default_rng(4))
        still = compare_maps(first, second)
        print(f"stretch {name}, none: {_brain(still)}; {_scale(still)}", flush=True)
        for percent in [cases[number % len(cases)]] if number else cases:
            found = compare_maps(first, stretched(second, percent))
            print(f"stretch {name}, {percent} %: {_brain(found)}; {_scale(found)}", flush=True)
            errors.append(found.brain.volumes.brain_pct - still.brain.volumes.brain_pct)
    print(f"stretch: {len(errors)} pairs, largest error {np.abs(errors).max():.3f} points")


def along(axis: int | None, percent: float) -> tuple[float, float, float]:
    """Percent along one axis, or along all."""
    return tuple(percent if axis in (None, n) else 0.0 for n in range(3))


def _scale(found) -> str:
    placed = found.brain.aligned.placed
    scale = None if placed is None else placed.frame.head_scale
    if scale is None:
        return "no scale of the head"
    return f"head {scale.volume_pct:+.3f} +- {scale.error_points:.3f} %"


def masked_visit(data: Path, cache: Path, subject: str, session: str) -> tuple:
    """A visit with its given mask as lesions, and that mask."""
    path = f"sub-{subject}/ses-{session}/anat"
    visit = segmented(data, cache, f"{subject}_{session}")
    name = f"sub-{subject}_ses-{session}_label-L_mask.nii.gz"
    file = data / f"crosssectional/derivatives/manual/{path}/{name}"
    mask = np.asarray(nib.as_closest_canonical(nib.load(file)).dataobj) > 0
    return with_mask(visit, mask, np.random.default_rng(1)), mask


def same(data: Path, cache: Path) -> None:
    """The same visit, moved, on another grid, brighter and noisier."""
    visit, mask = masked_visit(data, cache, "P14", "1")
    for thick in (False, True):
        moved = moved_visit(visit, mask, np.random.default_rng(2), thick=thick)
        label = "4 mm slices" if thick else "1 mm"
        clock, busy = time.perf_counter(), time.process_time()
        found = compare_maps(visit, moved)
        clock, busy = time.perf_counter() - clock, time.process_time() - busy
        _report_lesions(f"same visit, {label}", found, visit)
        print(f"    {clock:.0f} s by the clock, {busy:.0f} s of CPU, FLAIR and T1w", flush=True)


def lesions(data: Path, cache: Path) -> None:
    """The same visit moved, noisy, with lesions put in and grown."""
    for subject, session, seed in (("P14", "1", 10), ("P14", "1", 11), ("LJ07", "1", 12)):
        visit, mask = masked_visit(data, cache, subject, session)
        visit = replace(visit, scans={"FLAIR": visit.scans["FLAIR"]})
        rng = np.random.default_rng(seed)
        changed, put_in, grown = change_lesions(data, visit, mask, rng)
        found = compare_maps(visit, moved_visit(changed, changed.lesions > 0, rng))
        print(f"{subject}, seed {seed}:", end=" ")
        _score(found, visit, put_in, grown)


def joint(data: Path, cache: Path) -> None:
    """The same scans, moved, noisy, with other slices, segmented anew: what both visits give."""
    for name in ("LJL03_1", "P14_1", "LJ07_1"):
        visit = segmented(data, cache, name)
        visit = replace(visit, scans={"FLAIR": visit.scans["FLAIR"]}, session="1", day=DAYS["1"])
        for thick in (False, True):
            moved = moved_visit(visit, visit.lesions > 0, np.random.default_rng(2), thick=thick)
            kept = cache / f"{name}_moved_{'thick' if thick else 'thin'}.pickle"
            if not kept.exists():
                with TemporaryDirectory() as folder:
                    scan, file = moved.scans["FLAIR"], Path(folder) / "FLAIR.nii"
                    nib.save(nib.Nifti1Image(scan.data.astype(np.float32), scan.affine), file)
                    kept.write_bytes(pickle.dumps(maps_of(process_visit({"FLAIR": file}))))
            again = pickle.loads(kept.read_bytes())
            again = replace(again, session="2", day=moved.day, flair_dim=visit.flair_dim)
            found = compare_maps(visit, again)
            label = "4 mm slices" if thick else "1.2 mm slices"
            if found.lesions.changes is None:
                print(f"joint {name}, {label}: {found.lesions.reason}", flush=True)
                continue
            print(f"joint {name}, {label}: {_joint(found)}, {_counts(found)}", flush=True)


def _joint(found) -> str:
    """Lesions of both visits, each segmented alone and both together."""
    alone = []
    for visit in (found.first, found.second):
        voxel_ml = abs(np.linalg.det(visit.lesions_affine[:3, :3])) / 1000
        alone.append((np.count_nonzero(visit.lesions) * voxel_ml, int(visit.lesions.max())))
    (first, one), (second, other) = alone
    both = found.lesions.changes.summary
    before, after = (both[f"lesion_volume_joint_{end}_ml"] for end in ("from", "to"))
    counts = [both[f"lesion_count_joint_{end}"] for end in ("from", "to")]
    return (
        f"alone {first:.2f} and {second:.2f} ml ({100 * (second / first - 1):+.1f} %), {one} and "
        f"{other} lesions; together {before:.2f} and {after:.2f} ml "
        f"({100 * (after / before - 1):+.2f} %), {counts[0]} and {counts[1]}"
    )


def calibration(data: Path, cache: Path) -> None:
    """What patients' own synthetic follow-ups say, segmented anew."""
    for subject in ("P14", "LJ07"):
        visit = segmented(data, cache, f"{subject}_1")
        for row in calibrate(visit, lesion_network=LesionNetwork()).rows():
            print(f"calibration {subject}:", {k: v for k, v in row.items() if v not in (None, "")})


def _report_lesions(name: str, found, visit) -> None:
    if found.lesions.changes is None:
        print(f"lesions, {name}: {found.lesions.reason}")
        return
    total = int(visit.lesions.max())
    print(f"lesions, {name}: {total} lesions; {_counts(found)}; {_brain(found)}")
    if found.brain.expansion is not None:
        one = found.brain.expansion
        print(
            f"    slow expansion: {len(one.candidates)} candidates in {one.assessed_count} lesions "
            f"of 100 mm3 or more, {one.expected_by_chance:.1f} expected by chance, noise "
            f"{one.noise_p95_pct_per_year:.1f} % a year",
            flush=True,
        )


def _score(found, visit, put_in, grown) -> None:
    """Inserted and grown lesions that were found."""
    if found.lesions.changes is None:
        print(f"lesions put in: {found.lesions.reason}")
        return
    place, changes = found.lesions.aligned.placed, found.lesions.changes
    grid, way = place.frame.grid, place.to_reference[0]
    there = resample(put_in, visit.lesions_affine, to=grid, transform=way, order=0)
    new = changes.change_map == 2
    hits = len(np.unique(there[new & (there > 0)]))
    pieces, count = ndi.label(new, np.ones((3, 3, 3)))
    false = count - len(np.unique(pieces[new & (there > 0)]))
    larger = {r["lesions_from"] for r in changes.rows if r["size_change"] == "enlarging"}
    larger = {int(n) for text in larger if text for n in text.split("+")}
    wanted = {int(np.bincount(visit.lesions[m]).argmax()) for m in grown} - {0}
    large = {n for n, size in enumerate(np.bincount(visit.lesions.ravel())) if n and size >= 14}
    untouched = large - wanted
    print(
        f"lesions put in: found {hits} of {put_in.max()}, false new {false}, volume "
        f"{new.sum() / 1e3:.2f} of {(there > 0).sum() / 1e3:.2f} ml; grown: enlarging "
        f"{len(larger & wanted)} of {len(wanted)}; untouched: enlarging "
        f"{len(larger & untouched)} of {len(untouched)}",
        flush=True,
    )
    for row in changes.rows:
        missed = {int(n) for n in (row["lesions_from"] or "").split("+") if n} & (wanted - larger)
        if missed:
            print(
                f"    missed {missed}: {row['change']}, {row['volume_from_mm3']:.0f} to "
                f"{row['volume_to_mm3']:.0f} mm3, radius {row['radius_change_mm']:+.2f} mm"
            )


def _visit(data, anatomy, affine, session) -> VisitMaps:
    return VisitMaps(
        scans={"T1w": PlacedScan(data, affine)}, anatomy=anatomy, anatomy_affine=affine,
        session=session, day=DAYS[session], sees_skull=True,
    )  # fmt: skip


def _counts(found) -> str:
    names = ("new_t2", "enlarging", "stable", "shrinking", "resolved", "under_floor")
    return ", ".join(f"{n} {found.lesions.changes.summary[n + '_count']}" for n in names)


def _brain(found) -> str:
    if found.brain.volumes is None:
        return f"no PBVC ({found.brain.reason})"
    v = found.brain.volumes
    shown = {
        "PBVC": v.brain_pct, "BSI": v.boundary_pct, "Jacobian": v.deformation_pct,
        "ventricles": v.ventricles_pct, "calibration": v.calibration, "eroded": v.eroded_pct,
    }  # fmt: skip
    return ", ".join(f"{k} {x:.3f}" for k, x in shown.items() if x is not None)


PARTS = {
    part.__name__: part
    for part in (
        registration, change, rescan, swap, strangers, atrophy, scale, stretch, same,
        lesions, joint,
        calibration,
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path, help="folder for segmented visits")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    for name in given.parts:
        PARTS[name](given.data, given.cache)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak memory {peak:.1f} GiB")


if __name__ == "__main__":
    main()
