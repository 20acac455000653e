"""One visit, whole: from its scans to its masks and tables."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mslesion.io.dataset import Visit
from mslesion.io.images import Image, name_of, read_labels, read_mask
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.anatomy import LabelMap
from mslesion.pipeline.visit.head import find_head
from mslesion.pipeline.visit.measure import measure_visit
from mslesion.pipeline.visit.prepare import Prepared, prepare_visit
from mslesion.pipeline.visit.segment import Segmented, segment_visit
from mslesion.schema import LESIONS, QUALITY, VISITS, as_table
from mslesion.segmentation.lesions.choose import find_lesion_network
from mslesion.segmentation.lesions.protocol import LesionSegmenter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VisitResult:
    """What a visit gave: maps on its FLAIR's own grid (T1w's without FLAIR), tables."""

    visit: Visit
    prepared: Prepared
    segmented: Segmented
    visits: pd.DataFrame
    """One row with the columns of `mslesion.schema.VISITS`."""
    lesions: pd.DataFrame
    """One row per lesion, columns of `mslesion.schema.LESIONS`."""
    quality: pd.DataFrame
    """One row per check, columns of `mslesion.schema.QUALITY`."""
    settings: Settings
    seconds: float

    @property
    def anatomy(self) -> np.ndarray:
        """(I, J, K) uint8: structure of each voxel."""
        return self.segmented.anatomy

    @property
    def lesion_labels(self) -> np.ndarray | None:
        """(I, J, K) int32: number of the lesion; None if lesions were not assessable."""
        return None if self.segmented.lesions is None else self.segmented.lesions.labels

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) voxel-to-world matrix of the maps, axes closest to RAS+."""
        return self.prepared.grid.affine


def process_visit(
    scans: Mapping[str, Image] | Visit,
    *,
    lesion_mask: Image | None = None,
    anatomy: Image | None = None,
    segmenter: tuple[str, str] = ("given mask", ""),
    settings: Settings | None = None,
    lesion_network: LesionSegmenter | None = None,
) -> VisitResult:
    """Segment and measure one visit.

    Parameters
    ----------
    scans : mapping of str to image, or Visit
        Scans by modality (FLAIR, T1w, T2w, T1wGd); FLAIR or T1w is needed.
        An image is a path, a nibabel image, or a tuple of ((I, J, K) array, (4, 4) array).
    lesion_mask : image, optional
        A mask on the grid of the FLAIR (T1w without FLAIR), instead of the lesion network.
    anatomy : image, optional
        A label map of another tool, instead of the structure network; the setting
        ``anatomy_labels`` says whose numbers it has.
    segmenter : tuple of str
        Name and version of what made the given mask.
    settings : Settings, optional
        By default those of `Settings`.
    lesion_network : LesionSegmenter, optional
        What finds the lesions; by default what `settings` names.

    Returns
    -------
    VisitResult

    Raises
    ------
    SettingsError
        If the settings name no lesion network.
    ImageError, MaskError, GeometryError
        If a scan, mask or label map cannot be used.
    StepError
        If there is no brain, or a scan or label map is not what it is said to be.

    Examples
    --------
    >>> scans = {"FLAIR": "sub-01_FLAIR.nii.gz", "T1w": "sub-01_T1w.nii.gz"}
    >>> result = process_visit(scans)  # doctest: +SKIP
    >>> result.visits[["lesion_count", "brain_ml"]]  # doctest: +SKIP
    """
    start = time.perf_counter()
    visit = scans if isinstance(scans, Visit) else Visit("1", "", dict(scans))
    settings = settings or Settings()
    given = None if lesion_mask is None else read_mask(lesion_mask, name="lesion mask")
    label_map = None
    if anatomy is not None:
        labels, affine = read_labels(anatomy, name="given anatomy")
        label_map = LabelMap(labels, affine, name_of(anatomy, "given anatomy"))
    head = find_head(prepare_visit(visit.scans), settings=settings, label_map=label_map)
    prepared = head.prepared
    network = lesion_network or find_lesion_network(settings.lesion_network)
    if lesion_mask is None:
        segmenter = (network.name, network.version)
    segmented = segment_visit(head, settings=settings, lesion_network=network, lesion_mask=given)
    measured = measure_visit(
        prepared,
        segmented,
        facts=visit.facts,
        settings=settings,
        segmenter=segmenter,
        choices=visit.choices,
    )
    if not measured.mask_fits:
        # A mask of another scan is not written and not drawn either
        segmented = replace(segmented, lesions=None, probability=None)
    who = {"participant_id": visit.subject, "session_id": visit.session or None}
    return VisitResult(
        visit=visit,
        prepared=prepared,
        segmented=segmented,
        visits=as_table([who | measured.visit], VISITS),
        lesions=as_table([who | row for row in measured.lesions], LESIONS),
        quality=as_table([who | row for row in measured.quality], QUALITY),
        settings=settings,
        seconds=time.perf_counter() - start,
    )
