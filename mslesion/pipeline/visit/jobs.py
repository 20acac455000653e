"""Visits as jobs: which there are, and how one is done."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.anatomy_files import find_anatomy
from mslesion.io.dataset import Visit
from mslesion.io.lesion_masks import find_lesion_mask
from mslesion.io.nifti import load_mask, load_scan
from mslesion.io.visit_files import ImageFolder
from mslesion.pipeline.dataset.jobs import VISIT, Job, Step
from mslesion.pipeline.pair.jobs import VISITS_READ
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.outputs import clear_visit, write_visit
from mslesion.pipeline.visit.process import process_visit
from mslesion.pipeline.visit.records import check_record, fingerprint, hash_of, record_path
from mslesion.schema.modalities import reference_of
from mslesion.segmentation.lesions.choose import find_lesion_network


def find_visit_jobs(
    visits: Sequence[Visit],
    *,
    root: Path,
    output: Path,
    settings: Settings,
    masks: ImageFolder | None = None,
    anatomy: ImageFolder | None = None,
) -> list[Job]:
    """A job for each visit.

    Parameters
    ----------
    visits : sequence of Visit
        What to do.
    root : Path
        The input dataset.
    output : Path
        The output dataset.
    settings : Settings
        Of the run.
    masks : ImageFolder, optional
        Given lesion masks. A visit without one has a problem.
    anatomy : ImageFolder, optional
        Given label maps of the anatomy. A visit without one has a problem.

    Returns
    -------
    list of Job
    """
    jobs = []
    for visit in visits:
        given = {}
        try:
            if masks is not None and not visit.problem:
                given["mask"] = find_lesion_mask(masks, visit)
            if anatomy is not None and not visit.problem:
                given["label_map"] = find_anatomy(anatomy, visit)
        except DatasetError as error:
            visit = replace(visit, problem=str(error))
        jobs.append(Job(VISIT_STEP, (visit,), root, output, settings, **given))
    return jobs


def seems_finished(job: Job) -> bool:
    """Whether a visit is finished, as far as can be told without reading its scans.

    Parameters
    ----------
    job : Job
        Of a visit without a problem.

    Returns
    -------
    bool
        True where its record has everything but the content of the files as it would be now.
    """
    try:
        recorded = check_record(_record(job))["made_from"]
        expected = _fingerprint(job, content=_unread)
        return recorded | {"files": dict.fromkeys(recorded["files"], "")} == expected
    except (DatasetError, KeyError, TypeError):
        return False


def _unread(path: Path) -> str:  # noqa: ARG001
    """In place of the content of a file."""
    return ""


def _record(job: Job) -> Path:
    return record_path(job.output, job.visit)


def _fingerprint(job: Job, content: Callable[[Path], str] = hash_of) -> dict:
    """What a visit depends on; a visit with a problem has no fingerprint."""
    if job.visit.problem:
        raise DatasetError(job.visit.problem)
    given = {"lesion mask": job.mask.path} if job.mask else {}
    given |= {"anatomy": job.label_map} if job.label_map else {}
    network = None if job.mask else find_lesion_network(job.settings.lesion_network)
    return fingerprint(
        job.visit, settings=job.settings, lesion_network=network, given=given, content=content
    )


def _clear(job: Job) -> None:
    clear_visit(job.output, job.visit)


def _work(job: Job, made_from: dict, folder: Path) -> None:
    """Segment and measure a visit, and write what it gave."""
    visit, mask = job.visit, job.mask
    VISITS_READ.clear()  # a visit needs the memory
    given = {"anatomy": job.label_map} if job.label_map else {}
    if mask is None:
        scans = visit.scans
    else:  # the scans are read here, as the mask is held against them
        scans = {name: load_scan(path) for name, path in visit.scans.items()}
        like = None if job.settings.resample_masks else scans[reference_of(scans)]
        lesion_mask = load_mask(mask.path, like=like, label=mask.label)
        given |= {"lesion_mask": lesion_mask, "segmenter": (mask.maker, "")}
    result = process_visit(replace(visit, scans=scans), settings=job.settings, **given)
    write_visit(replace(result, visit=visit), folder, root=job.root, made_from=made_from)


VISIT_STEP = Step(VISIT, _record, check_record, _fingerprint, _clear, _work)
