"""Pairs of visits as jobs: which are to be compared, and how one is done."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset.jobs import PAIR, Job, Step
from mslesion.pipeline.pair.compare import compare_segmentations
from mslesion.pipeline.pair.maps import VisitCache
from mslesion.pipeline.pair.outputs import clear_pair, recorded_pairs, write_pair
from mslesion.pipeline.pair.records import Pair, pair_fingerprint, pair_path, pairs_of, read_pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import read_record, record_path, subject_records

VISITS_READ = VisitCache()
"""Visits of the person whose pairs this process compares."""


def current_pairs(visits: Sequence[Visit], *, output: Path) -> dict[str, list[Pair]]:
    """The pairs that are compared: of all finished visits of each subject.

    Parameters
    ----------
    visits : sequence of Visit
        Visits of the subjects of this run.
    output : Path
        The output dataset.

    Returns
    -------
    dict of str to list of Pair
        By subject; empty where there is one finished visit or none.
    """
    subjects = dict.fromkeys(visit.subject for visit in visits)
    return {subject: pairs_of(subject_records(output, subject)) for subject in subjects}


def remove_outdated_pairs(pairs: Mapping[str, Sequence[Pair]], *, output: Path) -> None:
    """Remove what is left of pairs that are not compared any more.

    Where a visit came between two others, the later one is compared with it instead.

    Parameters
    ----------
    pairs : mapping of str to sequence of Pair
        The pairs that are compared, by subject.
    output : Path
        The output dataset.
    """
    for subject, current in pairs.items():
        names = {pair.name for pair in current}
        for old in recorded_pairs(output, subject):
            if old.name not in names:
                clear_pair(output, old)


def find_pair_jobs(
    pairs: Mapping[str, Sequence[Pair]],
    visits: Sequence[Visit],
    *,
    root: Path,
    output: Path,
    settings: Settings,
) -> list[Job]:
    """A job for each pair.

    Parameters
    ----------
    pairs : mapping of str to sequence of Pair
        The pairs that are compared, by subject.
    visits : sequence of Visit
        All visits that the dataset has of these subjects.
    root : Path
        The input dataset.
    output : Path
        The output dataset.
    settings : Settings
        Of the run.

    Returns
    -------
    list of Job
        In order of subjects and time.
    """
    there = {(visit.subject, visit.session): visit for visit in visits}
    jobs = []
    for pair in (pair for own in pairs.values() for pair in own):
        first, second = (
            there.get((pair.subject, session))
            or _visit_without_scans(Visit(pair.subject, session, {}), root=root, output=output)
            for session in (pair.session_from, pair.session_to)
        )
        jobs.append(Job(PAIR_STEP, (first, second), root, output, settings, pair=pair))
    return jobs


def _visit_without_scans(visit: Visit, *, root: Path, output: Path) -> Visit:
    """A finished visit whose scans are no longer there, and what to do."""
    return replace(
        visit,
        problem=f"{root} has no {visit.name}, but {output} has its results and visits are compared "
        f"by their scans. Bring the scans back, or remove logs/visits/{visit.name}.json there.",
    )


def _record(job: Job) -> Path:
    return pair_path(job.output, job.pair)


def _records_of_visits(job: Job) -> tuple[dict, dict]:
    first, second = (read_record(record_path(job.output, visit)) for visit in job.visits)
    return first, second


def _fingerprint(job: Job) -> dict:
    return pair_fingerprint(
        job.pair, records=_records_of_visits(job), rule=job.settings.change_rule
    )


def _work(job: Job, made_from: dict) -> None:
    """Compare two visits, and write what changed."""
    for visit in job.visits:
        if visit.problem:
            raise DatasetError(visit.problem)
    clear_pair(job.output, job.pair)
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
        comparison, job, reference=second.reference, widths_mm=widths_mm, made_from=made_from
    )


PAIR_STEP = Step(PAIR, _record, read_pair, _fingerprint, _work)
