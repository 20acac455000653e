"""Checks of one visit: each with its value, its threshold and its state."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage as ndi

PASS, WARN, FAIL, UNKNOWN = "pass", "warn", "fail", "not assessable"
SEVERITY = {PASS: 0, UNKNOWN: 0, WARN: 1, FAIL: 2}


@dataclass(frozen=True, slots=True)
class Check:
    """The declaration of a check."""

    check_id: str
    name: str
    unit: str
    warn_above: float | None = None
    """The state is warn above this value (exclusive)."""
    fail_above: float | None = None
    """The state is fail above this value (exclusive)."""
    warn_below: float | None = None
    """The state is warn below this value (exclusive)."""
    fail_below: float | None = None
    """The state is fail below this value (exclusive)."""
    consequence: str = ""

    @property
    def threshold(self) -> str:
        """When the state is pass, in words."""
        if self.warn_above is not None:
            return f"<= {self.warn_above:g}"
        return f">= {self.warn_below:g}"

    def state(self, value: float | None) -> str:
        """State of a value.

        Parameters
        ----------
        value : float or None
            What was found.

        Returns
        -------
        str
        """
        if value is None or not np.isfinite(value):
            return UNKNOWN
        for limit, state, sign in (
            (self.fail_above, FAIL, 1),
            (self.fail_below, FAIL, -1),
            (self.warn_above, WARN, 1),
            (self.warn_below, WARN, -1),
        ):
            if limit is not None and sign * value > sign * limit:
                return state
        return PASS


CHECKS = (
    Check("Q1", "header problems", "", warn_above=0, consequence="Check orientation and size."),
    Check("Q2", "longest voxel side of the FLAIR", "mm", warn_above=3, fail_above=5,
          consequence="Small lesions are missed; above 5 mm no contact is told."),
    Check("Q3a", "lesion outside brain tissue", "percent", warn_above=10, fail_above=50,
          consequence="Is the mask of this scan?"),
    Check("Q3b", "lesion darker than white matter on FLAIR", "percent", warn_above=10,
          fail_above=50, consequence="Is the mask of this scan?"),
    Check("Q3c", "lesion volume", "mL", warn_above=100, consequence="Look at the mask."),
    Check("Q4", "periventricular lesions that look like caps", "percent", warn_above=99,
          consequence="Periventricular by caps alone: normal variants are likely."),
    Check("Q5", "components removed from CSF", "", warn_above=10,
          consequence="Strong flow artefact is likely."),
    Check("Q6", "lesion in the choroid plexus", "percent", warn_above=5,
          consequence="Look at the plexus."),
    Check("Q9", "signal to noise in white matter (FLAIR)", "", warn_below=10, fail_below=4,
          consequence="Noise or motion hides small lesions."),
    Check("Q10", "range of the bias field (FLAIR)", "", warn_above=2,
          consequence="Intensities far apart are hard to compare."),
    Check("Q11", "overlap of the brain in FLAIR and T1w", "", warn_below=0.95, fail_below=0.85,
          consequence="The registration of T1w is not trusted."),
    Check("Q13", "change of lesion volume by resampling", "percent", warn_above=5,
          consequence="Lesions are small for the voxels."),
    Check("Q14", "lesion that the anatomy calls fluid", "percent", warn_above=10,
          consequence="T1-dark lesions may be missing from white matter."),
    Check("M1", "brain cut off by the field of view", "cm^2", warn_above=10, fail_above=40,
          consequence="Volumes are too small, or empty."),
    Check("M2", "structures not found", "", warn_above=0,
          consequence="The anatomy is not trusted; look at its lines."),
    Check("Q15", "bright vessels on T1w", "percent", warn_above=2,
          consequence="The T1w looks contrast-enhanced; its index is not given."),
    Check("Q16", "facts of the visit on which two sources disagree", "", warn_above=0,
          consequence="Date, age or scanner may be wrong: correct one of the sources."),
)  # fmt: skip
"""Checks of biomarkers.md section 14 that one visit allows; thresholds of Q3b, Q5, Q6,
Q9, Q13, Q15 and the whole of M1 and M2 are ours."""


def judge_quality(values: dict[str, float | None], details: dict[str, str]) -> list[dict]:
    """The quality table's rows of one visit.

    Parameters
    ----------
    values : dict of str to float or None
        Value by check; None or missing is not assessable.
    details : dict of str to str
        Why a check is not assessable, or more on what was found, by check.

    Returns
    -------
    list of dict
        One a check, without subject and session.
    """
    rows = []
    for check in CHECKS:
        value = values.get(check.check_id)
        state = check.state(value)
        detail = details.get(check.check_id, "")
        if not detail and state in (WARN, FAIL):
            detail = check.consequence
        rows.append(
            {
                "check_id": check.check_id,
                "check": check.name,
                "value": value,
                "unit": check.unit,
                "threshold": check.threshold,
                "state": state,
                "detail": detail,
            }
        )
    return rows


def worst_state(rows: list[dict]) -> str:
    """The worst state among checks.

    Parameters
    ----------
    rows : list of dict
        Of `judge_quality`.

    Returns
    -------
    str
    """
    return max((row["state"] for row in rows), key=SEVERITY.get)


def signal_to_noise(data: np.ndarray, tissue: np.ndarray) -> float | None:
    """Median by noise of a tissue.

    The noise is the robust spread of the second differences along each axis, which a
    tissue's slow changes do not reach; the least of the axes counts, because
    interpolated axes are smooth.

    Parameters
    ----------
    data : (I, J, K) array
        A scan.
    tissue : (I, J, K) bool array
        A tissue without borders, as a rule white matter.

    Returns
    -------
    float or None
        None where the tissue is too small.

    References
    ----------
    Immerkaer 1996, 10.1006/cviu.1996.0060 (noise from second differences).
    """
    inner = ndi.binary_erosion(tissue, iterations=2)
    if np.count_nonzero(inner) < 1000:
        return None
    median = float(np.median(data[inner]))
    noise = []
    for axis in range(3):
        second = np.diff(data.astype(np.float64), 2, axis=axis)
        middle = tuple(slice(1, -1) if a == axis else slice(None) for a in range(3))
        noise.append(1.4826 * np.median(np.abs(second[inner[middle]])) / np.sqrt(6))
    worst = max(noise)
    return median / worst if worst > 0 else None
