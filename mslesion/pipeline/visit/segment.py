"""The middle of a visit: anatomy, lesion mask and single lesions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from mslesion.errors import StepError
from mslesion.imaging.bias import BiasField, correct_bias
from mslesion.imaging.grid import check_same_grid, is_same_grid, spacing_mm, voxel_volume_mm3
from mslesion.imaging.intensity import network_scale
from mslesion.imaging.resampling import Grid, resample, resample_mask
from mslesion.imaging.threads import together
from mslesion.measures.appearance import TissueReference, reference_tissue
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.anatomy import VisitAnatomy
from mslesion.pipeline.visit.head import FoundHead, HeadMatch
from mslesion.pipeline.visit.prepare import Prepared
from mslesion.schema import structures as s
from mslesion.schema.label_schemes import OWN_SOURCE
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.segmentation.anatomy.maps import sees_skull
from mslesion.segmentation.anatomy.midplane import Midplane, find_midplane
from mslesion.segmentation.lesions.instances import LesionMap, find_lesions, label_lesions
from mslesion.segmentation.lesions.protocol import (
    LesionSegmenter,
    lesion_probability,
    missing_modality,
)
from mslesion.segmentation.lesions.threshold import LesionMask

MASK_SHIFTED = "mask_shifted"
"""Named warning: a given mask lies up to a tenth of a voxel away from the scan; its voxels are
taken as they are."""
MIN_FLAIR_GREY_TO_WHITE = 0.9
"""On a FLAIR the cortex is at least this bright by white matter (inclusive)."""
MAX_FLAIR_CSF_TO_WHITE = 1.0
"""On a FLAIR the ventricles are at most this bright by white matter (inclusive)."""
MAX_GIVEN_CSF_TO_WHITE = 0.8
"""On FLAIR and T1w the ventricles of a given anatomy are at most this bright by white matter
(inclusive). Ours: on T1w 0.43 to 0.54 in eight heads of 2 mm with labels of DLMUSE; with the labels
shifted by 6 mm 0.49 to 1.32, depending on the direction, so that not every such shift is found; on
FLAIR 0.17 to 0.45 in four."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """A visit's anatomy and lesions."""

    anatomy: np.ndarray
    """(I, J, K) uint8 on the reference's own grid, numbers of `STRUCTURES`."""
    working_anatomy: np.ndarray
    """The same on the 1 mm grid."""
    midplane: Midplane
    sees_skull: bool
    corrected: Mapping[str, np.ndarray]
    """Scans without bias field on the reference's own grid, by modality."""
    bias_range: Mapping[str, float]
    references: Mapping[str, TissueReference]
    """Normal-appearing tissue by modality."""
    probability: np.ndarray | None
    """Lesion probability on the reference's own grid; None for a given mask."""
    lesions: LesionMap | None
    """None where the lesion network lacks a scan and there is no given mask."""
    missing_scan: str
    """Modality that the lesion network needs and the visit lacks; empty if there are lesions."""
    removed_count: int | None
    """Components taken out because they lay in fluid; None for a given mask."""
    resampling_change_pct: float | None
    """Difference between the lesion volume on the reference's grid, as it is delivered, and on
    the grid where the mask was made, in percent of the larger one; None without lesions."""
    anatomy_source: str = OWN_SOURCE
    """`OWN_SOURCE`, or `GIVEN_SOURCE` and the scheme of the labels."""
    reaches_skull: bool = True
    """Whether the anatomy has the CSF around the brain; a given one may have none."""
    warnings: tuple[str, ...] = ()
    """Named warnings about a given mask or anatomy, and about scans that are not used."""
    match: HeadMatch = field(default_factory=HeadMatch)
    """How the other scans fit the reference."""

    @property
    def has_given_anatomy(self) -> bool:
        """Whether the anatomy was made elsewhere."""
        return self.anatomy_source != OWN_SOURCE


