"""The two scripts over folders of masks."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import phantoms
import pytest

from mslesion.schema import LESION_CHANGES, LESIONS

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
AFFINE = np.eye(4)


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(PIPELINES))

    def load(name):
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    return load


def save(path, *corners, side=5, values=(0, 1)):
    mask = np.full((40, 40, 40), values[0], float)
    for i, j, k in corners:
        mask[i : i + side, j : j + side, k : k + side] = values[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    phantoms.write_nifti(path, mask, AFFINE, dtype=np.float32)


def test_lesions_of_a_folder(script, tmp_path, capsys):
    masks = tmp_path / "masks"
    save(masks / "sub-007/ses-01/mask.nii.gz", (5, 5, 5), (20, 20, 20))
    save(masks / "sub-NA_mask.nii.gz")
    save(masks / "sub-soft_mask.nii.gz", (5, 5, 5), (20, 20, 20), values=(0.2, 0.7))
    assert script("measure_masks").main([str(masks), str(tmp_path / "out" / "l.csv")]) == 3
    table = pd.read_csv(tmp_path / "out" / "l.csv")
    assert table.columns.tolist() == LESIONS.names
    assert table["participant_id"].tolist() == ["sub-007", "sub-007"]
    assert table["session_id"].tolist() == ["ses-01", "ses-01"]
    assert table["volume_mm3"].tolist() == [125, 125]
    assert (tmp_path / "out" / "l.json").is_file()
    said = capsys.readouterr()
    assert "sub-soft: " in said.err
    assert "2 lesions; masks: 2 measured, 1 not measured" in said.out


def test_location_from_label_maps(script, tmp_path):
    save(tmp_path / "masks" / "sub-1_mask.nii.gz", (12, 12, 12))
    labels = np.full((40, 40, 40), 2.0)
    labels[17:25, 10:20, 10:20] = 4
    labels[0] = 3
    (tmp_path / "anatomy").mkdir()
    path = tmp_path / "anatomy" / "sub-1_aseg.nii.gz"
    phantoms.write_nifti(path, labels, AFFINE, dtype=np.uint8)
    arguments = [str(tmp_path / "masks"), str(tmp_path / "l.csv"), "--anatomy",
                 str(tmp_path / "anatomy"), "--anatomy-labels", "freesurfer"]  # fmt: skip
    assert script("measure_masks").main(arguments) == 0
    assert pd.read_csv(tmp_path / "l.csv")["location"].tolist() == ["periventricular"]


def test_changes_of_a_folder(script, tmp_path, capsys):
    masks = tmp_path / "masks"
    save(masks / "P1" / "v1.nii.gz", (5, 5, 5))
    save(masks / "P1" / "v2.nii.gz", (5, 5, 5), (20, 20, 20))
    save(masks / "P2" / "v1.nii.gz", (5, 5, 5))
    for name in ("sub-P3_run-1_mask.nii.gz", "sub-P3_run-2_mask.nii.gz"):
        save(masks / name, (5, 5, 5))
    assert script("track_masks").main([str(masks), str(tmp_path / "c.csv")]) == 3
    table = pd.read_csv(tmp_path / "c.csv")
    assert table.columns.tolist() == LESION_CHANGES.names
    assert table[["participant_id", "session_from", "session_to"]].drop_duplicates().to_numpy(
    ).tolist() == [["sub-P1", "ses-v1", "ses-v2"]]  # fmt: skip
    assert sorted(table["change"]) == ["new", "stable"]
    said = capsys.readouterr()
    assert "sub-P3: " in said.err
    assert "has 2 masks of this visit" in said.err
    assert "P2" not in said.err
    assert "2 rows; participants: 1 followed, 1 with one mask only, 1 not followed" in said.out


def test_visits_are_ordered_by_number_and_located(script, tmp_path):
    for visit in ("M6", "M12"):
        save(tmp_path / "masks" / f"sub-1/ses-{visit}/mask.nii.gz", (12, 12, 12))
        save(tmp_path / "masks" / "sub-1/ses-M12/mask.nii.gz", (12, 12, 12), (30, 30, 30))
        labels = np.full((40, 40, 40), 2.0)
        labels[17:25, 10:20, 10:20] = 4
        labels[0] = 3
        path = tmp_path / "maps" / f"sub-1_ses-{visit}" / "mri" / "aseg.nii.gz"
        path.parent.mkdir(parents=True)
        phantoms.write_nifti(path, labels, AFFINE, dtype=np.uint8)
        path.with_name("aseg_probability.nii.gz").write_bytes(path.read_bytes())
    arguments = [str(tmp_path / "masks"), str(tmp_path / "c.csv"), "--anatomy",
                 str(tmp_path / "maps"), "--anatomy-labels", "freesurfer"]  # fmt: skip
    assert script("track_masks").main(arguments) == 0
    table = pd.read_csv(tmp_path / "c.csv")
    # As text M12 comes before M6, and the new lesion would be a resolved one
    assert table[["session_from", "session_to"]].drop_duplicates().to_numpy().tolist() == [
        ["ses-M6", "ses-M12"]
    ]
    assert dict(zip(table["change"], table["location"], strict=True)) == {
        "stable": "periventricular",
        "new": "deep_white",
    }


def test_an_anatomy_folder_without_the_visit(script, tmp_path, capsys):
    save(tmp_path / "masks" / "sub-1_mask.nii.gz", (12, 12, 12))
    save(tmp_path / "maps" / "sub-2_aseg.nii.gz")
    arguments = [str(tmp_path / "masks"), str(tmp_path / "l.csv"), "--anatomy",
                 str(tmp_path / "maps")]  # fmt: skip
    assert script("measure_masks").main(arguments) == 3
    assert (
        "has no label map of the anatomy of sub-1, but one is expected" in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["measure_masks", "track_masks"])
def test_unusable_arguments(script, tmp_path, capsys, name):
    main = script(name).main
    assert main([str(tmp_path / "nothing"), str(tmp_path / "a.csv")]) == 2
    assert "nothing is not a folder" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), str(tmp_path / "a.json")])
    assert "a.json does not end in .csv" in capsys.readouterr().err
