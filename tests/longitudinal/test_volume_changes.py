"""Boundary-shift integral, deformation, atrophied lesions and expansion on phantoms."""

import nibabel as nib
import numpy as np
import pytest
from pair_phantoms import CENTRE, SHAPE, T1_LEVELS, anatomy, cover, distance, matched, scan
from scipy import ndimage as ndi

from mslesion.errors import StepError
from mslesion.longitudinal.alignment import intensity_matching as matching
from mslesion.longitudinal.alignment.deformation import (
    Deformation,
    comparable_head,
    find_deformation,
    volume_change_pct,
)
from mslesion.longitudinal.alignment.intensity_matching import match_intensities
from mslesion.longitudinal.brain.boundary_shift import boundary_shift, find_window, ventricle_shift
from mslesion.longitudinal.brain.volume_changes import measure_volume_changes
from mslesion.longitudinal.expansion import constancy, find_expansion, local_volume_ratio
from mslesion.longitudinal.lesions.atrophied import csf_share, measure_atrophied_lesions
from mslesion.schema import structures as s


def true_change_pct(before, after):
    """Change of brain volume; before and after are radii of brain and ventricle."""
    first, second = (b**3 - v**3 for b, v in (before, after))
    return 200 * (second - first) / (first + second)


def brain(radii):
    return (cover(radii[0]) >= 0.5) & (cover(radii[1]) < 0.5)


BLUR = 0.8
"""Width of a point in voxels: no scanner's is much sharper."""


def pair_of(before, after, *, blur=0.0):
    scans = [
        scan(T1_LEVELS, ventricle=r[1], brain=r[0], seed=n, blur=blur)
        for n, r in enumerate((before, after))
    ]
    return matched(*scans, T1_LEVELS)


@pytest.mark.parametrize(
    "after", [(24.0, 6.0), (23.95, 6.0), (23.9, 6.2), (24.0, 6.5), (23.7, 6.5), (24.2, 5.8)]
)
def test_boundary_shift(after):
    """Balls of known volume: within 3 % and 0.03 points."""
    before = (24.0, 6.0)
    pair = pair_of(before, after)
    found = boundary_shift(
        pair, first_brain=brain(before), second_brain=brain(after), calibrate=False
    )
    true = true_change_pct(before, after)
    assert found.change_pct == pytest.approx(true, rel=0.03, abs=0.03)


@pytest.mark.parametrize("after", [(23.9, 6.0), (23.8, 6.2), (24.2, 5.8)])
def test_calibration(after):
    """Of blurred scans a part of the shift falls out of the region or the window."""
    before = (24.0, 6.0)
    pair = pair_of(before, after, blur=BLUR)
    masks = {"first_brain": brain(before), "second_brain": brain(after)}
    plain = boundary_shift(pair, calibrate=False, **masks)
    found = boundary_shift(pair, **masks)
    true = true_change_pct(before, after)
    assert found.change_mm3 == pytest.approx(found.calibration * plain.change_mm3)
    assert abs(plain.change_pct) < 0.85 * abs(true)
    assert found.change_pct == pytest.approx(true, rel=0.06)


def test_boundary_shift_is_exactly_opposite():
    pair = pair_of((24.0, 6.0), (23.9, 6.2))
    other = matched(pair.second, pair.first, T1_LEVELS)
    a, b = brain((24, 6)), brain((23.9, 6.2))
    there = boundary_shift(pair, first_brain=a, second_brain=b)
    back = boundary_shift(other, first_brain=b, second_brain=a)
    assert there.change_pct == -back.change_pct


def test_gain_is_seen_as_shrinking():
    """Why the scales are matched first: a scan 2 % brighter looks like a smaller brain."""
    pair = pair_of((24.0, 6.0), (24.0, 6.0))
    bright = matched(pair.first, pair.second * np.float32(1.02), T1_LEVELS)
    mask = brain((24, 6))
    assert boundary_shift(bright, first_brain=mask, second_brain=mask).change_pct > 0.05


def test_nothing_seen_nothing_changed():
    pair = pair_of((24.0, 6.0), (23.7, 6.0))
    mask = brain((24, 6))
    nothing = np.zeros(SHAPE, bool)
    found = boundary_shift(pair, first_brain=mask, second_brain=mask, seen=nothing, calibrate=False)
    assert found.change_pct == 0


def test_brain_without_a_rim():
    """The skull was taken off along the cortex: there is no border to see."""
    pair = pair_of((24.0, 6.0), (24.0, 6.0))
    mask = brain((24, 6))
    with pytest.raises(StepError, match="of a known change, but 25 % or more is expected"):
        boundary_shift(pair, first_brain=mask, second_brain=mask, seen=distance() < 23)


