"""Pack the training data into two small files.

    python pipelines/training/pack.py SHARED_DATA OUTPUT_DIR

`labels.npz`: the 20 whole-head label maps (SynthSeg, Apache-2.0) as tissue
numbers of `tissues.py`, each brought to MNI space by an affine registration of
its tissues, and the voxels of the MS lesion shapes (Slicer-LesionSimulator,
Apache-2.0) in the same grid. `scans.npz`: the scans with manual lesion masks
(Lesjak 2017, CC BY; MSLesSeg, CC BY 4.0), cut to the brain and stored in 8 bits.
"""

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from grid import GRID_CORNER_MM, GRID_SHAPE, SCAN_CORNER, SCAN_SHAPE
from scipy import ndimage as ndi
from tissues import CSF_OUTSIDE, FREESURFER_TO_TISSUE, TISSUES, tissue_number

FIRST_SHAPE = 1
"""Entry 0 of the shape library is a brain, not a lesion."""
SMALLEST_HEAD_PIECE_VOXELS = 1000


def canonical(path):
    """An image's data and affine, axes turned to RAS."""
    image = nib.as_closest_canonical(nib.load(path))
    return np.asarray(image.dataobj), image.affine


def to_sitk(data, affine):
    """A SimpleITK image of a RAS array."""
    lps = np.diag([-1, -1, 1, 1]) @ affine
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    return image


def tissue_map(labels):
    """Tissue numbers of a FreeSurfer label map, intracranial CSF told apart."""
    tissues = np.full(labels.shape, tissue_number("soft tissue"), np.uint8)
    for label, name in FREESURFER_TO_TISSUE.items():
        tissues[labels == label] = tissue_number(name)
    tissues[labels == 0] = 0
    names = np.array([tissue.name for tissue in TISSUES])
    brain = np.isin(tissues, [i for i, t in enumerate(TISSUES) if t.is_brain])
    fluid = np.isin(names[tissues], ["csf", "artery", "vein"])
    # The skull's inside: brain and what touches it, thin leaks cut off
    inside = ndi.binary_opening(brain | fluid, ndi.generate_binary_structure(3, 1), 2)
    pieces, _ = ndi.label(inside | brain)
    inside = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    cerebellum = np.isin(names[tissues], ["cerebellar cortex", "cerebellar white"])
    floor = np.flatnonzero(cerebellum.any((0, 1)))[0] - 4  # foramen magnum
    inside[:, :, :floor] = False
    inside = ndi.binary_dilation(inside, iterations=1) & (brain | fluid)
    inside[:, :, :floor] = False
    tissues[(names[tissues] == "csf") & ~inside] = CSF_OUTSIDE
    for vessel in ("artery", "vein"):
        outside = tissue_number(f"{vessel} outside")
        tissues[(names[tissues] == vessel) & ~inside] = outside
    tissues[(names[tissues] == "brainstem") & ~inside] = tissue_number("spinal cord")
    head, _ = ndi.label(tissues > 0)  # specks of noise in the air
    sizes = np.bincount(head.ravel())
    tissues[sizes[head] < SMALLEST_HEAD_PIECE_VOXELS] = 0
    return tissues


def contrast(tissues):
    """A picture of the brain's tissues in which affine registration can see."""
    level = np.zeros(len(TISSUES), np.float32)
    for number, tissue in enumerate(TISSUES):
        level[number] = tissue.level
    return ndi.gaussian_filter(level[tissues], 1.5)


def align(moving, moving_affine, fixed, fixed_affine):
    """Affine transform (fixed to moving, LPS) of largest correlation."""
    fixed = to_sitk(fixed, fixed_affine)
    moving = to_sitk(moving, moving_affine)
    first = sitk.CenteredTransformInitializer(
        fixed,
        moving,
        sitk.AffineTransform(3),
        sitk.CenteredTransformInitializerFilter.MOMENTS,
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.05, 1)  # the second number seeds it
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 300)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SetInitialTransform(first, inPlace=True)
    method.Execute(fixed, moving)
    return first


def pack_labels(data, output):
    """Label maps and lesion shapes into one file."""
    regions, regions_affine = canonical(data / "atlas/regions_msmask_ICBM2009c_1mm.nii.gz")
    level = np.array([0, 0.15, 0.6, 1.0, 0.15, 0.8], np.float32)
    template = ndi.gaussian_filter(level[regions.astype(int)], 1.5)
    grid_affine = np.eye(4)
    grid_affine[:3, 3] = GRID_CORNER_MM
    grid = to_sitk(np.zeros(GRID_SHAPE, np.uint8), grid_affine)
    packed = {}
    for path in sorted((data / "label_maps").glob("*.nii.gz")):
        labels, affine = canonical(path)
        tissues = tissue_map(labels)
        transform = align(contrast(tissues), affine, template, regions_affine)
        moved = sitk.Resample(
            to_sitk(tissues, affine), grid, transform, sitk.sitkNearestNeighbor, 0
        )
        packed[path.name[-9:-7]] = sitk.GetArrayFromImage(moved).T
        matrix = (
            np.array(transform.GetNthTransform(0).GetMatrix()).reshape(3, 3)
            if (hasattr(transform, "GetNthTransform"))
            else np.array(transform.GetMatrix()).reshape(3, 3)
        )
        print(path.name, "scale", np.round(np.linalg.svd(matrix)[1], 3), flush=True)

    shapes = np.load(data / "atlas/lesion_shapes_MNI_1mm.npz")
    ends = np.cumsum(shapes["length"])
    voxels, counts = [], []
    for i in range(FIRST_SHAPE, len(ends)):
        box = shapes["box"][i]
        bits = np.unpackbits(shapes["bits"][ends[i] - shapes["length"][i] : ends[i]])
        inside = np.argwhere(bits[: box.prod()].reshape(box)) + shapes["corner"][i]
        world = inside + shapes["affine"][:3, 3]
        voxels.append(np.round(world - GRID_CORNER_MM).astype(np.int16))
        counts.append(len(inside))
    np.savez_compressed(
        output / "labels.npz",
        lesion_voxels=np.concatenate(voxels),
        lesion_counts=np.array(counts),
        **{f"head_{key}": value for key, value in packed.items()},
    )


def pack_scans(data, output):
    """Scans with manual masks into one file."""
    packed = {}
    cut = tuple(slice(c, c + n) for c, n in zip(SCAN_CORNER, SCAN_SHAPE, strict=True))
    root = data / "crosssectional"
    for mask in sorted(root.glob("derivatives/manual/sub-*/ses-*/anat/*_mask.nii.gz")):
        key = "_".join(mask.name.split("_")[:2]).replace("sub-", "").replace("ses-", "")
        packed[f"{key}:lesion"] = canonical(mask)[0][cut].astype(bool)
        folder = root / mask.relative_to(root / "derivatives/manual").parent
        for path in sorted(folder.glob("*.nii.gz")):
            kind = path.name.split("ses-")[1][2:].removesuffix(".nii.gz")
            values = canonical(path)[0].astype(np.float32)
            outside = values.copy()
            outside[cut] = 0
            if np.count_nonzero(outside) > 2000:
                print(path.name, np.count_nonzero(outside), "voxels cut away")
            values = values[cut]
            top = np.percentile(values[values > 0], 99.95)
            values = np.where(values > 0, np.clip(values / top * 254, 0, 254) + 1, 0)
            packed[f"{key}:{kind}"] = np.round(values).astype(np.uint8)
    np.savez_compressed(output / "scans.npz", **packed)


if __name__ == "__main__":
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    pack_labels(source, target)
    pack_scans(source, target)
