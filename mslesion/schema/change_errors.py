"""The measured error of the change of the brain and its parts, by kind of pair."""

from typing import NamedTuple

SAME_3D = "same scanner, 3D"
SAME_THICK = "same scanner, thick slices"
SAME_MIXED = "same scanner, thick slices at one visit"
OTHER_SCANNER, UNKNOWN_SCANNER = "another scanner", "scanner not known"
TOO_THICK = "slices over 4 mm"
NOT_T1W, OTHER_ANATOMY = "not on T1w", "anatomy of another tool"
FAILED_CHECK = "failed check"
PAIR_KINDS = {
    SAME_3D: "one scanner, voxels of at most 2 mm at both visits",
    SAME_THICK: "one scanner, slices of more than 2 and at most 4 mm at both visits",
    SAME_MIXED: "one scanner, such slices at one visit and voxels of at most 2 mm at the other",
    OTHER_SCANNER: "the sidecars name two scanners",
    UNKNOWN_SCANNER: "a scanner is not known",
    TOO_THICK: "one scanner, thicker slices than those measured",
    NOT_T1W: "the brain change was measured on another scan than T1w",
    OTHER_ANATOMY: "a visit has a given label map",
    FAILED_CHECK: "a check of the pair failed, or the skull was removed at one visit only",
}
"""What the program can tell about a pair that the error of its brain change depends on."""


class ChangeError(NamedTuple):
    """Root mean square of the measured change of people who were scanned twice without change."""

    sd_points: float
    """In percentage points."""
    people: int
    """Each was scanned twice."""


CHANGE_ERRORS: dict[str, dict[str, ChangeError]] = {
    SAME_3D: {
        "pbvc": ChangeError(0.34, 3),
        "pvvc": ChangeError(1.15, 3),
        "thalamus": ChangeError(0.24, 3),
    },
    SAME_THICK: {
        "pbvc": ChangeError(0.34, 3),
        "pvvc": ChangeError(2.04, 3),
        "thalamus": ChangeError(0.24, 3),
    },
}
"""By kind of pair and quantity, measured with ``pipelines/measure_error.py``. The section "Error
of brain change by kind of pair" of docs/validation.md has the data. On thick slices 0.21 and 0.20
were measured for brain and thalamus: by chance less than in 3D, whose error is taken. The changes
of a kind without an entry have no interval."""


def source_of_error(kind: str) -> str:
    """Where the errors of a pair's brain change come from, in words.

    Parameters
    ----------
    kind : str
        Of `PAIR_KINDS`.

    Returns
    -------
    str

    Examples
    --------
    >>> source_of_error("another scanner")
    'not measured for this kind of pair: another scanner'
    """
    errors = CHANGE_ERRORS.get(kind)
    if errors is None:
        return f"not measured for this kind of pair: {kind}"
    error = errors["pbvc"]
    return f"measured on rescans of {error.people} people: {kind}"
