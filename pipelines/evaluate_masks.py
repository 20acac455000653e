"""Compare two folders of lesion masks.

    python pipelines/evaluate_masks.py PREDICTED_DIR REFERENCE_DIR OUTPUT.csv

Masks belong together when ``sub-`` and ``ses-`` in their paths are the same, or, without
such, their names below the folders. Each pair gives a row of OUTPUT.csv (a pair that
cannot be compared gives the reason), whose columns OUTPUT.json explains; the summary
with 95 % bootstrap intervals over patients is printed. Exit code: 0 all compared, 2 no
masks found, 3 some pairs not compared.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import pandas as pd

from mslesion.errors import DatasetError
from mslesion.evaluation import compare_masks, summarize_agreement
from mslesion.imaging.grid import check_same_grid
from mslesion.io.nifti import load_mask
from mslesion.schema.agreement import AGREEMENT
from mslesion.schema.columns import as_table, sidecar

RULES = """
Voxel-wise metrics take all voxels. Lesions: anima 6-connected, over 3 mm³; lesion (matched
one to one) and sensitivity by size 26-connected, 3 mm³ or more; isbi 18-connected, any size.
A scan without reference lesions counts in false_lesion_* and the volumes alone; one
without predicted lesions has Dice, sensitivity and F1 of 0. Each metric is over the scans
where it is defined; intervals are bootstrap 95 % over patients.
"""


def find_masks(folder: Path, pattern: str) -> dict[tuple[str, str], list[Path]]:
    """Files of a folder by subject and session; no session is ""."""
    masks = {}
    for path in sorted(folder.rglob(pattern)):
        name = path.relative_to(folder).as_posix()
        subject, session = (
            re.search(rf"(?:^|[/_]){e}-([A-Za-z0-9]+)", name) for e in ("sub", "ses")
        )
        plain = re.sub(r"\.nii(\.gz)?$", "", name)
        key = (subject[1] if subject else plain, session[1] if subject and session else "")
        masks.setdefault(key, []).append(path)
    if not masks:
        raise DatasetError(
            f"{folder} has no file {pattern}, but masks are expected. Check the folder and the "
            "pattern."
        )
    return masks


def only_one(paths: list[Path], folder: Path) -> Path:
    """The mask of a visit in a folder."""
    if len(paths) != 1:
        raise DatasetError(
            f"{folder} has {len(paths)} masks of this visit, but one is expected. "
            "Add it, or narrow the search with --predicted-pattern or --reference-pattern."
        )
    return paths[0]


def compare_files(predicted: Path, reference: Path, **visit: str) -> pd.DataFrame:
    """The row of one pair of files."""
    predicted_mask, predicted_affine = load_mask(predicted)
    mask, affine = load_mask(reference)
    check_same_grid(
        predicted_mask.shape,
        predicted_affine,
        mask.shape,
        affine,
        name=f"The predicted {predicted.name}",
        other_name=f"the reference {reference.name}",
    )
    return compare_masks(predicted=predicted_mask, reference=mask, affine=affine, **visit)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("predicted", type=Path, help="folder of predicted masks")
    parser.add_argument("reference", type=Path, help="folder of reference masks")
    parser.add_argument("output", type=Path, help="CSV file to write")
    for side in ("predicted", "reference"):
        parser.add_argument(
            f"--{side}-pattern", default="*.nii*", metavar="GLOB", help=f"names of {side} masks"
        )
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.output.suffix != ".csv":
        parser.error(f"{options.output} is no .csv file, but a table is written. Rename it.")
    try:
        predicted = find_masks(options.predicted, options.predicted_pattern)
        reference = find_masks(options.reference, options.reference_pattern)
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    for subject, session in sorted(predicted.keys() | reference.keys()):
        visit = {"participant_id": subject, "session_id": session or None}
        try:
            row = compare_files(
                only_one(predicted.get((subject, session), []), options.predicted),
                only_one(reference.get((subject, session), []), options.reference),
                **visit,
            )
        except Exception as error:  # a broken file is a row, never the end of the run
            row = as_table([{**visit, "reason": f"{type(error).__name__}: {error}"}], AGREEMENT)
        rows.append(row)
    table = as_table(pd.concat(rows), AGREEMENT)
    table.to_csv(options.output, index=False)
    dictionary = json.dumps(sidecar(AGREEMENT), indent=2, ensure_ascii=False)
    options.output.with_suffix(".json").write_text(dictionary + "\n", encoding="utf-8")
    failed = table["reason"].notna()
    print(summarize_agreement(table).drop(columns="line").round(4).to_string(index=False))
    print(RULES)
    print(f"{(~failed).sum()} pairs compared, {failed.sum()} not")
    for row in table[failed].itertuples():
        names = [row.participant_id] + ([] if pd.isna(row.session_id) else [row.session_id])
        print(f"{'_'.join(names)}: {row.reason}")
    return 3 if failed.any() else 0


if __name__ == "__main__":
    sys.exit(main())
