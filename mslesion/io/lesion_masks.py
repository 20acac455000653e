"""Lesion masks made elsewhere: found under the names their makers give them.

Known names, first match wins: BIDS (``label-L_mask``, ``label-lesion_mask``,
``label-lesion_roi``, ``lesion_roi``), LST-AI (``seg-lst``), SAMSEG (``seg.mgz``,
label 99), MindGlide and WMH-SynthSeg label maps (labels 18 and 77), FLAMeS, ``dseg``
with a lookup table, and any other NIfTI with ``lesion`` or ``mask`` in its name, or one
that ends in ``_seg``. MindGlide, WMH-SynthSeg and FLAMeS keep the name of the scan: they
are recognised by their own name in that of the file or of a folder, the given one included. All
others are recognised by the name of the file alone. The names of participants and sessions do not
count.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.visit_files import ENDING, ImageFolder, matching, only_one
from mslesion.io.voxel_values import ANY_LABEL, Label


class MaskFile(NamedTuple):
    """Where a visit's lesion mask is, and which label of the file it is."""

    path: Path
    label: Label | None
    """As `load_mask` takes it."""
    maker: str


_LOOK_UP = -2
_NAMINGS = (
    (r"label-L_mask" + ENDING, None, "BIDS mask"),
    (r"label-lesion_(mask|roi)" + ENDING, None, "BIDS mask"),
    (r"(^|_)lesion_roi" + ENDING, None, "BIDS mask"),
    (r"(?<!annotated_)seg-lst" + ENDING, None, "LST-AI"),
    (r"annotated_seg-lst" + ENDING, ANY_LABEL, "LST-AI"),
    (r"(^|[_-])seg\.mgz$", 99, "SAMSEG"),
    (r"mindglide.*" + ENDING, 18, "MindGlide"),
    (r"wmh-?synthseg.*" + ENDING, 77, "WMH-SynthSeg"),
    (r"flames.*" + ENDING, None, "FLAMeS"),
    (r"lesions?.*_dseg" + ENDING, ANY_LABEL, "label map"),
    (r"_dseg" + ENDING, _LOOK_UP, "label map"),
    (r"lesions?.*(?<!_dseg)" + ENDING, None, "mask"),
    (r"mask" + ENDING, None, "mask"),
    (r"_seg" + ENDING, None, "mask"),
)
"""Pattern of the name, label that is lesion, maker. LST-AI's map of locations (1 to 4)
serves where its mask is missing."""
_KNOWN_BY_FOLDER = ("MindGlide", "WMH-SynthSeg", "FLAMeS")
"""Makers whose pattern may match the name of a folder, the given one included."""

_LESION_WORDS = re.compile(
    r"(?<![a-z])(?<!non[-_ ])lesions?(?![a-z])|^L$|white matter hyperintens", re.IGNORECASE
)
_NOT_LESION = re.compile(r"brain_?mask|desc-brain|prob(seg|abilit|[_.])", re.IGNORECASE)


def mask_folder(path: str | Path) -> ImageFolder:
    """A folder of lesion masks, walked once for many visits.

    Hidden files, probability maps and brain masks are passed over.

    Parameters
    ----------
    path : str or Path
        Where the masks are.

    Returns
    -------
    ImageFolder

    Raises
    ------
    DatasetError
        If there is no such folder.
    """
    return ImageFolder(path, skip=_NOT_LESION, what="lesion masks", option="--lesion-masks")


def find_lesion_mask(folder: ImageFolder, visit: Visit) -> MaskFile:
    """The lesion mask of a visit in a folder of masks.

    Looked for in ``sub-X/ses-Y`` and ``X/Y`` below the folder, then among all files
    whose path holds both labels, the subject's first. Masks in MNI space are passed over
    where there is another.

    Parameters
    ----------
    folder : ImageFolder
        The masks (`mask_folder`).
    visit : Visit
        Visit of the mask.

    Returns
    -------
    MaskFile

    Raises
    ------
    DatasetError
        If there is none, or several of the same kind.
    """
    files = folder.images_of(visit)
    for pattern, label, maker in _NAMINGS:
        below = folder.path.parent if maker in _KNOWN_BY_FOLDER else None
        labels = dict.fromkeys(matching(files, pattern, visit=visit, below=below), label)
        if label == _LOOK_UP:
            labels = {path: found for path in labels if (found := _lesion_labels(path))}
        path = only_one(list(labels), folder=folder, visit=visit)
        if path is not None:
            return MaskFile(path, labels[path], maker)
    raise DatasetError(
        f"{folder.path} has no lesion mask of {visit.name}, but one is expected, such as "
        f"{visit.folder}/anat/{visit.name}_label-L_mask.nii.gz. Add the file, or exclude the "
        "visit."
    )


def _lesion_labels(path: Path) -> tuple[int, ...] | None:
    """Numbers of the lesion labels in the lookup table beside a label map."""
    table = path.with_name(re.sub(ENDING, ".tsv", path.name, flags=re.IGNORECASE))
    if not table.is_file():
        return None
    try:
        rows = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False)
        if not {"index", "name"} <= set(rows):
            return None
        named = rows.loc[rows["name"].str.contains(_LESION_WORDS), "index"]
        return tuple(int(index) for index in named) or None
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{table} cannot be read as a lookup table ({error}), but tab-separated index and "
            "name are expected. Correct the file or remove it."
        ) from error
