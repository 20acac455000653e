"""What the generator draws: labels that fit together, the same for a seed."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training needs torch")
SHAPE = (40, 48, 32)
FLUID = (1, 4, 6, 7)
"""Extra-axial CSF and the ventricles."""


@pytest.fixture(scope="module")
def cases(generator):
    """Cases of one seed, more than one of them with lesions."""
    torch.manual_seed(3)
    drawn = [generator.case(SHAPE) for _ in range(16)]
    assert sum(bool(lesion.any()) for _, _, lesion, _ in drawn) > 1
    return drawn


def test_lesions_lie_in_the_brain(cases):
    for _, structure, lesion, _ in cases:
        inside = structure[lesion]
        assert (inside > 1).all()
        assert not torch.isin(inside, torch.tensor(FLUID)).any()


def test_labels_and_scans(cases, scripts):
    known = {tissue.structure for tissue in scripts.tissues.TISSUES}
    for scans, structure, lesion, weight in cases:
        assert scans.shape == (3, *SHAPE)
        assert structure.shape == lesion.shape == SHAPE
        assert set(structure.unique().tolist()) <= known
        assert torch.isfinite(scans).all()
        assert scans.min() >= 0
        assert scans.max() <= 2 * np.exp(0.2)  # cut off at 2, then any gain up to e^0.2
        assert weight in (0, 1)
        assert bool(scans[0].any()) or weight == 0  # no FLAIR, nothing to learn of lesions


def test_one_seed_one_case(generator):
    twice = []
    for seed in (7, 7, 8):
        torch.manual_seed(seed)
        twice.append(generator.case(SHAPE))
    same = [torch.equal(a, b) for a, b in zip(twice[0][:3], twice[1][:3], strict=True)]
    assert all(same)
    assert not torch.equal(twice[0][0], twice[2][0])


@pytest.mark.slow
def test_cases_of_lesions(generator, patients, scripts):
    torch.manual_seed(5)
    for images, brain, lesion, *_ in (generator.lesion_case(SHAPE), patients.lesion_case(SHAPE)):
        assert not (lesion & ~brain).any()
        assert not images[:, ~brain].any()
        assert images.max() <= scripts.fields.TOP_VALUE
        assert images[0].any()  # a FLAIR is always there


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 1, 4), (6, 1, 1), (1.6, 2.2, 5)])
def test_thick_slices_keep_shape_and_level(scripts, spacing):
    image = torch.full((11, 14, 17), 3.0)
    out = scripts.fields.thick_slices(image, spacing)
    assert out.shape == image.shape
    torch.testing.assert_close(out, image)


def test_thick_slices_lose_what_is_thin(scripts):
    """One bright slice of 12, seen in slices of 4 mm.

    The second thick slice (voxels 4 to 7, middle 5.5) holds 4 / 4 = 1, the first (middle
    1.5) nothing; voxel 5 lies 3.5 of the 4 mm from one to the other: 0.875.
    """
    image = torch.zeros(8, 8, 12)
    image[:, :, 5] = 4
    out = scripts.fields.thick_slices(image, (1, 1, 4))
    assert out.max() == pytest.approx(0.875)


@pytest.mark.parametrize("shape", [(9, 12, 15), (16, 16, 16)])
def test_acquisition_keeps_the_shape(scripts, shape):
    torch.manual_seed(0)
    for _ in range(30):
        out = scripts.fields.acquisition(torch.rand(shape), voxel_mm=2.0)
        assert out.shape == shape
        assert torch.isfinite(out).all()
        assert out.min() >= 0


def test_white_matter_comes_to_its_level(scripts):
    torch.manual_seed(0)
    scans = 50 + 100 * torch.rand(3, 9, 9, 9)
    scans[2] = 0  # no T2w
    white = torch.zeros(9, 9, 9, dtype=torch.bool)
    white[2:5, 2:5, 2:5] = True  # 27 voxels: the median is one of them
    out = scripts.fields.white_scale(scans, white)
    flair, t1w, _ = scripts.fields.WHITE_LEVELS
    assert out[0][white].median().item() == pytest.approx(flair, rel=1e-5)
    assert out[1][white].median().item() == pytest.approx(t1w, rel=1e-5)
    assert not out[2].any()


@pytest.mark.slow
def test_tissues_of_a_patient(patients, scripts):
    """White matter with its lesions, grey matter and CSF of the drawn brains are found again."""
    visit = patients.visits[0]
    t1w = visit.scans(lambda _: 0)[1] * 255
    shares = []
    for tissue, level in ((1, 30), (2, 95), (3, 150)):
        drawn = (t1w - level).abs() <= 4
        shares.append((visit.anatomy[drawn & ~visit.lesion] == tissue).float().mean().item())
    assert shares[0] > 0.7  # a thin shell, blurred
    assert shares[1] > 0.7
    assert shares[2] > 0.95
    assert (visit.anatomy[visit.lesion] == 3).all()
