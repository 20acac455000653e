"""The training scripts as modules, and small data of the same form as the packed ones."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

collect_ignore = ["pretended_gpu.py"]
"""Holds no test; looked through for examples it would ask for torch, which many lack."""
SCRIPTS = Path(__file__).parents[2] / "pipelines" / "training"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
HEAD_MIDDLE = (104, 122, 118)
"""Where the heads have their middle, in voxels of the packed grid."""
SHELLS = (
    ("skin", (86, 108, 96)), ("soft tissue", (84, 106, 94)), ("cortical bone", (78, 98, 86)),
    ("csf", (72, 90, 80)), ("cortex", (70, 88, 78)), ("white", (64, 80, 70)),
    ("lateral ventricle", (14, 30, 16)),
)  # fmt: skip
"""Tissues from outside to inside: radii in voxels."""
LESIONS = ((26, 10, 18), (-28, -20, 14), (24, -34, 8), (-30, 24, -6))
"""Middles of the lesions in white matter, from the middle of the head."""
LEVELS = {
    "FLAIR": {"csf": 25, "cortex": 125, "white": 100, "lateral ventricle": 20, "lesion": 190},
    "T1w": {"csf": 30, "cortex": 95, "white": 150, "lateral ventricle": 25, "lesion": 100},
    "T2w": {"csf": 230, "cortex": 120, "white": 80, "lateral ventricle": 240, "lesion": 170},
}
"""Grey levels of the patients' scans."""


@pytest.fixture(scope="session")
def scripts():
    """The scripts as modules.

    They import each other by bare names such as `network` and `grid`, which nothing else
    shall see: names and path are taken back as soon as all are read.
    """
    torch = pytest.importorskip("torch", reason="the training needs torch")
    pytest.importorskip("onnx", reason="the export needs onnx")
    torch.set_num_threads(1)
    before = {name: sys.modules.pop(name) for name in NAMES if name in sys.modules}
    sys.path.insert(0, str(SCRIPTS))
    try:
        return SimpleNamespace(**{name: importlib.import_module(name) for name in NAMES})
    finally:
        sys.path.remove(str(SCRIPTS))
        for name in NAMES:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def ellipsoid(shape, middle, radii):
    """A solid ellipsoid on a grid."""
    axes = (axis.astype(np.float32) for axis in np.ogrid[tuple(slice(n) for n in shape)])
    parts = zip(axes, middle, radii, strict=True)
    return sum(((axis - m) / r) ** 2 for axis, m, r in parts) <= 1


def draw_head(tissue_number, shape, growth=0):
    """Tissue numbers of a head of shells; `growth` (voxels) makes another one."""
    head = np.zeros(shape, np.uint8)
    for name, radii in SHELLS:
        inside = ellipsoid(shape, HEAD_MIDDLE, [r + growth for r in radii])
        head[inside] = tissue_number(name)
    return head


def draw_patient(head, tissue_number, box, seed):
    """Scans in 8 bits and lesion mask of the brain in a head, on the scans' grid."""
    names = ("csf", "cortex", "white", "lateral ventricle")
    inner = head[box]
    lesion = np.zeros(inner.shape, bool)
    for offset in LESIONS:
        middle = np.add(HEAD_MIDDLE, offset) - [part.start for part in box]
        lesion |= ellipsoid(inner.shape, middle, (4, 5, 4))
    lesion &= inner == tissue_number("white")
    rng = np.random.default_rng(seed)
    out = {"lesion": lesion}
    for kind, levels in LEVELS.items():
        table = np.zeros(256, np.int16)
        table[[tissue_number(name) for name in names]] = [levels[name] for name in names]
        scan = table[inner]
        scan[lesion] = levels["lesion"]
        noise = rng.integers(-4, 5, scan.shape, np.int16)
        out[kind] = np.where(scan > 0, (scan + noise).clip(1, 255), 0).astype(np.uint8)
    return out


@pytest.fixture(scope="session")
def packed(scripts, tmp_path_factory):
    """A folder with two heads, a few lesion shapes and two patients, as `pack.py` leaves them."""
    folder = tmp_path_factory.mktemp("packed")
    grid, number = scripts.grid, scripts.tissues.tissue_number
    heads = {f"head_{n:02}": draw_head(number, grid.GRID_SHAPE, -2 * n) for n in range(2)}
    ball = np.argwhere(np.linalg.norm(np.indices((7, 7, 7)) - 3, axis=0) <= 3) - 3
    shapes = [ball + np.add(HEAD_MIDDLE, offset) for offset in LESIONS]
    np.savez(
        folder / "labels.npz",
        lesion_voxels=np.concatenate(shapes).astype(np.int16),
        lesion_counts=np.array([len(shape) for shape in shapes]),
        **heads,
    )
    corner = [
        o + c - g
        for o, c, g in zip(grid.SCAN_ORIGIN_MM, grid.SCAN_CORNER, grid.GRID_CORNER_MM, strict=True)
    ]
    box = tuple(slice(o, o + n) for o, n in zip(corner, grid.SCAN_SHAPE, strict=True))
    scans = {}
    for seed, (key, head) in enumerate(zip(("A01_1", "B02_1"), heads.values(), strict=True)):
        scans |= {f"{key}:{k}": v for k, v in draw_patient(head, number, box, seed).items()}
    np.savez(folder / "scans.npz", **scans)
    return folder


@pytest.fixture(scope="session")
def generator(scripts, packed):
    """The generator of 1 mm on the CPU."""
    import torch

    return scripts.synthesis.Generator(np.load(packed / "labels.npz"), torch.device("cpu"))


@pytest.fixture(scope="session")
def patients(scripts, packed, generator):
    """The two patients' scans."""
    return scripts.scans.Scans(np.load(packed / "scans.npz"), ("A01", "B02"), generator)
