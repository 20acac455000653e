"""The measured error of each biomarker: figure, data, command, and the section that tells it.

The data dictionaries and the table at the top of ``docs/validation.md`` are made from it.
"""

from typing import NamedTuple

from mslesion.schema.change_errors import CHANGE_ERRORS
from mslesion.schema.columns import Column, Table
from mslesion.schema.locations import LOCATION_CLASSES

NONE_YET = "none yet"
"""The measured error of a biomarker whose error was not measured."""
VALIDATE = "python pipelines/validate.py DATA OUTPUT --folds FOLDS --parts"
BETWEEN = "python pipelines/validate_longitudinal.py DATA CACHE --parts"


class MeasuredError(NamedTuple):
    """An error that was measured."""

    of: tuple[str, ...]
    """Columns, each after the name of its table and a dot."""
    figure: str
    """What was found, in the numbers of the section."""
    data: str
    command: str
    section: str
    """Heading in ``docs/validation.md`` under which it stands."""


_PATIENTS = "LJ07, LJ19, P14 and P39, none of them in the training that was measured, FLAIR+T1w"
_HEADS = "8 whole heads of IXI, T1w of 2 mm, against labels of DLMUSE, which draws other borders"
_LABELS = "Anatomy made elsewhere"
_ANATOMY = "python pipelines/validate.py DATA OUTPUT --parts anatomy"
_OTHER = "largest difference from the other labels {} %"


def _of(table: str, *names: str) -> tuple[str, ...]:
    """Columns of a table, by their full names."""
    return tuple(f"{table}.{name}" for name in names)


def _by_labels(name: str, percent: int) -> MeasuredError:
    """The difference of a volume from that of labels made elsewhere."""
    return MeasuredError(_of("visits", name), _OTHER.format(percent), _HEADS, _ANATOMY, _LABELS)


_BY_KIND = tuple(
    MeasuredError(
        _of("changes", column),
        f"{errors[quantity].sd_points:.2f} points taken as root mean square, {kind}",
        f"rescans of {errors[quantity].people} healthy adults of OASIS, T1w",
        "python pipelines/measure_error.py DATA CACHE",
        "Error of brain change by kind of pair",
    )
    for quantity, column in (
        ("pbvc", "pbvc_pct"), ("pvvc", "pvvc_pct"), ("thalamus", "thalamus_change_pct"),
    )
    for kind, errors in CHANGE_ERRORS.items()
    if quantity in errors
)  # fmt: skip

