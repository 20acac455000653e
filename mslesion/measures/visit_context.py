"""What the measures of one visit look at, and which prerequisites it meets."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mslesion.imaging.grid import spacing_mm
from mslesion.measures.appearance import TissueReference, describe_lesions, flair_z, t1_index
from mslesion.measures.enhancement import Enhancement, find_enhancement
from mslesion.measures.location import (
    CONTACT_MM,
    MAX_SPACING_MM,
    find_surroundings,
    locate_lesions,
)
from mslesion.measures.single_lesions import find_edge_contacts, measure_single_lesions
from mslesion.measures.volumes import measure_volumes
from mslesion.schema.checks import CHECK_BY_NAME, FAIL, WARN
from mslesion.schema.modalities import FLAIR, T1W, T1W_CONTRAST
from mslesion.schema.prerequisites import PLAIN_T1W
from mslesion.segmentation.anatomy.midplane import Midplane
from mslesion.segmentation.lesions.instances import MAX_CENTER_SPACING_MM, LesionMap

MASK_CHECKS = ("lesion_outside_brain", "lesion_dark_on_flair", "lesion_share_of_brain")
"""Checks that fail where a given mask is not one of the lesions of the scan."""


@dataclass(frozen=True)
class VisitContext:
    """A visit as the measures see it; arrays lie on the grid of its reference scan.

    What several measures share is computed once, when it is first asked for.
    """

    affine: np.ndarray
    """(4, 4) voxel-to-world matrix in mm."""
    anatomy: np.ndarray
    """(I, J, K) uint8, numbers of `STRUCTURES`."""
    working_anatomy: np.ndarray
    """The same on the 1 mm grid."""
    working_affine: np.ndarray
    midplane: Midplane
    sees_skull: bool
    scans: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Scans without bias field, by modality."""
    references: Mapping[str, TissueReference] = field(default_factory=dict)
    """Normal-appearing tissue of each scan."""
    lesions: LesionMap | None = None
    """None where there is neither FLAIR nor a given mask."""
    probability: np.ndarray | None = None
    """Lesion probability; None for a given mask."""
    t1_contrast: bool | None = None
    """Whether the T1w was acquired after contrast agent; None if nothing tells."""
    checks: Mapping[str, float | None] = field(default_factory=dict)
    """Values of the quality checks so far, by name."""
    location_scheme: str = "contact"
    contact_mm: float = CONTACT_MM
    has_orientation: bool = True
    """Whether the header says which side is the left one."""
    unfit_scans: Collection[str] = ()
    """Scans that are left out because they do not fit the reference, by modality."""
    is_mirrored: bool = False
    """Whether a scan is the mirror image of the reference: then either may be the wrong one."""
    reaches_skull: bool = True
    """Whether the anatomy has the CSF around the brain; a given one may have none."""

    @cached_property
    def unmet(self) -> frozenset[str]:
        """The prerequisites, of `mslesion.schema.prerequisites`, that the visit does not meet."""
        looks_enhanced = self._state("bright_vessels_on_t1w") == WARN
        longest_mm = max(spacing_mm(self.affine))
        met = {
            "whole_brain": self._state("brain_cut_off_cm2") != FAIL,
            "orientation": self.has_orientation,
            "not_mirrored": not self.is_mirrored,
            "csf_around_brain": self.reaches_skull,
            "skull": self.sees_skull,
            "lesion_map": self.lesions is not None,
            "fitting_mask": self.probability is not None or not self._mask_is_foreign,
            "lesion": self.lesions is not None and self.lesions.count > 0,
            "thin_slices": longest_mm <= MAX_SPACING_MM,
            "thin_slices_for_centers": longest_mm <= MAX_CENTER_SPACING_MM,
            "flair": FLAIR in self.scans,
            "fitting_t1w": T1W not in self.unfit_scans,
            "fitting_t1w_after_contrast": T1W_CONTRAST not in self.unfit_scans,
            "t1w": T1W in self.scans or T1W_CONTRAST in self.scans,
            "t1w_before_contrast": T1W in self.scans,
            "t1w_without_agent": not self.t1_contrast,
            "t1w_looks_plain": self.t1_contrast is not None or not looks_enhanced,
            "t1w_covers_brain": self._state("flair_t1w_overlap") != FAIL,
            "t1w_after_contrast": T1W_CONTRAST in self.scans,
        }
        unmet = {name for name, is_met in met.items() if not is_met}
        if unmet.isdisjoint(PLAIN_T1W) and np.isnan(self._t1_scale).all():
            unmet.add("t1w_contrast")
        return frozenset(unmet)

    @property
    def knows_sides(self) -> bool:
        """Whether left and right are known."""
        return self.has_orientation and not self.is_mirrored

    @property
    def _mask_is_foreign(self) -> bool:
        """Whether a mask lies so badly, or is so large, that it is not of this scan's lesions."""
        return FAIL in map(self._state, MASK_CHECKS)

    def _state(self, check: str) -> str:
        return CHECK_BY_NAME[check].state(self.checks.get(check))

    @cached_property
    def _t1_scale(self) -> np.ndarray:
        """T1 index of every voxel, whatever the T1w."""
        return t1_index(self.scans[T1W], self.references[T1W])

    @property
    def t1_index(self) -> np.ndarray | None:
        """T1 index of every voxel; None without a plain T1w of the usual contrast."""
        return None if self.unmet & {*PLAIN_T1W, "t1w_contrast"} else self._t1_scale

    @cached_property
    def volumes(self) -> dict[str, float | None]:
        """Brain volumes by column; None where nothing was found or the brain is cut off."""
        row = measure_volumes(
            self.anatomy,
            self.affine,
            midplane=self.midplane,
            sees_skull=self.sees_skull and self.reaches_skull,
        )
        if "whole_brain" in self.unmet:
            return dict.fromkeys(row)
        if not self.knows_sides:
            row |= dict.fromkeys(("thalamus_left_ml", "thalamus_right_ml"))
        return row

    @cached_property
    def enhancement(self) -> Enhancement | None:
        """Candidates for enhancing lesions; None where they cannot be looked for."""
        if self.lesions is None or self.unmet & {*PLAIN_T1W, "t1w_after_contrast"}:
            return None
        return find_enhancement(
            self.scans[T1W],
            self.scans[T1W_CONTRAST],
            self.affine,
            anatomy=self.anatomy,
            lesions=self.lesions.mask,
        )

    @cached_property
    def all_lesion_rows(self) -> list[dict]:
        """Rows of the lesion table, lesion 1 first, also of a mask that does not fit."""
        if self.lesions is None:
            return []
        labels, affine = self.lesions.labels, self.affine
        z = None
        if FLAIR in self.scans:
            z = flair_z(self.scans[FLAIR], self.references[FLAIR])
        surroundings = find_surroundings(
            self.working_anatomy, self.working_affine, midplane=self.midplane
        )
        parts = zip(
            measure_single_lesions(self.lesions),
            find_edge_contacts(labels, self.anatomy > 0),
            locate_lesions(
                labels,
                affine,
                surroundings=surroundings,
                midplane=self.midplane,
                scheme=self.location_scheme,
                contact_mm=self.contact_mm,
            ),
            describe_lesions(
                labels, affine, z=z, index=self.t1_index, probability=self.probability
            ),
            strict=True,
        )
        rows = [shape | edge | place | look for shape, edge, place, look in parts]
        for row in rows:
            row["hemisphere"] = row["hemisphere"] if self.knows_sides else None
            row["is_juxtacortical_uncertain"] = (
                None
                if self.t1_index is None
                else row["location"] == "intracortical" and row["t1_index_mean"] < 0
            )
        if self.enhancement is not None:
            bright = set(np.unique(labels[self.enhancement.labels > 0]).tolist())
            for row in rows:
                row["is_enhancing_candidate"] = row["lesion_id"] in bright
        return rows

    @property
    def lesion_rows(self) -> list[dict]:
        """Rows of the lesion table; none where the given mask does not match the scan."""
        return [] if "fitting_mask" in self.unmet else self.all_lesion_rows
