"""Bootstrap confidence intervals over patients."""

from collections.abc import Callable, Sequence
from math import nan
from typing import NamedTuple

import numpy as np

from mslesion.errors import SettingsError, TableError

CONFIDENCE = 0.95
"""Share of the bootstrap distribution inside the interval."""
RESAMPLES = 2000
"""Draws of patients; by another seed a 95 % limit then moves by 1 to 2 % of the width."""
SEED = 0
"""Seed of the draws, so that the same table gives the same interval."""
MIN_PATIENTS = 3
"""Intervals need this many patients (inclusive)."""


class Interval(NamedTuple):
    """An estimate with its confidence interval."""

    estimate: float
    lower: float
    upper: float


def bootstrap_interval(
    statistic: Callable[..., float],
    columns: Sequence[np.ndarray],
    *,
    patients: Sequence[str],
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Estimate a statistic, with a percentile interval over patients.

    Patients are drawn with replacement, each with all of its scans: scans of one patient
    are not independent. Rows with a NaN are left out first.

    Parameters
    ----------
    statistic : callable
        Takes the columns, gives a float; may give NaN for a draw, which is then left out.
    columns : sequence of (N,) array
        One value per scan.
    patients : (N,) sequence of str
        Patient of each row.
    confidence : float
        Size of the interval, above 0 and below 1.
    resamples : int
        Number of draws.
    seed : int
        Seed of the draws.

    Returns
    -------
    Interval
        Limits are NaN under `MIN_PATIENTS` patients; all is NaN where the estimate is.

    Raises
    ------
    TableError
        If the columns and `patients` differ in length.
    SettingsError
        If `confidence` is not a fraction.

    Examples
    --------
    >>> bootstrap_interval(np.mean, [[1.0, 1.0, 1.0]], patients=["a", "b", "c"])
    Interval(estimate=1.0, lower=1.0, upper=1.0)
    """
    if any(len(column) != len(patients) for column in columns):
        raise TableError(
            f"The columns have {[len(column) for column in columns]} rows, but there are "
            f"{len(patients)} patients. Give the patient of each row."
        )
    if not 0 < confidence < 1:
        raise SettingsError(
            f"confidence is {confidence}, but a value between 0 and 1 is expected. "
            "Give a fraction such as 0.95."
        )
    columns = [np.asarray(column, np.float64) for column in columns]
    known = ~np.isnan(columns).any(axis=0)
    columns = [column[known] for column in columns]
    estimate = float(statistic(*columns)) if known.any() else nan
    names, patient_of = np.unique(np.asarray(patients, str)[known], return_inverse=True)
    if np.isnan(estimate) or len(names) < MIN_PATIENTS:
        return Interval(estimate, nan, nan)
    scans = [np.flatnonzero(patient_of == patient) for patient in range(len(names))]
    draws = np.random.default_rng(seed).integers(len(names), size=(resamples, len(names)))
    values = np.array([_one_draw(statistic, columns, scans, draw) for draw in draws])
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval(estimate, nan, nan)
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return Interval(estimate, float(lower), float(upper))


def _one_draw(statistic, columns, scans, draw) -> float:
    """The statistic of one draw of patients."""
    rows = np.concatenate([scans[patient] for patient in draw])
    return statistic(*(column[rows] for column in columns))
