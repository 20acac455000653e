"""A run over a dataset: its visits, its pairs of visits, and the merged tables and pages."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from mslesion.clinical.ratings import dataset_ratings
from mslesion.errors import DatasetError, SettingsError
from mslesion.io.anatomy_files import anatomy_folder
from mslesion.io.dataset import Visit, find_visits, keep_labelled
from mslesion.io.lesion_masks import mask_folder
from mslesion.io.tables import write_tsv
from mslesion.pipeline.dataset.engines import EngineOptions, open_workers
from mslesion.pipeline.dataset.jobs import (
    CALIBRATION,
    DONE,
    FAILED,
    PAIR,
    PLANNED,
    UNCHANGED,
    VISIT,
    Job,
    Outcome,
    do_job,
)
from mslesion.pipeline.dataset.merge import has_outputs, write_group
from mslesion.pipeline.dataset.person import PersonPlan
from mslesion.pipeline.dataset.ratings import check_ratings
from mslesion.pipeline.dataset.schedule import run_plans
from mslesion.pipeline.pair.jobs import VISITS_READ
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.jobs import find_visit_jobs
from mslesion.schema import FAILURES, OUTCOMES, TABLES, as_table
from mslesion.segmentation.lesions.choose import find_lesion_network

log = logging.getLogger(__name__)

PARTICIPANT_LEVEL, GROUP_LEVEL = "participant", "group"
"""What a run does: the visits, their pairs and the merging; or the merging alone."""
COUNTED_AS = {VISIT: "visits done", PAIR: "pairs compared", CALIBRATION: "patients calibrated"}
"""How `RunSummary.text` counts the jobs of each step."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did, and where its results are."""

    outcomes: pd.DataFrame
    """One row per job with the columns of `mslesion.schema.OUTCOMES`; empty at group level."""
    output_dir: Path
    tables: Mapping[str, Path]
    """The merged tables that there are, by name."""
    pages: Mapping[str, Path]
    """The page of each participant by its identifier, such as ``sub-01``."""

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of `outcomes` of jobs that failed; ``logs/failures.tsv`` has them too."""
        return self.outcomes[self.outcomes["state"] == FAILED].reset_index(drop=True)

    @property
    def text(self) -> str:
        """One line: how many jobs of each step are finished; empty without jobs."""
        counts = []
        for step, what in COUNTED_AS.items():
            states = self.outcomes.loc[self.outcomes["step"] == step, "state"]
            if len(states):
                finished = int(states.isin((DONE, UNCHANGED)).sum())
                counts.append(f"{finished} of {len(states)} {what}")
        return ", ".join(counts)


def run_dataset(
    bids_dir: str | Path,
    output_dir: str | Path,
    *,
    level: str = PARTICIPANT_LEVEL,
    participants: str | Sequence[str] = (),
    sessions: str | Sequence[str] = (),
    lesion_masks: str | Path | None = None,
    anatomy: str | Path | None = None,
    ratings: str | Path | Sequence[str | Path] = (),
    settings: Settings | None = None,
    executor: str | Executor | None = None,
    n_jobs: int | str = 1,
    progress: bool = False,
    dry_run: bool = False,
) -> RunSummary:
    """Measure all visits of a dataset, compare those of each person, and write the tables.

    What is finished and unchanged since an older run is not done again. A visit or pair that
    fails costs only itself.

    Parameters
    ----------
    bids_dir : str or Path
        A BIDS dataset, or a plain tree ``PATIENT/VISIT/scans``. It is only read.
    output_dir : str or Path
        Where the results go: a BIDS derivatives dataset with tables at its root.
    level : {"participant", "group"}
        "participant" processes the visits and pairs, then merges the tables; "group" only merges
        what older runs have left.
    participants, sessions : str or sequence of str
        Only these labels, with or without ``sub-`` and ``ses-``; all if empty.
    lesion_masks : str or Path, optional
        A folder of lesion masks that are used instead of finding lesions.
    anatomy : str or Path, optional
        A folder of label maps of the anatomy that are used instead of finding structures.
    ratings : str, Path or sequence of them
        More CSV files, or folders of them, with clinical data; those of the dataset
        are always read.
    settings : Settings, optional
        By default those of `Settings`.
    executor : str or concurrent.futures.Executor, optional
        Where the jobs are done: the name of an engine, by default ``local``, or any executor whose
        workers see the same folders under the same paths.
    n_jobs : int or "auto"
        Jobs at a time: as many as the cores and the memory in view allow, if "auto". With more
        than one, a script needs the usual ``if __name__ == "__main__":``.
    progress : bool
        Whether to draw a bar.
    dry_run : bool
        Only list the work: one row per visit, and nothing is written.

    Returns
    -------
    RunSummary

    Raises
    ------
    DatasetError
        If a folder is missing, holds nothing that can be used, or is both input and output;
        at group level, if no visit is finished.
    SettingsError
        If `level`, `executor` or `n_jobs` cannot be, or the settings name no lesion network.
    TableError
        If clinical data are wrong, or contradict the dataset.
    OutputError
        If the tables cannot be written.

    Examples
    --------
    >>> from mslesion import Settings, run_dataset
    >>> summary = run_dataset("bids", "results", settings=Settings(min_size="msseg"), n_jobs=4)
    ... # doctest: +SKIP
    >>> summary.failed[["participant_id", "session_id", "reason"]]  # doctest: +SKIP
    """
    root, output = Path(bids_dir), Path(output_dir)
    settings = settings or Settings()
    if level not in (PARTICIPANT_LEVEL, GROUP_LEVEL):
        raise SettingsError(
            f"The level is {level!r}, but {PARTICIPANT_LEVEL} or {GROUP_LEVEL} is expected. "
            "Choose one of them."
        )
    facts = dataset_ratings(root, _several(ratings))
    if level == GROUP_LEVEL:
        if not dry_run:
            write_group(output, raw=str(root), ratings=facts)
        return _summary([], output)
    if output.resolve() == root.resolve():
        raise DatasetError(
            f"{output} is also the input, but scans are never modified. Choose another OUTPUT_DIR."
        )
    find_lesion_network(settings.lesion_network)  # what cannot be found fails the run, not visits
    # Each visit is compared with those of older runs too, not only with those of this one
    everyone = find_visits(
        root, participants=_several(participants), prefer=settings.prefer, ratings=facts
    )
    visits = keep_labelled(everyone, _several(sessions), attribute="session", root=root)
    check_ratings(facts, everyone)
    masks = None if lesion_masks is None else mask_folder(lesion_masks)
    label_maps = None if anatomy is None else anatomy_folder(anatomy)
    where: dict[str, Any] = {"root": root, "output": output, "settings": settings}
    asked = by_subject(visits)

    def jobs_of(subject: str) -> list[Job]:
        own = asked.get(subject, [])
        return find_visit_jobs(own, **where, masks=masks, anatomy=label_maps)

    if dry_run:
        return _summary([_foreseen(job) for subject in asked for job in jobs_of(subject)], output)
    plans = (
        PersonPlan(jobs_of(subject), own, **where) for subject, own in by_subject(everyone).items()
    )
    outcomes: list[Outcome] = []
    with (
        open_workers(executor, EngineOptions(n_jobs=n_jobs)) as workers,
        tqdm(disable=not progress, unit="job") as bar,
    ):

        def finish(outcome: Outcome) -> None:
            outcomes.append(outcome)
            bar.update()
            log.log(logging.ERROR if outcome.state == FAILED else logging.INFO, outcome.text)

        run_plans(plans, workers, work=do_job, finish=finish)
    VISITS_READ.clear()
    write_failures(outcomes, output)
    if has_outputs(output):
        write_group(output, raw=str(root), ratings=facts)
    return _summary(outcomes, output)


def write_failures(outcomes: Sequence[Outcome], output: Path) -> None:
    """Write ``logs/failures.tsv``: one row per failed visit or pair, none if all went well.

    Parameters
    ----------
    outcomes : sequence of Outcome
        Of this run.
    output : Path
        The output dataset.
    """
    rows = []
    for row in (outcome.row() for outcome in outcomes if outcome.state == FAILED):
        start = "Calibration: " if row["step"] == CALIBRATION else ""
        kept = {name: row.get(name) for name in FAILURES.names}
        rows.append(kept | {"reason": start + row["reason"]})
    write_tsv(as_table(rows, FAILURES), output / "logs" / "failures.tsv")


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


def _several(one_or_more) -> tuple:
    """One value or several, as several."""
    return (one_or_more,) if isinstance(one_or_more, str | Path) else tuple(one_or_more)


def _foreseen(job: Job) -> Outcome:
    """State of a job in a dry run: planned, or the reason why it will fail."""
    if job.visit.problem:
        return Outcome(job, FAILED, DatasetError.__name__, job.visit.problem)
    return Outcome(job, PLANNED)


def _summary(outcomes: Sequence[Outcome], output: Path) -> RunSummary:
    """What the outcomes were, and which results there are now."""
    tables = {table.name: output / f"{table.name}.csv" for table in TABLES}
    return RunSummary(
        outcomes=as_table([outcome.row() for outcome in outcomes], OUTCOMES),
        output_dir=output,
        tables={name: path for name, path in tables.items() if path.is_file()},
        pages={path.stem: path for path in sorted(output.glob("sub-*.html"))},
    )
