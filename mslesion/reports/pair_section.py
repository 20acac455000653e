"""The section of a pair of visits: what changed, in words and numbers as in changes.csv."""

from collections.abc import Mapping, Sequence
from html import escape

import pandas as pd

from mslesion.io.tables import format_value, row_mark, show_value, value_tag
from mslesion.longitudinal.expansion import MIN_YEARS
from mslesion.reports.marks import Problem, mark, problems_of
from mslesion.reports.page import folded, quality_table, table
from mslesion.reports.visit_summary import NOT_ASSESSABLE, all_measures
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES
from mslesion.schema.identifiers import session_name
from mslesion.schema.prerequisites import reason_of_pair

GLANCE = (
    "new_t2_count", "enlarging_count", "shrinking_count", "resolved_count", "net_change_ml",
    "pbvc_pct",
)  # fmt: skip
"""Columns of changes.csv that stand first."""
LESIONS = (
    "new_t2_count", "new_t2_volume_ml", "new_t2_per_year", "enlarging_count", "shrinking_count",
    "resolved_count", "merged_count", "split_count", "stable_count", "under_floor_count",
    "detection_floor_mm", "gross_gain_ml", "gross_loss_ml", "atrophied_lesion_volume_mm3",
    "atrophied_lesion_volume_noise_mm3",
)  # fmt: skip
BRAIN = (
    "pbvc_pct", "pbvc_bsi_pct", "pbvc_deformation_pct", "head_scale_volume_pct", "pbvc_sd_points",
    "pbvc_pct_per_year", "pbvc_ci95_low", "pbvc_ci95_high", "pvvc_pct", "thalamus_change_pct",
    "grey_matter_change_pct", "white_matter_change_pct", "third_ventricle_width_change_mm",
)  # fmt: skip
EXPANDING = (
    "sel_candidate_count", "sel_expected_by_chance_count", "sel_candidate_volume_ml",
    "sel_assessed_count", "sel_noise_p95_pct_per_year",
)  # fmt: skip
RECOVERED = {
    "new_t2_count": ("new_3_to_5_mm", "new_5_to_10_mm"),
    "enlarging_count": ("enlarging",),
    "shrinking_count": ("shrinking",),
    "stable_count": ("untouched",),
}
"""Rows of calibration.csv that show how reliable a count is."""
FALSE_NEW, BRAIN_VOLUME = "false_new", "brain_volume"
_COLUMNS = {column.name: column for column in CHANGES.columns}


def pair_section(
    row: pd.Series,
    *,
    lesions: pd.DataFrame,
    expansions: pd.DataFrame,
    checks: pd.DataFrame,
    visits: Sequence[pd.Series],
    pictures: str,
    calibration: Mapping[str, Mapping] | None = None,
) -> str:
    """A pair's section of the subject's page.

    Parameters
    ----------
    row : Series
        Its row of changes.csv.
    lesions, expansions, checks : DataFrame
        Its rows of lesion_changes.csv, expansions.csv and quality.csv.
    visits : sequence of Series
        Rows of visits.csv of both visits, whose checks concern the change too.
    pictures : str
        HTML.
    calibration : mapping of str to mapping, optional
        The subject's rows of calibration.csv by item.

    Returns
    -------
    str
        HTML.
    """
    known = calibration or {}
    a, b = (session_name(format_value(row[f"session_{end}"])) for end in ("from", "to"))
    tables = (
        f"<div><h3>Lesions</h3>{_measures(row, LESIONS, known)}</div>"
        f"<div><h3>Brain</h3>{_measures(row, BRAIN, known)}{_error_note(row)}</div>"
        f"<div><h3>Slowly expanding lesions</h3>{_measures(row, EXPANDING, known)}"
        f'<p class="note">{_expansion_note(row)}</p></div>'
    )
    parts = [
        f"<section><h2>{escape(f'Change from {a} to {b}')}</h2>",
        f"<div {row_mark(CHANGES, row)}>",
        f'<p class="note">{escape(_technique(row))}</p>',
        f"<p>{sentence(row)}</p>",
        _glance(row, known, problems=_problems(row, visits)),
        f'<div class="columns">{tables}</div></div>',
        _calibration_note(known),
        quality_table(checks),
        pictures,
        _own_table("All lesions of lesion_changes.csv", lesions, LESION_CHANGES),
        _own_table("All candidates of expansions.csv", expansions, EXPANSIONS),
        all_measures(row, CHANGES),
        "</section>",
    ]
    return "".join(parts)