def segment_visit(
    head: FoundHead,
    *,
    settings: Settings,
    lesion_network: LesionSegmenter,
    lesion_mask: tuple[np.ndarray, np.ndarray] | None = None,
) -> Segmented:
    """Find the lesions of a visit, and the normal-appearing tissue of its scans.

    Parameters
    ----------
    head : FoundHead
        Scans on one grid, and the anatomy.
    settings : Settings
        Threshold, smallest lesion, whether the skull is off.
    lesion_network : LesionSegmenter
        Finds the lesions where no mask is given.
    lesion_mask : tuple of ((I, J, K) bool array, (4, 4) array), optional
        A given mask and its affine, instead of a lesion network.

    Returns
    -------
    Segmented

    Raises
    ------
    StepError
        If the FLAIR is none, a given anatomy does not fit the scans, or the lesion network
        returns no probability.
    GeometryError
        If the given mask is on another grid and may not be resampled.
    """
    prepared, found = head.prepared, head.anatomy
    channels = prepared.channels
    anatomy, working_anatomy = found.native, found.working
    skull = settings.skull_stripped == "no"
    if settings.skull_stripped == "auto":
        scan = network_scale(prepared.working[prepared.reference])
        skull = sees_skull(scan, working_anatomy)
    *found_fields, midplane = together(
        *_bias_tasks(prepared, anatomy > 0),
        partial(find_midplane, working_anatomy, prepared.working_grid.affine),
    )
    fields = dict(zip(prepared.native, found_fields, strict=True))
    corrected = {name: field.corrected for name, field in fields.items()}
    if lesion_mask is not None:
        drawn = _given_mask(*lesion_mask, prepared=prepared, settings=settings)
    elif missing := missing_modality(lesion_network, channels):
        drawn = _DrawnMask(missing_scan=missing)
    else:
        flair = corrected.get(FLAIR)
        drawn = _found_mask(lesion_network, channels, found, flair, prepared, settings)
    lesions, known, moved = None, np.zeros(anatomy.shape, bool), None
    if drawn.mask is not None:
        known = drawn.mask
        lesions = find_lesions(
            known, prepared.grid.affine, probability=drawn.probability, min_size=settings.min_size
        )
        moved = _resampling_change(drawn, lesions, min_size=settings.min_size)
    references = {
        name: reference_tissue(scan, prepared.grid.affine, anatomy=anatomy, lesions=known)
        for name, scan in corrected.items()
    }
    _check_fit(corrected, found, references, prepared)
    _check_flair(corrected, anatomy, references, prepared)
    return Segmented(
        anatomy=anatomy,
        working_anatomy=working_anatomy,
        midplane=midplane,
        sees_skull=skull,
        corrected=corrected,
        bias_range={name: field.range_ratio for name, field in fields.items()},
        references=references,
        probability=drawn.probability,
        lesions=lesions,
        missing_scan=drawn.missing_scan,
        removed_count=drawn.removed_count,
        resampling_change_pct=moved,
        anatomy_source=found.source,
        reaches_skull=found.reaches_skull,
        warnings=(*found.warnings, *drawn.warnings, *head.match.warnings),
        match=head.match,
    )


