"""Lesion load of a visit, summed from its lesion table."""

from collections.abc import Sequence

from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.segmentation.lesions.instances import LesionMap

SIZE_BINS_MM = {
    "lesion_count_under_5mm": (0.0, 5.0),
    "lesion_count_5_10mm": (5.0, 10.0),
    "lesion_count_10_20mm": (10.0, 20.0),
    "lesion_count_over_20mm": (20.0, float("inf")),
}
"""Equivalent diameters: from (inclusive) to (exclusive)."""
MIN_RATIO_VOLUME_ML = 0.5
"""Under this lesion volume (exclusive) the T1 to T2 ratio is not given."""
VOLUME_TOLERANCE_ML = 1e-6
"""500 voxels of a turned 1 mm grid are 0.5 ml, though their float volumes may not be."""


def measure_load(
    lesions: Sequence[dict],
    lesion_map: LesionMap,
    *,
    volumes: dict,
    white_lesion_ml: float,
    has_t1_index: bool,
) -> dict:
    """Load, counts and locations of one visit.

    Parameters
    ----------
    lesions : sequence of dict
        Rows of the lesion table.
    lesion_map : LesionMap
        The same lesions on the grid.
    volumes : dict
        Brain volumes (`measure_volumes`), for the normalised loads.
    white_lesion_ml : float
        Lesion volume inside cerebral white matter, in ml.
    has_t1_index : bool
        Whether the T1 index could be measured; else its columns are None.

    Returns
    -------
    dict
        Column names of the visit table to values; None where not assessable.

    References
    ----------
    Filippi et al. 1999, AJNR 20:133 (load); Moodie et al. 2012, PMC3319060 (ratio).
    """
    volume_ml = sum(row["volume_mm3"] for row in lesions) / 1000
    row = {
        "lesion_volume_ml": volume_ml,
        "lesion_volume_unfiltered_ml": lesion_map.unfiltered_volume_mm3 / 1000,
        "lesion_count": lesion_map.count,
        "lesion_count_centers": lesion_map.center_count,
        "lesion_volume_normalised_ml": _times(volume_ml, volumes.get("head_scaling_ratio")),
        "lesion_volume_tiv_pct": _percent(volume_ml, volumes.get("tiv_ml")),
        "lesion_burden_white_matter_pct": _percent(white_lesion_ml, volumes.get("white_matter_ml")),
    }
    for name, (low, high) in SIZE_BINS_MM.items():
        row[name] = sum(low <= lesion["equivalent_diameter_mm"] < high for lesion in lesions)
    located = all(lesion.get("location") is not None for lesion in lesions)
    for one in LOCATION_CLASSES:
        members = [lesion for lesion in lesions if lesion.get("location") == one.name]
        row[one.count_column] = len(members) if located else None
        total = sum(lesion["volume_mm3"] for lesion in members) / 1000
        row[one.volume_column] = total if located else None
    dark_ml = None
    if has_t1_index:
        dark_ml = sum(lesion["t1_hypointense_volume_mm3"] for lesion in lesions) / 1000
    row["t1_hypointense_volume_ml"] = dark_ml
    enough = has_t1_index and volume_ml >= MIN_RATIO_VOLUME_ML - VOLUME_TOLERANCE_ML
    row["t1_t2_lesion_ratio"] = dark_ml / volume_ml if enough else None
    for name in ("flair_z_mean", "t1_index_mean"):
        row[name] = _weighted_mean(lesions, name)
    return row


def _weighted_mean(lesions: Sequence[dict], name: str) -> float | None:
    """Mean over all lesion voxels; None if there is none or a lesion has no value."""
    if not lesions or any(lesion.get(name) is None for lesion in lesions):
        return None
    voxels = sum(lesion["voxel_count"] for lesion in lesions)
    return sum(lesion[name] * lesion["voxel_count"] for lesion in lesions) / voxels


def _percent(part: float, whole: float | None) -> float | None:
    return 100 * part / whole if whole else None


def _times(value: float, factor: float | None) -> float | None:
    return value * factor if factor else None
