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


WHITE = np.full(SHAPE, s.WHITE_MATTER, np.uint8)


@pytest.mark.parametrize(
    ("radius", "level", "signs"),
    [(6, 0.5, ["a dark core of 0.7 ml"]), (4, 0.5, []), (6, 0.8, [])],
    ids=["core", "as thin as a sulcus", "as bright as the threshold"],
)
def test_a_dark_core(radius, level, signs):
    """Not taken for lesion; without anatomy or FLAIR it is not looked for."""
    core = ball(radius)
    flair = np.where(core, level, np.where(ball(12), 1.6, 1.0))
    mask = ball(12) & ~core
    given = {"anatomy": WHITE, "relative_flair": flair}
    assert signs_unlike_ms(mask, ONE_MM, **given) == signs
    ventricle = np.where(core, s.LATERAL_VENTRICLES, WHITE)
    assert signs_unlike_ms(mask, ONE_MM, **given | {"anatomy": ventricle}) == []
    assert signs_unlike_ms(mask, ONE_MM, relative_flair=flair) == []


def test_dark_tissue_beside_a_lesion_is_no_core():
    """Bright on one side only."""
    core = ball(6)
    flair = np.where(core, 0.5, np.where(ball(12) & (WHERE[0] < 18), 1.6, 1.0))
    mask = ball(12) & (WHERE[0] < 18) & ~core
    assert signs_unlike_ms(mask, ONE_MM, anatomy=WHITE, relative_flair=flair) == []


def test_a_mass_of_which_a_part_is_taken_for_lesion():
    mask = ball(15) & (WHERE[0] < 14)  # 3 ml
    for level, signs in ((1.3, []), (1.31, ["a mass 30 mm thick"])):
        flair = np.where(ball(15), level, 1.0)
        assert signs_unlike_ms(mask, ONE_MM, anatomy=WHITE, relative_flair=flair) == signs


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
