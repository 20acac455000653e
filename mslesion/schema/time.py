"""Days and years: dates in text, and the time between two of them."""

from datetime import date, timedelta

import pandas as pd

from mslesion.errors import TableError

DAYS_PER_YEAR = 365.25
"""Mean length of a Julian year, leap years included. Every yearly rate and every age uses it,
so that an interval of whole years is a whole number to within a day."""
MIN_YEARS_FOR_RATE = 0.5
"""Changes are given per year from this much time on (inclusive)."""


EARLIEST_DAY = date(1800, 1, 1)
"""No date of a person, shifted for privacy or not, is before this day."""


def is_possible_day(day: date) -> bool:
    """Whether something can have happened on a day: not before `EARLIEST_DAY`, nor in the future.

    Parameters
    ----------
    day : date
        Any date of a person.

    Returns
    -------
    bool
        Tomorrow is possible, since clocks differ by time zones.

    Examples
    --------
    >>> [is_possible_day(date(year, 1, 31)) for year in (20, 1877, 2020, 2999)]
    [False, True, True, False]
    """
    return EARLIEST_DAY <= day <= date.today() + timedelta(days=1)


def days_between(first: date | None, second: date | None) -> int | None:
    """Days from one date to another.

    Parameters
    ----------
    first, second : date or None
        The dates.

    Returns
    -------
    int or None
        Negative where the second date is the earlier one; None if a date is not known.

    Examples
    --------
    >>> days_between(date(2020, 1, 1), date(2021, 1, 1))
    366
    """
    return None if first is None or second is None else (second - first).days


def years_between(first: date | None, second: date | None) -> float | None:
    """Years of `DAYS_PER_YEAR` from one date to another.

    Parameters
    ----------
    first, second : date or None
        The dates.

    Returns
    -------
    float or None
        Negative where the second date is the earlier one; None if a date is not known.

    Examples
    --------
    >>> years_between(date(2020, 1, 1), date(2024, 1, 1))
    4.0
    """
    days = days_between(first, second)
    return None if days is None else days / DAYS_PER_YEAR


def iso_day(text: str | None) -> date | None:
    """The day that a cell of a result table or record holds.

    Parameters
    ----------
    text : str or None
        ``YYYY-MM-DD``, as mslesion writes it. None and missing values of pandas are not known.

    Returns
    -------
    date or None

    Raises
    ------
    TableError
        If the text is not such a day.

    Examples
    --------
    >>> iso_day("2020-01-31"), iso_day(None)
    (datetime.date(2020, 1, 31), None)
    """
    if text is None or pd.isna(text) or text == "":
        return None
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise TableError(
            f"A result table has the date {str(text)!r}, but YYYY-MM-DD is expected. Correct the "
            "date, or read the table as mslesion wrote it, dates as text."
        ) from error
