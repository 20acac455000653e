"""Agreement of a prediction with each of several raters, and of the raters with one another."""

from collections.abc import Mapping
from itertools import combinations
from math import nan

import numpy as np
import pandas as pd

from mslesion.errors import SettingsError
from mslesion.evaluation.anima import detect_by_anima
from mslesion.evaluation.bootstrap import CONFIDENCE, RESAMPLES, SEED, bootstrap_interval
from mslesion.evaluation.lesion_matching import match_lesions
from mslesion.evaluation.summary import check_participants
from mslesion.evaluation.voxels import measure_overlap
from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.schema.columns import as_table, check_table
from mslesion.schema.lesion_agreement import (
    ALL,
    PREDICTION,
    RATER_AGREEMENT,
    RATER_AGREEMENT_SUMMARY,
    RATERS,
)

METRICS = ("dice", "lesion_f1", "anima_f1")
"""What is compared: each is the same whichever of the two masks is called the reference."""


def measure_rater_agreement(
    *,
    predicted: np.ndarray,
    raters: Mapping[str, np.ndarray],
    affine: np.ndarray,
    participant_id: str | None = None,
    session_id: str | None = None,
) -> pd.DataFrame:
    """Compare a mask with that of each rater, and the raters' with one another.

    No mask is the reference here: a metric is 0 if only one of two masks has a lesion.

    Parameters
    ----------
    predicted : (I, J, K) bool array
        The mask to judge.
    raters : mapping of str to (I, J, K) bool array
        Masks by the raters' names, on the same grid.
    affine : (4, 4) array
        Voxel-to-world matrix in mm.
    participant_id, session_id : str, optional
        Whose masks, for the rows; `summarize_rater_agreement` needs the participant.

    Returns
    -------
    DataFrame
        One row a pair of masks with the columns of
        `mslesion.schema.lesion_agreement.RATER_AGREEMENT`.

    Raises
    ------
    MaskError, GeometryError
        If the arrays are not masks, or differ in size.
    SettingsError
        If a rater is called `all`, as the mean over the raters is.

    Examples
    --------
    >>> predicted, first, second = np.zeros((3, 8, 8, 8), bool)
    >>> predicted[0, 0, :4] = first[0, 0, :4] = second[0, 0, 2:6] = True
    >>> rows = measure_rater_agreement(
    ...     predicted=predicted, raters={"A": first, "B": second}, affine=np.eye(4)
    ... )
    >>> rows[["pair", "rater", "dice"]].to_numpy().tolist()
    [['prediction', 'A', 1.0], ['prediction', 'B', 0.5], ['raters', 'A', 0.5]]
    """
    if ALL in raters:
        raise SettingsError(
            f"raters has a rater {ALL!r}, but this is the mean over them. Give another name."
        )
    names = sorted(raters)
    pairs = [(PREDICTION, name, None, raters[name], predicted) for name in names]
    pairs += [(RATERS, a, b, raters[a], raters[b]) for a, b in combinations(names, 2)]
    rows = [
        {
            "participant_id": participant_id,
            "session_id": session_id,
            "pair": pair,
            "rater": rater,
            "other_rater": other,
            "volume_mm3": np.count_nonzero(mask) * voxel_volume_mm3(affine),
            "other_volume_mm3": np.count_nonzero(other_mask) * voxel_volume_mm3(affine),
            **_both_ways(other_mask, mask, affine),
        }
        for pair, rater, other, mask, other_mask in pairs
    ]
    return as_table(rows, RATER_AGREEMENT)


def _both_ways(first: np.ndarray, second: np.ndarray, affine: np.ndarray) -> dict[str, float]:
    """The metrics with either mask as reference: one is defined where a mask has lesions."""
    there, back = _metrics(first, second, affine), _metrics(second, first, affine)
    return {name: back[name] if np.isnan(there[name]) else there[name] for name in METRICS}


def _metrics(predicted: np.ndarray, reference: np.ndarray, affine: np.ndarray) -> dict[str, float]:
    placed = {"predicted": predicted, "reference": reference, "affine": affine}
    return {
        "dice": measure_overlap(**placed).dice,
        "lesion_f1": match_lesions(**placed).f1,
        "anima_f1": detect_by_anima(**placed).f1,
    }


def summarize_rater_agreement(
    rows: pd.DataFrame,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> pd.DataFrame:
    """Summarise how well a prediction agrees with raters, by how well they agree themselves.

    Parameters
    ----------
    rows : DataFrame
        Rows of `mslesion.compare_raters`; those with a `reason` failed and are left out.
    confidence, resamples, seed
        As `bootstrap_interval`, for the ratio.

    Returns
    -------
    DataFrame
        One row per metric and rater with the columns of
        `mslesion.schema.lesion_agreement.RATER_AGREEMENT_SUMMARY`: first the mean over the
        raters of a scan, then each rater, who is compared with the others. A scan counts
        where the prediction and two raters can be compared.

    Raises
    ------
    TableError
        If `rows` is no such table, or a participant is missing.
    """
    check_table(rows, RATER_AGREEMENT)
    rows = rows[rows["reason"].isna()]
    check_participants(rows, maker="compare_raters")
    names = sorted({*rows["rater"].dropna(), *rows["other_rater"].dropna()})
    lines = []
    for metric in METRICS:
        for rater in (ALL, *names):
            scans = _by_scan(rows, metric, rater)
            columns = [scans[PREDICTION].to_numpy(), scans[RATERS].to_numpy()]
            interval = bootstrap_interval(
                _ratio,
                columns,
                patients=scans["participant_id"].tolist(),
                confidence=confidence,
                resamples=resamples,
                seed=seed,
            )
            lines.append(
                {
                    "line": len(lines) + 1,
                    "metric": metric,
                    "rater": rater,
                    "scan_count": len(scans),
                    "patient_count": scans["participant_id"].nunique(),
                    PREDICTION: scans[PREDICTION].mean(),
                    RATERS: scans[RATERS].mean(),
                    "ratio": interval.estimate,
                    "lower": interval.lower,
                    "upper": interval.upper,
                }
            )
    return as_table(lines, RATER_AGREEMENT_SUMMARY)


def _by_scan(rows: pd.DataFrame, metric: str, rater: str) -> pd.DataFrame:
    """Mean agreement of a scan's pairs: of the prediction, and of the raters themselves."""
    if rater != ALL:
        rows = rows[(rows["rater"] == rater) | (rows["other_rater"] == rater)]
    rows = rows.assign(session_id=rows["session_id"].fillna(""))
    means = rows.pivot_table(metric, ["participant_id", "session_id"], "pair")
    return means.reindex(columns=[PREDICTION, RATERS]).dropna().reset_index()


def _ratio(prediction: np.ndarray, raters: np.ndarray) -> float:
    return float(prediction.sum() / raters.sum()) if raters.any() else nan
