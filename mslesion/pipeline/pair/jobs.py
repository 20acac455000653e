"""Pairs of visits as jobs: which are to be compared, and how one is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.nifti import load_scan
from mslesion.pipeline.dataset.jobs import Outcome, attempt
from mslesion.pipeline.pair.compare import compare_maps
from mslesion.pipeline.pair.maps import read_maps
from mslesion.pipeline.pair.outputs import clear_pair, left_pairs, write_pair
from mslesion.pipeline.pair.records import Pair, pair_fingerprint, pair_path, pairs_of, read_pair
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.outputs import source_uri
from mslesion.pipeline.visit.records import is_made_from, read_record, record_path, subject_records
from mslesion.reports.pair_part import pair_part
from mslesion.schema.modalities import COMPARED, reference_of


@dataclass(frozen=True, slots=True)
class PairJob:
    """One pair to compare."""

    pair: Pair
    visits: tuple[Visit, Visit]
    root: Path
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
        return Outcome(self.visits[1], state, session_from=self.pair.session_from, **more)


def find_pair_jobs(
    visits: Sequence[Visit], *, root: Path, output: Path, settings: Settings
) -> list[PairJob]:
    """Pairs to compare: of all visits of each subject that are finished.

    What is left of pairs that there are no longer, as when a visit came between, is
    removed.

    Parameters
    ----------
    visits : sequence of Visit
        All visits that the dataset has of the subjects of this run.
    root : Path
        The input dataset.
    output : Path
        The output dataset.
    settings : Settings
        Of the run.

    Returns
    -------
    list of PairJob
    """
    jobs = []
    there = {(visit.subject, visit.session): visit for visit in visits}
    for subject in dict.fromkeys(visit.subject for visit in visits):
        pairs = pairs_of(subject_records(output, subject))
        for old in left_pairs(output, subject):
            if old.name not in {pair.name for pair in pairs}:
                clear_pair(output, old)
        for pair in pairs:
            ends = [
                there.get((subject, session)) or _gone(subject, session, root, output)
                for session in (pair.session_from, pair.session_to)
            ]
            jobs.append(PairJob(pair, (ends[0], ends[1]), root, output, settings))
    return jobs


def process_pair(job: PairJob) -> Outcome:
    """Compare a pair, unless its record says that nothing changed.

    Parameters
    ----------
    job : PairJob
        What to do.

    Returns
    -------
    Outcome
        Also when the pair fails; nothing is raised.
    """
    return attempt(job, _compare)


def _compare(job: PairJob) -> str:
    """The work of a pair; returns its state."""
    output, pair = job.output, job.pair
    records = [read_record(record_path(output, visit)) for visit in job.visits]
    made_from = pair_fingerprint(
        pair, records=(records[0], records[1]), rule=job.settings.change_rule
    )
    if is_made_from(made_from, pair_path(output, pair), read=read_pair):
        return "unchanged"
    for visit in job.visits:
        if visit.problem:
            raise DatasetError(visit.problem)
    clear_pair(output, pair)
    maps = [
        read_maps(visit, output, record) for visit, record in zip(job.visits, records, strict=True)
    ]
    rows = (records[0]["visits"][0], records[1]["visits"][0])
    comparison, widths_mm = compare_maps(*maps, rows=rows, rule=job.settings.change_rule)
    second = job.visits[1].scans
    reference = reference_of(second)
    write_pair(
        comparison,
        output,
        pair=pair,
        scan=load_scan(second[reference]),
        widths_mm=widths_mm,
        sources=[
            source_uri(visit.scans[name], job.root)
            for visit in job.visits
            for name in COMPARED
            if name in visit.scans
        ],
        part=pair_part(comparison),
        made_from=made_from,
    )
    return "done"


def _gone(subject: str, session: str, root: Path, output: Path) -> Visit:
    """A finished visit whose scans are no longer there."""
    name = Visit(subject, session, {}).name
    return Visit(
        subject,
        session,
        {},
        problem=f"{root} has no {name}, but {output} has its results and visits are compared by "
        f"their scans. Bring the scans back, or remove logs/visits/{name}.json there.",
    )
