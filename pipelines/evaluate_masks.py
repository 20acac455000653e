"""Compare two folders of lesion masks, lesion by lesion and with several raters if there are any.

    python pipelines/evaluate_masks.py PREDICTED_DIR REFERENCE_DIR OUTPUT.csv
        [--anatomy DIR] [--raters DIR DIR ...]

Masks belong together when the participant and the session in their paths are the same: after
``sub-`` and ``ses-``, or PATIENT/VISIT.nii.gz. Each pair gives a row of OUTPUT.csv (a pair that
cannot be compared gives the reason), and rows of OUTPUT_lesions.csv: detection, Dice and false
lesions by the size of the lesions and, with label maps in the folder of --anatomy, by location.
With --raters each folder holds the masks of one rater, who is called as the folder is:
OUTPUT_raters.csv compares the prediction with each and the raters with one another. A .json file
beside each table explains its columns; the summaries with 95 % bootstrap intervals over
patients are printed. Exit code: 0 all compared, 2 no masks found or wrong options, 3 some pairs
not compared.
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

import mslesion as ms
from mslesion.errors import DatasetError
from mslesion.io.mask_folders import list_masks, the_only_mask
from mslesion.schema import Table, as_table, sidecar
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.lesion_agreement import LESION_AGREEMENT, RATER_AGREEMENT

RULES = """
Voxel-wise metrics take all voxels. Lesions: anima 6-connected, over 3 mm³; lesion (matched
one to one) and those by size and location 26-connected, 3 mm³ or more; isbi 18-connected, any
size. Sizes include their lower limit. A scan without reference lesions counts in false_lesion_*
and the volumes alone; one without predicted lesions has Dice, sensitivity and F1 of 0. Each metric
is over the scans where it is defined; intervals are bootstrap 95 % over patients. By size and
location, the lesions of all scans are pooled, and false lesions are a mean over scans.
"""
MasksByVisit = dict[tuple[str, str], list[Path]]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predicted", type=Path, help="folder of predicted masks")
    parser.add_argument("reference", type=Path, help="folder of reference masks")
    parser.add_argument("output", type=Path, help="CSV file to write")
    parser.add_argument("--anatomy", type=Path, help="folder of label maps of the structures")
    parser.add_argument("--anatomy-labels", default="auto", help="their numbering")
    parser.add_argument(
        "--raters", type=Path, nargs="+", default=[], help="folders of the masks of each rater"
    )
    for side in ("predicted", "reference", "anatomy", "raters"):
        parser.add_argument(
            f"--{side}-pattern", default="*.nii*", metavar="GLOB", help=f"names of {side} files"
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.output.suffix != ".csv":
        parser.error(f"{options.output} is no .csv file, but a table is written. Rename it.")
    names = [folder.name for folder in options.raters]
    if len(set(names)) < len(names):
        parser.error(f"--raters has {names}, but one folder name a rater is expected. Rename one.")
    try:
        predicted = list_masks(options.predicted, pattern=options.predicted_pattern)
        reference = list_masks(options.reference, pattern=options.reference_pattern)
        anatomies = {}
        if options.anatomy:
            anatomies = list_masks(options.anatomy, pattern=options.anatomy_pattern)
        raters = {
            folder: list_masks(folder, pattern=options.raters_pattern) for folder in options.raters
        }
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 2
    rows, lesions, agreements = [], [], []
    for visit in sorted(predicted.keys() | reference.keys()):
        row, groups = compare(visit, predicted, reference, anatomies, options)
        rows.append(row)
        lesions.append(groups)
        agreements.append(compare_with_raters(visit, predicted, raters, options))
    table = write(rows, AGREEMENT, options.output)
    stem = options.output.stem
    groups = write(lesions, LESION_AGREEMENT, options.output.with_stem(f"{stem}_lesions"))
    print(ms.summarize_agreement(table).drop(columns="line").round(4).to_string(index=False))
    print_lesions(groups)
    tables = [table]
    if raters:
        tables.append(
            write(agreements, RATER_AGREEMENT, options.output.with_stem(f"{stem}_raters"))
        )
        summary = ms.summarize_rater_agreement(tables[1]).drop(columns="line")
        print(summary.round(3).to_string(index=False))
    print(RULES)
    return report(tables)


def compare(
    visit: tuple[str, str],
    predicted: MasksByVisit,
    reference: MasksByVisit,
    anatomies: MasksByVisit,
    options: argparse.Namespace,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The row of a pair of masks, and those of its groups of lesions."""
    who = names_of(visit)
    try:
        pair = [
            the_only_mask(masks.get(visit, []), folder=folder)
            for masks, folder in (
                (predicted, options.predicted), (reference, options.reference)
            )
        ]  # fmt: skip
        anatomy = {}
        if options.anatomy:
            file = the_only_mask(anatomies.get(visit, []), folder=options.anatomy)
            anatomy = {"anatomy": file, "anatomy_labels": options.anatomy_labels}
        return ms.compare_masks(*pair, **who), ms.compare_lesions(*pair, **anatomy, **who)
    except Exception as error:  # a broken file is a row, never the end of the run
        return failed(who, error, AGREEMENT), as_table([], LESION_AGREEMENT)


def compare_with_raters(
    visit: tuple[str, str],
    predicted: MasksByVisit,
    raters: dict[Path, MasksByVisit],
    options: argparse.Namespace,
) -> pd.DataFrame:
    """The rows of a scan and the raters who drew a mask of it."""
    who = names_of(visit)
    try:
        masks = {
            folder.name: the_only_mask(files[visit], folder=folder)
            for folder, files in raters.items()
            if visit in files
        }
        if not masks:
            return as_table([], RATER_AGREEMENT)
        ours = the_only_mask(predicted.get(visit, []), folder=options.predicted)
        return ms.compare_raters(ours, masks, **who)
    except Exception as error:
        return failed(who, error, RATER_AGREEMENT)


def names_of(visit: tuple[str, str]) -> dict[str, str | None]:
    return {"participant_id": visit[0], "session_id": visit[1] or None}


def failed(who: dict[str, str | None], error: Exception, table: Table) -> pd.DataFrame:
    """A row with the reason."""
    return as_table([{**who, "reason": f"{type(error).__name__}: {error}"}], table)


def write(parts: list[pd.DataFrame], table: Table, path: Path) -> pd.DataFrame:
    """Write rows as a table with its data dictionary."""
    rows = as_table(pd.concat(parts), table)
    rows.to_csv(path, index=False)
    dictionary = json.dumps(sidecar(table), indent=2, ensure_ascii=False)
    path.with_suffix(".json").write_text(dictionary + "\n", encoding="utf-8")
    return rows


def print_lesions(groups: pd.DataFrame) -> None:
    """Print the lesions by size and location: a line a group, a column a metric."""
    summary = ms.summarize_lesion_agreement(groups)
    index = ["grouping", "group", "reference_count", "predicted_count"]
    values = summary.pivot_table("estimate", index, "metric", sort=False, dropna=False)
    print(values.round(3).dropna(how="all").to_string())


def report(tables: list[pd.DataFrame]) -> int:
    """Say which pairs were not compared; the exit code."""
    table = tables[0]
    print(f"{table['reason'].isna().sum()} pairs compared, {table['reason'].notna().sum()} not")
    failures = pd.concat([rows[rows["reason"].notna()] for rows in tables])
    for row in failures.itertuples():
        names = [row.participant_id] + ([] if pd.isna(row.session_id) else [row.session_id])
        print(f"{'_'.join(names)}: {row.reason}")
    return 3 if len(failures) else 0


if __name__ == "__main__":
    sys.exit(main())
