"""The structure network's input and output, with a stand-in for the network itself."""

import numpy as np
import pytest

from mslesion.errors import StepError
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy import network

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


@pytest.fixture
def fake(monkeypatch):
    """A stand-in for the network."""
    session = Structures()
    monkeypatch.setattr(network, "open_session", lambda _path, **_: session)
    return session


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


@pytest.mark.parametrize("shape", [(181, 217, 181), (120, 140, 121), (60, 200, 90)])
def test_structures_come_back_on_the_grid_of_the_scan(fake, shape):
    data = np.where(ball(shape, np.array(shape) // 2, 28), 1.0, 0.0)
    anatomy = network.predict_structures({"T1w": data})
    found, truth = anatomy == s.WHITE_MATTER, data > 0
    assert anatomy.shape == shape
    assert anatomy.dtype == np.uint8
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.96
    # The second look is through the window the network was trained on
    assert set(fake.shapes[1:]) == {network.WINDOW}


@pytest.mark.usefixtures("fake")
def test_a_brain_larger_than_the_window_is_looked_at_in_parts():
    data = np.where(ball((216, 216, 216), (108, 108, 108), 95), 1.0, 0.0)  # 190 mm of 160
    found = network.predict_structures({"FLAIR": data}) == s.WHITE_MATTER
    truth = data > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.98


@pytest.mark.usefixtures("fake")
def test_a_brain_at_the_border_of_the_view():
    data = np.where(ball((100, 100, 100), (10, 50, 95), 40), 1.0, 0.0)
    found = network.predict_structures({"T1w": data}) == s.WHITE_MATTER
    truth = data > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.95


@pytest.mark.usefixtures("fake")
def test_no_brain_is_an_error():
    data = np.where(ball((60, 60, 60), (30, 30, 30), 6), 1.0, 0.0)  # 0.9 ml
    with pytest.raises(StepError, match=r"ml of brain, but 8 ml or more are expected\. "):
        network.predict_structures({"T1w": data})


@pytest.mark.usefixtures("fake")
def test_no_signal_is_an_error():
    with pytest.raises(StepError, match="has no voxel above 0"):
        network.predict_structures({"T1w": np.zeros((60, 60, 60))})
