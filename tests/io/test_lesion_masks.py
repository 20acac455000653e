"""Finding lesion masks made elsewhere, under the names their makers give them."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from phantoms import write_nifti

from mslesion.errors import DatasetError, MaskError
from mslesion.io.dataset import Visit
from mslesion.io.lesion_masks import find_lesion_mask, mask_folder
from mslesion.io.nifti import load_mask
from mslesion.io.voxel_values import ANY_LABEL

VISIT = Visit("01", "02", {})
ALONE = Visit("01", "", {})
FOLDER = "sub-01/ses-02/anat"


def touch(root, *names):
    """Empty files: names alone decide where a mask is."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def found(root, visit=VISIT):
    """Path below the root, label and maker of what is found."""
    mask = find_lesion_mask(mask_folder(root), visit)
    return mask.path.relative_to(root).as_posix(), mask.label, mask.maker


# ------------------------------------------------------------------ the namings


@pytest.mark.parametrize(
    ("name", "label", "maker"),
    [
        ("sub-01_ses-02_space-orig_label-L_mask.nii.gz", None, "BIDS mask"),
        ("sub-01_ses-02_label-L_mask.nii", None, "BIDS mask"),
        ("sub-01_ses-02_label-lesion_mask.nii.gz", None, "BIDS mask"),
        ("sub-01_ses-02_T1w_label-lesion_roi.nii.gz", None, "BIDS mask"),
        ("sub-01_ses-02_lesion_roi.nii.gz", None, "BIDS mask"),
        ("lesion_roi.nii.gz", None, "BIDS mask"),
        ("space-flair_seg-lst.nii.gz", None, "LST-AI"),
        ("space-orig_seg-lst.nii.gz", None, "LST-AI"),
        ("space-flair_desc-annotated_seg-lst.nii.gz", ANY_LABEL, "LST-AI"),
        ("seg.mgz", 99, "SAMSEG"),
        ("samseg/seg.mgz", 99, "SAMSEG"),
        ("sub-01_ses-02_seg.mgz", 99, "SAMSEG"),
        ("mindglide_seg.nii.gz", 18, "MindGlide"),
        ("mindglide/sub-01_ses-02_FLAIR_seg.nii.gz", 18, "MindGlide"),
        ("wmh-synthseg.nii.gz", 77, "WMH-SynthSeg"),
        ("WMHSynthSeg/T1w_seg.nii.gz", 77, "WMH-SynthSeg"),
        ("sub-01_ses-02_desc-FLAMeS.nii.gz", None, "FLAMeS"),
        ("flames/sub-01_ses-02.nii.gz", None, "FLAMeS"),
        ("sub-01_ses-02_seg-lesions_dseg.nii.gz", ANY_LABEL, "label map"),
        ("consensus_lesions.nii.gz", None, "mask"),
        ("Lesion_Rater2.NII.GZ", None, "mask"),
        ("gold_standard_mask.nii.gz", None, "mask"),
        ("sub-01_ses-02_FLAIR_seg.nii.gz", None, "mask"),
    ],
)
def test_namings(tmp_path, name, label, maker):
    touch(tmp_path, f"{FOLDER}/{name}")
    assert found(tmp_path) == (f"{FOLDER}/{name}", label, maker)


@pytest.mark.parametrize("other", [
    "sub-01_ses-02_space-orig_label-L_probseg.nii.gz",
    "sub-01_ses-02_desc-brain_mask.nii.gz",
    "sub-01_ses-02_FLAIR_brainmask.nii.gz",
    "sub-01_ses-02_brain_mask.nii.gz",
    "sub-X_ses-Y_space-FLAIR_seg-lst_prob.nii.gz",
    "lesion_probability.nii.gz",
    "._sub-01_ses-02_label-L_mask.nii.gz",
    "sub-01_ses-02_label-L_mask.json",
    "sub-01_ses-02_FLAIR.nii.gz",
    "sub-01_ses-02_seg-anatomy_dseg.nii.gz",
])  # fmt: skip
def test_what_is_no_lesion_mask(tmp_path, other):
    with pytest.raises(DatasetError, match="has no lesion mask of sub-01_ses-02"):
        find_lesion_mask(mask_folder(touch(tmp_path, f"{FOLDER}/{other}")), VISIT)
    name = f"{FOLDER}/sub-01_ses-02_label-L_mask.nii.gz"
    assert found(touch(tmp_path, name))[0] == name


