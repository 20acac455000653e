"""The check that compares the delivered lesion mask with the mask where it was made."""

import numpy as np
import pytest
import visit_phantoms as heads

from mslesion.io.dataset import find_visits
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.process import process_visit
from mslesion.segmentation.lesions.protocol import LesionSegmenter
from mslesion.segmentation.lesions.threshold import LesionMask

ALL = {"min_size": "all"}
SLICE = 14
"""A thick slice through white matter; 6 x 6 voxels of it are lesion below."""
BLOCK = np.s_[40:46, 50:56]


@pytest.fixture
def thick(tmp_path, monkeypatch):
    """A visit with voxels of 1 x 1 x 3 mm, and the grid of 1 mm with three voxels in each."""
    one = heads.head((1.0, 1.0, 3.0))
    heads.teach(monkeypatch, one)
    heads.write_bids(tmp_path, one, modalities=("FLAIR",))
    fine = one.affine @ np.diag([1, 1, 1 / 3, 1])
    fine[:3, 3] -= fine[:3, 2]
    (visit,) = find_visits(tmp_path)
    return visit, one, fine


def block(shape, *positions, value=True):
    """A block of 6 x 6 voxels in some slices."""
    out = np.zeros(shape, type(value))
    for position in positions:
        out[(*BLOCK, position)] = value
    return out


def row_of_check(result):
    return result.quality.set_index("check").loc["lesion_resampling_change"]


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        ((-1, 0, 1), 0.0),  # 36 x 3 mm³ fill the slice
        ((0, 1), 100 / 3),  # 72 mm³ become 108
        ((1,), 100.0),  # not in the middle of the slice: nothing is left of 36 mm³
        ((), 0.0),  # no lesion before and after
    ],
)
def test_a_given_mask_that_is_resampled(thick, positions, expected):
    visit, one, fine = thick
    shape = (*one.shape[:2], 3 * one.shape[2])
    mask = block(shape, *(3 * SLICE + 1 + position for position in positions))
    settings = Settings(resample_masks=True, **ALL)
    result = process_visit(visit, lesion_mask=(mask, fine), settings=settings)
    delivered = np.count_nonzero(result.lesion_labels)
    assert delivered == (36 if 0 in positions else 0)
    found = row_of_check(result)
    assert found["value"] == pytest.approx(expected, abs=1e-6)
    assert found["state"] == ("warn" if expected else "pass")


def test_a_given_mask_on_the_grid_of_the_scan_is_stored_as_it_is(thick):
    visit, one, _ = thick
    result = process_visit(visit, lesion_mask=(block(one.shape, SLICE), one.affine))
    assert np.count_nonzero(result.lesion_labels) == 36
    assert row_of_check(result)["value"] == 0


class TwoSlices(LesionSegmenter):
    """Finds 72 mm³ on the 1 mm grid, and cuts them by a plain threshold."""

    name, version, required_modalities = "two slices", "1", ("FLAIR",)

    def probability(self, scans, *, anatomy, affine):
        return block(anatomy.shape, 3 * SLICE + 1, 3 * SLICE + 2, value=0.9)


class NothingOnThickSlices(TwoSlices):
    """Its rules take everything out where voxels are long."""

    def mask(self, probability, *, anatomy, flair, spacing_mm, threshold):
        mask = (probability >= threshold) & (max(spacing_mm) < 2)
        return LesionMask(mask, np.zeros_like(mask), 0)


@pytest.mark.parametrize(
    ("network", "min_size", "expected", "voxels"),
    [
        (TwoSlices(), "all", 100 / 3, 36),  # 72 mm³ become 108
        (NothingOnThickSlices(), "all", 100.0, 0),  # the probability is the same, the mask is not
        (TwoSlices(), "pennsive_cc", 100 / 3, 36),
        (TwoSlices(), "prl", 0.0, 0),  # 72 and 36 voxels are both below 101
    ],
)
def test_a_mask_that_is_found(thick, network, min_size, expected, voxels):
    result = process_visit(thick[0], lesion_network=network, settings=Settings(min_size=min_size))
    assert np.count_nonzero(result.lesion_labels) == voxels
    assert row_of_check(result)["value"] == pytest.approx(expected, abs=1e-6)


def test_a_scan_on_the_grid_of_the_network(plain):
    assert row_of_check(plain)["value"] == 0


def test_no_lesions_no_change(tmp_path, monkeypatch):
    """Without lesions the check is not assessable."""
    heads.teach(monkeypatch, heads.head())
    heads.write_bids(tmp_path, heads.head(), modalities=("T1w",))
    (visit,) = find_visits(tmp_path)
    assert row_of_check(process_visit(visit))["state"] == "not assessable"
