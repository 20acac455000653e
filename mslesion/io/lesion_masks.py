"""Lesion masks made elsewhere: found under the names their makers give them.

Known names, first match wins: BIDS (``label-L_mask``, ``label-lesion_mask``,
``label-lesion_roi``, ``lesion_roi``), LST-AI (``seg-lst``), SAMSEG (``seg.mgz``,
label 99), MindGlide and WMH-SynthSeg label maps (labels 18 and 77), FLAMeS, ``dseg``
with a lookup table, and any other NIfTI with ``lesion`` or ``mask`` in its name, or one
that ends in ``_seg``. MindGlide, WMH-SynthSeg and FLAMeS keep the name of the scan: they
are told by their own name in that of the file or of a folder, the given one included.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit, as_label
from mslesion.io.mask_values import ANY_LABEL, Label


class MaskFile(NamedTuple):
    """Where a visit's lesion mask is, and which label of the file it is."""

    path: Path
    label: Label | None
    """As `load_mask` takes it."""
    maker: str


_LOOK_UP = -2
_ENDING = r"\.(nii|nii\.gz|mgz)$"
_IMAGE = re.compile(_ENDING, re.IGNORECASE)
_NAMINGS = (
    (r"label-L_mask" + _ENDING, None, "BIDS mask"),
    (r"label-lesion_(mask|roi)" + _ENDING, None, "BIDS mask"),
    (r"(^|[/_])lesion_roi" + _ENDING, None, "BIDS mask"),
    (r"(?<!annotated_)seg-lst" + _ENDING, None, "LST-AI"),
    (r"annotated_seg-lst" + _ENDING, ANY_LABEL, "LST-AI"),
    (r"(^|[/_-])seg\.mgz$", 99, "SAMSEG"),
    (r"mindglide.*" + _ENDING, 18, "MindGlide"),
    (r"wmh-?synthseg.*" + _ENDING, 77, "WMH-SynthSeg"),
    (r"flames.*" + _ENDING, None, "FLAMeS"),
    (r"lesions?[^/]*_dseg" + _ENDING, ANY_LABEL, "label map"),
    (r"_dseg" + _ENDING, _LOOK_UP, "label map"),
    (r"lesions?.*(?<!_dseg)" + _ENDING, None, "mask"),
    (r"mask" + _ENDING, None, "mask"),
    (r"_seg" + _ENDING, None, "mask"),
)
"""Pattern of the name, label that is lesion, maker. LST-AI's map of locations (1 to 4)
serves where its mask is missing."""
_TOLD_BY_FOLDER = ("MindGlide", "WMH-SynthSeg", "FLAMeS")
"""Makers whose pattern may match the name of the given folder too."""

_LESION_WORDS = re.compile(
    r"(?<![a-z])(?<!non[-_ ])lesions?(?![a-z])|^L$|white matter hyperintens", re.IGNORECASE
)
_NOT_LESION = re.compile(r"^\.|brain_?mask|desc-brain|prob(seg|abilit|[_.])", re.IGNORECASE)


def find_lesion_mask(folder: str | Path, visit: Visit) -> MaskFile:
    """The lesion mask of a visit in a folder of masks.

    Looked for in ``sub-X/ses-Y`` and ``X/Y`` below the folder, then among all files
    whose path holds both labels, the subject's first. Hidden files, probability maps and
    brain masks are passed over, and masks in MNI space where there is another.

    Parameters
    ----------
    folder : str or Path
        Where the masks are.
    visit : Visit
        Whose mask.

    Returns
    -------
    MaskFile

    Raises
    ------
    DatasetError
        If there is none, or several of the same kind.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(
            f"{folder} is no folder, but lesion masks are expected there. Check --lesion-masks."
        )
    files = [path for path in sorted(folder.rglob("*")) if _IMAGE.search(path.name)]
    files = [path for path in files if not _NOT_LESION.search(path.name)]
    own = [path for path in files if _is_in_folder_of(path.relative_to(folder), visit)]
    files = own or [path for path in files if _names(path.relative_to(folder), visit)]
    for pattern, label, maker in _NAMINGS:
        top = folder.parent if maker in _TOLD_BY_FOLDER else folder
        found = [p for p in files if re.search(pattern, _below(p, top), re.IGNORECASE)]
        if label == _LOOK_UP:
            found = [(p, labels) for p in found if (labels := _lesion_labels(p))]
        else:
            found = [(p, label) for p in found]
        found = [(p, label) for p, label in found if "space-mni" not in p.name.lower()] or found
        if len(found) > 1:
            names = ", ".join(str(p.relative_to(folder)) for p, _ in found[:4])
            raise DatasetError(
                f"{folder} has {len(found)} lesion masks of {visit.name} ({names}), but one is "
                "expected. Keep one."
            )
        if found:
            return MaskFile(found[0][0], found[0][1], maker)
    raise DatasetError(
        f"{folder} has no lesion mask of {visit.name}, but one is expected, such as "
        f"{visit.folder}/anat/{visit.name}_label-L_mask.nii.gz. Add it or leave the visit out."
    )


def _is_in_folder_of(path: Path, visit: Visit) -> bool:
    """Whether a path starts with the folders of a visit."""
    wanted = [visit.subject, visit.session] if visit.session else [visit.subject]
    folders = zip(path.parts[:-1], ("sub", "ses"), strict=False)
    return [as_label(name, kind) for name, kind in folders][: len(wanted)] == wanted


def _names(path: Path, visit: Visit) -> bool:
    """Whether a path holds the labels of a visit: the subject's, then the session's."""
    in_name, in_folders = (_words(text) for text in (path.name, path.parent.as_posix()))
    is_subjects = len(path.parts) > 1 and as_label(path.parts[0], "sub") == visit.subject
    if is_subjects and visit.session and _end_of(in_name, visit.session, "ses"):
        return True
    for words in (in_name, in_folders):
        after = _end_of(words, visit.subject, "sub")
        if after and (not visit.session or _end_of(words[after:], visit.session, "ses")):
            return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text)


def _end_of(words: list[str], label: str, prefix: str) -> int:
    """Where the first run of words ends that together are a label; 0 if none is.

    A date 20200131 may be written as 2020-01-31, a subject P01 as P_01. What stands
    behind the other prefix is none: ses-02 is no subject 02.
    """
    for start in range(len(words)):
        if start and words[start - 1] in {"sub", "ses"} - {prefix}:
            continue
        run = ""
        for end in range(start, len(words)):
            run += words[end]
            if run in (label, prefix + label):
                return end + 1
    return 0


def _below(path: Path, folder: Path) -> str:
    """What patterns look at: the path below a folder."""
    return path.relative_to(folder).as_posix()


def _lesion_labels(path: Path) -> tuple[int, ...] | None:
    """Numbers of the lesion labels in the lookup table beside a label map."""
    table = path.with_name(_IMAGE.sub(".tsv", path.name))
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
            "name are expected. Mend the file or remove it."
        ) from error
