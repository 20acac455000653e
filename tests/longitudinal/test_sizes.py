"""Size rules: by hand, on each threshold, and mirrored."""

import numpy as np
import pytest

from mslesion.longitudinal.lesions.sizes import (
    ENLARGING,
    NOT_ASSESSABLE,
    RULES,
    SHRINKING,
    STABLE,
    TREND,
    Size,
    classify_change,
    detection_floor_mm,
    is_negligible,
    radius_change_mm,
)


def ball(diameter_mm, *, long_axis=None, area=None):
    """Size of a ball."""
    return Size(
        np.pi / 6 * diameter_mm**3,
        diameter_mm if long_axis is None else long_axis,
        np.pi / 4 * diameter_mm**2 if area is None else area,
    )


def classes(first, second, *, thickest_mm=1.0, years=1.0):
    return classify_change(first, second, thickest_mm=thickest_mm, years=years)


@pytest.mark.parametrize(
    ("before", "after", "thickest_mm", "expected"),
    [
        # 5 to 6 mm: the radius grows by 0.5 mm and the volume by 113.1 - 65.4 = 47.6 mm³
        (5, 6, 1, ENLARGING),
        (5, 5.99, 1, STABLE),
        # 6 to 5 is the mirror
        (6, 5, 1, SHRINKING),
        (5.99, 5, 1, STABLE),
        # On 3 mm slices it takes 1.5 mm of the radius
        (6, 9, 3, ENLARGING),
        (6, 8.9, 3, STABLE),
        # 5 mm slices: floor 8 mm, 2.5 mm of the radius
        (7.9, 7.9, 5, NOT_ASSESSABLE),
        (9, 14, 5, ENLARGING),
    ],
)
def test_radial(before, after, thickest_mm, expected):
    found = classes(ball(before), ball(after), thickest_mm=thickest_mm)
    assert found["radial"] == expected


def test_radial_needs_14_mm3():
    # From 2 to 3 mm: radius 0.5 mm, but 14.14 - 4.19 = 9.95 mm³; 2.2 to 3.2: 11.6 mm³
    assert classes(ball(2.2), ball(3.2))["radial"] == STABLE
    # 14 mm³ exactly, inclusive: the radius goes from 1.5 to over 2
    small = ball(2.4)
    large = Size(small.volume_mm3 + 14, 3, 7)
    assert radius_change_mm(small, large) > 0.5
    assert classes(small, large)["radial"] == ENLARGING
    larger = Size(small.volume_mm3 + 13.99, 3, 7)
    assert classes(small, larger)["radial"] == STABLE


@pytest.mark.parametrize(
    ("volumes", "axes", "expected"),
    [
        # d = 5 mm: 50 % and 3 mm, both inclusive
        ((65.45, 98.175), (5, 8), ENLARGING),
        ((65.45, 98.1), (5, 8), STABLE),
        ((65.45, 98.175), (5, 7.9), STABLE),
        # d = 8.02 mm (270 mm³): 20 % are enough
        ((270, 324), (8, 11), ENLARGING),
        ((270, 323), (8, 11), STABLE),
        # d = 7.99 mm (267 mm³): 20 % are not enough
        ((267, 321), (8, 11), STABLE),
        ((98.175, 65.45), (8, 5), SHRINKING),
    ],
)
def test_pct(volumes, axes, expected):
    pair = [Size(v, a, 20) for v, a in zip(volumes, axes, strict=True)]
    assert classes(*pair)["pct"] == expected


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ((5, 7.5), ENLARGING),  # up to 5 mm it takes 50 %
        ((5, 7.4), STABLE),
        ((5.1, 6.12), ENLARGING),  # above, 20 %
        ((5.1, 6.1), STABLE),
        ((7.5, 5), SHRINKING),
    ],
)
def test_diameter(axes, expected):
    grows = axes[1] > axes[0]
    pair = [Size(100 + grows * i - (not grows) * i, a, 20) for i, a in enumerate(axes)]
    assert classes(*pair)["diameter"] == expected


@pytest.mark.parametrize(
    ("volume", "years", "expected"),
    [
        (109, 1, ENLARGING),
        (108.9, 1, TREND),
        (104, 1, STABLE),
        (104.1, 1, TREND),
        (118, 2, ENLARGING),
        (150, 0.49, NOT_ASSESSABLE),
        (104.5, 0.5, ENLARGING),
        (150, None, NOT_ASSESSABLE),
    ],
)
def test_annual(volume, years, expected):
    assert classes(Size(100, 7, 20), Size(volume, 7, 20), years=years)["annual"] == expected


@pytest.mark.parametrize(
    ("areas", "expected"),
    [
        ((50, 72.61), ENLARGING),  # 45.22 %
        ((50, 72.6), STABLE),  # 45.2 % exactly is not more
        ((67, 83.3), ENLARGING),  # 24.3 %: from 67 mm² on
        ((67, 83.2), STABLE),
        ((66.9, 83.3), STABLE),
    ],
)
def test_area(areas, expected):
    pair = [Size(v, 9, a) for v, a in zip((300, 301), areas, strict=True)]
    assert classes(*pair)["area"] == expected


@pytest.mark.parametrize("seed", range(20))
def test_swapped_visits_give_mirrored_classes(seed):
    rng = np.random.default_rng(seed)
    pair = [Size(*rng.uniform((20, 3, 10), (900, 15, 120))) for _ in range(2)]
    mirror = {ENLARGING: SHRINKING, SHRINKING: ENLARGING}
    there, back = classes(*pair), classes(*pair[::-1])
    assert back == {rule: mirror.get(value, value) for rule, value in there.items()}
    assert set(there) == set(RULES)


def test_floor_is_inclusive():
    # On 3 mm slices the floor is 5 mm
    assert classes(ball(5), ball(5), thickest_mm=3)["radial"] == STABLE
    assert classes(ball(4.99), ball(4.99), thickest_mm=3)["radial"] == NOT_ASSESSABLE
    assert detection_floor_mm(3.0) == 5.0


@pytest.mark.parametrize(
    ("small_mm3", "large_mm3", "thickest_mm", "expected"),
    [
        # Less than 2 % of the other visit's volume, exclusive
        (20, 1000, 1, False),
        (19.9, 1000, 1, True),
        # Under the floor, 3 mm or 14.14 mm3, less than 10 %
        (14.0, 140, 1, False),
        (14.0, 140.1, 1, True),
        (14.2, 145, 1, False),  # not under it
        # 3 mm slices: floor 5 mm or 65.4 mm3
        (60, 610, 3, True),
        (60, 590, 3, False),
        (66, 670, 3, False),
    ],
)
def test_negligible(small_mm3, large_mm3, thickest_mm, expected):
    sizes = [Size(volume, 5, 5) for volume in (small_mm3, large_mm3)]
    assert is_negligible(*sizes, thickest_mm=thickest_mm) is expected