def test_window():
    # CSF 0.25 + 0.02 to cortex 0.6 - 0.02
    pair = pair_of((24.0, 6.0), (24.0, 6.0))
    assert find_window(pair) == pytest.approx((0.27, 0.58))
    # Wide spreads leave the middle: 0.3 of the step of 0.35 is 0.105
    wide = type(pair)(pair.first, pair.second, 0.01, pair.levels, (0.2, 0.2, 0.1))
    assert find_window(wide) == pytest.approx((0.425 - 0.0525, 0.425 + 0.0525))
    flat = type(pair)(pair.first, pair.second, 0.01, (0.55, 0.6, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(StepError, match=r"CSF has a signal of 0\.55 and brain at 0\.60"):
        find_window(flat)


def test_no_brain():
    pair = pair_of((24.0, 6.0), (24.0, 6.0))
    nothing = np.zeros(SHAPE, bool)
    with pytest.raises(StepError, match="Neither visit has brain tissue"):
        boundary_shift(pair, first_brain=nothing, second_brain=nothing)


def test_ventricle_shift():
    pair = pair_of((24.0, 6.0), (24.0, 6.3), blur=BLUR)
    masks = [cover(r) >= 0.5 for r in (6.0, 6.3)]
    found = ventricle_shift(pair, first_ventricle=masks[0], second_ventricle=masks[1])
    true = 200 * (6.3**3 - 6**3) / (6.3**3 + 6**3)  # 14.6 %
    # A ventricle this small moves on all sides by as much as its border is wide
    assert found == pytest.approx(true, rel=0.2)
    nothing = np.zeros(SHAPE, bool)
    assert ventricle_shift(pair, first_ventricle=nothing, second_ventricle=nothing) is None


# ---- deformation


def spheres(ratio, *, seed=0):
    """A ball in water, and one of `ratio` times its radius, with a little noise."""
    rng = np.random.default_rng(seed)
    size = (48, 48, 48)
    centre = (23.5, 23.5, 23.5)
    balls = [0.3 + 0.7 * ndi.gaussian_filter(cover(15 * r, centre, size), 0.7) for r in (1, ratio)]
    return [(b + 0.005 * rng.standard_normal(size)).astype(np.float32) for b in balls], [
        cover(15 * r, centre, size) for r in (1, ratio)
    ]


@pytest.mark.parametrize("codes", ["RAS", "LAS", "LPS", "PIR"])
def test_growth_of_a_scaled_sphere(codes):
    """3 % of radius is +8.9 % of the mean volume, however the axes lie."""
    (first, second), shares = spheres(1.03)
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    first, second, a, b = (
        np.ascontiguousarray(nib.orientations.apply_orientation(x, turn))
        for x in (first, second, *shares)
    )
    found = find_deformation(first, second, inside=np.ones(first.shape, bool), noise=0.01)
    true = 200 * (1.03**3 - 1) / (1.03**3 + 1)
    assert volume_change_pct(found, structure=(a + b) / 2) == pytest.approx(true, rel=0.06)


def test_deformation_is_exactly_opposite():
    (first, second), shares = spheres(0.98)
    inside = distance((23.5,) * 3, first.shape) < 20
    there = find_deformation(first, second, inside=inside, noise=0.01)
    back = find_deformation(second, first, inside=inside, noise=0.01)
    np.testing.assert_array_equal(there.displacement, -back.displacement)
    share = (shares[0] + shares[1]) / 2
    assert volume_change_pct(there, structure=share) == -volume_change_pct(back, structure=share)


def test_same_scan_does_not_move():
    (first, _), shares = spheres(1.0)
    found = find_deformation(first, first, inside=shares[0] > 0, noise=0.01)
    assert not found.displacement.any()
    assert volume_change_pct(found, structure=shares[0]) == 0


def test_volume_change_of_known_growth():
    # 2 % more: 2 * 0.02 / 2.02 = 1.9802 % of the mean
    change = np.zeros((4, 4, 4), np.float32)
    change[0] = 0.04 / 2.02
    found = Deformation(np.zeros((3, 4, 4, 4), np.float32), change)
    assert found.volume_ratio[0, 0, 0] == pytest.approx(1.02)
    assert found.volume_ratio[1, 0, 0] == 1
    one = np.zeros((4, 4, 4))
    one[0] = 1
    assert volume_change_pct(found, structure=one) == pytest.approx(1.980198, abs=1e-4)
    whole = volume_change_pct(found, structure=np.ones((4, 4, 4)))
    assert whole == pytest.approx(1.980198 / 4, abs=1e-4)
    assert volume_change_pct(found, structure=np.zeros((4, 4, 4))) is None


def test_nothing_to_deform():
    nothing = np.zeros((4, 4, 4))
    with pytest.raises(StepError, match="share no voxel"):
        find_deformation(nothing, nothing, inside=nothing > 0, noise=0.01)


# ---- all together


def measured(before, after, *, swapped=False):
    pair = pair_of(before, after, blur=BLUR)
    maps = [anatomy(ventricle=r[1], brain=r[0]) for r in (before, after)]
    if swapped:
        pair, maps = matched(pair.second, pair.first, T1_LEVELS), maps[::-1]
    return volume_changes(pair, *maps)


def volume_changes(pair, *anatomies):
    """Change of heads without lesions that both scans show whole."""
    seen = np.ones(SHAPE, bool)
    return measure_volume_changes(
        pair,
        anatomies=anatomies,
        lesions=np.zeros(SHAPE, bool),
        seen=seen,
        inside=comparable_head(*anatomies, seen),
    )


def test_both_estimates_see_atrophy():
    before, after = (24.0, 8.0), (23.85, 8.2)
    found = measured(before, after)
    true = true_change_pct(before, after)  # -2.2 %
    assert found.boundary_pct == pytest.approx(true, rel=0.2)
    assert found.deformation_pct == pytest.approx(true, rel=0.25)
    assert found.brain_pct == (found.boundary_pct + found.deformation_pct) / 2
    assert found.ventricles_pct == pytest.approx(200 * (8.2**3 - 512) / (8.2**3 + 512), rel=0.2)
    assert found.parts_pct["thalamus"] is None


def test_volume_changes_are_opposite_when_swapped():
    radii = (24.0, 8.0), (23.9, 8.2)
    there, back = measured(*radii), measured(*radii, swapped=True)
    assert there.boundary_pct == -back.boundary_pct
    assert there.ventricles_pct == -back.ventricles_pct
    assert there.deformation_pct == -back.deformation_pct


def test_bad_contrast_leaves_the_deformation():
    pair = pair_of((24.0, 8.0), (24.0, 8.0))
    flat = type(pair)(pair.first, pair.second, 0.01, (0.95, 1.0, 1.0), (0.0,) * 3)
    found = volume_changes(flat, anatomy(), anatomy())
    assert found.boundary_pct is None
    assert found.brain_pct == found.deformation_pct
    assert found.difference_pct is None
    assert "CSF has a signal of 0.95" in found.note


def test_stretch_of_one_axis():
    """A voxel size that is 1 % off along x is told from atrophy."""
    before = scan(T1_LEVELS, ventricle=8.0, noise=0)
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in SHAPE), indexing="ij"))
    grid[0] = CENTRE[0] + (grid[0] - CENTRE[0]) / 1.01
    after = ndi.map_coordinates(before, grid, order=3)
    found = volume_changes(matched(before, after, T1_LEVELS), anatomy(8.0), anatomy(8.0))
    assert found.stretch_pct[0] == pytest.approx(1, abs=0.35)
    assert found.stretch_pct[1] == pytest.approx(found.stretch_pct[2], abs=0.1)
    assert found.stretch_range_pct > 0.5
    assert measured((24.0, 8.0), (23.85, 8.2)).stretch_range_pct < 0.2