def _bias_tasks(prepared: Prepared, inside: np.ndarray) -> list[Callable[[], BiasField]]:
    """What finds the bias field of each scan."""
    return [
        partial(correct_bias, scan, prepared.grid.affine, mask=inside)
        for scan in prepared.native.values()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _DrawnMask:
    """A lesion mask on the reference's grid, found or given; fields as in `Segmented`."""

    mask: np.ndarray | None = None
    probability: np.ndarray | None = None
    missing_scan: str = ""
    removed_count: int | None = None
    made: tuple[np.ndarray, np.ndarray] | None = None
    """The mask and its affine on the grid where it was made, if that is another."""
    warnings: tuple[str, ...] = ()


def _found_mask(
    network: LesionSegmenter,
    channels: Mapping[str, np.ndarray],
    found: VisitAnatomy,
    flair: np.ndarray | None,
    prepared: Prepared,
    settings: Settings,
) -> _DrawnMask:
    """The mask that a lesion network finds on the 1 mm grid, cut on the reference's own."""
    grid, working_grid = prepared.grid, prepared.working_grid
    working = lesion_probability(
        network, channels, anatomy=found.working, affine=working_grid.affine
    )
    probability = resample(working, working_grid.affine, to=grid)

    def cut(map_: np.ndarray, anatomy: np.ndarray, on: Grid) -> LesionMask:
        return network.mask(
            map_,
            anatomy=anatomy,
            flair=None if flair is None else resample(flair, grid.affine, to=on),
            spacing_mm=spacing_mm(on.affine),
            threshold=settings.lesion_threshold,
        )

    own = cut(probability, found.native, grid)
    made = None
    if not is_same_grid(grid.shape, grid.affine, working_grid.shape, working_grid.affine):
        made = cut(working, found.working, working_grid).mask, working_grid.affine
    return _DrawnMask(
        mask=own.mask, probability=probability, removed_count=own.removed_count, made=made
    )


def _check_fit(corrected, found: VisitAnatomy, references, prepared: Prepared) -> None:
    """Raise if the ventricles of a given anatomy do not lie on dark fluid."""
    for name in (FLAIR, T1W):
        if found.source == OWN_SOURCE or name not in corrected:
            continue
        fluid = _ventricles_to_white(corrected[name], found.native, references[name])
        if fluid > MAX_GIVEN_CSF_TO_WHITE:
            raise StepError(
                f"{found.name} has ventricles at {fluid:.2f} of white matter on "
                f"{prepared.scans[name].path}, but at most {MAX_GIVEN_CSF_TO_WHITE:g} is "
                "expected. Check that it is of this scan and lies in its space."
            )


def _ventricles_to_white(scan, anatomy, reference: TissueReference) -> float:
    """Median of the lateral ventricles by that of white matter; 0 where none are seen."""
    ventricles = scan[(anatomy == s.LATERAL_VENTRICLES) & (scan > 0)]
    return float(np.median(ventricles)) / reference.white.median if ventricles.size else 0.0


def _check_flair(corrected, anatomy, references, prepared: Prepared) -> None:
    """Raise if there is a FLAIR and it has the contrast of a T1w or T2w."""
    if FLAIR not in corrected:
        return
    reference = references[FLAIR]
    grey = reference.grey.median / reference.white.median
    fluid = _ventricles_to_white(corrected[FLAIR], anatomy, reference)
    looks_like = ""
    if grey < MIN_FLAIR_GREY_TO_WHITE:
        looks_like = f"cortex at {grey:.2f} of white matter, as in a T1w"
    elif fluid > MAX_FLAIR_CSF_TO_WHITE:
        looks_like = f"ventricles at {fluid:.2f} of white matter, as in a T2w"
    if looks_like:
        raise StepError(
            f"{prepared.scans[FLAIR].path} shows {looks_like}, but a FLAIR has bright cortex and "
            "dark ventricles. Check which scan it is."
        )


def _given_mask(mask, affine, *, prepared: Prepared, settings: Settings) -> _DrawnMask:
    """A given mask on the reference's grid."""
    grid = prepared.grid
    if settings.resample_masks and not is_same_grid(mask.shape, affine, grid.shape, grid.affine):
        return _DrawnMask(mask=resample_mask(mask, affine, to=grid), made=(mask, affine))
    shifted = check_same_grid(
        mask.shape,
        affine,
        grid.shape,
        grid.affine,
        name="The given lesion mask",
        other_name=str(prepared.reference_scan.path),
    )
    return _DrawnMask(mask=mask, warnings=(MASK_SHIFTED,) if shifted else ())


def _resampling_change(drawn: _DrawnMask, lesions: LesionMap, *, min_size: str) -> float:
    """Percent by which the delivered lesion volume and that of the mask as made differ.

    Of the larger volume, so that it is known where one is 0. Two empty masks do not differ, nor
    does a mask that was made on the grid of the scan.
    """
    if drawn.made is None:
        return 0.0
    mask, affine = drawn.made
    made = label_lesions(mask, affine, min_size=min_size) > 0
    volumes = [
        np.count_nonzero(one) * voxel_volume_mm3(matrix)
        for one, matrix in ((made, affine), (lesions.mask, lesions.affine))
    ]
    return 100 * (1 - min(volumes) / max(volumes)) if max(volumes) else 0.0
