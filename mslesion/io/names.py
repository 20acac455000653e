"""What the name of a file says, apart from whose file it is.

A participant may be called ``prob``, ``mask01`` or ``lesion``: the labels of the participant and
of the session are taken out of a name before words are looked for in it.
"""

import re
from collections.abc import Iterable, Sequence

from mslesion.schema.modalities import BY_PRECEDENCE

_NIFTI = re.compile(r"^[^.].*\.nii(\.gz)?$", re.IGNORECASE)
"""A name of an image; macOS leaves a hidden ``._scan.nii.gz`` beside each."""
_BIDS_NAME = re.compile(r"^([^.].*)_([A-Za-z0-9]+)\.nii(\.gz)?$")
_NOT_A_SCAN = re.compile(
    r"lesion|label|segm|t2star|t2\*|(mask|seg|roi)(s|ed)?(?![a-z])"
    r"|(?<![a-z])(swi|adc|dwi)(?![a-z])|(?<![a-z])(mask|seg|roi)s?(flair|t1|t2|mprage)"
)
"""Words of lower-case names that are not those of a scan; Maskell and Swift are people."""
_MODALITY_WORD = re.compile(r"flair|mprage|t[12]w?", re.IGNORECASE)
"""A folder of a participant or session called so does not say which names are its labels."""
_NOT_MAGNITUDE = re.compile(r"_part-(phase|real|imag)")
_COUNTED = re.compile(r"(patient|participant|part|subject|visit|point|pat|pt)\d+")
"""Words whose end and number look like t1 or t2: patient1, visit2, timepoint1."""
_WITHOUT_CONTRAST = re.compile(r"(no|non|pre|without|native)[_-]?(gd|gad|contrast|enh|ce|km)")
_ENTITIES = re.compile(r"(?<![A-Za-z0-9])(?:sub|ses)-[A-Za-z0-9]+")
_ENDING = re.compile(r"\.(nii|nii\.gz|mgz)$", re.IGNORECASE)


def without_labels(name: str, labels: Iterable[str] = ()) -> str:
    """A file's name without the labels of its participant and session.

    Parameters
    ----------
    name : str
        Name of an image file, without folders.
    labels : iterable of str
        Labels, looked for where the name has no ``sub-`` or ``ses-``: letters and digits, with
        separators between them passed over; the first place of each counts. A label that is
        all that the name says stays.

    Returns
    -------
    str

    Examples
    --------
    >>> without_labels("sub-prob_ses-2_label-L_mask.nii.gz")
    '__label-L_mask.nii.gz'
    >>> without_labels("mask_01-flair.nii", ["mask01"]), without_labels("mask.nii", ["mask"])
    ('-flair.nii', 'mask.nii')
    """
    ending = _ENDING.search(name)
    end = ending[0] if ending else ""
    stem, count = _ENTITIES.subn("", name.removesuffix(end))
    for label in () if count else filter(None, labels):
        spelled = "[^A-Za-z0-9]*".join(label)
        rest = re.sub(rf"(?<![A-Za-z0-9])(?:{spelled})(?![A-Za-z0-9])", "", stem, count=1)
        stem = rest if re.search("[A-Za-z]", rest) else stem
    return stem + end


def bids_modality(name: str) -> str:
    """Modality according to the name of a file in a BIDS dataset; empty if unknown.

    Parameters
    ----------
    name : str
        File name.

    Returns
    -------
    str

    Examples
    --------
    >>> bids_modality("sub-1_FLAIR.nii.gz"), bids_modality("sub-1_ce-gadolinium_T1w.nii.gz")
    ('FLAIR', 'T1wGd')
    >>> bids_modality("sub-1_bold.nii.gz")
    ''
    """
    match = _BIDS_NAME.search(name)
    if not match or _NOT_MAGNITUDE.search(match[1]):
        return ""
    start, suffix = match[1], match[2]
    fitting = (
        one.name
        for one in BY_PRECEDENCE
        if one.suffix == suffix and (not one.entity or f"_{one.entity}" in start)
    )
    return next(fitting, "")


def plain_modality(name: str, *, labels: Sequence[str] = ()) -> str:
    """Modality according to the name of a file in a plain folder; empty if unknown.

    Parameters
    ----------
    name : str
        File name.
    labels : sequence of str
        Labels of its participant and session, which say nothing about the scan.

    Returns
    -------
    str

    Examples
    --------
    >>> plain_modality("P1_t2_flair_sag.nii.gz"), plain_modality("T1_post_gd.nii")
    ('FLAIR', 'T1wGd')
    >>> plain_modality("visit1_T2.nii.gz"), plain_modality("T1_precontrast.nii")
    ('T2w', 'T1w')
    >>> plain_modality("flair_lesion_mask.nii.gz"), plain_modality("notes.txt")
    ('', '')
    >>> plain_modality("mask01_flair.nii.gz", labels=["mask01"])
    'FLAIR'
    """
    if not _NIFTI.search(name):
        return ""
    sure = [label for label in labels if not _MODALITY_WORD.fullmatch(label)]
    bare = without_labels(name, labels)
    if _NOT_A_SCAN.search(_with_gaps(bare)):
        return ""
    return _told_by(bare) or _told_by(without_labels(name, sure))


def _with_gaps(name: str) -> str:
    """A name in lower case, an underscore before each word that a capital starts."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _told_by(name: str) -> str:
    """Modality by the words of a name; empty if there are none."""
    low = _COUNTED.sub("", _ENDING.sub("", name.lower()))
    low = _WITHOUT_CONTRAST.sub("", low)
    return next((one.name for one in BY_PRECEDENCE if re.search(one.pattern, low)), "")
