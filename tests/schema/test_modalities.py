"""The table of modalities: names, precedence, and what it is the source of."""

import pytest

from mslesion.imaging.intensity import WHITE_LEVELS
from mslesion.io.names import bids_modality, plain_modality
from mslesion.schema import modalities as m
from mslesion.segmentation.onnx_models import CHANNELS


def test_names_are_bids_labels_and_differ():
    assert all(name.isalnum() for name in m.NAMES)
    assert len(set(m.NAMES)) == len(m.NAMES)
    assert m.SEPARATOR not in "".join(m.NAMES)


def test_uses():
    assert m.REFERENCES == ("FLAIR", "T1w", "T1wGd")
    assert m.COMPARED == ("FLAIR", "T1w")


def test_channels_are_those_of_the_networks():
    assert {one.channel for one in m.MODALITIES if one.channel} == set(CHANNELS)
    assert set(WHITE_LEVELS) == set(CHANNELS)


@pytest.mark.parametrize(
    ("scans", "found"),
    [
        ({"T1w", "T1wGd"}, "T1w"),
        ({"T1wGd", "FLAIR"}, "T1wGd"),
        ({"FLAIR"}, None),
    ],
)
def test_scan_for_a_channel(scans, found):
    assert m.scan_for("T1w", scans) == found


def test_inputs_split_again():
    assert m.SEPARATOR.join(m.NAMES).split(m.SEPARATOR) == list(m.NAMES)
    assert m.in_words("FLAIR;T1wGd") == "FLAIR, T1w after contrast agent"
    assert m.in_words("FLAIR;other") == "FLAIR, other"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("sub-1_ses-2_T1w.nii", "T1w"),
        ("sub-1_ce-gad_run-1_T1w.nii.gz", "T1wGd"),
        ("sub-1_ce-gad_FLAIR.nii.gz", "FLAIR"),
        ("sub-1_ce-gad_T2w.nii.gz", "T2w"),
        ("sub-1_acq-ce_T1w.nii.gz", "T1w"),
        ("sub-1_T1w.json", ""),
        ("sub-1_t1w.nii.gz", ""),
        ("._sub-1_T1w.nii.gz", ""),
        ("sub-1_label-L_mask.nii.gz", ""),
    ],
)
def test_bids_modality(name, found):
    assert bids_modality(name) == found


def test_a_modality_with_an_entity_is_tried_first():
    with_entity = [bool(one.entity) for one in m.BY_PRECEDENCE]
    assert with_entity == sorted(with_entity, reverse=True)
    assert plain_modality("t1_flair_post_gd.nii.gz") == "FLAIR"