# ---- intensities


def test_matching_undoes_gain_offset_and_bias():
    first = scan(T1_LEVELS, seed=1)
    ramp = 1 + 0.002 * (np.arange(SHAPE[0]) - CENTRE[0])[:, None, None]
    second = np.where(first > 0, 250 * scan(T1_LEVELS, seed=2) * ramp + 20, 0)
    maps = anatomy()
    nothing = np.zeros(SHAPE, bool)
    kwargs = {"first_anatomy": maps, "second_anatomy": maps, "excluded": nothing}
    found = match_intensities(first, second, **kwargs)
    white = maps == s.WHITE_MATTER
    assert np.median(found.first[white]) == pytest.approx(1, abs=0.01)
    assert abs(np.median((found.second - found.first)[white])) < 0.005
    assert found.levels == pytest.approx((0.25, 0.6, 1.0), abs=0.03)
    back = match_intensities(second, first, **kwargs)
    np.testing.assert_array_equal(found.first, back.second)
    np.testing.assert_array_equal(found.second, back.first)


def test_no_tissue_in_common():
    with pytest.raises(StepError, match="no tissue in common"):
        match_intensities(
            scan(T1_LEVELS), scan(T1_LEVELS),
            first_anatomy=anatomy(), second_anatomy=np.zeros(SHAPE, np.uint8),
            excluded=np.zeros(SHAPE, bool),
        )  # fmt: skip


