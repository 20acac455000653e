"""What is known of a visit besides its scans: one record, from all tables and files.

This is the only place that decides which source is believed. Everything else asks the record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from mslesion.clinical.checks import is_shifted
from mslesion.clinical.sidecars import date_of_folder
from mslesion.schema.ratings import Ratings, Statement
from mslesion.schema.time import years_between

MAX_AGE_GAP_YEARS = 1.0
"""Two ages further apart than this (exclusive) disagree: ages are often given in whole years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """Facts of a visit; what is not known is None or empty."""

    visit_date: date | None = None
    age_years: float | None = None
    """Age at the visit."""
    sex: str = ""
    """"female", "male" or "other"."""
    scanner_id: str = ""
    """As a table names it, else manufacturer, model and serial number of the sidecar."""
    field_t: float | None = None
    """Magnetic field strength in tesla."""
    flair_dim: str = ""
    """"2D" or "3D" by the sidecar; empty if it does not say."""
    t1_contrast: bool | None = None
    """Whether the T1w was acquired after contrast agent."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """File and column of each fact that is known."""
    disagreements: tuple[str, ...] = ()
    """Where two sources differ: the fact, and both values with their sources."""


def resolve_facts(
    ratings: Ratings,
    *,
    subject: str,
    session: str,
    sidecars: Mapping[str, Statement] | None = None,
    folder: str = "",
) -> VisitFacts:
    """The record of one visit, from all that was said of it.

    Of several sources the first of these is believed:

    1. files named by ``--ratings`` or in the folder ``ratings``, the last one named first;
    2. ``sub-*_sessions.tsv``, ``sessions.tsv``, ``participants.tsv``;
    3. the sidecars of the scans;
    4. the name of the visit's folder, for its date.

    What is said of the visit goes before what is said of the person. An age that is stated for
    the visit goes before the one between birth and visit, and that before an age of the person.

    Parameters
    ----------
    ratings : Ratings
        All tables (`read_ratings`).
    subject, session : str
        Labels without ``sub-`` and ``ses-``.
    sidecars : mapping of str to Statement, optional
        What the sidecars say (`facts_of_sidecars`).
    folder : str
        Name of the visit's folder, where that may be a date.

    Returns
    -------
    VisitFacts
        Another date, an age more than `MAX_AGE_GAP_YEARS` away, another scanner and a treatment
        of which only one date is shifted are named in `disagreements`.
    """
    sidecars = sidecars or {}

    def of_visit(name: str) -> list[Statement]:
        return list(ratings.statements_of(subject, session, name))

    def of_person(name: str) -> list[Statement]:
        return list(ratings.statements_of(subject, None, name))

    folder_date = date_of_folder(folder)
    days = of_visit("visit_date") + ([folder_date] if folder_date else [])
    ages = of_visit("age_years") + _age_by_dates(of_person("birth_date"), days)
    scanners = of_visit("scanner_id") or of_person("scanner_id")
    scanners += [sidecars["scanner_id"]] if "scanner_id" in sidecars else []
    known = {
        "visit_date": days,
        "age_years": ages or of_person("age_years"),
        "sex": of_person("sex"),
        "scanner_id": scanners,
    } | {name: [one] for name, one in sidecars.items() if name != "scanner_id"}
    known = {name: statements for name, statements in known.items() if statements}
    treated = of_visit("treatment_start_date") or of_person("treatment_start_date")
    return VisitFacts(
        **{name: statements[0].value for name, statements in known.items()},
        sources={name: statements[0].source for name, statements in known.items()},
        disagreements=tuple(
            text
            for name, differ in DIFFER.items()
            for text in _disagreements(name, known.get(name, ()), differ)
        )
        + tuple(_shift_disagreements(days, treated)),
    )


def _age_by_dates(births: Sequence[Statement], days: Sequence[Statement]) -> list[Statement]:
    """Age at the visit by its date; not where a date was shifted for privacy."""
    if not births or not days or is_shifted(births[0].value) or is_shifted(days[0].value):
        return []
    age = years_between(births[0].value, days[0].value)
    return [Statement(age, f"{births[0].source}, and visit_date of {days[0].source}")]


def _disagreements(
    name: str, statements: Sequence[Statement], differ: Callable[[Any, Any], bool]
) -> list[str]:
    """What is believed beside each other statement that differs from it."""
    return [
        f"{name} {_text(statements[0])} is used, not {_text(other)}"
        for other in dict.fromkeys(statements[1:])
        if differ(statements[0].value, other.value)
    ]


def _shift_disagreements(days: Sequence[Statement], treated: Sequence[Statement]) -> list[str]:
    """A treatment whose start was not shifted as the date of the visit was, or the reverse."""
    if not days or not treated or is_shifted(days[0].value) == is_shifted(treated[0].value):
        return []
    return [
        f"of visit_date {_text(days[0])} and treatment_start_date {_text(treated[0])} only one is "
        "shifted (before 1925)"
    ]


def _are_two_scanners(first: str, second: str) -> bool:
    """Whether neither name holds all words of the other: "Prisma" is a "Siemens Prisma"."""
    words = [set(name.lower().split()) for name in (first, second)]
    return not (words[0] <= words[1] or words[1] <= words[0])


def _text(statement: Statement) -> str:
    """A value and where it stands."""
    value = statement.value
    value = f"{value:.4g}" if isinstance(value, float) else value
    return f"{value} ({statement.source})"


DIFFER: Mapping[str, Callable[[Any, Any], bool]] = {
    "visit_date": lambda first, second: first != second,
    "age_years": lambda first, second: abs(first - second) > MAX_AGE_GAP_YEARS,
    "scanner_id": _are_two_scanners,
}
"""When two values of a fact disagree."""
