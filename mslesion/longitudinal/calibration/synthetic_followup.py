"""A synthetic follow-up of a patient: the own baseline, with change that is known.

The head is moved, the brain shrunk, the gain changed and noise added; new lesions have
the shapes and the contrast of the patient's own ones. The skull is off alike at both
visits and the scanner is the same: differences of those are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial.transform import Rotation

from mslesion.errors import StepError
from mslesion.imaging.bias import correct_bias
from mslesion.imaging.grid import spacing_mm, world_mm
from mslesion.imaging.resampling import Grid, resample, working_grid
from mslesion.imaging.shape import equivalent_diameter_mm
from mslesion.longitudinal.alignment.placing import FWHM_PER_SIGMA, PlacedScan, VisitMaps
from mslesion.schema import structures as s
from mslesion.schema.label_schemes import OWN_SOURCE
from mslesion.segmentation.anatomy.network import predict_structures
from mslesion.segmentation.lesions.instances import DEFAULT_MIN_SIZE, find_lesions
from mslesion.segmentation.lesions.protocol import LesionSegmenter, lesion_probability
from mslesion.segmentation.lesions.threshold import THRESHOLD
from mslesion.segmentation.onnx_models import CHANNELS

NEW_DIAMETERS_MM = {"new_3_to_5_mm": (3.2, 4.9), "new_5_to_10_mm": (5.2, 9.5)}
"""Range of the diameters of new lesions, by the name of their row."""
NEW_PER_SIZE = 8
"""Number of lesions of each size; fewer if there is not enough room."""
MIN_WHITE_SHARE = 0.8
"""Of a new lesion this share (inclusive) lies in white matter, the rest in grey."""
ROOM_MM = 6.0
"""New lesions keep this distance from all others, so that they are new by every rule."""
TRIES = 4000
MIN_CHANGED_DIAMETER_MM = 5.0
"""Lesions of the patient from this diameter on (inclusive) grow, shrink or stay."""
MIN_SHAPE_VOXELS = 30
"""Lesions of this many voxels or more (inclusive) lend their shape to new ones."""
USUAL_CONTRAST = {"FLAIR": 0.3, "T1w": -0.15, "T2w": 0.5}
"""Brightness of a lesion by white matter, where the patient has none to take it from."""
SOFT_MM = 0.6
"""Width of the border of a lesion."""
MAX_TURN_DEG, MAX_MOVE_MM = 3.0, 4.0
"""The head is set by hand: about so differently at two visits."""
GAIN, NOISE = 1.1, 0.02
"""The follow-up is brighter by this factor, and has this much more noise (by white
matter)."""
CONTRACTION_PCT = -1.0
"""Change of brain volume: about two years of multiple sclerosis."""
BORDER_ERROR_MM, BORDER_SIGMA_MM = 0.5, 2.0
"""Spread, and width of the waves, of the border of a lesion outlined a second time."""
FOLLOW_UP_DAYS = 365


@dataclass(frozen=True, slots=True)
class SyntheticFollowUp:
    """A follow-up, and what is different in it."""

    visit: VisitMaps
    grid: Grid
    """1 mm grid of the arrays below, in the baseline's world."""
    new: np.ndarray
    """(I, J, K) int32: new lesions, numbered from 1."""
    new_sizes: Mapping[int, str]
    """Of each, a name of `NEW_DIAMETERS_MM`."""
    gained: np.ndarray
    """(I, J, K) bool: grown parts and new lesions."""
    grown: tuple[int, ...]
    """Numbers of the baseline's lesions whose radius grew by `growth_mm`."""
    shrunk: tuple[int, ...]
    untouched: tuple[int, ...]
    growth_mm: float
    motion: np.ndarray
    """(4, 4) from world points of the follow-up to those of the baseline."""


