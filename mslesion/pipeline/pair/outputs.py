"""What a comparison leaves behind: change map, transform, pictures, local volume change, record."""

import json
import re
from pathlib import Path

import numpy as np

from mslesion.io.change_files import (
    change_path,
    transform_label,
    transform_path,
    write_change_map,
    write_transform,
)
from mslesion.io.dataset import Visit
from mslesion.io.derivatives import source_uri
from mslesion.io.nifti import Scan, write_bytes
from mslesion.io.tables import write_json
from mslesion.longitudinal.comparison import PairComparison
from mslesion.pipeline.dataset.jobs import Job
from mslesion.pipeline.pair.compare import change_map, pair_record
from mslesion.pipeline.pair.constancy import volume_change_path, write_volume_change
from mslesion.pipeline.pair.records import Pair, pair_path, pairs_folder
from mslesion.pipeline.viewer_files import clear_volumes, write_volumes
from mslesion.pipeline.visit.records import PART_SUFFIX
from mslesion.reports.pair_pictures import pair_part
from mslesion.reports.viewer.volumes import CHANGE, change_volume
from mslesion.schema.modalities import COMPARED

_PAIR_NAME = re.compile(r"sub-([^_]*)_ses-([^_]*)_ses-([^_]*)")


def clear_pair(output: Path, pair: Pair) -> None:
    """Remove what an older run left of a pair.

    Parameters
    ----------
    output : Path
        The output dataset.
    pair : Pair
        The pair.
    """
    record = pair_path(output, pair)
    paths = [record, record.with_suffix(PART_SUFFIX), volume_change_path(record)]
    visit = Visit(pair.subject, pair.session_to, {})
    anat = output / visit.folder / "anat"
    image = change_path(anat, visit.name, with_before=pair.is_with_before)
    paths += [image.with_suffix("").with_suffix(end) for end in (".nii.gz", ".json", ".tsv")]
    paths.append(transform_path(anat, visit.name, _start(pair.session_from)))
    for path in paths:  # the record first: the pair is not finished
        path.unlink(missing_ok=True)
    clear_volumes(record)


def clear_pairs_of(output: Path, visit: Visit) -> None:
    """Remove what is left of every pair that a visit is in.

    Parameters
    ----------
    output : Path
        The output dataset.
    visit : Visit
        The visit that is about to be done again.
    """
    for pair in recorded_pairs(output, visit.subject):
        if visit.session in (pair.session_from, pair.session_to):
            clear_pair(output, pair)


def recorded_pairs(output: Path, subject: str) -> list[Pair]:
    """All pairs of a subject that have a record, up to date or not.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.

    Returns
    -------
    list of Pair
    """
    paths = sorted(pairs_folder(output, subject).glob("*.json"))
    return [
        Pair(*_PAIR_NAME.fullmatch(path.stem).groups(), _was_with_before(path)) for path in paths
    ]


def write_pair(
    comparison: PairComparison,
    job: Job,
    *,
    reference: Scan,
    widths_mm: tuple[float | None, float | None],
    made_from: dict,
) -> None:
    """Write all files of a pair; the record comes last and says that it is finished.

    Parameters
    ----------
    comparison : PairComparison
        What was found.
    job : Job
        The pair's job.
    reference : Scan
        The scan that the second visit's results lie on.
    widths_mm : tuple of float or None, shape (2,)
        Third-ventricle width of both visits.
    made_from : dict
        The pair's fingerprint.
    """
    pair, name = job.pair, job.visit.name
    anat = job.output / job.visit.folder / "anat"
    path = pair_path(job.output, pair)
    changes, to_first = change_map(comparison), None
    if changes is not None:
        write_change_map(
            change_path(anat, name, with_before=pair.is_with_before),
            changes,
            scan=reference,
            Sources=[
                source_uri(visit.scans[modality], job.root)
                for visit in job.visits
                for modality in COMPARED
                if modality in visit.scans
            ],
            BaselineSession=pair.session_from and f"ses-{pair.session_from}",
            ChangeRule=comparison.rule,
            Manual=False,
        )
        volume = change_volume(changes, reference.affine)
        write_volumes(path, {} if volume is None else {CHANGE: volume})
    if comparison.placed is not None:
        first, second = comparison.placed.to_reference
        matrix = first @ np.linalg.inv(second)
        write_transform(matrix, anat, name=name, start=_start(pair.session_from))
        to_first = matrix.tolist()
    write_volume_change(comparison, volume_change_path(path))
    write_bytes(pair_part(comparison).to_text().encode(), path.with_suffix(PART_SUFFIX))
    record = {"subject": pair.subject, "made_from": made_from, "to_first": to_first}
    write_json(record | pair_record(comparison, widths_mm=widths_mm), path)


def _start(session: str) -> str:
    """Label of where the transform of a pair comes from."""
    return transform_label(f"ses-{session}")


def _was_with_before(path: Path) -> bool:
    """Whether a record is of a pair with the visit just before."""
    try:
        return bool(json.loads(path.read_text("utf-8"))["made_from"]["with_before"])
    except (OSError, ValueError, KeyError, TypeError):
        return True
