"""A scan of a real visit as another day could have given it: worse, or of a brain that shrank."""

from dataclasses import dataclass, replace

import numpy as np
from nibabel.affines import apply_affine, from_matvec
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation
from simulated_change import gradient_of, growth_of, inverse, pulled

from mslesion.imaging.resampling import Grid, resample, working_grid
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.network import predict_structures


@dataclass(frozen=True)
class Day:
    """What is different on another day."""

    noise: float = 0.02
    """Added, by the 95th percentile of the scan."""
    gamma: float = 1.0
    """Power of the intensities: another contrast."""
    bias: float = 0.0
    """Logarithm of the shading at the ends of the scan."""
    slices_mm: float = 0.0
    """Thickness of the slices, means over as much; 0 for about 1 mm."""
    loss: float = 0.0
    """Of the brain's volume, as a share, before it is smoothed."""
    growth: float = 0.0
    """Of the ventricles' volume."""


DAYS = {
    "noisy": Day(noise=0.06, gamma=0.7, bias=0.3),
    "slices": Day(noise=0.03, slices_mm=4),
    "atrophied": Day(loss=0.07, growth=0.8),
    "all": Day(noise=0.04, gamma=1.4, bias=0.3, slices_mm=4, loss=0.07, growth=0.8),
}


def another_day(visit: VisitMaps, modality: str, *, day: Day, seed: int) -> VisitMaps:
    """One scan of a visit, its head turned, on another grid; the anatomy is found anew."""
    rng = np.random.default_rng(seed)
    scan = visit.scans[modality]
    grid = working_grid(scan.data.shape, scan.affine)
    values = np.maximum(resample(scan.data, scan.affine, to=grid), 0)
    if day.loss or day.growth:
        values = np.maximum(pulled(values, _shift(visit, scan, grid, day), 1), 0)
    has = values > 0
    values = values / np.percentile(values[has], 95)
    if day.slices_mm:
        values = ndi.uniform_filter1d(values, round(day.slices_mm), axis=2)
    values = np.maximum(values, 0) ** day.gamma
    lines = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij")
    values *= np.exp(day.bias * np.tensordot(_unit(rng.standard_normal(3)), lines, 1))
    centre = apply_affine(grid.affine, (np.array(grid.shape) - 1) / 2)
    turn = Rotation.from_euler("xyz", rng.uniform(-6, 6, 3), degrees=True).as_matrix()
    move = from_matvec(turn, centre - turn @ centre + rng.uniform(-4, 4, 3))
    spacing = np.array((0.9, 0.9, day.slices_mm) if day.slices_mm else (1.1, 1.0, 1.1))
    axes = grid.affine[:3, :3] / np.linalg.norm(grid.affine[:3, :3], axis=0) * spacing
    shape = tuple(int(n) for n in np.ceil(np.array(grid.shape) / spacing))
    to = Grid(shape, from_matvec(axes, centre - axes @ ((np.array(shape) - 1) / 2)))
    covered = resample(has.astype(np.float32), grid.affine, to=to, transform=move) > 0.5
    moved = resample(values, grid.affine, to=to, transform=move)
    moved = np.maximum(moved + day.noise * rng.standard_normal(shape), 1e-3)
    data = np.where(covered, moved, 0).astype(np.float32)
    fine = working_grid(shape, to.affine)
    found = predict_structures({modality: np.maximum(resample(data, to.affine, to=fine), 0)})
    return replace(
        visit, scans={modality: PlacedScan(data, to.affine)}, anatomy=found,
        anatomy_affine=fine.affine, lesions=None, lesions_affine=None, probability=None,
    )  # fmt: skip


def stored_mirrored(visit: VisitMaps) -> VisitMaps:
    """A visit whose arrays are mirrored left to right, and whose headers do not say so."""
    return replace(
        visit,
        scans={
            name: replace(scan, data=np.ascontiguousarray(scan.data[::-1]))
            for name, scan in visit.scans.items()
        },
        anatomy=np.ascontiguousarray(visit.anatomy[::-1]),
        lesions=None, lesions_affine=None, probability=None,
    )  # fmt: skip


def _shift(visit, scan, grid: Grid, day: Day) -> np.ndarray:
    """Where the shrunk brain's tissue comes from (voxels): found on voxels twice as large."""
    size = tuple(-(-n // 2) for n in grid.shape)
    coarse = Grid(size, grid.affine @ np.diag([2.0, 2, 2, 1]))
    way = np.linalg.inv(scan.from_reference)
    anatomy = resample(visit.anatomy, visit.anatomy_affine, to=coarse, transform=way, order=0)
    brain, ventricles = np.isin(anatomy, s.BRAIN), np.isin(anatomy, s.VENTRICLES)
    around = (ndi.distance_transform_edt(anatomy == 0) < 4) & ~brain & ~ventricles
    soft = [ndi.gaussian_filter(mask.astype(float), 1) for mask in (brain, ventricles, around)]
    source = day.growth * soft[1] - day.loss * soft[0]
    shift = gradient_of(source - soft[2] * source.sum() / soft[2].sum())
    ratio = growth_of(shift)
    print(f"    brain x {ratio[brain].mean():.3f}, ventricles x {ratio[ventricles].mean():.2f}")
    fine = [
        ndi.zoom(2 * part, 2, order=1, grid_mode=True, mode="nearest") for part in inverse(shift)
    ]
    return np.stack(fine)[:, : grid.shape[0], : grid.shape[1], : grid.shape[2]]


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
