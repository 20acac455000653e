"""Lesions of two visits, brought together: each voxel's lesion, and which lesions are one.

The masks of both visits come from the scans and both lesion maps; the lesions in them are
those that each visit outlined. A few voxels of the earlier map in the place of a large new
lesion are no earlier stage of it: such negligible lesions make no history.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.shape import longest_distance_mm
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.sizes import Size, is_negligible
from mslesion.segmentation.lesions.instances import assign_lesions


@dataclass(frozen=True, slots=True)
class AssignedLesions:
    """Lesions of one visit, each voxel of its mask assigned to one."""

    labels: np.ndarray
    """(I, J, K) int32."""
    outlined_mm3: np.ndarray
    """Volume of each lesion as outlined, by its number."""
    listed_count: int
    """Lesions up to this number stand in the visit's lesion table."""
    sizes: Mapping[int, Size]
    boxes: list
    """Box of each lesion; None where a number has no voxel."""


def lesions_of_mask(
    mask: np.ndarray, outlined: np.ndarray, *, spacing_mm: tuple[float, float, float]
) -> AssignedLesions:
    """The lesions of a visit's mask.

    Parameters
    ----------
    mask : (I, J, K) bool array
        Lesion voxels, in the common frame.
    outlined : (I, J, K) int array
        Lesions of the visit with numbers; their borders may lie elsewhere.
    spacing_mm : tuple of float, shape (3,)
        Voxel sides of the frame, axes close to RAS.

    Returns
    -------
    AssignedLesions
    """
    labels = assign_lesions(mask, outlined)
    sizes = _sizes(labels, spacing_mm)
    voxel_counts = np.bincount(outlined.ravel(), minlength=max(sizes, default=0) + 1)
    return AssignedLesions(
        labels=labels,
        outlined_mm3=voxel_counts * float(np.prod(spacing_mm)),
        listed_count=int(outlined.max(initial=0)),
        sizes=sizes,
        boxes=ndi.find_objects(labels),
    )


def group_visits(
    first: AssignedLesions,
    second: AssignedLesions,
    *,
    thickest_mm: float,
    spacing_mm: tuple[float, float, float],
) -> tuple[list[t.Group], list[t.Link]]:
    """Lesions of both visits that belong together.

    Parameters
    ----------
    first, second : AssignedLesions
        The visits.
    thickest_mm : float
        Longest voxel side of both.
    spacing_mm : tuple of float, shape (3,)
        Voxel sides of the frame.

    Returns
    -------
    groups : list of Group
    links : list of Link
        Between the lesions of each group.
    """
    links, meetings = t.link_lesions(first.labels, second.labels, spacing=spacing_mm)
    partners = (
        _largest_partners(links, 0, second.sizes),
        _largest_partners(links, 1, first.sizes),
    )
    negligible = (
        _find_negligible(first, partners[0], second.sizes, thickest_mm),
        _find_negligible(second, partners[1], first.sizes, thickest_mm),
    )
    links = _without_joining(links, partners, negligible)
    groups = t.group_lesions(
        links,
        first=sorted(first.sizes),
        second=sorted(second.sizes),
        meetings=meetings,
        negligible=negligible,
    )
    return groups, links


def _sizes(labels: np.ndarray, spacing_mm: tuple[float, float, float]) -> dict[int, Size]:
    """Size of each lesion, axes close to RAS."""
    sizes, sides = {}, np.array(spacing_mm)
    for number, box in enumerate(ndi.find_objects(labels), start=1):
        if box is None:
            continue
        mask = labels[box] == number
        sizes[number] = Size(
            volume_mm3=float(np.count_nonzero(mask) * sides.prod()),
            long_axis_mm=longest_distance_mm(np.argwhere(mask) * sides) + float(sides.mean()),
            area_mm2=float(mask.sum(axis=(0, 1)).max() * sides[:2].prod()),
        )
    return sizes


def size_together(sizes: Mapping[int, Size], numbers: Iterable[int]) -> Size:
    """Size of several lesions of a visit together.

    Parameters
    ----------
    sizes : mapping of int to Size
        Of each lesion.
    numbers : iterable of int
        Which lesions; none give a size of 0.

    Returns
    -------
    Size
        Volumes and areas are added; the long axis is the longest.
    """
    found = [sizes[n] for n in numbers]
    return Size(
        sum((one.volume_mm3 for one in found), 0.0),
        max((one.long_axis_mm for one in found), default=0.0),
        sum((one.area_mm2 for one in found), 0.0),
    )


def _find_negligible(
    own: AssignedLesions,
    partners: Mapping[int, int],
    other_sizes: Mapping[int, Size],
    thickest_mm: float,
) -> set[int]:
    """Lesions of a visit that are too small for the largest lesion they are linked to.

    Those linked to one lesion count together: a lesion of many pieces was there before. Nor is
    a lesion negligible if its own visit's outline is large enough.
    """
    sizes = {
        number: replace(size, volume_mm3=max(size.volume_mm3, float(own.outlined_mm3[number])))
        for number, size in own.sizes.items()
    }
    by_partner: dict[int, list[int]] = {}
    for number, partner in partners.items():
        if is_negligible(sizes[number], other_sizes[partner], thickest_mm=thickest_mm):
            by_partner.setdefault(partner, []).append(number)
    found = set()
    for partner, numbers in by_partner.items():
        together = size_together(sizes, numbers)
        if is_negligible(together, other_sizes[partner], thickest_mm=thickest_mm):
            found.update(numbers)
    return found


def _largest_partners(links, visit: int, sizes: Mapping[int, Size]) -> dict[int, int]:
    """For each linked lesion of a visit the largest lesion of the other that it is linked to."""
    partners: dict[int, int] = {}
    for link in links:
        number, partner = link[visit], link[1 - visit]
        known = partners.get(number)
        if known is None or sizes[partner].volume_mm3 > sizes[known].volume_mm3:
            partners[number] = partner
    return partners


def _without_joining(links, partners, negligible) -> list[t.Link]:
    """Links but those by which a negligible lesion would join two: it keeps its largest."""
    return [
        link
        for link in links
        if (link.first not in negligible[0] or partners[0][link.first] == link.second)
        and (link.second not in negligible[1] or partners[1][link.second] == link.first)
    ]
