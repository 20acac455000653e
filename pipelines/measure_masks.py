"""Measure every lesion of a folder of masks.

    python pipelines/measure_masks.py MASKS OUTPUT.csv [--pattern "*_mask.nii.gz"]
        [--scans BIDS_DIR] [--anatomy DIR [--anatomy-labels NAME]] [--label N|all]
        [--min-size NAME]

Participant and session are read from ``sub-`` and ``ses-`` in the paths, or from
PATIENT/VISIT.nii.gz. OUTPUT.csv has one row per lesion; OUTPUT.json explains its columns. The
location needs the scans (``--scans``, a BIDS dataset with the FLAIR of the same visits) or label
maps of the anatomy (``--anatomy``, named as for the command), the appearance needs the scans. A
mask that cannot be measured is named with its error. Exit code: 0 all measured, 2 no masks found,
3 some not measured.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

import mslesion as ms
from mslesion.io.anatomy_files import anatomy_folder, find_anatomy
from mslesion.io.dataset import Visit
from mslesion.io.mask_folders import list_masks, the_only_mask
from mslesion.io.tables import write_csv
from mslesion.io.visit_files import ImageFolder
from mslesion.schema import LESIONS, as_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of lesion masks")
    parser.add_argument("output", type=Path, metavar="OUTPUT.csv", help="the lesion table")
    parser.add_argument("--pattern", default="*", help="which files are masks (default: all)")
    parser.add_argument("--scans", type=Path, metavar="BIDS_DIR", help="scans of the same visits")
    add_anatomy(parser)
    parser.add_argument("--label", type=label_of, help="label that is lesion: a number, or all")
    parser.add_argument(
        "--min-size", default=ms.Settings().min_size, help="smallest lesion (default: %(default)s)"
    )
    return parser


def add_anatomy(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that give label maps of the anatomy."""
    parser.add_argument("--anatomy", type=Path, metavar="DIR", help="label maps of the anatomy")
    parser.add_argument(
        "--anatomy-labels",
        default="auto",
        metavar="NAME",
        help="their numbering: auto, freesurfer, dlmuse or mslesion (default: %(default)s)",
    )


def anatomy_of(key: tuple[str, str], folder: ImageFolder | None) -> Path | None:
    """The label map of a visit, under the names that the command knows; None without a folder."""
    return None if folder is None else find_anatomy(folder, Visit(*key, {}))


def label_of(text: str) -> int | str:
    """A label as the functions take it."""
    return text if text == "all" else int(text)


def main(arguments: list[str] | None = None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.output.suffix != ".csv":
        parser.error(f"{options.output} does not end in .csv, but a table is written. Rename it.")
    try:
        masks = list_masks(options.masks, pattern=options.pattern)
        anatomies = anatomy_folder(options.anatomy) if options.anatomy else None
        settings = ms.Settings(min_size=options.min_size)
        scans = {}
        if options.scans:
            scans = {(v.subject, v.session): v.scans for v in ms.find_visits(options.scans)}
    except ms.MSLesionError as error:
        print(error, file=sys.stderr)
        return 2
    tables, failed = [], 0
    for key in sorted(masks):
        try:
            images = scans.get(key, {})
            table = ms.measure_lesions(
                the_only_mask(masks[key], folder=options.masks),
                flair=images.get("FLAIR"),
                t1w=images.get("T1w"),
                anatomy=anatomy_of(key, anatomies),
                anatomy_labels=options.anatomy_labels,
                label=options.label,
                settings=settings,
            )
        except ms.MSLesionError as error:  # a broken mask never ends the run
            failed += 1
            name = f"sub-{key[0]}" + (f" ses-{key[1]}" if key[1] else "")
            print(f"{name}: {error}", file=sys.stderr)
        else:
            tables.append(table.assign(participant_id=key[0], session_id=key[1] or None))
    lesions = as_table(pd.concat(tables) if tables else [], LESIONS)
    write_csv(lesions, LESIONS, options.output.parent, name=options.output.stem)
    print(f"{len(lesions)} lesions; masks: {len(tables)} measured, {failed} not measured")
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
