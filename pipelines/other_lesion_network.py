"""A lesion network of one's own, as an example: what is bright on FLAIR is lesion.

    export PYTHONPATH=pipelines
    mslesion BIDS_DIR OUTPUT_DIR participant \
        --lesion-network other_lesion_network:WhiteMatterOutliers

White matter that is brighter than normal white matter by three standard deviations or more
is lesion: a classical baseline. It shows what a lesion network has to offer; what is handed to
it and how well it does stands in `docs/lesion_network.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

from mslesion.imaging.bias import correct_bias
from mslesion.imaging.intensity import tissue_scale
from mslesion.schema.structures import CORTEX, WHITE_MATTER
from mslesion.segmentation.lesions.protocol import LesionSegmenter

VERSION = "1"
"""Raised whenever the code below gives another result: finished visits are then done again."""


@dataclass(frozen=True)
class WhiteMatterOutliers(LesionSegmenter):
    """Bright outliers of white matter. It inherits its mask, a plain threshold."""

    cutoff: float = 3.0
    """Standard deviations above the median of white matter at which the probability is 0.5."""

    @property
    def name(self) -> str:
        """As the column segmenter has it."""
        return "white matter outliers"

    @property
    def version(self) -> str:
        """Of the code and of its option, for both decide on the result."""
        return f"{VERSION}, cutoff {self.cutoff:g}"

    @property
    def required_modalities(self) -> tuple[str, ...]:
        """A FLAIR; a T1w and a T2w are given too, but not looked at."""
        return ("FLAIR",)

    def probability(
        self, scans: Mapping[str, np.ndarray], *, anatomy: np.ndarray, affine: np.ndarray
    ) -> np.ndarray:
        """A logistic function of the brightness, inside white matter; 0 elsewhere."""
        flair = correct_bias(scans["FLAIR"], affine, mask=anatomy > 0).corrected
        white = (anatomy == WHITE_MATTER) & (flair > 0)
        # Voxels beside the cortex hold some of it, and cortex is bright on FLAIR
        white &= ~ndi.binary_dilation(anatomy == CORTEX)
        scale = tissue_scale(flair, white)
        z = (flair - scale.median) / scale.spread
        return np.where(white, 1 / (1 + np.exp(np.clip(self.cutoff - z, -50, 50))), 0)
