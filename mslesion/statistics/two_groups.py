"""Two groups of a study compared: counts, volumes, yearly changes and slopes.

Needs statsmodels: ``pip install 'mslesion[stats]'``. What cannot be estimated is NaN with
the reason in `note`, so that one measure does not end a table.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, hypot, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from mslesion.errors import MissingToolError, TableError

LOG_OFFSET_ML = 0.1
"""Added to lesion volumes before the logarithm, in mL, so that 0 has one (mslesion)."""
MIN_SUBJECTS = 3
"""Groups need this many subjects with values (inclusive)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measure of two groups, the other against the reference."""

    measure: str
    model: str
    effect: str
    """What the estimate is, such as "rate ratio"."""
    estimate: float = nan
    ci95_low: float = nan
    ci95_high: float = nan
    p_value: float = nan
    standardized_effect: float = nan
    """Difference in standard deviations: Hedges' g, or per SD of the subjects' slopes."""
    reference_group: str
    other_group: str
    reference_subjects: int
    other_subjects: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows with values, and which of them are of the other group."""

    rows: pd.DataFrame
    is_other: np.ndarray
    labels: dict[str, Any]
    """The fields of a `Comparison` that say what was compared."""

    @property
    def too_few(self) -> str:
        """Why nothing can be estimated; empty if it can."""
        sizes = (self.labels["reference_subjects"], self.labels["other_subjects"])
        return (
            ""
            if min(sizes) >= MIN_SUBJECTS
            else f"fewer than {MIN_SUBJECTS} participants in a group"
        )

    def design(self, covariates: Sequence[str]) -> np.ndarray:
        """Constant, group, and covariates about their means."""
        extra = self.rows[list(covariates)].astype(float)
        return np.column_stack([np.ones(len(self.rows)), self.is_other, extra - extra.mean()])


