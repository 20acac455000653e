"""Known change put into real scans: lesions, growth, motion, atrophy."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation

from mslesion.imaging.resampling import Grid, resample, resample_mask
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.schema import structures as s
from mslesion.segmentation.lesions.instances import find_lesions


def change_lesions(data: Path, visit: VisitMaps, mask: np.ndarray, rng):
    """A copy with 20 lesions of the shape library, and every third lesion 1 mm larger."""
    flair = visit.scans["FLAIR"].data.astype(np.float64)
    white = (visit.anatomy == s.WHITE_MATTER) & ~ndi.binary_dilation(mask, iterations=5)
    level = np.median(flair[white])
    bright = np.median(flair[mask]) / level - 1
    labels, count = ndi.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel())
    grown = [n for n in range(1, count + 1) if sizes[n] >= 65][::3]
    larger = border_distance(np.isin(labels, grown)) <= 1
    larger &= (visit.anatomy > 0) & ~np.isin(visit.anatomy, s.indices(s.FLUID))
    put_in = np.zeros(mask.shape, np.int32)
    room = ~ndi.binary_dilation(mask | larger, iterations=5)
    shapes = library(data)
    tissue = (visit.anatomy > 0) & ~np.isin(visit.anatomy, s.indices(s.FLUID))
    places = np.argwhere(white)
    for _ in range(4000):
        if put_in.max() >= 20:
            break
        shape = shapes[rng.integers(len(shapes))]
        corner = places[rng.integers(len(places))] - np.array(shape.shape) // 2
        if not 65 <= shape.sum() <= 2000 or (corner < 0).any():
            continue
        box = tuple(slice(c, c + m) for c, m in zip(corner, shape.shape, strict=True))
        if put_in[box].shape != shape.shape or not room[box][shape].all():
            continue
        kept = shape & tissue[box]  # 4 of 5 voxels in white matter, none in fluid
        if (shape & white[box]).sum() >= 0.8 * shape.sum() and kept.sum() >= 65:
            put_in[box][kept] = put_in.max() + 1
            room &= ndi.distance_transform_edt(put_in == 0) > 6
    added = ((put_in > 0) | larger) & ~mask
    soft = ndi.gaussian_filter(added.astype(np.float64), 0.6)
    scans = dict(visit.scans)
    scans["FLAIR"] = replace(
        scans["FLAIR"], data=np.where(flair > 0, flair + bright * level * soft, 0)
    )
    changed = replace(visit, scans=scans)
    return with_mask(changed, mask | added, rng), put_in, [labels == n for n in grown]


def border_distance(mask: np.ndarray) -> np.ndarray:
    """Distance outside a mask's border: smoothed, so that balls grow by what is said."""
    outside, inside = ndi.distance_transform_edt(~mask), ndi.distance_transform_edt(mask)
    return ndi.gaussian_filter(np.where(mask, 0.5 - inside, outside - 0.5), 0.5)


def library(data: Path) -> list[np.ndarray]:
    """Lesion shapes."""
    kept = np.load(data / "atlas/lesion_shapes_MNI_1mm.npz")
    shapes, start = [], 0
    for box, length in zip(kept["box"], kept["length"], strict=True):
        bits = np.unpackbits(kept["bits"][start : start + length])[: int(np.prod(box))]
        shapes.append(bits.reshape(box).astype(bool))
        start += length
    return shapes


def moved_visit(visit: VisitMaps, mask: np.ndarray, rng, *, thick: bool = False) -> VisitMaps:
    """A visit after a rigid move, on another grid, 10 % brighter, with 2 % noise."""
    turn = Rotation.from_euler("xyz", [4, -3, 5], degrees=True).as_matrix()
    grid_scan = visit.scans["FLAIR"]
    centre = apply_affine(grid_scan.affine, (np.array(grid_scan.data.shape) - 1) / 2)
    move = from_matvec(turn, centre - turn @ centre + [3, -4, 2.5])
    scans = {}
    for name, scan in visit.scans.items():
        spacing = (0.9, 0.9, 4.0) if thick and name == "FLAIR" else (1.1, 1.0, 1.2)
        grid = _grid(centre, spacing, 200)
        data = scan.data.astype(np.float64)
        if spacing[2] > 2:  # slices are means
            data = ndi.uniform_filter1d(data, 4, axis=2)
        values = resample(data, scan.affine, to=grid, transform=move, order=3)
        level = np.median(values[values > np.percentile(values, 80)])
        has = resample((scan.data > 0).astype(np.float32), scan.affine, to=grid, transform=move)
        values = 1.1 * values + 0.02 * level * rng.standard_normal(grid.shape)
        scans[name] = PlacedScan(np.where(has > 0.5, np.maximum(values, 1e-3), 0), grid.affine)
    grid = _grid(centre, (1.0, 1.0, 1.0), 200)
    out = replace(
        visit,
        scans=scans,
        anatomy=resample(visit.anatomy, visit.anatomy_affine, to=grid, transform=move, order=0),
        anatomy_affine=grid.affine,
        lesions_affine=grid.affine,
        session="2",
        day=visit.day + timedelta(days=366),
    )
    return with_mask(out, resample_mask(mask, visit.lesions_affine, to=grid, transform=move), rng)


