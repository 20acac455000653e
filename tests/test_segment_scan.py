"""The script for one visit given as files."""

import importlib.util
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[1]
ANAT = ROOT / "sample_data" / "sub-thick" / "ses-01" / "anat"


@pytest.fixture(scope="module")
def script():
    path = ROOT / "pipelines" / "segment_scan.py"
    spec = importlib.util.spec_from_file_location("segment_scan", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_scan(script, tmp_path, capsys):
    assert script.main([str(tmp_path / "out")]) == 2
    assert "no scan, but a FLAIR or a T1w is required" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_missing_file(script, tmp_path, capsys):
    assert script.main([str(tmp_path / "out"), "--flair", str(tmp_path / "none.nii.gz")]) == 2
    assert "is not a file, but a scan is expected" in capsys.readouterr().err


@pytest.mark.slow
def test_thick_slices(script, tmp_path, capsys):
    """Maps lie on the FLAIR's grid, and the tables tell of the same lesions."""
    flair = ANAT / "sub-thick_ses-01_FLAIR.nii.gz"
    assert script.main([str(tmp_path), "--flair", str(flair)]) == 0
    labels, scan = nib.load(tmp_path / "lesions.nii.gz"), nib.load(flair)
    assert labels.shape == scan.shape
    np.testing.assert_allclose(labels.affine, scan.affine, atol=1e-5)
    lesions = pd.read_csv(tmp_path / "lesions.csv")
    counts = np.bincount(np.asarray(labels.dataobj).ravel().astype(int))[1:]
    assert lesions["voxel_count"].tolist() == counts.tolist()
    assert pd.read_csv(tmp_path / "visit.csv")["lesion_count"].tolist() == [len(lesions)]
    assert "inputs" in capsys.readouterr().out
