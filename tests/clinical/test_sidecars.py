"""What sidecars and the names of folders tell of a visit."""

import json
from datetime import date
from pathlib import Path

import pytest

from mslesion.clinical.sidecars import date_of_folder, facts_of_sidecars
from mslesion.errors import DatasetError

ANAT = Path("sub-01/ses-1/anat")
SCANNER = {
    "Manufacturer": "Siemens",
    "ManufacturersModelName": "Prisma",
    "DeviceSerialNumber": 12345,
    "MagneticFieldStrength": 3,
    "MRAcquisitionType": "3d",
}


def write(path, content):
    """A text file, or a JSON file of a dict."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) if isinstance(content, dict) else content, "utf-8")
    return path


def facts_of(root):
    """Values by fact of a visit with FLAIR and T1w."""
    scans = {kind: root / ANAT / f"sub-01_ses-1_{kind}.nii.gz" for kind in ("FLAIR", "T1w")}
    found = facts_of_sidecars(scans, root=root)
    return {name: statement.value for name, statement in found.items()}


def test_no_sidecar(tmp_path):
    assert facts_of(tmp_path) == {}
    assert facts_of_sidecars({}) == {}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_sidecar(tmp_path, mark):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", mark + json.dumps(SCANNER))
    assert facts_of(tmp_path) == {
        "scanner_id": "Siemens Prisma 12345", "field_t": 3.0, "flair_dim": "3D",
    }  # fmt: skip


def test_sources(tmp_path):
    """File and key; a sidecar of the dataset is one too."""
    write(tmp_path / "T1w.json", {"ContrastBolusAgent": "none"})
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", SCANNER)
    scans = {kind: tmp_path / ANAT / f"sub-01_ses-1_{kind}.nii.gz" for kind in ("FLAIR", "T1w")}
    found = facts_of_sidecars(scans, root=tmp_path)
    assert {name: statement.source for name, statement in found.items()} == {
        "scanner_id": "sub-01_ses-1_FLAIR.json, Manufacturer",
        "field_t": "sub-01_ses-1_FLAIR.json, MagneticFieldStrength",
        "flair_dim": "sub-01_ses-1_FLAIR.json, MRAcquisitionType",
        "t1_contrast": "T1w.json, ContrastBolusAgent",
    }
    assert "t1_contrast" not in facts_of_sidecars(scans)  # without root


def test_own_sidecar_over_that_of_the_dataset(tmp_path):
    write(tmp_path / "FLAIR.json", SCANNER)
    assert facts_of(tmp_path)["field_t"] == 3.0
    own = {"MagneticFieldStrength": 1.5, "MRAcquisitionType": "2D"}
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", own)
    assert facts_of(tmp_path) == {
        "scanner_id": "Siemens Prisma 12345", "field_t": 1.5, "flair_dim": "2D",
    }  # fmt: skip


def test_scanner_of_the_t1(tmp_path):
    write(tmp_path / ANAT / "sub-01_ses-1_T1w.json", SCANNER)
    facts = facts_of(tmp_path)
    assert facts["scanner_id"] == "Siemens Prisma 12345"
    assert "flair_dim" not in facts  # of the T1w


@pytest.mark.parametrize(
    ("agent", "contrast"),
    [("Gadovist", True), ("none", False), ("None", False), ("n/a", False), ("", None)],
)
def test_contrast_agent(tmp_path, agent, contrast):
    write(tmp_path / ANAT / "sub-01_ses-1_T1w.json", {"ContrastBolusAgent": agent})
    assert facts_of(tmp_path).get("t1_contrast") is contrast


@pytest.mark.parametrize("strength", ["three", None, [3], float("nan")])
def test_field_that_is_not_a_number(tmp_path, strength):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", {"MagneticFieldStrength": strength})
    assert "field_t" not in facts_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{broken", r"FLAIR.json cannot be read as JSON .* Correct the file or remove it"),
        ("", "cannot be read as JSON"),
        ("[1, 2]", "holds a list, but an object is expected"),
    ],
)
def test_broken_sidecars(tmp_path, content, text):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", content)
    with pytest.raises(DatasetError, match=text):
        facts_of(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-31", date(2020, 1, 31)),
        (" 20200131 ", date(2020, 1, 31)),
        ("2020-01-31T09:00:00", date(2020, 1, 31)),
        ("2020-01-31 09:00", date(2020, 1, 31)),
        ("2020-02-30", None),
        ("20201301", None),
        ("2020-01-31 morning", None),
        ("31.01.2020", None),
        ("2020", None),
        ("M12", None),
        ("", None),
    ],
)
def test_date_of_a_folder(text, expected):
    found = date_of_folder(text)
    assert (found and found.value) == expected
    assert found is None or found.source == f"name of the folder {text}"


@pytest.mark.parametrize("text", ["29990101", "2999-01-01", "1799-12-31", "00010101"])
def test_a_folder_is_not_named_by_a_day_on_which_no_visit_was(text):
    assert date_of_folder(text) is None


@pytest.mark.parametrize("value", [15000, -3, 0, 300, True, "3 T", [3]])
def test_a_field_strength_that_is_no_number_of_tesla_is_not_used(tmp_path, caplog, value):
    """15000 is 1.5 T in gauss."""
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", SCANNER | {"MagneticFieldStrength": value})
    assert "field_t" not in facts_of(tmp_path)
    assert caplog.messages == [
        "sub-01_ses-1_FLAIR.json, MagneticFieldStrength has the field strength "
        f"{value!r}, but a number of tesla from 0.01 to 21 is expected; it is not used."
    ]


@pytest.mark.parametrize(("value", "tesla"), [(0.01, 0.01), ("1.5", 1.5), (21, 21.0)])
def test_a_field_strength_in_range_is_used(tmp_path, value, tesla):
    write(tmp_path / ANAT / "sub-01_ses-1_FLAIR.json", SCANNER | {"MagneticFieldStrength": value})
    assert facts_of(tmp_path)["field_t"] == tesla
