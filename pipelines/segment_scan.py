"""Segment and measure one visit that is given as files, without a dataset.

    python pipelines/segment_scan.py OUTPUT_DIR --flair flair.nii.gz --t1 t1.nii.gz

Writes lesions.nii.gz (single lesions, one number each), anatomy.nii.gz, visit.csv,
lesions.csv and quality.csv; the maps lie on the FLAIR's grid (the T1's without a FLAIR). For
more than a few visits use the command ``mslesion``. Exit code: 0 done, 2 not.
"""

import argparse
import sys
from pathlib import Path

import mslesion as ms

SCANS = {"flair": "FLAIR", "t1": "T1w", "t2": "T2w", "t1_contrast": "T1wGd"}
"""Modality of each argument."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("output", type=Path, help="folder to write to")
    for name, modality in SCANS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, type=Path, metavar="FILE", help=f"the {modality}")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="lesion mask in place of ours")
    given = parser.parse_args(argv)
    scans = {kind: path for name, kind in SCANS.items() if (path := getattr(given, name))}
    try:
        mask = ms.load_mask(given.mask) if given.mask else None
        result = ms.process_visit(scans, lesion_mask=mask)
        scan = result.prepared.reference_scan
        ms.save_like(result.anatomy, given.output / "anatomy.nii.gz", like=scan)
        if result.lesion_labels is not None:
            ms.save_like(result.lesion_labels, given.output / "lesions.nii.gz", like=scan)
        for name, table in (
            ("visit", result.visits),
            ("lesions", result.lesions),
            ("quality", result.quality),
        ):
            table.to_csv(given.output / f"{name}.csv", index=False)
    except (ms.MSLesionError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(result.visits.iloc[0].dropna().to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
