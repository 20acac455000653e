"""Rims and central veins of phantoms: shells, half shells, lines through the middle."""

import numpy as np
import pytest

from mslesion.errors import GeometryError
from mslesion.measures.susceptibility import score_rims, score_veins

SHAPE = (32, 32, 32)
AFFINES = {
    "RAS": np.diag([1.0, 1, 1, 1]),
    "LPS": np.diag([-1.0, -1, 1, 1]),
    "oblique": np.array([[0.8, -0.6, 0, 5], [0.6, 0.8, 0, -3], [0, 0, 1, 2], [0, 0, 0, 1.0]]),
}
NOISE = np.random.default_rng(0).normal(0, 1.0, SHAPE)
"""Its median absolute deviation is 0.67."""


def distance():
    """From the middle voxel, in voxels."""
    return np.linalg.norm(np.indices(SHAPE) - 16, axis=0)


def ball(radius=6.0):
    return (distance() <= radius).astype(np.int32)


def rims(data, lesions, affine=AFFINES["RAS"], *, white=None, is_bright=True):
    white = np.ones(SHAPE, bool) if white is None else white
    return score_rims(data, affine, lesions=lesions, white=white, is_bright=is_bright)


def shell(height=5.0, radius=6.0):
    """A bright shell of 2 mm at the border."""
    return NOISE + height * (np.abs(distance() - radius) <= 1.2)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_whole_rim(affine):
    (row,) = rims(shell(), ball(), affine)
    assert row["rim_cover"] == 1
    assert row["is_rim_candidate"] is True
    assert row["reason"] == ""


def test_no_rim():
    (row,) = rims(NOISE, ball())
    assert row["rim_cover"] <= 0.1
    assert row["is_rim_candidate"] is False


def test_a_rim_around_one_half():
    """9 of 26 directions point up, 8 lie level, 9 down: a half shell is under two thirds."""
    half = np.where(np.indices(SHAPE)[2] >= 16, shell(), NOISE)
    (row,) = rims(half, ball())
    assert 9 / 26 <= row["rim_cover"] < 2 / 3
    assert row["is_rim_candidate"] is False


def test_a_lesion_bright_as_a_whole_has_no_rim():
    (row,) = rims(NOISE + 5 * (distance() <= 7), ball())
    assert row["rim_cover"] <= 0.1


def test_dark_rims_of_phase():
    assert rims(-shell(), ball(), is_bright=False)[0]["rim_cover"] == 1
    assert rims(-shell(), ball())[0]["rim_cover"] == 0


@pytest.mark.parametrize(("voxels", "has_score"), [(100, True), (99, False)])
def test_smallest_lesion_is_inclusive(voxels, has_score):
    """The nearest voxels to the middle; 100 of them hold a core deeper than 1.5 mm."""
    order = np.argsort(distance(), axis=None, kind="stable")[:voxels]
    lesion = np.zeros(SHAPE, np.int32)
    lesion.flat[order] = 1
    (row,) = rims(shell(), lesion)
    assert (row["rim_cover"] is not None) is has_score
    assert row["reason"] == ("" if has_score else "under 100 mm3")


def test_why_there_is_no_score():
    assert rims(NOISE, ball(), white=np.zeros(SHAPE, bool))[0]["reason"] == (
        "no white matter for comparison"
    )
    far = distance() > 12
    assert rims(NOISE, ball(), white=far)[0]["reason"] == "no core or no surrounding white matter"
    flat = np.zeros(SHAPE, np.int32)
    flat[8:24, 8:24, 16] = 1  # one slice: no core
    assert rims(NOISE, flat)[0]["reason"] == "no core or no surrounding white matter"
    assert rims(NOISE, np.zeros(SHAPE, np.int32)) == []


def test_each_lesion_has_a_row():
    two = ball(5.0)
    two[1:4, 1:4, 1:4] = 2
    rows = rims(shell(radius=5.0), two)
    assert [(row["lesion_id"], row["rim_cover"]) for row in rows] == [(1, 1), (2, None)]


# Veins


def line(offset):
    """A dark line of 2 voxels' width along z, this far from the middle in x."""
    i, j, _ = np.indices(SHAPE)
    near = np.hypot(i - 16 - offset, j - 16) <= 1
    return 100 + NOISE - 30 * near


def veins(data, lesions, affine=AFFINES["RAS"], *, fluid=None, seed=0):
    fluid = np.zeros(SHAPE, bool) if fluid is None else fluid
    return score_veins(data, affine, lesions=lesions, fluid=fluid, seed=seed)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
def test_a_central_vein(affine):
    assert veins(line(0), ball(), affine)[0]["vein_probability"] > 0.99


def test_a_vein_at_the_border():
    assert veins(line(5), ball())[0]["vein_probability"] < 0.1


def test_a_bright_line_is_no_vein():
    assert veins(200 - line(0), ball())[0]["vein_probability"] < 0.5


def test_noise_is_neither():
    """Over 8 lesions of noise the mean is about a half."""
    lesions = np.zeros(SHAPE, np.int32)
    for number, corner in enumerate(np.ndindex(2, 2, 2), start=1):
        a, b, c = (4 + 16 * n for n in corner)
        lesions[a : a + 8, b : b + 8, c : c + 8] = number
    found = [row["vein_probability"] for row in veins(100 + NOISE, lesions)]
    assert 0.2 < np.mean(found) < 0.8


def test_the_same_seed_gives_the_same():
    first, again = (veins(100 + NOISE, ball(), seed=3) for _ in range(2))
    assert first == again


def test_lesions_without_a_vein_score():
    small = np.zeros(SHAPE, np.int32)
    small[4:7, 4:7, 4:7] = 1
    assert veins(line(0), small)[0]["reason"] == ""  # 27 voxels
    small[4, 4, 4] = 0
    assert veins(line(0), small)[0]["reason"] == "under 27 voxels"
    fluid = np.zeros(SHAPE, bool)
    fluid[23] = True  # the ball ends at 22
    (row,) = veins(line(0), ball(), fluid=fluid)
    assert (row["vein_probability"], row["reason"]) == (None, "touches fluid")
    assert veins(line(0), np.zeros(SHAPE, np.int32)) == []


def test_long_voxels_are_refused():
    with pytest.raises(
        GeometryError, match=r"has voxels of 1x1x1.3 mm, but vesselness requires cubic voxels"
    ):
        veins(line(0), ball(), np.diag([1, 1, 1.3, 1]))
    veins(line(0), ball(), np.diag([1, 1, 1.25, 1]))
