"""Self-calibration as jobs: what the comparison finds of a known change in each patient."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mslesion.io.tables import write_json
from mslesion.longitudinal.calibration.self_calibration import calibrate
from mslesion.pipeline.dataset.jobs import CALIBRATION, Job, Step
from mslesion.pipeline.pair.compare import plain_values
from mslesion.pipeline.pair.maps import read_visit
from mslesion.pipeline.pair.records import in_time
from mslesion.pipeline.visit.records import (
    digest,
    read_json_record,
    read_record,
    record_path,
)
from mslesion.schema.version import package_version
from mslesion.segmentation.lesions.choose import find_lesion_network

CALIBRATION_FORMAT = 1
"""Raised when records of older versions can no longer be read."""
CALIBRATION_KEYS = ("subject", "session", "made_from", "rows")
"""What the record of every calibration has."""


def calibration_path(output: Path, subject: str) -> Path:
    """Where the record of a subject's calibration lies.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.

    Returns
    -------
    Path
    """
    return output / "logs" / "calibrations" / f"sub-{subject}.json"


def finished_calibration(output: Path, records: Sequence[Mapping]) -> list[dict]:
    """Rows of calibration.csv of one subject.

    Parameters
    ----------
    output : Path
        The output dataset.
    records : sequence of mapping
        Records of its visits.

    Returns
    -------
    list of dict
        Empty where it was not asked for, or the first visit was done again since.

    Raises
    ------
    DatasetError
        If the record cannot be read.
    """
    first = in_time(records)[0]
    path = calibration_path(output, first["subject"])
    if len(records) < 2 or not path.is_file():
        return []
    record = _read(path)
    if record["made_from"]["visit"] != digest(first["made_from"]):
        return []
    who = {"participant_id": first["subject"], "session_id": first["session"] or None}
    return [who | row for row in record["rows"]]


def _record(job: Job) -> Path:
    return calibration_path(job.output, job.visit.subject)


def _fingerprint(job: Job) -> dict:
    record = read_record(record_path(job.output, job.visit))
    return {
        "format": CALIBRATION_FORMAT,
        "version": package_version(),
        "visit": digest(record["made_from"]),
        "rule": job.settings.change_rule,
    }


def _clear(job: Job) -> None:
    _record(job).unlink(missing_ok=True)


def _work(job: Job, made_from: dict, folder: Path) -> None:
    """Calibrate on a visit, and write what was found of the known change."""
    visit, settings = job.visit, job.settings
    maps = read_visit(visit, job.output, read_record(record_path(job.output, visit))).maps
    # What is found anew is compared as a visit is; a given mask has nothing to find it with
    network = None
    if maps.probability is not None:
        network = find_lesion_network(settings.lesion_network)
    found = calibrate(
        maps,
        rule=settings.change_rule,
        lesion_network=network,
        threshold=settings.lesion_threshold,
        min_size=settings.min_size,
    )
    rows = found.rows()
    content = {"subject": visit.subject, "session": visit.session, "made_from": made_from}
    path = calibration_path(folder, visit.subject)
    write_json(content | {"rows": plain_values(rows)}, path)


def _read(path: Path) -> dict:
    """The record of a calibration."""
    return read_json_record(path, keys=CALIBRATION_KEYS, what="calibration")


CALIBRATION_STEP = Step(CALIBRATION, _record, _read, _fingerprint, _clear, _work)
