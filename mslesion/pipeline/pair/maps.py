"""What a visit brings to a comparison: from its result, or read back from what it left.

Both ways give the same arrays, so that a comparison in the same process, in another run
or after a kill gives the same numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from mslesion.pipeline.visit.records import digest, record_path
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
    return VisitMaps(
        scans=_placed(prepared.scans, prepared.transforms),
        anatomy=segmented.working_anatomy if coarse else segmented.anatomy,
        anatomy_affine=_anatomy_affine(prepared.reference_scan),
        **_lesion_maps(result.lesion_labels, segmented.probability, result.affine),
        **_facts(result.visits.iloc[0].to_dict(), result.lesions.to_dict("records")),
        session=result.visit.session,
    )


@dataclass(frozen=True, slots=True)
class ReadVisit:
    """What a finished visit brings to a comparison, read back from its files."""

    maps: VisitMaps
    reference: Scan
    """The scan that its results lie on."""


def read_visit(visit: Visit, output: Path, record: Mapping) -> ReadVisit:
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
    ReadVisit

    Raises
    ------
    DatasetError
        If a map of the visit is missing.
    ImageError, GeometryError
        If a map or scan cannot be used.
    """
    name = reference_of(visit.scans)
    wanted = [one for one in visit.scans if one in COMPARED or one == name]
    scans = {one: load_scan(visit.scans[one]) for one in wanted}
    reference = scans[name]

    def read(ending: str, like: Scan, *, is_needed: bool = True) -> np.ndarray | None:
        path = map_path(output / visit.folder / "anat", visit.name, ending)
        if path.is_file():
            return load_map(path, like=like)
        if not is_needed:
            return None
        raise DatasetError(
            f"{path} is missing, but a comparison reads the maps of both visits. Remove "
            f"{record_path(Path(), visit)} from the output and run the participant level again."
        )

    row = record["visits"][0]
    # A partial brain has a lesion map, but no lesion volume
    labels = read("seg-lesions_dseg", reference, is_needed=row["lesion_volume_ml"] is not None)
    probability = read("label-L_probseg", reference, is_needed=False)
    anatomy = ("seg-anatomy_dseg", reference)
    if is_coarse(reference.affine):
        anatomy = ("seg-anatomy_res-1mm_dseg", fine_scan(reference))
    maps = VisitMaps(
        scans=_placed(scans, {k: np.array(v) for k, v in record.get("transforms", {}).items()}),
        anatomy=read(*anatomy),
        anatomy_affine=_anatomy_affine(reference),
        **_lesion_maps(labels, probability, reference.affine),
        **_facts(row, record["lesions"]),
        session=visit.session,
    )
    return ReadVisit(maps, reference)


class VisitCache:
    """Finished visits, read once for all pairs of a person.

    Each visit is compared with the one before it and with the first: in the order of the
    pairs, three visits at a time are enough to read each of them once.

    Parameters
    ----------
    size : int
        So many visits are kept, those that were used last.
    """

    def __init__(self, size: int = 3):
        self.size = size
        self._kept: dict[tuple, ReadVisit] = {}

    def read(self, visit: Visit, output: Path, record: Mapping) -> ReadVisit:
        """What `read_visit` gives, read anew only if it is not kept.

        Parameters
        ----------
        visit : Visit
            Its scans.
        output : Path
            The output dataset.
        record : mapping
            The visit's record, whose fingerprint tells what is kept from what is new.

        Returns
        -------
        ReadVisit
        """
        person = (output, visit.subject)
        key = (*person, visit.session, digest(record["made_from"]))
        # Another person's visits are of no use any more, whatever their number
        self._kept = {other: one for other, one in self._kept.items() if other[:2] == person}
        found = self._kept.pop(key, None)
        if found is None:
            while len(self._kept) >= self.size:
                del self._kept[next(iter(self._kept))]
            found = read_visit(visit, output, record)
        self._kept[key] = found
        return found

    def clear(self) -> None:
        """Forget all visits."""
        self._kept.clear()


def _placed(scans: Mapping[str, Scan], transforms: Mapping) -> dict[str, PlacedScan]:
    """The scans that are compared, and where they lie to the visit's reference."""
    return {
        name: PlacedScan(scan.data, scan.affine, transforms.get(name, np.eye(4)))
        for name, scan in scans.items()
        if name in COMPARED
    }


def _anatomy_affine(reference: Scan) -> np.ndarray:
    """Affine of the anatomy map that a visit is compared by."""
    affine = reference.affine
    return working_grid(reference.data.shape, affine).affine if is_coarse(affine) else affine


def _lesion_maps(labels, probability, affine: np.ndarray) -> dict:
    """Lesions and their grid; None where they are not assessable."""
    if labels is None:
        return {"lesions": None, "lesions_affine": None, "probability": probability}
    lesions = labels.astype(np.int32)
    return {"lesions": lesions, "lesions_affine": affine, "probability": probability}


def _facts(row: Mapping, lesions: Sequence[Mapping]) -> dict:
    """What the rows of a visit and of its lesions tell, under the names of `VisitMaps`."""
    return {
        "day": iso_day(row["visit_date"]),
        "scanner_id": row["scanner_id"] if _known(row["scanner_id"]) else "",
        "flair_dim": row["flair_dim"] if _known(row["flair_dim"]) else "",
        "sees_skull": not row["skull_stripped"],
        "anatomy_source": row["anatomy_source"],
        "locations": {
            one["lesion_id"]: one["location"] for one in lesions if _known(one["location"])
        },
    }


def _known(value) -> bool:
    """Whether a cell of a table has a value."""
    return value is not None and not pd.isna(value)
