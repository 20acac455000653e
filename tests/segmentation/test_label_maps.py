"""Label maps of other tools: every declared label, what is recognised, and every error."""

import numpy as np
import pytest
from nibabel.affines import from_matvec

from mslesion.errors import MaskError, SettingsError
from mslesion.imaging.resampling import Grid
from mslesion.schema import structures as s
from mslesion.schema.label_schemes import DLMUSE, FREESURFER, LABEL_SCHEMES, OWN
from mslesion.segmentation.anatomy.label_maps import (
    fill_sulci,
    reaches_skull,
    recognise_scheme,
    to_structures,
)
from mslesion.segmentation.anatomy.maps import brain_mask, to_scan_grid

ASEG = (
    0, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 30, 31,
    41, 42, 43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60, 62, 63, 77, 85, 251,
    252, 253, 254, 255,
)  # fmt: skip
SYNTHSEG = (
    0, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 41,
    42, 43, 44, 46, 47, 49, 50, 51, 52, 53, 54, 58, 60,
)  # fmt: skip
DKT = (*(n for n in SYNTHSEG if n not in (3, 42)), 31, 63, 77, 1002, 1035, 2002, 2035)
"""As FastSurfer's aparc.DKTatlas+aseg has them: the cortex in parcels."""
WMPARC = (*(n for n in ASEG if n not in (2, 3, 41, 42)), 1001, 2001, 3001, 4035, 5001, 5002)
MUSE = tuple(n for group in DLMUSE.groups for n in group.numbers)


def a_map(numbers):
    """A map with one voxel of each label."""
    return np.array(numbers)[:, None, None]


@pytest.mark.parametrize("scheme", LABEL_SCHEMES.values(), ids=lambda one: one.name)
def test_schemes_are_whole(scheme):
    numbers = [number for group in scheme.groups for number in group.numbers]
    assert len(set(numbers)) == len(numbers)
    assert scheme.expected <= set(numbers)
    for group in scheme.groups:
        assert group.meaning
        assert 0 <= group.structure <= len(s.STRUCTURES)
        assert group.structure or group.reason or scheme is OWN, group
    reached = set(scheme.structures.values())
    missing = set(range(1, 15)) - reached
    assert missing == ({s.CHOROID_PLEXUS} if scheme is DLMUSE else set())


@pytest.mark.parametrize(
    ("label", "structure"),
    [
        (2, s.WHITE_MATTER), (42, s.CORTEX), (1000, s.CORTEX), (2035, s.CORTEX),
        (1004, s.WHITE_MATTER), (11100, s.CORTEX), (12175, s.CORTEX), (3035, s.WHITE_MATTER),
        (77, s.WHITE_MATTER), (99, s.WHITE_MATTER), (25, s.WHITE_MATTER), (80, s.WHITE_MATTER),
        (253, s.WHITE_MATTER), (24, s.EXTRA_AXIAL_CSF), (30, s.EXTRA_AXIAL_CSF),
        (44, s.LATERAL_VENTRICLES), (72, s.LATERAL_VENTRICLES), (63, s.CHOROID_PLEXUS),
        (14, s.THIRD_VENTRICLE), (15, s.FOURTH_VENTRICLE), (49, s.THALAMUS),
        (26, s.BASAL_GANGLIA), (54, s.HIPPOCAMPUS_AMYGDALA), (60, s.VENTRAL_DIENCEPHALON),
        (16, s.BRAINSTEM), (47, s.CEREBELLAR_GREY), (7, s.CEREBELLAR_WHITE), (85, 0), (258, 0),
    ],
)  # fmt: skip
def test_freesurfer(label, structure):
    assert FREESURFER.structures[label] == structure


@pytest.mark.parametrize("label", [1, 6, 9, 19, 1036, 11176, 502])
def test_freesurfer_does_not_have(label):
    assert label not in FREESURFER.structures


