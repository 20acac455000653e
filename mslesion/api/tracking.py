"""Every lesion of one person followed over two or more masks."""

from __future__ import annotations  # signatures then name `Image`, not all its forms

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import cast

import pandas as pd

from mslesion.api.anatomy import read_anatomy
from mslesion.api.lesions import (
    check_on_scan,
    check_volume,
    head_of,
    lesion_table,
    warn_of_checks,
)
from mslesion.api.per_visit import (
    PerVisit,
    as_dates,
    by_session,
    check_order,
    matching,
    one_for_all,
)
from mslesion.clinical.visit_facts import VisitFacts
from mslesion.errors import SettingsError, StepError
from mslesion.imaging.grid import SHIFTED, check_same_grid
from mslesion.io.dataset import Visit
from mslesion.io.images import Image, Mask, read_mask, read_scan
from mslesion.io.nifti import Scan
from mslesion.io.tables import rows_of
from mslesion.io.voxel_values import Label
from mslesion.longitudinal.lesions.masks_alone import compare_masks_alone
from mslesion.longitudinal.lesions.tracks import Link
from mslesion.longitudinal.rows import at_positions, lesion_rows
from mslesion.pipeline.dataset.merge_changes import merge_changes
from mslesion.pipeline.pair.compare import compare_visits
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.process import VisitResult, process_visit
from mslesion.schema import LESION_CHANGES, as_table
from mslesion.schema.identifiers import bare_label
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.ratings import Ratings
from mslesion.schema.time import years_between
from mslesion.segmentation.anatomy.label_maps import AUTO, Mapped
from mslesion.segmentation.lesions.instances import LesionMap, find_lesions

log = logging.getLogger(__name__)

_ONE_GRID = (
    "Without scans all masks lie on one grid. Give the scans, or resample the masks to one grid."
)

Scans = Image | Mapping[str, Image]
"""The FLAIR of a visit, or its scans by modality."""
Compared = tuple[list[dict], list[Link]]
"""Rows of a pair of visits, and which of its lesions are one."""


