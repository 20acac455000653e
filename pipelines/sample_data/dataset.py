"""The files of the sample data: BIDS names, tables, sidecars and images."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import pandas as pd

from mslesion.schema.structures import STRUCTURES
from mslesion.schema.time import years_between

from .signals import SEQUENCES
from .truth import COLUMNS

BIDS_VERSION = "1.10.0"
TRUTH = Path("derivatives/truth")
CODE_URL = "pipelines/make_sample_data.py"
SOURCES = [
    {
        "URL": "https://github.com/BBillot/SynthSeg",
        "Version": "label maps training_seg_09, 10, 17 and 19; Apache-2.0",
    },
    {
        "URL": "https://github.com/CSIM-Toolkits/Slicer-LesionSimulatorExtension",
        "Version": "lesion shapes in MNI space; Apache-2.0",
    },
    {
        "URL": "https://github.com/CompImg/LST-AI",
        "Version": "region mask, only to align the heads to MNI space; MIT",
    },
]
README = """\
# Synthetic patients with known truth

No person was scanned for this. Four patients were drawn from label maps of whole heads
(SynthSeg, Apache-2.0) and lesion shapes of people with multiple sclerosis
(Slicer-LesionSimulator, Apache-2.0) by `pipelines/make_sample_data.py` of mslesion:
signal equations of FLAIR and MPRAGE, partial volume, bias field, noise, another position
of the head at every visit. Ages, dates and clinical facts are made up.

- `sub-preclinical`: two visits, a year apart; few small lesions, one more at the second.
- `sub-relapsing`: three visits, a year apart; lesions appear, grow and vanish.
- `sub-progressive`: two visits, two years apart; confluent lesions, none new, three that
  expand slowly; the brain shrinks by about 1 % a year.
- `sub-thick`: one visit, slices of 3 mm.

`derivatives/truth` holds what is true: lesions and anatomy on the grid of each FLAIR, and
the tables `visits.tsv`, `lesions.tsv`, `changes.tsv` and `lesion_changes.tsv`.
`truth.json` explains their columns and holds the rigid transforms.
"""
TRUTH_README = """\
# Truth of the synthetic patients

Volumes are those of the head that was drawn, before it was cut into voxels. The brain
changes by a smooth deformation; its Jacobian, integrated over each structure, gives the
change. `seg-lesions_dseg` numbers each lesion by its track, the same at all visits.
"""
YES_NO = {"yes": "yes", "no": "no"}
PARTICIPANT_COLUMNS = {
    "age": {"Description": "Age at the first visit.", "Units": "year"},
    "sex": {"Description": "Sex.", "Levels": {"F": "female", "M": "male"}},
    "group": {"Description": "What the patient was made to look like."},
    "incidental": {
        "Description": "Found by chance: no symptom or sign of demyelination.",
        "Levels": YES_NO,
    },
    "other_causes_excluded": {
        "Description": "Other causes of the lesions were looked for and excluded.",
        "Levels": YES_NO,
    },
    "oligoclonal_bands": {
        "Description": "Bands in the CSF that are not in serum; n/a: not looked for.",
        "Levels": YES_NO,
    },
    "progression_12_months": {
        "Description": "Twelve months of progression that no relapse explains.",
        "Levels": YES_NO,
    },
    "treatment_start_date": {
        "Description": "Day the disease-modifying treatment began (ISO 8601); n/a: none."
    },
}
SESSION_COLUMNS = {
    "acq_time": {"Description": "When the scans were taken (ISO 8601)."},
    "age": {"Description": "Age at the visit.", "Units": "year"},
    "relapse_count": {
        "Description": "Relapses since the visit before; at the first, in the year before."
    },
    "contrast_given": {
        "Description": "Whether contrast agent was given, after the scans of this dataset.",
        "Levels": YES_NO,
    },
    "gd_count": {"Description": "Contrast-enhancing brain lesions; n/a: no agent given."},
    "cord_lesion_count": {"Description": "Spinal cord lesions; n/a: cord not imaged."},
    "optic_nerve_lesion": {
        "Description": "Optic nerve lesion by any test; n/a: not examined.",
        "Levels": YES_NO,
    },
}


def write_json(path, content):
    """Write a JSON file, its folder made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_table(path, rows):
    """Write a TSV file; None becomes n/a."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows)
    table.to_csv(path, sep="\t", index=False, na_rep="n/a", lineterminator="\n")


def write_image(path, data, grid, axes):
    """Write data on a grid (axes RAS) as NIfTI stored with other axes, such as "LAS"."""
    turn = nib.orientations.ornt_transform(
        nib.orientations.io_orientation(grid.affine), nib.orientations.axcodes2ornt(tuple(axes))
    )
    image = nib.Nifti1Image(data, grid.affine).as_reoriented(turn)
    image.header.set_xyzt_units("mm", "sec")
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.to_bytes(), 9, mtime=0))  # no time: same bytes


def stem(patient, session):
    """Folder of a visit and the beginning of its files' names."""
    subject, visit = f"sub-{patient.label}", f"ses-{session}"
    return Path(subject) / visit / "anat" / f"{subject}_{visit}"


