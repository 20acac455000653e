"""Follow every lesion over the masks of each participant in a folder.

    python pipelines/track_masks.py MASKS OUTPUT.csv [--pattern "*_mask.nii.gz"]
        [--scans BIDS_DIR] [--anatomy DIR [--anatomy-labels NAME]] [--label N|all]
        [--min-size NAME] [--change-rule NAME]

Participant and session are read from ``sub-`` and ``ses-`` in the paths, or from
PATIENT/VISIT.nii.gz. The sessions of a participant are in the order of the numbers in their labels
(M6 before M12), or of their dates in the BIDS dataset where labels have no numbers. Without
``--scans`` all masks of a participant lie on one grid. The location needs the scans or label maps
of the anatomy (``--anatomy``, named as for the command). OUTPUT.csv has one row per pair of visits
and lesion; OUTPUT.json explains its columns. Participants with one mask are counted and left out.
A participant whose masks cannot be followed is named with the error. Exit code: 0 all followed, 2
no masks found, 3 some not followed.
"""

import argparse
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pandas as pd
from measure_masks import add_anatomy, anatomy_of, label_of

import mslesion as ms
from mslesion.io.anatomy_files import anatomy_folder
from mslesion.io.mask_folders import list_masks, the_only_mask
from mslesion.io.tables import write_csv
from mslesion.pipeline.pair.records import in_time
from mslesion.schema import LESION_CHANGES, as_table


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of lesion masks")
    parser.add_argument("output", type=Path, metavar="OUTPUT.csv", help="the table of changes")
    parser.add_argument("--pattern", default="*", help="which files are masks (default: all)")
    parser.add_argument("--scans", type=Path, metavar="BIDS_DIR", help="scans of the same visits")
    add_anatomy(parser)
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
        anatomies = anatomy_folder(options.anatomy) if options.anatomy else None
        visits = ms.find_visits(options.scans) if options.scans else []
        settings = ms.Settings(min_size=options.min_size, change_rule=options.change_rule)
    except ms.MSLesionError as error:
        print(error, file=sys.stderr)
        return 2
    scans = {(visit.subject, visit.session): visit.scans for visit in visits}
    days = {(visit.subject, visit.session): visit.facts.visit_date for visit in visits}
    people: dict[str, list[str]] = {}
    for subject, session in masks:
        people.setdefault(subject, []).append(session)
    single = {subject for (subject, _), files in masks.items() if len(files) == 1}
    single = {subject for subject in single if len(people[subject]) == 1}
    tables, failed = [], 0
    for subject in sorted(people.keys() - single):
        sessions = ordered(people[subject], subject, days=days)
        keys = {session: (subject, session) for session in sessions}
        try:
            table = ms.track_lesions(
                {s: the_only_mask(masks[key], folder=options.masks) for s, key in keys.items()},
                scans={s: scans.get(key, {}) for s, key in keys.items()} if scans else None,
                days={s: days.get(key) for s, key in keys.items()} if scans else None,
                anatomy={s: anatomy_of(key, anatomies) for s, key in keys.items()}
                if anatomies
                else None,
                anatomy_labels=options.anatomy_labels,
                label=options.label,
                settings=settings,
            )
        except ms.MSLesionError as error:  # one participant never ends the run
            failed += 1
            print(f"sub-{subject}: {error}", file=sys.stderr)
        else:
            tables.append(table.assign(participant_id=subject))
    changes = as_table(pd.concat(tables) if tables else [], LESION_CHANGES)
    write_csv(changes, LESION_CHANGES, options.output.parent, name=options.output.stem)
    print(
        f"{len(changes)} rows; participants: {len(tables)} followed, {len(single)} with one mask "
        f"only, {failed} not followed"
    )
    return 3 if failed else 0


def ordered(
    sessions: list[str], subject: str, *, days: Mapping[tuple[str, str], date | None]
) -> list[str]:
    """Sessions of a participant in order of time, as the command orders visits."""
    known = {session: days.get((subject, session)) for session in sessions}
    records = [
        {"session": session, "visits": [{"visit_date": day and day.isoformat()}]}
        for session, day in known.items()
    ]
    return [record["session"] for record in in_time(records)]


if __name__ == "__main__":
    sys.exit(main())
