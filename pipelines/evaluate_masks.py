"""Compare two folders of lesion masks.

    python pipelines/evaluate_masks.py PREDICTED_DIR REFERENCE_DIR OUTPUT.csv

Masks belong together when the participant and the session in their paths are the same: after
``sub-`` and ``ses-``, or PATIENT/VISIT.nii.gz. Each pair gives a row of OUTPUT.csv (a pair that
cannot be compared gives the reason), whose columns OUTPUT.json explains; the summary
with 95 % bootstrap intervals over patients is printed. Exit code: 0 all compared, 2 no
masks found, 3 some pairs not compared.
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd

import mslesion as ms
from mslesion.errors import DatasetError
from mslesion.io.mask_folders import list_masks, the_only_mask
from mslesion.schema import as_table, sidecar
from mslesion.schema.agreement import AGREEMENT

RULES = """
Voxel-wise metrics take all voxels. Lesions: anima 6-connected, over 3 mm³; lesion (matched
one to one) and sensitivity by size 26-connected, 3 mm³ or more; isbi 18-connected, any size.
A scan without reference lesions counts in false_lesion_* and the volumes alone; one
without predicted lesions has Dice, sensitivity and F1 of 0. Each metric is over the scans
where it is defined; intervals are bootstrap 95 % over patients.
"""


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
        predicted = list_masks(options.predicted, pattern=options.predicted_pattern)
        reference = list_masks(options.reference, pattern=options.reference_pattern)
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 2
    rows = []
    for subject, session in sorted(predicted.keys() | reference.keys()):
        visit = {"participant_id": subject, "session_id": session or None}
        try:
            row = ms.compare_masks(
                the_only_mask(predicted.get((subject, session), []), folder=options.predicted),
                the_only_mask(reference.get((subject, session), []), folder=options.reference),
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
    print(ms.summarize_agreement(table).drop(columns="line").round(4).to_string(index=False))
    print(RULES)
    print(f"{(~failed).sum()} pairs compared, {failed.sum()} not")
    for row in table[failed].itertuples():
        names = [row.participant_id] + ([] if pd.isna(row.session_id) else [row.session_id])
        print(f"{'_'.join(names)}: {row.reason}")
    return 3 if failed.any() else 0


if __name__ == "__main__":
    sys.exit(main())