def compare_counts(
    frame: pd.DataFrame,
    measure: str,
    *,
    group: str,
    reference: str,
    years: str | None = None,
    covariates: Sequence[str] = (),
) -> Comparison:
    """Ratio of lesion rates by negative binomial regression.

    Parameters
    ----------
    frame : DataFrame
        One row per participant, with ``participant_id``. Rows with a missing value are left out.
    measure : str
        Column of the counts.
    group : str
        Column of the group; it must hold two.
    reference : str
        The group that is compared with.
    years : str, optional
        Column of the time over which lesions were counted.
    covariates : sequence of str
        Columns that are adjusted for.

    Returns
    -------
    Comparison
        The rate ratio. Poisson regression where the counts vary no more than that
        (Pearson's chi-squared at most its degrees of freedom).

    Raises
    ------
    TableError
        If there are not two groups, or a subject has two rows.
    MissingToolError
        Without statsmodels.
    """
    used = [*covariates, *([years] if years else [])]
    groups = _split(frame, measure, used, group=group, reference=reference, is_repeated=False)
    counts = groups.rows[measure].to_numpy(float)
    labels = {"model": "negative binomial", "effect": "rate ratio", **groups.labels}
    if groups.too_few:
        return Comparison(**labels, note=groups.too_few)
    if not counts[groups.is_other].any() or not counts[~groups.is_other].any():
        return Comparison(**labels, note="a group has no lesion at all")
    models = _statsmodels()
    design = groups.design(covariates)
    exposure = groups.rows[years].to_numpy(float) if years else np.ones(len(counts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has one optimum; a perfect fit is no fault
        family = models.families.Poisson()
        poisson = models.GLM(counts, design, family=family, exposure=exposure).fit()
    if poisson.pearson_chi2 <= poisson.df_resid:
        labels["model"] = "Poisson (no overdispersion)"
        return Comparison(**labels, **_term(poisson, 1, exp))
    fit = _fitted(
        lambda: models.NegativeBinomial(counts, design, exposure=exposure).fit(disp=0, maxiter=500)
    )
    if fit is None:
        return Comparison(**labels, note="the model did not converge")
    return Comparison(**labels, **_term(fit, 1, exp))


def compare_volumes(
    frame: pd.DataFrame,
    measure: str,
    *,
    group: str,
    reference: str,
    covariates: Sequence[str] = (),
) -> Comparison:
    """Ratio of volumes by linear regression of their logarithm.

    Parameters
    ----------
    frame, measure, group, reference, covariates
        As in `compare_counts`; the measure is in mL.

    Returns
    -------
    Comparison
        Ratio of the geometric means of ``volume + LOG_OFFSET_ML``, with errors that are
        robust to unequal variances (HC3).

    Raises
    ------
    TableError
        If there are not two groups, a subject has two rows, or a volume is negative.
    MissingToolError
        Without statsmodels.
    """
    groups = _split(frame, measure, covariates, group=group, reference=reference, is_repeated=False)
    volumes = groups.rows[measure].to_numpy(float)
    if (volumes < 0).any():
        raise TableError(
            f"{measure} has {volumes.min():g} mL, but volumes are 0 or more. Compare changes of "
            "volume with compare_yearly_changes."
        )
    labels = {"model": "linear, log scale", "effect": "ratio of geometric means", **groups.labels}
    return _compare_linear(groups, np.log(volumes + LOG_OFFSET_ML), covariates, labels, exp)


def compare_yearly_changes(
    frame: pd.DataFrame,
    measure: str,
    *,
    group: str,
    reference: str,
    covariates: Sequence[str] = (),
) -> Comparison:
    """Difference of yearly changes, such as PBVC, over one or more intervals a subject.

    Parameters
    ----------
    frame : DataFrame
        One row per interval, with ``participant_id``.
    measure, group, reference, covariates
        As in `compare_counts`.

    Returns
    -------
    Comparison
        Difference of means: by a mixed model with an intercept a subject where subjects
        have several intervals (or, where their intercepts do not differ, by linear
        regression with errors clustered by subject), else by linear regression (HC3).

    Raises
    ------
    TableError
        If there are not two groups.
    MissingToolError
        Without statsmodels.
    """
    groups = _split(frame, measure, covariates, group=group, reference=reference, is_repeated=True)
    values = groups.rows[measure].to_numpy(float)
    labels = {"model": "linear", "effect": "difference of means", **groups.labels}
    subjects = groups.rows["participant_id"]
    if subjects.is_unique:
        return _compare_linear(groups, values, covariates, labels, float)
    if groups.too_few:
        return Comparison(**labels, note=groups.too_few)
    fit, labels["model"] = _mixed(values, groups.design(covariates), subjects)
    spread = hypot(_random_sd(fit, 0), sqrt(fit.scale))
    return Comparison(
        **labels, **_term(fit, 1, float), standardized_effect=float(fit.params[1]) / spread
    )


def compare_slopes(
    frame: pd.DataFrame, measure: str, *, years: str, group: str, reference: str
) -> Comparison:
    """Difference of slopes over time by a mixed model.

    Parameters
    ----------
    frame : DataFrame
        One row per visit, with ``participant_id``; subjects with two visits or more are used.
    measure : str
        Column of the values.
    years : str
        Column of the time since the first visit.
    group, reference
        As in `compare_counts`.

    Returns
    -------
    Comparison
        Difference of the slopes a year: with an intercept and a slope per participant; with an
        intercept alone where slopes do not differ enough to be fitted; or by linear
        regression with errors clustered by subject.

    Raises
    ------
    TableError
        If there are not two groups.
    MissingToolError
        Without statsmodels.
    """
    times = frame[years].where(frame[measure].notna())
    has_slope = times.groupby(frame["participant_id"]).transform("nunique") >= 2
    visits = frame.assign(**{measure: frame[measure].where(has_slope)})
    groups = _split(visits, measure, [years], group=group, reference=reference, is_repeated=True)
    labels = {"model": "mixed", "effect": "difference of slopes per year", **groups.labels}
    if groups.too_few:
        return Comparison(**labels, note=groups.too_few)
    values = groups.rows[measure].to_numpy(float)
    time, subjects = groups.rows[years].to_numpy(float), groups.rows["participant_id"]
    design = np.column_stack([np.ones(len(time)), groups.is_other, time, time * groups.is_other])
    fit, labels["model"] = _mixed(values, design.astype(float), subjects, slope=2)
    standardized = float(fit.params[3]) / _random_sd(fit, 1)
    return Comparison(**labels, **_term(fit, 3, float), standardized_effect=standardized)


def _split(frame, measure, used, *, group, reference, is_repeated) -> _Groups:
    """Rows with all values, in two groups."""
    rows = frame.dropna(subset=["participant_id", group, measure, *used])
    found = sorted(frame[group].dropna().unique())
    if len(found) != 2 or reference not in found:
        raise TableError(
            f"The column {group!r} has the groups {found}, but two are expected and one of them "
            f"is {reference!r}. Remove the others, or name another reference."
        )
    if not is_repeated and not rows["participant_id"].is_unique:
        twice = rows["participant_id"][rows["participant_id"].duplicated()].iloc[0]
        raise TableError(
            f"The subject {twice!r} has several rows, but one is expected for {measure}. Choose "
            "one visit or interval per participant."
        )
    other = next(label for label in found if label != reference)
    is_other = (rows[group] == other).to_numpy(bool)
    subjects = rows["participant_id"]
    return _Groups(
        rows,
        is_other,
        {
            "measure": measure,
            "reference_group": reference,
            "other_group": other,
            "reference_subjects": int(subjects[~is_other].nunique()),
            "other_subjects": int(subjects[is_other].nunique()),
        },
    )


def _compare_linear(groups, values, covariates, labels, scale) -> Comparison:
    """Linear regression with robust errors."""
    if groups.too_few:
        return Comparison(**labels, note=groups.too_few)
    if np.ptp(values) == 0:
        return Comparison(**labels, note="all values are the same")
    fit = _statsmodels().OLS(values, groups.design(covariates)).fit(cov_type="HC3", use_t=True)
    return Comparison(
        **labels,
        **_term(fit, 1, scale),
        standardized_effect=_hedges_g(values[groups.is_other], values[~groups.is_other]),
    )


def _term(fit, term: int, scale: Callable[[float], float]) -> dict[str, float]:
    """Estimate, interval and p of one term, on the scale that is reported."""
    low, high = np.asarray(fit.conf_int())[term]
    return {
        "estimate": scale(float(np.asarray(fit.params)[term])),
        "ci95_low": scale(float(low)),
        "ci95_high": scale(float(high)),
        "p_value": float(np.asarray(fit.pvalues)[term]),
    }


def _hedges_g(other: np.ndarray, reference: np.ndarray) -> float:
    """Difference of means in pooled standard deviations, corrected for small samples."""
    freedom = len(other) + len(reference) - 2
    squares = ((other - other.mean()) ** 2).sum() + ((reference - reference.mean()) ** 2).sum()
    if squares == 0:
        return nan
    pooled = sqrt(squares / freedom)
    return float((other.mean() - reference.mean()) / pooled * (1 - 3 / (4 * freedom - 1)))


def _mixed(values, design, subjects, *, slope: int | None = None) -> tuple[Any, str]:
    """The richest mixed model that can be fitted, or linear regression by clusters.

    A random effect whose variance comes out as 0 is no estimate that can be trusted, so
    it is left out. `slope` is the column of the design that may differ by subject.
    """
    models, codes = _statsmodels(), pd.factorize(subjects)[0]
    random = {"mixed, random intercept per participant": design[:, :1]}
    if slope is not None:
        both = {"mixed, random intercept and slope per participant": design[:, [0, slope]]}
        random = both | random
    for name, effects in random.items():
        fit = _fitted(lambda e=effects: models.MixedLM(values, design, codes, exog_re=e).fit())
        if fit is not None:
            return fit, name
    clustered = models.OLS(values, design).fit(cov_type="cluster", cov_kwds={"groups": codes})
    return clustered, "linear, errors clustered by participant"


def _random_sd(fit, effect: int) -> float:
    """Standard deviation of a random effect; NaN if the model has none."""
    variances = np.asarray(getattr(fit, "cov_re", np.empty((0, 0))))
    return sqrt(variances[effect, effect]) if effect < len(variances) else nan


def _fitted(fit: Callable[[], Any]) -> Any:
    """A fit, or None if it did not converge."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = fit()
        except (ValueError, np.linalg.LinAlgError):
            return None
    sound = not caught and np.isfinite(np.asarray(result.bse, float)).all()
    return result if sound else None


def _statsmodels():
    """The package, or an error that says how to get it."""
    try:
        import statsmodels.api
    except ImportError as error:
        raise MissingToolError(
            "statsmodels is not installed, but the comparison of groups requires it. Install it: "
            "pip install 'mslesion[stats]'."
        ) from error
    return statsmodels.api
