"""Location classes: distances derived by hand from planes, on every grid."""

import numpy as np
import phantoms
import pytest

from mslesion.errors import SettingsError
from mslesion.measures.location import SCHEMES, find_surroundings, locate_lesions
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

SAGITTAL = Midplane(np.array([1.0, 0.0, 0.0]), 0.0)
SIZE = 60
"""Voxels of 1 mm along each axis; voxel i has its centre at i mm."""


def anatomy(**planes):
    """White matter with a slab of each named structure along the first axis."""
    labels = np.full((SIZE,) * 3, s.WHITE_MATTER, np.uint8)
    for structure, where in planes.items():
        labels[slice(*where)] = getattr(s, structure)
    return labels


TWO_WALLS = anatomy(LATERAL_VENTRICLES=(0, 10), CORTEX=(50, 60))
"""Ventricle up to voxel 9, cortex from voxel 50 on: at i, i - 9 and 50 - i mm away."""


def locate(labels, voxels, *, affine=None, midplane=SAGITTAL, **options):
    """The row of one lesion with these voxels on the anatomy's own grid."""
    affine = np.eye(4) if affine is None else affine
    lesions = np.zeros(labels.shape, np.int32)
    lesions[tuple(np.atleast_2d(voxels).T)] = 1
    surroundings = find_surroundings(labels, affine, midplane=midplane)
    (row,) = locate_lesions(
        lesions, affine, surroundings=surroundings, midplane=midplane, **options
    )
    return row


@pytest.mark.parametrize(
    ("first", "location"),
    [
        (10, "periventricular"),  # 1 mm from the ventricle
        (11, "periventricular"),  # exactly 2 mm
        (12, "deep_white"),  # 3 mm
        (47, "deep_white"),  # 3 mm from the cortex
        (48, "juxtacortical"),  # exactly 2 mm
        (49, "juxtacortical"),
        (50, "intracortical"),
        (9, "periventricular"),  # inside the ventricle
    ],
)
def test_contact_is_inclusive(first, location):
    row = locate(TWO_WALLS, [first, 30, 30])
    assert row["location"] == location
    assert row["ventricle_distance_mm"] == max(0, first - 9)
    assert row["cortex_distance_mm"] == max(0, 50 - first)
    assert row["touches_ventricle"] is (first <= 11)
    assert row["touches_cortex"] is (first >= 48)


@pytest.mark.parametrize(("contact_mm", "touches"), [(2.99, False), (3.0, True)])
def test_contact_distance_is_a_setting(contact_mm, touches):
    row = locate(TWO_WALLS, [12, 30, 30], contact_mm=contact_mm)
    assert row["touches_ventricle"] is touches
    assert row["location"] == ("periventricular" if touches else "deep_white")


def test_contact_on_the_threshold_of_small_voxels():
    """Two voxels of 0.6 mm are 1.2 mm, which no float32 is."""
    row = locate(TWO_WALLS, [11, 30, 30], affine=np.diag([0.6, 0.6, 0.6, 1]), contact_mm=1.2)
    assert row["touches_ventricle"] is True
    assert row["location"] == "periventricular"


def test_choroid_plexus_counts_as_ventricle():
    labels = anatomy(CHOROID_PLEXUS=(0, 10))
    assert locate(labels, [11, 30, 30])["location"] == "periventricular"
    labels = anatomy(THIRD_VENTRICLE=(0, 10))
    assert locate(labels, [11, 30, 30])["location"] == "deep_white"


def bar(low, high):
    """Voxels of a bar along the first axis, ends included."""
    return [[i, 30, 30] for i in range(low, high + 1)]


def test_touching_both_goes_to_the_nearer_part():
    # From voxel 10 to 49: 2 of 40 voxels near the ventricle (10, 11), 2 near the cortex
    assert locate(TWO_WALLS, bar(10, 49))["location"] == "periventricular"  # a draw
    assert locate(TWO_WALLS, bar(11, 49))["location"] == "juxtacortical"  # 1 against 2
    assert locate(TWO_WALLS, bar(10, 48))["location"] == "periventricular"  # 2 against 1


@pytest.mark.parametrize(
    ("structure", "location", "fraction"),
    [
        ("CORTEX", "intracortical", "cortex_fraction"),
        ("THALAMUS", "deep_grey", "deep_grey_fraction"),
        ("BASAL_GANGLIA", "deep_grey", "deep_grey_fraction"),
    ],
)
def test_half_inside_is_mostly_inside(structure, location, fraction):
    labels = anatomy(**{structure: (30, 60)})
    row = locate(labels, bar(28, 31))  # 30 and 31 of four voxels
    assert (row["location"], row[fraction]) == (location, 0.5)
    row = locate(labels, bar(27, 31))  # two of five
    assert row["location"] != location
    assert row[fraction] == pytest.approx(0.4)