def track_lesions(
    masks: PerVisit[Image],
    *,
    scans: PerVisit[Scans] | None = None,
    days: PerVisit[int | date] | None = None,
    anatomy: Image | PerVisit[Image] | None = None,
    anatomy_labels: str | Mapped = AUTO,
    label: Label | None = None,
    settings: Settings | None = None,
) -> pd.DataFrame:
    """Follow every lesion of one person over two or more masks.

    Each visit is compared with the visit before it and with the first one. With scans, they
    are registered and both scans and both masks decide what changed, which takes a minute or
    more for each visit. Without scans, the masks alone decide: borders are taken as drawn, and
    nothing confirms a change.

    Parameters
    ----------
    masks : sequence of image, or mapping of str to image
        Lesion masks in order of time; a mapping gives the session labels, which must say this
        order clearly where days are not known (``M0``, ``M12``; ``pre``, ``post``). An image is a
        path, a nibabel image, or a tuple of ((I, J, K) array, (4, 4) array).
    scans : sequence or mapping, optional
        For each visit its FLAIR, or a mapping of modality to image. Without scans all
        masks lie on one grid.
    days : sequence or mapping of int or date, optional
        Day of each visit: a date (of a datetime the day is taken), or the number of days
        since any fixed day.
    anatomy : image, or sequence or mapping of image, optional
        Label map for the location of the lesions: one for all visits where the masks share
        a grid, or one for each visit.
    anatomy_labels : str or mapping
        Numbering of the anatomy, as for `measure_lesions`.
    label : int, tuple of int or "all", optional
        Which label of a label map is lesion; "all" takes every voxel above 0.
    settings : Settings, optional
        Smallest lesion that counts, rule of change, rule of the location.

    Returns
    -------
    DataFrame
        One row per pair of visits and lesion with the columns of ``lesion_changes.csv``
        (`mslesion.schema.LESION_CHANGES`); choose the pairs by ``session_from`` and
        ``session_to`` before counting. ``change`` is new, enlarging, stable, shrinking,
        resolved, merged, split or another level of the column; ``track_id`` is the same along
        all visits; ``lesions_from`` and ``lesions_to`` are the ``lesion_id`` that
        `measure_lesions` gives at either visit; ``evidence`` says what the row rests on.

    Raises
    ------
    ImageError, MaskError, GeometryError
        If an image cannot be used, or masks without scans lie on different grids.
    SettingsError
        If there are fewer than two masks, scans, days or anatomy do not belong to the masks, or
        neither days nor labels tell the order.
    StepError
        If two visits cannot be compared, with the reason.

    Examples
    --------
    >>> import numpy as np
    >>> before, after = np.zeros((2, 30, 30, 30), np.uint8)
    >>> before[5:10, 5:10, 5:10] = after[5:10, 5:10, 5:10] = 1
    >>> after[20:25, 20:25, 20:25] = 1
    >>> table = track_lesions([(before, np.eye(4)), (after, np.eye(4))])
    >>> table[["track_id", "change", "volume_to_mm3"]].to_numpy().tolist()
    [[1, 'stable', 125.0], [2, 'new', 125.0]]
    """
    settings = settings or Settings()
    sessions, images = by_session(masks)
    found = [
        read_mask(image, name=f"mask of session {session}", label=label)
        for session, image in zip(sessions, images, strict=True)
    ]
    dates = as_dates(matching(days, sessions, "days"))
    pairs = [(a, b) for b in range(1, len(found)) for a in sorted({0, b - 1})]
    check_order(sessions, dates, pairs)
    years = {(a, b): years_between(dates[a], dates[b]) for a, b in pairs}
    compared: dict[tuple[int, int], Compared]
    if scans is None:
        maps = one_for_all(anatomy, sessions)
        drawn = _from_masks(found, maps, anatomy_labels, sessions=sessions, settings=settings)
        tables = [visit.lesions for visit in drawn]
        compared = {
            (a, b): _compare_masks(drawn[a], drawn[b], years=years[a, b], settings=settings)
            for a, b in pairs
        }
    else:
        structures = [
            None if image is None else read_anatomy(image, anatomy_labels)
            for image in matching(cast("PerVisit[Image] | None", anatomy), sessions, "anatomy")
        ]
        read = _read_scans(found, matching(scans, sessions, "scans"), sessions, settings)
        results = _from_scans(
            found, read, structures, sessions=sessions, dates=dates, settings=settings
        )
        tables = [result.lesions for result in results]
        compared = {
            (a, b): _compare_scans(results[a], results[b], settings=settings) for a, b in pairs
        }
    return _tracked(tables, compared, dates=dates, sessions=sessions)


@dataclass(frozen=True, slots=True)
class _VisitOfMasks:
    """A visit that only its mask is known of."""

    map: LesionMap
    lesions: pd.DataFrame
    """Their table, with the location if there is an anatomy map."""

    @property
    def locations(self) -> dict[int, str]:
        """Location class of each lesion, by its number."""
        known = self.lesions.dropna(subset=["location"])
        return dict(zip(known["lesion_id"], known["location"], strict=True))


def _from_masks(
    masks: Sequence[Mask],
    anatomies: Sequence,
    anatomy_labels: str | Mapped,
    *,
    sessions: Sequence[str],
    settings: Settings,
) -> list[_VisitOfMasks]:
    """Visits described by masks alone, which lie on one grid."""
    (first, affine), visits = masks[0], []
    before, head = None, None
    for (mask, own), anatomy, session in zip(masks, anatomies, sessions, strict=True):
        name, other_name = f"The mask of session {session}", f"the mask of session {sessions[0]}"
        if check_same_grid(
            mask.shape, own, first.shape, affine,
            name=name, other_name=other_name, remedy=_ONE_GRID,
        ):  # fmt: skip
            log.warning(SHIFTED, name, other_name)
        check_volume((mask, own), "The mask")
        if anatomy is not None and anatomy is not before:  # one map may serve all visits
            before, head = anatomy, head_of(*read_anatomy(anatomy, anatomy_labels))
        found = find_lesions(mask, own, min_size=settings.min_size)
        table = lesion_table(found, None if anatomy is None else head, settings=settings)
        visits.append(_VisitOfMasks(found, table))
    return visits


