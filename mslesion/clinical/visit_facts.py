"""What is known of a visit besides its scans: date, age, sex, scanner, protocol."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.schema.modalities import FLAIR, T1W

_DATE_COLUMNS = ("acq_time", "visit_date", "date")
_IDENTITY = ("Manufacturer", "ManufacturersModelName", "DeviceSerialNumber")


@dataclass(frozen=True, slots=True)
class VisitFacts:
    """Facts of a visit; what is not known is None or empty."""

    visit_date: date | None = None
    age_years: float | None = None
    sex: str = ""
    scanner_id: str = ""
    """Manufacturer, model and serial number."""
    field_t: float | None = None
    """Magnetic field strength in tesla."""
    flair_dim: str = ""
    """"2D" or "3D" by the sidecar; empty if it does not tell."""
    t1_contrast: bool | None = None
    """Whether the T1w was taken after contrast agent."""


def bids_facts(root: Path, subject: str, session: str, scans: Mapping[str, Path]) -> VisitFacts:
    """Facts of a visit of a BIDS dataset.

    Parameters
    ----------
    root : Path
        The dataset.
    subject, session : str
        Labels without ``sub-`` and ``ses-``.
    scans : mapping of str to Path
        Scans by modality; their sidecars are read.

    Returns
    -------
    VisitFacts

    Raises
    ------
    DatasetError
        If a table or sidecar is there but cannot be read.
    """
    person = _row(root / "participants.tsv", "participant_id", f"sub-{subject}")
    sessions = root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
    visit = _row(sessions, "session_id", f"ses-{session}") if session else {}
    stated = next((visit[c] for c in _DATE_COLUMNS if visit.get(c)), "")
    sidecars = {kind: _sidecar(root, path) for kind, path in scans.items()}
    return replace(
        _scanner_facts(sidecars),
        visit_date=parse_date(stated),
        age_years=_number(visit.get("age") or person.get("age")),
        sex=person.get("sex", ""),
    )


def plain_facts(folder: str, scans: Mapping[str, Path]) -> VisitFacts:
    """Facts of a visit of a plain tree: the date its folder is named by, sidecars.

    Parameters
    ----------
    folder : str
        Name of the visit's folder.
    scans : mapping of str to Path
        Scans by modality; JSON files beside them are read.

    Returns
    -------
    VisitFacts

    Raises
    ------
    DatasetError
        If a sidecar is there but cannot be read.
    """
    sidecars = {kind: _read_json(_beside(path)) for kind, path in scans.items()}
    return replace(_scanner_facts(sidecars), visit_date=parse_date(folder))


def _scanner_facts(sidecars: Mapping[str, dict]) -> VisitFacts:
    """What sidecars, by modality, tell of scanner and protocol."""
    first = next((s for s in sidecars.values() if s), {})
    agent = sidecars.get(T1W, {}).get("ContrastBolusAgent", "")
    return VisitFacts(
        scanner_id=" ".join(str(first[key]) for key in _IDENTITY if first.get(key)),
        field_t=_number(first.get("MagneticFieldStrength")),
        flair_dim=str(sidecars.get(FLAIR, {}).get("MRAcquisitionType", "")).upper(),
        t1_contrast=None if agent == "" else str(agent).lower() not in ("none", "n/a"),
    )


def parse_date(text: str) -> date | None:
    """Date of an ISO 8601 text or of eight digits; None if it is neither.

    Parameters
    ----------
    text : str
        Such as ``2020-01-31``, ``2020-01-31T09:00:00`` or ``20200131``.

    Returns
    -------
    date or None

    Examples
    --------
    >>> parse_date("20200131"), parse_date("month12")
    (datetime.date(2020, 1, 31), None)
    """
    text = str(text).strip()
    if not re.fullmatch(r"\d{8}|\d{4}-\d{2}-\d{2}([T ].*)?", text):
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def _row(path: Path, key: str, value: str) -> dict[str, str]:
    """One row of a TSV file, as text; empty if there is no such file or row."""
    if not path.is_file():
        return {}
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} cannot be read as a table ({error}), but tab-separated values are "
            "expected. Mend the file or remove it."
        ) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first cells for names
        raise DatasetError(
            f"{path} has rows longer than its header, but every column needs a name. "
            "Name the columns, or remove tabs at the ends of rows."
        )
    if key not in table:
        raise DatasetError(
            f"{path} has no column {key!r}, but rows are found by it. "
            "Name the first column so, and separate columns by tabs."
        )
    rows = table[table[key] == value]
    row = rows.iloc[0].to_dict() if len(rows) else {}
    return {name: text for name, text in row.items() if text not in ("", "n/a")}


def _sidecar(root: Path, scan: Path) -> dict:
    """Sidecar of a scan: its own, over the dataset's for all scans of its suffix."""
    suffix = re.sub(r"\.nii(\.gz)?$", "", scan.name).rsplit("_", 1)[-1]
    return _read_json(root / f"{suffix}.json") | _read_json(_beside(scan))


def _beside(scan: Path) -> Path:
    """The JSON file of a scan."""
    return scan.with_name(re.sub(r"\.nii(\.gz)?$", "", scan.name) + ".json")


def _read_json(path: Path) -> dict:
    """Content of a JSON object; empty if there is no such file."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path} cannot be read as JSON ({error}), but a sidecar is expected. "
            "Mend the file or remove it."
        ) from error
    if not isinstance(content, dict):
        raise DatasetError(
            f"{path} holds a {type(content).__name__}, but an object is expected. "
            "Mend the file or remove it."
        )
    return content


def _number(value) -> float | None:
    """A number, or None for what is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
