"""A lower threshold never gives a smaller mask, whatever the probability, anatomy and FLAIR."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage as ndi

import mslesion as ms
from mslesion.imaging.grid import spacing_mm
from mslesion.schema import structures as s
from mslesion.segmentation.lesions.instances import find_lesions
from mslesion.segmentation.lesions.network import LesionNetwork
from mslesion.segmentation.lesions.threshold import (
    CORNERS,
    GROWTH_TISSUE,
    MAX_THRESHOLD,
    MIN_THRESHOLD,
    threshold_lesions,
)

THRESHOLDS = (MIN_THRESHOLD, 0.1, 0.3, 0.49, 0.5, 0.51, 0.7, 0.9, MAX_THRESHOLD)
SHAPE = (20, 20, 20)
DATA = Path(__file__).parents[3] / "shared/data"


def smooth_noise(rng, sigma):
    """Values that are spread evenly over 0 to 1, in blobs."""
    noise = ndi.gaussian_filter(rng.normal(size=SHAPE), sigma)
    return np.argsort(np.argsort(noise.ravel())).reshape(SHAPE) / (noise.size - 1)


def random_visit(seed):
    """A probability that shares blobs with the FLAIR, over tissue and fluid in patches."""
    rng = np.random.default_rng(seed)
    field = smooth_noise(rng, rng.uniform(0.5, 2))
    probability = (field ** rng.uniform(1, 4)).astype(np.float32)
    patches = smooth_noise(rng, rng.uniform(0.7, 3))
    kinds = (0, s.WHITE_MATTER, s.CORTEX, s.LATERAL_VENTRICLES, s.CHOROID_PLEXUS)
    cuts = np.sort(rng.uniform(0, 1, len(kinds) - 1))
    anatomy = np.array(kinds, np.uint8)[np.searchsorted(cuts, patches)]
    flair = (1 + field + 0.5 * smooth_noise(rng, 1)).astype(np.float32)
    return probability, anatomy, flair


def rule_at_one_half(probability, anatomy, flair):
    """The rule at the default threshold, written down on its own."""

    def touching(seeds, allowed):
        components, _ = ndi.label(allowed, CORNERS)
        return np.isin(components, np.setdiff1d(components[seeds], 0))

    mask = (probability >= 0.5) & (anatomy > 0)
    mask = touching(mask & (probability >= 0.8), mask)
    normal = (anatomy == s.WHITE_MATTER) & (probability <= 0.1) & (flair > 0)
    if mask.any() and normal.any():
        low = float(np.median(flair[normal]))
        edge = low + 0.6 * (float(np.median(flair[mask])) - low)
        bright = ndi.gaussian_filter(flair, [0.7, 0.7, 0.7]) > max(edge, low)
        bright &= np.isin(anatomy, GROWTH_TISSUE) & (probability > 0.1)
        mask = touching(mask, mask | bright)
    components, count = ndi.label(mask, CORNERS)
    removed = np.zeros_like(mask)
    for number in range(1, count + 1):
        own = components == number
        if 2 * np.isin(anatomy[own], s.indices(s.FLUID)).sum() > own.sum():
            removed |= own
    return mask & ~removed, removed


@pytest.mark.parametrize("seed", range(60))
def test_masks_are_nested(seed):
    probability, anatomy, flair = random_visit(seed)
    flair = None if seed % 6 == 0 else flair
    found = [
        threshold_lesions(probability, anatomy=anatomy, flair=flair, threshold=threshold)
        for threshold in THRESHOLDS
    ]
    for one in found:
        assert not (one.mask & one.removed).any()
        assert not one.mask[anatomy == 0].any()
    for lower, higher in pairwise(found):
        assert not (higher.mask & ~lower.mask).any()
    if flair is not None:
        mask, removed = rule_at_one_half(probability, anatomy, flair)
        default = threshold_lesions(probability, anatomy=anatomy, flair=flair)
        assert np.array_equal(default.mask, mask)
        assert np.array_equal(default.removed, removed)
        assert default.removed_count == ndi.label(removed, CORNERS)[1]


def test_the_random_fields_reach_every_rule():
    """Growth, removal, and joining of what was removed with what was kept all occur."""
    grown = removed = joined = 0
    for seed in range(60):
        probability, anatomy, flair = random_visit(seed)
        plain = threshold_lesions(probability, anatomy=anatomy)
        found = threshold_lesions(probability, anatomy=anatomy, flair=flair)
        grown += (found.mask & ~plain.mask).any()
        removed += found.removed_count > 0
        low = threshold_lesions(probability, anatomy=anatomy, flair=flair, threshold=0.1)
        components, _ = ndi.label(low.mask | low.removed, CORNERS)
        joined += bool(set(components[found.mask]) & set(components[found.removed]))
    assert min(grown, removed, joined) >= 10


@pytest.mark.parametrize("min_size", ["clinical3mm", "msseg", "pennsive_cc"])
def test_masks_are_nested_after_the_size_filter(min_size):
    affine = np.diag([1.0, 1.2, 0.9, 1.0])
    for seed in range(5):
        probability, anatomy, flair = random_visit(seed)
        masks = []
        for threshold in THRESHOLDS:
            cut = threshold_lesions(
                probability, anatomy=anatomy, flair=flair, threshold=threshold,
                spacing_mm=spacing_mm(affine),
            )  # fmt: skip
            masks.append(find_lesions(cut.mask, affine, min_size=min_size).mask)
        for lower, higher in pairwise(masks):
            assert not (higher & ~lower).any()


def row_of(values, kinds):
    """A row of voxels with these probabilities, in these structures."""
    shape = (len(values), 1, 1)
    return {
        "probability": np.array(values).reshape(shape),
        "anatomy": np.array(kinds, np.uint8).reshape(shape),
    }


FLUID, WHITE = s.LATERAL_VENTRICLES, s.WHITE_MATTER


@pytest.mark.parametrize(
    ("values", "kinds", "threshold", "expected", "removed_count"),
    [
        # A lesion keeps the half that lies in fluid when a lower threshold adds more fluid;
        # the added fluid stays out
        ([0.3, 0.6, 0.9], [FLUID, FLUID, WHITE], 0.2, [0, 1, 1], 0),
        # Kept whole at 0.5, so its sure part in fluid is kept at 0.7 too
        ([0.6, 0.6, 0.95, 0.95], [WHITE, WHITE, FLUID, FLUID], 0.7, [0, 0, 1, 1], 0),
        # Mostly in fluid at 0.5: out at 0.7, although what is left there is tissue
        ([0.6, 0.6, 0.95], [FLUID, FLUID, WHITE], 0.7, [0, 0, 0], 1),
        # and out at 0.2, although it joins a lesion there, and more tissue
        ([0.9, 0.9, 0.6, 0.3, 0.9], [FLUID, FLUID, WHITE, WHITE, WHITE], 0.2, [0, 0, 0, 1, 1], 0),
        # New at 0.2: the core must lie in tissue
        ([0.3, 0.6], [FLUID, WHITE], 0.2, [0, 1], 0),
        ([0.6, 0.3], [FLUID, WHITE], 0.2, [0, 0], 1),
    ],
)  # fmt: skip
def test_fluid_at_other_thresholds(values, kinds, threshold, expected, removed_count):
    given = row_of(values, kinds)
    found = threshold_lesions(**given, threshold=threshold)
    assert found.mask.ravel().astype(int).tolist() == expected
    assert found.removed_count == removed_count


def test_how_bright_a_lesion_is_does_not_depend_on_the_threshold():
    """At 0.2 a dim lesion joins; the border of the bright one stays at 1.6, not lower."""
    flair = np.ones((30, 12, 12), np.float32)
    flair[2:6], flair[6:10], flair[16:28] = 2.0, 1.5, 1.2
    probability = np.zeros(flair.shape)
    probability[2:6], probability[6:10], probability[16:28] = 0.95, 0.15, 0.6
    anatomy = np.full(flair.shape, WHITE, np.uint8)
    found = threshold_lesions(probability, anatomy=anatomy, flair=flair, threshold=0.2).mask
    # White matter 1, lesions 2: the border is 1.6. The smoothed step from 2 to 1.5 is at 1.62 in
    # the first voxel. With the median of both lesions, 1.2, all of 1.5 would be bright.
    assert np.flatnonzero(found[:, 6, 6]).tolist() == [*range(2, 7), *range(16, 28)]


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="needs the developers' scans")
@pytest.mark.parametrize(
    ("data", "patient"), [("crosssectional", "P14"), ("longitudinal", "LJL01")]
)
def test_masks_of_real_scans_are_nested(data, patient):
    """Through the whole visit, on thin and on thick slices; the network runs once."""
    visit = ms.find_visits(DATA / data, participants=(patient,))[0]
    network = _Remembered()
    masks = []
    for threshold in (0.2, 0.5, 0.8):
        settings = ms.Settings(lesion_threshold=threshold)
        result = ms.process_visit(visit.scans, settings=settings, lesion_network=network)
        masks.append(result.lesion_labels > 0)
    for lower, higher in pairwise(masks):
        assert not (higher & ~lower).any()
        assert lower.sum() > higher.sum() > 0


class _Remembered(LesionNetwork):
    """The packaged network, run once."""

    def probability(self, scans, *, anatomy, affine):
        if "found" not in self.__dict__:
            self.__dict__["found"] = super().probability(scans, anatomy=anatomy, affine=affine)
        return self.__dict__["found"]
