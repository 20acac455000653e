"""Clinical data that cannot be true together."""

from collections.abc import Mapping, Sequence
from datetime import date

from mslesion.clinical.cells import Cell, wrong
from mslesion.errors import TableError
from mslesion.schema.ratings import NOT_BY_CHANCE, LesionRating

FIRST_TRUE_DAY = date(1925, 1, 1)
"""Dates before this day are shifted (BIDS specification, "Units", anonymised dates)."""

NOT_BEFORE_BIRTH = ("onset_date", "treatment_start_date", "visit_date", "steroid_dates")
NO_MORE_THAN = (
    ("cvs_positive_count", "cvs_eligible_count"),
    ("symptomatic_cord_count", "cord_count"),
)
"""Counts that cannot be larger than another."""


def is_shifted(day: date) -> bool:
    """Whether a date was shifted to protect the person: BIDS puts such dates before 1925.

    Intervals between shifted dates are true; an age or the time since another event is not.

    Parameters
    ----------
    day : date
        Any date of a person.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_shifted(date(1924, 12, 31)), is_shifted(date(1925, 1, 1))
    (True, False)
    """
    return day < FIRST_TRUE_DAY


def check_dates(facts: Mapping[str, Cell]) -> None:
    """Raise if a date is before birth.

    Parameters
    ----------
    facts : mapping of str to Cell
        Facts of a person and of one visit. A shifted date is not compared with one that is not.

    Raises
    ------
    TableError
        On the first such date.
    """
    birth = facts.get("birth_date")
    if birth is None:
        return
    for cell in (facts[name] for name in NOT_BEFORE_BIRTH if name in facts):
        days = cell.value if isinstance(cell.value, tuple) else (cell.value,)
        alike = [day for day in days if is_shifted(day) == is_shifted(birth.value)]
        if alike and min(alike) < birth.value:
            raise wrong(cell, f"a day after birth ({birth.value})", "Correct one of the dates.")


def check_visit(facts: Mapping[str, Cell], lesions: Sequence[LesionRating]) -> None:
    """Raise if facts of a visit contradict each other.

    Parameters
    ----------
    facts : mapping of str to Cell
        Facts of the visit and of its person.
    lesions : sequence of LesionRating
        What a rater says of its lesions.

    Raises
    ------
    TableError
        On the first contradiction.
    """
    contrast, enhancing = facts.get("contrast_given"), facts.get("gd_count")
    without_contrast = contrast is not None and contrast.value is False
    if contrast is not None and without_contrast and enhancing is not None:
        raise wrong(
            enhancing,
            "an empty cell at a visit without contrast agent",
            f"Leave it empty, or correct {contrast.place}.",
        )
    for lesion in lesions:
        _check_lesion(lesion, without_contrast=without_contrast)
    for small, large in NO_MORE_THAN:
        if small in facts and large in facts and facts[small].value > facts[large].value:
            limit = facts[large].value
            raise wrong(facts[small], f"at most {limit} ({large})", "Correct one of them.")
    if facts.get("incidental") is not None and facts["incidental"].value:
        for cell in (facts[name] for name in NOT_BY_CHANCE if name in facts):
            if cell.value:
                expected = "no attack or symptom in an incidental finding"
                remedy = (
                    f"Correct it or {facts['incidental'].place}, or give the latter for each visit."
                )
                raise wrong(cell, expected, remedy)
        _check_no_onset(facts)
    _check_counts(facts, lesions)


def _check_no_onset(facts: Mapping[str, Cell]) -> None:
    """Raise if the first symptom of an incidental finding was on or before the visit."""
    onset, day = facts.get("onset_date"), facts.get("visit_date")
    if onset is None or day is None or is_shifted(onset.value) != is_shifted(day.value):
        return
    if onset.value <= day.value:
        raise wrong(
            onset,
            f"no symptom up to the visit ({day.value}) in an incidental finding",
            f"Correct it or {facts['incidental'].place}, or give the latter for each visit.",
        )


def _check_lesion(lesion: LesionRating, *, without_contrast: bool) -> None:
    """Raise if what is said of one lesion contradicts itself or the visit."""
    if lesion.gd and without_contrast:
        raise TableError(
            f"{lesion.place} has an enhancing lesion, but no contrast agent was given at this "
            "visit. Correct one of them."
        )
    if lesion.eligible and lesion.exclusion_reason:
        raise TableError(
            f"{lesion.place} has an exclusion reason ({lesion.exclusion_reason!r}), but the "
            "lesion is eligible. Correct one of them."
        )
    if lesion.cvs is not None and lesion.eligible is False:
        raise TableError(
            f"{lesion.place} has a central vein rating, but the lesion is not eligible. "
            "Correct one of them."
        )


def _check_counts(facts: Mapping[str, Cell], lesions: Sequence[LesionRating]) -> None:
    """Raise if the list has more lesions than were counted; it may have fewer."""
    for count, attribute in (
        ("prl_count", "prl"),
        ("gd_count", "gd"),
        ("cvs_positive_count", "cvs"),
    ):
        listed = sum(getattr(lesion, attribute) is True for lesion in lesions)
        if count in facts and listed > facts[count].value:
            raise wrong(
                facts[count],
                f"{listed} or more, as in the list of lesions,",
                "Correct one of them.",
            )
