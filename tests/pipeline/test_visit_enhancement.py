"""A visit with T1w before and after contrast agent: candidates, or why there are none."""

import nibabel as nib
import numpy as np
import pytest
import visit_phantoms as heads

from mslesion.io.dataset import find_visits
from mslesion.pipeline.visit import segment
from mslesion.pipeline.visit.process import process_visit

COUNT, VOLUME = "enhancing_candidate_count", "enhancing_candidate_volume_ml"
BRIGHT = "deep_white"


@pytest.fixture
def visit_of(tmp_path, monkeypatch):
    """A visit whose one lesion is this bright, by white matter, after contrast agent."""

    def write(level):
        one = heads.head()
        heads.teach(monkeypatch, one)
        folder = heads.write_bids(tmp_path, one)
        plain = nib.load(folder / "sub-01_ses-1_T1w.nii.gz")
        data = plain.get_fdata()
        white = np.median(data[one.labels == segment.s.WHITE_MATTER])
        data = np.where(one.lesion(BRIGHT), level * white, data)
        after = nib.Nifti1Image(data.astype(np.int16), plain.affine)
        nib.save(after, folder / "sub-01_ses-1_ce-gadolinium_T1w.nii.gz")
        (visit,) = find_visits(tmp_path)
        return visit

    return write


def reasons(row):
    return dict(part.split(": ") for part in row["empty_because"].split(";"))


def test_a_lesion_that_enhances(visit_of):
    result = process_visit(visit_of(1.8))
    row = result.visits.iloc[0]
    assert row[COUNT] == 1
    assert row[VOLUME] == pytest.approx(heads.LESION_ML, rel=0.35)
    flagged = result.lesions.loc[result.lesions["is_enhancing_candidate"], "location"]
    assert list(flagged) == [BRIGHT]
    assert COUNT not in reasons(row)


def test_a_lesion_that_does_not(visit_of):
    result = process_visit(visit_of(0.7))
    assert result.visits[COUNT].item() == 0
    assert result.visits[VOLUME].item() == 0
    assert not result.lesions["is_enhancing_candidate"].any()


def test_without_a_scan_after_contrast_agent(plain):
    assert plain.visits[[COUNT, VOLUME]].isna().all(axis=None)
    why = reasons(plain.visits.iloc[0])
    assert why[COUNT] == why[VOLUME] == "no pair of T1w before and after contrast agent"
    assert plain.lesions["is_enhancing_candidate"].isna().all()


def test_a_first_scan_that_is_after_contrast_agent_too(visit_of, tmp_path):
    visit_of(1.8)
    sidecar = tmp_path / "sub-01/ses-1/anat/sub-01_ses-1_T1w.json"
    sidecar.write_text('{"ContrastBolusAgent": "gadobutrol"}')
    (visit,) = find_visits(tmp_path)
    row = process_visit(visit).visits.iloc[0]
    assert reasons(row)[COUNT] == "the T1w was acquired after contrast agent"
