"""Measure mslesion on scans with known answers: the figures of `docs/validation.md`.

    python pipelines/validate.py DATA OUTPUT_DIR [--folds DIR | --lesion-network NAME]
        [--parts lesions thick ...]

DATA holds the developers' scans (`crosssectional`, `longitudinal`, `wholehead`). The
lesion figures are of patients left out: FOLDS holds `without_PATIENT/lesions.onnx`, trained
by `pipelines/training/train_lesions.py` on the other patients. The network of structures
has seen no real scan. Writes a CSV a part and prints a summary.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import nibabel as nib
import numpy as np
import pandas as pd
import SimpleITK as sitk
from nibabel.affines import from_matvec
from nibabel.orientations import axcodes2ornt, ornt_transform
from scipy.spatial.transform import Rotation

import mslesion as ms
from mslesion.evaluation import measure_agreement, measure_lesion_agreement
from mslesion.imaging.grid import voxel_volume_mm3
from mslesion.imaging.itk import to_itk
from mslesion.imaging.registration import register_rigid
from mslesion.imaging.resampling import Grid, resample
from mslesion.io.nifti import load_labels
from mslesion.measures.location import find_surroundings, locate_lesions
from mslesion.pipeline.visit.anatomy import signal_share
from mslesion.pipeline.visit.prepare import prepare_visit
from mslesion.schema import structures as s
from mslesion.segmentation.anatomy.label_maps import to_structures
from mslesion.segmentation.anatomy.maps import brain_mask
from mslesion.segmentation.lesions.choose import find_lesion_network

SLICES_MM = 4
"""Thickness of the slices that are made of scans of 1 mm, as many centres still have."""
DLMUSE_LATERAL_VENTRICLES = (49, 50, 51, 52)
DLMUSE_THALAMUS = (59, 60)
DLMUSE_PARTS = {
    "lateral_ventricles_ml": DLMUSE_LATERAL_VENTRICLES, "third_ventricle_ml": (4,),
    "fourth_ventricle_ml": (11,), "thalamus_ml": DLMUSE_THALAMUS,
    "basal_ganglia_ml": (23, 30, 36, 37, 55, 56, 57, 58),
    "hippocampus_amygdala_ml": (31, 32, 47, 48), "brainstem_ml": (35,),
    "cerebellum_ml": (38, 39, 40, 41, 71, 72, 73),
    "cortical_grey_matter_ml": tuple(range(100, 208)), "csf_ml": (1, 4, 11, 46, 49, 50, 51, 52),
}  # fmt: skip
"""Labels of DLMUSE by the column that they should give, written down apart from the package."""
NOT_BRAIN = (0, 1, 4, 11, 46, 49, 50, 51, 52, 69)
"""Labels of DLMUSE that are background, fluid or optic chiasm."""
CONFORMED = 256
"""Voxels of 1 mm along each side of the grid that FreeSurfer brings every scan to."""
BALLS, BALL_RADIUS_MM = 200, 3.0
"""Balls that stand for lesions, in the white matter of two heads."""


def dice(a, b):
    """Overlap of two masks."""
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def masked_visits(data):
    """Visits with a manual lesion mask, and its file."""
    for visit in ms.find_visits(data / "crosssectional"):
        path = data / "crosssectional/derivatives/manual" / visit.folder / "anat"
        yield visit, path / f"{visit.name}_label-L_mask.nii.gz"


def network_of(subject, options):
    """The network to measure on a patient: one that has not seen them, if there is one."""
    if options.folds:
        return ms.LesionNetwork(options.folds / f"without_{subject}" / "lesions.onnx")
    return find_lesion_network(options.lesion_network)


def agreement(visit, scans, reference, options, inputs):
    """How well lesions found in these scans fit a mask: a row, and one a group of lesions."""
    result = ms.process_visit(
        scans,
        lesion_network=network_of(visit.subject, options),
        settings=ms.Settings(min_size="all"),
    )
    who = {"participant_id": visit.subject, "session_id": visit.session}
    masks = {"predicted": result.lesion_labels > 0, "reference": reference, "affine": result.affine}
    anatomy = result.segmented.working_anatomy, result.prepared.working_grid.affine
    row = measure_agreement(**masks, **who)
    groups = measure_lesion_agreement(**masks, anatomy=anatomy, **who)
    for table in (row, groups):
        table.insert(0, "inputs", inputs)
    row.insert(1, "seconds", round(result.seconds, 1))
    print(visit.name, inputs, row[["dice", "lesion_f1"]].to_numpy(), flush=True)
    return row, groups


def lesions(data, options):
    """Agreement with manual masks, each patient by the network that has not seen them."""
    rows = []
    for visit, mask in masked_visits(data):
        reference, _ = ms.load_mask(mask)
        for inputs in (("FLAIR", "T1w"), ("FLAIR",), ("FLAIR", "T1w", "T2w")):
            scans = {name: visit.scans[name] for name in inputs if name in visit.scans}
            if len(scans) < len(inputs):
                continue
            rows.append(agreement(visit, scans, reference, options, "+".join(inputs)))
    return joined(rows)


def joined(rows):
    """The rows of all visits, and those of all groups of lesions."""
    return tuple(pd.concat(tables, ignore_index=True) for tables in zip(*rows, strict=True))


def summarize_groups(table):
    """Lesions by size and location, pooled over the visits."""
    for inputs, rows in table.groupby("inputs"):
        summary = ms.summarize_lesion_agreement(rows.drop(columns="inputs"))
        index = ["grouping", "group", "reference_count", "predicted_count"]
        values = summary.pivot_table("estimate", index, "metric", sort=False, dropna=False)
        print(f"\n{inputs}: lesions of {rows['participant_id'].nunique()} patients")
        print(values.round(3).dropna(how="all").to_string())


def summarize_lesions(table):
    """Means over patients, not visits."""
    for inputs, rows in table.groupby("inputs"):
        means = rows.groupby("participant_id")[["dice", "lesion_f1", "anima_f1"]].mean()
        volumes = rows[["predicted_volume_mm3", "reference_volume_mm3"]].to_numpy(float)
        error = 100 * np.abs(volumes[:, 0] - volumes[:, 1]) / volumes[:, 1]
        print(f"\n{inputs}: {len(rows)} visits of {len(means)} patients")
        print(means.round(3).to_string())
        print("mean over patients:", means.mean().round(3).to_dict())
        print(f"volume: r {np.corrcoef(volumes.T)[0, 1]:.3f}", end=", ")
        print(f"median absolute error {np.median(error):.0f} %, largest {error.max():.0f} %")


def thick(data, options):
    """FLAIR alone in axial slices, each the mean of four of 1 mm, against the mask so cut."""
    rows = []
    with TemporaryDirectory() as folder:
        for visit, file in masked_visits(data):
            flair, mask = (
                nib.as_closest_canonical(nib.load(path)) for path in (visit.scans["FLAIR"], file)
            )
            affine = flair.affine @ np.diag([1, 1, SLICES_MM, 1])
            affine[:3, 3] += flair.affine[:3, 2] * (SLICES_MM - 1) / 2
            scan = Path(folder) / f"{visit.name}_FLAIR.nii"
            nib.save(nib.Nifti1Image(in_slices(flair).astype(np.float32), affine), scan)
            inputs = f"FLAIR of {SLICES_MM} mm slices"
            rows.append(agreement(visit, {"FLAIR": scan}, in_slices(mask) >= 0.5, options, inputs))
    return joined(rows)


def in_slices(image):
    """Means over a few voxels along the third axis; what is left over is cut off."""
    values = np.asarray(image.dataobj, np.float32)
    count = values.shape[2] // SLICES_MM
    values = values[:, :, : count * SLICES_MM]
    return values.reshape(*values.shape[:2], count, SLICES_MM).mean(axis=3)


def brain(data):
    """Brain masks of thick-slice whole heads, FLAIR alone and T1w alone."""
    rows = []
    root = data / "longitudinal"
    for subject in ("LJL01", "LJL03"):
        truth_folder = root / f"derivatives/change/sub-{subject}"
        truth = sitk.ReadImage(
            str(truth_folder / f"anat/sub-{subject}_space-common_desc-brain_mask.nii.gz")
        )
        reference = sitk.GetArrayFromImage(truth) > 0
        for visit in ms.find_visits(root, participants=(subject,)):
            xfm = f"{visit.name}_from-common_to-FLAIR_xfm.txt"
            to_flair = sitk.ReadTransform(str(truth_folder / visit.folder.name / "anat" / xfm))
            flair = ms.load_scan(visit.scans["FLAIR"])
            for modality in ("FLAIR", "T1w"):
                if modality not in visit.scans:
                    continue
                result = ms.process_visit({modality: visit.scans[modality]})
                mask, affine = brain_mask(result.anatomy, result.affine), result.affine
                if modality == "T1w":  # the truth lies in the FLAIR's frame
                    t1w = result.prepared.reference_scan
                    match = register_rigid(flair.data, flair.affine, t1w.data, t1w.affine)
                    affine = np.linalg.inv(match.matrix) @ affine
                image = to_itk(mask.astype(np.float32), affine)
                moved = sitk.Resample(image, truth, to_flair, sitk.sitkLinear, 0.0)
                found = sitk.GetArrayFromImage(moved) >= 0.5
                rows.append(
                    {
                        "visit": visit.name,
                        "scan": modality,
                        "dice": dice(found, reference),
                        "found_voxels": np.count_nonzero(found),
                        "reference_voxels": np.count_nonzero(reference),
                    }
                )
                print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def heads(data):
    """Intracranial mask and structures of whole heads at 2 mm, T1w alone."""
    rows = []
    for visit in ms.find_visits(data / "wholehead"):
        path = data / "wholehead/derivatives/dlmuse" / visit.folder / "anat"
        path = path / f"{visit.name}_seg-DLMUSE_dseg.nii.gz"
        if not path.exists():
            continue
        result = ms.process_visit(visit)
        voxel_ml = abs(np.linalg.det(result.affine[:3, :3])) / 1000

        def reference(labels, path=path):
            return ms.load_mask(path, label=labels)[0]

        inside = reference(tuple(range(1, 1000)))
        ventricles = reference(DLMUSE_LATERAL_VENTRICLES)
        found = np.isin(result.anatomy, s.LATERAL_VENTRICLES_AND_PLEXUS)
        rows.append(
            {
                "visit": visit.name,
                "intracranial_dice": dice(result.anatomy > 0, inside),
                "ventricle_dice": dice(found, ventricles),
                "ventricle_ml": np.count_nonzero(found) * voxel_ml,
                "reference_ventricle_ml": np.count_nonzero(ventricles) * voxel_ml,
                "thalamus_dice": dice(result.anatomy == s.THALAMUS, reference(DLMUSE_THALAMUS)),
                "sees_skull": result.segmented.sees_skull,
            }
        )
        print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    volumes = table[["ventricle_ml", "reference_ventricle_ml"]].to_numpy(float)
    print(table.mean(numeric_only=True).round(3).to_dict())
    print(f"lateral ventricle volume: r {np.corrcoef(volumes.T)[0, 1]:.3f}")
    return table


def anatomy(data):
    """Volumes from given DLMUSE labels: by our tables, by counts of labels, by our network."""
    rows, agreements = [], []
    for visit in ms.find_visits(data / "wholehead"):
        path = data / "wholehead/derivatives/dlmuse" / visit.folder / "anat"
        path = path / f"{visit.name}_seg-DLMUSE_dseg.nii.gz"
        if not path.exists():
            continue
        labels, affine = load_labels(path)
        voxel_ml = voxel_volume_mm3(affine) / 1000
        counted = {name: np.isin(labels, part).sum() for name, part in DLMUSE_PARTS.items()}
        counted["brain_ml"] = (~np.isin(labels, NOT_BRAIN)).sum()
        counted["tiv_ml"] = (~np.isin(labels, (0, 69))).sum()
        results = {
            "given": ms.process_visit(visit, anatomy=(labels, affine)),
            "given on a grid of 1 mm": ms.process_visit(visit, anatomy=conformed(labels, affine)),
            "network": ms.process_visit(visit),
        }
        for kind, result in results.items():
            row = result.visits.iloc[0]
            assert row["anatomy_source"] == ("mslesion" if kind == "network" else "given: dlmuse")
            values = {name: row[name] for name in counted}
            rows.append({"visit": visit.name, "anatomy": kind, "bpf": row["bpf"], **values})
        counts = {name: voxels * voxel_ml for name, voxels in counted.items()}
        rows.append({"visit": visit.name, "anatomy": "counted", "bpf": None, **counts})
        if len(agreements) < 2:
            agreements.append(same_location(results["given"], results["network"]))
            print(visit.name, f"balls of one class by both: {agreements[-1]:.3f}", flush=True)
    table = pd.DataFrame(rows)
    values = table.drop(columns="visit").astype({"bpf": float})
    print(values.groupby("anatomy").mean().round(3).T.to_string())
    by_kind = {kind: part.set_index("visit").iloc[:, 2:] for kind, part in table.groupby("anatomy")}
    for kind in results:
        error = (100 * (by_kind[kind].astype(float) / by_kind["counted"].astype(float) - 1)).abs()
        print(f"{kind}: largest difference from the counts, percent")
        print(error.max().round(2).to_dict(), flush=True)
    return table


def place(data):
    """How much of a T1w's signal given labels explain in their place, and a little aside."""
    rows = []
    for visit in ms.find_visits(data / "wholehead"):
        path = data / "wholehead/derivatives/dlmuse" / visit.folder / "anat"
        path = path / f"{visit.name}_seg-DLMUSE_dseg.nii.gz"
        if not path.exists():
            continue
        labels, affine = load_labels(path)
        structures, prepared = to_structures(labels, "dlmuse"), prepare_visit(visit.scans)
        for shift_mm in (0, 2, 3, 5):
            for direction in np.vstack([np.eye(3), -np.eye(3)]):
                moved = from_matvec(np.eye(3), shift_mm * direction)
                share = signal_share(structures, affine, prepared=prepared, transform=moved)
                rows.append({"visit": visit.name, "shift_mm": shift_mm, "share": share})
    table = pd.DataFrame(rows)
    best = table.pivot_table("share", index="visit", columns="shift_mm", aggfunc="max")
    print("share of the signal", best[0].min().round(3), "to", best[0].max().round(3))
    print("least lead over a shift", best.rsub(best[0], axis=0).min().round(3).to_dict())
    return table