# ---- atrophied lesions


def test_atrophied_lesions():
    lesions = np.zeros((10, 10, 10), bool)
    lesions[2:4, 5, 5] = True
    first, second = np.zeros((2, 10, 10, 10), np.float32)
    second[2, 5, 5] = 0.5  # counts, inclusive: +0.5
    second[3, 5, 5] = 0.49  # does not
    second[8, 5, 5] = 1.0  # no lesion
    ventricles = np.zeros((10, 10, 10), bool)
    ventricles[2, 5, 8] = True  # 3 mm away, inclusive
    found = measure_atrophied_lesions(
        lesions, first_csf=first, second_csf=second, ventricles=ventricles
    )
    assert found.volume_mm3 == 0.5
    assert found.near_ventricle_mm3 == 0.5
    assert found.pct == 25
    assert found.noise_mm3 == 0
    swapped = measure_atrophied_lesions(
        lesions, first_csf=second, second_csf=first, ventricles=ventricles
    )
    assert (swapped.volume_mm3, swapped.noise_mm3) == (0, 0.5)


def test_no_lesions_no_share():
    nothing = np.zeros((4, 4, 4))
    found = measure_atrophied_lesions(
        nothing > 0, first_csf=nothing, second_csf=nothing, ventricles=nothing > 0
    )
    assert (found.volume_mm3, found.pct) == (0, None)


def test_csf_is_dark():
    values = np.array([[[0.25, 0.425, 0.6, 1.0]]], np.float32)
    t1 = matched(values, values, T1_LEVELS)
    first, _ = csf_share(t1)
    assert first.ravel() == pytest.approx([1, 0.5, 0, 0])


# ---- expansion


def expanding(rate, *, years=2.0, shape=(40, 40, 40), radius=4.0):
    lesions = (distance((20, 20, 20), shape) <= radius).astype(np.int32)
    growth = np.where(lesions, 1 + rate * years / 100, 1.0)
    return lesions, growth, np.ones(shape, bool) & ~ndi.binary_dilation(lesions > 0, iterations=2)


def found_in(lesions, growth, normal, **kwargs):
    nothing = np.zeros(lesions.shape, bool)
    return find_expansion(
        lesions, volume_ratio=growth, years=2.0, normal_white=normal,
        **{"ventricles": nothing} | kwargs,
    )  # fmt: skip


def test_growth_of_single_lesions():
    """A dark lesion grows by a quarter of its volume, another not: both rates are seen."""
    side = np.array([12.0, 0, 0])
    grows, stays = CENTRE - side, CENTRE + side
    radius = 5.0
    scans = [
        scan(
            T1_LEVELS, lesions=[(grows, r), (stays, radius)], bright=-0.4, seed=n, blur=BLUR
        )
        for n, r in enumerate((radius, radius * 1.25 ** (1 / 3)))
    ]  # fmt: skip
    pair = matched(*scans, T1_LEVELS)
    inside = anatomy() > 0
    ratio = local_volume_ratio(pair, inside=inside)
    means = [ratio[distance(middle) <= radius].mean() for middle in (grows, stays)]
    assert means[0] == pytest.approx(1.25, abs=0.08)
    assert means[1] == pytest.approx(1, abs=0.03)
    # The deformation of the brain's change is too stiff for it
    stiff = find_deformation(*scans, inside=inside, noise=pair.noise).volume_ratio
    assert stiff[distance(grows) <= radius].mean() < means[0] - 0.03
    with pytest.raises(StepError, match="share no voxel"):
        local_volume_ratio(pair, inside=np.zeros(SHAPE, bool))


def test_expansion_threshold_is_inclusive():
    lesions, growth, normal = expanding(12.5)
    found = found_in(lesions, growth, normal)
    assert len(found.candidates) == 1
    one = found.candidates[0]
    assert one.lesion_id == 1
    assert one.volume_mm3 == np.count_nonzero(lesions)
    assert one.rate_pct_per_year == pytest.approx(12.5)
    assert one.concentricity == pytest.approx(0, abs=1e-6)
    assert found.noise_p95_pct_per_year == 0
    assert found_in(*expanding(12.4)).candidates == ()


def test_core_that_grows_faster():
    lesions, growth, normal = expanding(5)
    growth[distance((20, 20, 20), lesions.shape) <= 2] = 1 + 0.2 * 2
    one = found_in(lesions, growth, normal).candidates[0]
    assert one.concentricity > 0
    # The seed is the core, but all of the lesion grows by 4 %/y or more
    assert one.volume_mm3 == np.count_nonzero(lesions)


