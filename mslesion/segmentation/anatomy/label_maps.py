"""Label maps made by other tools, turned into anatomy maps."""

from collections.abc import Mapping

import numpy as np

from mslesion.errors import MaskError, SettingsError
from mslesion.schema import structures as s
from mslesion.schema.label_schemes import BACKGROUND, LABEL_SCHEMES, LabelScheme
from mslesion.segmentation.anatomy.maps import closed_brain

AUTO = "auto"
"""As a scheme: the one that the labels themselves show."""
MIN_CSF_TO_BRAIN = 0.03
"""With this much CSF around the brain, per volume of brain (inclusive), a map is taken to reach
the skull. Ours: DLMUSE's maps have 0.07 to 0.11 in eight healthy adults, SynthSeg's training
maps 0.2 and more; FreeSurfer's aseg has a millilitre, 0.001."""
MOST_NAMED = 5
"""So many labels are named in an error."""

Mapped = Mapping[int, int | str]
"""A mapping of one's own: label to the number or name of a structure."""


def to_structures(
    labels: np.ndarray, scheme: str | Mapped = AUTO, *, name: str = "The label map"
) -> np.ndarray:
    """Turn a label map made by another tool into an anatomy map.

    Parameters
    ----------
    labels : (I, J, K) array
        Whole numbers; the type may be a float, as some tools store them.
    scheme : str or mapping
        A name of `mslesion.schema.label_schemes.LABEL_SCHEMES` ("freesurfer", "dlmuse",
        "mslesion"), "auto" to recognise the first two by their labels, or a mapping of
        one's own from label to the number or name of a structure. In a mapping, number 0
        and the name "background" leave a label out; label 0 is background unless named.
    name : str
        What the map is called in errors, such as its path.

    Returns
    -------
    (I, J, K) uint8 array
        Numbers of `mslesion.schema.structures.STRUCTURES`, 0 for background.

    Raises
    ------
    MaskError
        If the array is not a label map in 3D, contains no structure, or has a label that the
        scheme does not have, or if "auto" does not recognise the scheme.
    SettingsError
        If the scheme or a structure of the mapping does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> to_structures(np.array([[[0, 10, 77, 1024]]]), "freesurfer")
    array([[[0, 8, 3, 2]]], dtype=uint8)
    >>> to_structures(np.array([[[0, 1, 2]]]), {1: "thalamus", 2: "cerebral white matter"})
    array([[[0, 8, 3]]], dtype=uint8)
    """
    if isinstance(scheme, str) and scheme == AUTO:
        scheme = recognise_scheme(labels, name=name)
    labels = _whole_numbers(labels, name)
    found = _counts(labels)
    if isinstance(scheme, str):
        if scheme not in LABEL_SCHEMES:
            raise SettingsError(
                f"anatomy_labels is {scheme!r}, but it can be {AUTO}, "
                f"{', '.join(LABEL_SCHEMES)}. Choose one of them or give a mapping."
            )
        table, owner = LABEL_SCHEMES[scheme].structures, f"the scheme {scheme}"
    else:
        table, owner = _own_table(scheme), "the given mapping"
    unknown = {number: count for number, count in found.items() if number not in table}
    if unknown:
        raise MaskError(
            f"{name} has {_named(unknown)}, but {owner} has no such label. Name the scheme of the "
            "map, or give a mapping that has the label."
        )
    structure = np.array([table[number] for number in found], np.uint8)
    out = structure[np.searchsorted(list(found), labels)] if found else labels.astype(np.uint8)
    if not out.any():
        raise MaskError(
            f"{name} has no voxel with a structure, but an anatomy map is expected. Check which "
            "file it is."
        )
    return out


