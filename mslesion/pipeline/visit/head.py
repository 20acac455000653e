"""The head of a visit: its anatomy, and whether all scans show it, the same way round."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mslesion.errors import StepError
from mslesion.imaging.grid import is_same_grid, voxel_volume_mm3
from mslesion.imaging.local_agreement import share_in_place
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.anatomy import LabelMap, VisitAnatomy, own_anatomy, place_anatomy
from mslesion.pipeline.visit.prepare import Prepared, place_on_reference
from mslesion.schema import structures as s
from mslesion.schema.checks import CHECK_BY_NAME, FAIL, PASS
from mslesion.schema.label_schemes import OWN_SOURCE
from mslesion.schema.modalities import T1W, T1W_CONTRAST, T2W
from mslesion.segmentation.anatomy.maps import MIN_BRAIN_ML
from mslesion.segmentation.anatomy.network import predict_structures

CHECK = CHECK_BY_NAME["edges_in_place"]
COMPARED_WITH_REFERENCE = (T1W, T2W, T1W_CONTRAST)
"""Scans for which the check was measured (docs/validation.md); other contrasts are not judged."""
OTHER_HEAD, MIRRORED = "other_head", "mirrored"
"""Named warnings, after the modality, of a scan that is not used: it shows another head than the
reference, or could not be registered to it; it shows its mirror image."""


@dataclass(frozen=True, slots=True)
class HeadMatch:
    """How the scans of a visit fit its reference."""

    shares: Mapping[str, float | None] = field(default_factory=dict)
    """Percentage of the brain with edges in place, by modality; None where it cannot be told."""
    unfit: Mapping[str, str] = field(default_factory=dict)
    """`OTHER_HEAD` or `MIRRORED`, by modality of the scans that must not be used."""

    @property
    def is_mirrored(self) -> bool:
        """Whether scans contradict each other on which side is the left one."""
        return MIRRORED in self.unfit.values()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Named warnings, each with its modality."""
        return tuple(f"{name}:{problem}" for name, problem in self.unfit.items())

    @property
    def lowest(self) -> float | None:
        """The value of the check."""
        return min((share for share in self.shares.values() if share is not None), default=None)

    @property
    def detail(self) -> str:
        """What was found, for the check."""
        words = {
            OTHER_HEAD: "another head, or not registered",
            MIRRORED: "mirrored left to right",
        }
        return "; ".join(
            f"{name} is not used: {words[problem]} ({self.shares[name]:.0f} % in place)"
            for name, problem in self.unfit.items()
        )


def match_heads(prepared: Prepared, brain: np.ndarray) -> HeadMatch:
    """Hold each scan of a visit against its reference.

    A scan that fails the check is not used. Where it does not pass, its mirror image is
    registered too: if that passes or warns, and fits better, the scan is mirrored.

    Parameters
    ----------
    prepared : Prepared
        The visit's scans.
    brain : (I, J, K) bool array
        The head's inside on the working grid.

    Returns
    -------
    HeadMatch
    """
    shares, unfit = {}, {}
    reference = prepared.working[prepared.reference]
    for name in prepared.working:
        if name == prepared.reference or name not in COMPARED_WITH_REFERENCE:
            continue
        shares[name] = share = share_in_place(reference, prepared.working[name], brain)
        if share is None or CHECK.state(share) == PASS:
            continue
        scan = prepared.scans[name]
        turned = replace(scan, data=scan.data[::-1])
        mirrored = place_on_reference(
            turned, reference=prepared.reference_scan, grid=prepared.working_grid
        )
        mirrored_share = share_in_place(reference, mirrored, brain) or 0.0
        if mirrored_share > share and CHECK.state(mirrored_share) != FAIL:
            unfit[name] = MIRRORED
        elif CHECK.state(share) == FAIL:
            unfit[name] = OTHER_HEAD
    return HeadMatch(shares, unfit)


@dataclass(frozen=True, slots=True)
class FoundHead:
    """A visit's head: its anatomy, and the scans that show it."""

    prepared: Prepared
    """The visit without the scans that do not fit its reference."""
    anatomy: VisitAnatomy
    match: HeadMatch


def find_head(
    prepared: Prepared, *, settings: Settings, label_map: LabelMap | None = None
) -> FoundHead:
    """Find the structures of a visit, and leave out the scans of another head.

    Parameters
    ----------
    prepared : Prepared
        Scans on one grid.
    settings : Settings
        Whose numbers a given anatomy has.
    label_map : LabelMap, optional
        A given label map of the anatomy, instead of the structure network.

    Returns
    -------
    FoundHead

    Raises
    ------
    StepError
        If there is no brain or too little of one, or a given anatomy lies on a scan of another
        head.
    MaskError
        If the labels of a given anatomy are not those of their scheme.
    """
    if label_map is None:
        found = own_anatomy(predict_structures(prepared.channels), prepared=prepared)
    else:
        found = place_anatomy(label_map, scheme=settings.anatomy_labels, prepared=prepared)
    _check_brain(found, prepared)
    match = match_heads(prepared, found.working > 0)
    if not match.unfit:
        return FoundHead(prepared, found, match)
    fitting = prepared.without(match.unfit)
    if label_map is None:
        found = own_anatomy(predict_structures(fitting.channels), prepared=fitting)
    else:
        _check_label_map(label_map, prepared, match)
    return FoundHead(fitting, found, match)


def _check_brain(found: VisitAnatomy, prepared: Prepared) -> None:
    """Raise if there is too little brain to measure."""
    voxel_ml = voxel_volume_mm3(prepared.working_grid.affine) / 1e3
    brain_ml = np.isin(found.working, s.BRAIN).sum() * voxel_ml
    if brain_ml < MIN_BRAIN_ML and found.source != OWN_SOURCE:
        raise StepError(
            f"{found.name} has {brain_ml:.0f} ml of brain in the view of "
            f"{prepared.reference_scan.path}, but {MIN_BRAIN_ML:.0f} ml or more is expected. Check "
            "that it is of this scan and lies in its space."
        )
    if brain_ml < MIN_BRAIN_ML:
        raise StepError(
            f"{prepared.reference_scan.path} shows {brain_ml:.0f} ml of brain, but "
            f"{MIN_BRAIN_ML:.0f} ml or more is expected. Check that the whole head is in view "
            "and that the contrast is correct."
        )


def _check_label_map(label_map: LabelMap, prepared: Prepared, match: HeadMatch) -> None:
    """Raise if a given anatomy lies on the grid of a scan that is not used."""

    def lies_on(name: str) -> bool:
        scan = prepared.scans[name]
        return is_same_grid(label_map.labels.shape, label_map.affine, scan.data.shape, scan.affine)

    if lies_on(prepared.reference):
        return
    for name in filter(lies_on, match.unfit):
        raise StepError(
            f"{label_map.name} lies on the grid of {prepared.scans[name].path}, but that scan "
            f"does not fit {prepared.reference_scan.path} ({match.detail}). Check which scan is "
            "of another person or mirrored."
        )
