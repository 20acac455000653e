"""Follow every lesion over the masks of each person in a folder.

    python pipelines/track_masks.py MASKS OUTPUT.csv [--pattern "*_mask.nii.gz"]
        [--scans BIDS_DIR] [--label N|all] [--min-size NAME] [--change-rule NAME]

Participant and session are read from ``sub-`` and ``ses-`` in the paths, or from
PATIENT/VISIT.nii.gz; the sessions of a person are taken in the order of their labels. Without
``--scans`` all masks of a person lie on one grid. OUTPUT.csv has a row a lesion and pair of
visits; OUTPUT.json explains its columns. A person who cannot be followed is named with the
error. Exit code: 0 all followed, 2 no masks found, 3 some not followed.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from measure_masks import label_of

import mslesion as ms
from mslesion.io.mask_folders import list_masks, the_only_mask
from mslesion.io.tables import write_csv
from mslesion.schema import LESION_CHANGES, as_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of lesion masks")
    parser.add_argument("output", type=Path, metavar="OUTPUT.csv", help="the table of changes")
    parser.add_argument("--pattern", default="*", help="which files are masks (default: all)")
    parser.add_argument("--scans", type=Path, metavar="BIDS_DIR", help="scans of the same visits")
    parser.add_argument("--label", type=label_of, help="label that is lesion: a number, or all")
    for name, text in (("min_size", "smallest lesion"), ("change_rule", "rule of enlarging")):
        default = getattr(ms.Settings(), name)
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, default=default, help=f"{text} (default: {default})")
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.output.suffix != ".csv":
        parser.error(f"{options.output} does not end in .csv, but a table is written. Rename it.")
    try:
        masks = list_masks(options.masks, pattern=options.pattern)
        visits = ms.find_visits(options.scans) if options.scans else []
        settings = ms.Settings(min_size=options.min_size, change_rule=options.change_rule)
    except ms.MSLesionError as error:
        print(error, file=sys.stderr)
        return 2
    scans = {(visit.subject, visit.session): visit.scans for visit in visits}
    days = {(visit.subject, visit.session): visit.facts.visit_date for visit in visits}
    people: dict[str, list[str]] = {}
    for subject, session in sorted(masks):
        people.setdefault(subject, []).append(session)
    tables, failed = [], 0
    for subject, sessions in people.items():
        keys = {session: (subject, session) for session in sessions}
        try:
            table = ms.track_lesions(
                {s: the_only_mask(masks[key], folder=options.masks) for s, key in keys.items()},
                scans={s: scans.get(key, {}) for s, key in keys.items()} if scans else None,
                days={s: days.get(key) for s, key in keys.items()} if scans else None,
                label=options.label,
                settings=settings,
            )
        except ms.MSLesionError as error:  # one person never ends the run
            failed += 1
            print(f"sub-{subject}: {error}", file=sys.stderr)
        else:
            tables.append(table.assign(participant_id=subject))
    changes = as_table(pd.concat(tables) if tables else [], LESION_CHANGES)
    write_csv(changes, LESION_CHANGES, options.output.parent, name=options.output.stem)
    print(f"{len(changes)} rows of {len(tables)} people; {failed} people not followed")
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
