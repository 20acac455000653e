"""Which mask of a folder is whose."""

from pathlib import Path

import pytest

from mslesion.errors import DatasetError
from mslesion.io.mask_folders import list_masks, the_only_mask


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("sub-01/ses-2/anat/sub-01_ses-2_label-L_mask.nii.gz", ("01", "2")),
        ("sub-01_mask.nii", ("01", "")),
        ("derivatives/sub-P14/ses-1/lesions.mgz", ("P14", "1")),
        ("P14/visit1.nii.gz", ("P14", "visit1")),
        ("P14/2020-01-31/lesions.nii.gz", ("P14", "20200131")),
        ("patient_7.nii.gz", ("patient7", "")),
        ("my_sub-study/P14/visit1.nii.gz", ("mysubstudy", "P14")),
        ("sub-prob_ses-NA_mask.nii.gz", ("prob", "NA")),
        ("sub-01_ses-2/mask.nii.gz", ("01", "2")),
    ],
)
def test_labels_of_a_path(tmp_path, path, key):
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).touch()
    assert list_masks(tmp_path) == {key: [tmp_path / path]}


def test_hidden_and_other_files_are_left_out(tmp_path):
    for name in ("._sub-1.nii.gz", "notes.txt", "sub-1.nii.gz"):
        (tmp_path / name).touch()
    assert list(list_masks(str(tmp_path))) == [("1", "")]


def test_a_pattern_and_what_it_misses(tmp_path):
    (tmp_path / "sub-1_probseg.nii.gz").touch()
    with pytest.raises(DatasetError, match=r"no image that fits '\*_mask\*', but masks are"):
        list_masks(tmp_path, pattern="*_mask*")
    with pytest.raises(DatasetError, match="nothing is not a folder, but masks are expected"):
        list_masks(tmp_path / "nothing")


def test_one_mask_a_visit():
    assert the_only_mask([Path("a.nii")], folder="masks") == Path("a.nii")
    with pytest.raises(
        DatasetError, match=r"^masks has no mask of this visit, but one is expected\. Add it\.$"
    ):
        the_only_mask([], folder="masks")
    with pytest.raises(
        DatasetError, match=r"has 2 masks of this visit \(a.nii, b.nii\), but .+ Choose one"
    ):
        the_only_mask([Path("a.nii"), Path("b.nii")], folder="masks")
