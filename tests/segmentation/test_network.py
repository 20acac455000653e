"""The networks' input and output, with stand-ins for the networks themselves."""

import numpy as np
import pytest

from mslesion.errors import StepError
from mslesion.imaging.intensity import WHITE_LEVELS
from mslesion.schema import structures as s
from mslesion.segmentation import network

CLASSES = len(s.STRUCTURES) + 1


class Structures:
    """Calls what is bright on any channel white matter; keeps what it was shown."""

    def __init__(self):
        self.shapes = []

    def run(self, _, inputs):
        scans = inputs["scans"]
        self.shapes.append(scans.shape[2:])
        white = (scans[0] > 0.5).any(axis=0).astype(np.float32)
        out = np.zeros((1, CLASSES, *white.shape), np.float32)
        out[0, s.WHITE_MATTER], out[0, 0] = white, 1 - white
        return (out,)


class Lesions:
    """Gives the FLAIR of the middle slice, and for each view another share of it."""

    def __init__(self, shares=(1.0, 1.0, 1.0)):
        self.shares = shares

    def run(self, _, inputs):
        slices = inputs["slices"]
        view = slices[:, -3:, 0, 0].argmax(axis=1)
        share = np.array(self.shares)[view][:, None, None, None]
        return ((slices[:, 2:3] * share).astype(np.float32),)


@pytest.fixture
def fakes(monkeypatch):
    """Stand-ins for both networks."""
    sessions = {network.STRUCTURES_MODEL: Structures(), network.LESIONS_MODEL: Lesions()}
    monkeypatch.setattr(network, "_session", lambda _, name: sessions[name])
    return sessions


def ball(shape, centre, radius):
    grid = np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))
    return (grid**2).sum(axis=0) <= radius**2


def test_blocks_are_averaged_and_the_end_is_filled_up():
    data = np.zeros((4, 2, 3))
    data[:2, :, :2] = 8  # one block of 8
    data[2, 0, 2] = 8  # one voxel of a block whose other half lies beyond the end: 8 / 8
    halved = network._halve(data)
    assert halved.shape == (2, 1, 2)
    assert halved.ravel().tolist() == [8, 0, 0, 1]


def test_doubling_is_linear_between_the_centres():
    # Centres of 2 mm voxels at 0.5 and 2.5: the fine voxels 1 and 2 are a quarter and three
    # quarters of the way, those outside keep the nearest value
    share = np.zeros((2, 1, 1), np.float32)
    share[1] = 1
    assert network._double(share)[:, 0, 0].tolist() == [0, 0.25, 0.75, 1]


def test_a_slice_stands_with_its_neighbours():
    volumes = np.arange(1, 6, dtype=np.float32) * np.ones((2, 3, 4, 1), np.float32)
    volumes[1] *= 10
    slices = network.slices_of(volumes, 2, range(1, 2))
    assert slices.shape == (1, 2 * 5 + 3, 16, 16)
    # The lowest neighbour of slice 1 lies outside
    assert slices[0, :10, 0, 0].tolist() == [0, 1, 2, 3, 4, 0, 10, 20, 30, 40]
    assert slices[0, 10:, 0, 0].tolist() == [0, 0, 1]
    assert not slices[0, :10, 3:].any()
    assert not slices[0, :10, :, 4:].any()


@pytest.mark.parametrize("shape", [(181, 217, 181), (120, 140, 121), (60, 200, 90)])
def test_structures_come_back_on_the_grid_of_the_scan(fakes, shape):
    data = np.where(ball(shape, np.array(shape) // 2, 28), 1.0, 0.0)
    anatomy = network.predict_structures({"T1w": data})
    found, truth = anatomy == s.WHITE_MATTER, data > 0
    assert anatomy.shape == shape
    assert anatomy.dtype == np.uint8
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.96
    # The second look is through the window the network was trained on
    assert set(fakes[network.STRUCTURES_MODEL].shapes[1:]) == {network.WINDOW}


@pytest.mark.usefixtures("fakes")
def test_a_brain_larger_than_the_window_is_looked_at_in_parts():
    data = np.where(ball((216, 216, 216), (108, 108, 108), 95), 1.0, 0.0)  # 190 mm of 160
    found = network.predict_structures({"FLAIR": data}) == s.WHITE_MATTER
    truth = data > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.98


@pytest.mark.usefixtures("fakes")
def test_a_brain_at_the_border_of_the_view():
    data = np.where(ball((100, 100, 100), (10, 50, 95), 40), 1.0, 0.0)
    found = network.predict_structures({"T1w": data}) == s.WHITE_MATTER
    truth = data > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.95


@pytest.mark.usefixtures("fakes")
def test_no_brain_is_an_error():
    data = np.where(ball((60, 60, 60), (30, 30, 30), 6), 1.0, 0.0)  # 0.9 ml
    with pytest.raises(StepError, match=r"ml of brain, but 8 ml or more are expected\. Look at"):
        network.predict_structures({"T1w": data})


@pytest.mark.usefixtures("fakes")
def test_no_signal_is_an_error():
    with pytest.raises(StepError, match="has no voxel above 0"):
        network.predict_structures({"T1w": np.zeros((60, 60, 60))})


def test_the_views_are_averaged_inside_the_brain_alone(fakes):
    fakes[network.LESIONS_MODEL] = Lesions((0.3, 0.6, 0.9))
    anatomy = np.where(ball((50, 60, 40), (25, 30, 20), 15), s.WHITE_MATTER, 0).astype(np.uint8)
    flair = np.full(anatomy.shape, 200.0)
    probability = network.predict_lesions({"FLAIR": flair}, anatomy)
    # White matter's median is brought to its level; the mean share of the views is 0.6
    assert probability[anatomy > 0] == pytest.approx(0.6 * WHITE_LEVELS["FLAIR"], abs=1e-6)
    assert not probability[anatomy == 0].any()
    assert probability.dtype == np.float32


@pytest.mark.usefixtures("fakes")
def test_without_flair_lesions_are_not_assessable():
    data = np.where(ball((80, 80, 80), (40, 40, 40), 30), 1.0, 0.0)
    assert network.predict({"T1w": data}).lesion is None
    assert network.predict({"T1w": data, "FLAIR": data}).lesion is not None


def test_the_shipped_networks_give_the_same_bits_every_time():
    rng = np.random.default_rng(1)
    inside = ball((64, 64, 64), (32, 32, 32), 28)
    flair = np.where(inside, 100 + 20 * rng.random(inside.shape), 0)
    anatomy = np.where(inside, s.WHITE_MATTER, 0).astype(np.uint8)
    first, second = (network.predict_lesions({"FLAIR": flair}, anatomy) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.min() >= 0
    assert first.max() <= 1
