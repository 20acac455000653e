"""Make `sample_data/`: a small BIDS dataset of synthetic patients with known truth.

    python pipelines/make_sample_data.py SHARED_DATA sample_data [PATIENT ...]

SHARED_DATA holds `label_maps` (whole heads as labels, of SynthSeg,
https://github.com/BBillot/SynthSeg, Apache-2.0) and `atlas` (MS lesion shapes in MNI space,
https://github.com/CSIM-Toolkits/Slicer-LesionSimulatorExtension, Apache-2.0; the region mask
of LST-AI, https://github.com/CompImg/LST-AI, MIT, to which the heads are aligned). Everything
random is seeded: the same folder comes out again, of some patients only if they are named.
It takes some ten minutes.
"""

import itertools
import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent / "training"))  # tissues.py, pack.py
from sample_data.atrophy import atrophy
from sample_data.dataset import (
    session_label,
    write_frame,
    write_scan,
    write_truth_maps,
    write_truth_tables,
)
from sample_data.heads import load_head
from sample_data.lesions import Library, Placer, lesion_maps, track_map
from sample_data.patients import PATIENTS
from sample_data.scanner import Scanner, grid_of, movement, recorded
from sample_data.signals import signal, unevenness
from sample_data.truth import (
    VisitTruth,
    change_row,
    lesion_change_rows,
    lesion_rows,
    measure,
    visit_row,
)

VISIT_TURN_DEG, VISIT_SHIFT_MM = 3.5, 4.0
"""Bounds of how the head lies at a visit: each angle, and each way."""
BETWEEN_TURN_DEG, BETWEEN_SHIFT_MM = 0.6, 0.6
"""The same for the head's movement between the two scans of a visit."""
PLACING, TISSUE, COIL, VISIT = range(4)
"""What a random generator is for: a part of its seed."""


def make_dataset(shared, root, labels=()):
    """Write the dataset, of all patients or of those with these labels."""
    chosen = [patient for patient in PATIENTS if not labels or patient.label in labels]
    write_frame(root, chosen)
    library = Library(shared)
    tables = {"visits": [], "lesions": [], "changes": [], "lesion_changes": []}
    transforms = {}
    for patient in chosen:
        seed = PATIENTS.index(patient)  # the same, whoever else is made
        head = load_head(shared, patient.head)
        placer = Placer(head, library, np.random.default_rng((seed, PLACING)))
        for kind in patient.lesions:
            placer.place(kind)
        visits = list(make_visits(root, patient, head, placer.lesions, seed, transforms))
        add_rows(tables, patient, placer.lesions, visits)
    write_truth_tables(root, tables, transforms)


def make_visits(root, patient, head, lesions, seed, transforms):
    """Write the scans and maps of each visit of a patient, and yield its truth."""
    days = [visit.day for visit in patient.visits]
    whole = atrophy(head, patient.strain) if patient.strain else None
    uneven = unevenness(head.tissue.shape, np.random.default_rng((seed, TISSUE)))
    for number, day in enumerate(days):
        session = session_label(number + 1)
        part = (day - days[0]) / (days[-1] - days[0]) if number else 0
        deformation = whole.scaled(part) if part else None
        rng = np.random.default_rng((seed, VISIT, number))
        placed = movement(rng, VISIT_TURN_DEG, VISIT_SHIFT_MM)
        moved = movement(rng, BETWEEN_TURN_DEG, BETWEEN_SHIFT_MM) @ placed
        for suffix, voxel_mm, place in (
            ("FLAIR", patient.flair_mm, placed),
            ("T1w", patient.t1_mm, moved),
        ):
            grid = grid_of(head, voxel_mm, patient.tilt_deg)
            scanner = Scanner(head, deformation, place, grid)
            drawn = signal(head, lesions, number, suffix, uneven)
            coil_rng = np.random.default_rng((seed, COIL))
            inside = scanner.mean(head.solid)
            data = recorded(scanner.mean(drawn), inside, suffix, coil_rng, rng)
            write_scan(root, patient, session, suffix, data, grid)
            names = transforms.setdefault(f"sub-{patient.label}", {})
            names.setdefault(f"ses-{session}", {})[suffix] = np.round(place, 6).tolist()
            if suffix == "FLAIR":
                share, track = lesion_maps(head.tissue.shape, lesions, number)
                tracks = track_map(scanner.mean(share), scanner.nearest(track))
                anatomy = scanner.most(head.structure)
                write_truth_maps(root, patient, session, grid, tracks, anatomy)
        print(f"sub-{patient.label} ses-{session}", flush=True)
        yield VisitTruth(session, day, *measure(head, lesions, number, deformation, placed))


def add_rows(tables, patient, lesions, visits):
    """Add a patient's rows to the tables of the truth."""
    for visit in visits:
        tables["visits"].append(visit_row(patient, lesions, visit, visits[0]))
        tables["lesions"] += lesion_rows(patient, lesions, visit)
    for earlier, later in itertools.combinations(visits, 2):
        rows = lesion_change_rows(patient, lesions, earlier, later)
        tables["lesion_changes"] += rows
        tables["changes"].append(change_row(patient, earlier, later, rows))


if __name__ == "__main__":
    make_dataset(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
