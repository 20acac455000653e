"""Rows of changes.csv, lesion_changes.csv and expansions.csv of a pair of visits."""

from collections.abc import Mapping, Sequence

import numpy as np

from mslesion.imaging.grid import world_mm
from mslesion.longitudinal.brain.rates import kind_of_pair, rate_of
from mslesion.longitudinal.comparison import PairComparison
from mslesion.longitudinal.expansion import Expansion
from mslesion.longitudinal.lesions.atrophied import AtrophiedLesions
from mslesion.longitudinal.lesions.sizes import detection_floor_mm
from mslesion.schema.change_errors import CHANGE_ERRORS, source_of_error
from mslesion.schema.checks import FAIL, WARN, flags


def change_row(
    pair: PairComparison, *, widths_mm: tuple[float | None, float | None] = (None, None)
) -> dict:
    """Row of changes.csv of a pair, without the subject.

    Parameters
    ----------
    pair : PairComparison
        The comparison.
    widths_mm : tuple of float or None, shape (2,)
        Third-ventricle width of both visits.

    Returns
    -------
    dict
    """
    row = _sessions(pair) | {
        "days": pair.days,
        "interval_years": pair.years,
        "same_scanner": pair.same_scanner,
        "lesion_modality": pair.lesions.aligned.modality or None,
        "brain_modality": pair.brain.aligned.modality or None,
        "change_assessable": not pair.lesions.reason,
        "change_reason": pair.lesions.reason or None,
        "brain_change_assessable": not pair.brain.reason,
        "brain_change_reason": pair.brain.reason or None,
        "change_rule": pair.rule,
        "quality_state": pair.quality.state,
        "flags": ";".join(flags(pair.quality.rows)),
    }
    row |= _head_scale_columns(pair)
    row |= _lesion_columns(pair) | _expansion_columns(pair.brain.expansion)
    row |= _atrophied_columns(pair.brain.atrophied) | _volume_columns(pair)
    if not pair.brain.reason and None not in widths_mm:
        row["third_ventricle_width_change_mm"] = widths_mm[1] - widths_mm[0]
    return row


def _head_scale_columns(pair: PairComparison) -> dict:
    """Columns of the head's size, by the scans of the brain's change."""
    placed = pair.brain.aligned.placed
    scale = None if placed is None else placed.frame.head_scale
    if scale is None:
        return {}
    return {
        "head_scale_volume_pct": scale.volume_pct if scale.is_precise else None,
        "head_scale_error_points": scale.error_points,
    }


def _lesion_columns(pair: PairComparison) -> dict:
    """Columns of the lesions' change."""
    if pair.lesions.changes is None:
        return {}
    summary = pair.lesions.changes.summary
    return summary | {
        "detection_floor_mm": detection_floor_mm(pair.lesions.aligned.placed.thickest_mm),
        "new_t2_per_year": rate_of(summary["new_t2_count"], pair.years).per_year,
    }


def _expansion_columns(found: Expansion | None) -> dict:
    """Columns of slow expansion."""
    if found is None:
        return {}
    return {
        "sel_candidate_count": len(found.candidates),
        "sel_candidate_volume_ml": found.volume_ml,
        "sel_assessed_count": found.assessed_count,
        "sel_expected_by_chance_count": found.expected_by_chance,
        "sel_noise_p95_pct_per_year": found.noise_p95_pct_per_year,
    }


def _atrophied_columns(found: AtrophiedLesions | None) -> dict:
    """Columns of lesion that became CSF."""
    if found is None:
        return {}
    return {
        "atrophied_lesion_volume_mm3": found.volume_mm3,
        "atrophied_lesion_volume_periventricular_mm3": found.near_ventricle_mm3,
        "atrophied_lesion_volume_pct": found.pct,
        "atrophied_lesion_volume_noise_mm3": found.noise_mm3,
    }


