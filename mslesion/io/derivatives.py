"""Maps of a visit as BIDS derivatives, on the grid of its FLAIR (T1w without FLAIR)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.io.nifti import Scan, write_bytes, write_on_grid
from mslesion.io.tables import write_json, write_tsv
from mslesion.schema import LESIONS, TABLES, sidecar
from mslesion.schema.locations import LOCATION_NUMBERS
from mslesion.schema.structures import STRUCTURES

BIDS_VERSION = "1.10.0"
NOT_BIDS = ("*.html", ".work", "/*.csv", *(f"/{table.name}.json" for table in TABLES), "*_xfm.txt")
"""Our files that BIDS has no name for, or none yet."""


def map_path(folder: str | Path, name: str, ending: str) -> Path:
    """Where a map of a visit lies.

    Parameters
    ----------
    folder : str or Path
        The visit's ``anat`` folder.
    name : str
        Start of the file names, such as ``sub-01_ses-2``.
    ending : str
        What the map is, such as ``seg-lesions_dseg``.

    Returns
    -------
    Path
    """
    return Path(folder) / f"{name}_space-orig_{ending}.nii.gz"


def write_map(path: Path, array: np.ndarray, *, scan: Scan, description: str, **more) -> Path:
    """Write a map and its sidecar.

    Parameters
    ----------
    path : Path
        Of the image.
    array : (I, J, K) array
        On the grid of `scan`.
    scan : Scan
        Scan on whose grid the map lies.
    description : str
        What it is.
    **more
        Further entries of the sidecar.

    Returns
    -------
    Path
        Of the image.
    """
    write_on_grid(array, path, scan=scan)
    about = {"Description": description, "SpatialReference": "orig", **more}
    write_json(about, path.with_suffix("").with_suffix(".json"))
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class MapsOfVisit:
    """What is written of a visit as maps, on the grid of one of its scans."""

    scan: Scan
    """The scan whose grid the maps lie on."""
    anatomy: np.ndarray
    """(I, J, K) uint8: structure of each voxel."""
    anatomy_source: str
    """What named the structures, for the sidecar."""
    brain: np.ndarray
    """(I, J, K) bool: the brain with its ventricles and sulci."""
    lesion_labels: np.ndarray | None
    """(I, J, K) int: number of the lesion; None if lesions were not assessable."""
    lesions: pd.DataFrame
    """The visit's lesion table."""
    probability: np.ndarray | None
    """(I, J, K): lesion probability; None for a given mask."""
    made_by: Mapping[str, str]
    """What made the lesion mask, for the sidecar: Segmenter, SegmenterVersion."""
    fine: tuple[np.ndarray, Scan] | None = None
    """The anatomy on a 1 mm grid, for scans whose voxels are much longer."""


