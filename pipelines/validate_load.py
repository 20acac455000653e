"""Measure the check `load_unlike_ms` on masks of MS patients, and on simulated other diseases.

    python pipelines/validate_load.py DATA OUTPUT_DIR [--parts masks gliomas vessels]

DATA holds the developers' scans (`crosssectional`, `lesion_patterns`). No scan of a tumour or of
small-vessel disease is among them: a mass with oedema and a dark core, and confluent symmetric
lesions of the deep white matter, are drawn into real FLAIRs, which go through the whole
pipeline. Writes a CSV a part, and the simulated scans with their masks.
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from scipy import ndimage as ndi

import mslesion as ms
from mslesion.measures.unlike_ms import signs_unlike_ms
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.midplane import Midplane

PATIENTS = ("LJ07", "P14")
GLIOMAS = {
    # name: centre in MNI (mm), radius of the oedema (mm), radius of the core (mm)
    "frontal": ((28, 30, 24), 27, 9),
    "temporal": ((-44, -22, -4), 24, 8),
    "parietal, no core": ((30, -48, 34), 22, 0),
}
ROUGHNESS_MM = 7.0
"""How far the border of the oedema departs from a ball."""
OEDEMA, RIM, CORE = 1.6, 1.75, 0.45
"""FLAIR of the parts by that of white matter."""
VESSEL_MM = 11.0
"""Lesions of the deep white matter reach this far from the ventricles."""
MIDDLE = Midplane(np.array([1.0, 0.0, 0.0]), 0.0)
"""Of scans in the space of MNI."""


def masks(data):
    """Signs in masks that raters drew: none is expected."""
    found = np.load(data / "lesion_patterns/lesion_patterns_29patients_MNI_1mm.npz")
    shape = tuple(found["grid"])
    given = {
        str(patient): (np.unpackbits(bits)[: np.prod(shape)].reshape(shape) > 0, found["affine"])
        for bits, patient in zip(found["bits"], found["patient"], strict=True)
    }
    for visit in ms.find_visits(data / "crosssectional"):
        path = data / "crosssectional/derivatives/manual" / visit.folder / "anat"
        given[visit.name] = ms.load_mask(path / f"{visit.name}_label-L_mask.nii.gz")
    rows = []
    for name, (mask, affine) in given.items():
        labels, _ = ndi.label(mask, np.ones((3, 3, 3)))
        rows.append(
            {
                "mask": name,
                "volume_ml": np.count_nonzero(mask) / 1000,
                "largest_share": np.bincount(labels[mask]).max() / np.count_nonzero(mask),
                "depth_mm": ndi.distance_transform_edt(np.pad(mask, 1)).max(),
                "right_share": np.mean(np.argwhere(mask) @ affine[0, :3] + affine[0, 3] > 0),
                "signs": "; ".join(signs_unlike_ms(mask, affine, midplane=MIDDLE)),
            }
        )
    return pd.DataFrame(rows)


def first_visits(data):
    """FLAIR, affine and anatomy of a visit of each of `PATIENTS`."""
    for visit in ms.find_visits(data / "crosssectional"):
        if visit.subject in PATIENTS and visit.session == "1":
            result = ms.process_visit({"FLAIR": visit.scans["FLAIR"]})
            reference = result.segmented.references["FLAIR"].white.median
            yield visit, result.prepared.native["FLAIR"], result, reference


def gliomas(data, output):
    """A mass in one hemisphere, with oedema that spares the ventricles."""
    rows = []
    for visit, flair, result, white in first_visits(data):
        where = np.moveaxis(np.indices(flair.shape), 0, -1) @ result.affine[:3, :3].T
        where = where + result.affine[:3, 3]
        rough = ndi.gaussian_filter(np.random.default_rng(0).standard_normal(flair.shape), 5)
        rough *= ROUGHNESS_MM / rough.std()
        grain = 1 + 0.05 * np.random.default_rng(1).standard_normal(flair.shape)
        brain = np.isin(result.anatomy, s.BRAIN)
        for name, (centre, radius, core) in GLIOMAS.items():
            distance = np.linalg.norm(where - centre, axis=-1)
            # Oedema follows white matter and stops at most of the cortex
            reach = radius + rough - np.where(result.anatomy == s.CORTEX, 8, 0)
            parts = np.select(
                [distance < core, (distance < core + 4) & (core > 0), distance < reach],
                [CORE, RIM, OEDEMA], 0,
            )  # fmt: skip
            drawn = np.where(brain & (parts > 0), parts * white, flair)
            blend = ndi.gaussian_filter(drawn, 0.7) * np.where(parts > 0, grain, 1)
            scan = np.where(flair > 0, np.where(brain & (parts > 0), blend, flair), 0)
            truth = np.count_nonzero(brain & (parts > 0)) / 1000
            rows.append(_processed(scan, result.affine, visit, name, truth, output))
    return pd.DataFrame(rows)


def vessels(data, output):
    """Confluent symmetric lesions around the ventricles and in the deep white matter."""
    rows = []
    for visit, flair, result, white in first_visits(data):
        ventricles = np.isin(result.anatomy, (s.LATERAL_VENTRICLES, s.CHOROID_PLEXUS))
        near = ndi.distance_transform_edt(~ventricles) <= VESSEL_MM
        deep = ndi.distance_transform_edt(result.anatomy == s.WHITE_MATTER) > 2
        lesion = near & deep & (result.anatomy == s.WHITE_MATTER)
        scan = np.where(lesion, 1.45 * white, flair)
        scan = np.where(lesion, ndi.gaussian_filter(scan, 0.8), flair)
        truth = np.count_nonzero(lesion) / 1000
        rows.append(_processed(scan, result.affine, visit, "vessels", truth, output))
    return pd.DataFrame(rows)


def _processed(scan, affine, visit, name, truth_ml, output) -> dict:
    """The check on a simulated scan; the scan and the mask that was found are kept."""
    found = ms.process_visit({"FLAIR": (scan, affine)})
    check = found.quality.set_index("check").loc["load_unlike_ms"]
    stem = f"{visit.name}_{name.split(',')[0]}"
    for label, data in (("FLAIR", scan), ("mask", found.lesion_labels > 0)):
        nib.save(nib.Nifti1Image(data.astype(np.float32), affine), output / f"{stem}_{label}.nii")
    row = {
        "visit": visit.name, "simulated": name, "drawn_ml": truth_ml,
        "found_ml": found.visits["lesion_volume_ml"][0],
        "lesion_count": found.visits["lesion_count"][0],
        "state": check["state"], "signs": check["detail"],
    }  # fmt: skip
    print(row, flush=True)
    return row


def main():
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    parts = {"masks": masks, "gliomas": gliomas, "vessels": vessels}
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.parts:
        given = (options.data,) if name == "masks" else (options.data, options.output)
        table = parts[name](*given)
        table.round(3).to_csv(options.output / f"{name}.csv", index=False)
        print(table.to_string())


if __name__ == "__main__":
    main()
