"""The synthetic patients compared in Python, by their true maps: no network is asked."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mslesion as ms
from mslesion.io.nifti import load_labels
from mslesion.longitudinal.alignment.placing import PlacedScan, VisitMaps

pytestmark = pytest.mark.slow
SAMPLE = Path(__file__).parents[2] / "sample_data"
TRUTH = SAMPLE / "derivatives" / "truth"
PBVC_POINTS = 0.3
"""As far as the measured change may be from the true one."""


def true_maps(visit):
    """A visit with its true anatomy and lesions."""
    scans = {name: ms.load_scan(visit.scans[name]) for name in ("FLAIR", "T1w")}
    ways = json.loads((TRUTH / "truth.json").read_text())["Transforms"]
    ways = ways[f"sub-{visit.subject}"][f"ses-{visit.session}"]
    # From the FLAIR to the head, and on to the T1w
    to_t1 = np.array(ways["T1w"]) @ np.linalg.inv(ways["FLAIR"])
    start = TRUTH / visit.folder / "anat" / f"{visit.name}_space-orig_seg-"
    anatomy, affine = load_labels(f"{start}anatomy_dseg.nii.gz")
    lesions, _ = load_labels(f"{start}lesions_dseg.nii.gz")
    return VisitMaps(
        scans={
            "FLAIR": PlacedScan(scans["FLAIR"].data, scans["FLAIR"].affine),
            "T1w": PlacedScan(scans["T1w"].data, scans["T1w"].affine, to_t1),
        },
        anatomy=anatomy,
        anatomy_affine=affine,
        lesions=lesions,
        lesions_affine=affine,
        session=visit.session,
        day=visit.facts.visit_date,
        scanner_id=visit.facts.scanner_id,
        sees_skull=True,
    )


@pytest.mark.parametrize("subject", ["preclinical", "relapsing"])
def test_counts_are_those_of_the_truth(subject):
    first, second = ms.find_visits(SAMPLE, participants=[subject])[:2]
    found = ms.compare_visits(true_maps(first), true_maps(second))
    truth = pd.read_csv(TRUTH / "changes.tsv", sep="\t")
    truth = truth[truth["participant_id"] == f"sub-{subject}"].iloc[0]
    row = found.changes.iloc[0]
    assert row["days"] == truth["days"]
    for name in ("new_t2_count", "enlarging_count", "resolved_count"):
        assert row[name] == truth[name], name
    assert row["pbvc_pct"] == pytest.approx(truth["pbvc_pct"], abs=PBVC_POINTS)
    assert set(np.unique(found.change_map)) <= {0, 1, 2, 3, 4, 5}


def test_another_patient_is_refused():
    """A follow-up of someone else: empty values with the reason, for lesions and brain."""
    first = ms.find_visits(SAMPLE, participants=["preclinical"])[0]
    other = ms.find_visits(SAMPLE, participants=["relapsing"])[1]
    second = replace(true_maps(other), day=None)
    row = ms.compare_visits(true_maps(first), second).changes.iloc[0]
    assert not row["change_assessable"]
    assert not row["brain_change_assessable"]
    assert row["change_reason"]
    assert pd.isna(row["new_t2_count"])
    assert pd.isna(row["pbvc_pct"])
    assert row["quality_state"] == "fail"
