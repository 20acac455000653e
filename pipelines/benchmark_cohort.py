"""What the runner itself costs on many visits, whose work is only pretended.

    mslesion sample_data template participant
    python pipelines/benchmark_cohort.py template --people 25 250 2500 [--n-jobs 2]

The template is an output folder with a compared pair. Every pretended visit and pair writes a
record with the rows of the template, its lesions repeated up to 30, and one of its pictures.
Scans are files of a few bytes. Everything else is done as in a real run: fingerprints, records,
locks, criteria and pages, tables, the page of the cohort. With --pretend-pages, criteria and pages
are copied from the first participant, too.

Each size is measured in a new process. Its lines are the time on the clock and that of the
processors in all processes, which does not depend on what else the machine does; and the most
memory that the process of the run itself ever had.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mslesion import find_visits, run_dataset
from mslesion.io.nifti import write_bytes
from mslesion.io.tables import write_json
from mslesion.pipeline.dataset import run
from mslesion.pipeline.dataset.jobs import PAGE, PAIR, VISIT, Job, Outcome, do_job
from mslesion.pipeline.dataset.participant import page_path, participant_path
from mslesion.pipeline.pair.records import pair_path
from mslesion.pipeline.visit.records import PART_SUFFIX, record_path
from mslesion.reports.parts import part_from

SESSIONS = 4
"""Visits of each person."""
LESIONS = 30
"""Lesions of each visit and pair."""
PICTURES = 1
"""Pictures of each visit and pair, about 100 kB."""
FIRST = f"{0:05d}"
"""Label of the first participant."""
TEMPLATE = "template"
"""Folder beside the input from which the pretended work takes its records."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("template", type=Path)
    parser.add_argument("--people", type=int, nargs="+", default=[25, 250])
    parser.add_argument("--n-jobs", type=int, default=2)
    parser.add_argument("--pretend-pages", action="store_true", help="copy the first page")
    parser.add_argument("--folder", type=Path, help="where to work (default: a temporary folder)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        measure(options)
        return
    for people in options.people:
        given = [options.template, "--people", people, "--n-jobs", options.n_jobs, "--one"]
        given += ["--folder", options.folder] if options.folder else []
        given += ["--pretend-pages"] if options.pretend_pages else []
        subprocess.run([sys.executable, __file__, *map(str, given)], check=True)


def measure(options: argparse.Namespace) -> None:
    """All figures of one size."""
    (people,) = options.people
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="cohort_"))
    try:
        root, output = folder / "in", folder / "out"
        write_templates(options.template, folder / TEMPLATE)
        for number in range(people):
            write_person(root, f"{number:05d}")
        visits = people * SESSIONS
        print(f"{visits} visits of {people} people")
        run.do_job = do_pretended
        do = {"n_jobs": options.n_jobs}
        if options.pretend_pages:
            run_dataset(root, output, participants=FIRST)
            write_page_template(output, folder / TEMPLATE)
        timed("discovery", lambda: find_visits(root))
        seconds = timed("whole run", lambda: run_dataset(root, output, **do))
        print(f"  {'a visit':<24}{'':11}{seconds / visits:10.3f} s of processors")
        timed("rerun, nothing to do", lambda: run_dataset(root, output, **do))
        timed("group level", lambda: run_dataset(root, output, level="group", **do))
        write_person(root, "new")
        timed("one more participant", lambda: run_dataset(root, output, participants="new"))
        timed("the same again", lambda: run_dataset(root, output, participants="new"))
        timed("dry run", lambda: run_dataset(root, output, dry_run=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"  {'memory of the run':<24}{peak:9.2f} GiB", flush=True)
    finally:
        shutil.rmtree(folder)


def timed(what: str, work: Callable[[], object]) -> float:
    """Seconds of processors that something took, in all processes."""
    start, processors = time.perf_counter(), processor_seconds()
    work()
    wall, seconds = time.perf_counter() - start, processor_seconds() - processors
    print(f"  {what:<24}{wall:9.2f} s, {seconds:8.2f} s of processors", flush=True)
    return seconds


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def write_person(root: Path, subject: str) -> None:
    """Scans of a few bytes, and the dates of the visits."""
    for session in range(1, SESSIONS + 1):
        anat = root / f"sub-{subject}" / f"ses-{session}" / "anat"
        anat.mkdir(parents=True)
        for modality in ("FLAIR", "T1w"):
            name = f"sub-{subject}_ses-{session}_{modality}.nii.gz"
            (anat / name).write_bytes(name.encode())
    rows = [f"ses-{session}\t{2015 + session}-06-01" for session in range(1, SESSIONS + 1)]
    table = root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
    table.write_text("\n".join(["session_id\tacq_time", *rows]) + "\n")


def write_templates(template: Path, folder: Path) -> None:
    """The records and pictures that each pretended job writes."""
    folder.mkdir()
    for step in (VISIT, PAIR):
        path = sorted((template / "logs" / f"{step}s").glob("*/*.json"))[0]
        record = json.loads(path.read_text("utf-8"))
        rows = record["lesions"]
        number = "lesion_id" if step == VISIT else "group_id"
        record["lesions"] = [rows[n % len(rows)] | {number: n + 1} for n in range(LESIONS) if rows]
        if step == VISIT:
            record["visits"][0]["lesion_count"] = LESIONS
        write_json(record, folder / f"{step}.json")
        part = part_from(path.with_suffix(PART_SUFFIX).read_text("utf-8"))
        kept = replace(part, pictures=part.pictures[:PICTURES])
        (folder / f"{step}{PART_SUFFIX}").write_text(kept.to_text(), "utf-8")


def write_page_template(output: Path, folder: Path) -> None:
    """The rows and the page of the first participant, which each pretended page job writes."""
    shutil.copyfile(participant_path(output, FIRST), folder / f"{PAGE}.json")
    shutil.copyfile(page_path(output, FIRST), folder / f"{PAGE}.html")


def do_pretended(job: Job) -> Outcome:
    """As `do_job`, the work of visits and pairs apart, and that of pages if there is a template."""
    pretended = {VISIT: pretend_visit, PAIR: pretend_pair}
    if (job.output.parent / TEMPLATE / f"{PAGE}.json").exists():
        pretended[PAGE] = pretend_page
    work = pretended.get(job.step.name, job.step.work)
    return do_job(replace(job, step=replace(job.step, work=work)))


def pretend_visit(job: Job, made_from: dict, folder: Path) -> None:
    visit = job.visit
    record = json.loads((job.output.parent / TEMPLATE / f"{VISIT}.json").read_text("utf-8"))
    who = {"participant_id": f"sub-{visit.subject}", "session_id": f"ses-{visit.session}"}
    record |= {"subject": visit.subject, "session": visit.session, "made_from": made_from}
    for name in ("visits", "lesions", "quality"):
        record[name] = [row | who for row in record[name]]
    record["visits"][0]["visit_date"] = visit.facts.visit_date.isoformat()
    write(job, record, record_path(folder, visit))


def pretend_pair(job: Job, made_from: dict, folder: Path) -> None:
    pair = job.pair
    record = json.loads((job.output.parent / TEMPLATE / f"{PAIR}.json").read_text("utf-8"))
    who = {"session_from": pair.session_from, "session_to": pair.session_to}
    record |= {"subject": pair.subject, "made_from": made_from, **who}
    for name in ("lesions", "expansions"):
        record[name] = [row | who for row in record[name]]
    record["change"] |= who
    write(job, record, pair_path(folder, pair))


def pretend_page(job: Job, made_from: dict, folder: Path) -> None:
    templates, subject = job.output.parent / TEMPLATE, job.visit.subject
    texts = ((templates / f"{PAGE}.{end}").read_text("utf-8") for end in ("json", "html"))
    record, page = (text.replace(f"sub-{FIRST}", f"sub-{subject}") for text in texts)
    write_bytes(page.encode(), page_path(folder, subject))
    record = json.loads(record) | {"subject": subject, "made_from": made_from}
    write_json(record, participant_path(folder, subject))


def write(job: Job, record: dict, path: Path) -> None:
    write_json(record, path)
    part = job.output.parent / TEMPLATE / f"{job.step.name}{PART_SUFFIX}"
    shutil.copyfile(part, path.with_suffix(PART_SUFFIX))


if __name__ == "__main__":
    main()
