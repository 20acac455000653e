"""The script that compares two folders of masks."""

import importlib.util
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from evaluation_phantoms import UNIT, blobs, disturbed, lines

SCRIPT = Path(__file__).parents[2] / "pipelines" / "evaluate_masks.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("evaluate_masks", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def save(path, mask, affine=UNIT, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(mask.astype(dtype), affine), path)


def run(script, folder, *options):
    code = script.main(
        [str(folder / "predicted"), str(folder / "reference"), str(folder / "out.csv"), *options]
    )
    table = pd.read_csv(folder / "out.csv", dtype={"participant_id": str, "session_id": str})
    return code, table.set_index("participant_id")


def test_pairs_by_entities(script, tmp_path, capsys):
    for number in range(4):
        name = f"sub-0{number}/ses-1/anat/sub-0{number}_ses-1_label-L_mask.nii.gz"
        save(tmp_path / "reference" / name, blobs(number))
        predicted = disturbed(blobs(number), 100 + number)
        save(tmp_path / f"predicted/sub-0{number}_ses-1_lesions.nii", predicted)
    code, table = run(script, tmp_path)
    assert code == 0
    assert table.index.tolist() == ["sub-00", "sub-01", "sub-02", "sub-03"]
    assert table["session_id"].eq("ses-1").all()
    assert table["dice"].between(0.1, 0.99).all()
    printed = capsys.readouterr().out
    assert "anima_f1" in printed
    assert "4 pairs compared, 0 not" in printed
    dictionary = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert list(dictionary) == [table.index.name, *table.columns]


def test_pairs_by_equal_names(script, tmp_path):
    for side in ("predicted", "reference"):
        save(tmp_path / side / "centre-1" / "case7.nii.gz", lines((0, 8)))
    code, table = run(script, tmp_path)
    assert code == 0
    assert table.index.tolist() == ["sub-centre1"]
    assert table["session_id"].tolist() == ["ses-case7"]


def test_the_axes_of_the_files_may_differ(script, tmp_path):
    mask = blobs(1)
    save(tmp_path / "reference" / "a.nii.gz", mask)
    flipped = np.diag([-1.0, 1, 1, 1])
    flipped[0, 3] = mask.shape[0] - 1
    save(tmp_path / "predicted" / "a.nii.gz", mask[::-1], flipped)
    _, table = run(script, tmp_path)
    assert table["dice"].tolist() == [1.0]


def test_a_pair_that_fails_is_a_row_with_its_reason(script, tmp_path, capsys):
    good = lines((0, 8))
    shifted = UNIT.copy()
    shifted[0, 3] = 0.5
    for name in ("good", "shifted", "grey", "torn", "holes", "lonely"):
        save(tmp_path / "reference" / f"sub-{name}_mask.nii.gz", good)
    save(tmp_path / "predicted" / "sub-good_mask.nii.gz", good, dtype=np.float32)
    save(tmp_path / "predicted" / "sub-shifted_mask.nii.gz", good, shifted)
    save(tmp_path / "predicted" / "sub-grey_mask.nii.gz", good + 3 * lines((20, 22)))
    save(
        tmp_path / "predicted" / "sub-holes_mask.nii.gz",
        np.where(good, np.nan, 0),
        dtype=np.float32,
    )
    (tmp_path / "predicted" / "sub-torn_mask.nii.gz").write_bytes(b"\x1f\x8bnothing")
    for run_number in (1, 2):
        save(tmp_path / "predicted" / f"sub-twice_run-{run_number}_mask.nii.gz", good)
    code, table = run(script, tmp_path)
    assert code == 3
    assert table["dice"].notna().sum() == 1
    reasons = table["reason"].dropna()
    assert table.loc["sub-good", "dice"] == 1
    assert "predicted/sub-shifted_mask.nii.gz is placed up to 0.5 mm" in reasons["sub-shifted"]
    assert "has 2 labels (1, 3), but a mask has one" in reasons["sub-grey"]
    assert "has voxels that are not finite" in reasons["sub-holes"]
    assert "has no mask of this visit" in reasons["sub-lonely"]
    assert "has 2 masks of this visit (sub-twice_run-1_mask" in reasons["sub-twice"]
    assert "sub-torn" in reasons
    printed = capsys.readouterr().out
    assert "1 pairs compared, 6 not" in printed
    assert "sub-lonely: " in printed


