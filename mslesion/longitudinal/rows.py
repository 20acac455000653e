"""Rows of changes.csv, lesion_changes.csv and expansions.csv of one patient."""

from collections.abc import Mapping, Sequence

from mslesion.longitudinal.brain.rates import rate_of, sd_of_pair
from mslesion.longitudinal.expansion import constancy
from mslesion.longitudinal.lesions.sizes import detection_floor_mm
from mslesion.longitudinal.lesions.tracks import track_lesions
from mslesion.longitudinal.pair import PairComparison
from mslesion.schema.checks import flags


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
    row = {
        "session_from": pair.first.session,
        "session_to": pair.second.session,
        "days": pair.days,
        "interval_years": pair.years,
        "same_scanner": pair.same_scanner,
        "lesion_modality": pair.lesion_modality or None,
        "brain_modality": pair.brain_modality or None,
        "change_assessable": not pair.lesion_reason,
        "change_reason": pair.lesion_reason or None,
        "brain_change_assessable": not pair.brain_reason,
        "brain_change_reason": pair.brain_reason or None,
        "change_rule": pair.rule,
        "quality_state": pair.quality.state,
        "flags": ";".join(flags(pair.quality.rows)),
    }
    if pair.lesions is not None:
        thickest = pair.placed[pair.lesion_modality].thickest_mm
        row |= pair.lesions.summary
        row["detection_floor_mm"] = detection_floor_mm(thickest)
        row["new_t2_per_year"] = rate_of(row["new_t2_count"], pair.years).per_year
    if pair.expansion is not None:
        row |= {
            "sel_candidate_count": len(pair.expansion.candidates),
            "sel_candidate_volume_ml": pair.expansion.volume_ml,
            "sel_assessed_count": pair.expansion.assessed_count,
            "sel_noise_p95_pct_per_year": pair.expansion.noise_p95_pct_per_year,
        }
    if pair.atrophied is not None:
        row |= {
            "atrophied_lesion_volume_mm3": pair.atrophied.volume_mm3,
            "atrophied_lesion_volume_periventricular_mm3": pair.atrophied.near_ventricle_mm3,
            "atrophied_lesion_volume_pct": pair.atrophied.pct,
            "atrophied_lesion_volume_noise_mm3": pair.atrophied.noise_mm3,
        }
    row |= _brain_columns(pair)
    if not pair.brain_reason and None not in widths_mm:
        row["third_ventricle_width_change_mm"] = widths_mm[1] - widths_mm[0]
    return row


def _brain_columns(pair: PairComparison) -> dict:
    """Columns of the brain's change."""
    found = pair.volumes
    if found is None:
        return {}
    sd = sd_of_pair(same_scanner=pair.same_scanner, quality=pair.quality.state)
    rate = rate_of(found.brain_pct, pair.years, sd=sd)
    return {
        "pbvc_bsi_pct": found.boundary_pct,
        "pbvc_deformation_pct": found.deformation_pct,
        "pbvc_pct": found.brain_pct,
        "pbvc_difference_points": found.difference_pct,
        "pbvc_disagrees": found.disagrees,
        "pbvc_deformation_eroded_pct": found.eroded_pct,
        "pbvc_bsi_calibration_ratio": found.calibration,
        "pbvc_sd_points": sd,
        "pbvc_pct_per_year": rate.per_year,
        "pbvc_ci95_low": rate.ci95_low,
        "pbvc_ci95_high": rate.ci95_high,
        "pvvc_pct": found.ventricles_pct,
        "pvvc_pct_per_year": rate_of(found.ventricles_pct, pair.years).per_year,
        "thalamus_change_pct": found.parts_pct["thalamus"],
        "thalamus_pct_per_year": rate_of(found.parts_pct["thalamus"], pair.years).per_year,
        "grey_matter_change_pct": found.parts_pct["gm"],
        "white_matter_change_pct": found.parts_pct["wm"],
    }


def lesion_change_rows(
    pairs: Mapping[tuple[int, int], PairComparison], lesion_counts: Sequence[int]
) -> list[dict]:
    """Rows of lesion_changes.csv of a patient, with tracks over all visits.

    Parameters
    ----------
    pairs : mapping of (int, int) to PairComparison
        Comparisons by the positions of both visits, in order of time.
    lesion_counts : sequence of int
        Lesions of each visit, numbered from 1.

    Returns
    -------
    list of dict
        Without the subject.
    """
    tracks = track_lesions(
        [range(1, count + 1) for count in lesion_counts],
        {key: pair.lesions.links for key, pair in pairs.items() if pair.lesions is not None},
    )
    rows = []
    for (a, b), pair in sorted(pairs.items()):
        for row in pair.lesion_rows():
            nodes = [(a, n) for n in _numbers(row["lesions_from"])]
            nodes += [(b, n) for n in _numbers(row["lesions_to"])]
            found = sorted({tracks[node] for node in nodes})
            rows.append(
                row
                | {
                    "track_id": found[0] if found else None,
                    "parents": row["lesions_from"] if row["change"] == "merged" else None,
                }
            )
    return rows


def expansion_rows(
    pair: PairComparison, *, earlier: Sequence[tuple[float, Sequence[float]]] = ()
) -> list[dict]:
    """Rows of expansions.csv of a pair, without the subject.

    Parameters
    ----------
    pair : PairComparison
        The comparison.
    earlier : sequence of (float, sequence of float)
        Of each visit between: its time in years since the first visit, and every
        candidate's growth until then in percent. With them the constancy is given.

    Returns
    -------
    list of dict
    """
    if pair.expansion is None:
        return []
    noise = pair.expansion.noise_p95_pct_per_year
    rows = []
    for position, one in enumerate(pair.expansion.candidates):
        years = [time for time, _ in earlier] + [pair.years]
        growth = [series[position] for _, series in earlier]
        growth.append(one.rate_pct_per_year * pair.years)
        rows.append(
            {
                "session_from": pair.first.session,
                "session_to": pair.second.session,
                "candidate_id": position + 1,
                "lesion_id": one.lesion_id,
                "volume_mm3": one.volume_mm3,
                "rate_pct_per_year": one.rate_pct_per_year,
                "concentricity": one.concentricity,
                "constancy": constancy(years, growth),
                "is_above_noise": None if noise is None else one.rate_pct_per_year > noise,
            }
        )
    return rows


def _numbers(text: str | None) -> list[int]:
    """Numbers joined by +."""
    return [int(part) for part in text.split("+")] if text else []
