"""A run over a dataset: its visits, its pairs of visits, and the merged tables and pages."""

import logging
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from mslesion.clinical.ratings import dataset_ratings
from mslesion.errors import DatasetError, OutputError, SettingsError
from mslesion.io.anatomy_files import anatomy_folder
from mslesion.io.dataset import find_visits, keep_labelled
from mslesion.io.derivatives import write_dataset
from mslesion.io.lesion_masks import mask_folder
from mslesion.io.publishing import made_folder, remove_abandoned
from mslesion.pipeline.dataset.engines import check_n_jobs, open_workers
from mslesion.pipeline.dataset.failures import forget_participants, merge_failures, note_outcome
from mslesion.pipeline.dataset.jobs import FAILED, PAIR, UNCHANGED, VISIT, Outcome, do_job
from mslesion.pipeline.dataset.local import jobs_here
from mslesion.pipeline.dataset.merge import (
    has_outputs,
    merge_participants,
    recorded_subjects,
    recorded_visits,
    remove_participants,
)
from mslesion.pipeline.dataset.plan import RunPlan
from mslesion.pipeline.dataset.progress import Progress, durations, in_words, seconds_of
from mslesion.pipeline.dataset.ratings import check_ratings, check_visits
from mslesion.pipeline.dataset.schedule import run_plans
from mslesion.pipeline.dataset.summary import RunSummary, summary_of
from mslesion.pipeline.dataset.workers import EngineOptions
from mslesion.pipeline.pair.jobs import VISITS_READ
from mslesion.pipeline.settings import Settings
from mslesion.schema.ratings import Ratings
from mslesion.schema.version import package_version
from mslesion.segmentation.lesions.choose import find_lesion_network

log = logging.getLogger(__name__)

PARTICIPANT_LEVEL, GROUP_LEVEL = "participant", "group"
"""What a run does: the visits, their pairs and the merging; or pages and merging alone."""


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
    scheduler: str | None = None,
    job_walltime: str | None = None,
    job_memory: str | None = None,
    n_jobs: int | str | None = None,
    progress: bool = False,
    dry_run: bool = False,
) -> RunSummary:
    """Measure all visits of a dataset, compare those of each person, and write the tables.

    What is finished and unchanged since an older run is not done again. A visit or pair that
    fails costs only itself. Several runs may write into one output folder at once; those of some
    participants or sessions write their records, maps and pages, and leave the tables of the
    dataset to a run of everyone or at group level.

    Parameters
    ----------
    bids_dir : str or Path
        A BIDS dataset, or a plain tree ``PATIENT/VISIT/scans``. It is only read.
    output_dir : str or Path
        Where the results go: a BIDS derivatives dataset with tables at its root.
    level : {"participant", "group"}
        "participant" processes visits and pairs, and merges the tables if these are all of the
        dataset; "group" makes pages and tables from what older runs have left.
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
        Where the jobs are done: ``local`` (the default), ``dask``, ``slurm``, ``pbs``, ``sge``,
        ``lsf``, or any executor whose workers see the same folders under the same paths.
    scheduler : str, optional
        Address of the scheduler, with ``dask``.
    job_walltime, job_memory : str, optional
        Longest time (``HH:MM:SS``) and memory (``4GB``) of a worker, with a batch system; with
        ``dask`` the memory that a job takes of its worker. By default as configured there.
    n_jobs : int or "auto", optional
        Jobs at a time: by default one on this machine, and as many as its workers take on a Dask
        cluster; as many as the cores and the memory in view allow, if "auto". With more than one
        on this machine, a script needs the usual ``if __name__ == "__main__":``. With a batch
        system, the number of workers to submit, which must be given.
    progress : bool
        Whether to draw a bar.
    dry_run : bool
        Only list the work: one row per visit, and nothing is written. `RunSummary.left` says
        what there is to do and about how long it takes.

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
        If clinical data are wrong, or contradict the dataset; at group level, what contradicts
        the visits of a participant fails its page alone.
    OutputError
        If the tables cannot be written.
    ExecutorError
        If the cluster does not take the jobs, or is lost. What is finished is kept.
    MissingToolError
        If the executor's packages are not installed.

    Examples
    --------
    >>> from mslesion import Settings, run_dataset
    >>> summary = run_dataset("bids", "results", settings=Settings(min_size="msseg"), n_jobs=4)
    ... # doctest: +SKIP
    >>> summary.failed[["participant_id", "session_id", "reason"]]  # doctest: +SKIP
    """
    root, output = Path(bids_dir), Path(output_dir)
    if level not in (PARTICIPANT_LEVEL, GROUP_LEVEL):
        raise SettingsError(
            f"The level is {level!r}, but {PARTICIPANT_LEVEL} or {GROUP_LEVEL} is expected. "
            "Choose one of them."
        )
    asked = {"participants": _several(participants), "sessions": _several(sessions)}
    where: dict[str, Any] = {"root": root, "output": output, "settings": settings or Settings()}
    where["ratings"] = dataset_ratings(root, _several(ratings), participants=asked["participants"])
    if level == GROUP_LEVEL:
        plan = _group_plan(**where, is_dry=dry_run)
    else:
        plan = _participant_plan(**where, **asked, lesion_masks=lesion_masks, anatomy=anatomy)
    check_n_jobs(n_jobs)
    if dry_run:
        outcomes, left = plan.foreseen()
        text = _left(plan, outcomes, left, n_jobs=jobs_here(n_jobs))
        return summary_of([one.row() for one in outcomes], output, left=text)
    rows: list[dict] = []
    options = EngineOptions(
        n_jobs=n_jobs,
        scheduler=scheduler,
        job_walltime=job_walltime,
        job_memory=job_memory,
        folders=(root, output, *map(Path, filter(None, (lesion_masks, anatomy)))),
        logs=output / "logs" / "workers",
    )
    with open_workers(executor, options) as workers:
        made_folder(output)  # workers elsewhere look whether they see it
        with Progress(plan.expected(), output=output, is_shown=progress) as so_far:

            def finish(outcome: Outcome) -> None:
                rows.append(outcome.row())
                so_far.take(outcome)
                try:
                    note_outcome(outcome, output)
                except OutputError as error:  # a full disk ends no run; the summary tells
                    log.error("%s", error)

            run_plans(plan.plans(), workers, work=do_job, finish=finish)
    VISITS_READ.clear()
    end_run(plan, is_whole=level == GROUP_LEVEL or not any(asked.values()))
    return summary_of(rows, output)


