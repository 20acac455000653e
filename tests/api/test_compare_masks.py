"""The agreement of two masks, as a caller meets it."""

import numpy as np
import phantoms
import pytest

import mslesion as ms
from mslesion.errors import GeometryError

SMALL, LARGE = np.zeros((8, 8, 8), np.uint8), np.zeros((9, 8, 8), np.uint8)
AFFINE = np.eye(4)


def test_masks_on_two_grids(tmp_path):
    with pytest.raises(
        GeometryError,
        match="^The predicted mask has 8 x 8 x 8 voxels, but the reference mask has 9 x 8 x 8. "
        r"Resample one of them: mslesion\.resample_mask\(mask, like=image\) in Python",
    ):
        ms.compare_masks((SMALL, AFFINE), (LARGE, AFFINE))
    path = phantoms.write_nifti(tmp_path / "b.nii.gz", LARGE, AFFINE, dtype=np.uint8)
    with pytest.raises(GeometryError, match=r"The predicted mask has .+, but /.+b\.nii\.gz has 9"):
        ms.compare_masks((SMALL, AFFINE), path)
