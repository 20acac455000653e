"""What a lesion network is to the rest of the package: names, one array in, one array out."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from mslesion.errors import StepError
from mslesion.segmentation.lesions.threshold import LesionMask

PACKAGED = "mslesion"
"""Name of the network inside the package."""


class LesionSegmenter(Protocol):
    """A lesion network with the rules that turn its probability into a mask.

    `mslesion.segmentation.lesions.network.LesionNetwork` is the one inside the package. A class
    that inherits from this one need not write `mask`: it gets a plain threshold.
    """

    @property
    def name(self) -> str:
        """Its name, as it stands in the column ``segmenter``."""
        ...

    @property
    def version(self) -> str:
        """Its version, as it stands in the column ``segmenter_version``.

        A finished visit is done again when it changes, so it must change with whatever the
        result depends on: the code, the weights, the options.
        """
        ...

    @property
    def required_modalities(self) -> tuple[str, ...]:
        """Scans without which it cannot run: of FLAIR, T1w and T2w."""
        ...

    def probability(
        self, scans: Mapping[str, np.ndarray], *, anatomy: np.ndarray, affine: np.ndarray
    ) -> np.ndarray:
        """Lesion probability in every voxel.

        Parameters
        ----------
        scans : mapping of str to (I, J, K) array
            The visit's FLAIR, T1w and T2w, as far as it has them, all on one grid of 1 mm
            voxels with axes closest to RAS+. 0 where a scan shows nothing; intensities are
            those of the file, with its bias field; the skull is there if the file has it.
        anatomy : (I, J, K) uint8 array
            Anatomy map on the same grid, numbers of
            `mslesion.schema.structures.STRUCTURES`, 0 outside the brain and the fluid
            around it.
        affine : (4, 4) array
            Voxel-to-world matrix of the grid in mm.

        Returns
        -------
        (I, J, K) array
            0 to 1 on the same grid.
        """
        ...

    def mask(
        self,
        probability: np.ndarray,
        *,
        anatomy: np.ndarray,
        flair: np.ndarray | None,
        spacing_mm: tuple[float, float, float],
        threshold: float,
    ) -> LesionMask:
        """Turn the probability into the lesion mask, on the grid of the FLAIR itself.

        Unless a network has rules of its own, a voxel inside the anatomy map is lesion from
        the threshold on; nothing is added or removed. Rules of its own must keep what the
        setting ``lesion_threshold`` promises: the mask at a lower threshold contains the mask
        at a higher one.

        Parameters
        ----------
        probability : (I, J, K) array
            What `probability` gave, resampled to this grid.
        anatomy : (I, J, K) uint8 array
            Anatomy map.
        flair : (I, J, K) array or None
            FLAIR without its bias field; None without FLAIR.
        spacing_mm : tuple of float, shape (3,)
            Voxel sizes.
        threshold : float
            The setting ``lesion_threshold``: the probability at which the mask is cut
            (inclusive).

        Returns
        -------
        LesionMask
        """
        del flair, spacing_mm  # for networks whose rules look at them
        mask = (probability >= threshold) & (anatomy > 0)
        return LesionMask(mask, np.zeros_like(mask), 0)


def lesion_probability(
    network: LesionSegmenter,
    scans: Mapping[str, np.ndarray],
    *,
    anatomy: np.ndarray,
    affine: np.ndarray,
) -> np.ndarray:
    """Run a lesion network and check what it returns.

    Parameters
    ----------
    network : LesionSegmenter
        The network.
    scans, anatomy, affine
        As for `LesionSegmenter.probability`.

    Returns
    -------
    (I, J, K) float32 array

    Raises
    ------
    StepError
        If a scan that it requires is missing, or it returns another shape, or a value that
        is not finite or not within 0 to 1.
    """
    missing = missing_modality(network, scans)
    if missing:
        raise StepError(
            f"The visit has {', '.join(scans)}, but the lesion network {network.name} requires "
            f"{missing}. Add the scan or choose another network."
        )
    found = network.probability(scans, anatomy=anatomy, affine=affine)
    found = np.asarray(found, np.float32)
    if found.shape != anatomy.shape:
        raise StepError(
            f"The lesion network {network.name} returned an array of shape {found.shape}, but "
            f"its scans have {anatomy.shape}. Return a probability for every voxel."
        )
    if not np.isfinite(found).all():
        count = np.count_nonzero(~np.isfinite(found))
        raise StepError(
            f"The lesion network {network.name} returned {count} values that are not finite, but "
            "probabilities are expected. Return 0 where it cannot tell."
        )
    low, high = float(found.min()), float(found.max())
    if low < 0 or high > 1:
        raise StepError(
            f"The lesion network {network.name} returned values from {low:g} to {high:g}, but "
            "probabilities of 0 to 1 are expected. Apply its sigmoid or softmax."
        )
    return found


def missing_modality(network: LesionSegmenter, scans: Mapping[str, np.ndarray]) -> str:
    """The first scan that a network requires and a visit lacks.

    Parameters
    ----------
    network : LesionSegmenter
        The network.
    scans : mapping of str to array
        By modality.

    Returns
    -------
    str
        Its modality; empty if all are there.
    """
    return next((name for name in network.required_modalities if name not in scans), "")
