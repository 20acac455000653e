"""Candidates for slow expansion without the lesions that enhance at the first visit."""

import pandas as pd

from mslesion.schema.identifiers import rows_of_pair


def without_enhancing(
    changes: pd.DataFrame,
    expansions: pd.DataFrame,
    *,
    lesions: pd.DataFrame,
    rated: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out candidates in lesions that enhance at the first visit of the pair.

    An enhancing lesion is inflamed and changes its size fast; slowly expanding lesions do not
    enhance (Elliott 2019, 10.1177/1352458518814117). A lesion enhances if a rater says so, or if
    it contains a candidate for enhancement. New lesions are no lesions of the first visit.

    Parameters
    ----------
    changes, expansions : DataFrame
        Tables of `CHANGES` and `EXPANSIONS`.
    lesions, rated : DataFrame
        Tables of `LESIONS` and `RATED_LESIONS`.

    Returns
    -------
    changes, expansions : DataFrame
        The candidates that stay, and their count and volume.
    """
    enhancing = {
        key
        for table, column in ((lesions, "is_enhancing_candidate"), (rated, "gd"))
        for key in _keys(table[table[column].fillna(value=False)], "session_id")
    }
    is_out = pd.Series(
        [key in enhancing for key in _keys(expansions, "session_from")],
        index=expansions.index,
        dtype=bool,
    )
    changes = changes.copy()
    for pair, out in expansions[is_out].groupby(
        ["participant_id", "session_from", "session_to"], dropna=False
    ):
        subject, *sessions = ("" if pd.isna(part) else part for part in pair)
        index = rows_of_pair(changes, subject, tuple(sessions)).index
        changes.loc[index, "sel_candidate_count"] -= len(out)
        left_ml = changes.loc[index, "sel_candidate_volume_ml"] - out["volume_mm3"].sum() / 1000
        changes.loc[index, "sel_candidate_volume_ml"] = left_ml.clip(lower=0.0)
    return changes, expansions[~is_out].reset_index(drop=True)


def _keys(frame: pd.DataFrame, session: str) -> list[tuple[str, str, int | None]]:
    """Participant, session and lesion of each row."""
    columns = (frame["participant_id"], frame[session].fillna(""), frame["lesion_id"])
    return [
        (subject, visit, None if pd.isna(number) else int(number))
        for subject, visit, number in zip(*columns, strict=True)
    ]