def make_follow_up(
    visit: VisitMaps,
    *,
    rng: np.random.Generator,
    lesion_network: LesionSegmenter | None = None,
    threshold: float = THRESHOLD,
    min_size: str = DEFAULT_MIN_SIZE,
) -> SyntheticFollowUp:
    """Make a follow-up of a visit with known change.

    Parameters
    ----------
    visit : VisitMaps
        With a FLAIR and lesions.
    rng : numpy.random.Generator
        Draws places, sizes, motion and noise.
    lesion_network : LesionSegmenter, optional
        Finds the lesions of the follow-up anew, and the structure network its structures.
        Without it the follow-up's maps are the true ones, with errors of their borders.
    threshold : float
        From this lesion probability on (inclusive) a voxel is lesion, as in the visit.
    min_size : str
        Rule of the smallest lesion, as in the visit.

    Returns
    -------
    SyntheticFollowUp

    Raises
    ------
    StepError
        If there is no FLAIR, no lesion map or no white matter.
    """
    if "FLAIR" not in visit.scans or visit.lesions is None:
        raise StepError(
            "The visit has no FLAIR or no lesion map, but synthetic lesions require both. Omit "
            "the calibration."
        )
    flair = visit.scans["FLAIR"]
    grid = working_grid(flair.data.shape, flair.affine)
    anatomy = resample(visit.anatomy, visit.anatomy_affine, to=grid, order=0)
    labels = resample(visit.lesions.astype(np.int32), visit.lesions_affine, to=grid, order=0)
    contrasts, levels = _looks(visit, grid, anatomy, labels)
    growth_mm = max(1.0, *spacing_mm(flair.affine))
    room = (anatomy == s.WHITE_MATTER) & (
        ndi.distance_transform_edt(labels == 0) > ROOM_MM + growth_mm
    )
    new, new_sizes, sources = _new_lesions(labels, anatomy, room, rng)
    groups = _choose(labels, growth_mm, rng)
    after = _changed(labels, anatomy, groups, growth_mm)
    motion = _motion(anatomy > 0, grid.affine, rng)
    scans = {}
    for name, scan in visit.scans.items():
        own = contrasts[name]
        look = own[after] - own[labels] + np.append(0, own[list(sources)])[new]
        look = ndi.gaussian_filter(look, SOFT_MM)
        scans[name] = _moved(scan, motion, look, grid, levels[name], rng)
    moved = replace(
        visit,
        scans=scans,
        anatomy=resample(
            visit.anatomy,
            visit.anatomy_affine,
            to=Grid(visit.anatomy.shape, visit.anatomy_affine),
            transform=motion,
            order=0,
        ),
        session="synthetic",
        day=None if visit.day is None else visit.day + timedelta(days=FOLLOW_UP_DAYS),
        locations={},
    )
    if lesion_network is None:
        moved = _outlined_again(moved, (after > 0) | (new > 0), grid, motion, rng)
    else:
        moved = _segmented_again(moved, lesion_network, threshold, min_size)
    gained = ((after > 0) & (labels == 0)) | (new > 0)
    return SyntheticFollowUp(moved, grid, new, new_sizes, gained, *groups, growth_mm, motion)


def _looks(visit, grid, anatomy, labels):
    """Contrast of each lesion (0 first) and level of white matter, by modality."""
    white = (anatomy == s.WHITE_MATTER) & ~ndi.binary_dilation(labels > 0, iterations=3)
    if not white.any():
        raise StepError(
            "The anatomy map has no white matter, but synthetic lesions lie in it. Check the map."
        )
    numbers = np.arange(1, int(labels.max()) + 1)
    contrasts, levels = {}, {}
    for name, scan in visit.scans.items():
        values = resample(scan.data, scan.affine, to=grid, transform=scan.from_reference)
        levels[name] = float(np.median(values[white]))
        usual = USUAL_CONTRAST.get(name, 0.0)
        found = np.zeros(0)
        if len(numbers):
            found = np.atleast_1d(ndi.median(values, labels, numbers)) / levels[name] - 1
        # A number that is too small for the 1 mm grid has no voxel there
        found = np.where(np.bincount(labels.ravel(), minlength=len(numbers) + 1)[1:], found, usual)
        contrasts[name] = np.concatenate([[0.0], found, [usual]])
    return contrasts, levels


