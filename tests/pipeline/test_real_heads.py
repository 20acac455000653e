"""Real scans of the developers: scans of another person, or mirrored, within a visit."""

import numpy as np
import pytest

from mslesion.io.nifti import load_scan
from mslesion.pipeline.visit.head import MIRRORED, OTHER_HEAD, match_heads
from mslesion.pipeline.visit.prepare import prepare_visit

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("subject", "is_mirrored", "problem"),
    [("P39", False, None), ("P14", False, OTHER_HEAD), ("P39", True, MIRRORED)],
    ids=["the same", "another person", "mirrored"],
)
def test_t1w_of_a_visit(shared_data, subject, is_mirrored, problem):
    """Both scans of 1 mm in one space, without the skull."""

    def path(name, modality):
        folder = shared_data / f"crosssectional/sub-{name}/ses-1/anat"
        return folder / f"sub-{name}_ses-1_{modality}.nii.gz"

    t1w = load_scan(path(subject, "T1w"))
    data = t1w.data[::-1] if is_mirrored else t1w.data
    prepared = prepare_visit({"FLAIR": path("P39", "FLAIR"), "T1w": (data, t1w.affine)})
    found = match_heads(prepared, np.asarray(prepared.working["FLAIR"] > 0))
    assert found.unfit == ({"T1w": problem} if problem else {})
