"""Analytic bodies on any grid, a simple head, and NIfTI files of any kind.

Bodies are described in world millimetres (RAS+), so that the same body can be drawn on
every grid of `GRIDS` and must give the same measures there.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.affines import apply_affine, from_matvec
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform
from scipy.spatial.transform import Rotation

from mslesion.schema import structures as s

CENTRE_MM = np.array([4.0, -11.0, 7.0])
"""Where the bodies and the grids have their middle."""

TURN = Rotation.from_euler("xyz", [11, -7, 16], degrees=True).as_matrix()
"""The turn of the oblique grids."""

SPACINGS = {
    "isotropic": (1.0, 1.0, 1.0),
    "oblique": (1.0, 1.0, 1.0),
    "thick 3": (0.5, 0.5, 3.0),
    "thick 5": (0.5, 0.5, 5.0),
    "oblique thick 3": (0.5, 0.5, 3.0),
}
"""Voxel sizes in mm of the grids whose axes are closest to RAS."""

CODES = ("RAS", "LAS", "LPS", "PIR")
"""Orders and directions of axes that files come in."""


def grid(size_mm=40.0, *, spacing=(1.0, 1.0, 1.0), turn=None, centre=CENTRE_MM):
    """Shape and affine of a cube of a grid, axes closest to RAS, float32 as in a header."""
    shape = tuple(int(np.ceil(size_mm / size)) for size in spacing)
    axes = (np.eye(3) if turn is None else turn) * spacing
    matrix = axes.astype(np.float32).astype(np.float64)
    return shape, from_matvec(matrix, centre - matrix @ ((np.array(shape) - 1) / 2))


def named_grid(name, size_mm=40.0):
    """A grid of `SPACINGS`."""
    turn = TURN if "oblique" in name else None
    return grid(size_mm, spacing=SPACINGS[name], turn=turn)


def world(shape, affine):
    """(I, J, K, 3) world positions of all voxels."""
    return apply_affine(affine, np.stack(np.indices(shape), axis=-1))


def ellipsoid(shape, affine, *, centre=CENTRE_MM, radii=(5.0, 5.0, 5.0), turn=None):
    """A solid ellipsoid; `turn` holds its axes in columns."""
    offset = world(shape, affine) - np.asarray(centre)
    offset = offset if turn is None else offset @ turn
    return ((offset / np.asarray(radii)) ** 2).sum(axis=-1) <= 1


def ball(shape, affine, *, centre=CENTRE_MM, radius=5.0):
    """A solid ball."""
    return ellipsoid(shape, affine, centre=centre, radii=(radius,) * 3)


def reoriented(array, affine, codes):
    """The same places in the world, stored along other axes."""
    turn = ornt_transform(nib.io_orientation(affine), axcodes2ornt(codes))
    return apply_orientation(array, turn), affine @ inv_ornt_aff(turn, array.shape)


PARTS = (
    # structure, offset of the centre in mm, semi-axes in mm; later ones cover earlier ones
    (s.EXTRA_AXIAL_CSF, (0, 0, 0), (62, 78, 60)),
    (s.CORTEX, (0, 0, 0), (58, 74, 56)),
    (s.WHITE_MATTER, (0, 0, 0), (53, 69, 51)),
    (s.CEREBELLAR_GREY, (0, -42, -44), (34, 20, 16)),
    (s.CEREBELLAR_WHITE, (0, -42, -44), (26, 12, 9)),
    (s.BRAINSTEM, (0, -14, -42), (10, 10, 22)),
    (s.BASAL_GANGLIA, (-20, 12, 0), (7, 10, 8)),
    (s.BASAL_GANGLIA, (20, 12, 0), (7, 10, 8)),
    (s.THALAMUS, (-11, -10, 0), (7, 10, 8)),
    (s.THALAMUS, (11, -10, 0), (7, 10, 8)),
    (s.LATERAL_VENTRICLES, (-10, 4, 14), (6, 26, 6)),
    (s.LATERAL_VENTRICLES, (10, 4, 14), (6, 26, 6)),
    (s.CHOROID_PLEXUS, (-10, -8, 13), (2, 6, 2)),
    (s.CHOROID_PLEXUS, (10, -8, 13), (2, 6, 2)),
    (s.THIRD_VENTRICLE, (0, -8, 0), (3, 14, 9)),
)
"""A head of nested ellipsoids, mirrored across x = the centre's x."""

HEAD_RADII_MM = (74.0, 90.0, 74.0)
"""Skin of the head; its skull lies between this and 6 mm inside."""

FACE = (
    # offset of the centre in mm, semi-axes in mm
    ((0, -25, -80), (46, 50, 42)),  # neck
    ((0, 48, -66), (38, 34, 30)),  # jaw
    ((0, 90, -28), (11, 16, 18)),  # nose
)
"""What makes a head less round than its brain; its tissue is that of the scalp."""

