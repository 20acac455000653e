"""What the name of a file says, apart from whose file it is.

A participant may be called ``prob``, ``mask01`` or ``lesion``: the labels of the participant and
of the session are taken out of a name before words are looked for in it.
"""

import re
from collections.abc import Iterable

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
