"""Masks with the scans of their visits, on the synthetic patients of the sample data."""

from pathlib import Path

import pandas as pd
import pytest

import mslesion as ms

ROOT = Path(__file__).resolve().parents[2] / "sample_data"
TRUTH = ROOT / "derivatives" / "truth"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ROOT.is_dir(), reason="sample_data is not here"),
]


def paths(session):
    """FLAIR, lesion mask and anatomy map of a visit."""
    name = f"sub-relapsing_ses-{session}"
    folder = Path("sub-relapsing") / f"ses-{session}" / "anat"
    truth = TRUTH / folder / f"{name}_space-orig"
    return (
        ROOT / folder / f"{name}_FLAIR.nii.gz",
        f"{truth}_label-L_mask.nii.gz",
        f"{truth}_seg-anatomy_dseg.nii.gz",
    )


def test_lesions_look_and_lie_as_in_the_scan():
    flair, mask, anatomy = paths("01")
    table = ms.measure_lesions(mask, flair=flair, anatomy=anatomy, anatomy_labels="mslesion")
    truth = pd.read_csv(TRUTH / "visits.tsv", sep="\t").set_index(["participant_id", "session_id"])
    assert len(table) == truth.loc[("sub-relapsing", "ses-01"), "lesion_count"]
    assert (table["flair_z_mean"] > 3).all()  # lesions are bright
    assert table["location"].notna().all()
    assert table["t1_index_mean"].isna().all()  # there is no T1w
    assert table["participant_id"].isna().all()


def test_every_lesion_is_followed_as_in_truth():
    sessions = ("01", "02")
    flairs, masks, anatomies = (
        dict(zip(sessions, column, strict=True))
        for column in zip(*(paths(session) for session in sessions), strict=True)
    )
    table = ms.track_lesions(
        masks,
        scans=flairs,
        days={"01": 0, "02": 364},
        anatomy=anatomies,
        anatomy_labels="mslesion",
    )
    truth = pd.read_csv(TRUTH / "changes.tsv", sep="\t")
    (expected,) = truth[
        (truth["participant_id"] == "sub-relapsing") & (truth["session_to"] == "ses-02")
    ].to_dict("records")
    counts = table["change"].value_counts()
    for change in ("stable", "enlarging", "resolved"):
        assert counts[change] == expected[f"{change}_count"]
    assert counts["new"] == expected["new_t2_count"]
    assert set(table["evidence"]) == {"scans and masks"}
