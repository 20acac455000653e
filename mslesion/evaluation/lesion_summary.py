"""Single lesions of a set of scans: detection, Dice and false lesions, by size and location."""

from collections.abc import Callable
from math import nan

import numpy as np
import pandas as pd

from mslesion.evaluation.bootstrap import CONFIDENCE, RESAMPLES, SEED, bootstrap_interval
from mslesion.evaluation.lesion_groups import GROUPS, f1_of_counts, share
from mslesion.evaluation.summary import check_participants
from mslesion.schema.columns import as_table, check_table
from mslesion.schema.lesion_agreement import LESION_AGREEMENT, LESION_AGREEMENT_SUMMARY

_REFERENCE = ("detected_count", "reference_count")
_PREDICTED = ("confirmed_count", "predicted_count")


def summarize_lesion_agreement(
    rows: pd.DataFrame,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
    """Summarise the agreement of single lesions over scans, with intervals over patients.

    The lesions of all scans are pooled, so that a scan with many lesions counts more; false
    lesions are means over the scans.

    Parameters
    ----------
    rows : DataFrame
        Rows of `mslesion.compare_lesions`.
    confidence, resamples, seed
        As `bootstrap_interval`.

    Returns
    -------
    DataFrame
        One row per group and metric with the columns of
        `mslesion.schema.lesion_agreement.LESION_AGREEMENT_SUMMARY`; groups that no scan has
        are left out.

    Raises
    ------
    TableError
        If `rows` is no such table, or a participant is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from mslesion import compare_lesions
    >>> mask = np.zeros((8, 8, 8), np.uint8)
    >>> mask[2:4, 2:4, 2:4] = 1
    >>> pair = (mask, np.eye(4))
    >>> rows = compare_lesions(pair, pair, participant_id="01")
    >>> summary = summarize_lesion_agreement(rows).set_index(["group", "metric"])
    >>> summary.loc[("under_10mm3", "sensitivity"), "estimate"].item()
    1.0
    """
    check_table(rows, LESION_AGREEMENT)
    check_participants(rows, maker="compare_lesions")
    lines = []
    for grouping, groups in GROUPS.items():
        for group in groups:
            own = rows[(rows["grouping"] == grouping) & (rows["group"] == group)]
            for metric, (formula, names) in _METRICS.items() if len(own) else ():
                interval = bootstrap_interval(
                    formula,
                    [_column(own, name) for name in names],
                    patients=own["participant_id"].tolist(),
                    confidence=confidence,
                    resamples=resamples,
                    seed=seed,
                )
                lines.append(
                    {
                        "line": len(lines) + 1,
                        "grouping": grouping,
                        "group": group,
                        "metric": metric,
                        "scan_count": len(own),
                        "reference_count": own["reference_count"].sum(),
                        "predicted_count": own["predicted_count"].sum(),
                        **interval._asdict(),
                    }
                )
    return as_table(lines, LESION_AGREEMENT_SUMMARY)


def _column(rows: pd.DataFrame, name: str) -> np.ndarray:
    """Values of a column, (N,); the sum of Dice is that over the reference lesions."""
    if name == _DICE_SUM:
        dice = _column(rows, "dice_mean")
        return np.where(np.isnan(dice), 0.0, dice * _column(rows, "reference_count"))
    return rows[name].to_numpy(np.float64, na_value=nan)


def _pooled_share(parts: np.ndarray, wholes: np.ndarray) -> float:
    return share(parts.sum(), wholes.sum())


def _pooled_f1(*columns: np.ndarray) -> float:
    return f1_of_counts(*(column.sum() for column in columns))


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


_DICE_SUM = "dice sum"

_METRICS: dict[str, tuple[Callable[..., float], tuple[str, ...]]] = {
    "sensitivity": (_pooled_share, _REFERENCE),
    "ppv": (_pooled_share, _PREDICTED),
    "f1": (_pooled_f1, (*_REFERENCE, *_PREDICTED)),
    "dice_mean": (_pooled_share, (_DICE_SUM, "reference_count")),
    "detected_dice_mean": (_pooled_share, (_DICE_SUM, "detected_count")),
    "false_count": (_mean, ("false_count",)),
    "false_volume_mm3": (_mean, ("false_volume_mm3",)),
}
"""What each metric is computed from."""
