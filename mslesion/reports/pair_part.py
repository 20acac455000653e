"""A pair of visits on the page: what changed in words, numbers and pictures."""

from html import escape

import numpy as np

from mslesion.longitudinal.lesions import tracks as t
from mslesion.longitudinal.lesions.sizes import ENLARGING, SHRINKING
from mslesion.longitudinal.pair import PairComparison
from mslesion.reports.methods import describe
from mslesion.reports.page import color_mark, methods_text, picture
from mslesion.reports.pair_figures import (
    LINES,
    change_overview,
    expansion_strips,
    lesion_strips,
    windowed,
)

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
    names = [f"ses-{v.session}" for v in (pair.first, pair.second)]
    if pair.lesions is not None:
        images, inside = _images(pair, pair.lesion_modality)
        seen = change_overview(
            images, pair.lesions.change_map, inside=inside, names=[*names, "difference"]
        )
        parts.append(
            picture(
                seen,
                f"{pair.lesion_modality} of both visits in their common frame",
                "First, second, second minus first (bright: brighter now), and the changes. Do "
                "the two heads lie alike? Is the difference flat where nothing changed?",
            )
        )
        parts.append(change_key())
        changed = [row for row in pair.lesions.rows if row["change"] in CHANGED]
        shown = [row for row in changed if not row["is_under_floor"]]
        strips = lesion_strips(images, pair.lesions.change_map, shown)
        parts.append(
            picture(
                strips,
                "Every lesion that changed",
                "First, second, difference; its group_id in lesion_changes.csv, what happened, "
                "change of volume. Lesions under the detection floor are not shown.",
            )
        )
    if pair.volumes is not None and (
        pair.lesions is None or pair.brain_modality != pair.lesion_modality
    ):
        images, inside = _images(pair, pair.brain_modality)
        seen = change_overview(images, None, inside=inside, names=[*names, "difference"])
        parts.append(
            picture(
                seen,
                f"{pair.brain_modality} of both visits in their common frame",
                "First, second, second minus first. Atrophy is a dark line along the brain's "
                "border and the ventricles; a line on one side only is a shift.",
            )
        )
    if pair.expansion is not None and pair.expansion.candidates:
        images, _ = _images(pair, pair.brain_modality)
        growth_pct = 100 * (pair.growth - 1)
        parts.append(
            picture(
                expansion_strips(images, growth_pct, pair.expansion.candidates),
                "Candidates for slow expansion",
                "First, second, local growth (bright: it grew). Candidates are no finding: see "
                "the noise of the pair.",
            )
        )
    parts.append(_methods(pair))
    return "".join(parts)


def _methods(pair: PairComparison) -> str:
    """Methods text of what really ran; nothing where the visits were not brought together."""
    steps = ["frame"] if pair.matched else []
    corrections = [pair.placed[modality].frame.correction_mm for modality in pair.matched]
    steps += ["frame correction"] if any(c is not None for c in corrections) else []
    steps += ["lesion change"] if pair.lesions is not None else []
    steps += ["brain change"] if pair.volumes is not None else []
    steps += ["expansion"] if pair.expansion is not None else []
    if not steps:
        return ""
    text, references = describe(
        steps,
        lesion_modality=pair.lesion_modality,
        brain_modality=pair.brain_modality,
        rule=pair.rule,
    )
    return methods_text(text, references)


def _images(pair: PairComparison, modality: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Grey values of both visits and their difference, and the brain."""
    matched, placed = pair.matched[modality], pair.placed[modality]
    inside = (placed.anatomies[0] > 0) | (placed.anatomies[1] > 0)
    return windowed(matched.first, matched.second, inside), inside


def change_key() -> str:
    """What letters, lines and colours of the change pictures mean."""
    items = "".join(
        f"<span>{color_mark(color)}<b>{letter}</b> {escape(meaning)} ({line} line)</span>"
        for letter, color, line, meaning in LINES.values()
    )
    return f'<p class="key">{items}</p>'