def write_scan(root, patient, session, suffix, data, grid):
    """Write one scan with its sidecar."""
    path = root / stem(patient, session)
    write_image(path.with_name(f"{path.name}_{suffix}.nii.gz"), data, grid, patient.axes)
    sequence, thickness = SEQUENCES[suffix], float(round(grid.spacing_mm[2], 3))
    is_3d = thickness < 2
    sidecar = {
        "Manufacturer": "mslesion",
        "ManufacturersModelName": "simulated scanner",
        "DeviceSerialNumber": "1",
        "MagneticFieldStrength": 3,
        "PulseSequenceDetails": "simulated from a label map",
        "MRAcquisitionType": "3D" if is_3d else "2D",
        "SliceThickness": thickness,
        "RepetitionTime": sequence.repetition_ms / 1000,
        "EchoTime": sequence.echo_ms / 1000,
        "InversionTime": sequence.inversion_ms / 1000,
        "FlipAngle": sequence.flip_deg,
        "ContrastBolusAgent": "none",
    }
    write_json(path.with_name(f"{path.name}_{suffix}.json"), sidecar)


def write_truth_maps(root, patient, session, grid, lesions, anatomy):
    """Write the lesion and anatomy maps of one visit, on the grid of its FLAIR."""
    path = root / TRUTH / stem(patient, session)
    source = f"bids:raw:{stem(patient, session)}_FLAIR.nii.gz"
    described = {
        "label-L_mask": ((lesions > 0).astype("uint8"), {"Type": "Lesion"}, "Lesions."),
        "seg-lesions_dseg": (lesions, {}, "Lesions, numbered by their tracks."),
        "seg-anatomy_dseg": (anatomy, {}, "Structures that fill most of each voxel."),
    }
    for name, (data, extra, description) in described.items():
        target = path.with_name(f"{path.name}_space-orig_{name}")
        write_image(target.with_name(f"{target.name}.nii.gz"), data, grid, patient.axes)
        sidecar = {
            **extra,
            "Manual": False,
            "SpatialReference": {"orig": source},
            "Sources": [source],
            "Description": description,
        }
        write_json(target.with_name(f"{target.name}.json"), sidecar)
    target = path.with_name(f"{path.name}_space-orig_seg-anatomy_dseg.tsv")
    write_table(target, [{"index": s.number, "name": s.name} for s in STRUCTURES])


def write_frame(root, patients):
    """Write what describes the dataset and its patients."""
    common = {
        "BIDSVersion": BIDS_VERSION,
        "License": "Apache-2.0",
        "Authors": ["The mslesion developers", "The developers of SynthSeg (label maps)"],
        "GeneratedBy": [{"Name": "mslesion make_sample_data", "CodeURL": CODE_URL}],
        "SourceDatasets": SOURCES,
    }
    write_json(
        root / "dataset_description.json",
        {"Name": "mslesion sample data", "DatasetType": "raw", **common},
    )
    (root / "README.md").write_text(README, "utf-8")
    write_table(root / "participants.tsv", [_participant(patient) for patient in patients])
    write_json(root / "participants.json", PARTICIPANT_COLUMNS)
    for patient in patients:
        subject = f"sub-{patient.label}"
        rows = [_session(number, visit, patient) for number, visit in enumerate(patient.visits, 1)]
        write_table(root / subject / f"{subject}_sessions.tsv", rows)
        write_json(root / subject / f"{subject}_sessions.json", SESSION_COLUMNS)
    truth = {"Name": "mslesion sample data, truth", "DatasetType": "derivative", **common}
    write_json(
        root / TRUTH / "dataset_description.json", {**truth, "DatasetLinks": {"raw": "../.."}}
    )
    (root / TRUTH / "README.md").write_text(TRUTH_README, "utf-8")
    (root / TRUTH / ".bidsignore").write_text("/*.tsv\n/truth.json\n", "utf-8")


def write_truth_tables(root, tables, transforms):
    """Write the tables of the truth by name, and `truth.json`."""
    for name, rows in tables.items():
        write_table(root / TRUTH / f"{name}.tsv", rows)
    content = {
        "Columns": COLUMNS,
        "TransformsDescription": "Head space (mm, RAS+, the same at all visits of a patient) "
        "to the space of the scan.",
        "Transforms": transforms,
    }
    write_json(root / TRUTH / "truth.json", content)


def session_label(number):
    """Label of the n-th visit, from 1."""
    return f"{number:02d}"


def _participant(patient):
    return {
        "participant_id": f"sub-{patient.label}",
        "age": patient.age,
        "sex": patient.sex,
        "group": patient.group,
        **{name: getattr(patient, name) for name in list(PARTICIPANT_COLUMNS)[3:]},
    }


def _session(number, visit, patient):
    years = round(years_between(patient.visits[0].day, visit.day))
    return {
        "session_id": f"ses-{session_label(number)}",
        "acq_time": f"{visit.day.isoformat()}T09:00:00",
        "age": patient.age + years,
        **{name: getattr(visit, name) for name in list(SESSION_COLUMNS)[2:]},
    }
