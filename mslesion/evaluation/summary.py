"""A set of compared masks in one line a metric, with bootstrap intervals over patients."""

from collections.abc import Callable
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd

from mslesion.errors import TableError
from mslesion.evaluation import volumes
from mslesion.evaluation.bootstrap import CONFIDENCE, RESAMPLES, SEED, bootstrap_interval
from mslesion.evaluation.isbi import score_isbi_set
from mslesion.evaluation.sizes import SIZE_BINS_MM3
from mslesion.schema.agreement import AGREEMENT, AGREEMENT_SUMMARY
from mslesion.schema.columns import as_table, check_table

_MEANS = (
    "dice",
    "voxel_sensitivity",
    "voxel_ppv",
    "volume_error_fraction",
    "absolute_volume_error_fraction",
    "mean_surface_distance_mm",
    "hausdorff95_mm",
    "anima_sensitivity",
    "anima_ppv",
    "anima_f1",
    "false_lesion_count",
    "false_lesion_volume_mm3",
    "lesion_sensitivity",
    "lesion_ppv",
    "lesion_f1",
    "lesion_f1_iou50",
    "isbi_ltpr",
    "isbi_lfpr",
    "isbi_score",
)
"""Columns of which the mean over scans is given."""

_VOLUMES = ("predicted_volume_mm3", "reference_volume_mm3")
_COUNTS = ("lesion_predicted_count", "lesion_reference_count")


class _Line(NamedTuple):
    """One line of the summary: what is computed from which columns."""

    metric: str
    kind: str
    formula: Callable[..., float]
    columns: tuple[str, ...]
    units: str | None = None


def summarize_agreement(
    rows: pd.DataFrame,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
    """Summarise a set of compared masks, with intervals over patients.

    Parameters
    ----------
    rows : DataFrame
        Rows of `mslesion.compare_masks`; those with a `reason` failed and are left out.
    confidence, resamples, seed
        As `bootstrap_interval`.

    Returns
    -------
    DataFrame
        One row per metric with the columns of
        `mslesion.schema.agreement.AGREEMENT_SUMMARY`. Each metric is over the scans
        on which it is defined; it is NaN where there are none.

    Raises
    ------
    TableError
        If `rows` is no such table, or a subject is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from mslesion import compare_masks
    >>> mask = np.zeros((8, 8, 8), np.uint8)
    >>> mask[2:4, 2:4, 2:4] = 1
    >>> pair = (mask, np.eye(4))
    >>> rows = [compare_masks(pair, pair, participant_id=name) for name in ("01", "02")]
    >>> summary = summarize_agreement(pd.concat(rows))
    >>> summary.set_index("metric").loc["dice", "estimate"].item()
    1.0
    """
    check_table(rows, AGREEMENT)
    rows = rows[rows["reason"].isna()]
    check_participants(rows, maker="compare_masks")
    lines = []
    for number, line in enumerate(_LINES):
        columns = [rows[name].to_numpy(np.float64, na_value=nan) for name in line.columns]
        known = rows[list(line.columns)].notna().all(axis=1)
        interval = bootstrap_interval(
            line.formula,
            columns,
            patients=rows["participant_id"].tolist(),
            confidence=confidence,
            resamples=resamples,
            seed=seed,
        )
        lines.append(
            {
                "line": number + 1,
                "metric": line.metric,
                "kind": line.kind,
                "scan_count": int(known.sum()),
                "patient_count": rows.loc[known, "participant_id"].nunique(),
                **interval._asdict(),
                "units": line.units,
            }
        )
    return as_table(lines, AGREEMENT_SUMMARY)


def check_participants(rows: pd.DataFrame, *, maker: str) -> None:
    """Raise unless each row names its participant, whom the bootstrap draws.

    Parameters
    ----------
    rows : DataFrame
        With a column ``participant_id``.
    maker : str
        Public function that made the rows.

    Raises
    ------
    TableError
        If a row has none.
    """
    if rows["participant_id"].isna().any():
        raise TableError(
            "Some rows have no participant_id, but the bootstrap draws participants. Give "
            f"{maker} the participant_id."
        )


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def _share(parts: np.ndarray, wholes: np.ndarray) -> float:
    return float(parts.sum() / wholes.sum()) if wholes.any() else nan


def _isbi_of_set(scores, predicted_mm3, reference_mm3) -> float:
    correlation = volumes.pearson_r(predicted_mm3, reference_mm3)
    return score_isbi_set(scores, correlation=correlation)


_UNITS = {column.name: column.units for column in AGREEMENT.columns}

_LINES = (
    *(_Line(name, "mean", _mean, (name,), _UNITS[name]) for name in _MEANS),
    *(
        _Line(
            f"sensitivity_{size}",
            "pooled",
            _share,
            (f"detected_count_{size}", f"reference_count_{size}"),
        )
        for size in SIZE_BINS_MM3
    ),
    _Line("volume_pearson_r", "set", volumes.pearson_r, _VOLUMES),
    _Line("volume_spearman_rho", "set", volumes.spearman_rho, _VOLUMES),
    _Line("volume_icc_a1", "set", volumes.icc_a1, _VOLUMES),
    _Line("volume_bias_mm3", "set", volumes.bias, _VOLUMES, "mm^3"),
    _Line("volume_lower_limit_mm3", "set", volumes.lower_limit, _VOLUMES, "mm^3"),
    _Line("volume_upper_limit_mm3", "set", volumes.upper_limit, _VOLUMES, "mm^3"),
    _Line(
        "volume_median_absolute_error_pct",
        "set",
        volumes.median_absolute_error_pct,
        _VOLUMES,
        "percent",
    ),
    _Line("count_spearman_rho", "set", volumes.spearman_rho, _COUNTS),
    _Line("isbi_score_with_correlation", "set", _isbi_of_set, ("isbi_score", *_VOLUMES)),
)
"""The lines, in order."""
