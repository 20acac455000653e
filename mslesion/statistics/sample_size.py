"""How many subjects a trial needs, from the noise that was measured."""

from collections.abc import Sequence
from math import ceil, log, sqrt

import numpy as np
from scipy.stats import nct, norm, t

from mslesion.errors import SettingsError

POWER = 0.8
ALPHA = 0.05
"""Two-sided."""
MAX_SUBJECTS = 1_000_000


def pair_noise(rescans: Sequence[float]) -> float:
    """Standard deviation of a change, from pairs of scans without a true one.

    Parameters
    ----------
    rescans : sequence of float
        Change of each pair; the true one is 0.

    Returns
    -------
    float
        Root mean square, in the unit of the changes.

    Raises
    ------
    SettingsError
        If there is no pair.

    Examples
    --------
    >>> pair_noise([0.3, -0.4])
    0.3535533905932738
    """
    if len(rescans) == 0:
        raise SettingsError(
            "There is no pair of scans, but at least one is required. Give their changes."
        )
    return float(np.sqrt(np.mean(np.square(rescans))))


def yearly_change_sd(between_sd: float, noise_sd: float, *, years: float) -> float:
    """Standard deviation of a yearly change: of the subjects, and of the measurement.

    Parameters
    ----------
    between_sd : float
        Between subjects, of the true yearly change.
    noise_sd : float
        Of one change, by `pair_noise`.
    years : float
        Time between the scans.

    Returns
    -------
    float
        ``sqrt(between_sd**2 + (noise_sd / years)**2)``.

    Examples
    --------
    >>> yearly_change_sd(0.3, 0.4, years=1.0)
    0.5
    """
    if years <= 0:
        raise SettingsError(f"years is {years}, but it must be above 0. Give the interval.")
    return sqrt(between_sd**2 + (noise_sd / years) ** 2)


def subjects_for_means(
    difference: float,
    sd: float,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    dropout_fraction: float = 0.0,
) -> int:
    """Subjects an arm to find a difference of means by a two-sided t test.

    Parameters
    ----------
    difference : float
        Smallest difference that matters.
    sd : float
        Standard deviation of one subject's value, by `yearly_change_sd` for atrophy.
    power : float
        Chance to find it.
    alpha : float
        Two-sided level.
    dropout_fraction : float
        Share of subjects that are lost.

    Returns
    -------
    int
        Smallest number that reaches the power (noncentral t distribution).

    Raises
    ------
    SettingsError
        If there is nothing to be found, or a share is not between 0 and 1.

    Examples
    --------
    >>> subjects_for_means(0.5, 1.0)
    64
    """
    _check_shares(power, alpha, dropout_fraction)
    if difference == 0 or sd <= 0:
        raise SettingsError(
            f"difference is {difference} and sd is {sd}, but difference must not be 0 and sd "
            "must be above 0. Give the smallest difference that matters."
        )
    effect = abs(difference) / sd
    low, high = 1, 2
    while _power_of_t(high, effect, alpha) < power:
        low, high = high, 2 * high
        if high > MAX_SUBJECTS:
            raise SettingsError(
                f"A difference of {effect:.2g} standard deviations needs more than "
                f"{MAX_SUBJECTS} participants per arm. Choose an endpoint with less noise."
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _power_of_t(middle, effect, alpha) >= power else (middle, high)
    return ceil(high / (1 - dropout_fraction))


def subjects_for_counts(
    rate_per_year: float,
    rate_ratio: float,
    *,
    dispersion: float,
    years: float,
    power: float = POWER,
    alpha: float = ALPHA,
    dropout_fraction: float = 0.0,
) -> int:
    """Subjects an arm to find a ratio of lesion rates by negative binomial regression.

    ``(z_alpha + z_power)² (1/(years r0) + 1/(years r1) + 2 k) / log(r1/r0)²``: the Wald
    test of the log rate ratio, whose variance in a group of n is ``(1/mean + k) / n``.

    Parameters
    ----------
    rate_per_year : float
        Lesions per year in the reference arm.
    rate_ratio : float
        Rate of the other arm per that.
    dispersion : float
        ``k`` of the variance ``mean + k mean²``.
    years : float
        Time over which lesions are counted.
    power, alpha, dropout_fraction : float
        As in `subjects_for_means`.

    Returns
    -------
    int

    Raises
    ------
    SettingsError
        If there is nothing to be found, or a share is not between 0 and 1.

    Examples
    --------
    >>> subjects_for_counts(2.0, 0.5, dispersion=1.0, years=1.0)
    58
    """
    _check_shares(power, alpha, dropout_fraction)
    if min(rate_per_year, rate_ratio, years) <= 0 or rate_ratio == 1 or dispersion < 0:
        raise SettingsError(
            f"The rate is {rate_per_year}, the ratio {rate_ratio}, the time {years} and the "
            f"dispersion {dispersion}, but they must be above 0 (the dispersion 0 or more) and the "
            "ratio not 1. Correct them."
        )
    mean = rate_per_year * years
    variance = 1 / mean + 1 / (mean * rate_ratio) + 2 * dispersion
    z = norm.ppf(1 - alpha / 2) + norm.ppf(power)
    subjects = ceil(z**2 * variance / log(rate_ratio) ** 2)
    return ceil(subjects / (1 - dropout_fraction))


def _power_of_t(subjects: int, effect: float, alpha: float) -> float:
    """Power of a two-sided t test of two arms of this size."""
    freedom = 2 * subjects - 2
    if freedom == 0:
        return 0.0
    limit, shift = t.ppf(1 - alpha / 2, freedom), effect * sqrt(subjects / 2)
    return float(nct.sf(limit, freedom, shift) + nct.cdf(-limit, freedom, shift))


def _check_shares(power: float, alpha: float, dropout_fraction: float) -> None:
    """Raise for a share that is none; only the dropout may be 0."""
    for name, share in (("power", power), ("alpha", alpha)):
        if not 0 < share < 1:
            raise SettingsError(
                f"{name} is {share}, but a value between 0 and 1 is expected. Give a fraction "
                "such as 0.8."
            )
    if not 0 <= dropout_fraction < 1:
        raise SettingsError(
            f"dropout_fraction is {dropout_fraction}, but a value from 0 to under 1 is expected. "
            "Give a fraction such as 0.1."
        )