def recognise_scheme(labels: np.ndarray, *, name: str = "The label map") -> str:
    """The scheme that the labels of a whole head show.

    A scheme is recognised if it has all labels of the map, and the map has all labels
    that a whole head has in it. Small consecutive numbers, which many atlases have, are
    not recognised.

    Parameters
    ----------
    labels : (I, J, K) array
        Whole numbers.
    name : str
        What the map is called in errors.

    Returns
    -------
    str
        A name of `LABEL_SCHEMES`.

    Raises
    ------
    MaskError
        If the array is no label map in 3D, or not exactly one scheme fits.
    """
    found = _counts(_whole_numbers(labels, name))
    alike = [one for one in LABEL_SCHEMES.values() if one.expected and one.expected <= set(found)]
    fitting = [one.name for one in alike if not _not_in(one, found)]
    if len(fitting) == 1:
        return fitting[0]
    known = " or ".join(f"{one.name} ({one.tools})" for one in LABEL_SCHEMES.values())
    named = _named({number: count for number, count in found.items() if number}) or "all are 0"
    reason = f"labels that fit none of the known schemes ({named})"
    if len(alike) == 1:
        reason = f"the labels of {alike[0].name}, but also {_named(_not_in(alike[0], found))}"
    raise MaskError(
        f"{name} has {reason}, but the scheme is recognised only where all labels fit one. Name "
        f"the scheme with anatomy_labels: {known}; or give a mapping."
    )


def reaches_skull(anatomy: np.ndarray) -> bool:
    """Whether an anatomy map holds the CSF around the brain, so that it ends at the skull.

    Parameters
    ----------
    anatomy : (I, J, K) int array
        Anatomy map.

    Returns
    -------
    bool
    """
    sizes = np.bincount(anatomy.ravel(), minlength=len(s.STRUCTURES) + 1)
    return bool(sizes[s.EXTRA_AXIAL_CSF] >= MIN_CSF_TO_BRAIN * sizes[list(s.BRAIN)].sum())


def fill_sulci(anatomy: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Name the space between the gyri CSF, in a map that has none there.

    Whatever asks where the head ends (the bias field, the share of a lesion outside the
    brain, the lesion network) needs a closed outline. It is that of the brain mask; the
    CSF between brain and skull stays out, and so do the volumes that need it.

    Parameters
    ----------
    anatomy : (I, J, K) uint8 array
        Anatomy map.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    (I, J, K) uint8 array
    """
    inside = closed_brain(anatomy, affine)
    return np.where(inside & (anatomy == BACKGROUND), s.EXTRA_AXIAL_CSF, anatomy).astype(np.uint8)


def _whole_numbers(labels: np.ndarray, name: str) -> np.ndarray:
    """The labels as int, checked."""
    labels = np.asarray(labels)
    if labels.ndim != 3:
        raise MaskError(
            f"{name} has {labels.ndim} dimensions, but a label map in 3D is expected. Give one "
            "volume."
        )
    if labels.dtype.kind not in "iub":
        if labels.dtype.kind != "f" or not np.array_equal(labels, np.rint(labels)):
            raise MaskError(
                f"{name} has values that are not whole numbers, but a label map is expected. "
                "Give the label map, not a probability or a scan."
            )
        if np.abs(labels).max(initial=0) > np.iinfo(np.int32).max:
            raise MaskError(
                f"{name} has values beyond {np.iinfo(np.int32).max}, but labels are smaller. "
                "Check which file it is."
            )
    return labels.astype(np.int32)


def _counts(labels: np.ndarray) -> dict[int, int]:
    """Number of voxels by label, the smallest label first."""
    numbers, counts = np.unique(labels, return_counts=True)
    return dict(zip(numbers.tolist(), counts.tolist(), strict=True))


def _own_table(mapping: Mapped) -> dict[int, int]:
    """Number of the structure by label, of a mapping of one's own."""
    numbers = {"background": BACKGROUND} | {one.name: one.number for one in s.STRUCTURES}
    table = {0: BACKGROUND}
    for label, structure in mapping.items():
        number = numbers.get(structure) if isinstance(structure, str) else structure
        if number not in numbers.values():
            raise SettingsError(
                f"The mapping gives label {label} the structure {structure!r}, but it can be "
                f"{', '.join(numbers)} or their numbers 0 to {len(s.STRUCTURES)}. Correct it."
            )
        table[int(label)] = int(number)
    return table


def _not_in(scheme: LabelScheme, found: Mapping[int, int]) -> dict[int, int]:
    """The labels that a scheme does not have."""
    return {number: count for number, count in found.items() if number not in scheme.structures}


def _named(labels: Mapping[int, int]) -> str:
    """Labels and their numbers of voxels, the largest first."""
    order = sorted(labels, key=labels.get, reverse=True)
    words = [f"label {n} in {labels[n]} voxel{'s' * (labels[n] != 1)}" for n in order[:MOST_NAMED]]
    more = len(order) - MOST_NAMED
    return ", ".join(words) + (f" and {more} more labels" if more > 0 else "")
