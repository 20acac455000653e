"""Combined unique active lesions: enhancing, new and enlarging ones, each counted once."""

from collections.abc import Collection, Iterable

import pandas as pd

from mslesion.longitudinal.lesions.sizes import ENLARGING
from mslesion.longitudinal.lesions.tracks import NEW
from mslesion.schema.identifiers import rows_of_pair, rows_of_visit
from mslesion.schema.ratings import Ratings

CUA = "combined_unique_active_count"


def count_active(changed: Iterable[Collection[int]], enhancing: Collection[int | None]) -> int:
    """Combined unique active lesions of a pair.

    Parameters
    ----------
    changed : iterable of collection of int
        For each new or enlarging lesion its numbers at the second visit.
    enhancing : collection of int or None
        Number of each lesion that enhances at the second visit; None for one that is in
        no lesion map.

    Returns
    -------
    int
        Enhancing lesions, and new or enlarging ones that do not enhance.

    Examples
    --------
    >>> count_active([{1}, {2, 3}], [3, None])
    3
    """
    return len(enhancing) + sum(not set(one) & set(enhancing) for one in changed)


def with_active_counts(
    changes: pd.DataFrame, *, lesion_changes: pd.DataFrame, rated: pd.DataFrame, ratings: Ratings
) -> pd.DataFrame:
    """The changes with their combined unique active lesions, as far as a rater tells.

    A count of enhancing lesions alone does not say which of them are new, so that it is
    enough only if it is 0. Otherwise all of them must be listed. Where one that enhances is in
    no lesion map, and so is one that is new, nobody can tell whether they are the same.

    Parameters
    ----------
    changes, lesion_changes, rated : DataFrame
        Tables of `CHANGES`, `LESION_CHANGES` and `RATED_LESIONS`.
    ratings : Ratings
        Clinical data and ratings.

    Returns
    -------
    DataFrame
        `changes`, the count filled in; it stays empty where it is not known.
    """
    counts = []
    for _, pair in changes.iterrows():
        subject = pair["participant_id"]
        start, end = pair[["session_from", "session_to"]].fillna("")  # no label is no mismatch
        enhancing = _enhancing(subject, end, rated, ratings)
        if enhancing is None or pd.isna(pair["new_or_enlarging_count"]):
            counts.append(pd.NA)
            continue
        own = rows_of_pair(lesion_changes, subject, (start, end))
        own = own[~own["is_under_floor"].astype(bool)]
        active = own[(own["change"] == NEW) | (own["size_change"] == ENLARGING)]
        numbers = [
            {int(number) for number in text.split("+")} if isinstance(text, str) else set()
            for text in active["lesions_to"]
        ]
        unclear = None in enhancing and set() in numbers
        counts.append(pd.NA if unclear else count_active(numbers, enhancing))
    return changes.assign(**{CUA: pd.array(counts, dtype=changes[CUA].dtype)})


def _enhancing(subject, session, rated: pd.DataFrame, ratings: Ratings) -> list | None:
    """Enhancing lesions of a visit; None if they are not known one by one."""
    stated = ratings.facts_of(subject, session).get("gd_count")
    own = rows_of_visit(rated, subject, session)
    listed = own[own["gd"].fillna(value=False).astype(bool)]
    all_rated = len(own) > 0 and not own["gd"].isna().any()
    if stated == len(listed) or (stated is None and all_rated):
        return [None if pd.isna(number) else int(number) for number in listed["lesion_id"]]
    return None
