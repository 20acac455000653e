"""What stands first on a subject's page: the overview, then rules and panels in full."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from mslesion.reports.criteria_section import criteria_and_panels
from mslesion.reports.overview import overview
from mslesion.reports.page import folded
from mslesion.schema import CRITERIA, PANELS
from mslesion.schema.identifiers import SESSION, identifier, rows_of_visit, session_name


def front_part(tables: Mapping[str, pd.DataFrame], subject: str, sessions: Sequence[str]) -> str:
    """The first part of a subject's page.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        The merged tables by name.
    subject : str
        Its label.
    sessions : sequence of str
        Labels of its visits, the latest last.

    Returns
    -------
    str
        HTML: the overview of the latest visit, its rules and panels, those of the earlier
        visits folded.
    """

    def meaning(session: str, *, is_open: bool) -> str:
        rows = (rows_of_visit(tables[t.name], subject, session) for t in (CRITERIA, PANELS))
        return criteria_and_panels(*rows, is_open=is_open)

    older = "".join(
        folded(session_name(session), meaning(session, is_open=False))
        for session in reversed(sessions[:-1])
    )
    latest = meaning(sessions[-1], is_open=True)
    title = "Rules and panels"
    title += f" of {identifier(sessions[-1], SESSION)}" if sessions[-1] else ""
    return (
        f"{overview(tables, subject, sessions[-1])}"
        f"<section><h2>{escape(title)}</h2>{latest}"
        f"{folded('Rules and panels of earlier visits', older)}</section>"
    )