def _group_plan(*, output: Path, ratings: Ratings, is_dry: bool, **where) -> RunPlan:
    """What a run at group level has to do."""
    if not is_dry and not has_outputs(output):
        raise DatasetError(
            f"{output} has no finished visit, but finished visits are merged. Run the "
            "participant level first."
        )
    check_visits(ratings, recorded_visits(output))
    return RunPlan(**where, output=output, ratings=ratings, pages=recorded_subjects(output))


def _participant_plan(
    *, root: Path, output: Path, participants, sessions, lesion_masks, anatomy, settings, ratings
) -> RunPlan:
    """What a run at participant level has to do."""
    if output.resolve() == root.resolve():
        raise DatasetError(
            f"{output} is also the input, but scans are never modified. Choose another OUTPUT_DIR."
        )
    find_lesion_network(settings.lesion_network)  # what cannot be found fails the run, not visits
    # Each visit is compared with those of older runs too, not only with those of this one
    everyone = find_visits(root, participants=participants, prefer=settings.prefer, ratings=ratings)
    asked = keep_labelled(everyone, sessions, attribute="session", root=root)
    check_ratings(ratings, everyone)
    return RunPlan(
        root=root,
        output=output,
        settings=settings,
        ratings=ratings,
        visits=everyone,
        asked=asked,
        pages=() if participants or sessions else recorded_subjects(output),
        masks=None if lesion_masks is None else mask_folder(lesion_masks),
        anatomy=None if anatomy is None else anatomy_folder(anatomy),
    )


def end_run(plan: RunPlan, *, is_whole: bool) -> None:
    """Do what comes once, after all jobs: merge tables, and remove what is left of older runs.

    Parameters
    ----------
    plan : RunPlan
        Of the run.
    is_whole : bool
        Whether it is about all participants; else the tables are left as they are.

    Raises
    ------
    DatasetError
        If a record cannot be read.
    OutputError
        If a table cannot be written.
    """
    output = plan.output
    if is_whole:
        remove_participants(output, keep=set(recorded_subjects(output)))
    if is_whole and plan.visits:  # at group level the input is not looked at
        forget_participants(output, but={visit.subject for visit in plan.visits})
    merge_failures(output)
    if has_outputs(output):
        _write_root(plan, is_whole=is_whole)
    remove_abandoned(output)


def _write_root(plan: RunPlan, *, is_whole: bool) -> None:
    """Write the files at the root of the output."""
    output = plan.output
    link = os.path.relpath(plan.root, output)  # an absolute path would tell of the machine
    write_dataset(output, version=package_version(), raw=link)
    if is_whole:
        merge_participants(output)


def _left(plan: RunPlan, outcomes: Sequence[Outcome], left: Counter[str], *, n_jobs: int) -> str:
    """What is done already, and about how long the rest takes."""
    jobs = plan.expected()
    states = Counter(outcome.state for outcome in outcomes)
    known = durations(plan.output)
    basis = "as in the latest runs" if known else "by round numbers for scans of 1 mm"
    time_left = in_words(seconds_of(left, known) / n_jobs)
    return (
        f"{jobs[VISIT]} visits ({states[UNCHANGED]} done, {states[FAILED]} unusable), "
        f"{jobs[PAIR]} pairs ({jobs[PAIR] - left[PAIR]} done); about {time_left} left with "
        f"{n_jobs} at a time, {basis}"
    )


def _several(one_or_more) -> tuple:
    """One value or several, as several."""
    return (one_or_more,) if isinstance(one_or_more, str | Path) else tuple(one_or_more)
