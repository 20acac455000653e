"""How the lesion threshold changes lesion volume and count on real scans.

    python pipelines/threshold_effect.py DATA OUTPUT_DIR

DATA holds the developers' scans (`crosssectional`, `longitudinal`). The network inside the package
runs once a scan, and its probability is cut at each threshold as the command does. Writes
``threshold.csv``, and prints volumes relative to the default threshold. The network was trained on
the cross-sectional patients, so the overlap with their manual masks says nothing about accuracy.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

import mslesion as ms
from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.segmentation.lesions.instances import DEFAULT_MIN_SIZE, label_lesions
from mslesion.segmentation.lesions.threshold import THRESHOLD

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, eq=False)
class KeepingNetwork(ms.LesionNetwork):
    """The network inside the package; keeps what its rules are given on the grid of the FLAIR."""

    given: list = field(default_factory=list)

    def mask(self, probability, **others):
        """Cut the probability."""
        self.given.append({"probability": probability} | others)
        return super().mask(probability, **others)

    def cut(self, threshold):
        """The mask at another threshold."""
        return super().mask(**(self.given[0] | {"threshold": threshold})).mask


def scans_of(data):
    """Visits with a FLAIR, and the manual lesion mask of those that have one."""
    for dataset in ("crosssectional", "longitudinal"):
        for visit in ms.find_visits(data / dataset):
            folder = data / dataset / "derivatives/manual" / visit.folder / "anat"
            mask = folder / f"{visit.name}_label-L_mask.nii.gz"
            if "FLAIR" in visit.scans:
                yield visit, mask if dataset == "crosssectional" else None


def measure(visit, manual):
    """A row a threshold: what would be delivered for this visit."""
    network = KeepingNetwork()
    scans = {name: visit.scans[name] for name in ("FLAIR", "T1w") if name in visit.scans}
    result = ms.process_visit(scans, lesion_network=network)
    reference = None if manual is None else ms.load_mask(manual)[0]
    rows, before = [], None
    for threshold in THRESHOLDS:
        labels = label_lesions(network.cut(threshold), result.affine, min_size=DEFAULT_MIN_SIZE)
        mask = labels > 0
        if before is not None and (mask & ~before).any():
            raise SystemExit(f"{visit.name}: the mask at {threshold} is not inside the one before")
        if threshold == THRESHOLD and not np.array_equal(mask, result.lesion_labels > 0):
            raise SystemExit(f"{visit.name}: the mask at {threshold} is not the delivered one")
        before = mask
        overlap = None
        if reference is not None:
            overlap = 2 * np.count_nonzero(mask & reference) / (mask.sum() + reference.sum())
        rows.append(
            {
                "participant_id": f"sub-{visit.subject}",
                "session_id": f"ses-{visit.session}",
                "lesion_threshold": threshold,
                "lesion_volume_ml": mask.sum() * voxel_volume_mm3(result.affine) / 1000,
                "lesion_count": int(labels.max(initial=0)),
                "dice_with_manual_mask": overlap,
            }
        )
        print(*rows[-1].values(), flush=True)
    return rows


def main():
    """Measure all scans."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    rows = [row for visit, manual in scans_of(options.data) for row in measure(visit, manual)]
    table = pd.DataFrame(rows)
    table.round(4).to_csv(options.output / "threshold.csv", index=False)
    names = (table["participant_id"] + "_" + table["session_id"]).rename("visit")
    for column in ("lesion_volume_ml", "lesion_count", "dice_with_manual_mask"):
        wide = table.pivot_table(index=names, columns="lesion_threshold", values=column)
        print(f"\n{column}\n{wide.round(2).to_string()}")
        if column == "lesion_volume_ml":
            print(f"\nrelative\n{wide.div(wide[THRESHOLD], axis=0).round(2).to_string()}")


if __name__ == "__main__":
    main()