def conformed(labels, affine):
    """The labels on a grid of 256 voxels of 1 mm around their centre, nearest neighbour."""
    centre = affine @ [*((np.array(labels.shape) - 1) / 2), 1]
    turned = from_matvec(np.eye(3), centre[:3] - (CONFORMED - 1) / 2)
    grid = Grid((CONFORMED,) * 3, turned)
    return resample(labels.astype(np.uint8), affine, to=grid, order=0), turned


def same_location(first, second):
    """Share of balls in white matter whose location class is the same by two anatomies."""
    rng = np.random.default_rng(1)
    grid = first.prepared.working_grid
    white = np.argwhere(
        (first.segmented.working_anatomy == s.WHITE_MATTER)
        & (second.segmented.working_anatomy == s.WHITE_MATTER)
    )
    centres = white[rng.choice(len(white), BALLS, replace=False)]
    reach = int(BALL_RADIUS_MM)
    offsets = np.indices((2 * reach + 1,) * 3) - reach
    ball = ((offsets**2).sum(axis=0) <= BALL_RADIUS_MM**2).astype(np.int32)
    classes = []
    for result in (first, second):
        plane = result.segmented.midplane
        around = find_surroundings(result.segmented.working_anatomy, grid.affine, midplane=plane)
        found = []
        for centre in centres:  # each on a small grid of its own, as balls may touch
            affine = grid.affine @ from_matvec(np.eye(3), centre - reach)
            (row,) = locate_lesions(ball, affine, surroundings=around, midplane=plane)
            found.append(row["location"])
        classes.append(found)
    print(pd.crosstab(*map(pd.Series, classes), rownames=["given"], colnames=["network"]))
    return float(np.mean([a == b for a, b in zip(*classes, strict=True)]))


