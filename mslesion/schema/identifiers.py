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


def rows_of_visit(table: pd.DataFrame, subject: str, session: str) -> pd.DataFrame:
    """The rows of one visit.

    Parameters
    ----------
    table : DataFrame
        A table with participant_id and session_id.
    subject, session : str
        Labels, with or without prefix; the session is empty for a visit without one.

    Returns
    -------
    DataFrame
    """
    wanted = identifier(session, SESSION) if session else ""
    same = table["participant_id"] == identifier(subject, SUBJECT)
    same &= table["session_id"].fillna("") == wanted
    return table[same.fillna(value=False)]
