"""A pair of visits in pictures, and the methods of their comparison."""

from collections.abc import Iterator, Mapping

import numpy as np

from mslesion.longitudinal.comparison import AlignedScans, PairComparison
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.changes import LesionChanges
from mslesion.longitudinal.lesions.sizes import ENLARGING, SHRINKING
from mslesion.reports.key_pictures import changed_pictures, key_of, location_map
from mslesion.reports.methods import describe
from mslesion.reports.pair_figures import (
    MAX_STRIPS,
    change_overview,
    expansion_strips,
    lesion_strips,
    windowed,
)
from mslesion.reports.parts import BRAIN, CHANGE, FIRST, Part, Picture, picture
from mslesion.schema.identifiers import session_name
from mslesion.schema.locations import LOCATION_CLASSES

CHANGED = (
    t.NEW, t.NEW_ADJACENT, t.RESOLVED, t.RESOLVED_ADJACENT, t.MERGED, t.SPLIT, t.COMPLEX,
    ENLARGING, SHRINKING,
)  # fmt: skip
"""Events of lesions that are shown."""
_PLACES = {one.name: one.words for one in LOCATION_CLASSES}


def is_bigger(lesion: Mapping) -> bool:
    """Whether a lesion is one of the first screen: new or enlarging, also by merging.

    Parameters
    ----------
    lesion : mapping
        ``change`` and ``size_change``, as in lesion_changes.csv.

    Returns
    -------
    bool
    """
    return lesion["change"] in (t.NEW, t.NEW_ADJACENT) or lesion["size_change"] == ENLARGING


def pair_part(pair: PairComparison) -> Part:
    """The pictures and the methods of a pair.

    Parameters
    ----------
    pair : PairComparison
        The comparison.

    Returns
    -------
    Part
        Empty where the visits could not be brought into one frame.
    """
    names = [session_name(v.session) for v in (pair.first, pair.second)]
    changed = changed_lesions(pair.lesions.changes)
    pictures = [*_of_lesions(pair, changed, names=names), *_of_brain(pair, names)]
    pictures += _of_expansion(pair)
    text, references = _methods(pair)
    return Part(
        pictures=tuple(pictures),
        bigger_count=sum(map(is_bigger, changed)),
        methods=text,
        references=tuple(references),
    )


def changed_lesions(changes: LesionChanges | None) -> list[dict]:
    """The lesions that are shown: those that changed, from the detection floor on.

    Parameters
    ----------
    changes : LesionChanges or None
        Lesions of a pair, compared; None if not assessable.

    Returns
    -------
    list of dict
        Rows of it.
    """
    rows = () if changes is None else changes.rows
    return [row for row in rows if row["change"] in CHANGED and not row["is_under_floor"]]


def strip_words(count: int) -> tuple[str, str]:
    """Caption of the strips of lesions that changed, and how many they show.

    Parameters
    ----------
    count : int
        Lesions that changed.

    Returns
    -------
    tuple of str, shape (2,)

    Examples
    --------
    >>> strip_words(3)
    ('Every lesion that changed', '3 lesion changes')
    >>> strip_words(50)
    ('The 40 largest of 50 lesion changes', 'The 40 largest of 50 lesion changes')
    """
    if count <= MAX_STRIPS:
        return "Every lesion that changed", f"{count} lesion change{'' if count == 1 else 's'}"
    largest = f"The {MAX_STRIPS} largest of {count} lesion changes"
    return largest, largest