def moved_t1w(visit: VisitMaps, rng) -> VisitMaps:
    """The T1w of a visit on a slightly turned grid of the same voxels, brighter, 2 % noise."""
    scan = visit.scans["T1w"]
    centre = apply_affine(scan.affine, (np.array(scan.data.shape) - 1) / 2)
    turn = Rotation.from_euler("xyz", [3, -2, 4], degrees=True).as_matrix()
    move = from_matvec(turn, centre - turn @ centre + [1.3, -2.2, 0.7])
    matrix = np.diag(np.linalg.norm(scan.affine[:3, :3], axis=0))
    shape = tuple(n + 4 for n in scan.data.shape)
    grid = Grid(shape, from_matvec(matrix, centre - matrix @ ((np.array(shape) - 1) / 2)))
    values = resample(scan.data, scan.affine, to=grid, transform=move, order=3)
    view = resample((scan.data > 0).astype(np.float32), scan.affine, to=grid, transform=move)
    level = np.median(values[values > np.percentile(values, 80)])
    data = np.where(view > 0.5, noisy(1.1 * np.maximum(values, 1e-3), 0.02 * level, rng), 0)
    return replace(
        visit,
        scans={"T1w": PlacedScan(data.astype(np.float32), grid.affine)},
        anatomy=resample(visit.anatomy, visit.anatomy_affine, to=grid, transform=move, order=0),
        anatomy_affine=grid.affine,
        lesions=None,
        lesions_affine=None,
        probability=None,
        session="2",
        day=visit.day + timedelta(days=366),
    )


def stretched(visit: VisitMaps, percent: tuple[float, float, float]) -> VisitMaps:
    """A visit of a scan and an anatomy map whose header says larger voxels along the axes."""
    wrong = np.diag([*(1 + np.array(percent) / 100), 1.0])
    ((name, scan),) = visit.scans.items()
    return replace(
        visit,
        scans={name: PlacedScan(scan.data, wrong @ scan.affine)},
        anatomy_affine=wrong @ visit.anatomy_affine,
    )


def _grid(centre, spacing, size_mm) -> Grid:
    shape = tuple(int(size_mm / side) + 20 for side in spacing)
    matrix = np.diag(spacing)
    return Grid(shape, from_matvec(matrix, centre - matrix @ ((np.array(shape) - 1) / 2)))


def with_mask(visit: VisitMaps, mask: np.ndarray, rng) -> VisitMaps:
    """A visit whose lesion map is a mask with borders that are off by 0.5 mm or so."""
    signed = ndi.distance_transform_edt(mask) - ndi.distance_transform_edt(~mask)
    wave = ndi.gaussian_filter(rng.standard_normal(mask.shape), 2)
    probability = 1 / (1 + np.exp(-2 * (signed + 0.5 * wave / wave.std())))
    affine = visit.anatomy_affine
    labels = find_lesions(probability >= 0.5, affine).labels
    return replace(
        visit, lesions=labels, lesions_affine=affine, probability=probability.astype(np.float32)
    )


def shrinkage(brain: np.ndarray, head: np.ndarray, rate: float) -> np.ndarray:
    """A smooth displacement (voxels) that shrinks the brain and widens what is around it."""
    near = (ndi.distance_transform_edt(~head) < 8) & ~ndi.binary_dilation(brain, iterations=2)
    near |= head & ~brain
    source = -rate * ndi.gaussian_filter(brain.astype(np.float64), 4)
    around = ndi.gaussian_filter(near.astype(np.float64), 4)
    source -= around * source.sum() / around.sum()
    return gradient_of(source)


def gradient_of(source: np.ndarray) -> np.ndarray:
    """The displacement (voxels) without rotation whose divergence is given."""
    waves = np.meshgrid(*(2 * np.pi * np.fft.fftfreq(n) for n in source.shape), indexing="ij")
    power = sum(wave**2 for wave in waves)
    power[0, 0, 0] = 1
    potential = -np.fft.fftn(source) / power
    potential[0, 0, 0] = 0
    return np.stack([np.fft.ifftn(1j * wave * potential).real for wave in waves])


def inverse(shift: np.ndarray) -> np.ndarray:
    back = -shift
    for _ in range(5):
        back = -np.stack([pulled(part, back, 1) for part in shift])
    return back


def pulled(values: np.ndarray, shift: np.ndarray, order: int) -> np.ndarray:
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in values.shape), indexing="ij"))
    out = ndi.map_coordinates(values.astype(np.float64), grid + shift, order=order, mode="nearest")
    return out.astype(values.dtype) if order == 0 else out


def growth_of(shift: np.ndarray) -> np.ndarray:
    slopes = np.stack([np.stack(np.gradient(part)) for part in shift])
    return np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(3))


def noisy(data: np.ndarray, noise: float, rng) -> np.ndarray:
    noisy = data + noise * rng.standard_normal(data.shape)
    return np.where(data > 0, np.maximum(noisy, 1e-3), 0).astype(np.float32)