MEASURED_ERRORS = (
    MeasuredError(
        _of("visits", "lesion_volume_ml"),
        "median error 23 %, largest 46 %; r 0.967",
        f"{_PATIENTS}, six visits",
        f"{VALIDATE} lesions",
        "Lesions",
    ),
    MeasuredError(
        _of("visits", "lesion_volume_ml"),
        "median error 13 %, largest 69 %; r 0.96",
        "the same, FLAIR alone with slices of 4 mm",
        f"{VALIDATE} thick",
        "Lesions",
    ),
    MeasuredError(
        _of("visits", "lesion_volume_ml"),
        "a threshold from 0.3 to 0.7 in place of 0.5 changes loads of 27 ml and more by at most "
        "7 %, the small load of LJ07 by 19 %, on thick slices by 18 to 106 %",
        "13 scans; the effect of the setting, not the accuracy",
        "python pipelines/threshold_effect.py DATA OUTPUT",
        "Lesion threshold",
    ),
    MeasuredError(
        _of("visits", "lesion_count"),
        "F1 of single lesions 0.65, mean over patients",
        f"{_PATIENTS}, six visits",
        f"{VALIDATE} lesions",
        "Lesions",
    ),
    MeasuredError(
        (
            *_of("lesions", "location"),
            *_of("visits", *(one.count_column for one in LOCATION_CLASSES)),
        ),
        "85 % and 93 % of 200 balls have the same class by another anatomy",
        "balls of 6 mm in the white matter of two heads of IXI; no lesions",
        _ANATOMY,
        _LABELS,
    ),
    _by_labels("brain_ml", 14),
    _by_labels("tiv_ml", 6),
    _by_labels("csf_ml", 157),
    MeasuredError(
        _of("visits", "bpf"), "0.881 for 0.908 of the other labels", _HEADS, _ANATOMY, _LABELS
    ),
    MeasuredError(
        _of("visits", "lateral_ventricles_ml"),
        "0.3 to 2.4 ml too large; r 0.997",
        "8 whole heads of IXI, T1w of 2 mm, automatic labels",
        "python pipelines/validate.py DATA OUTPUT --parts heads",
        "Brain and structures",
    ),
    _by_labels("third_ventricle_ml", 46),
    _by_labels("cortical_grey_matter_ml", 15),
    _by_labels("thalamus_ml", 6),
    _by_labels("basal_ganglia_ml", 31),
    _by_labels("hippocampus_amygdala_ml", 36),
    _by_labels("cerebellum_ml", 22),
    _by_labels("brainstem_ml", 11),
    MeasuredError(
        (*_of("changes", "new_t2_count"), *_of("lesion_changes", "change")),
        "60 of 60 inserted lesions of 5 mm or more found, 0 false",
        "P14 twice, LJ07, lesions of a library drawn into the second visit and its mask",
        f"{BETWEEN} lesions",
        "Between visits",
    ),
    MeasuredError(
        (*_of("changes", "enlarging_count"), *_of("lesion_changes", "size_change")),
        "10 of 10 enlarged lesions found, 0 of 45 unchanged ones called enlarging",
        "P14 twice, LJ07, lesions with 1 mm more radius",
        f"{BETWEEN} lesions",
        "Between visits",
    ),
    MeasuredError(
        _of(
            "changes",
            "lesion_volume_joint_from_ml", "lesion_volume_joint_to_ml",
            "lesion_count_joint_from", "lesion_count_joint_to",
        ),
        "0.2 ml and one lesion more at the second visit, with one new lesion; each visit alone "
        "gives 1.5 ml less and six lesions more",
        "LJL03, slices of 3 to 4 mm, two scanners; agreement of the visits, not accuracy",
        f"{BETWEEN} change",
        "Between visits",
    ),
    MeasuredError(
        _of("changes", "pbvc_pct"),
        "absolute change without a true one: median 0.10 %, largest 0.57 %",
        "rescans of three healthy adults of OASIS, T1w",
        f"{BETWEEN} rescan",
        "Between visits",
    ),
    MeasuredError(
        _of("changes", "pbvc_pct"),
        "error 0.006 points at 0, 0.05 at -0.50 %, 0.09 at -1.00 %; -2.01 % is withheld",
        "simulated atrophy of one whole head of 0.9 mm",
        f"{BETWEEN} atrophy",
        "Between visits",
    ),
    *_BY_KIND,
    MeasuredError(
        _of("changes", "sel_candidate_count"),
        "0 of 8 unchanged lesions called slowly expanding, twice",
        "P14, the same visit rotated, with noise and another gain",
        f"{BETWEEN} same",
        "Between visits",
    ),
)  # fmt: skip
"""Every error that was measured, in the order of the tables."""


def errors_of(table: Table, column: Column) -> list[MeasuredError]:
    """What was measured of a column.

    Parameters
    ----------
    table : Table
        The table of the column.
    column : Column
        The column.

    Returns
    -------
    list of MeasuredError
        Empty where nothing was measured.
    """
    return [one for one in MEASURED_ERRORS if f"{table.name}.{column.name}" in one.of]


def error_text(table: Table, column: Column) -> str:
    """The measured error of a column as its data dictionary says it.

    Parameters
    ----------
    table : Table
        The table of the column.
    column : Column
        The column.

    Returns
    -------
    str
        `NONE_YET` where nothing was measured.
    """
    texts = [
        f'{one.figure} ({one.data}; docs/validation.md, "{one.section}")'
        for one in errors_of(table, column)
    ]
    return "; ".join(texts) or NONE_YET