def _of_lesions(
    pair: PairComparison, changed: list[dict], *, names: list[str]
) -> Iterator[Picture]:
    """Slices with change, and every lesion that changed."""
    changes, aligned = pair.lesions.changes, pair.lesions.aligned
    if changes is None:
        return
    images, inside = _images(aligned)
    locations = [
        location_map(labels, visit.locations)
        for labels, visit in zip(aligned.placed.outlined, (pair.first, pair.second), strict=True)
    ]
    bigger = list(filter(is_bigger, changed))
    shown = changed_pictures(images[:2], locations, changes.change_map, lesions=bigger)
    key = key_of(*locations)
    for lesion, drawn in shown:
        caption = _caption(lesion)
        words = f"{caption}: {names[0]} at the left, {names[1]} at the right, {aligned.modality}"
        yield picture(drawn, FIRST, caption=caption, words=words, key=key, has_change=True)
    yield picture(
        change_overview(images, changes.change_map, inside=inside, names=[*names, "difference"]),
        CHANGE,
        caption=f"{aligned.modality} of both visits in their common frame",
        words=f"Axial {aligned.modality} slices: {names[0]}, {names[1]}, their difference, and "
        "the changes outlined",
        look_for="First visit, second visit, second minus first (bright: brighter now), and the "
        "changes. Check that both heads have the same position, and that the difference is "
        "uniform where nothing changed.",
        key="change",
    )
    strips = lesion_strips(images, changes.change_map, changed)
    if strips is not None:
        caption, words = strip_words(len(changed))
        yield picture(
            strips,
            CHANGE,
            caption=caption,
            words=f"{words}: {names[0]}, {names[1]} and difference",
            look_for="First visit, second visit and difference, with the group_id of "
            "lesion_changes.csv, the kind of change and the change of volume. Lesions below "
            "the detection floor are not shown.",
        )


def _caption(lesion: Mapping) -> str:
    """Number, kind, size and place of a lesion that changed."""
    place = _PLACES.get(lesion["location"], "")
    change = lesion["change"].replace("_", " ")
    if lesion["size_change"] == ENLARGING != lesion["change"]:
        change += f" and {ENLARGING}"  # a lesion that merged or split
    size = f"{lesion['volume_change_mm3']:+.0f} mm\N{SUPERSCRIPT THREE}"
    return ", ".join(filter(None, (f"{lesion['group_id']} {change}", size, place)))


def _of_brain(pair: PairComparison, names: list[str]) -> Iterator[Picture]:
    """Slices of the scans of the brain change, unless those of the lesion change show them."""
    brain, aligned = pair.brain, pair.brain.aligned
    is_shown = pair.lesions.changes is not None
    is_shown &= aligned.modality == pair.lesions.aligned.modality
    if brain.volumes is None or is_shown:
        return
    images, inside = _images(aligned)
    yield picture(
        change_overview(images, None, inside=inside, names=[*names, "difference"]),
        BRAIN,
        caption=f"{aligned.modality} of both visits in their common frame",
        words=f"Axial {aligned.modality} slices: {names[0]}, {names[1]} and their difference",
        look_for="First visit, second visit, second minus first. Atrophy is a dark line along "
        "the border of the brain and the ventricles; a line on one side only is a shift.",
    )


def _of_expansion(pair: PairComparison) -> Iterator[Picture]:
    """The candidates for slow expansion."""
    brain = pair.brain
    if brain.expansion is None or not brain.expansion.candidates:
        return
    images, _ = _images(brain.aligned)
    candidates = brain.expansion.candidates
    yield picture(
        expansion_strips(images, 100 * (brain.volume_ratio - 1), candidates),
        CHANGE,
        caption="Candidates for slow expansion",
        words=f"{len(candidates)} candidates: both visits and the local volume change",
        look_for="First visit, second visit, local volume change (bright: gain). A candidate is "
        "not a finding; compare it with the noise of the pair.",
    )


def _methods(pair: PairComparison) -> tuple[str, list[str]]:
    """Methods text of what really ran; empty where the visits were not brought together."""
    aligned = pair.lesions.aligned, pair.brain.aligned
    frames = [one.placed.frame for one in aligned if one.matched is not None]
    steps = ["frame"] if frames else []
    steps += ["frame correction"] if any(f.correction_mm is not None for f in frames) else []
    steps += ["lesion change"] if pair.lesions.changes is not None else []
    steps += ["brain change"] if pair.brain.volumes is not None else []
    steps += ["expansion"] if pair.brain.expansion is not None else []
    return describe(
        steps,
        lesion_modality=pair.lesions.aligned.modality,
        brain_modality=pair.brain.aligned.modality,
        rule=pair.rule,
    )


def _images(aligned: AlignedScans) -> tuple[list[np.ndarray], np.ndarray]:
    """Grey values of both visits and their difference, and the brain."""
    matched, anatomies = aligned.matched, aligned.placed.anatomies
    inside = (anatomies[0] > 0) | (anatomies[1] > 0)
    return windowed(matched.first, matched.second, inside), inside