def _new_lesions(labels, anatomy, room, rng):
    """New lesions, the name of the size of each, and whose contrast each has."""
    brain = (anatomy > 0) & ~np.isin(anatomy, s.indices(s.FLUID))
    count = int(labels.max())
    shapes = [
        (number, labels[box] == number)
        for number, box in enumerate(ndi.find_objects(labels), start=1)
        if box is not None and np.count_nonzero(labels[box] == number) >= MIN_SHAPE_VOXELS
    ]
    ball = np.linalg.norm(np.indices((21, 21, 21)) - 10, axis=0) <= 10
    shapes = shapes or [(count + 1, ball)]
    new, sizes, sources = np.zeros(labels.shape, np.int32), {}, []
    places = np.argwhere(room)
    far = np.ones(labels.shape, bool)
    for name, (low, high) in NEW_DIAMETERS_MM.items():
        made = 0
        for _ in range(TRIES):
            if made == NEW_PER_SIZE or not len(places):
                break
            place = places[rng.integers(len(places))]
            source, shape = shapes[rng.integers(len(shapes))]
            small = _resized(shape, rng.uniform(low, high), rng)
            start = place - np.array(small.shape) // 2
            if (start < 0).any() or (start + small.shape > labels.shape).any():
                continue
            box = tuple(slice(a, a + n) for a, n in zip(start, small.shape, strict=True))
            kept = small & brain[box]
            white = np.count_nonzero(small & (anatomy[box] == s.WHITE_MATTER))
            fits = white >= MIN_WHITE_SHARE * np.count_nonzero(small) and far[box][kept].all()
            size = equivalent_diameter_mm(float(np.count_nonzero(kept)))
            if not fits or not low <= size <= high:
                continue
            sources.append(source)
            new[box][kept] = len(sources)
            sizes[len(sources)] = name
            far = ndi.distance_transform_edt(new == 0) > ROOM_MM
            places = places[far[tuple(places.T)]]
            made += 1
    return new, sizes, sources


def _resized(shape: np.ndarray, diameter_mm: float, rng) -> np.ndarray:
    """A lesion's shape, turned at random, at another size."""
    volume = float(np.count_nonzero(shape))
    factor = equivalent_diameter_mm(volume) / diameter_mm
    turn = Rotation.random(random_state=rng).as_matrix() * factor
    side = 2 * int(np.ceil(np.linalg.norm(shape.shape) / factor / 2)) + 3
    offset = (np.array(shape.shape) - 1) / 2 - turn @ np.full(3, (side - 1) / 2)
    # As sharp as the new voxels are large, so that a large lesion does not fall apart
    soft = ndi.gaussian_filter(shape.astype(np.float32), max(0.3, 0.4 * factor))
    moved = ndi.affine_transform(soft, turn, offset, output_shape=(side,) * 3, order=1)
    wanted = round(np.pi / 6 * diameter_mm**3)
    cut = np.sort(moved, axis=None)[-min(wanted, moved.size)]
    mask = moved >= max(float(cut), 1e-3)
    pieces, _ = ndi.label(mask, np.ones((3, 3, 3)))
    largest = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    return largest[ndi.find_objects(largest.astype(np.uint8))[0]]


def _choose(labels, growth_mm, rng):
    """Which lesions grow, shrink and stay: a third each."""
    sizes = np.bincount(labels.ravel())
    numbers = [
        n
        for n in range(1, len(sizes))
        if equivalent_diameter_mm(float(sizes[n])) >= MIN_CHANGED_DIAMETER_MM
    ]
    numbers = rng.permutation(numbers).tolist() if numbers else []
    # A lesion that would lose all of its voxels is resolved, not shrunk
    large = [n for n in numbers if equivalent_diameter_mm(float(sizes[n])) >= 2 * growth_mm + 2]
    third = len(numbers) // 3
    shrunk = large[:third]
    rest = [n for n in numbers if n not in shrunk]
    grown = rest[:third]
    untouched = rest[third:]
    return tuple(sorted(grown)), tuple(sorted(shrunk)), tuple(sorted(untouched))


def _changed(labels, anatomy, groups, growth_mm):
    """Lesions of the follow-up, still where they were."""
    grown, shrunk, _ = groups
    after = labels.copy()
    free = (anatomy > 0) & ~np.isin(anatomy, s.indices(s.FLUID)) & (labels == 0)
    reach = int(np.ceil(growth_mm)) + 2
    boxes = ndi.find_objects(labels)
    for number in (*grown, *shrunk):
        box = tuple(slice(max(0, b.start - reach), b.stop + reach) for b in boxes[number - 1])
        own = labels[box] == number
        if number in grown:
            others = ndi.binary_dilation((after[box] > 0) & ~own, iterations=2)
            rim = (_depth_outside(own) <= growth_mm) & free[box] & ~others
            after[box][rim] = number
        else:
            depth = ndi.distance_transform_edt(np.pad(own, 1))[1:-1, 1:-1, 1:-1]
            after[box][own & (depth <= growth_mm + 1e-6)] = 0
    return after


def _depth_outside(mask: np.ndarray) -> np.ndarray:
    """Distance from a mask's border: smoothed, so that balls grow by what is said."""
    outside = ndi.distance_transform_edt(~mask)
    inside = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1, 1:-1]
    return ndi.gaussian_filter(np.where(mask, 0.5 - inside, outside - 0.5), 0.5)


