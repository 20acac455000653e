"""The volumes that the viewer of a page shows, kept beside the records of visits and pairs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from markupsafe import Markup

from mslesion.io.dataset import Visit
from mslesion.io.nifti import write_bytes
from mslesion.pipeline.visit.records import record_path
from mslesion.reports.viewer.section import ViewedPair, ViewedVisit, viewer_section
from mslesion.reports.viewer.volumes import CHANGE

_VIEW, _ENDING = "_view-", ".nii.gz"


def write_volumes(record: Path, volumes: Mapping[str, bytes]) -> None:
    """Write the volumes of a visit or a pair.

    Parameters
    ----------
    record : Path
        Of the visit or pair.
    volumes : mapping of str to bytes
        Packed NIfTI files by name.
    """
    for name, content in volumes.items():
        write_bytes(content, record.with_name(f"{record.stem}{_VIEW}{name}{_ENDING}"))


def clear_volumes(record: Path) -> None:
    """Remove the volumes of a visit or a pair.

    Parameters
    ----------
    record : Path
        Of the visit or pair.
    """
    for path in _paths(record):
        path.unlink(missing_ok=True)


def read_volumes(record: Path) -> dict[str, bytes]:
    """The volumes of a visit or a pair.

    Parameters
    ----------
    record : Path
        Of the visit or pair.

    Returns
    -------
    dict of str to bytes
        Packed NIfTI files by name, in alphabetical order: the FLAIR before the T1w.
    """
    return {
        path.name.removesuffix(_ENDING).rpartition(_VIEW)[2]: path.read_bytes()
        for path in _paths(record)
    }


def viewer_part(output: Path, visits: Sequence[Mapping], pairs: Sequence[Mapping]) -> Markup:
    """The viewer of a participant's page.

    Parameters
    ----------
    output : Path
        The output dataset.
    visits : sequence of mapping
        Records of the visits, in order of time.
    pairs : sequence of mapping
        Records of the pairs.

    Returns
    -------
    Markup
        Empty where nothing was kept for it.
    """
    viewed = [
        ViewedVisit(
            session=visit["session"],
            day=next((row.get("visit_date") for row in visit["visits"]), None) or "",
            volumes=read_volumes(
                record_path(output, Visit(visit["subject"], visit["session"], {}))
            ),
            locations={row["lesion_id"]: row["location"] for row in visit["lesions"]},
            is_oriented=visit["is_oriented"],
        )
        for visit in visits
    ]
    linked = [
        ViewedPair(
            session_from=pair["session_from"],
            session_to=pair["session_to"],
            to_first=np.array(pair["to_first"]),
            change=read_volumes(pair["path"]).get(CHANGE),
        )
        for pair in pairs
        if pair["to_first"] is not None
    ]
    return viewer_section(viewed, linked)


def _paths(record: Path) -> list[Path]:
    return sorted(record.parent.glob(f"{record.stem}{_VIEW}*{_ENDING}"))