@pytest.mark.parametrize("structure", ["BRAINSTEM", "CEREBELLAR_GREY", "CEREBELLAR_WHITE"])
def test_infratentorial_reaches_one_millimetre(structure):
    labels = anatomy(**{structure: (30, 60)})
    row = locate(labels, bar(28, 29))  # 29 is 1 mm from voxel 30, 28 is 2 mm
    assert (row["location"], row["infratentorial_fraction"]) == ("infratentorial", 0.5)
    row = locate(labels, bar(27, 29))
    assert (row["location"], row["infratentorial_fraction"]) == ("deep_white", pytest.approx(1 / 3))


def test_infratentorial_wins_over_cortex_and_ventricle():
    labels = anatomy(LATERAL_VENTRICLES=(0, 10), CEREBELLAR_GREY=(10, 20), CORTEX=(20, 60))
    assert locate(labels, bar(10, 19))["location"] == "infratentorial"


@pytest.mark.parametrize(
    ("scheme", "first", "last", "location"),
    [
        # Overlap with the ventricle widened by 3 mm (voxels up to 12), 20 % at least
        ("lesvoloc20", 12, 16, "periventricular"),  # 1 of 5 voxels: exactly 20 %
        ("lesvoloc20", 12, 17, "deep_white"),  # 1 of 6
        # Overlap with the cortex widened by 1 mm (voxels from 49 on)
        ("lesvoloc20", 45, 49, "juxtacortical"),
        ("lesvoloc20", 44, 48, "deep_white"),
        # First touched within 1.73 mm, the ventricle first
        ("lstai", 10, 49, "periventricular"),
        ("lstai", 11, 49, "juxtacortical"),
        ("lstai", 11, 48, "deep_white"),
        # Up to 10 mm from the ventricle
        ("wmh10mm", 19, 25, "periventricular"),  # 19 - 9 = 10 mm
        ("wmh10mm", 20, 25, "deep_white"),
        ("wmh10mm", 45, 48, "juxtacortical"),
    ],
)
def test_other_schemes(scheme, first, last, location):
    assert locate(TWO_WALLS, bar(first, last), scheme=scheme)["location"] == location


def test_lstai_takes_the_corner_of_a_voxel():
    labels = np.full((SIZE,) * 3, s.WHITE_MATTER, np.uint8)
    labels[20, 20, 20] = s.LATERAL_VENTRICLES
    assert locate(labels, [21, 21, 21], scheme="lstai")["location"] == "periventricular"
    assert locate(labels, [22, 20, 20], scheme="lstai")["location"] == "deep_white"


@pytest.mark.parametrize("scheme", ["lesvoloc20", "lstai", "wmh10mm"])
def test_every_scheme_knows_the_infratentorial(scheme):
    labels = anatomy(BRAINSTEM=(30, 60))
    assert locate(labels, bar(35, 40), scheme=scheme)["location"] == "infratentorial"


def test_unknown_scheme():
    with pytest.raises(SettingsError, match=r"location_scheme is 'mine', but it can be contact, "):
        locate(TWO_WALLS, [30, 30, 30], scheme="mine")


def test_every_scheme_is_described():
    for scheme in SCHEMES:
        assert locate(TWO_WALLS, [30, 30, 30], scheme=scheme)["location"] == "deep_white"


@pytest.mark.parametrize(("length", "assessable"), [(5.0, True), (5.01, False)])
def test_contact_needs_voxels_of_five_millimetres_at_most(length, assessable):
    surroundings = find_surroundings(TWO_WALLS, np.eye(4), midplane=SAGITTAL)
    lesions = np.zeros((60, 60, 12), np.int32)
    lesions[11, 30, 5] = 1
    (row,) = locate_lesions(
        lesions, np.diag([1, 1, length, 1]), surroundings=surroundings, midplane=SAGITTAL
    )
    assert row["location"] == ("periventricular" if assessable else None)
    assert row["touches_ventricle"] is (True if assessable else None)
    assert row["is_cap_like"] is False
    assert row["ventricle_distance_mm"] == 2  # a distance is given all the same


def test_no_ventricle_and_no_cortex():
    row = locate(anatomy(), [30, 30, 30])
    assert row["ventricle_distance_mm"] is None
    assert row["cortex_distance_mm"] is None
    assert row["touches_ventricle"] is row["touches_cortex"] is False
    assert row["location"] == "deep_white"


def test_no_lesion():
    surroundings = find_surroundings(TWO_WALLS, np.eye(4), midplane=SAGITTAL)
    lesions = np.zeros(TWO_WALLS.shape, np.int32)
    assert locate_lesions(lesions, np.eye(4), surroundings=surroundings, midplane=SAGITTAL) == []


def test_lesion_at_the_border_of_the_grid():
    row = locate(TWO_WALLS, [[59, 59, 59], [59, 59, 58]])
    assert row["location"] == "intracortical"


@pytest.mark.parametrize(("offset", "side"), [(29.9, "right"), (30.0, "left"), (30.1, "left")])
def test_hemisphere(offset, side):
    """The centroid at x = 30 mm: right of a plane at 29.9; on the plane it is left."""
    midplane = Midplane(np.array([1.0, 0, 0]), offset)
    assert locate(TWO_WALLS, [30, 30, 30], midplane=midplane)["hemisphere"] == side


