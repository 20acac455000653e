"""Several scans of one modality: which one is taken, why, and what cannot be decided."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest
from phantoms import write_nifti

from mslesion.errors import DatasetError
from mslesion.io import scan_choice
from mslesion.io.dataset import find_visits
from mslesion.io.scan_choice import PREFERRED, SAME_CONTENT, choose_scan

FINE, MIDDLE, THICK = (1, 1, 1), (1, 1, 1.2), (0.5, 0.5, 3)


def scan(path, *, spacing=FINE, seed=0, shape=(4, 5, 6)):
    data = np.random.default_rng(seed).integers(0, 99, shape).astype(np.int16)
    write_nifti(path, data, np.diag([*spacing, 1.0]))
    return path


def chosen(tmp_path, scans, **options):
    """Name and reason of what is taken of scans given as name: spacing or options."""
    paths = []
    for seed, (name, given) in enumerate(scans.items()):
        given = given if isinstance(given, dict) else {"spacing": given}
        paths.append(scan(tmp_path / name, **({"seed": seed} | given)))
    choice = choose_scan("FLAIR", paths, **options)
    assert sorted((choice.path.name, *choice.others)) == sorted(scans)
    return choice.path.name, choice.reason


@pytest.mark.parametrize(
    ("scans", "taken", "reason"),
    [
        # acq tells the dimension, whatever the voxels: 0.75 mm³ of slices, 1.2 mm³ in 3D
        ({"a_acq-2D_FLAIR.nii.gz": THICK, "a_acq-3D_FLAIR.nii.gz": MIDDLE}, 1, "3D before 2D"),
        ({"a_acq-3Dsag_FLAIR.nii": THICK, "a_acq-tse2d_FLAIR.nii": FINE}, 0, "3D before 2D"),
        ({"flair_3d.nii.gz": MIDDLE, "flair_2d.nii.gz": FINE}, 0, "3D before 2D"),
        ({"flair_b.nii.gz": THICK, "flair_a.nii.gz": MIDDLE}, 1, "3D before 2D"),
        ({"a.nii": (1, 1, 2.01), "b.nii": (2, 2, 2.0)}, 1, "3D before 2D"),  # 2 mm is inclusive
        ({"sub-2d_run-1_FLAIR.nii": FINE, "sub-2d_run-2_FLAIR.nii": THICK}, 0, "3D before 2D"),
        ({"a_run-2_FLAIR.nii.gz": MIDDLE, "a_run-1_FLAIR.nii.gz": FINE}, 1, "smaller voxels"),
        ({"run_b.nii": THICK, "run_a.nii": (0.5, 0.5, 5)}, 0, "smaller voxels"),
        ({"a_run-1_FLAIR.nii.gz": FINE, "a_run-2_FLAIR.nii.gz": FINE}, 1, "later run"),
        ({"a_run-10_FLAIR.nii.gz": FINE, "a_run-9_FLAIR.nii.gz": FINE}, 0, "later run"),
        ({"a_FLAIR.nii.gz": FINE, "a_run-1_FLAIR.nii.gz": FINE}, 1, "later run"),
        # 1.004 mm³ and 1 mm³ are one protocol
        ({"a_run-1_FLAIR.nii": FINE, "a_run-2_FLAIR.nii": (1, 1, 1.004)}, 1, "later run"),
        ({"flair_10.nii": FINE, "flair_9.nii": FINE}, 0, "last name"),
        ({"flair.nii": FINE, "flair.nii.gz": FINE}, 1, "packed before unpacked"),
        ({"1.nii": THICK, "2.nii": FINE, "3.nii": FINE}, 2, "last name"),
    ],
)
def test_which_scan_is_taken(tmp_path, scans, taken, reason):
    assert chosen(tmp_path, scans) == (list(scans)[taken], reason)
    assert chosen(tmp_path, dict(reversed(scans.items()))) == (list(scans)[taken], reason)


def test_the_sidecar_decides_before_the_name(tmp_path):
    scans = {"a_acq-3D_FLAIR.nii": FINE, "a_acq-2D_FLAIR.nii": FINE}
    assert chosen(tmp_path, scans)[0] == "a_acq-3D_FLAIR.nii"
    for name, stated in (("a_acq-3D_FLAIR", "2D"), ("a_acq-2D_FLAIR", "3d")):
        (tmp_path / f"{name}.json").write_text(json.dumps({"MRAcquisitionType": stated}))
    assert chosen(tmp_path, scans) == ("a_acq-2D_FLAIR.nii", "3D before 2D")


def test_a_common_sidecar_of_the_dataset_counts(tmp_path):
    (tmp_path / "FLAIR.json").write_text('{"MRAcquisitionType": "3D"}')
    scans = {"a_acq-2D_FLAIR.nii": THICK, "b_FLAIR.nii": FINE}
    assert chosen(tmp_path, scans) == ("b_FLAIR.nii", "3D before 2D")
    assert chosen(tmp_path, scans, root=tmp_path) == ("a_acq-2D_FLAIR.nii", "smaller voxels")


@pytest.mark.parametrize(
    ("prefer", "taken", "reason"),
    [
        ("run-1", "a_run-1_FLAIR.nii", PREFERRED),
        ("_FLAIR", "a_run-3_FLAIR.nii", "later run"),
        ("acq-3D", "a_run-3_FLAIR.nii", "later run"),
        ("", "a_run-3_FLAIR.nii", "later run"),
        ("run", "a_run-3_FLAIR.nii", "later run"),
    ],
)
def test_prefer_decides_where_one_name_holds_it(tmp_path, prefer, taken, reason):
    scans = {f"a_run-{run}_FLAIR.nii": FINE for run in (1, 2, 3)}
    assert chosen(tmp_path, scans, prefer=prefer) == (taken, reason)


def test_prefer_narrows_the_choice(tmp_path):
    scans = {"x_run-1.nii": FINE, "x_run-2.nii": FINE, "y_run-3.nii": FINE}
    assert chosen(tmp_path, scans, prefer="x_") == ("x_run-2.nii", "later run")


# ------------------------------------------------------------------ the same content


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("flair.nii", "flair.nii.gz"), "flair.nii.gz"),
        (("a_run-1_FLAIR.nii.gz", "a_run-2_FLAIR.nii.gz"), "a_run-2_FLAIR.nii.gz"),
        (("a.nii", "b.nii"), "b.nii"),
    ],
)
def test_the_same_content_counts_once(tmp_path, names, taken):
    same = {name: {"seed": 1} for name in names}
    assert chosen(tmp_path, same) == (taken, SAME_CONTENT)
    other = same | {"a_coarse.nii": {"seed": 2, "spacing": (1, 1, 1.2)}}
    assert chosen(tmp_path, other) == (taken, "smaller voxels")


def test_a_packed_file_of_several_parts_states_no_checksum(tmp_path):
    """bgzip ends every file with the same empty part."""
    paths = [scan(tmp_path / f"{run}.nii", seed=run) for run in (1, 2)]
    packed = []
    for path in paths:
        packed.append(path.with_name(f"{path.name}.gz"))
        packed[-1].write_bytes(gzip.compress(path.read_bytes()) + gzip.compress(b""))
        assert nib.load(packed[-1]).shape == (4, 5, 6)
    assert choose_scan("T1w", packed).reason == "last name"


def test_one_scan_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.delattr(scan_choice.nib, "load")
    assert choose_scan("FLAIR", [tmp_path / "a.nii"]).others == ()


# ------------------------------------------------------------------ in a dataset


def test_the_visit_says_what_was_chosen(tmp_path):
    folder = tmp_path / "sub-01" / "anat"
    for seed, name in enumerate(("acq-2D_FLAIR", "acq-3D_FLAIR", "T1w", "run-1_T2w", "run-2_T2w")):
        scan(folder / f"sub-01_{name}.nii.gz", seed=seed)
    (visit,) = find_visits(tmp_path)
    assert visit.problem == ""
    assert [choice.text for choice in visit.choices] == [
        "FLAIR: sub-01_acq-3D_FLAIR.nii.gz, not sub-01_acq-2D_FLAIR.nii.gz (3D before 2D)",
        "T2w: sub-01_run-2_T2w.nii.gz, not sub-01_run-1_T2w.nii.gz (later run)",
    ]
    assert [choice.is_ours for choice in visit.choices] == [True, True]
    (visit,) = find_visits(tmp_path, prefer="acq-2D")
    assert visit.scans["FLAIR"].name == "sub-01_acq-2D_FLAIR.nii.gz"
    assert visit.choices[0].text.endswith("(--prefer)")
    assert [choice.is_ours for choice in visit.choices] == [False, True]


def test_one_scan_of_several_that_cannot_be_read(tmp_path):
    good = scan(tmp_path / "P1" / "flair_1.nii.gz")
    (tmp_path / "P1" / "flair_2.nii.gz").touch()
    text = r"flair_2.nii.gz cannot be read \(.*\), but it is one of several .* with --prefer TEXT"
    with pytest.raises(DatasetError, match=text):
        choose_scan("FLAIR", sorted(good.parent.iterdir()))
    (visit,) = find_visits(tmp_path)
    assert "flair_2.nii.gz cannot be read" in visit.problem
    (visit,) = find_visits(tmp_path, prefer="_1")
    assert visit.scans == {"FLAIR": good}
    assert visit.problem == ""
