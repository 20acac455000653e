"""What a run has to do: the plan of each person, asked for one by one."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit
from mslesion.io.visit_files import ImageFolder
from mslesion.pipeline.dataset.jobs import (
    FAILED,
    PAGE,
    PAIR,
    PLANNED,
    UNCHANGED,
    VISIT,
    Job,
    Outcome,
)
from mslesion.pipeline.dataset.participant import page_job
from mslesion.pipeline.dataset.person import PagePlan, PersonPlan
from mslesion.pipeline.dataset.progress import expected_jobs
from mslesion.pipeline.pair.records import pair_path, pairs_of
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import find_visit_jobs, seems_finished
from mslesion.pipeline.visit.records import finished_visit
from mslesion.schema.ratings import Ratings


@dataclass(frozen=True, kw_only=True)
class RunPlan:
    """All that a run is about."""

    root: Path
    """The input dataset."""
    output: Path
    """The output dataset."""
    settings: Settings
    ratings: Ratings
    """Clinical data and ratings of everyone."""
    visits: Sequence[Visit] = ()
    """All visits of the participants of this run; with those of older runs, they are compared."""
    asked: Sequence[Visit] = ()
    """Those of them that are to be done."""
    pages: Sequence[str] = ()
    """Participants whose pages are made anew, besides those of `visits`."""
    masks: ImageFolder | None = None
    """Given lesion masks."""
    anatomy: ImageFolder | None = None
    """Given label maps of the anatomy."""
    _ratings_of: dict[str, Ratings] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ratings_of", self.ratings.by_subject())

    @property
    def where(self) -> dict:
        """What every job needs to know."""
        return {"root": self.root, "output": self.output, "settings": self.settings}

    def plans(self) -> Iterator[PersonPlan | PagePlan]:
        """The plans of all participants, each made when it is asked for."""
        asked, everyone = by_subject(self.asked), by_subject(self.visits)
        for subject, own in everyone.items():
            jobs = self._jobs_of(asked.get(subject, ()))
            yield PersonPlan(jobs, own, **self.where, ratings=self._of(subject))
        for subject in self.pages:
            if subject not in everyone:
                yield PagePlan(page_job(subject, **self.where, ratings=self._of(subject)))

    def expected(self) -> Counter[str]:
        """How many jobs there are of each step, if every visit succeeds."""
        asked, everyone = by_subject(self.asked), by_subject(self.visits)
        counts = [len(asked.get(subject, ())) for subject in everyone]
        jobs = expected_jobs(counts, is_calibrating=self.settings.calibrate)
        jobs[PAGE] += len(set(self.pages) - everyone.keys())
        return jobs

    def foreseen(self) -> tuple[list[Outcome], Counter[str]]:
        """How each visit would end, and how many jobs of each step are left to do.

        The content of scans is not looked at: a visit is taken for unchanged where all else is
        as it was.

        Returns
        -------
        outcomes : list of Outcome
            One per visit: planned, unchanged, or failed with the reason.
        left : Counter of str
            Jobs by step.
        """
        outcomes: list[Outcome] = []
        left = self.expected()
        for own in by_subject(self.asked).values():
            some = [_foreseen(job) for job in self._jobs_of(own)]
            outcomes += some
            left[PAIR] -= self._compared(some)
        left[VISIT] -= sum(outcome.state != PLANNED for outcome in outcomes)
        left[PAGE] = min(left[PAGE], left[VISIT] + left[PAIR])
        return outcomes, left

    def _jobs_of(self, visits: Sequence[Visit]) -> list[Job]:
        return find_visit_jobs(visits, **self.where, masks=self.masks, anatomy=self.anatomy)

    def _of(self, subject: str) -> Ratings:
        return self._ratings_of.get(subject, Ratings(folders=self.ratings.folders))

    def _compared(self, outcomes: Sequence[Outcome]) -> int:
        """Pairs of one person that an older run has compared, of visits that did not change."""
        visits = [one.job.visit for one in outcomes if one.state == UNCHANGED]
        records = [finished_visit(self.output, visit) for visit in visits]
        pairs = pairs_of([record for record in records if record])
        return sum(pair_path(self.output, pair).is_file() for pair in pairs)


def by_subject(visits: Sequence[Visit]) -> dict[str, list[Visit]]:
    """Visits of each subject.

    Parameters
    ----------
    visits : sequence of Visit
        In any order.

    Returns
    -------
    dict of str to list of Visit
    """
    found: dict[str, list[Visit]] = {}
    for visit in visits:
        found.setdefault(visit.subject, []).append(visit)
    return found


def _foreseen(job: Job) -> Outcome:
    """State of a visit in a dry run."""
    if job.visit.problem:
        return Outcome(job, FAILED, DatasetError.__name__, job.visit.problem)
    return Outcome(job, UNCHANGED if seems_finished(job) else PLANNED)