def test_small_and_ventricular_lesions_are_left_out():
    assert found_in(*expanding(20, radius=2.5)).assessed_count == 0  # 81 voxels
    lesions, growth, normal = expanding(20)
    ventricles = ndi.binary_dilation(lesions > 0, iterations=2)
    assert found_in(lesions, growth, normal, ventricles=ventricles).candidates == ()


def test_two_seeds_stay_two():
    lesions = np.zeros((40, 40, 40), np.int32)
    lesions[10:30, 18:22, 18:22] = 1
    rate = np.where(lesions, 5.0, 0)
    rate[10:13], rate[27:30] = 20, 20
    growth = np.where(lesions, 1 + rate * 2 / 100, 1)
    found = found_in(lesions, growth, lesions == 0)
    assert [c.volume_mm3 for c in found.candidates] == [160, 160]


def test_floor_is_not_below_zero():
    """Tissue that shrinks everywhere by 3 %/y sets no negative floor."""
    lesions, growth, normal = expanding(20)
    found = found_in(lesions, np.where(lesions, growth, 0.94), normal)
    assert len(found.candidates) == 1
    assert found.noise_p95_pct_per_year == 0


def test_candidates_expected_by_chance():
    """Of 8 copies of the ball, shifted by 8 or 16 mm, one lies in tissue that grows by 20 %/y."""
    shape = (60, 40, 40)
    lesions = (distance((20, 20, 20), shape) <= 4).astype(np.int32)
    growth = np.ones(shape)
    growth[:9] = 1 + 0.2 * 2
    normal = np.ones(shape, bool)
    normal[24:] = False  # along x the ball goes back only: 8 and 16 mm; along y and z 3 copies each
    one = found_in(lesions, growth, normal)
    assert one.candidates == ()
    assert one.expected_by_chance == pytest.approx(1 / 8)
    # A lesion without room for copies counts like the other
    lesions[distance((50, 20, 20), shape) <= 4] = 2
    two = found_in(lesions, growth, normal)
    assert two.assessed_count == 2
    assert two.expected_by_chance == pytest.approx(2 / 8)
    nowhere = found_in(lesions, growth, np.zeros(shape, bool))
    assert (nowhere.expected_by_chance, nowhere.noise_p95_pct_per_year) == (None, None)


def test_constancy():
    assert constancy([1, 2, 3], [10, 20, 30]) == pytest.approx(0, abs=1e-12)
    assert constancy([1, 2, 3], [0, 0, 30]) > 0.2
    assert constancy([1], [10]) is None
    assert constancy([1, 2], [0, 0]) is None


# ---- matching


def surface_pair():
    """One scan with a field as of a receive coil: steep towards the surface."""
    first = scan(T1_LEVELS, seed=1, blur=BLUR)
    coil = 1 + 0.2 * np.exp(-np.maximum(24 - distance(), 0) / 5)
    return first, (scan(T1_LEVELS, seed=2, blur=BLUR) * coil).astype(np.float32)


def left_over(first, second):
    """Largest median difference in a shell of the brain."""
    maps = anatomy()
    nothing = np.zeros(SHAPE, bool)
    found = match_intensities(
        first, second, first_anatomy=maps, second_anatomy=maps, excluded=nothing
    )
    gap = found.second - found.first
    shells = [(distance() > r) & (distance() <= r + 2) & (maps > 0) for r in (10, 14, 20, 21.5)]
    return max(abs(float(np.median(gap[shell]))) for shell in shells)


def test_field_that_is_steep_at_the_surface(monkeypatch):
    pair = surface_pair()
    left = left_over(*pair)
    assert left < 0.025  # of 0.12 in the cortex
    monkeypatch.setattr(matching, "BIAS_SIGMA_MM", 15.0)
    monkeypatch.setattr(matching, "BIAS_TURNS", 1)
    assert left_over(*pair) > 1.5 * left


def test_lesion_that_nobody_outlined_is_no_bias():
    centre = CENTRE + np.array([13.0, 0, 0])
    first = scan(T1_LEVELS, seed=1, blur=BLUR)
    second = scan(T1_LEVELS, seed=2, blur=BLUR, lesions=[(centre, 4)], bright=-0.3)
    maps = anatomy()
    nothing = np.zeros(SHAPE, bool)
    found = match_intensities(
        first, second, first_anatomy=maps, second_anatomy=maps, excluded=nothing
    )
    inside = distance(centre) <= 2.5
    assert np.median((found.second - found.first)[inside]) == pytest.approx(-0.3, abs=0.045)
