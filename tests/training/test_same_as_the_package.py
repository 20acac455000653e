"""The network is trained on what the package shows it."""

import numpy as np
import pytest

from mslesion.imaging import intensity
from mslesion.schema.structures import STRUCTURES
from mslesion.segmentation.anatomy.network import WINDOW
from mslesion.segmentation.lesions.network import NEIGHBOURS, slices_of
from mslesion.segmentation.onnx_models import CHANNELS

torch = pytest.importorskip("torch", reason="the training needs torch")


def test_constants(scripts):
    assert scripts.network.CHANNELS == CHANNELS
    assert scripts.network.NEIGHBOURS == NEIGHBOURS
    assert len(STRUCTURES) + 1 == scripts.network.STRUCTURE_COUNT
    assert dict(zip(CHANNELS, scripts.fields.WHITE_LEVELS, strict=True)) == (intensity.WHITE_LEVELS)
    assert scripts.fields.TOP_VALUE == intensity.WHITE_TOP_VALUE
    assert scripts.train_structures.SHAPE == WINDOW
    structures = {tissue.structure for tissue in scripts.tissues.TISSUES}
    assert structures == set(range(len(STRUCTURES) + 1))


@pytest.mark.parametrize("view", [0, 1, 2])
def test_slices(scripts, view):
    """First, middle and last slices, on a grid that is no multiple of 16."""
    volumes = np.random.default_rng(view).random((3, 17, 20, 33), np.float32)
    count = volumes.shape[1 + view]
    ours = torch.from_numpy(volumes)
    padded = scripts.views.pad_to_16(ours)
    for indices in (range(3), range(count - 3, count), range(7, 8)):
        theirs = slices_of(volumes, view, indices)
        got = scripts.views.slices_of(padded, view, torch.tensor(list(indices)))
        np.testing.assert_array_equal(got.numpy(), theirs)


@pytest.mark.parametrize("view", [0, 1, 2])
def test_neighbours_of_several_brains(scripts, view):
    volumes = np.random.default_rng(view).random((2, 3, 16, 16, 16), np.float32)
    cases, indices = [1, 0, 1, 1], [0, 15, 8, 1]
    got = scripts.views.neighbours_of(
        torch.from_numpy(volumes), view, torch.tensor(cases), torch.tensor(indices)
    )
    assert got.shape == (4, 3, 5, 16, 16)
    for out, case, index in zip(got, cases, indices, strict=True):
        (theirs,) = slices_of(volumes[case], view, range(index, index + 1))
        np.testing.assert_array_equal(out.flatten(0, 1).numpy(), theirs[:15])


def test_scale_of_lesions(scripts):
    rng = np.random.default_rng(0)
    scans = (rng.random((3, 11, 12, 13)) * 900).astype(np.float32)
    white = np.zeros(scans.shape[1:], bool)
    white[3:8, 3:8, 4:9] = True  # 125 voxels, all above 0
    ours = scripts.fields.white_scale(torch.from_numpy(scans), torch.from_numpy(white))
    for channel, name in enumerate(CHANNELS):
        theirs = intensity.white_matter_scale(scans[channel], white, contrast=name)
        np.testing.assert_allclose(ours[channel].numpy(), theirs, rtol=1e-5)


def test_scale_of_structures(scripts):
    """The generator looks at a random part of the voxels, so up to 2 % may differ."""
    rng = np.random.default_rng(0)
    scan = np.where(rng.random((40, 40, 40)) < 0.4, 0, rng.gamma(4, 30, (40, 40, 40)))
    scan = scan.astype(np.float32)
    torch.manual_seed(0)
    ours = scripts.fields.normalise(torch.from_numpy(scan)).numpy()
    theirs = intensity.network_scale(scan)
    assert ours.max() == pytest.approx(theirs.max(), rel=0.02)
    both = (theirs > 0) & (theirs < 1.9)
    np.testing.assert_allclose(ours[both], theirs[both], rtol=0.02)
    assert not ours[scan == 0].any()


def test_a_scan_with_nothing_in_it(scripts):
    assert not scripts.fields.normalise(torch.zeros(8, 8, 8)).any()
