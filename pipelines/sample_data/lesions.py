"""Lesions: real shapes from a library, set where they sit in MNI space, that grow."""

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.schema.structures import (
    CHOROID_PLEXUS,
    CORTEX,
    LATERAL_VENTRICLES,
)

REGIONS = ("periventricular", "juxtacortical", "deep_white", "infratentorial")
CONTACT_MM = 1.0
"""A lesion this near (inclusive) to ventricle or cortex touches it."""
CLEAR_MM = 3.0
"""A lesion at least this far (inclusive) from ventricle or cortex does not."""
KEPT_SHARE = 0.65
"""Of a shape within its region; one that fits less is not used."""
HALF_THICKNESS_MM = 2.0
"""From a lesion's innermost voxel to the next outside, at least: no thin sheets."""
GAP_MM = 4.0
"""Least distance between two lesions at their largest."""
PAD_VOXELS = 8
SHIFT_MM = 3.0
"""SD of the random shift of a shape from its own place."""
TRIES = 10
SURFACE_BLUR_MM = 0.7
ALL_NEIGHBOURS = np.ones((3, 3, 3))
FIRST_ENTRY = 1
"""Entry 0 of the library is a brain, not a lesion."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion of a head; a track over all visits."""

    track: int
    region: str
    growth_mm: tuple
    darkness: float
    box: tuple
    """Slices of the part of the head it is in."""
    depth: np.ndarray
    """Signed distance of each voxel of the box to the border, in mm; inside above 0."""
    host: np.ndarray
    """Voxels of the box that can be lesion."""

    def share(self, visit):
        """(I, J, K) share of each voxel of the box that is lesion at a visit."""
        growth = self.growth_mm[visit]
        if growth is None:
            return np.zeros(self.depth.shape, np.float32)
        return grown(self.depth, self.host, growth)


def lesion_maps(shape, lesions, visit):
    """Share of lesion of each voxel of a head, and the track of the nearest lesion."""
    share, track = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    for lesion in lesions:
        part = lesion.share(visit)
        share[lesion.box] = np.maximum(share[lesion.box], part)
        track[lesion.box][part > 0] = lesion.track
    nearest = ndi.distance_transform_edt(track == 0, return_distances=False, return_indices=True)
    return share, track[tuple(nearest)]


def track_map(share, track):
    """Number each lesion on a scan's grid: one piece, of as many voxels as its volume fills.

    A threshold of half a voxel would cut a tenth and more off small lesions.

    Parameters
    ----------
    share : (I, J, K) array
        Share of lesion of each voxel.
    track : (I, J, K) int array
        Track of the lesion nearest to each voxel.
    """
    labels = np.zeros(share.shape, np.uint8)
    for number in np.unique(track[share > 0]):
        labels[_fullest(np.where(track == number, share, 0))] = number
    return labels


def _fullest(share):
    """The fullest voxels that hang together, as many as the shares add up to."""
    count, share = round(float(share.sum(dtype=float))), share.copy()
    while True:
        chosen = np.zeros(share.shape, bool)
        chosen.ravel()[np.argsort(-share, axis=None, kind="stable")[:count]] = True
        stray = chosen & ~_largest_piece(chosen)
        if not stray.any():
            return chosen
        share[stray] = 0


def grown(depth, host, growth_mm):
    """Share of lesion per voxel when the border has moved; not across other tissue."""
    share = np.where(host, np.clip(depth + growth_mm + 0.5, 0, 1), 0)
    pieces, _ = ndi.label(share > 0)
    joined = np.unique(pieces[(share > 0) & (depth > 0)])
    return np.where(np.isin(pieces, joined), share, 0).astype(np.float32)


class Library:
    """The lesion shapes as they lie in MNI space, and their mirror images.

    Parameters
    ----------
    shared : Path
        The folder with `atlas`.
    """

    def __init__(self, shared):
        packed = dict(np.load(shared / "atlas/lesion_shapes_MNI_1mm.npz"))
        ends = np.cumsum(packed["length"])
        entries = zip(packed["corner"], packed["box"], ends, packed["length"], strict=True)
        masks, corners = [], []
        for corner, box, end, length in itertools.islice(entries, FIRST_ENTRY, None):
            bits = np.unpackbits(packed["bits"][end - length : end])[: box.prod()]
            # An entry can be several lesions, far apart
            pieces, _ = ndi.label(bits.reshape(box), ALL_NEIGHBOURS)
            for number, part in enumerate(ndi.find_objects(pieces), 1):
                masks.append(pieces[part] == number)
                corners.append(corner + [axis.start for axis in part])
        self.affine = packed["affine"]
        width = round(-2 * self.affine[0, 3])
        mirrored = [
            corner * (-1, 1, 1) + (width + 1 - mask.shape[0], 0, 0)
            for mask, corner in zip(masks, corners, strict=True)
        ]
        self.masks = masks + [mask[::-1] for mask in masks]
        self.corners = corners + mirrored
        self.volume_mm3 = np.array([np.count_nonzero(mask) for mask in self.masks])

    def within(self, diameter_mm, head):
        """Numbers of the shapes that have such a diameter in a head, inclusive."""
        diameter = ball_diameter_mm(self.volume_mm3 / np.linalg.det(head.to_mni[:3, :3]))
        return np.flatnonzero((diameter >= diameter_mm[0]) & (diameter <= diameter_mm[1]))

    def voxels(self, number, head, shift):
        """(N, 3) voxels of a head nearest to those of a shape, shifted by voxels."""
        to_head = np.linalg.inv(head.to_mni @ head.affine) @ self.affine
        points = np.argwhere(self.masks[number]) + self.corners[number]
        return np.round(points @ to_head[:3, :3].T + to_head[:3, 3]).astype(int) + shift

    def placed(self, number, head, shift):
        """Box of the head in which a shape lies, shifted by voxels, and its mask there."""
        voxels = self.voxels(number, head, shift)
        box = _box(voxels.min(0), voxels.max(0) + 1, head.tissue.shape)
        to_shape = np.linalg.inv(self.affine) @ head.to_mni @ head.affine
        points = np.indices([part.stop - part.start for part in box], np.float32)
        points += np.reshape([part.start for part in box] - shift, (3, 1, 1, 1))
        points = np.einsum("ab,bijk->aijk", to_shape[:3, :3], points)
        points += (to_shape[:3, 3] - self.corners[number])[:, None, None, None]
        share = ndi.map_coordinates(self.masks[number].astype(np.float32), points, order=1)
        return box, share >= 0.5


