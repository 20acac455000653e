"""Three visits of one patient with known change, finished, as the participant level leaves them.

The results are made of the ordinary phantom's, so that no visit needs to be segmented.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import visit_phantoms as heads
from lesion_columns import LESION_BIOMARKERS

from mslesion.imaging.resampling import Grid
from mslesion.io.dataset import find_visits
from mslesion.longitudinal.alignment.common_frame import Frame
from mslesion.pipeline.settings import Settings
from mslesion.pipeline.visit.outputs import clear_visit, write_visit
from mslesion.pipeline.visit.records import fingerprint

LESIONS_AT = {
    "1": ("periventricular", "juxtacortical", "infratentorial"),
    "2": ("periventricular", "juxtacortical", "infratentorial", "deep_white"),
    "3": ("periventricular", "infratentorial", "deep_white"),
}
"""One lesion is new at the second visit, one is gone at the third."""
DATES = {"1": "2020-01-01", "2": "2021-01-01", "3": "2022-01-01"}


def write_raw(root, *, subject="01", sessions="123", dates=DATES, modalities=None):
    """Scans of some sessions; `modalities` by session."""
    one = heads.head()
    for session in sessions:
        own = replace(one, names=LESIONS_AT[session], grain=int(session))
        kinds = (modalities or {}).get(session, ("FLAIR", "T1w"))
        heads.write_bids(root, own, subject=subject, session=session, modalities=kinds)
    table = root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"
    if dates:
        rows = [f"ses-{session}\t{dates[session]}" for session in sessions]
        table.write_text("\n".join(["session_id\tacq_time", *rows]) + "\n")


def result_of(visit, plain):
    """The result of a visit, made of the ordinary one's."""
    names = LESIONS_AT[visit.session]
    kept = plain.lesions[plain.lesions["location"].isin(names)]
    who = {"participant_id": f"sub-{visit.subject}", "session_id": f"ses-{visit.session}"}
    day = visit.facts.visit_date
    row = plain.visits.assign(
        visit_date=None if day is None else day.isoformat(),
        scanner_id=visit.facts.scanner_id or None,
        **who,
    )
    scans = {name: plain.prepared.scans[name] for name in visit.scans}
    prepared = plain.prepared
    segmented = plain.segmented
    if "FLAIR" in scans:
        labels = np.zeros_like(plain.lesion_labels)
        for number, old in enumerate(kept["lesion_id"], start=1):
            labels[plain.lesion_labels == old] = number
        kept = kept.assign(lesion_id=range(1, len(kept) + 1))
        row = row.assign(lesion_count=len(kept), lesion_count_centers=len(kept))
        own = replace(heads.head(), names=names)
        segmented = replace(
            segmented,
            lesions=replace(segmented.lesions, labels=labels),
            probability=own.probability,
        )
    else:
        prepared = replace(prepared, scans=scans, reference="T1w", transforms={})
        segmented = replace(segmented, lesions=None, probability=None)
        row, kept = row.assign(**dict.fromkeys(LESION_BIOMARKERS)), kept.iloc[:0]
    if "T1w" not in scans:
        prepared = replace(prepared, scans=scans, transforms={})
    return replace(
        plain,
        visit=visit,
        prepared=prepared,
        segmented=segmented,
        visits=row.astype(plain.visits.dtypes),
        lesions=kept.assign(**who).astype(plain.lesions.dtypes),
        quality=plain.quality.assign(**who).astype(plain.quality.dtypes),
    )


def finish(root, output, plain, *, sessions=None, settings=None, ratings=()):
    """Finish visits as the participant level does; unchanged ones are left."""
    for visit in find_visits(root, ratings=ratings):
        if sessions is None or visit.session in sessions:
            clear_visit(output, visit)
            made_from = fingerprint(visit, settings=settings or Settings())
            write_visit(result_of(visit, plain), output, root=root, made_from=made_from)


def still_frame(first, first_affine, second, second_affine, *, first_brain, second_brain):
    """Heads that did not move: stands for the registration."""
    where = np.argwhere(first_brain | second_brain)
    low, high = where.min(axis=0) - 8, where.max(axis=0) + 8
    affine = np.eye(4)
    affine[:3, 3] = np.rint(first_affine[:3, :3] @ low + first_affine[:3, 3])
    shape = tuple(int(n) for n in high - low + 1)
    return Frame(Grid(shape, affine), np.eye(4), np.eye(4), 0.0, 1.0)


def read(path):
    """A table as text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def as_it_is(frame, first, second, modality):
    """Stands for the corrections of the frame: it is where it should be."""
    return frame