@pytest.mark.parametrize(
    ("folder", "file", "label"),
    [
        ("mindglide", "sub-01_ses-02_FLAIR_seg.nii.gz", 18),
        ("mindGlide_1.3", "sub-01_ses-02_FLAIR_seg.nii.gz", 18),
        ("WMH-SynthSeg", "sub-01_ses-02_FLAIR_seg.nii.gz", 77),
        ("flames-out", "sub-01_ses-02.nii.gz", None),
        ("lesions", "sub-01_ses-02_FLAIR_seg.nii.gz", None),
    ],
)
def test_maker_told_by_the_given_folder(tmp_path, folder, file, label):
    """What keeps the name of the scan is told by the folder it is in."""
    root = touch(tmp_path / folder, file)
    assert find_lesion_mask(mask_folder(root), VISIT)[:2] == (root / file, label)


def test_folder_of_masks_makes_no_scan_a_mask(tmp_path):
    root = touch(tmp_path / "lesion_masks", "sub-01_ses-02_FLAIR.nii.gz")
    with pytest.raises(DatasetError, match="has no lesion mask"):
        find_lesion_mask(mask_folder(root), VISIT)


def test_first_naming_wins(tmp_path):
    names = [
        f"{FOLDER}/sub-01_ses-02_label-L_mask.nii.gz",
        f"{FOLDER}/space-flair_seg-lst.nii.gz",
        f"{FOLDER}/space-flair_desc-annotated_seg-lst.nii.gz",
        f"{FOLDER}/seg.mgz",
        f"{FOLDER}/mindglide_seg.nii.gz",
        f"{FOLDER}/flames.nii.gz",
        f"{FOLDER}/sub-01_ses-02_seg-lesions_dseg.nii.gz",
        f"{FOLDER}/mask.nii.gz",
    ]
    touch(tmp_path, *names)
    for name in names:
        assert found(tmp_path)[0] == name
        (tmp_path / name).unlink()


def test_mask_in_the_scans_own_space_is_taken(tmp_path):
    """LST-AI leaves its MNI maps beside the result where it is told to keep them."""
    touch(tmp_path, f"{FOLDER}/space-mni_seg-lst.nii.gz")
    assert found(tmp_path)[0].endswith("space-mni_seg-lst.nii.gz")
    touch(tmp_path, f"{FOLDER}/space-flair_seg-lst.nii.gz")
    assert found(tmp_path)[0].endswith("space-flair_seg-lst.nii.gz")


@pytest.mark.parametrize("label", ["prob", "brainmask", "lesion", "flames1", "NA", "none", "mask"])
def test_a_label_tells_nothing(tmp_path, label):
    """A participant called prob has a mask; the scan of one called lesion is none."""
    visit = Visit(label, "prob", {})
    name = f"sub-{label}/ses-prob/anat/sub-{label}_ses-prob"
    with pytest.raises(DatasetError, match="has no lesion mask of"):
        found(touch(tmp_path, f"{name}_FLAIR.nii.gz"), visit)
    masks = {
        f"{name}_desc-x_mask.nii.gz": ("mask", None),
        f"{name}_label-L_mask.nii.gz": ("BIDS mask", None),
    }
    for mask, (maker, number) in masks.items():
        assert found(touch(tmp_path, mask), visit) == (mask, number, maker)


@pytest.mark.parametrize("label", ["prob1", "brainmask", "lesion", "NA"])
@pytest.mark.parametrize("name", ["{0}/2/{0}_2_mask.nii", "{0}_2_mask.nii", "{0}/2/mask.nii"])
def test_a_label_tells_nothing_in_a_plain_tree(tmp_path, label, name):
    path = name.format(label)
    touch(tmp_path, path, f"{label}/2/{label}_2_flair.nii.gz")
    if "/" in path:
        assert found(tmp_path, Visit(label, "2", {}))[0] == path
    else:  # the folder of the visit comes first, and holds no mask
        with pytest.raises(DatasetError, match="has no lesion mask of"):
            found(tmp_path, Visit(label, "2", {}))


def test_a_folder_makes_no_scan_a_mask(tmp_path):
    touch(tmp_path, "lesions/sub-01_ses-02_FLAIR.nii.gz", "prob/sub-01_ses-02_mask.nii.gz")
    assert found(tmp_path)[0] == "prob/sub-01_ses-02_mask.nii.gz"


# ------------------------------------------------------------------ whose mask


