"""Scans, as files, on which checks of a visit do not pass."""

import nibabel as nib
import numpy as np
import pytest
import visit_phantoms as heads

from mslesion.io.dataset import find_visits
from mslesion.pipeline.visit.process import process_visit
from mslesion.schema import structures as s
from mslesion.schema.checks import CHECKS
from mslesion.segmentation.lesions.threshold import threshold_lesions


def shaded(image):
    """Seven times as bright on one side as on the other: near a surface coil."""
    across = np.linspace(0.25, 1.75, image.shape[0])[:, None, None]
    return nib.Nifti1Image((image.get_fdata() * across).astype(np.int16), image.affine)


def without_orientation(image):
    """A header that says nothing on where the voxels lie."""
    image.set_sform(image.affine, code=0)
    image.set_qform(image.affine, code=0)
    return image


@pytest.mark.parametrize(
    ("check", "state", "spacing", "spoil"),
    [
        ("flair_bias_range", "warn", (2.0, 2.0, 2.0), shaded),
        ("header_problems", "warn", (2.0, 2.0, 2.0), without_orientation),
        ("longest_voxel_mm", "warn", (2.0, 2.0, 3.5), lambda image: image),
        ("longest_voxel_mm", "fail", (2.0, 2.0, 6.0), lambda image: image),
    ],
)
def test_a_scan_on_which_a_check_does_not_pass(tmp_path, monkeypatch, check, state, spacing, spoil):
    def state_of(folder, one, change):
        heads.write_bids(folder, one, modalities=("FLAIR",))
        heads.teach(monkeypatch, one)
        (path,) = folder.rglob("*FLAIR.nii.gz")
        change(nib.load(path)).to_filename(path)
        (visit,) = find_visits(folder)
        return process_visit(visit).quality.set_index("check")["state"][check]

    ordinary = heads.head((2.0, 2.0, 2.0))
    assert state_of(tmp_path / "ordinary", ordinary, lambda image: image) == "pass"
    assert state_of(tmp_path / "spoiled", heads.head(spacing), spoil) == state


def test_spots_in_fluid_of_a_strong_flow_artefact():
    """Eleven bright voxels in a ventricle are removed and counted; ten still pass."""
    check = next(one for one in CHECKS if one.name == "components_in_csf")
    for count, state in ((10, "pass"), (11, "warn")):
        probability = np.zeros((3 * count, 3, 3), np.float32)
        probability[::3, 1, 1] = 0.9
        anatomy = np.full(probability.shape, s.LATERAL_VENTRICLES, np.uint8)
        found = threshold_lesions(probability, anatomy=anatomy)
        assert found.removed_count == count
        assert check.state(found.removed_count) == state
