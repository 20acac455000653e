"""Signs that a load is not of multiple sclerosis, on bodies of known size."""

import numpy as np
import pytest

from mslesion.io.nifti import load_mask
from mslesion.measures.unlike_ms import MASS_DEPTH_MM, signs_unlike_ms
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

SHAPE = (80, 44, 44)
WHERE = np.indices(SHAPE)
MIDDLE = Midplane(np.array([1.0, 0.0, 0.0]), 39.5)
ONE_MM = np.eye(4)


def ball(radius, centre=(20, 22, 22)):
    return sum((w - c) ** 2 for w, c in zip(WHERE, centre, strict=True)) <= radius**2


def test_a_mass_is_thick_in_every_direction():
    assert signs_unlike_ms(ball(15), ONE_MM) == ["a mass 30 mm thick"]
    sheet = np.zeros(SHAPE, bool)
    sheet[10:70, 2:42, 20:30] = True  # 24 ml
    assert signs_unlike_ms(sheet, ONE_MM) == []
    assert signs_unlike_ms(np.zeros(SHAPE, bool), ONE_MM) == []


def test_the_thickness_is_in_millimetres():
    """The middle of seven slices is four slices away from what is no lesion."""
    bar = np.zeros((60, 60, 15), bool)
    bar[:, :, 4:11] = True
    for spacing, signs in ((3.5, []), (3.6, ["a mass 29 mm thick"])):
        assert signs_unlike_ms(bar, np.diag([1, 1, spacing, 1])) == signs
    assert MASS_DEPTH_MM == 4 * 3.5  # on the threshold


@pytest.mark.parametrize(
    ("radius", "level", "signs"),
    [(6, 0.5, ["a dark core of 0.9 ml"]), (4, 0.5, []), (6, 0.8, [])],
    ids=["core", "0.3 ml", "as bright as the threshold"],
)
@pytest.mark.parametrize("is_hole", [True, False], ids=["hole of the mask", "in the mask"])
def test_a_dark_core(radius, level, signs, is_hole):
    core = ball(radius)
    flair = np.where(core, level, 1.6)
    mask = ball(12) & ~core if is_hole else ball(12)
    assert signs_unlike_ms(mask, ONE_MM, relative_flair=flair) == signs
    assert signs_unlike_ms(mask, ONE_MM) == []


def test_dark_tissue_at_the_border_is_no_core():
    flair = np.where(WHERE[0] < 20, 0.5, 1.6)
    thin = ball(12) & (abs(WHERE[2] - 22) <= 3)  # 4 mm deep at most in its very middle
    assert signs_unlike_ms(thin, ONE_MM, relative_flair=flair) == []


@pytest.mark.parametrize(
    ("left", "right", "signs"),
    [
        (20_000, 0, ["100 % of the load on one side"]),
        (19_999, 0, []),
        (19_000, 1_000, []),  # 95 %, on the threshold
        (19_001, 999, ["95 % of the load on one side"]),
        (999, 19_001, ["95 % of the load on one side"]),
    ],
)
def test_one_side(left, right, signs):
    """Sheets of 10 mm, 40 by 50 mm on each side at most."""
    mask = np.zeros((80, 60, 40), bool)
    for count, half in ((left, mask[:36, :, 15:25]), (right, mask[44:, :, 15:25])):
        voxels = np.argwhere(np.ones(half.shape, bool))[:count]
        half[tuple(voxels.T)] = True
    assert signs_unlike_ms(mask, ONE_MM, midplane=MIDDLE) == signs
    assert signs_unlike_ms(mask, ONE_MM) == []


def test_one_lesion_from_cortex_to_deep_nuclei():
    sheet = np.zeros(SHAPE, bool)
    sheet[10:70, 2:42, 20:30] = True
    anatomy = np.full(SHAPE, s.WHITE_MATTER, np.uint8)
    anatomy[10:20, 2:42] = s.CORTEX  # 4 ml
    anatomy[60, 2:42] = s.THALAMUS  # 0.4 ml
    assert signs_unlike_ms(sheet, ONE_MM, anatomy=anatomy) == []
    anatomy[61:63, 2:42] = s.BASAL_GANGLIA  # 1.2 ml together
    signs = ["one lesion in both cortex and deep grey matter"]
    assert signs_unlike_ms(sheet, ONE_MM, anatomy=anatomy) == signs
    sheet[40] = False  # two lesions
    assert signs_unlike_ms(sheet, ONE_MM, anatomy=anatomy) == []


@pytest.mark.slow
def test_masks_of_patients_have_no_sign(shared_data):
    """29 whole patients of 0.3 to 52 ml, and six visits."""
    found = np.load(shared_data / "lesion_patterns/lesion_patterns_29patients_MNI_1mm.npz")
    shape, middle = tuple(found["grid"]), Midplane(np.array([1.0, 0.0, 0.0]), 0.0)
    for bits, patient in zip(found["bits"], found["patient"], strict=True):
        mask = np.unpackbits(bits)[: np.prod(shape)].reshape(shape).astype(bool)
        assert signs_unlike_ms(mask, found["affine"], midplane=middle) == [], patient
    paths = sorted(
        (shared_data / "crosssectional/derivatives/manual").glob("sub-*/*/anat/*.nii.gz")
    )
    assert len(paths) == 6
    for path in paths:
        mask, affine = load_mask(path)
        assert signs_unlike_ms(mask, affine, midplane=middle) == [], path
