"""Maps as BIDS derivatives: names, numbers, sidecars, and no lesion at all."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import phantoms
import pytest

from mslesion.io.derivatives import (
    MapsOfVisit,
    write_dataset,
    write_maps,
    write_people,
)
from mslesion.io.nifti import load_scan
from mslesion.schema import LESIONS, as_table
from mslesion.schema.locations import LOCATION_NUMBERS
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.anatomy.maps import brain_mask

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (40, 34, 32)


@pytest.fixture
def scan(tmp_path):
    """A scan stored from left to right reversed."""
    data, affine = phantoms.reoriented(phantoms.scan_data(SHAPE), AFFINE, "LAS")
    return load_scan(phantoms.write_nifti(tmp_path / "in.nii.gz", data, affine))


def write(folder, scan, labels, places, *, probability=None, maker="mslesion"):
    rows = [
        {"participant_id": "1", "lesion_id": n, "location": place, "volume_mm3": 8.0}
        for n, place in enumerate(places, start=1)
    ]
    anatomy = np.full(SHAPE, 3, np.uint8)
    anatomy[0] = 0
    maps = MapsOfVisit(
        scan=scan,
        anatomy=anatomy,
        anatomy_source="given: dlmuse",
        brain=brain_mask(anatomy, scan.affine),
        lesion_labels=labels,
        lesions=as_table(rows, LESIONS),
        probability=probability,
        made_by={"Segmenter": maker, "SegmenterVersion": "1"},
    )
    source = "bids:raw:sub-1/anat/sub-1_FLAIR.nii.gz"
    return write_maps(folder, maps, name="sub-1", sources=[source])


def two_lesions():
    labels = np.zeros(SHAPE, np.int32)
    labels[5, 5, 5] = 1
    labels[8, 8, 8] = 2
    return labels


def stored(folder, ending):
    return nib.load(folder / f"sub-1_space-orig_{ending}.nii.gz")


def test_maps_go_back_to_the_axes_of_the_file(tmp_path, scan):
    written = write(tmp_path, scan, two_lesions(), ["deep_white", "infratentorial"])
    assert len(written) == 5
    for path in written:
        image = nib.load(path)
        assert image.shape == SHAPE
        assert np.allclose(image.affine, scan.stored_affine)
        assert nib.aff2axcodes(image.affine) == ("L", "A", "S")
    lesions = np.asanyarray(stored(tmp_path, "seg-lesions_dseg").dataobj)
    assert lesions[SHAPE[0] - 1 - 5, 5, 5] == 1
    location = np.asanyarray(stored(tmp_path, "seg-mslocation_dseg").dataobj)
    assert location[SHAPE[0] - 1 - 5, 5, 5] == LOCATION_NUMBERS["deep_white"]
    assert location[SHAPE[0] - 1 - 8, 8, 8] == LOCATION_NUMBERS["infratentorial"]
    assert np.count_nonzero(location) == 2


def test_location_that_is_not_assessable_is_zero(tmp_path, scan):
    write(tmp_path, scan, two_lesions(), ["deep_white", None])
    location = np.asanyarray(stored(tmp_path, "seg-mslocation_dseg").dataobj)
    assert np.count_nonzero(location) == 1


def test_no_lesions_are_empty_maps(tmp_path, scan):
    write(tmp_path, scan, np.zeros(SHAPE, np.int32), [], probability=np.zeros(SHAPE))
    for ending in ("label-L_mask", "label-L_probseg", "seg-lesions_dseg", "seg-mslocation_dseg"):
        assert not np.asanyarray(stored(tmp_path, ending).dataobj).any()
    table = pd.read_csv(tmp_path / "sub-1_space-orig_seg-lesions_dseg.tsv", sep="\t")
    assert len(table) == 0
    assert list(table.columns)[:3] == ["index", "name", "lesion_id"]


def test_lesions_that_are_not_assessable_are_not_written(tmp_path, scan):
    written = write(tmp_path, scan, None, [])
    assert [path.name for path in written] == [
        "sub-1_space-orig_desc-brain_mask.nii.gz", "sub-1_space-orig_seg-anatomy_dseg.nii.gz",
    ]  # fmt: skip
    assert not list(tmp_path.glob("*label-L*"))


@pytest.mark.parametrize(
    ("maker", "manual"), [("mslesion", False), ("other network", False), ("BIDS mask", True)]
)
def test_sidecars_say_where_a_map_comes_from(tmp_path, scan, maker, manual):
    probability = None if manual else np.zeros(SHAPE, np.float32)
    places = ["deep_white"] * 2
    write(tmp_path, scan, two_lesions(), places, probability=probability, maker=maker)
    content = json.loads((tmp_path / "sub-1_space-orig_label-L_mask.json").read_text("utf-8"))
    assert content["Sources"] == ["bids:raw:sub-1/anat/sub-1_FLAIR.nii.gz"]
    assert (content["Type"], content["Manual"], content["Segmenter"]) == ("Lesion", manual, maker)
    assert content["SpatialReference"] == "orig"
    lesions = json.loads((tmp_path / "sub-1_space-orig_seg-lesions_dseg.json").read_text("utf-8"))
    assert lesions["volume_mm3"]["Units"] == "mm^3"
    about = json.loads((tmp_path / "sub-1_space-orig_seg-anatomy_dseg.json").read_text("utf-8"))
    assert (about["AnatomySource"], about["Manual"]) == ("given: dlmuse", False)


def test_lookup_tables(tmp_path, scan):
    write(tmp_path, scan, two_lesions(), ["deep_white"] * 2)
    anatomy = pd.read_csv(tmp_path / "sub-1_space-orig_seg-anatomy_dseg.tsv", sep="\t")
    assert dict(zip(anatomy["index"], anatomy["name"], strict=True)) == {0: "background"} | {
        part.number: part.name for part in STRUCTURES
    }
    places = pd.read_csv(tmp_path / "sub-1_space-orig_seg-mslocation_dseg.tsv", sep="\t")
    assert dict(zip(places["name"], places["index"], strict=True)) == {
        "no lesion": 0, **LOCATION_NUMBERS
    }  # fmt: skip


def test_the_same_bits_every_time(tmp_path, scan):
    once, twice = tmp_path / "1", tmp_path / "2"
    for folder in (once, twice):
        write(folder, scan, two_lesions(), ["deep_white"] * 2, probability=np.ones(SHAPE) / 3)
    for path in once.iterdir():
        assert path.read_bytes() == (twice / path.name).read_bytes()


def test_dataset_files(tmp_path):
    write_dataset(tmp_path, version="1.0", raw="/data/in")
    write_people(tmp_path, ["B", "A"])
    content = json.loads((tmp_path / "dataset_description.json").read_text("utf-8"))
    assert content["DatasetType"] == "derivative"
    assert content["GeneratedBy"] == [{"Name": "mslesion", "Version": "1.0"}]
    assert content["DatasetLinks"] == {"raw": "/data/in"}
    people = (tmp_path / "participants.tsv").read_text().split()
    assert people == ["participant_id", "sub-A", "sub-B"]
    ignored = (tmp_path / ".bidsignore").read_text().split()
    assert {"*.html", "/*.csv", "/visits.json"} <= set(ignored)