class Placer:
    """Chooses shapes for the lesions of one head, none touching another."""

    def __init__(self, head, library, rng):
        self.head, self.library, self.rng = head, library, rng
        ventricles = head.in_structure(LATERAL_VENTRICLES, CHOROID_PLEXUS)
        self.to_ventricle = ndi.distance_transform_edt(~ventricles)
        self.to_cortex = ndi.distance_transform_edt(~head.in_structure(CORTEX))
        white, below = head.in_tissue("white"), head.in_tissue("brainstem", "cerebellar white")
        central, outer = self.to_cortex >= CLEAR_MM, self.to_ventricle >= CLEAR_MM
        self.hosts = {
            "periventricular": white & central,
            "juxtacortical": white & outer,
            "deep_white": white & central & outer,
            "infratentorial": below,
        }
        self.taken = np.zeros(white.shape, bool)
        self.lesions = []

    def place(self, kind):
        """Set the lesions of one `Lesions` of patients.py."""
        for _ in range(kind.count):
            mask = np.zeros(self.taken.shape, bool)
            for _ in range(kind.shapes):
                box, shape = self._find(kind, mask)
                mask[box] |= shape
            self._add(kind, mask)

    def _find(self, kind, mask):
        """Box and mask of a shape that fits, and that joins `mask` unless it is empty."""
        host = self.hosts[kind.region]
        numbers = self.library.within(kind.diameter_mm, self.head)
        for number in self.rng.permutation(np.tile(numbers, TRIES)):
            shift = np.round(self.rng.normal(0, SHIFT_MM, 3)).astype(int)
            at = tuple(self.library.voxels(number, self.head, shift).T)
            if host[at].mean() < KEPT_SHARE or self.taken[at].any():
                continue
            box, shape = self.library.placed(number, self.head, shift)
            wanted = np.count_nonzero(shape)
            shape = _largest_piece(shape & host[box])
            size, news = np.count_nonzero(shape), np.count_nonzero(shape & ~mask[box])
            joins = 0 < news < size or not mask.any()
            if size < KEPT_SHARE * wanted or ball_diameter_mm(size) < kind.diameter_mm[0]:
                continue
            if not joins or not self._touches(kind, box, shape):
                continue
            if ndi.distance_transform_edt(shape).max() < HALF_THICKNESS_MM:
                continue
            largest = grown(_depth(shape), host[box], kind.largest_growth_mm)
            if not (self.taken[box] & (largest > 0)).any():
                return box, shape
        raise RuntimeError(f"The library has no further shape for {kind}. Ask for fewer.")

    def _touches(self, kind, box, shape):
        """Whether a shape touches what one of its region must touch."""
        if kind.region == "periventricular":
            return self.to_ventricle[box][shape].min() <= CONTACT_MM
        if kind.region == "juxtacortical":
            return self.to_cortex[box][shape].min() <= CONTACT_MM
        return True

    def _add(self, kind, mask):
        """Make a lesion of a mask and keep its surroundings free."""
        voxels = np.argwhere(mask)
        box = _box(voxels.min(0), voxels.max(0) + 1, mask.shape)
        depth, host = _depth(mask[box]), self.hosts[kind.region][box]
        track = len(self.lesions) + 1
        self.lesions.append(
            Lesion(track, kind.region, kind.growth_mm, kind.darkness, box, depth, host)
        )
        largest = grown(depth, host, kind.largest_growth_mm)
        self.taken[box] |= ndi.distance_transform_edt(largest == 0) < GAP_MM


def _box(first, end, shape):
    """Slices from `first` to `end` with a margin, inside an image."""
    first = np.maximum(first - PAD_VOXELS, 0)
    end = np.minimum(end + PAD_VOXELS, shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(first, end, strict=True))


def ball_diameter_mm(volume_mm3):
    """Diameter of the ball of a volume."""
    return (6 * np.asarray(volume_mm3) / np.pi) ** (1 / 3)


def _depth(mask):
    """Signed distance to a mask's smoothed border, in voxels of 1 mm; inside above 0."""
    inside = ndi.distance_transform_edt(mask) - 0.5
    outside = ndi.distance_transform_edt(~mask) - 0.5
    depth = ndi.gaussian_filter(np.where(mask, inside, -outside), SURFACE_BLUR_MM)
    return depth - np.sort(depth, axis=None)[-np.count_nonzero(mask)]  # as large as before


def _largest_piece(mask):
    """The largest connected piece of a mask."""
    pieces, count = ndi.label(mask, ALL_NEIGHBOURS)
    if count < 2:
        return mask
    return pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