def sentence(row: pd.Series) -> str:
    """What changed, in a sentence or two.

    Parameters
    ----------
    row : Series
        A row of changes.csv.

    Returns
    -------
    str
        HTML.
    """

    def value(name: str) -> str:
        return value_tag(row[name], name, tag="span", kind="value")

    def reason(what: str) -> str:
        return f"{NOT_ASSESSABLE}: {escape(show_value(row[f'{what}change_reason']))}."

    if row["change_assessable"]:
        noun = "new lesion" if row["new_t2_count"] == 1 else "new lesions"
        text = (
            f"{value('new_t2_count')} {noun} ({value('new_t2_volume_ml')} mL), "
            f"{value('enlarging_count')} enlarging, {value('shrinking_count')} shrinking, "
            f"{value('resolved_count')} resolved."
        )
    else:
        text = f"Lesion change is {reason('')}"
    if not row["brain_change_assessable"]:
        return f"{text} Brain change is {reason('brain_')}"
    if pd.isna(row["pbvc_pct"]):
        return f"{text} Brain volume change could not be measured."
    text += f" Brain volume changed by {value('pbvc_pct')} %"
    has_rate = not pd.isna(row["pbvc_pct_per_year"])
    if has_rate:
        text += f", {value('pbvc_pct_per_year')} % per year"
    if pd.isna(row["pbvc_sd_points"]):
        text += f" (error {escape(show_value(row['change_error_source']))})"
    elif has_rate:
        text += f" (95 % interval {value('pbvc_ci95_low')} to {value('pbvc_ci95_high')})"
        if row["pbvc_ci95_low"] <= 0 <= row["pbvc_ci95_high"]:
            text += ", which is within the measurement error"
    else:
        text += f" (standard deviation of one value {value('pbvc_sd_points')} points)"
    if _is_true(row["pseudoatrophy_window"]):
        text += "; a treatment began, so that volume may have decreased through loss of oedema"
    return f"{text}."


def recovered(name: str, calibration: Mapping[str, Mapping]) -> str:
    """What was found of a known change, next to a count.

    Parameters
    ----------
    name : str
        Column of changes.csv.
    calibration : mapping of str to mapping
        Rows of calibration.csv by item.

    Returns
    -------
    str
        Plain text; empty where nothing is known.

    Examples
    --------
    >>> rows = {"enlarging": {"made_count": 5, "recovered_count": 4, "false_count": 1}}
    >>> recovered("enlarging_count", rows)
    '4 of 5 simulated changes found, 1 false'
    """
    rows = [calibration[item] for item in RECOVERED.get(name, ()) if item in calibration]
    if name == "pbvc_pct" and BRAIN_VOLUME in calibration:
        made, found = (
            show_value(calibration[BRAIN_VOLUME][f"{what}_pct"]) for what in ("made", "recovered")
        )
        return f"{made} % simulated, {found} % measured" if found else ""
    if not rows or any(pd.isna(row["recovered_count"]) for row in rows):
        return ""
    made, found = (sum(int(row[f"{what}_count"]) for row in rows) for what in ("made", "recovered"))
    text = f"{found} of {made} simulated changes found"
    source = calibration.get(FALSE_NEW) if name == "new_t2_count" else rows[0]
    if source is not None and not pd.isna(source["false_count"]):
        text += f", {int(source['false_count'])} false"
    return text


