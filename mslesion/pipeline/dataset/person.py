"""The jobs of one person: its visits, what follows from those that are finished, and its page."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mslesion.io.dataset import Visit
from mslesion.io.publishing import locked
from mslesion.pipeline.dataset.calibration import CALIBRATION_STEP
from mslesion.pipeline.dataset.failures import forget_failures
from mslesion.pipeline.dataset.jobs import VISIT, Job, Outcome, lock_of
from mslesion.pipeline.dataset.participant import clear_participant, page_job
from mslesion.pipeline.pair.jobs import PAIR_STEP
from mslesion.pipeline.pair.outputs import clear_pair, recorded_pairs
from mslesion.pipeline.pair.records import Pair, in_time, is_order_sure, pairs_of
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.records import finished_visit, finished_visits, record_path
from mslesion.schema.modalities import FLAIR
from mslesion.schema.ratings import Ratings


class PersonPlan:
    """The jobs of one person, each given out as soon as those it needs have ended.

    Which visits are compared depends on which are finished: each one with the one before it and
    with the first. A pair is given out once both of its visits are finished and it is a pair
    whatever becomes of those under way. The page comes when all others have ended.

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
    ratings : Ratings
        Clinical data and ratings of the person alone.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        visits: Sequence[Visit],
        *,
        root: Path,
        output: Path,
        settings: Settings,
        ratings: Ratings,
    ) -> None:
        self.subject = visits[0].subject
        self.jobs = jobs
        self.visits = {visit.session: visit for visit in visits}
        self.root, self.output, self.settings = root, output, settings
        self.ratings = ratings
        self.pending = {job.visit.session: _foreseen(job.visit) for job in jobs}
        self.finished: dict[str, Mapping] = {}
        self.given: set[Pair] = set()
        self.is_calibrating = not settings.calibrate
        self.names = {f"{VISIT} {visit.name}" for visit in visits}
        self.open: set[str] = set()
        self.is_ending = False

    def start(self) -> list[Job]:
        """The jobs of its visits; what older runs left of other visits is looked up."""
        self.finished = finished_visits(self.output, self.subject, but=self.pending)
        return self._give([*self.jobs, *self._begin()])

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
        self.open.remove(outcome.job.name)
        if outcome.job.step.name != VISIT:
            return self._give([])
        visit = outcome.job.visit
        del self.pending[visit.session]
        record = outcome.record or finished_visit(self.output, visit)
        if record is not None:
            self.finished[visit.session] = record
        if not self.pending:  # another run may have finished other visits in the meantime
            others = finished_visits(self.output, self.subject, but=self.finished)
            self.finished = others | self.finished
        return self._give(self._begin())

    def _give(self, jobs: list[Job]) -> list[Job]:
        """Jobs that are given out; where there are none any more, the page."""
        if not jobs and not self.open and not self.is_ending:
            self.is_ending = True
            jobs = self._ending()
        self.open |= {job.name for job in jobs}
        self.names |= self.open
        return jobs

    def _ending(self) -> list[Job]:
        """The page, if anything is finished; what is left of jobs that are gone is removed."""
        where = {"root": self.root, "output": self.output, "settings": self.settings}
        page = page_job(self.subject, **where, ratings=self.ratings)
        forget_failures(self.output, self.subject, but={*self.names, page.name})
        if self.finished:
            return [page]
        with locked(self.output, lock_of(self.subject)):
            if not finished_visits(self.output, self.subject):
                clear_participant(self.output, self.subject)
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
        outdated = [p for p in recorded_pairs(self.output, self.subject) if p.name not in names]
        if outdated:
            with locked(self.output, lock_of(self.subject)):
                for pair in outdated:
                    clear_pair(self.output, pair)

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


class PagePlan:
    """The page of a person alone, from what older runs have left.

    Parameters
    ----------
    job : Job
        Of `page_job`.
    """

    def __init__(self, job: Job) -> None:
        self.job = job

    def start(self) -> list[Job]:
        """The page."""
        return [self.job]

    def take(self, outcome: Outcome) -> list[Job]:  # noqa: ARG002
        """Nothing follows."""
        return []


def _foreseen(visit: Visit) -> dict:
    """What is known of the record of a visit before it is done: enough for its place in time."""
    day = visit.facts.visit_date
    row = {"visit_date": None if day is None else day.isoformat()}
    return {"subject": visit.subject, "session": visit.session, "visits": [row]}
