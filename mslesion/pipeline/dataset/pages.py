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
from mslesion.schema.identifiers import (
    SUBJECT,
    bare_label,
    identifier,
    rows_of_pair,
    rows_of_visit,
)
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
            of_ends = [rows_of_visit(rows, subject, session) for session in ends]
            parts.append(
                pair_section(
                    rows_of_pair(tables[CHANGES.name], subject, ends).iloc[0],
                    lesions=rows_of_pair(tables[LESION_CHANGES.name], subject, ends),
                    expansions=rows_of_pair(tables[EXPANSIONS.name], subject, ends),
                    checks=rows_of_pair(tables[QUALITY.name], subject, ends, end="session_id"),
                    visits=[row for frame in of_ends for _, row in frame.iterrows()],
                    pictures=pair["part"],
                    calibration=known,
                )
            )
    return parts
