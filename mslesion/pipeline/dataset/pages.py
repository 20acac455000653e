"""The parts of a subject's page: its visits, what changed between them, the course."""

from collections.abc import Mapping, Sequence

import pandas as pd

from mslesion.reports.curves import course_section
from mslesion.reports.pair_section import pair_section
from mslesion.schema import (
    CALIBRATION,
    CHANGES,
    EXPANSIONS,
    LESION_CHANGES,
    QUALITY,
    TRAJECTORIES,
    VISITS,
)
from mslesion.schema.identifiers import SUBJECT, bare_label, identifier
from mslesion.schema.ratings import Ratings


def subject_parts(
    visits: Sequence[Mapping],
    pairs: Sequence[Mapping],
    tables: Mapping[str, pd.DataFrame],
    *,
    ratings: Ratings,
) -> list[str]:
    """The parts of one subject's page, in order.

    Parameters
    ----------
    visits : sequence of mapping
        Records of its visits, in order of time.
    pairs : sequence of mapping
        Records of its pairs.
    tables : mapping of str to DataFrame
        The merged tables by name.
    ratings : Ratings
        Clinical data and ratings.

    Returns
    -------
    list of str
        HTML: the course, then each visit, followed by what changed since others.
    """
    subject = visits[0]["subject"]

    def own(name: str) -> pd.DataFrame:
        frame = tables[name]
        return frame[frame["participant_id"] == identifier(subject, SUBJECT)]

    order = {visit["session"]: position for position, visit in enumerate(visits)}
    rows = own(VISITS.name)
    positions = rows["session_id"].fillna("").map(bare_label).map(order)
    rows = rows.loc[positions.sort_values(kind="stable").index]
    facts = [ratings.facts_of(subject, session) for session in order]
    began = [one["treatment_start_date"] for one in facts if one.get("treatment_start_date")]
    parts = [
        course_section(
            rows, own(CHANGES.name), own(TRAJECTORIES.name), began=min(began, default=None)
        )
    ]
    known = {}
    if CALIBRATION.name in tables:
        known = {row["item"]: row for row in own(CALIBRATION.name).to_dict("records")}
    for visit in visits:
        parts.append(visit["part"])
        ending = [pair for pair in pairs if pair["session_to"] == visit["session"]]
        # The pair with the visit just before comes first
        for pair in sorted(ending, key=lambda one: -order[one["session_from"]]):
            ends = (pair["session_from"], pair["session_to"])
            parts.append(
                pair_section(
                    _of_pair(own(CHANGES.name), ends).iloc[0],
                    lesions=_of_pair(own(LESION_CHANGES.name), ends),
                    expansions=_of_pair(own(EXPANSIONS.name), ends),
                    checks=_of_pair(own(QUALITY.name), ends, to="session_id"),
                    pictures=pair["part"],
                    calibration=known,
                )
            )
    return parts


def _of_pair(frame: pd.DataFrame, ends: tuple[str, str], *, to: str = "session_to"):
    """Rows of one pair."""
    start, end = (frame[name].fillna("").map(bare_label) for name in ("session_from", to))
    return frame[(start == ends[0]) & (end == ends[1])]
