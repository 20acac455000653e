"""Label maps of the anatomy made elsewhere, found under the names their makers give them.

Known names, first match wins: mslesion's own (``seg-anatomy_dseg``), FreeSurfer's and
FastSurfer's (``aseg``, ``aparc+aseg`` with or without atlas, ``wmparc``, in ``mri`` below the
folder of the subject), fMRIPrep's (``desc-aseg_dseg``), SAMSEG's (``seg.mgz``), SynthSeg and
DLMUSE by their own name in that of the file or of a folder, the given one included, and any
other BIDS ``dseg`` that is not of lesions. The names of participants and sessions do not count.
"""

import re
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.visit_files import ENDING, ImageFolder, matching, only_one

_OWN_NAME = r"(^|_)"
_NAMINGS = (
    r"seg-anatomy_dseg" + ENDING,
    _OWN_NAME + r"aseg" + ENDING,
    _OWN_NAME + r"aparc\.DKTatlas\+aseg(\.deep)?(\.withCC)?" + ENDING,
    _OWN_NAME + r"aparc\+aseg" + ENDING,
    _OWN_NAME + r"aparc\.a2009s\+aseg" + ENDING,
    _OWN_NAME + r"wmparc" + ENDING,
    r"desc-aseg_dseg" + ENDING,
    r"desc-aparcaseg_dseg" + ENDING,
    r"(^|[_-])seg\.mgz$",
    r"synthseg.*" + ENDING,
    r"dlmuse.*" + ENDING,
    r"_dseg" + ENDING,
)
_KNOWN_BY_FOLDER = ("synthseg", "dlmuse")
"""Tools that keep the name of the scan: their pattern may match the name of a folder, the given
one included."""
_NO_ANATOMY = re.compile(
    r"mask|dlicv|lesion|location|res-1mm|prob(seg|abilit|[_.])|posterior|resampled",
    re.IGNORECASE,
)


def anatomy_folder(path: str | Path) -> ImageFolder:
    """A folder of label maps of the anatomy, walked once for many visits.

    Hidden files, masks, probability maps and maps of lesions are passed over.

    Parameters
    ----------
    path : str or Path
        Where the label maps are.

    Returns
    -------
    ImageFolder

    Raises
    ------
    DatasetError
        If there is no such folder.
    """
    what = "label maps of the anatomy"
    return ImageFolder(path, skip=_NO_ANATOMY, what=what, option="--anatomy")


def find_anatomy(folder: ImageFolder, visit: Visit) -> Path:
    """The label map of a visit's anatomy in a folder.

    Looked for as lesion masks are (`mslesion.io.lesion_masks.find_lesion_mask`), by the
    names above. Maps in MNI space are passed over where there is another.

    Parameters
    ----------
    folder : ImageFolder
        The label maps (`anatomy_folder`).
    visit : Visit
        Visit of the map.

    Returns
    -------
    Path

    Raises
    ------
    DatasetError
        If there is none, or several of the same kind.
    """
    files = folder.images_of(visit)
    for pattern in _NAMINGS:
        below = folder.path.parent if pattern.startswith(_KNOWN_BY_FOLDER) else None
        found = matching(files, pattern, visit=visit, below=below)
        path = only_one(found, folder=folder, visit=visit)
        if path is not None:
            return path
    raise DatasetError(
        f"{folder.path} has no label map of the anatomy of {visit.name}, but one is expected, "
        f"such as {visit.folder}/anat/{visit.name}_dseg.nii.gz or {visit.name}/mri/aseg.mgz. Add "
        "the file, or exclude the visit."
    )
