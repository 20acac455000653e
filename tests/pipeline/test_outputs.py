"""What a visit leaves behind: valid BIDS, tables as declared, a page that equals them."""

import gzip
import json
import re
import shutil
import subprocess
from dataclasses import replace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import visit_phantoms as heads
from html_values import Page, check_values, read_table
from job_runs import write_group
from lesion_columns import LESION_BIOMARKERS

from mslesion.io.dataset import Visit
from mslesion.io.tables import format_value
from mslesion.pipeline.viewer_files import read_volumes
from mslesion.pipeline.visit.outputs import clear_visit, write_visit
from mslesion.pipeline.visit.records import part_path, record_path
from mslesion.schema import LESIONS, QUALITY, VISITS, sidecar
from mslesion.schema.checks import CHECKS
from mslesion.schema.locations import LOCATION_NUMBERS
from mslesion.schema.prerequisites import empty_when

VALIDATOR = shutil.which("bids-validator-deno")


def of(result, subject, session=""):
    """The same result as that of another visit."""
    who = (f"sub-{subject}", f"ses-{session}" if session else None)
    frames = {
        name: getattr(result, name).assign(
            participant_id=pd.array(who[:1] * len(getattr(result, name)), dtype="string"),
            session_id=pd.array(who[1:] * len(getattr(result, name)), dtype="string"),
        )
        for name in ("visits", "lesions", "quality")
    }
    frames = {
        name: frame.astype(getattr(result, name).dtypes.to_dict()) for name, frame in frames.items()
    }
    return replace(result, visit=Visit(subject, session, result.visit.scans), **frames)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, plain):
    """Three visits: two sessions of one subject, and one without lesions assessable."""
    root = plain.visit.scans["FLAIR"].parents[3]
    output = tmp_path_factory.mktemp("out")
    for result in (of(plain, "01", "1"), of(plain, "01", "2")):
        write_visit(result, output, root=root, made_from={})
    alone = of(plain, "B")
    without = replace(
        alone,
        visits=alone.visits.assign(**dict.fromkeys(LESION_BIOMARKERS)).astype(alone.visits.dtypes),
        segmented=replace(plain.segmented, lesions=None, probability=None),
        lesions=plain.lesions.iloc[:0],
    )
    write_visit(without, output, root=root, made_from={})
    write_group(output, raw=str(root))
    return output


