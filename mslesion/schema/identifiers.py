"""BIDS identifiers: ``sub-007`` and ``ses-01`` in tables, the bare labels inside.

A bare label reads as a number (``007`` becomes 7) or as missing (``NA``) in spreadsheets and
in pandas; an identifier does not.
"""

import pandas as pd

SUBJECT, SESSION = "sub-", "ses-"
"""Prefixes of the identifiers of a participant and of a session."""


def identifier(label: str, prefix: str) -> str:
    """A label with its prefix.

    Parameters
    ----------
    label : str
        With or without the prefix.
    prefix : str
        `SUBJECT` or `SESSION`.

    Returns
    -------
    str

    Examples
    --------
    >>> identifier("007", SUBJECT), identifier("ses-01", SESSION)
    ('sub-007', 'ses-01')
    """
    return label if label.startswith(prefix) else prefix + label


def bare_label(text: str) -> str:
    """A label without its prefix.

    Parameters
    ----------
    text : str
        With or without ``sub-`` or ``ses-``.

    Returns
    -------
    str

    Examples
    --------
    >>> bare_label("sub-007"), bare_label("01")
    ('007', '01')
    """
    return text.removeprefix(SUBJECT).removeprefix(SESSION)


def session_name(label: str) -> str:
    """What a page calls a session.

    Parameters
    ----------
    label : str
        With or without the prefix; empty for a visit without a session.

    Returns
    -------
    str

    Examples
    --------
    >>> session_name("01"), session_name("")
    ('ses-01', 'the visit without a session label')
    """
    return identifier(label, SESSION) if label else "the visit without a session label"


def rows_of_visit(
    table: pd.DataFrame, subject: str, session: str, *, column: str = "session_id"
) -> pd.DataFrame:
    """The rows of one visit.

    Parameters
    ----------
    table : DataFrame
        A table with participant_id and `column`.
    subject, session : str
        Labels, with or without prefix; the session is empty for a visit without one.
    column : str
        Column of the session.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> table = pd.DataFrame({"participant_id": ["sub-1", "sub-1"], "session_id": ["ses-1", None]})
    >>> rows_of_visit(table, "1", "").index.to_list()
    [1]
    """
    return _rows(table, subject, {column: session})


def rows_of_pair(
    table: pd.DataFrame, subject: str, sessions: tuple[str, str], *, end: str = "session_to"
) -> pd.DataFrame:
    """The rows of one pair of visits.

    Parameters
    ----------
    table : DataFrame
        A table with participant_id, session_from and the column `end`.
    subject : str
        Label, with or without prefix.
    sessions : tuple of str, shape (2,)
        Labels of both visits, as for `rows_of_visit`.
    end : str
        Column of the second visit.

    Returns
    -------
    DataFrame

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"participant_id": ["sub-1"], "session_from": [None], "session_to": ["ses-2"]}
    ... )
    >>> len(rows_of_pair(table, "1", ("", "2"))), len(rows_of_pair(table, "1", ("1", "2")))
    (1, 0)
    """
    return _rows(table, subject, {"session_from": sessions[0], end: sessions[1]})


def _rows(table: pd.DataFrame, subject: str, sessions: dict[str, str]) -> pd.DataFrame:
    """Rows of a subject with these sessions by column; an empty label is a missing one."""
    same = table["participant_id"] == identifier(subject, SUBJECT)
    for column, session in sessions.items():
        same &= table[column].fillna("") == (identifier(session, SESSION) if session else "")
    return table[same.fillna(value=False)]
