"""A pair of visits on the page: what changed in words, numbers and pictures."""

from html import escape

import numpy as np

from mslesion.longitudinal.comparison import AlignedScans, PairComparison
from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.sizes import ENLARGING, SHRINKING
from mslesion.reports.methods import describe
from mslesion.reports.page import color_mark, methods_text, picture
from mslesion.reports.pair_figures import (
    LINES,
    change_overview,
    expansion_strips,
    lesion_strips,
    windowed,
)
from mslesion.schema.identifiers import session_name

CHANGED = (
    t.NEW, t.NEW_ADJACENT, t.RESOLVED, t.RESOLVED_ADJACENT, t.MERGED, t.SPLIT, t.COMPLEX,
    ENLARGING, SHRINKING,
)  # fmt: skip
"""Events of lesions that are shown."""


def pair_part(pair: PairComparison) -> str:
    """The pictures of a pair.

    Parameters
    ----------
    pair : PairComparison
        The comparison.

    Returns
    -------
    str
        HTML; empty where the visits could not be brought into one frame.
    """
    parts = []
    names = [session_name(v.session) for v in (pair.first, pair.second)]
    changes, of_lesions = pair.lesions.changes, pair.lesions.aligned
    brain, of_brain = pair.brain, pair.brain.aligned
    if changes is not None:
        images, inside = _images(of_lesions)
        seen = change_overview(
            images, changes.change_map, inside=inside, names=[*names, "difference"]
        )
        parts.append(
            picture(
                seen,
                f"{of_lesions.modality} of both visits in their common frame",
                "First visit, second visit, second minus first (bright: brighter now), and the "
                "changes. Check that both heads have the same position, and that the difference "
                "is uniform where nothing changed.",
            )
        )
        parts.append(change_key())
        changed = [row for row in changes.rows if row["change"] in CHANGED]
        shown = [row for row in changed if not row["is_under_floor"]]
        strips = lesion_strips(images, changes.change_map, shown)
        parts.append(
            picture(
                strips,
                "Every lesion that changed",
                "First visit, second visit and difference, with the group_id of "
                "lesion_changes.csv, the kind of change and the change of volume. Lesions below "
                "the detection floor are not shown.",
            )
        )
    if brain.volumes is not None and (changes is None or of_brain.modality != of_lesions.modality):
        images, inside = _images(of_brain)
        seen = change_overview(images, None, inside=inside, names=[*names, "difference"])
        parts.append(
            picture(
                seen,
                f"{of_brain.modality} of both visits in their common frame",
                "First visit, second visit, second minus first. Atrophy is a dark line along "
                "the border of the brain and the ventricles; a line on one side only is a shift.",
            )
        )
    if brain.expansion is not None and brain.expansion.candidates:
        images, _ = _images(of_brain)
        expansion_pct = 100 * (brain.volume_ratio - 1)
        parts.append(
            picture(
                expansion_strips(images, expansion_pct, brain.expansion.candidates),
                "Candidates for slow expansion",
                "First visit, second visit, local volume change (bright: gain). A candidate is "
                "not a finding; compare it with the noise of the pair.",
            )
        )
    parts.append(_methods(pair))
    return "".join(parts)


def _methods(pair: PairComparison) -> str:
    """Methods text of what really ran; nothing where the visits were not brought together."""
    aligned = pair.lesions.aligned, pair.brain.aligned
    frames = [one.placed.frame for one in aligned if one.matched is not None]
    steps = ["frame"] if frames else []
    steps += ["frame correction"] if any(f.correction_mm is not None for f in frames) else []
    steps += ["lesion change"] if pair.lesions.changes is not None else []
    steps += ["brain change"] if pair.brain.volumes is not None else []
    steps += ["expansion"] if pair.brain.expansion is not None else []
    if not steps:
        return ""
    text, references = describe(
        steps,
        lesion_modality=pair.lesions.aligned.modality,
        brain_modality=pair.brain.aligned.modality,
        rule=pair.rule,
    )
    return methods_text(text, references)


def _images(aligned: AlignedScans) -> tuple[list[np.ndarray], np.ndarray]:
    """Grey values of both visits and their difference, and the brain."""
    matched, anatomies = aligned.matched, aligned.placed.anatomies
    inside = (anatomies[0] > 0) | (anatomies[1] > 0)
    return windowed(matched.first, matched.second, inside), inside


def change_key() -> str:
    """What letters, lines and colours of the change pictures mean."""
    items = "".join(
        f"<span>{color_mark(color)}<b>{letter}</b> {escape(meaning)} ({line} line)</span>"
        for letter, color, line, meaning in LINES.values()
    )
    return f'<p class="key">{items}</p>'