def test_hemisphere_across_a_turned_plane():
    # Normal (0.8, 0.6, 0): the point (20, 40) lies at 16 + 24 = 40, (40, 20) at 32 + 12 = 44
    midplane = Midplane(np.array([0.8, 0.6, 0.0]), 42.0)
    assert locate(TWO_WALLS, [20, 40, 30], midplane=midplane)["hemisphere"] == "left"
    assert locate(TWO_WALLS, [40, 20, 30], midplane=midplane)["hemisphere"] == "right"


def horns():
    """Two thin ventricles from front to back, their tips at y = 10 and y = 49."""
    labels = np.full((SIZE,) * 3, s.WHITE_MATTER, np.uint8)
    labels[20:23, 10:50, 28:33] = labels[37:40, 10:50, 28:33] = s.LATERAL_VENTRICLES
    return labels


BETWEEN = Midplane(np.array([1.0, 0.0, 0.0]), 29.5)


@pytest.mark.parametrize(
    ("voxels", "is_cap"),
    [
        ([[21, 50, 30], [21, 51, 30]], True),  # 1 and 2 mm in front of the left front horn
        ([[38, 9, 30], [38, 8, 30]], True),  # behind the right occipital horn
        ([[21, 50, 30], [21, 51, 30], [21, 52, 30]], False),  # 3 mm thick, which is too much
        ([[23, 30, 30], [24, 30, 30]], False),  # beside the body, far from any tip
    ],
)
def test_caps(voxels, is_cap):
    row = locate(horns(), voxels, midplane=BETWEEN)
    assert row["location"] == "periventricular"
    assert row["is_cap_like"] is is_cap


@pytest.mark.parametrize(("y", "is_cap"), [(44, True), (43, False)])
def test_caps_reach_five_millimetres_from_the_tip(y, is_cap):
    # The tip that is found first is the corner voxel (20, 49, 28); the lesion lies 1 mm
    # below it, at (20, y, 27): sqrt((49 - y)^2 + 1) is 5.1 mm at y = 44
    labels = np.full((SIZE,) * 3, s.WHITE_MATTER, np.uint8)
    labels[20, 10:50, 28] = s.LATERAL_VENTRICLES
    row = locate(labels, [20, y + 1, 27], midplane=BETWEEN)
    assert row["is_cap_like"] is is_cap  # sqrt(16 + 1) = 4.1 mm, sqrt(25 + 1) = 5.1 mm


def test_cap_exactly_five_millimetres_away():
    labels = np.full((SIZE,) * 3, s.WHITE_MATTER, np.uint8)
    labels[20, 10:50, 28] = s.LATERAL_VENTRICLES
    # (20, 45, 31) is 4 mm back and 3 mm up from the tip (20, 49, 28): 5 mm; but 3 mm from
    # the ventricle, too thick. (22, ...) cannot be 5 mm either: 2 mm aside needs sqrt(21).
    row = locate(labels, [20, 45, 31], midplane=BETWEEN, contact_mm=3.0)
    assert row["is_cap_like"] is False
    # In front of the tip the reach is the distance to the ventricle itself
    labels[20, 10:50, 29] = labels[20, 10:46, 30] = s.LATERAL_VENTRICLES
    row = locate(labels, [20, 45, 31], midplane=BETWEEN)
    assert row["ventricle_distance_mm"] == 1
    assert row["is_cap_like"] is True


DIRECTIONS = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}


@pytest.mark.parametrize("axis", DIRECTIONS)
@pytest.mark.parametrize("name", phantoms.SPACINGS)
def test_a_ball_beside_a_wall_on_every_grid(name, axis):
    """A ball that just reaches a ventricle touches it, one 9 mm away does not.

    The ball's surface is off by at most half a voxel, and the wall's by half a millimetre.
    """
    direction = np.array(DIRECTIONS[axis], float)
    wide, affine = phantoms.grid(80)
    labels = np.full(wide, s.WHITE_MATTER, np.uint8)
    along = (phantoms.world(wide, affine) - phantoms.CENTRE_MM) @ direction
    labels[along >= 20] = s.LATERAL_VENTRICLES
    surroundings = find_surroundings(labels, affine, midplane=SAGITTAL)
    shape, own = phantoms.named_grid(name, 60)
    slack = 0.5 + max(phantoms.SPACINGS[name]) / 2
    for edge, location in ((21.0, "periventricular"), (11.0, "deep_white")):
        centre = phantoms.CENTRE_MM + direction * (edge - 6)
        lesions = phantoms.ball(shape, own, centre=centre, radius=6).astype(np.int32)
        (row,) = locate_lesions(lesions, own, surroundings=surroundings, midplane=SAGITTAL)
        assert row["location"] == location
        assert row["ventricle_distance_mm"] == pytest.approx(max(0, 20 - edge), abs=slack)