@pytest.mark.parametrize(
    "path",
    [
        "sub-01/ses-02/mask.nii.gz",
        "sub-01/ses-02/anat/lst-ai/space-flair_seg-lst.nii.gz",
        "01/02/mask.nii.gz",
        "sub-01/02_mask.nii.gz",
        "01/visit_02_mask.nii.gz",
        "sub-01_ses-02_mask.nii.gz",
        "lst/sub-01/ses-02/space-flair_seg-lst.nii.gz",
        "01_02_lesions.nii.gz",
        "masks/01-02.lesions.nii.gz",
    ],
)
def test_places(tmp_path, path):
    touch(
        tmp_path,
        path,
        "sub-01/ses-01/label-L_mask.nii.gz",
        "sub-02/ses-02/label-L_mask.nii.gz",
        "sub-02_ses-01_label-L_mask.nii.gz",
        "sub-101_ses-02_label-L_mask.nii.gz",
        "sub-01_ses-021_label-L_mask.nii.gz",
    )
    assert found(tmp_path)[0] == path


def test_dates_and_split_labels(tmp_path):
    visit = Visit("P01", "20200131", {})
    for path in ("P_01/2020-01-31/mask.nii.gz", "P01_2020-01-31_mask.nii.gz"):
        root = touch(tmp_path / path[:4], path)
        assert found(root, visit)[0] == path


def test_visit_without_a_session(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_label-L_mask.nii.gz", "sub-02/sub-02_label-L_mask.nii.gz")
    assert found(tmp_path, ALONE)[0] == "sub-01/anat/sub-01_label-L_mask.nii.gz"


def test_a_session_is_no_subject(tmp_path):
    with pytest.raises(DatasetError, match="no lesion mask of sub-02, but"):
        find_lesion_mask(
            mask_folder(touch(tmp_path, "sub-01_ses-02_mask.nii.gz")), Visit("02", "", {})
        )


def test_own_folder_before_other_places(tmp_path):
    touch(tmp_path, "sub-01/ses-02/mask.nii.gz", "old/sub-01_ses-02_label-L_mask.nii.gz")
    assert found(tmp_path)[0] == "sub-01/ses-02/mask.nii.gz"


# ------------------------------------------------------------------ lookup tables


def dseg(root, table, encoding="utf-8"):
    stem = root / FOLDER / "sub-01_ses-02_desc-all_dseg"
    touch(root, f"{FOLDER}/{stem.name}.nii.gz")
    stem.with_suffix(".tsv").write_text(table, encoding)
    return root


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["Cortex", "Lesion"], (2,)),
        (["Left-Lesion", "Right-Lesion", "Thalamus"], (1, 2)),
        (["wm_lesion", "white matter"], (1,)),
        (["white matter hyperintensity"], (1,)),
        (["WHITE MATTER LESIONS"], (1,)),
        (["Thalamus", "L"], (2,)),
        (["non-lesion", "lesion"], (2,)),
    ],
)
def test_lesion_labels_of_a_lookup_table(tmp_path, names, labels):
    rows = "".join(f"{number}\t{name}\n" for number, name in enumerate(names, 1))
    dseg(tmp_path, "index\tname\n" + rows)
    assert found(tmp_path)[1:] == (labels, "label map")


@pytest.mark.parametrize(
    "table", ["index\tname\n1\tCortex\n", "index\tname\n1\tPerilesional\n", "number\tname\n1\tL\n"]
)
def test_lookup_table_without_a_lesion(tmp_path, table):
    with pytest.raises(DatasetError, match="has no lesion mask"):
        find_lesion_mask(mask_folder(dseg(tmp_path, table)), VISIT)


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        ("", "utf-8"),
        ("index\tname\nnine\tlesion\n", "utf-8"),
        ("index\tname\n9.5\tlesion\n", "utf-8"),
        ("index\tname\n1\tlésion\n", "latin-1"),
    ],
)
def test_lookup_table_that_is_broken(tmp_path, table, encoding):
    text = r"_dseg.tsv cannot be read as a lookup table .* Correct the file or remove it"
    with pytest.raises(DatasetError, match=text):
        find_lesion_mask(mask_folder(dseg(tmp_path, table, encoding)), VISIT)


def test_lookup_table_that_may_not_be_read(tmp_path, monkeypatch):
    dseg(tmp_path, "index\tname\n1\tlesion\n")

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mslesion.io.lesion_masks.pd.read_csv", refuse)
    with pytest.raises(DatasetError, match=r"cannot be read as a lookup .*Permission denied"):
        find_lesion_mask(mask_folder(tmp_path), VISIT)


# ------------------------------------------------------------------ what cannot be


def test_no_folder(tmp_path):
    with pytest.raises(DatasetError, match="is not a folder, but lesion masks are expected there"):
        find_lesion_mask(mask_folder(tmp_path / "masks"), VISIT)