def _compare_masks(
    first: _VisitOfMasks, second: _VisitOfMasks, *, years: float | None, settings: Settings
) -> Compared:
    """Rows and links of a pair, by the masks alone."""
    found = compare_masks_alone(
        first.map,
        second.map,
        years=years,
        rule=settings.change_rule,
        locations=(first.locations, second.locations),
    )
    return at_positions(found.rows, second.map.affine), found.links


def _read_scans(
    masks: Sequence[Mask], scans: Sequence, sessions: Sequence[str], settings: Settings
) -> list[dict[str, Scan]]:
    """The scans of each visit, checked before the first visit is processed."""
    read = []
    for mask, given, session in zip(masks, scans, sessions, strict=True):
        by_modality = given if isinstance(given, Mapping) else {FLAIR: given}
        own = {
            name: read_scan(image, name=f"{name} of session {session}")
            for name, image in by_modality.items()
        }
        reference = next((name for name in (FLAIR, T1W) if name in own), None)
        if reference is None:
            raise SettingsError(
                f"scans has {', '.join(own) or 'no scan'} for session {session!r}, but a {FLAIR} "
                f"or a {T1W} is required. Add one of them, or leave the session out."
            )
        if not settings.resample_masks:
            check_on_scan(
                mask,
                own[reference],
                name=f"The mask of session {session}",
                scan_name=f"its {reference} scan",
            )
        read.append(own)
    return read


def _from_scans(
    masks: Sequence[Mask],
    scans: Sequence[Mapping[str, Scan]],
    anatomies: Sequence,
    *,
    sessions: Sequence[str],
    dates: Sequence[date | None],
    settings: Settings,
) -> list[VisitResult]:
    """The result of each visit, with its mask given."""
    results = []
    numbered = enumerate(zip(masks, scans, anatomies, dates, strict=True), start=1)
    for number, (mask, read, anatomy, day) in numbered:
        results.append(
            process_visit(
                Visit(
                    "1",
                    str(number),
                    cast("Mapping[str, Path]", read),
                    facts=VisitFacts(visit_date=day),
                ),
                lesion_mask=mask,
                anatomy=anatomy,
                # A given map is in our own structures already
                settings=settings
                if anatomy is None
                else replace(settings, anatomy_labels="mslesion"),
            )
        )
        warn_of_checks(results[-1], f"session {sessions[number - 1]}")
    return results


def _compare_scans(first: VisitResult, second: VisitResult, *, settings: Settings) -> Compared:
    """Rows and links of a pair, by scans and masks together."""
    pair = compare_visits(first, second, rule=settings.change_rule).pair
    changes = pair.lesions.changes
    if changes is None:
        raise StepError(
            f"The masks of visits {first.visit.session} and {second.visit.session} (in the order "
            f"given) cannot be compared: {pair.lesions.reason}. Check the scans, or leave them out "
            "to compare the masks alone."
        )
    return lesion_rows(pair), changes.links


def _tracked(
    tables: Sequence[pd.DataFrame],
    compared: Mapping[tuple[int, int], Compared],
    *,
    dates: Sequence[date | None],
    sessions: Sequence[str],
) -> pd.DataFrame:
    """The table of all pairs, with tracks over all visits."""
    names = [str(number) for number in range(1, len(tables) + 1)]
    records = [
        {
            "session": name,
            "visits": [{"visit_date": day and day.isoformat()}],
            "lesions": rows_of(table[["lesion_id", "volume_mm3"]]),
        }
        for name, table, day in zip(names, tables, dates, strict=True)
    ]
    pairs = []
    for (start, end), (rows, links) in compared.items():
        ends = {"session_from": names[start], "session_to": names[end]}
        pairs.append({**ends, "change": ends, "links": links, "expansions": [],
                      "lesions": [row | ends for row in rows]})  # fmt: skip
    merged = merge_changes({"1": records}, {"1": pairs}, ratings=Ratings())
    table = merged[LESION_CHANGES.name].assign(participant_id=None)
    labels = dict(zip(names, sessions, strict=True))
    for column in ("session_from", "session_to"):
        table[column] = table[column].map(bare_label).map(labels)
    return as_table(table, LESION_CHANGES)
