"""The command: parses its arguments, calls `run_dataset`, reports."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

from mslesion.pipeline.dataset.engines import ENGINES, LOCAL
from mslesion.pipeline.dataset.local import AUTO

DONE, UNUSABLE, SOME_FAILED, UNFINISHED, INTERRUPTED = 0, 2, 3, 4, 130
"""Exit codes: all done; unusable arguments or input; some visits or pairs failed; the run ended
before its end, as the output cannot be written or the cluster is lost; stopped by Ctrl-C (128 and
the number of the signal, as shells have it)."""


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments.

    Returns
    -------
    ArgumentParser
    """
    parser = argparse.ArgumentParser(
        prog="mslesion",
        description="Turn brain MRI of people with multiple sclerosis into biomarkers. "
        "Research use only.",
        epilog="A TOML file can also set these options; see the documentation.",
    )
    add = parser.add_argument
    add("bids_dir", metavar="BIDS_DIR", help="BIDS dataset, or a folder tree PATIENT/VISIT/scans")
    add("output_dir", metavar="OUTPUT_DIR", help="folder for the results")
    add(
        "level",
        choices=("participant", "group"),
        help="participant: process and compare the visits, then write pages and, unless labels "
        "are given, the tables; group: pages and tables from what is finished",
    )
    add(
        "--participant-label",
        "--participant_label",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="process only these participants, with or without sub-; writes no tables of the "
        "dataset, so that many such runs can write into one OUTPUT_DIR at once",
    )
    add(
        "--session-label",
        "--session_label",
        "--session-id",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="process only these sessions, with or without ses-",
    )
    add(
        "--lesion-masks", metavar="DIR", help="folder of lesion masks that replace the segmentation"
    )
    add(
        "--anatomy",
        metavar="DIR",
        help="take the anatomy from label maps in here (FreeSurfer, SynthSeg, DLMUSE, ...)",
    )
    add(
        "--anatomy-labels",
        choices=("auto", "freesurfer", "dlmuse", "mslesion"),
        help="whose numbers these label maps have (default: auto)",
    )
    add(
        "--ratings",
        nargs="+",
        default=[],
        metavar="PATH",
        help="more clinical data and ratings: CSV files or folders (those in BIDS_DIR are read)",
    )
    add(
        "--resample-masks",
        action="store_true",
        default=None,
        help="bring given masks to the FLAIR's grid where they are on another",
    )
    add(
        "--skull-stripped",
        choices=("auto", "yes", "no"),
        help="whether the scans are skull-stripped (default: auto)",
    )
    add(
        "--lesion-network",
        metavar="NAME",
        help="lesion network: mslesion (default), an .onnx file, or package.module:attribute",
    )
    add(
        "--lesion-threshold",
        type=float,
        metavar="P",
        help="lesion probability at which the rules of the lesion network cut the mask; a lower "
        "one never gives a smaller mask (0.01 to 0.99; default: 0.5)",
    )
    add("--min-size", metavar="NAME", help="minimum lesion size (default: clinical3mm)")
    add(
        "--location-scheme", metavar="NAME", help="rule for the location classes (default: contact)"
    )
    add(
        "--contact-mm",
        type=float,
        metavar="MM",
        help="largest distance at which a lesion touches a structure (default: 2)",
    )
    add("--change-rule", metavar="NAME", help="rule for enlarging lesions (default: radial)")
    add(
        "--calibrate",
        action="store_true",
        default=None,
        help="measure how much of a known change is found in each patient",
    )
    add(
        "--no-viewer",
        dest="viewer",
        action="store_false",
        default=None,
        help="leave the viewer of the scans out of the pages, which makes them smaller",
    )
    add(
        "--prefer",
        metavar="TEXT",
        help="of several scans of one modality take one named so",
    )
    add("--settings", metavar="FILE.toml", help="file of settings; flags override it")
    add(
        "--n-jobs",
        "--n_jobs",
        "--nprocs",
        type=_number_of_jobs,
        default=AUTO,
        metavar="N",
        help="jobs at a time: visits, and pairs of visits (default: auto, as many as the cores and "
        "the memory in view allow)",
    )
    add(
        "--executor",
        choices=tuple(ENGINES),
        default=LOCAL,
        help="where the jobs are done: local, in processes on this machine (default: local); dask, "
        "on a running Dask cluster; or workers submitted to a batch system",
    )
    add("--scheduler", metavar="ADDRESS", help="with dask: its scheduler, such as tcp://host:8786")
    add(
        "--job-walltime",
        metavar="TIME",
        help="with a batch system: longest time of one worker, HH:MM:SS",
    )
    add("--job-memory", metavar="SIZE", help="with dask or a batch system: memory a job, as 4GB")
    add(
        "--skip-bids-validation",
        action="store_true",
        help="accepted for compatibility, without effect",
    )
    add("--dry-run", action="store_true", help="list the visits and the time left, and exit")
    add("-v", "--verbose", action="count", default=0, help="log progress; twice: log everything")
    add("--version", action="version", version=f"mslesion {version('mslesion')}")
    return parser  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit code: `DONE`, `UNUSABLE`, `SOME_FAILED`, `UNFINISHED` or `INTERRUPTED`.
    """
    options = build_parser().parse_args(argv)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbose, 2)]
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    from mslesion.errors import ExecutorError, MSLesionError, OutputError

    try:
        return _run(options)
    except MSLesionError as error:
        print(f"mslesion: {error}", file=sys.stderr)
        return UNFINISHED if isinstance(error, ExecutorError | OutputError) else UNUSABLE
    except KeyboardInterrupt:
        print(
            "mslesion: stopped; finished visits are kept. Run the command again to continue.",
            file=sys.stderr,
        )
        return INTERRUPTED


def _number_of_jobs(text: str) -> int | str:
    """A number of jobs, or `AUTO`."""
    return AUTO if text == AUTO else int(text)


def _run(options: argparse.Namespace) -> int:
    """Call `run_dataset` as the arguments say, and report."""
    from mslesion.io.tables import rows_of
    from mslesion.pipeline.dataset.run import GROUP_LEVEL, run_dataset
    from mslesion.pipeline.settings import Settings, read_settings

    given = {name: getattr(options, name, None) for name in Settings.__dataclass_fields__}
    summary = run_dataset(
        options.bids_dir,
        options.output_dir,
        level=options.level,
        participants=options.participant_label,
        sessions=options.session_label,
        lesion_masks=options.lesion_masks,
        anatomy=options.anatomy,
        ratings=options.ratings,
        settings=read_settings(options.settings, **given),
        executor=options.executor,
        scheduler=options.scheduler,
        job_walltime=options.job_walltime,
        job_memory=options.job_memory,
        n_jobs=options.n_jobs,
        progress=sys.stderr.isatty(),
        dry_run=options.dry_run,
    )
    if options.dry_run:
        for row in rows_of(summary.outcomes):
            name = "_".join(filter(None, (row["participant_id"], row["session_id"])))
            print(name, row["inputs"] or "", row["state"], row["reason"] or "", sep="\t")
        print(summary.left, file=sys.stderr)
        return DONE
    if options.level != GROUP_LEVEL:
        is_part = options.participant_label or options.session_label
        where = f"tables in {summary.output_dir}"
        if is_part:
            where = f"results in {summary.output_dir}. Run the group level for the tables"
        print(f"{summary.text}; {where}", file=sys.stderr)
    if summary.failures_text:
        print(summary.failures_text, file=sys.stderr)
    return SOME_FAILED if len(summary.failed) else DONE