@pytest.mark.parametrize(("visit", "example"), [
    (VISIT, r"sub-01.ses-02.anat.sub-01_ses-02_label-L_mask.nii.gz"),
    (ALONE, r"sub-01.anat.sub-01_label-L_mask.nii.gz"),
])  # fmt: skip
def test_no_mask(tmp_path, visit, example):
    with pytest.raises(
        DatasetError, match=f"one is expected, such as {example}. Add the file, or exclude"
    ):
        find_lesion_mask(mask_folder(tmp_path), visit)


def test_several_of_one_kind(tmp_path):
    touch(tmp_path, f"{FOLDER}/a_label-L_mask.nii.gz", f"{FOLDER}/b_label-L_mask.nii.gz")
    text = r"has 2 lesion masks of sub-01_ses-02 \(.*a_label-L.*b_label-L.*but one is expected"
    with pytest.raises(DatasetError, match=text):
        find_lesion_mask(mask_folder(tmp_path), VISIT)


def test_visits_of_a_patient_are_not_confused(tmp_path):
    """A visit without a session label must not take one of two visits' masks."""
    touch(tmp_path, "sub-01/ses-01/a_label-L_mask.nii.gz", "sub-01/ses-02/b_label-L_mask.nii.gz")
    with pytest.raises(DatasetError, match="has 2 lesion masks of sub-01 "):
        find_lesion_mask(mask_folder(tmp_path), ALONE)


def test_a_folder_is_walked_once_for_all_visits(tmp_path, monkeypatch):
    names = [f"sub-{n:02d}/ses-1/a_label-L_mask.nii.gz" for n in range(5)]
    names += [f"flat/sub-{n:02d}_ses-2_mask.nii" for n in range(5)]
    touch(tmp_path, *names)
    walks, real = [], Path.rglob
    monkeypatch.setattr(Path, "rglob", lambda *args: walks.append(args) or real(*args))
    masks = mask_folder(tmp_path)
    visits = [Visit(f"{n:02d}", session, {}) for session in "12" for n in range(5)]
    found = [find_lesion_mask(masks, visit).path for visit in visits]
    assert [path.relative_to(tmp_path).as_posix() for path in found] == names
    assert len(walks) == 1


# ------------------------------------------------------------------ found and read

LABELS = np.resize([0, 1, 2, 18, 25, 57, 77, 99], (6, 5, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "data", "lesion"),
    [
        ("space-flair_seg-lst.nii.gz", LABELS == 18, LABELS == 18),
        ("space-flair_desc-annotated_seg-lst.nii.gz", LABELS % 5, LABELS % 5 > 0),
        ("seg.mgz", LABELS, LABELS == 99),
        ("mindglide_seg.nii.gz", LABELS, LABELS == 18),
        ("wmh-synthseg.nii.gz", LABELS, LABELS == 77),
        ("flames.nii.gz", LABELS == 2, LABELS == 2),
        ("sub-01_ses-02_desc-all_dseg.nii.gz", LABELS, np.isin(LABELS, (25, 57))),
    ],
)
def test_found_masks_are_read(tmp_path, name, data, lesion):
    dseg(tmp_path, "index\tname\n25\tLeft-Lesion\n57\tRight-Lesion\n99\tOther\n")
    path, data = tmp_path / FOLDER / name, data.astype(np.uint8)
    if path.suffix == ".mgz":
        nib.save(nib.MGHImage(data.astype(np.int32), np.eye(4)), path)
    else:
        write_nifti(path, data, np.eye(4))
    mask = find_lesion_mask(mask_folder(tmp_path), VISIT)
    assert mask.path == path
    np.testing.assert_array_equal(load_mask(mask.path, label=mask.label)[0], lesion)


def test_label_map_under_the_name_of_a_mask(tmp_path):
    """A label map whose maker is not told is refused, not taken whole for lesion."""
    write_nifti(tmp_path / "sub-01_ses-02_FLAIR_seg.nii.gz", LABELS, np.eye(4))
    mask = find_lesion_mask(mask_folder(tmp_path), VISIT)
    with pytest.raises(MaskError, match=r"_seg.nii.gz has 7 labels \(.*\), but a mask has one"):
        load_mask(mask.path, label=mask.label)


def test_path_may_be_text(tmp_path):
    touch(tmp_path, "sub-01/ses-02/mask.nii.gz")
    assert find_lesion_mask(mask_folder(str(tmp_path)), VISIT).path == Path(
        tmp_path, "sub-01/ses-02/mask.nii.gz"
    )
