"""The jobs of one person: its visits, and what follows from those that are finished."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mslesion.io.dataset import Visit
from mslesion.pipeline.dataset.calibration import CALIBRATION_STEP
from mslesion.pipeline.dataset.jobs import VISIT, Job, Outcome
from mslesion.pipeline.pair.jobs import PAIR_STEP
from mslesion.pipeline.pair.outputs import clear_pair, recorded_pairs
from mslesion.pipeline.pair.records import Pair, in_time, is_order_sure, pairs_of
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import finished_visit, finished_visits, record_path
from mslesion.schema.modalities import FLAIR


class PersonPlan:
    """The jobs of one person, each given out as soon as those it needs have ended.

    Which visits are compared depends on which are finished: each one with the one before it and
    with the first. A pair is given out once both of its visits are finished and it is a pair
    whatever becomes of those under way.

    Parameters
    ----------
    jobs : sequence of Job
        Its visits that are to be done.
    visits : sequence of Visit
        All its visits in the dataset.
    root, output : Path
        The input and the output dataset.
    settings : Settings
        Of the run.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        visits: Sequence[Visit],
        *,
        root: Path,
        output: Path,
        settings: Settings,
    ) -> None:
        self.subject = visits[0].subject
        self.jobs = jobs
        self.visits = {visit.session: visit for visit in visits}
        self.root, self.output, self.settings = root, output, settings
        self.pending = {job.visit.session: _foreseen(job.visit) for job in jobs}
        self.finished: dict[str, Mapping] = {}
        self.given: set[Pair] = set()
        self.is_calibrating = not settings.calibrate

    def start(self) -> list[Job]:
        """The jobs of its visits; what older runs left of other visits is looked up."""
        self.finished = {
            session: record
            for session, record in finished_visits(self.output, self.subject).items()
            if session not in self.pending
        }
        return [*self.jobs, *self._begin()]

    def take(self, outcome: Outcome) -> list[Job]:
        """What can begin now that a job has ended.

        Parameters
        ----------
        outcome : Outcome
            Of a job that was given out.

        Returns
        -------
        list of Job
        """
        if outcome.job.step.name == VISIT:
            visit = outcome.job.visit
            del self.pending[visit.session]
            record = outcome.record or finished_visit(self.output, visit)
            if record is not None:
                self.finished[visit.session] = record
            return self._begin()
        return []

    def _begin(self) -> list[Job]:
        """The pairs and the calibration that can begin."""
        foreseen = [*self.finished.values(), *self.pending.values()]
        if self.pending and not is_order_sure(foreseen):
            return []
        here = pairs_of(list(self.finished.values()))
        if self.pending:
            later = set(pairs_of(foreseen))
            here = [pair for pair in here if pair in later]
        else:
            self._remove_outdated(here)
        new = [pair for pair in here if pair not in self.given]
        self.given |= set(new)
        return [self._pair_job(pair) for pair in new] + self._calibration()

    def _remove_outdated(self, pairs: Sequence[Pair]) -> None:
        """Remove what is left of pairs that are not compared any more.

        Where a visit came between two others, the later one is compared with it instead.
        """
        names = {pair.name for pair in pairs}
        for old in recorded_pairs(self.output, self.subject):
            if old.name not in names:
                clear_pair(self.output, old)

    def _pair_job(self, pair: Pair) -> Job:
        ends = tuple(
            self.visits.get(session) or self._visit_without_scans(session)
            for session in (pair.session_from, pair.session_to)
        )
        return Job(PAIR_STEP, ends, self.root, self.output, self.settings, pair=pair)

    def _visit_without_scans(self, session: str) -> Visit:
        """A finished visit whose scans are no longer there, and what to do."""
        visit = Visit(self.subject, session, {})
        return replace(
            visit,
            problem=f"{self.root} has no {visit.name}, but {self.output} has its results and "
            "visits are compared by their scans. Bring the scans back, or remove "
            f"{record_path(Path(), visit)} there.",
        )

    def _calibration(self) -> list[Job]:
        """The calibration, once it is known which visit is the first, and that there are two."""
        if self.is_calibrating or len(self.finished) < 2:
            return []
        first = in_time(list(self.finished.values()))[0]
        if first is not in_time([*self.finished.values(), *self.pending.values()])[0]:
            return []
        self.is_calibrating = True
        visit = self.visits.get(first["session"])
        has_lesions = first["visits"][0].get("lesion_volume_ml") is not None
        if visit is None or FLAIR not in visit.scans or not has_lesions:
            return []
        return [Job(CALIBRATION_STEP, (visit,), self.root, self.output, self.settings)]


def _foreseen(visit: Visit) -> dict:
    """What is known of the record of a visit before it is done: enough for its place in time."""
    day = visit.facts.visit_date
    row = {"visit_date": None if day is None else day.isoformat()}
    return {"subject": visit.subject, "session": visit.session, "visits": [row]}