def write_maps(
    folder: str | Path, maps: MapsOfVisit, *, name: str, sources: Sequence[str]
) -> list[Path]:
    """Write a visit's maps, their sidecars and lookup tables.

    Parameters
    ----------
    folder : str or Path
        The visit's ``anat`` folder.
    maps : MapsOfVisit
        What to write.
    name : str
        Start of the file names, such as ``sub-01_ses-2``.
    sources : sequence of str
        BIDS URIs of the scans that were used.

    Returns
    -------
    list of Path
        The images that were written.
    """
    lesions, lesion_labels = maps.lesions, maps.lesion_labels
    written = []

    def write(array, ending, description, *, scan=maps.scan, **more):
        more = {"Sources": list(sources), **more}
        path = map_path(folder, name, ending)
        written.append(write_map(path, array, scan=scan, description=description, **more))

    def table(ending, frame):
        write_tsv(frame, map_path(folder, name, ending).with_suffix("").with_suffix(".tsv"))

    write(maps.brain, "desc-brain_mask", "Brain, ventricles and CSF between gyri", Type="Brain")
    about = {"Manual": False, "AnatomySource": maps.anatomy_source}
    write(maps.anatomy, "seg-anatomy_dseg", "Structures of the brain", **about)
    structures = [{"index": 0, "name": "background"}]
    structures += [{"index": part.number, "name": part.name} for part in STRUCTURES]
    table("seg-anatomy_dseg", pd.DataFrame(structures))
    if maps.fine is not None:
        write(
            maps.fine[0], "seg-anatomy_res-1mm_dseg", "Structures of the "
            "brain before resampling to the voxels of the scan", scan=maps.fine[1],
            Resolution="1 mm, along the axes of the head scan", **about,
        )  # fmt: skip
        table("seg-anatomy_res-1mm_dseg", pd.DataFrame(structures))
    if lesion_labels is None:
        return written
    manual = maps.probability is None
    write(
        lesion_labels > 0, "label-L_mask", "Lesions of at least the minimum size",
        Type="Lesion", Manual=manual, **maps.made_by,
    )  # fmt: skip
    if maps.probability is not None:
        write(maps.probability, "label-L_probseg", "Lesion probability", Type="Lesion")
    write(
        lesion_labels, "seg-lesions_dseg", "Single lesions, numbered",
        Manual=manual, **sidecar(LESIONS),
    )  # fmt: skip
    named = lesions.drop(columns=["participant_id", "session_id"])
    names = [f"lesion {number}" for number in named["lesion_id"]]
    table("seg-lesions_dseg", named.assign(index=named["lesion_id"], name=names)[
        ["index", "name", *named.columns]
    ])  # fmt: skip
    location = np.zeros(len(lesions) + 1, np.uint8)
    for number, place in zip(lesions["lesion_id"], lesions["location"], strict=True):
        location[number] = LOCATION_NUMBERS.get(place, 0) if isinstance(place, str) else 0
    write(
        location[lesion_labels] if lesion_labels.any() else np.zeros_like(maps.anatomy),
        "seg-mslocation_dseg", "Lesions by location class", Manual=manual,
    )  # fmt: skip
    classes = [{"index": 0, "name": "no lesion"}]
    classes += [{"index": index, "name": place} for place, index in LOCATION_NUMBERS.items()]
    table("seg-mslocation_dseg", pd.DataFrame(classes))
    return written


def write_dataset(folder: str | Path, *, version: str, raw: str) -> None:
    """Write what BIDS requires at the root of a derivative dataset, whoever is in it.

    Parameters
    ----------
    folder : str or Path
        The output dataset.
    version : str
        Of mslesion.
    raw : str
        Path or URI of the dataset that the scans came from.
    """
    folder = Path(folder)
    write_json(
        {
            "Name": "mslesion",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "License": "n/a",
            "Authors": ["mslesion", "its users"],
            "GeneratedBy": [{"Name": "mslesion", "Version": version}],
            "SourceDatasets": [{"URL": raw}],
            "DatasetLinks": {"raw": raw},
        },
        folder / "dataset_description.json",
    )
    write_bytes(
        b"Lesion and brain measures made by mslesion.\n\nvisits.csv, lesions.csv and quality.csv "
        b"have one row per visit, lesion and check;\nchanges.csv and lesion_changes.csv have one "
        b"row per pair of visits and per lesion of a pair. The\n.json file beside each table "
        b"describes its columns. Research use only.\n",
        folder / "README.md",
    )
    write_bytes(("\n".join(NOT_BIDS) + "\n").encode(), folder / ".bidsignore")


def write_people(folder: str | Path, subjects: Sequence[str]) -> None:
    """Write ``participants.tsv``.

    Parameters
    ----------
    folder : str or Path
        The output dataset.
    subjects : sequence of str
        Labels of the subjects in it.
    """
    people = pd.DataFrame({"participant_id": [f"sub-{label}" for label in sorted(subjects)]})
    write_tsv(people, Path(folder) / "participants.tsv")


def source_uri(path: Path, root: Path) -> str:
    """BIDS URI of an input file.

    Parameters
    ----------
    path : Path
        The file.
    root : Path
        The input dataset.

    Returns
    -------
    str
    """
    try:
        return f"bids:raw:{Path(path).resolve().relative_to(root.resolve()).as_posix()}"
    except ValueError:
        return f"bids:raw:{Path(path).name}"
