"""Self-calibration as jobs: what the comparison finds of a known change in each patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.tables import write_json
from mslesion.longitudinal.calibration.self_calibration import calibrate
from mslesion.pipeline.dataset.jobs import Outcome, attempt
from mslesion.pipeline.pair.compare import plain_values
from mslesion.pipeline.pair.maps import read_maps
from mslesion.pipeline.pair.records import in_time
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import (
    digest,
    is_made_from,
    read_json_record,
    read_record,
    record_path,
    subject_records,
)
from mslesion.schema.modalities import FLAIR
from mslesion.segmentation.predict import predict

CALIBRATION_FORMAT = 1
"""Raised when records of older versions can no longer be read."""
CALIBRATION_KEYS = ("subject", "session", "made_from", "rows")
"""What the record of every calibration has."""


@dataclass(frozen=True, slots=True)
class CalibrationJob:
    """One first visit to calibrate on."""

    visit: Visit
    output: Path
    settings: Settings

    def outcome(self, state: str, **more) -> Outcome:
        """How the job ended.

        Parameters
        ----------
        state : str
            "done", "unchanged" or "failed".
        **more
            Further fields of `Outcome`.

        Returns
        -------
        Outcome
        """
        return Outcome(self.visit, state, step="calibration", **more)


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


def find_calibration_jobs(
    visits: Sequence[Visit], *, output: Path, settings: Settings
) -> list[CalibrationJob]:
    """The first finished visit, if it has FLAIR and lesions, of subjects with two or more.

    Parameters
    ----------
    visits : sequence of Visit
        All visits that the dataset has of the subjects of this run.
    output : Path
        The output dataset.
    settings : Settings
        Of the run.

    Returns
    -------
    list of CalibrationJob
        None without ``calibrate``.
    """
    jobs = []
    if not settings.calibrate:
        return jobs
    there = {(visit.subject, visit.session): visit for visit in visits}
    for subject in dict.fromkeys(visit.subject for visit in visits):
        records = in_time(subject_records(output, subject))
        if len(records) < 2:
            continue
        first = there.get((subject, records[0]["session"]))
        has_lesions = records[0]["visits"][0].get("lesion_volume_ml") is not None
        if first is not None and FLAIR in first.scans and has_lesions:
            jobs.append(CalibrationJob(first, output, settings))
    return jobs


def process_calibration(job: CalibrationJob) -> Outcome:
    """Calibrate on a visit, unless its record says that nothing changed.

    Parameters
    ----------
    job : CalibrationJob
        What to do.

    Returns
    -------
    Outcome
        Also when it fails; nothing is raised.
    """
    return attempt(job, _calibrate)


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
        None where it was not asked for, or the first visit was done again since.

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


def _calibrate(job: CalibrationJob) -> str:
    """The work of a calibration; returns its state."""
    visit, output = job.visit, job.output
    record = read_record(record_path(output, visit))
    made_from = {
        "format": CALIBRATION_FORMAT,
        "version": version("mslesion"),
        "visit": digest(record["made_from"]),
        "rule": job.settings.change_rule,
    }
    path = calibration_path(output, visit.subject)
    if is_made_from(made_from, path, read=_read):
        return "unchanged"
    path.unlink(missing_ok=True)
    if visit.problem:
        raise DatasetError(visit.problem)
    maps = read_maps(visit, output, record)
    # What is found anew is compared as a visit is; a given mask has nothing to find it with
    segment = None if maps.probability is None else predict
    settings = job.settings
    found = calibrate(
        maps,
        rule=settings.change_rule,
        segment=segment,
        threshold=settings.lesion_threshold,
        min_size=settings.min_size,
    )
    rows = found.rows()
    content = {"subject": visit.subject, "session": visit.session, "made_from": made_from}
    write_json(content | {"rows": plain_values(rows)}, path)
    return "done"


def _read(path: Path) -> dict:
    """The record of a calibration."""
    return read_json_record(path, keys=CALIBRATION_KEYS, what="calibration")
