"""What a biomarker needs, and why it is empty where that is missing; declared once.

A column names its prerequisites in order (`Column.requires`). Where its value is empty, the reason
is that of the first one which the visit does not meet. The last one is what only the measure itself
finds out: its reason is given where all others are met.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mslesion.schema.change_errors import CHANGE_ERRORS
from mslesion.schema.columns import Column
from mslesion.schema.modalities import FLAIR
from mslesion.schema.time import MIN_YEARS_FOR_RATE

PREREQUISITES = {
    "whole_brain": "the view cuts off more than 40 cm2 of brain",
    "orientation": "the header gives no orientation, so left and right are not known",
    "not_mirrored": "two scans are mirror images of each other, so left and right are not known",
    "structure": "not found in the {searched}",
    "csf_around_brain": "the given anatomy has no CSF around the brain",
    "skull": "no skull in the scan",
    "lesion_map": "neither {missing_scan} nor lesion mask",
    "fitting_mask": "the given mask does not match the scan",
    "lesion": "no lesion",
    "enough_lesion": "under 0.5 ml of lesion",
    "thin_slices": "voxels longer than 5 mm",
    "thin_slices_for_centers": "voxels longer than 2 mm",
    "white_matter": "no white matter was found",
    "flair": "no FLAIR",
    "flair_spread": "white matter does not vary on the FLAIR",
    "fitting_t1w": "the T1w does not show the head of the FLAIR",
    "fitting_t1w_after_contrast": "the T1w after contrast agent shows another head",
    "t1w": "no T1w",
    "t1w_before_contrast": "only a T1w after contrast agent",
    "t1w_without_agent": "the T1w was acquired after contrast agent",
    "t1w_looks_plain": "the T1w appears contrast-enhanced",
    "t1w_covers_brain": "the T1w does not cover the brain of the FLAIR",
    "t1w_contrast": "white matter is not brighter than cortex on the T1w",
    "t1w_after_contrast": "no pair of T1w before and after contrast agent",
    "comparable_white_matter": "no white matter for comparison",
}
"""Reason for an empty value by the prerequisite that is not met; ``missing_scan`` is what the
lesion network needs, ``searched`` where structures were looked for: scan or given anatomy."""

OF_PAIR = {
    "lesion_change": "the lesion change is not assessable",
    "brain_change": "the brain change is not assessable",
    "dates": "a visit has no date",
    "half_year": "under half a year between the visits",
    "year": "under a year between the visits",
    "measured_error": "no error was measured for this kind of pair",
    "lesion_map_at_first": "no lesion map at the first visit",
    "lesion_at_first": "no lesion at the first visit",
    "copies": "no room in normal-appearing white matter for shifted copies of the lesions",
    "skulls": "no skull in view at a visit, or too little of it",
    "precise_head_scale": "no skull in view at a visit, voxels of more than 2.1 mm, or an error of "
    "the head's scale of more than 0.5 percentage points",
    "boundary": "the two scans have no contrast in common at the border of the brain",
    "ventricle_border": "the ventricles are under 1 ml or have no contrast at their border",
    "shared_head": "the two scans share no voxel of the head",
    "two_estimates": "only one of the two estimates could be made",
    "large_structure": "the structure is under 1 ml",
    "width_at_both": "no width of the third ventricle at a visit",
    "enhancement_rating": "no rating that says no lesion enhances, or lists all that do",
    "treatment_start": "no day is known on which a treatment began",
}
"""The same of a pair of visits; the row itself says why its change is not assessable."""

SKULL = ("csf_around_brain", "skull")
"""What every measure that ends at the skull needs."""
LESIONS = ("whole_brain", "lesion_map", "fitting_mask")
"""What every measure of all lesions needs."""
PLAIN_T1W = (
    "fitting_t1w", "t1w", "t1w_before_contrast", "t1w_without_agent", "t1w_looks_plain",
    "t1w_covers_brain",
)  # fmt: skip
"""A T1w without contrast agent, of the whole brain."""
T1_INDEX = (*PLAIN_T1W, "t1w_contrast")
SCAN, GIVEN_ANATOMY = "scan", "given anatomy"
"""Where structures were looked for."""


def reason_for(
    requires: Sequence[str],
    unmet: Container[str],
    *,
    missing_scan: str = FLAIR,
    searched: str = SCAN,
) -> str:
    """Why a value is empty.

    Parameters
    ----------
    requires : sequence of str
        Prerequisites of its column, of `PREREQUISITES`.
    unmet : container of str
        Prerequisites that the visit does not meet.
    missing_scan : str
        Modality that the lesion network needs, for the reason of ``lesion_map``.
    searched : str
        `SCAN` or `GIVEN_ANATOMY`, for the reason of ``structure``.

    Returns
    -------
    str

    Examples
    --------
    >>> reason_for(("whole_brain", "skull"), {"skull", "flair"})
    'no skull in the scan'
    >>> reason_for(("whole_brain", "structure"), set())
    'not found in the scan'
    """
    name = next((name for name in requires if name in unmet), requires[-1])
    return (PREREQUISITES | OF_PAIR)[name].format(missing_scan=missing_scan, searched=searched)


def reason_of_pair(row: Mapping, column: Column) -> str:
    """Why a value of a pair is empty.

    Parameters
    ----------
    row : mapping
        Row of changes.csv.
    column : Column
        Of that table, with prerequisites.

    Returns
    -------
    str

    Examples
    --------
    >>> per_year = Column("x", "float64", "", requires=("lesion_change", "dates", "half_year"))
    >>> reason_of_pair({"change_assessable": True, "interval_years": 0.25}, per_year)
    'under half a year between the visits'
    """

    def known(name: str) -> Any:
        value = row.get(name)
        return None if pd.isna(value) else value

    years = known("interval_years")
    is_met = {
        "lesion_change": known("change_assessable") in (None, True),
        "brain_change": known("brain_change_assessable") in (None, True),
        "dates": years is not None,
        "half_year": years is None or years >= MIN_YEARS_FOR_RATE,
        "year": years is None or years >= 1,
        "measured_error": known("pair_kind") in (None, *CHANGE_ERRORS),
    }
    unmet = {name for name, one in is_met.items() if not one}
    for name, why in (("lesion_change", "change_reason"), ("brain_change", "brain_change_reason")):
        if name in column.requires and name in unmet and known(why):
            return str(known(why))
    return reason_for(column.requires, unmet)


def empty_when(column: Column) -> str:
    """When the values of a column are empty.

    Parameters
    ----------
    column : Column
        Any column.

    Returns
    -------
    str
        What it says itself, and the reasons of its prerequisites; "never" without any.

    Examples
    --------
    >>> empty_when(Column("x", "float64", "", requires=("whole_brain", "skull")))
    'the view cuts off more than 40 cm2 of brain; no skull in the scan'
    """
    reasons = [reason_for((name,), ()) for name in column.requires]
    return "; ".join(filter(None, (column.empty_when, *reasons))) or "never"


def read_reasons(empty_because: str | None) -> dict[str, str]:
    """Reasons for empty values by column.

    Parameters
    ----------
    empty_because : str or None
        As `reasons_for_empty` gives it; missing where nothing is empty.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> read_reasons("tiv_ml: no skull in the scan;csf_ml: no skull in the scan")["csf_ml"]
    'no skull in the scan'
    """
    if pd.isna(empty_because) or not empty_because:
        return {}
    return dict(entry.split(": ", 1) for entry in empty_because.split(";"))


def reasons_for_empty(
    row: Mapping, columns: Iterable[Column], *, unmet: Container[str], **words: str
) -> str:
    """The column ``empty_because`` of a row.

    Parameters
    ----------
    row : mapping
        Values by column name; None or missing is empty.
    columns : iterable of Column
        Biomarkers of the row.
    unmet : container of str
        Prerequisites that are not met.
    **words
        `missing_scan` and `searched`, as for `reason_for`.

    Returns
    -------
    str
        Column and reason of each empty biomarker, joined by semicolons.

    Examples
    --------
    >>> volume = Column("tiv_ml", "float64", "", requires=("whole_brain", "skull"))
    >>> reasons_for_empty({"tiv_ml": None}, [volume], unmet={"skull"})
    'tiv_ml: no skull in the scan'
    """
    return ";".join(
        f"{column.name}: {reason_for(column.requires, unmet, **words)}"
        for column in sorted(columns, key=lambda column: column.name)
        if row.get(column.name) is None
    )
