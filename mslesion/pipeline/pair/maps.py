"""What a visit brings to a comparison: from its result, or read back from what it left.

Both ways give the same arrays, so that a comparison in the same process, in another run
or after a kill gives the same numbers.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.errors import DatasetError
from mslesion.imaging.grid import spacing_mm
from mslesion.imaging.resampling import working_grid
from mslesion.io.dataset import Visit
from mslesion.io.derivatives import map_path
from mslesion.io.nifti import Scan, load_map, load_scan
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps
from mslesion.pipeline.visit.process import VisitResult
from mslesion.schema.modalities import COMPARED, reference_of
from mslesion.schema.time import iso_day

COARSE_MM = 1.5
"""Where a voxel is longer than this (exclusive), borders are taken from the anatomy map of
1 mm, which is kept beside the other one."""


def is_coarse(affine: np.ndarray) -> bool:
    """Whether a grid is too coarse for the borders of the anatomy.

    Parameters
    ----------
    affine : (4, 4) array
        Voxel-to-world matrix in mm.

    Returns
    -------
    bool
    """
    return max(spacing_mm(affine)) > COARSE_MM


def fine_scan(reference: Scan) -> Scan:
    """The 1 mm grid of a visit, as a scan without content that maps can be written like.

    Parameters
    ----------
    reference : Scan
        The scan that the visit's results lie on.

    Returns
    -------
    Scan
    """
    grid = working_grid(reference.data.shape, reference.affine)
    nothing = np.broadcast_to(np.float32(0), grid.shape)
    return Scan(nothing, grid.affine, reference.path, (), grid.shape, grid.affine)


def maps_of(result: VisitResult) -> VisitMaps:
    """What a visit brings to a comparison, from its result.

    Parameters
    ----------
    result : VisitResult
        Of `process_visit`.

    Returns
    -------
    VisitMaps
    """
    prepared, segmented = result.prepared, result.segmented
    coarse = is_coarse(result.affine)
    return _maps(
        result.visit.session,
        result.visits.iloc[0].to_dict(),
        result.lesions.to_dict("records"),
        scans={name: scan for name, scan in prepared.scans.items() if name in COMPARED},
        transforms=prepared.transforms,
        reference=prepared.reference_scan,
        anatomy=segmented.working_anatomy if coarse else segmented.anatomy,
        labels=result.lesion_labels,
        probability=segmented.probability,
    )


def read_maps(visit: Visit, output: Path, record: Mapping) -> VisitMaps:
    """What a visit brings to a comparison, read back from what it left.

    Parameters
    ----------
    visit : Visit
        Its scans.
    output : Path
        The output dataset.
    record : mapping
        The visit's record.

    Returns
    -------
    VisitMaps

    Raises
    ------
    DatasetError
        If a map of the visit is missing.
    ImageError, GeometryError
        If a map or scan cannot be used.
    """
    reference = reference_of(visit.scans)
    wanted = [name for name in visit.scans if name in COMPARED or name == reference]
    scans = {name: load_scan(visit.scans[name]) for name in wanted}
    grid = scans[reference]

    def read(ending: str, like: Scan, *, is_needed: bool = True) -> np.ndarray | None:
        path = map_path(output / visit.folder / "anat", visit.name, ending)
        if path.is_file():
            return load_map(path, like=like)
        if not is_needed:
            return None
        raise DatasetError(
            f"{path} is missing, but visits are compared by their maps. Remove logs/visits/"
            f"{visit.name}.json from the output and run the participant level again."
        )

    row = record["visits"][0]
    coarse = is_coarse(grid.affine)
    has_lesions = row["lesion_volume_ml"] is not None
    anatomy = ("seg-anatomy_dseg", grid)
    if coarse:
        anatomy = ("seg-anatomy_res-1mm_dseg", fine_scan(grid))
    return _maps(
        visit.session,
        row,
        record["lesions"],
        scans={name: scan for name, scan in scans.items() if name in COMPARED},
        transforms={k: np.array(v) for k, v in record.get("transforms", {}).items()},
        reference=grid,
        anatomy=read(*anatomy),
        labels=read("seg-lesions_dseg", grid) if has_lesions else None,
        probability=read("label-L_probseg", grid, is_needed=False) if has_lesions else None,
    )


def _maps(session, row, lesions, *, scans, transforms, reference, anatomy, labels, probability):
    """One visit, put together."""
    grid = reference.affine
    coarse = is_coarse(grid)
    shape = reference.data.shape
    return VisitMaps(
        scans={
            name: PlacedScan(scan.data, scan.affine, transforms.get(name, np.eye(4)))
            for name, scan in scans.items()
        },
        anatomy=anatomy,
        anatomy_affine=working_grid(shape, grid).affine if coarse else grid,
        lesions=None if labels is None else labels.astype(np.int32),
        lesions_affine=None if labels is None else grid,
        probability=probability,
        session=session,
        day=iso_day(row["visit_date"]),
        scanner_id=row["scanner_id"] if _known(row["scanner_id"]) else "",
        flair_dim=row["flair_dim"] if _known(row["flair_dim"]) else "",
        sees_skull=not row["skull_stripped"],
        locations={row["lesion_id"]: row["location"] for row in lesions if _known(row["location"])},
    )


def _known(value) -> bool:
    """Whether a cell of a table has a value."""
    return value is not None and not pd.isna(value)
