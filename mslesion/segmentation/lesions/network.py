"""The lesion network inside the package, and its rules.

It sees the brain in slices of 1 mm with two neighbours on each side, from three
directions whose answers are averaged; its scans are scaled by the white matter. It runs
in onnxruntime on the CPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime import InferenceSession

from mslesion.imaging.distance import box_of
from mslesion.imaging.intensity import white_matter_scale
from mslesion.schema.modalities import FLAIR
from mslesion.schema.structures import WHITE_MATTER
from mslesion.schema.version import package_version
from mslesion.segmentation.lesions.protocol import PACKAGED, LesionSegmenter
from mslesion.segmentation.lesions.threshold import LesionMask, threshold_lesions
from mslesion.segmentation.onnx_models import (
    CHANNELS,
    MULTIPLE,
    content_hash,
    open_session,
    packaged_model,
)

LESIONS_MODEL = "lesions.onnx"
"""Its file inside the package."""
NEIGHBOURS = 2
"""Slices on each side that are seen with a slice."""
SLICES_AT_ONCE = 4
MARGIN_VOXELS = 4
"""Voxels kept around the brain."""
SLICE_MARGIN_VOXELS = 16
"""Voxels kept, as far as there are any, around what the slices that are seen at once show of it.
Against whole slices no voxel of the masks of LJ07 and LJL01 changed; with 4 voxels some did."""
HASH_DIGITS = 12
"""Of the model file's hash, in the version."""


@dataclass(frozen=True)
class LesionNetwork(LesionSegmenter):
    """The lesion network inside the package, or another of the same form, with its rules.

    Parameters
    ----------
    path : str or Path, optional
        An ONNX file with the same input and output as the one inside the package, made by
        ``pipelines/training``. By default the one inside the package.

    Examples
    --------
    >>> LesionNetwork().required_modalities
    ('FLAIR',)
    """

    path: str | Path | None = None

    @property
    def name(self) -> str:
        """``mslesion``."""
        return PACKAGED

    @property
    def version(self) -> str:
        """Version of mslesion and the start of the model file's hash."""
        return f"{package_version()}+{content_hash(self._file)[:HASH_DIGITS]}"

    @property
    def required_modalities(self) -> tuple[str, ...]:
        """FLAIR; T1w and T2w help."""
        return (FLAIR,)

    def probability(
        self, scans: Mapping[str, np.ndarray], *, anatomy: np.ndarray, affine: np.ndarray
    ) -> np.ndarray:
        """Lesion probability in every voxel of a brain.

        Parameters
        ----------
        scans, anatomy, affine
            As for `LesionSegmenter.probability`.

        Returns
        -------
        (I, J, K) float32 array
            0 outside the brain.

        Raises
        ------
        SettingsError
            If the file at `path` is no such network.
        """
        del affine  # the grid's axes are those that the network was trained with
        session = open_session(self._file, input_name="slices")
        brain = anatomy > 0
        box = box_of(brain, (MARGIN_VOXELS,) * 3)
        inside, white = brain[box], anatomy[box] == WHITE_MATTER
        volumes = np.zeros((len(CHANNELS), *inside.shape), np.float32)
        for name, data in scans.items():
            scaled = white_matter_scale(data[box], white, contrast=name)
            volumes[CHANNELS.index(name)] = np.where(inside, scaled, 0)
        total = np.zeros(inside.shape, np.float32)
        for view in range(3):
            _add_view(session, volumes, view, brain=inside, total=total)
        lesion = np.zeros(anatomy.shape, np.float32)
        lesion[box] = np.where(inside, total / 3, 0)
        return lesion

    def mask(
        self,
        probability: np.ndarray,
        *,
        anatomy: np.ndarray,
        flair: np.ndarray | None,
        spacing_mm: tuple[float, float, float],
        threshold: float,
    ) -> LesionMask:
        """Cut the probability by the rules of this network, `threshold_lesions`.

        Parameters
        ----------
        probability, anatomy, flair, spacing_mm, threshold
            As for `LesionSegmenter.mask`.

        Returns
        -------
        LesionMask
        """
        return threshold_lesions(
            probability,
            anatomy=anatomy,
            flair=flair,
            spacing_mm=spacing_mm,
            threshold=threshold,
        )

    @property
    def _file(self) -> Path:
        return packaged_model(LESIONS_MODEL) if self.path is None else Path(self.path)


def slices_of(volumes: np.ndarray, view: int, indices: range) -> np.ndarray:
    """Slices with their neighbours, as the lesion network reads them.

    Parameters
    ----------
    volumes : (C, I, J, K) float32 array
        Scaled scans.
    view : {0, 1, 2}
        Axis across the slices: sagittal, coronal, axial.
    indices : range
        Which slices.

    Returns
    -------
    (N, C * 5 + 3, A, B) float32 array
        For each channel five slices, lowest first (0 outside the volume), then three
        planes of which that of the view is 1; A and B are multiples of 16.
    """
    volumes = np.moveaxis(volumes, 1 + view, 1)
    channels, count, a, b = volumes.shape
    wide = 2 * NEIGHBOURS + 1
    filled = [-(-n // MULTIPLE) * MULTIPLE for n in (a, b)]
    out = np.zeros((len(indices), channels * wide + 3, *filled), np.float32)
    for n, index in enumerate(indices):
        low, high = max(0, index - NEIGHBOURS), min(count, index + NEIGHBOURS + 1)
        first = low - (index - NEIGHBOURS)
        block = out[n, : channels * wide].reshape(channels, wide, *filled)
        block[:, first : first + high - low, :a, :b] = volumes[:, low:high]
        out[n, channels * wide + view] = 1
    return out


def _add_view(
    session: InferenceSession,
    volumes: np.ndarray,
    view: int,
    *,
    brain: np.ndarray,
    total: np.ndarray,
) -> None:
    """Add one view's probabilities to `total`, where its slices show brain."""
    brain, target = (np.moveaxis(one, view, 0) for one in (brain, total))
    across = np.moveaxis(volumes, 1 + view, 1)
    for start in range(0, len(brain), SLICES_AT_ONCE):
        indices = range(start, min(start + SLICES_AT_ONCE, len(brain)))
        shown = slice(start, indices.stop)
        if not brain[shown].any():
            continue
        seen = np.asarray(brain[max(0, start - NEIGHBOURS) : indices.stop + NEIGHBOURS].any(axis=0))
        # Begun at a multiple, the network halves the same pairs of voxels as in the whole slice
        box = tuple(
            slice(side.start // MULTIPLE * MULTIPLE, side.stop)
            for side in box_of(seen, (SLICE_MARGIN_VOXELS,) * 2)
        )
        # The view's own axis goes back to its place, as slices_of expects it
        part = np.moveaxis(across[:, :, *box], 1, 1 + view)
        (out,) = session.run(None, {"slices": slices_of(part, view, indices)})
        size = seen[box].shape
        target[shown, *box] += out[:, 0, : size[0], : size[1]]
