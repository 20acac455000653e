"""What the merged tables mean: criteria, panels, and which lesions a rater means."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from mslesion.clinical.rated_lesions import LesionMatch, match_by_labels, match_by_position
from mslesion.criteria import make_criteria_tables
from mslesion.errors import TableError
from mslesion.io.dataset import Visit
from mslesion.io.derivatives import map_path
from mslesion.io.nifti import load_labels, load_mask
from mslesion.longitudinal.lesions.combined_activity import with_active_counts
from mslesion.longitudinal.lesions.enhancing import without_enhancing
from mslesion.pipeline.dataset.ratings import check_visits, find_label_map
from mslesion.schema import (
    CHANGES,
    CRITERIA,
    EXPANSIONS,
    LESION_CHANGES,
    LESIONS,
    PANELS,
    RATED_LESIONS,
    VISITS,
    as_table,
)
from mslesion.schema.identifiers import bare_label, rows_of_visit
from mslesion.schema.ratings import LesionRating, Ratings

BY_POSITION, BY_LABELS, BY_NUMBER = "position", "label map", "number"


def apply_criteria(
    output: Path, tables: Mapping[str, pd.DataFrame], *, ratings: Ratings
) -> dict[str, pd.DataFrame]:
    """Criteria, panels and rated lesions of a cohort.

    Parameters
    ----------
    output : Path
        The output dataset, for the lesion maps of visits with rated lesions.
    tables : mapping of str to DataFrame
        The merged tables by name: visits, lesions and, where visits were compared,
        changes, lesion changes and expansions.
    ratings : Ratings
        Clinical data and ratings.

    Returns
    -------
    dict of str to DataFrame
        By the names of `CRITERIA`, `PANELS` and `RATED_LESIONS`; and of `CHANGES`, if
        given, with the active lesions that the facts allow to count, and `EXPANSIONS`, without
        lesions that enhance at the first visit.

    Raises
    ------
    TableError
        If the facts do not fit the visits.
    """
    visits, lesions = tables[VISITS.name], tables[LESIONS.name]
    keys = [
        (bare_label(subject), bare_label(session))
        for subject, session in zip(
            visits["participant_id"], visits["session_id"].fillna(""), strict=True
        )
    ]
    check_visits(ratings, keys)
    rated = _match_all(output, keys, lesions, ratings)
    changes = tables.get(CHANGES.name)
    found = {RATED_LESIONS.name: rated}
    if changes is not None:
        changes = with_active_counts(
            changes, lesion_changes=tables[LESION_CHANGES.name], rated=rated, ratings=ratings
        )
        found[CHANGES.name] = changes
    expansions = tables.get(EXPANSIONS.name)
    if changes is not None and expansions is not None:
        changes, expansions = without_enhancing(changes, expansions, lesions=lesions, rated=rated)
        found |= {CHANGES.name: changes, EXPANSIONS.name: expansions}
    criteria, panels = make_criteria_tables(
        visits,
        lesions,
        changes=changes,
        expansions=expansions,
        lesion_changes=tables.get(LESION_CHANGES.name),
        ratings=ratings,
    )
    return found | {CRITERIA.name: criteria, PANELS.name: panels}


def _match_all(output, keys, lesions: pd.DataFrame, ratings: Ratings) -> pd.DataFrame:
    """Rated lesions of all visits, with the segmented lesions that they match."""
    rows = []
    for subject, session in keys:
        rated = ratings.lesions_of(subject, session)
        if not rated:
            continue
        visit = Visit(subject, session, {})
        own = rows_of_visit(lesions, subject, session)
        matches = _match(rated, visit, output, set(own["lesion_id"]), ratings.folders)
        for position, (match, way) in enumerate(matches, start=1):
            rating = match.rating
            rows.append(
                {
                    "participant_id": subject,
                    "session_id": session or None,
                    "position": position,
                    "lesion_id": match.lesion_id,
                    "matched_by": way,
                    "distance_mm": match.distance_mm,
                    "prl": rating.prl,
                    "cvs": rating.cvs,
                    "eligible": rating.eligible,
                    "exclusion_reason": rating.exclusion_reason or None,
                    "gd": rating.gd,
                    "place": Path(rating.place).name,
                }
            )
    return as_table(rows, RATED_LESIONS)


def _match(
    rated: tuple[LesionRating, ...], visit: Visit, output: Path, own: set[int], folders
) -> list[tuple[LesionMatch, str]]:
    """The matches of one visit in the rater's order, each with how it was made."""
    anat = output / visit.folder / "anat"
    lesion_map = map_path(anat, visit.name, "seg-lesions_dseg")
    if not lesion_map.is_file():  # lesions were not assessable
        return [(LesionMatch(rating, None, None), None) for rating in rated]
    labels, affine = load_labels(lesion_map)
    brain, _ = load_mask(map_path(anat, visit.name, "desc-brain_mask"))
    placed = [rating for rating in rated if rating.position_mm is not None]
    numbered = [rating for rating in rated if rating.position_mm is None]
    found = {
        id(match.rating): (match, BY_POSITION)
        for match in match_by_position(placed, labels, affine=affine, brain=brain)
    }
    rater_map = find_label_map(folders, visit.name) if numbered else None
    if rater_map is not None:
        theirs, rater_affine = load_labels(rater_map)
        matches = match_by_labels(
            numbered, labels, theirs, affine=affine, rater_affine=rater_affine
        )
        found |= {id(match.rating): (match, BY_LABELS) for match in matches}
    else:
        found |= {id(rating): (_by_number(rating, visit, own), BY_NUMBER) for rating in numbered}
    return [found[id(rating)] for rating in rated]


def _by_number(rating: LesionRating, visit: Visit, own: set[int]) -> LesionMatch:
    """The lesion whose number in the lesion table the rater gave."""
    if rating.lesion not in own:
        raise TableError(
            f"{rating.place} rates the lesion {rating.lesion}, but lesions.csv has no such "
            f"lesion for {visit.name}. Correct it, give x_mm, y_mm, z_mm, or put the rater's "
            f"label map {visit.name}_dseg.nii.gz beside the table."
        )
    return LesionMatch(rating, int(rating.lesion), None)