@pytest.mark.parametrize(
    ("label", "structure"),
    [
        (1, s.EXTRA_AXIAL_CSF), (46, s.EXTRA_AXIAL_CSF), (4, s.THIRD_VENTRICLE),
        (11, s.FOURTH_VENTRICLE), (52, s.LATERAL_VENTRICLES), (59, s.THALAMUS),
        (23, s.BASAL_GANGLIA), (76, s.VENTRAL_DIENCEPHALON), (32, s.HIPPOCAMPUS_AMYGDALA),
        (35, s.BRAINSTEM), (72, s.CEREBELLAR_GREY), (41, s.CEREBELLAR_WHITE),
        (81, s.WHITE_MATTER), (95, s.WHITE_MATTER), (100, s.CORTEX), (207, s.CORTEX), (69, 0),
    ],
)  # fmt: skip
def test_dlmuse(label, structure):
    assert DLMUSE.structures[label] == structure


def test_dlmuse_has_the_labels_of_its_list():
    # 145 single regions of MUSE's list of 2024 with 1 (CSF), 46 and 69, and the background
    assert len(MUSE) == 1 + 148


@pytest.mark.parametrize(
    ("numbers", "scheme"),
    [(ASEG, "freesurfer"), (SYNTHSEG, "freesurfer"), (DKT, "freesurfer"), (WMPARC, "freesurfer"),
     ((*ASEG, 99, 165, 258, 259), "freesurfer"), (MUSE, "dlmuse")],
    ids=["aseg", "SynthSeg", "FastSurfer", "wmparc", "SAMSEG", "DLMUSE"],
)  # fmt: skip
def test_recognised_by_all_labels(numbers, scheme):
    assert recognise_scheme(a_map(numbers)) == scheme
    expected = [LABEL_SCHEMES[scheme].structures[number] for number in numbers]
    assert to_structures(a_map(numbers)).ravel().tolist() == expected


@pytest.mark.parametrize(
    "numbers",
    [(0, 1, 2, 3), range(15), (0, *range(1, 49)), (0, 2, 3, 4), (0, 1), (0,),
     [n for n in SYNTHSEG if n < 41]],
    ids=["tissues", "ours", "another atlas", "few", "mask", "empty", "one hemisphere"],
)  # fmt: skip
def test_not_recognised(numbers):
    with pytest.raises(
        MaskError,
        match=r"^a\.nii has labels that fit none of the known schemes "
        r"\((label .+|all are 0)\), but the scheme is recognised only where all labels fit one\. "
        r"Name the scheme with anatomy_labels: freesurfer \(FreeSurfer .+ "
        r"or dlmuse \(.+ or mslesion \(.+; or give a mapping\.$",
    ):
        to_structures(a_map(list(numbers)), name="a.nii")


def test_one_label_more_is_not_passed_over():
    labels = np.append(ASEG, [502, 502])[:, None, None]
    with pytest.raises(
        MaskError,
        match=r"^The label map has the labels of freesurfer, but also label 502 in 2 voxels, but",
    ):
        to_structures(labels)


def test_unknown_labels_are_named_the_largest_first():
    labels = a_map([0, 10, 19, 500, 500, 600, 601, 602, 603])
    with pytest.raises(
        MaskError,
        match=r"^The label map has label 500 in 2 voxels, label 19 in 1 voxel, label 600 in 1 "
        r"voxel, label 601 in 1 voxel, label 602 in 1 voxel and 1 more labels, but the scheme "
        r"freesurfer has no such label\. Name the scheme of the map, or give a mapping",
    ):
        to_structures(labels, "freesurfer")
    with pytest.raises(MaskError, match=r"has label -1 in 1 voxel, but the scheme mslesion has no"):
        to_structures(a_map([0, -1, 3]), "mslesion")


def test_our_own_numbers_stay():
    labels = a_map(range(15))
    assert np.array_equal(to_structures(labels, "mslesion"), labels)


def test_a_mapping_of_ones_own():
    mapping = {7: "thalamus", 9: 12, 3: "background", np.int16(4): 0}
    found = to_structures(a_map([0, 3, 4, 7, 9]), mapping)
    assert found.ravel().tolist() == [0, 0, 0, s.THALAMUS, s.BRAINSTEM]
    assert found.dtype == np.uint8
    assert to_structures(a_map([0, 1]), {0: "cortical grey matter", 1: 1}).ravel()[0] == s.CORTEX
    with pytest.raises(MaskError, match=r"has label 8 in 1 voxel, but the given mapping has no"):
        to_structures(a_map([7, 8]), mapping)