def _motion(brain, affine, rng) -> np.ndarray:
    """From the follow-up's world to the baseline's: a rigid move, and the contraction."""
    centre = world_mm(affine, np.array(ndi.center_of_mass(brain))[None])[0]
    turn = Rotation.from_euler("xyz", rng.uniform(-1, 1, 3) * MAX_TURN_DEG, degrees=True)
    # The mean volume is the reference of a change in percent
    share = CONTRACTION_PCT / 200
    stretch = ((1 - share) / (1 + share)) ** (1 / 3)
    out = np.eye(4)
    out[:3, :3] = turn.as_matrix() * stretch
    out[:3, 3] = centre - out[:3, :3] @ centre + rng.uniform(-1, 1, 3) * MAX_MOVE_MM
    return out


def _moved(scan: PlacedScan, motion, look, grid, level, rng) -> PlacedScan:
    """A scan of the follow-up, on the same grid as before."""
    own = Grid(scan.data.shape, scan.affine)
    back = np.linalg.inv(scan.from_reference)
    to_baseline = scan.from_reference @ motion @ back
    values = resample(scan.data, scan.affine, to=own, transform=to_baseline, order=3)
    has = resample((scan.data > 0).astype(np.float32), scan.affine, to=own, transform=to_baseline)
    for axis, side in enumerate(spacing_mm(scan.affine)):
        if side > 1:  # a slice shows the mean of what lies in it
            normal = np.linalg.inv(grid.affine)[:3, :3] @ back[:3, :3] @ scan.affine[:3, axis]
            sigma = np.sqrt(side**2 - 1) / FWHM_PER_SIGMA
            look = ndi.gaussian_filter1d(look, sigma, axis=int(np.abs(normal).argmax()))
    values += level * resample(look, grid.affine, to=own, transform=motion @ back)
    values = GAIN * (values + NOISE * level * rng.standard_normal(values.shape))
    values = np.where(has > 0.5, np.maximum(values, 1e-3 * level), 0).astype(np.float32)
    return replace(scan, data=values)


def _outlined_again(visit, mask, grid, motion, rng) -> VisitMaps:
    """Lesions of the follow-up by their true mask, with errors of its border."""
    depth = -ndi.distance_transform_edt(~mask) if not mask.all() else np.zeros(mask.shape)
    depth += ndi.distance_transform_edt(mask)
    depth -= np.sign(depth) / 2  # the border lies between two voxels
    wave = ndi.gaussian_filter(rng.standard_normal(mask.shape), BORDER_SIGMA_MM)
    depth += BORDER_ERROR_MM * wave / wave.std()
    to = Grid(visit.lesions.shape, visit.lesions_affine)
    far = float(depth.min())
    depth = resample(depth - far, grid.affine, to=to, transform=motion) + far
    probability = (1 / (1 + np.exp(-depth / BORDER_ERROR_MM))).astype(np.float32)
    found = find_lesions(probability > 0.5, to.affine)
    return replace(
        visit,
        lesions=found.labels,
        probability=None if visit.probability is None else probability,
    )


def _segmented_again(visit, network: LesionSegmenter, threshold: float, min_size: str) -> VisitMaps:
    """Anatomy and lesions of the follow-up as the networks find them."""
    flair = visit.scans["FLAIR"]
    grid = working_grid(flair.data.shape, flair.affine)
    channels = {
        name: np.maximum(
            resample(scan.data, scan.affine, to=grid, transform=scan.from_reference), 0
        )
        for name, scan in visit.scans.items()
        if name in CHANNELS
    }
    if visit.anatomy_source == OWN_SOURCE:
        found = predict_structures(channels)
    else:  # a given anatomy is not made anew: the true one moves along
        found = resample(visit.anatomy, visit.anatomy_affine, to=grid, order=0)
    lesion = lesion_probability(network, channels, anatomy=found, affine=grid.affine)
    to = Grid(visit.lesions.shape, visit.lesions_affine)
    anatomy = resample(found, grid.affine, to=to, order=0)
    probability = resample(lesion, grid.affine, to=to)
    native = resample(flair.data, flair.affine, to=to, transform=flair.from_reference)
    corrected = correct_bias(native, to.affine, mask=anatomy > 0).corrected
    mask = network.mask(
        probability,
        anatomy=anatomy,
        flair=corrected,
        spacing_mm=spacing_mm(to.affine),
        threshold=threshold,
    ).mask
    labels = find_lesions(mask, to.affine, probability=probability, min_size=min_size).labels
    return replace(
        visit,
        anatomy=found,
        anatomy_affine=grid.affine,
        lesions=labels,
        probability=probability,
    )