def stored_otherwise(path):
    """The same scan with other axes, turned in space, and shifted by half a voxel."""
    image = nib.as_closest_canonical(nib.load(path))
    yield "RAS", image
    for code in ("LAS", "LPS", "PIR"):
        turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(code))
        yield code, image.as_reoriented(turn)
    turn = Rotation.from_euler("xyz", [8, -5, 11], degrees=True).as_matrix()
    yield "oblique", nib.Nifti1Image(image.dataobj, from_matvec(turn) @ image.affine)
    shift = from_matvec(np.eye(3), image.affine[:3, :3] @ [0.5, 0.5, 0.5])
    yield "shifted", nib.Nifti1Image(image.dataobj, shift @ image.affine)


def storage(data):
    """Volumes of one visit, stored in several ways."""
    rows = []
    with TemporaryDirectory() as folder:
        for dataset, label in (("crosssectional", "LJ07"), ("longitudinal", "LJL01")):
            visit = ms.find_visits(data / dataset, participants=(label,))[0]
            names = ("FLAIR", "T1w")
            kinds = zip(*(stored_otherwise(visit.scans[name]) for name in names), strict=True)
            for (kind, flair), (_, t1w) in kinds:
                scans = {name: Path(folder) / f"{kind}_{name}.nii" for name in names}
                nib.save(flair, scans["FLAIR"])
                nib.save(t1w, scans["T1w"])
                values = ms.process_visit(scans).visits.iloc[0]
                row = {name: values[name] for name in values.index if name.endswith("_ml")}
                rows.append({"visit": visit.name, "stored": kind, **row})
    table = pd.DataFrame(rows)
    for name, part in table.groupby("visit"):
        values = part.drop(columns=["visit", "stored"]).astype(float).dropna(axis=1)
        change = (100 * (values / values.iloc[0] - 1).abs()).max(axis=1)
        print(name, dict(zip(part["stored"], change.round(2), strict=True)), "% at most")
    return table


def main():
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("output", type=Path)
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--folds", type=Path, help="folder of the networks of left-out patients")
    group.add_argument("--lesion-network", default="mslesion", help="as for the command")
    parts = {
        "lesions": lesions, "thick": thick, "brain": brain, "heads": heads, "storage": storage,
        "anatomy": anatomy, "place": place,
    }  # fmt: skip
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for name in options.parts:
        print(f"\n== {name}", flush=True)
        on_lesions = name in ("lesions", "thick")
        given = (options.data, options) if on_lesions else (options.data,)
        table = parts[name](*given)
        if on_lesions:
            table, groups = table
            summarize_lesions(table)
            summarize_groups(groups)
            groups.round(4).to_csv(options.output / f"{name}_by_group.csv", index=False)
        table.round(4).to_csv(options.output / f"{name}.csv", index=False)


if __name__ == "__main__":
    main()