@pytest.mark.parametrize("structure", ["Thalamus", 15, -1, None, 2.5])
def test_mappings_to_no_structure(structure):
    with pytest.raises(
        SettingsError, match=r"gives label 7 the structure .+, but it can be background, extra-axia"
    ):
        to_structures(a_map([7]), {7: structure})


def test_unknown_scheme():
    with pytest.raises(
        SettingsError, match=r"is 'aseg', but it can be auto, freesurfer, dlmuse, mslesion\. Choose"
    ):
        to_structures(a_map([2]), "aseg")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((3, 3), int), r"has 2 dimensions, but a label map in 3D is expected"),
        (a_map([0, 0.5]), r"has values that are not whole numbers, but a label map is expected"),
        (a_map([0, np.nan]), r"has values that are not whole numbers"),
        (a_map([0, 1e12]), r"has values beyond 2147483647, but labels are smaller"),
        (a_map([0, np.inf]), r"has values beyond 2147483647"),
        (a_map([0, 85]), r"has no voxel with a structure, but an anatomy map is expected"),
        (np.zeros((0, 0, 0), int), r"has no voxel with a structure"),
    ],
)
def test_no_label_map(labels, message):
    with pytest.raises(MaskError, match=message):
        to_structures(labels, "freesurfer")


def test_whole_floats_are_labels():
    assert to_structures(a_map([0.0, 10.0]), "freesurfer").ravel().tolist() == [0, s.THALAMUS]


@pytest.mark.parametrize(("csf", "reaches"), [(29, False), (30, True), (0, False)])
def test_three_percent_of_csf_reach_the_skull(csf, reaches):
    labels = np.repeat([s.WHITE_MATTER, s.EXTRA_AXIAL_CSF, s.LATERAL_VENTRICLES], [1000, csf, 50])
    assert reaches_skull(labels[:, None, None]) is reaches


def test_a_narrow_sulcus_is_filled_and_a_wide_one_is_not():
    labels = np.zeros((60, 60, 40), np.uint8)
    labels[10:50, 10:50, 10:30] = s.CORTEX
    labels[20:24, 10:50, 20:30] = 0  # 4 mm wide
    labels[30:42, 10:50, 20:30] = 0  # 12 mm wide
    filled = fill_sulci(labels, np.eye(4))
    assert (filled[20:24, 20:40, 20:28] == s.EXTRA_AXIAL_CSF).all()
    assert not filled[35:37, 20:40, 28:].any()
    assert np.array_equal(filled[labels > 0], labels[labels > 0])
    # The brain mask of the filled map is what it would be, were the CSF named in full
    whole = labels.copy()
    whole[5:55, 5:55, 5:35][labels[5:55, 5:55, 5:35] == 0] = s.EXTRA_AXIAL_CSF
    assert np.array_equal(brain_mask(filled, np.eye(4)), brain_mask(whole, np.eye(4)))


def test_a_map_without_background_ends_where_it_ends():
    grid = Grid((8, 8, 8), np.eye(4))
    labels = np.full((4, 4, 4), s.WHITE_MATTER, np.uint8)
    placed = to_scan_grid(labels, np.eye(4), to=grid)
    assert np.array_equal(placed[:4, :4, :4], labels)
    assert np.count_nonzero(placed) == 64


def test_a_map_moves_with_its_scan():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[2:5, 2:5, 2:5] = s.THALAMUS
    shift = from_matvec(np.eye(3), [2, 0, 0])  # 2 mm to the right in the map's world
    placed = to_scan_grid(labels, np.eye(4), to=Grid((8, 8, 8), np.eye(4)), transform=shift)
    assert np.array_equal(placed[0:3], labels[2:5])
    assert np.array_equal(placed[3:6], np.zeros_like(placed[3:6]))