@pytest.mark.skipif(VALIDATOR is None, reason="bids-validator-deno is not installed")
def test_bids_validator_finds_no_error(finished):
    run = subprocess.run(
        [VALIDATOR, str(finished), "--format", "json"], capture_output=True, text=True, check=False
    )
    issues = json.loads(run.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert run.returncode == 0


def test_which_files_there_are(finished):
    names = sorted(
        path.relative_to(finished).as_posix() for path in finished.rglob("*") if path.is_file()
    )
    for ending in (
        "desc-brain_mask.nii.gz", "desc-brain_mask.json", "seg-anatomy_dseg.nii.gz",
        "seg-anatomy_dseg.tsv", "label-L_mask.nii.gz", "label-L_probseg.nii.gz",
        "seg-lesions_dseg.nii.gz", "seg-lesions_dseg.tsv", "seg-lesions_dseg.json",
        "seg-mslocation_dseg.nii.gz", "seg-mslocation_dseg.tsv",
    ):  # fmt: skip
        assert f"sub-01/ses-2/anat/sub-01_ses-2_space-orig_{ending}" in names
    assert "sub-B/anat/sub-B_space-orig_seg-anatomy_dseg.nii.gz" in names
    assert not any("sub-B/" in name and "label-L" in name for name in names)
    for name in ("visits.csv", "visits.json", "lesions.csv", "quality.csv", "sub-01.html",
                 "sub-B.html", "dataset_description.json", "logs/failures.tsv"):  # fmt: skip
        assert name in names
    assert not any(name.endswith(".part") for name in names)


def test_maps_lie_on_the_grid_of_the_flair(finished, plain):
    folder = finished / "sub-01/ses-1/anat"
    start = "sub-01_ses-1_space-orig_"
    lesions = heads.read(folder / f"{start}seg-lesions_dseg.nii.gz")
    assert np.array_equal(lesions, plain.lesion_labels)
    mask = heads.read(folder / f"{start}label-L_mask.nii.gz")
    assert mask.dtype == np.uint8
    assert np.array_equal(mask > 0, lesions > 0)
    location = heads.read(folder / f"{start}seg-mslocation_dseg.nii.gz")
    for row in plain.lesions.itertuples():
        assert set(location[lesions == row.lesion_id]) == {LOCATION_NUMBERS[row.location]}
    table = pd.read_csv(folder / f"{start}seg-lesions_dseg.tsv", sep="\t")
    assert list(table["index"]) == sorted(set(lesions.ravel()) - {0})
    voxel_mm3 = 1.0
    for row in table.itertuples():
        assert np.count_nonzero(lesions == row.index) * voxel_mm3 == row.volume_mm3
    assert heads.read(folder / f"{start}label-L_probseg.nii.gz").dtype == np.float32


@pytest.mark.parametrize("table", [VISITS, LESIONS, QUALITY], ids=lambda table: table.name)
def test_tables_equal_their_declarations(finished, table):
    frame = pd.read_csv(finished / f"{table.name}.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns) == table.names
    assert json.loads((finished / f"{table.name}.json").read_text("utf-8")) == sidecar(table)
    assert len(frame) == {"visits": 3, "lesions": 8, "quality": 3 * len(CHECKS)}[table.name]
    key = frame[list(table.key)].to_records(index=False).tolist()
    assert len(set(key)) == len(frame)
    for column in table.columns:
        assert empty_when(column) != "never" or all(frame[column.name]), column.name
        for value in set(frame[column.name]) - {""}:
            if column.dtype == "float64":
                float(value)
            elif column.dtype == "Int64":
                assert re.fullmatch(r"-?\d+", value), column.name
            elif column.dtype == "boolean":
                assert value in ("true", "false"), column.name
            elif column.levels:
                assert value in column.levels, column.name


@pytest.fixture(scope="module")
def page(finished):
    return Page((finished / "sub-01.html").read_text("utf-8"))


def test_page_needs_no_network(finished, page):
    addresses = [a[name] for _, a in page.tags for name in ("src", "href") if name in a]
    addresses = [one for one in addresses if not one.startswith("#")]
    assert len(addresses) >= 5  # the pictures
    assert all(address.startswith("data:image/") for address in addresses)
    assert all(a["alt"].strip() for tag, a in page.tags if tag == "img")
    text = (finished / "sub-01.html").read_text("utf-8")
    for call in ("<link", "@import", "url(", "<iframe"):
        assert call not in text


def test_numbers_of_the_page_are_those_of_the_csv(finished, page):
    tables = {path.stem: read_table(path) for path in finished.glob("*.csv")}
    assert check_values((finished / "sub-01.html").read_text("utf-8"), tables) > 200
    for session in "12":  # every column of each visit stands in the folded table
        key = ("visits", f"sub-01|ses-{session}")
        mine = {c for t, row, c, _, _ in page.found if (t, row) == key}
        assert mine == set(VISITS.names)
    lesions = tables["lesions"]
    lesions = lesions[(lesions["participant_id"] == "sub-01") & (lesions["session_id"] == "ses-2")]
    shown = {row for t, row, c, _, _ in page.found if (t, c) == ("lesions", "volume_mm3")}
    assert {f"sub-01|ses-2|{number}" for number in lesions["lesion_id"]} <= shown


def test_page_names_what_ran(finished):
    text = (finished / "sub-01.html").read_text("utf-8")
    assert "registered rigidly to the FLAIR" in text
    assert "Components of voxels with a probability of 0.5 or more" in text
    assert "N4ITK" in text
    assert "Research use only" in text
    without = (finished / "sub-B.html").read_text("utf-8")
    assert "are lesion" not in without
    assert "Every lesion" not in without


def test_record_says_what_the_visit_was_made_from(finished):
    record = json.loads(record_path(finished, Visit("01", "1", {})).read_text("utf-8"))
    assert record["subject"] == "01"
    assert np.array(record["transforms"]["T1w"]).shape == (4, 4)
    value = record["visits"][0]["lesion_volume_ml"]
    frame = pd.read_csv(finished / "visits.csv", dtype=str)
    assert frame["lesion_volume_ml"][0] == format_value(value)


def test_volumes_of_the_viewer_lie_where_the_maps_do(finished, plain):
    volumes = read_volumes(record_path(finished, Visit("01", "1", {})))
    assert list(volumes) == ["FLAIR", "T1w", "anatomy", "lesions"]
    image = nib.Nifti1Image.from_bytes(gzip.decompress(volumes["lesions"]))
    shift = np.linalg.inv(plain.affine) @ image.affine
    start = np.rint(shift[:3, 3]).astype(int)
    box = tuple(slice(a, a + n) for a, n in zip(start, image.shape, strict=True))
    assert np.allclose(shift[:3, :3], np.eye(3))
    assert np.array_equal(np.asanyarray(image.dataobj), plain.lesion_labels[box])
    without = read_volumes(record_path(finished, Visit("B", "", {})))
    assert list(without) == ["FLAIR", "T1w", "anatomy"]


def test_clearing_a_visit_leaves_the_others(finished, tmp_path):
    output = tmp_path / "copy"
    shutil.copytree(finished, output)
    visit = Visit("01", "1", {})
    mine = output / "sub-01/ses-1/anat/rater_note.txt"
    mine.write_text("mine")
    clear_visit(output, visit)
    assert not record_path(output, visit).exists()
    assert not part_path(output, visit).exists()
    assert read_volumes(record_path(output, visit)) == {}
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]
    assert record_path(output, Visit("01", "2", {})).exists()
    assert any((output / "sub-01/ses-2/anat").iterdir())
    clear_visit(output, visit)  # nothing left to clear is no error
