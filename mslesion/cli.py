"""The command: parses its arguments, calls the workflow, reports."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import version

DONE, UNUSABLE, SOME_FAILED, INTERRUPTED = 0, 2, 3, 130
"""Exit codes: all done; unusable arguments or input; some visits or pairs failed; stopped by Ctrl-C
(128 and the number of the signal, as shells have it)."""


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
        epilog="Settings not named here can be given in a TOML file: see the documentation.",
    )
    add = parser.add_argument
    add("bids_dir", metavar="BIDS_DIR", help="BIDS dataset, or a plain tree PATIENT/VISIT/scans")
    add("output_dir", metavar="OUTPUT_DIR", help="where the results go")
    add(
        "level",
        choices=("participant", "group"),
        help="do the visits and compare them, or merge",
    )
    add(
        "--participant-label",
        "--participant_label",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="only these participants, with or without sub-",
    )
    add(
        "--session-label",
        "--session_label",
        "--session-id",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="only these sessions, with or without ses-",
    )
    add("--lesion-masks", metavar="DIR", help="take lesion masks from here instead of ours")
    add(
        "--ratings",
        nargs="+",
        default=[],
        metavar="PATH",
        help="more facts from outside: CSV files, or folders of them (BIDS_DIR's own are read)",
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
        help="whether the scans come without the skull (default: auto)",
    )
    add(
        "--lesion-threshold",
        type=float,
        metavar="P",
        help="probability from which a voxel is lesion (default: 0.5)",
    )
    add("--min-size", metavar="NAME", help="smallest lesion that counts (default: clinical3mm)")
    add("--location-scheme", metavar="NAME", help="rule of the location classes (default: contact)")
    add(
        "--contact-mm",
        type=float,
        metavar="MM",
        help="distance within which a lesion touches (default: 2)",
    )
    add("--change-rule", metavar="NAME", help="what is an enlarging lesion (default: radial)")
    add(
        "--calibrate",
        action="store_true",
        default=None,
        help="tell how much of a known change is found in each patient",
    )
    add("--prefer", metavar="TEXT", help="of several scans of one modality take the one named so")
    add("--settings", metavar="FILE.toml", help="settings by name; flags win over it")
    add(
        "--n-jobs",
        "--n_jobs",
        "--nprocs",
        type=int,
        default=1,
        metavar="N",
        help="visits at a time (default: 1)",
    )
    add("--skip-bids-validation", action="store_true", help="accepted; nothing is validated")
    add("--dry-run", action="store_true", help="list the visits and stop")
    add("-v", "--verbose", action="count", default=0, help="say more; twice: everything")
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
        Exit code: `DONE`, `UNUSABLE`, `SOME_FAILED` or `INTERRUPTED`.
    """
    options = build_parser().parse_args(argv)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbose, 2)]
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    from mslesion.errors import MSLesionError

    try:
        return _run(options)
    except MSLesionError as error:
        print(f"mslesion: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("mslesion: stopped; finished visits are kept. Run again to go on.", file=sys.stderr)
        return INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    """The work behind the parsed arguments."""
    from pathlib import Path

    from mslesion.clinical.ratings import dataset_ratings
    from mslesion.errors import DatasetError, SettingsError
    from mslesion.io.dataset import find_visits
    from mslesion.pipeline.dataset.calibration import find_calibration_jobs, process_calibration
    from mslesion.pipeline.dataset.jobs import Job, process_job, run_cohort, write_failures
    from mslesion.pipeline.dataset.merge import has_outputs, write_group
    from mslesion.pipeline.dataset.ratings import check_ratings
    from mslesion.pipeline.pair.jobs import find_pair_jobs, process_pair
    from mslesion.pipeline.settings import Settings, read_settings

    root, output = Path(options.bids_dir), Path(options.output_dir)
    if options.n_jobs < 1:
        raise SettingsError(f"--n-jobs is {options.n_jobs}, but 1 or more is expected. Correct it.")
    given = {name: getattr(options, name, None) for name in Settings.__dataclass_fields__}
    settings = read_settings(options.settings, **given)
    ratings = dataset_ratings(root, options.ratings)
    if options.level == "group":
        write_group(output, raw=str(root), ratings=ratings)
        return DONE
    if output.resolve() == root.resolve():
        raise DatasetError(
            f"{output} is the input too, but scans are never touched. Choose another OUTPUT_DIR."
        )
    everyone = find_visits(
        root,
        subjects=tuple(options.participant_label),
        prefer=settings.prefer,
        ratings=ratings,
    )
    visits = everyone
    if options.session_label:
        visits = find_visits(
            root,
            subjects=tuple(options.participant_label),
            sessions=tuple(options.session_label),
            prefer=settings.prefer,
            ratings=ratings,
        )
    check_ratings(ratings, everyone)
    if options.dry_run:
        for visit in visits:
            print(visit.name, "+".join(visit.scans), visit.problem, sep="\t")
        return DONE
    masks = Path(options.lesion_masks) if options.lesion_masks else None
    if masks is not None and not masks.is_dir():
        raise DatasetError(f"{masks} is no folder, but --lesion-masks names one. Check the path.")
    jobs = [Job(visit, root, output, settings, masks) for visit in visits]
    options_of_pool = {"n_jobs": options.n_jobs, "progress": sys.stderr.isatty()}
    outcomes = run_cohort(process_job, jobs, **options_of_pool)
    # Each visit is compared with those of older runs too, not only with those of this one
    pairs = find_pair_jobs(everyone, root=root, output=output, settings=settings)
    compared = run_cohort(process_pair, pairs, unit="pair", **options_of_pool)
    calibrations = find_calibration_jobs(everyone, output=output, settings=settings)
    calibrated = run_cohort(process_calibration, calibrations, unit="patient", **options_of_pool)
    everything = [*outcomes, *compared, *calibrated]
    write_failures(everything, output)
    if has_outputs(output):
        write_group(output, raw=str(root), ratings=ratings)
    lines = [_count(outcomes, "visits done")]
    if compared:
        lines.append(_count(compared, "pairs compared"))
    if calibrated:
        lines.append(_count(calibrated, "patients calibrated"))
    print(f"{', '.join(lines)}; tables in {output}", file=sys.stderr)
    return SOME_FAILED if any(one.state == "failed" for one in everything) else DONE


def _count(outcomes: Sequence, what: str) -> str:
    """How many did not fail."""
    done = sum(outcome.state != "failed" for outcome in outcomes)
    return f"{done} of {len(outcomes)} {what}"
