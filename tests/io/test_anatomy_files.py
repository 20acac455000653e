"""Finding label maps of the anatomy made elsewhere, visit by visit."""

import pytest
from test_lesion_masks import ALONE, FOLDER, VISIT, touch

from mslesion.errors import DatasetError
from mslesion.io.anatomy_files import anatomy_folder, find_anatomy
from mslesion.io.dataset import Visit


def found(root, visit=VISIT):
    """Path below the root of what is found."""
    return find_anatomy(anatomy_folder(root), visit).relative_to(root).as_posix()


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_ses-02/mri/aseg.mgz",
        "sub-01/ses-02/mri/aparc+aseg.mgz",
        "sub-01_ses-02/mri/aparc.DKTatlas+aseg.deep.mgz",
        "01_02/mri/aparc.DKTatlas+aseg.mgz",
        "sub-01_ses-02/mri/aparc.a2009s+aseg.nii.gz",
        "sub-01_ses-02/mri/wmparc.mgz",
        f"{FOLDER}/sub-01_ses-02_desc-aseg_dseg.nii.gz",
        f"{FOLDER}/sub-01_ses-02_desc-aparcaseg_dseg.nii.gz",
        f"{FOLDER}/sub-01_ses-02_space-orig_seg-anatomy_dseg.nii.gz",
        f"{FOLDER}/sub-01_ses-02_T1w_synthseg.nii.gz",
        f"{FOLDER}/sub-01_ses-02_seg-DLMUSE_dseg.nii.gz",
        "sub-01_ses-02_T1w_DLMUSE.nii.gz",
        "synthseg/sub-01_ses-02_T1w.nii",
        "samseg/sub-01_ses-02/seg.mgz",
        f"{FOLDER}/sub-01_ses-02_dseg.nii.gz",
    ],
)
def test_namings(tmp_path, name):
    touch(tmp_path, name)
    assert found(tmp_path) == name


@pytest.mark.parametrize("label", ["mask01", "prob", "location", "resampled", "lesion", "aseg"])
def test_a_label_tells_nothing(tmp_path, label):
    name = f"sub-{label}/ses-mask/anat/sub-{label}_ses-mask"
    visit = Visit(label, "mask", {})
    with pytest.raises(DatasetError, match="has no label map of the anatomy"):
        found(touch(tmp_path, f"{name}_T1w.nii.gz"), visit)
    assert found(touch(tmp_path, f"{name}_dseg.nii.gz"), visit) == f"{name}_dseg.nii.gz"


def test_the_given_folder_may_tell_the_tool(tmp_path):
    root = touch(tmp_path / "SynthSeg", f"{FOLDER}/sub-01_ses-02_T1w.nii.gz")
    assert found(root) == f"{FOLDER}/sub-01_ses-02_T1w.nii.gz"


def test_a_visit_without_sessions(tmp_path):
    touch(tmp_path, "sub-01/mri/aseg.mgz", "sub-012/mri/aseg.mgz")
    assert found(tmp_path, ALONE) == "sub-01/mri/aseg.mgz"


def test_the_first_naming_wins(tmp_path):
    mri = "sub-01_ses-02/mri"
    touch(tmp_path, f"{mri}/aparc+aseg.mgz", f"{mri}/aseg.mgz", f"{mri}/wmparc.mgz")
    assert found(tmp_path) == f"{mri}/aseg.mgz"


def test_a_map_in_mni_space_is_the_last_resort(tmp_path):
    name = "sub-01_ses-02_{}dseg.nii.gz"
    touch(tmp_path, name.format("space-MNI152_"))
    assert "MNI" in found(tmp_path)
    touch(tmp_path, name.format("space-orig_"))
    assert "MNI" not in found(tmp_path)


@pytest.mark.parametrize("other", [
    "sub-01_ses-02_seg-lesions_dseg.nii.gz",
    "sub-01_ses-02_seg-mslocation_dseg.nii.gz",
    "sub-01_ses-02_seg-anatomy_res-1mm_dseg.nii.gz",
    "sub-01_ses-02_T1w.nii.gz",
    "sub-01_ses-02_T1w_DLICV.nii.gz",
    "sub-01_ses-02_synthseg_posteriors.nii.gz",
    "sub-01_ses-02_desc-brain_mask.nii.gz",
    "sub-01_ses-02_dseg.tsv",
    "._sub-01_ses-02_dseg.nii.gz",
])  # fmt: skip
def test_what_is_no_label_map_of_the_anatomy(tmp_path, other):
    touch(tmp_path, f"{FOLDER}/{other}")
    with pytest.raises(
        DatasetError,
        match=r"has no label map of the anatomy of sub-01_ses-02, but one is expected, such as "
        r"sub-01/ses-02/anat/sub-01_ses-02_dseg\.nii\.gz or sub-01_ses-02/mri/aseg\.mgz\. Add",
    ):
        find_anatomy(anatomy_folder(tmp_path), VISIT)


def test_two_of_a_kind(tmp_path):
    touch(tmp_path, "a/sub-01_ses-02/mri/aseg.mgz", "b/sub-01_ses-02/mri/aseg.mgz")
    with pytest.raises(
        DatasetError,
        match=r"has 2 label maps of the anatomy of sub-01_ses-02 \(a/.+, b/.+\), but one is "
        r"expected\. Keep one\.",
    ):
        find_anatomy(anatomy_folder(tmp_path), VISIT)


def test_no_folder(tmp_path):
    with pytest.raises(
        DatasetError,
        match=r"nowhere is not a folder, but label maps of the anatomy are expected there\. Check "
        r"--anatomy\.",
    ):
        find_anatomy(anatomy_folder(tmp_path / "nowhere"), VISIT)
