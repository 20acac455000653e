"""A pair of visits as a job."""

from dataclasses import replace
from pathlib import Path

from mslesion.pipeline.dataset.jobs import PAIR, Job, Step
from mslesion.pipeline.pair.compare import compare_segmentations
from mslesion.pipeline.pair.maps import VisitCache
from mslesion.pipeline.pair.outputs import clear_pair, write_pair
from mslesion.pipeline.pair.records import check_pair, pair_fingerprint, pair_path
from mslesion.pipeline.visit.records import check_record, record_path

VISITS_READ = VisitCache()
"""Visits of the person whose pairs this process compares."""


def _record(job: Job) -> Path:
    return pair_path(job.output, job.pair)


def _records_of_visits(job: Job) -> tuple[dict, dict]:
    first, second = (check_record(record_path(job.output, visit)) for visit in job.visits)
    return first, second


def _fingerprint(job: Job) -> dict:
    return pair_fingerprint(
        job.pair, records=_records_of_visits(job), rule=job.settings.change_rule
    )


def _clear(job: Job) -> None:
    clear_pair(job.output, job.pair)


def _work(job: Job, made_from: dict, folder: Path) -> None:
    """Compare two visits, and write what changed."""
    records = _records_of_visits(job)
    first, second = (
        VISITS_READ.read(visit, job.output, record)
        for visit, record in zip(job.visits, records, strict=True)
    )
    rows = (records[0]["visits"][0], records[1]["visits"][0])
    comparison, widths_mm = compare_segmentations(
        first.maps, second.maps, rows=rows, rule=job.settings.change_rule
    )
    write_pair(
        comparison,
        replace(job, output=folder),
        reference=second.reference,
        widths_mm=widths_mm,
        made_from=made_from,
    )


PAIR_STEP = Step(PAIR, _record, check_pair, _fingerprint, _clear, _work)
