"""The quality checks, declared once: name, meaning, thresholds and what follows."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mslesion.schema.columns import Column

PASS, WARN, FAIL, UNKNOWN = "pass", "warn", "fail", "not assessable"
STATES = {
    PASS: "within the threshold",
    WARN: "outside the threshold: inspect the pictures",
    FAIL: "far outside the threshold: do not use values that depend on it",
    UNKNOWN: "the input of the check is missing",
}
"""Every state of a check, with its meaning."""
SEVERITY = {PASS: 0, UNKNOWN: 0, WARN: 1, FAIL: 2}
LESIONS = ("load", "location", "look", "lesion_change")
BOTH_CHANGES = ("lesion_change", "brain_change")
ALL = (*LESIONS, "brain", "brain_change")
"""What several checks concern."""


@dataclass(frozen=True, slots=True)
class Check:
    """The declaration of a check."""

    name: str
    """Name in tables and flags; a length ends with its unit."""
    description: str
    """What is measured, as a page names it."""
    unit: str
    concerns: tuple[str, ...]
    """What it bears on: groups of columns, or prerequisites of columns. A number of such a column
    is shown with the state of the check where that is warn or fail."""
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
        if value is None or not math.isfinite(value):
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
    Check("header_problems", "header problems", "", warn_above=0,
          concerns=ALL,
          consequence="Check orientation and size."),
    Check("longest_voxel_mm", "longest voxel side of the FLAIR", "mm", warn_above=3, fail_above=5,
          concerns=LESIONS,
          consequence="Small lesions are missed; above 5 mm, contact with the cortex or a "
          "ventricle is not assessed."),
    Check("lesion_outside_brain", "lesion outside brain tissue", "percent", warn_above=10,
          concerns=LESIONS,
          fail_above=50, consequence="Check that the mask belongs to this scan."),
    Check("lesion_dark_on_flair", "lesion darker than white matter on FLAIR", "percent",
          concerns=LESIONS,
          warn_above=10, fail_above=50, consequence="Check that the mask belongs to this scan."),
    Check("lesion_volume_ml", "lesion volume", "mL", warn_above=100,
          concerns=LESIONS,
          consequence="Inspect the mask."),
    Check("lesion_share_of_brain", "lesion volume relative to the brain", "percent",
          concerns=LESIONS,
          warn_above=20, fail_above=50,
          consequence="No load of lesions is that large: a given mask is not one of lesions."),
    Check("load_unlike_ms", "signs that the lesion load is not of multiple sclerosis", "",
          warn_above=0,
          concerns=LESIONS,
          consequence="Inspect the scan for another cause; no criterion uses these lesions."),
    Check("cap_like_lesions", "periventricular lesions that look like caps", "percent",
          concerns=("location",),
          warn_above=99, consequence="Only cap-like lesions are periventricular; normal "
                                     "variants are likely."),
    Check("components_in_csf", "components removed from CSF", "", warn_above=10,
          concerns=LESIONS,
          consequence="Strong flow artefact is likely."),
    Check("lesion_in_choroid_plexus", "lesion in the choroid plexus", "percent", warn_above=5,
          concerns=LESIONS,
          consequence="Inspect the choroid plexus."),
    Check("flair_signal_to_noise", "signal to noise in white matter (FLAIR)", "", warn_below=10,
          concerns=LESIONS,
          fail_below=4, consequence="Noise or motion hides small lesions."),
    Check("flair_bias_range", "range of the bias field (FLAIR)", "", warn_above=2,
          concerns=LESIONS,
          consequence="Intensities far apart in the brain are hard to compare."),
    Check("edges_in_place", "brain in which another scan has its edges at the same places",
          "percent", concerns=ALL, warn_below=55, fail_below=45,
          consequence="A scan of the visit may be of another person, mirrored or badly "
                      "registered. If the check fails, that scan is not used."),
    Check("flair_t1w_overlap", "share of the brain that both FLAIR and T1w cover", "",
          warn_below=0.95,
          concerns=ALL,
          fail_below=0.85, consequence="The T1w covers only a part of the brain."),
    Check("lesion_resampling_change", "change of lesion volume by storing the mask on the grid of "
                                      "the scan", "percent",
          concerns=LESIONS,
          warn_above=5, consequence="Lesions are small relative to the voxels of the scan."),
    Check("lesion_in_fluid", "lesion in fluid of the anatomy map", "percent", warn_above=10,
          concerns=("load", "location", "brain"),
          consequence="T1-dark lesions may be missing from white matter."),
    Check("brain_cut_off_cm2", "brain cut off by the field of view", "cm^2", warn_above=10,
          concerns=ALL,
          fail_above=40, consequence="Volumes and lesion load are too small or empty."),
    Check("structures_missing", "structures not found", "", warn_above=0,
          concerns=("location", "brain", "brain_change"),
          consequence="The anatomy is unreliable; inspect its outlines."),
    Check("bright_vessels_on_t1w", "bright vessels on T1w", "percent", warn_above=2,
          concerns=("t1w_looks_plain",),
          consequence="The T1w appears contrast-enhanced; the T1 index is not given."),
    Check("facts_disagree", "facts of the visit on which two sources disagree", "", warn_above=0,
          concerns=("dates",),
          consequence="Date, age or scanner may be wrong: correct one of the sources."),
)  # fmt: skip
"""Checks of one visit; the thresholds are ours. Caps at the horns of the ventricles are normal
variants in most healthy people (Neuroradiology 1997, 39:243); flow of CSF makes bright spots on
FLAIR (AJNR 2011, 32:2054; Radiology 2001, 221:251)."""
CHECK_BY_NAME = {check.name: check for check in CHECKS}

PAIR_CHECKS = (
    Check("same_image_correlation", "likeness of the noise of the two scans (1: one image "
                                    "twice)", "", warn_above=0.6, fail_above=0.75,
          concerns=BOTH_CHANGES,
          consequence="Both visits hold the same image, stored or converted twice."),
    Check("identity_score", "agreement of the two heads in detail and tissues", "",
          warn_below=0.66, fail_below=0.60,
          concerns=BOTH_CHANGES,
          consequence="The persons differ, or the registration failed."),
    Check("mirror_gain", "gain in that agreement when one visit is mirrored left to right", "",
          warn_above=0.05, fail_above=0.1,
          concerns=BOTH_CHANGES,
          consequence="One visit seems to be stored mirrored: its header is wrong."),
    Check("pair_correlation", "correlation of the two scans in the brain", "", warn_below=0.85,
          concerns=BOTH_CHANGES, consequence="Scanner or contrast may differ."),
    Check("brain_overlap", "overlap of the two brains", "", warn_below=0.95, fail_below=0.90,
          concerns=BOTH_CHANGES,
          consequence="One brain is cut off, or the persons differ."),
    Check("registration_disagreement_mm", "distance between the registrations in both "
                                          "directions", "mm",
          concerns=BOTH_CHANGES,
          warn_above=0.5, fail_above=2.0, consequence="The registration is unreliable."),
    Check("head_scale_difference", "difference in size of the head along an axis", "percent",
          concerns=("brain_change", "precise_head_scale", "skulls"),
          warn_above=1.0,
          consequence="The voxel size of a scanner is wrong; brain change is corrected for it by "
          "the skull where that is precise."),
    Check("head_scale_not_corrected", "difference in volume of the head that cannot be corrected",
          "percent",
          concerns=("brain_change",),
          warn_above=0.0, fail_above=0.3,
          consequence="The skull shows that the voxel size of a scanner is wrong, but not by how "
          "much; brain change is not given."),
    Check("thick_slices_of_two_scanners_mm", "longest voxel side, with another scanner", "mm",
          concerns=("brain_change",),
          warn_above=2.0, fail_above=2.1,
          consequence="On thick slices the difference between two scanners exceeds years of "
          "atrophy; brain change is not given."),
    Check("slice_thickness_difference_mm", "difference in slice thickness", "mm", warn_above=1.0,
          concerns=BOTH_CHANGES,
          consequence="Small lesions are visible at one visit only."),
    Check("flair_2d_and_3d", "2D at one visit, 3D at the other", "", warn_above=0,
          concerns=("lesion_change",),
          fail_above=0.5,
          consequence="2D FLAIR shows 41 % fewer lesions; change is not assessable."),
    Check("scanner_change", "another scanner", "", warn_above=0,
          concerns=BOTH_CHANGES,
          consequence="Volume and lesion change include the difference between the scanners."),
    Check("pair_longest_voxel_mm", "longest voxel side", "mm", warn_above=3.5, fail_above=6.0,
          concerns=BOTH_CHANGES,
          consequence="Small changes are missed; above 6 mm, change is not assessable."),
    Check("days_between_visits", "days between the visits", "d", warn_below=30, fail_below=1,
          concerns=BOTH_CHANGES,
          consequence="The visits are in the wrong order or on the same day."),
    Check("visit_order_unknown", "order of the visits that neither dates nor labels tell", "",
          concerns=BOTH_CHANGES, warn_above=0, fail_above=0.5,
          consequence="Add the dates of the visits, such as acq_time in sessions.tsv."),
    Check("skull_at_one_visit", "skull removed at one visit only", "", warn_above=0,
          concerns=("brain_change",),
          consequence="The outer border of the brain is not compared."),
    Check("brain_border_at_one_visit", "border of the brain in view at one visit only", "",
          concerns=("brain_change",),
          warn_above=0, fail_above=0.5,
          consequence="Skull stripping removed the border at one visit; brain change is not "
          "given."),
    Check("brain_stretch_difference", "difference in scaling of the brain between axes", "percent",
          concerns=("brain_change",),
          warn_above=0.2, fail_above=0.4, consequence="Atrophy does not depend on direction, so "
          "the voxel size of a scanner is wrong and no skull corrects it; above 0.4 %, brain "
          "change is not given."),
    Check("brain_estimates_difference", "difference between boundary shift and deformation",
          "percentage points",
          concerns=("brain_change",),
          warn_above=0.3, fail_above=0.5, consequence="The two estimates of the brain change "
          "contradict each other; above 0.5 points, it is not given."),
    Check("lesions_given_at_one_visit", "lesion mask given at one visit, segmented at the "
                                        "other", "",
          concerns=("lesion_change",),
          warn_above=0, consequence="Two ways of outlining differ at every border, so only "
          "differences between the scans count as change."),
    Check("registration_correction_mm", "correction of the registration inside the brain", "mm",
          concerns=BOTH_CHANGES,
          warn_above=2.0, fail_above=5.0, consequence="The registration is unreliable."),
    Check("anatomy_of_two_tools", "structures named by two tools", "", warn_above=0,
          concerns=("brain_change",),
          consequence="Each tool draws borders in its own way: volumes and their change include "
          "that difference."),
)  # fmt: skip
"""Checks of a pair of visits; the thresholds are ours. 2D FLAIR finds 41 % fewer lesions than 3D:
Eur Radiol 2006, 16:1104. `identity_score`, `mirror_gain` and
`same_image_correlation`: set on six persons, measured on others too
(docs/validation.md).
Slices of more than 2 mm are thick; 2.1 allows for a wrong voxel size. `brain_stretch_difference`
was 0.01 to 0.28 in ten pairs of one voxel size, root mean square 0.15; `brain_estimates_difference`
was 0.02 to 0.39 in six pairs of thin slices, root mean square 0.17: both fail from about three
times that on."""


def judge(
    checks: Iterable[Check],
    values: Mapping[str, float | None],
    *,
    details: Mapping[str, str] | None = None,
) -> list[dict]:
    """The rows of the quality table.

    Parameters
    ----------
    checks : iterable of Check
        `CHECKS` or `PAIR_CHECKS`.
    values : mapping of str to float or None
        Value by name of the check; None or missing is not assessable.
    details : mapping of str to str, optional
        Why a check is not assessable, or more on what was found, by name.

    Returns
    -------
    list of dict
        One a check, without participant and session. Where there is no detail, a check that did
        not pass has what follows from it.
    """
    rows = []
    for check in checks:
        value = values.get(check.name)
        state = check.state(value)
        detail = (details or {}).get(check.name, "")
        if not detail and state in (WARN, FAIL):
            detail = check.consequence
        rows.append(
            {
                "check": check.name,
                "description": check.description,
                "value": value,
                "unit": check.unit,
                "threshold": check.threshold,
                "state": state,
                "detail": detail,
            }
        )
    return rows


def worst_state(rows: Iterable[Mapping]) -> str:
    """The worst state among checks; ``not assessable`` if there is none.

    Parameters
    ----------
    rows : iterable of mapping
        Of `judge`.

    Returns
    -------
    str
    """
    return max((row["state"] for row in rows), key=SEVERITY.__getitem__, default=UNKNOWN)


def flags(rows: Iterable[Mapping]) -> list[str]:
    """The checks that did not pass, such as ``header_problems:warn``.

    Parameters
    ----------
    rows : iterable of mapping
        Of `judge`.

    Returns
    -------
    list of str
    """
    return [f"{row['check']}:{row['state']}" for row in rows if row["state"] in (WARN, FAIL)]


def checks_on(column: Column) -> list[Check]:
    """The checks that concern a column, as they declare.

    Parameters
    ----------
    column : Column
        Of a table of visits or of changes.

    Returns
    -------
    list of Check
        Of a change, the checks of the pair and those of its visits.

    Examples
    --------
    >>> cut = Column("x", "float64", "", requires=("t1w_looks_plain",))
    >>> [check.name for check in checks_on(cut)]
    ['bright_vessels_on_t1w']
    """
    about = {column.group, *column.requires}
    return [check for check in (*CHECKS, *PAIR_CHECKS) if about.intersection(check.concerns)]
