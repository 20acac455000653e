"""The scans of a visit, declared once: how each is named in files, and what it is used for."""

from collections.abc import Container
from typing import NamedTuple

FLAIR, T1W, T2W, T1W_CONTRAST = "FLAIR", "T1w", "T2w", "T1wGd"
"""Names of the modalities; `T1W_CONTRAST` is T1w after contrast agent."""
SEPARATOR = ";"
"""Stands between the modalities in the column ``inputs``."""

_AFTER_CONTRAST = (
    r"(t1|mprage).*?(gd|gad|contrast|post|enh)"
    r"|(t1w?|mprage)[_+-]*(c|ce|km|m)([^a-z]|$)"
    r"|(?<![a-z])(gd|gad|post|ce)[_-]?(t1|mprage)"
)


class Modality(NamedTuple):
    """One kind of scan."""

    name: str
    """Key of the scans of a visit; letters and digits, as a BIDS label."""
    suffix: str
    """Suffix of its files in a BIDS dataset."""
    pattern: str
    """Regular expression that finds it in the lower-case file name of a plain folder."""
    words: str
    """Name on a page."""
    entity: str = ""
    """BIDS entity that its file names hold besides the suffix, such as ``ce-`` (any value) or
    ``acq-dir``. A modality with an entity is looked for before those without."""
    channel: str = ""
    """Input of the networks that it can fill, of ``onnx_models.CHANNELS``; the first modality of a
    visit with that channel does. Empty if the networks do not read it."""
    is_reference: bool = False
    """Whether the results of a visit can lie on its grid; the first one of a visit is taken."""
    is_compared: bool = False
    """Whether the scans of two visits are compared."""


MODALITIES = (
    Modality(FLAIR, "FLAIR", "flair", "FLAIR", channel=FLAIR, is_reference=True, is_compared=True),
    Modality(T1W, "T1w", "t1|mprage", "T1w", channel=T1W, is_reference=True, is_compared=True),
    Modality(T2W, "T2w", "t2", "T2w", channel=T2W),
    Modality(
        T1W_CONTRAST, "T1w", rf"^(?!.*flair).*({_AFTER_CONTRAST})", "T1w after contrast agent",
        entity="ce-", channel=T1W, is_reference=True,
    ),
)  # fmt: skip
"""Every modality. A visit keeps its scans in this order; all are read, registered to the
reference and freed of their bias field."""

NAMES = tuple(one.name for one in MODALITIES)
REFERENCES = tuple(one.name for one in MODALITIES if one.is_reference)
"""Scans that results may lie on, the best first; a visit needs one of them."""
COMPARED = tuple(one.name for one in MODALITIES if one.is_compared)
"""Scans that are compared between visits."""
BY_PRECEDENCE = tuple(sorted(MODALITIES, key=lambda one: not one.entity))
"""In the order in which file names are tried: what has an entity first."""


def reference_of(scans: Container[str]) -> str | None:
    """Which scan of a visit its results lie on.

    Parameters
    ----------
    scans : mapping or other container of str
        Modalities of the visit.

    Returns
    -------
    str or None
        The first of `REFERENCES` that there is.

    Examples
    --------
    >>> reference_of({"T1w": "a.nii", "FLAIR": "b.nii"}), reference_of({"T2w": "c.nii"})
    ('FLAIR', None)
    """
    return next((name for name in REFERENCES if name in scans), None)


def scan_for(channel: str, scans: Container[str]) -> str | None:
    """Which scan of a visit fills an input of the networks.

    Parameters
    ----------
    channel : str
        Input of the networks.
    scans : mapping or other container of str
        Modalities of the visit.

    Returns
    -------
    str or None
        The first modality with that channel that there is.

    Examples
    --------
    >>> scan_for("T1w", {"FLAIR", "T1wGd"}), scan_for("T2w", {"FLAIR"})
    ('T1wGd', None)
    """
    names = (one.name for one in MODALITIES if one.channel == channel)
    return next((name for name in names if name in scans), None)


def in_words(inputs: str) -> str:
    """The modalities of the column ``inputs`` as a page names them.

    Parameters
    ----------
    inputs : str
        Names joined by `SEPARATOR`.

    Returns
    -------
    str

    Examples
    --------
    >>> in_words("FLAIR;T1w;T1wGd")
    'FLAIR, T1w, T1w after contrast agent'
    """
    words = {one.name: one.words for one in MODALITIES}
    return ", ".join(words.get(name, name) for name in inputs.split(SEPARATOR))
