"""Information on a visit from the files of a scan: JSON sidecars, and the name of the folder."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from mslesion.clinical.cells import parse_day
from mslesion.clinical.file_content import missing_content
from mslesion.errors import DatasetError
from mslesion.schema.modalities import FLAIR, T1W
from mslesion.schema.ratings import Statement
from mslesion.schema.time import is_possible_day

log = logging.getLogger(__name__)

IDENTITY = ("Manufacturer", "ManufacturersModelName", "DeviceSerialNumber")
"""Keys of a sidecar that name the scanner together."""
FIELDS_T = (0.01, 21.0)
"""Weakest and strongest magnet that a sidecar is believed to name (both inclusive), in tesla."""
NO_AGENT = ("none", "n/a")
"""Values of ContrastBolusAgent that say no agent was given."""

Sidecar = Mapping[str, Statement]


def facts_of_sidecars(scans: Mapping[str, Path], *, root: Path | None = None) -> dict:
    """Scanner, field strength and protocol by the sidecars of a visit's scans.

    Parameters
    ----------
    scans : mapping of str to Path
        Scans by modality; the JSON files beside them are read.
    root : Path, optional
        A BIDS dataset, whose sidecars for all scans of a suffix (``FLAIR.json``) hold where
        a scan's own does not say otherwise.

    Returns
    -------
    dict of str to Statement
        `scanner_id`, `field_t` (tesla), `flair_dim` and `t1_contrast`, as far as they are known.
        The scanner and its field are those of the first scan with a sidecar.

    Raises
    ------
    DatasetError
        If a sidecar is there but cannot be read.
    """
    sidecars = {modality: read_sidecar(path, root=root) for modality, path in scans.items()}
    first = next((sidecar for sidecar in sidecars.values() if sidecar), {})
    found = {"scanner_id": _scanner(first), "field_t": _field(first)}
    slices = sidecars.get(FLAIR, {}).get("MRAcquisitionType")
    if slices is not None:
        found["flair_dim"] = slices._replace(value=str(slices.value).upper())
    agent = sidecars.get(T1W, {}).get("ContrastBolusAgent")
    if agent is not None and agent.value != "":
        is_given = str(agent.value).lower() not in NO_AGENT
        found["t1_contrast"] = agent._replace(value=is_given)
    return {name: statement for name, statement in found.items() if statement is not None}


def read_sidecar(scan: Path, *, root: Path | None = None) -> Sidecar:
    """Sidecar of a scan: its own, over the dataset's for all scans of its suffix.

    Parameters
    ----------
    scan : Path
        The scan.
    root : Path, optional
        As for `facts_of_sidecars`.

    Returns
    -------
    mapping of str to Statement
        Empty if there is no sidecar.

    Raises
    ------
    DatasetError
        If a sidecar is there but cannot be read.
    """
    stem = re.sub(r"\.nii(\.gz)?$", "", scan.name)
    common = {} if root is None else _read_json(root / f"{stem.rsplit('_', 1)[-1]}.json")
    return common | _read_json(scan.with_name(f"{stem}.json"))


def date_of_folder(name: str) -> Statement | None:
    """The date that a visit's folder is named by.

    Parameters
    ----------
    name : str
        Such as ``2020-01-31`` or ``20200131``.

    Returns
    -------
    Statement or None
        None if the name is not a date, or one on which no visit can have been.
    """
    day = parse_day(name)
    return (
        None
        if day is None or not is_possible_day(day)
        else Statement(day, f"name of the folder {name}")
    )


def _scanner(sidecar: Sidecar) -> Statement | None:
    """Manufacturer, model and serial number, as far as they are there."""
    parts = [sidecar[key] for key in IDENTITY if key in sidecar and sidecar[key].value]
    if not parts:
        return None
    return parts[0]._replace(value=" ".join(str(part.value) for part in parts))


def _field(sidecar: Sidecar) -> Statement | None:
    """Field strength; None where the value is no number of tesla."""
    stated = sidecar.get("MagneticFieldStrength")
    if stated is None:
        return None
    try:
        number = 0.0 if isinstance(stated.value, bool) else float(stated.value)
    except (TypeError, ValueError):
        number = 0.0
    low, high = FIELDS_T
    if low <= number <= high:
        return stated._replace(value=number)
    log.warning(
        "%s has the field strength %r, but a number of tesla from %g to %g is expected; it is "
        "not used.", stated.source, stated.value, low, high,
    )  # fmt: skip
    return None


def _read_json(path: Path) -> dict[str, Statement]:
    """Content of a JSON object, each value with its place; empty if there is no such file."""
    if problem := missing_content(path):
        raise DatasetError(problem)
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} cannot be read as JSON ({error}), but a sidecar is expected. "
            "Correct the file or remove it."
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(
            f"{path} holds a {type(content).__name__}, but an object is expected. "
            "Correct the file or remove it."
        )
    return {key: Statement(value, f"{path.name}, {key}") for key, value in content.items()}