def _volume_columns(pair: PairComparison) -> dict:
    """Columns of the brain's change."""
    found = pair.brain.volumes
    if found is None:
        return {}
    kind = _kind_of(pair)
    errors = CHANGE_ERRORS.get(kind, {})
    row = {
        "pbvc_bsi_pct": found.boundary_pct,
        "pbvc_deformation_pct": found.deformation_pct,
        "pbvc_pct": found.brain_pct,
        "pbvc_difference_points": found.difference_pct,
        "pbvc_deformation_eroded_pct": found.eroded_pct,
        "pbvc_bsi_calibration_ratio": found.calibration,
        "pvvc_pct": found.ventricles_pct,
        "thalamus_change_pct": found.parts_pct["thalamus"],
        "grey_matter_change_pct": found.parts_pct["gm"],
        "white_matter_change_pct": found.parts_pct["wm"],
        "pair_kind": kind,
        "change_error_source": source_of_error(kind),
    }
    for name, change in (
        ("pbvc", found.brain_pct),
        ("pvvc", found.ventricles_pct),
        ("thalamus", found.parts_pct["thalamus"]),
    ):
        error = errors.get(name)
        rate = rate_of(change, pair.years, error=error)
        row |= {
            f"{name}_pct_per_year": rate.per_year,
            f"{name}_ci95_low": rate.ci95_low,
            f"{name}_ci95_high": rate.ci95_high,
        }
        if change is not None and error is not None:
            row[f"{name}_sd_points"] = error.sd_points
    return row


def _kind_of(pair: PairComparison) -> str:
    """What kind of pair its brain change comes from."""
    aligned, visits = pair.brain.aligned, (pair.first, pair.second)
    longest = aligned.placed.thickest_mm
    return kind_of_pair(
        same_scanner=pair.same_scanner,
        modality=aligned.modality,
        longest_mm=(longest, longest - aligned.placed.thickness_gap_mm),
        anatomy_sources=tuple(visit.anatomy_source for visit in visits),
        has_failed=any(
            row["state"] == FAIL or (row["state"] == WARN and row["check"] == "skull_at_one_visit")
            for row in pair.quality.rows
        ),
    )


def lesion_rows(pair: PairComparison) -> list[dict]:
    """Rows of lesion_changes.csv of a pair, without the subject and tracks.

    Parameters
    ----------
    pair : PairComparison
        The comparison.

    Returns
    -------
    list of dict
    """
    if pair.lesions.changes is None:
        return []
    placed = pair.lesions.aligned.placed
    rows = at_positions(pair.lesions.changes.rows, placed.frame.grid.affine, placed.to_reference[1])
    return [row | _sessions(pair) for row in rows]


def at_positions(rows: Sequence[Mapping], *matrices: np.ndarray) -> list[dict]:
    """Rows of changed lesions with positions in mm for their voxel indices.

    Parameters
    ----------
    rows : sequence of mapping
        With ``i``, ``j`` and ``k``.
    *matrices : (4, 4) array
        From voxel indices to world points in mm, applied one after the other.

    Returns
    -------
    list of dict
        With ``x_mm``, ``y_mm`` and ``z_mm`` in their place.
    """
    placed = []
    for given in rows:
        row = dict(given)
        point = np.array([[row.pop(axis) for axis in "ijk"]])
        for matrix in matrices:
            point = world_mm(matrix, point)
        placed.append(row | dict(zip(("x_mm", "y_mm", "z_mm"), point[0].tolist(), strict=True)))
    return placed


def expansion_rows(pair: PairComparison) -> list[dict]:
    """Rows of expansions.csv of a pair, without the subject and the constancy.

    Parameters
    ----------
    pair : PairComparison
        The comparison.

    Returns
    -------
    list of dict
    """
    expansion = pair.brain.expansion
    if expansion is None:
        return []
    noise = expansion.noise_p95_pct_per_year
    return [
        _sessions(pair)
        | {
            "candidate_id": number,
            "lesion_id": one.lesion_id,
            "volume_mm3": one.volume_mm3,
            "rate_pct_per_year": one.rate_pct_per_year,
            "concentricity": one.concentricity,
            "is_above_noise": None if noise is None else one.rate_pct_per_year > noise,
        }
        for number, one in enumerate(expansion.candidates, start=1)
    ]


def _sessions(pair: PairComparison) -> dict[str, str]:
    """The columns that tell whose row it is, but for the subject."""
    return {"session_from": pair.first.session, "session_to": pair.second.session}