def _expansion_note(row: pd.Series) -> str:
    """Explanation of the candidates, or the reason why there is no value."""
    if pd.isna(row["sel_assessed_count"]):
        return (
            "Assessed if the brain change is assessable, dates are known and the visits are "
            f"{MIN_YEARS:g} year or more apart."
        )
    return (
        "Candidates are based on local volume change alone and are not findings; compare their "
        "number with the number expected by chance, and their rates with the noise."
    )


def _error_note(row: pd.Series) -> str:
    """Where the error of the brain change comes from; empty without a brain change."""
    source = show_value(row["change_error_source"])
    return f'<p class="note">Error {escape(source)}.</p>' if source else ""


def _is_true(value) -> bool:
    """Whether a flag is set; one that is not known is not."""
    return not pd.isna(value) and bool(value)


def _technique(row: pd.Series) -> str:
    """One line on how the visits were compared."""
    parts = []
    days = show_value(row["days"])
    parts.append(f"{days} days" if days else "without dates, changes but no yearly rates")
    if not pd.isna(row["same_scanner"]):
        parts.append("same scanner" if row["same_scanner"] else "another scanner")
    parts += [
        f"{what} change on {row[f'{what}_modality']}"
        for what in ("lesion", "brain")
        if not pd.isna(row[f"{what}_modality"])
    ]
    parts.append(f"enlarging according to the rule {row['change_rule']}")
    return "; ".join(parts)


def _problems(row: pd.Series, visits: Sequence[pd.Series]) -> list[Problem]:
    """Checks of the pair and of both visits that did not pass."""
    found = problems_of(row)
    for visit in visits:
        found += problems_of(visit, session_name(format_value(visit["session_id"])))
    return found


def _glance(
    row: pd.Series, calibration: Mapping[str, Mapping], *, problems: Sequence[Problem]
) -> str:
    """The boxes on top."""
    boxes = []
    for name in GLANCE:
        there = not pd.isna(row[name])
        number = value_tag(
            row[name], name, tag="b", kind="" if there else "none", missing=NOT_ASSESSABLE
        )
        known = recovered(name, calibration) if there else ""
        unit = f" <small>{escape(_COLUMNS[name].unit_on_pages)}</small>" if there else ""
        note = f"{unit}<small><br>{escape(known)}</small>" if known else unit
        if there:
            note += mark(problems, [_COLUMNS[name]])
        else:
            note += f" <small>{escape(reason_of_pair(row, _COLUMNS[name]))}</small>"
        boxes.append(
            f'<div class="figure" title="{escape(_COLUMNS[name].description)}">'
            f"<span>{escape(_COLUMNS[name].label)}</span>{number}{note}</div>"
        )
    return f'<div class="glance">{"".join(boxes)}</div>'


def _measures(row: pd.Series, names: Sequence[str], calibration: Mapping[str, Mapping]) -> str:
    """Some measures with their units, and what was found of known change."""
    lines = []
    for name in names:
        known = recovered(name, calibration)
        column = _COLUMNS[name]
        note = f'<br><span class="note">{escape(known)}</span>' if known else ""
        lines.append(
            f'<tr title="{escape(column.description)}"><td>{escape(column.label)}{note}'
            f"</td>{value_tag(row[name], name)}<td>{escape(column.unit_on_pages)}</td></tr>"
        )
    return f"<table><tbody>{''.join(lines)}</tbody></table>"


def _calibration_note(calibration: Mapping[str, Mapping]) -> str:
    """Where the figures beside the counts come from."""
    if not calibration:
        return ""
    return (
        '<p class="note">Beside counts: what the same comparison found in a synthetic follow-up '
        "of this patient's first visit, with known change (calibration.csv). The best that can "
        "be hoped for.</p>"
    )


def _own_table(title: str, frame: pd.DataFrame, declared) -> str:
    """Rows of the pair, folded."""
    if not len(frame):
        return ""
    names = [n for n in declared.names if n not in ("participant_id", "session_from", "session_to")]
    return folded(title, table(frame, declared, columns=names))
