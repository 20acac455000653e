"""A run without its work: a dataset of empty files, and jobs that only leave a record."""

import json
from pathlib import Path

from mslesion.pipeline.dataset.jobs import PAGE, VISIT, Job, Outcome, do_job
from mslesion.pipeline.pair.records import Pair
from mslesion.pipeline.visit.records import RECORD_KEYS, part_path, record_path
from mslesion.reports.parts import Part


class StandIn:
    """Instead of `do_job`: a visit leaves its record and fails for subjects named bad; a pair
    fails if its second session is named odd. Pages are made."""

    def __init__(self) -> None:
        self.seen: list[Job] = []
        """Visits that were done."""
        self.pairs: list[Pair] = []
        """Pairs that were compared."""

    def __call__(self, job: Job) -> Outcome:
        if job.step.name == PAGE:
            return do_job(job)
        if job.step.name == VISIT:
            return self._visit(job)
        if job.pair is not None:
            self.pairs.append(job.pair)
            if job.visit.session.startswith("odd"):
                return Outcome(job, "failed", "ImageError", "A map is odd. Look at it.")
        return Outcome(job, "done")

    def _visit(self, job: Job) -> Outcome:
        visit = job.visit
        self.seen.append(job)
        if visit.problem or visit.subject.startswith("bad"):
            reason = visit.problem or "The scan is odd. Look at it."
            return Outcome(job, "failed", "StepError", reason)
        who = {
            "participant_id": visit.subject,
            "session_id": visit.session or None,
            "visit_date": visit.facts.visit_date and visit.facts.visit_date.isoformat(),
            "lesion_volume_ml": 1.0,
        }
        record = {key: [] for key in RECORD_KEYS} | {
            "subject": visit.subject, "session": visit.session, "visits": [who]
        }  # fmt: skip
        path = record_path(job.output, visit)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
        part_path(job.output, visit).write_text(Part(methods="part").to_text())
        return Outcome(job, "done")


def bids(root: Path, *names: str) -> Path:
    """A BIDS dataset of empty files; names such as 01/1."""
    for name in names:
        subject, _, session = name.partition("/")
        folder = root / f"sub-{subject}" / (f"ses-{session}" if session else "") / "anat"
        folder.mkdir(parents=True)
        start = f"sub-{subject}" + (f"_ses-{session}" if session else "")
        (folder / f"{start}_FLAIR.nii.gz").touch()
        (folder / f"{start}_T1w.nii.gz").touch()
    return root