def test_the_search_can_be_narrowed(script, tmp_path):
    save(tmp_path / "reference" / "sub-1_mask.nii.gz", lines((0, 8)))
    save(tmp_path / "predicted" / "sub-1_mask.nii.gz", lines((0, 8)))
    save(tmp_path / "predicted" / "sub-1_probseg.nii.gz", lines((0, 8)) * 0.5, dtype=np.float32)
    assert run(script, tmp_path)[0] == 3
    assert run(script, tmp_path, "--predicted-pattern", "*_mask.nii.gz")[0] == 0


def test_a_folder_without_masks(script, tmp_path, capsys):
    save(tmp_path / "predicted" / "a.nii.gz", lines())
    arguments = [str(tmp_path / name) for name in ("predicted", "reference", "out.csv")]
    assert script.main(arguments) == 2
    assert "reference is not a folder, but masks are expected in it" in capsys.readouterr().err
    (tmp_path / "reference").mkdir()
    assert script.main(arguments) == 2
    assert "reference has no image that fits '*.nii*', but masks" in capsys.readouterr().err


def test_the_output_is_a_csv(script, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        script.main([str(tmp_path), str(tmp_path), str(tmp_path / "out.json")])
    assert "out.json is no .csv file" in capsys.readouterr().err


def test_lesions_by_size_and_location(script, tmp_path, capsys):
    save(tmp_path / "reference" / "sub-1_mask.nii.gz", lines((4, 9), (20, 32)))
    save(tmp_path / "predicted" / "sub-1_mask.nii.gz", lines((4, 9)))
    head = np.full((64, 32, 8), 2)  # FreeSurfer: white matter, lateral ventricle
    head[:4], head[32:] = 4, 3
    save(tmp_path / "anatomy" / "sub-1_dseg.nii.gz", head)
    options = ["--anatomy", str(tmp_path / "anatomy"), "--anatomy-labels", "freesurfer"]
    assert run(script, tmp_path, *options)[0] == 0
    table = pd.read_csv(tmp_path / "out_lesions.csv").set_index("group")
    assert table.loc[["under_10mm3", "10_100mm3"], "sensitivity"].tolist() == [1, 0]
    assert table.loc["periventricular", "detected_count"] == 1
    assert (tmp_path / "out_lesions.json").is_file()
    assert "periventricular" in capsys.readouterr().out
    # Without the map of a scan that scan fails, as its places would be missing
    save(tmp_path / "anatomy" / "sub-2_dseg.nii.gz", head)
    (tmp_path / "anatomy" / "sub-1_dseg.nii.gz").unlink()
    code, table = run(script, tmp_path, *options)
    assert code == 3
    assert "anatomy has no mask of this visit" in table.loc["sub-1", "reason"]


def test_several_raters(script, tmp_path, capsys):
    for name in ("predicted", "reference", "Ann", "Bob"):
        for subject in "12":
            save(tmp_path / name / f"sub-{subject}_mask.nii.gz", lines((0, 8)))
    save(tmp_path / "Bob" / "sub-2_mask.nii.gz", lines((4, 12)))
    folders = [str(tmp_path / name) for name in ("Ann", "Bob")]
    assert run(script, tmp_path, "--raters", *folders)[0] == 0
    rows = pd.read_csv(tmp_path / "out_raters.csv")
    assert rows["rater"].tolist() == ["Ann", "Bob", "Ann"] * 2
    assert rows["dice"].tolist() == [1, 1, 1, 1, 0.5, 0.5]
    assert " ratio " in capsys.readouterr().out
    save(tmp_path / "Bob" / "sub-2_mask.nii.gz", lines(shape=(8, 8, 8)))
    assert run(script, tmp_path, "--raters", *folders)[0] == 3
    assert "but " in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        run(script, tmp_path, "--raters", folders[0], str(tmp_path / "more" / "Ann"))
    assert "one folder name a rater is expected" in capsys.readouterr().err
