"""A pair of visits on the page: what changed, in words and numbers as in changes.csv."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from mslesion.io.tables import format_value, show_value
from mslesion.longitudinal.expansion import MIN_YEARS
from mslesion.reports.marks import Problem, mark, problems_of
from mslesion.reports.participant.screen import CHANGED
from mslesion.reports.participant.visit_room import Checks, checks_of
from mslesion.reports.parts import Part
from mslesion.reports.values import (
    Measure,
    TableOnPage,
    Value,
    row_of,
    table_on_page,
    value_of,
    whole_row,
)
from mslesion.schema import CHANGES, EXPANSIONS, LESION_CHANGES
from mslesion.schema.identifiers import session_name
from mslesion.schema.prerequisites import reason_of_pair

LESIONS = (
    "new_t2_count", "new_t2_volume_ml", "new_t2_per_year", "enlarging_count", "shrinking_count",
    "resolved_count", "merged_count", "split_count", "stable_count", "under_floor_count",
    "detection_floor_mm", "lesion_count_joint_from", "lesion_count_joint_to",
    "lesion_volume_joint_from_ml", "lesion_volume_joint_to_ml", "net_change_ml", "gross_gain_ml",
    "gross_loss_ml",
    "atrophied_lesion_volume_mm3", "atrophied_lesion_volume_noise_mm3",
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
"""Columns of changes.csv in the tables of the rooms."""
RECOVERED = {
    "new_t2_count": ("new_3_to_5_mm", "new_5_to_10_mm"),
    "enlarging_count": ("enlarging",),
    "shrinking_count": ("shrinking",),
    "stable_count": ("untouched",),
}
"""Rows of calibration.csv that show how reliable a count is."""
FALSE_NEW, BRAIN_VOLUME = "false_new", "brain_volume"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRoom:
    """What the page shows of a pair of visits."""

    title: str
    technique: str
    values: Mapping[str, Value]
    """Values of its row by column, for the sentences of the template."""
    facts: "PairFacts"
    lesions: tuple[Measure, ...]
    expanding: tuple[Measure, ...]
    expansion_note: str
    brain: tuple[Measure, ...]
    is_calibrated: bool
    """Whether what was found of simulated change stands beside the counts."""
    checks: Checks | None
    lesion_table: TableOnPage | None
    expansion_table: TableOnPage | None
    all_measures: TableOnPage
    part: Part

    @property
    def has_expansion(self) -> bool:
        """Whether slow expansion was assessed."""
        return any(one.value.written for one in self.expanding)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """What the sentences about a pair depend on."""

    is_assessable: bool
    reason: str
    is_brain_assessable: bool
    brain_reason: str
    has_brain_change: bool
    has_rate: bool
    has_error: bool
    error_source: str
    is_within_error: bool
    is_after_treatment: bool


def pair_room(
    row: pd.Series,
    *,
    tables: Mapping[str, pd.DataFrame],
    checks: pd.DataFrame,
    visits: Sequence[Mapping],
    part: Part,
    calibration: Mapping[str, Mapping] | None = None,
) -> PairRoom:
    """What the page shows of a pair of visits.

    Parameters
    ----------
    row : Series
        Its row of changes.csv.
    tables : mapping of str to DataFrame
        Its rows of lesion_changes.csv and expansions.csv, by name.
    checks : DataFrame
        Its rows of quality.csv.
    visits : sequence of mapping
        Rows of visits.csv of both visits, whose checks concern the change too.
    part : Part
        Its pictures and methods.
    calibration : mapping of str to mapping, optional
        The participant's rows of calibration.csv by item.

    Returns
    -------
    PairRoom
    """
    known = calibration or {}
    a, b = (session_name(format_value(row[f"session_{end}"])) for end in ("from", "to"))
    problems = problems_of(row)
    for visit in visits:
        problems += problems_of(visit, session_name(format_value(visit["session_id"])))

    def measures(names: Sequence[str]) -> tuple[Measure, ...]:
        return tuple(_measure(row, name, known, problems=problems) for name in names)

    def own(declared) -> TableOnPage | None:
        frame = tables[declared.name]
        return table_on_page(frame, declared) if len(frame) else None

    where = row_of(CHANGES, row)
    return PairRoom(
        title=f"Change from {a} to {b}",
        technique=technique(row),
        values={name: value_of(row[name], name, row=where) for name in CHANGES.names},
        facts=facts_of(row),
        lesions=measures(LESIONS),
        expanding=measures(EXPANDING),
        expansion_note=_expansion_note(row),
        brain=measures(BRAIN),
        is_calibrated=bool(known),
        checks=checks_of(checks),
        lesion_table=own(LESION_CHANGES),
        expansion_table=own(EXPANSIONS),
        all_measures=whole_row(row, CHANGES),
        part=part,
    )


def facts_of(row: Mapping) -> PairFacts:
    """What the sentences about a pair depend on.

    Parameters
    ----------
    row : mapping
        A row of changes.csv.

    Returns
    -------
    PairFacts
    """
    has_interval = not (pd.isna(row["pbvc_ci95_low"]) or pd.isna(row["pbvc_ci95_high"]))
    return PairFacts(
        is_assessable=_is_true(row["change_assessable"]),
        reason=show_value(row["change_reason"]),
        is_brain_assessable=_is_true(row["brain_change_assessable"]),
        brain_reason=show_value(row["brain_change_reason"]),
        has_brain_change=not pd.isna(row["pbvc_pct"]),
        has_rate=not pd.isna(row["pbvc_pct_per_year"]),
        has_error=not pd.isna(row["pbvc_sd_points"]),
        error_source=show_value(row["change_error_source"]),
        is_within_error=has_interval and row["pbvc_ci95_low"] <= 0 <= row["pbvc_ci95_high"],
        is_after_treatment=_is_true(row["pseudoatrophy_window"]),
    )


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


def _measure(
    row: Mapping, name: str, calibration: Mapping[str, Mapping], *, problems: Sequence[Problem]
) -> Measure:
    """A measure of a pair, with what was found of simulated change."""
    column = CHANGED[name]
    value = value_of(row[name], name, row=row_of(CHANGES, row))
    return Measure(
        label=column.label,
        description=column.description,
        value=value,
        unit=column.unit_on_pages,
        reason="" if value.written else reason_of_pair(row, column),
        mark=mark(problems, [column]) if value.written else None,
        note=recovered(name, calibration) if value.written else "",
    )


def _expansion_note(row: Mapping) -> str:
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


def _is_true(value) -> bool:
    """Whether a flag is set; one that is not known is not."""
    return not pd.isna(value) and bool(value)


def technique(row: Mapping) -> str:
    """One line on how the visits were compared.

    Parameters
    ----------
    row : mapping
        A row of changes.csv.

    Returns
    -------
    str
    """
    days = show_value(row["days"])
    parts = [f"{days} days" if days else "without dates, changes but no yearly rates"]
    if not pd.isna(row["same_scanner"]):
        parts.append("same scanner" if row["same_scanner"] else "another scanner")
    parts += [
        f"{what} change on {row[f'{what}_modality']}"
        for what in ("lesion", "brain")
        if not pd.isna(row[f"{what}_modality"])
    ]
    parts.append(f"enlarging according to the rule {format_value(row['change_rule'])}")
    return "; ".join(parts)
