"""The lesion network's input and output, with a stand-in for the network itself."""

import numpy as np
import pytest

from mslesion.imaging.intensity import WHITE_LEVELS
from mslesion.schema import structures as s
from mslesion.segmentation.lesions import network
from mslesion.segmentation.lesions.network import LesionNetwork


class Lesions:
    """Gives the FLAIR of the middle slice, and for each view another share of it."""

    def __init__(self, shares=(1.0, 1.0, 1.0)):
        self.shares = shares

    def run(self, _, inputs):
        slices = inputs["slices"]
        view = slices[:, -3:, 0, 0].argmax(axis=1)
        share = np.array(self.shares)[view][:, None, None, None]
        return ((slices[:, 2:3] * share).astype(np.float32),)


def ball(shape, centre, radius):
    grid = np.indices(shape) - np.reshape(centre, (3, 1, 1, 1))
    return (grid**2).sum(axis=0) <= radius**2


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


def test_the_views_are_averaged_inside_the_brain_alone(monkeypatch):
    """Every view counts in slices without white matter too: those below the cerebrum."""
    monkeypatch.setattr(network, "open_session", lambda _path, **_: Lesions((0.3, 0.6, 0.9)))
    anatomy = np.where(ball((50, 60, 40), (25, 30, 20), 15), s.WHITE_MATTER, 0).astype(np.uint8)
    anatomy[:, :, :18][anatomy[:, :, :18] > 0] = s.BRAINSTEM
    flair = np.full(anatomy.shape, 200.0)
    probability = LesionNetwork().probability({"FLAIR": flair}, anatomy=anatomy, affine=np.eye(4))
    # White matter's median is brought to its level; the mean share of the views is 0.6
    assert probability[anatomy > 0] == pytest.approx(0.6 * WHITE_LEVELS["FLAIR"], abs=1e-6)
    assert not probability[anatomy == 0].any()
    assert probability.dtype == np.float32


def test_the_shipped_networks_give_the_same_bits_every_time():
    rng = np.random.default_rng(1)
    inside = ball((64, 64, 64), (32, 32, 32), 28)
    flair = np.where(inside, 100 + 20 * rng.random(inside.shape), 0)
    anatomy = np.where(inside, s.WHITE_MATTER, 0).astype(np.uint8)
    first, second = (
        LesionNetwork().probability({"FLAIR": flair}, anatomy=anatomy, affine=np.eye(4))
        for _ in range(2)
    )
    assert first.tobytes() == second.tobytes()
    assert first.min() >= 0
    assert first.max() <= 1