FLAIR_LEVELS = {
    s.EXTRA_AXIAL_CSF: 60, s.CORTEX: 300, s.WHITE_MATTER: 250, s.LATERAL_VENTRICLES: 50,
    s.CHOROID_PLEXUS: 290, s.THIRD_VENTRICLE: 50, s.THALAMUS: 280, s.BASAL_GANGLIA: 270,
    s.BRAINSTEM: 255, s.CEREBELLAR_GREY: 300, s.CEREBELLAR_WHITE: 250,
}  # fmt: skip
T1_LEVELS = {
    s.EXTRA_AXIAL_CSF: 60, s.CORTEX: 180, s.WHITE_MATTER: 300, s.LATERAL_VENTRICLES: 50,
    s.CHOROID_PLEXUS: 150, s.THIRD_VENTRICLE: 50, s.THALAMUS: 240, s.BASAL_GANGLIA: 210,
    s.BRAINSTEM: 290, s.CEREBELLAR_GREY: 180, s.CEREBELLAR_WHITE: 300,
}  # fmt: skip
"""Intensity of each structure."""


def head_grid(spacing=(2.0, 2.0, 2.0), *, turn=None):
    """A grid that holds the whole head."""
    return grid(200.0, spacing=spacing, turn=turn)


def head_labels(shape, affine, *, turn=None):
    """Anatomy map of the head; `turn` tilts the head itself."""
    turn = np.eye(3) if turn is None else turn
    labels = np.zeros(shape, np.uint8)
    for structure, offset, radii in PARTS:
        centre = CENTRE_MM + turn @ np.array(offset, float)
        labels[ellipsoid(shape, affine, centre=centre, radii=radii, turn=turn)] = structure
    return labels


def head_scan(labels, levels, affine=None, *, noise=0.0, skull=True, seed=0):
    """Intensities of an anatomy map, with scalp around it if `affine` is given."""
    table = np.zeros(len(s.STRUCTURES) + 1)
    for structure, level in levels.items():
        table[structure] = level
    data = table[labels]
    if skull and affine is not None:
        inner = [r - 6 for r in HEAD_RADII_MM]
        skin = ellipsoid(labels.shape, affine, radii=HEAD_RADII_MM)
        data[skin & ~ellipsoid(labels.shape, affine, radii=inner) & (labels == 0)] = 220
    data = data + noise * np.random.default_rng(seed).standard_normal(labels.shape)
    return np.where(data > 0, data, 0).astype(np.float32)


def with_face(data, labels, affine, *, level=160):
    """A scan of the head with neck, jaw and nose, by which a turned head is told.

    The ellipsoids of the head alone look nearly the same from every side.
    """
    data = data.copy()
    inner = ellipsoid(labels.shape, affine, radii=HEAD_RADII_MM)
    for offset, radii in FACE:
        part = ellipsoid(labels.shape, affine, centre=CENTRE_MM + offset, radii=radii)
        data[part & ~inner] = level
    return data


def write_nifti(
    path,
    data,
    affine,
    *,
    dtype=None,
    scale=None,
    sform=1,
    qform=1,
    other_qform=None,
    kind=nib.Nifti1Image,
    units="mm",
):
    """Write a NIfTI file of any kind.

    ``scale`` is (slope, intercept) of the header: the stored integers are what is given
    in `data` before scaling. ``sform`` and ``qform`` are codes, 0 leaves the form out;
    ``other_qform`` is an affine for a qform that disagrees.
    """
    data = np.asarray(data) if dtype is None else np.asarray(data).astype(dtype)
    image = kind(data, affine)
    image.set_sform(affine if sform else None, code=sform)
    image.set_qform((affine if other_qform is None else other_qform) if qform else None, code=qform)
    image.header.set_xyzt_units(units)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if scale is not None:
        image.header.set_slope_inter(*scale)
        # nibabel would rescale the values; the file's bytes are put together by hand
        image.header["magic"] = b"n+1" if kind is nib.Nifti1Image else image.header["magic"]
        image.header["vox_offset"] = 352 if kind is nib.Nifti1Image else 544
        content = image.header.binaryblock + b"\0\0\0\0" + data.tobytes(order="F")
        opener = nib.openers.Opener(str(path), "wb")
        with opener as file:
            file.write(content)
        return path
    nib.save(image, path)
    return path


def scan_data(shape=(64, 64, 64), seed=0):
    """Positive numbers that differ everywhere, so that a wrong axis is seen."""
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(shape)
    return (i + 100 * j + 10000 * k + 1).astype(np.float64) / 100 + rng.random(shape)
