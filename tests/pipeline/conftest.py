"""Results that several tests of the workflow share."""

import pytest
import visit_phantoms as heads

from mslesion.io.dataset import find_visits
from mslesion.pipeline.visit import head as visit_head
from mslesion.pipeline.visit.process import process_visit


@pytest.fixture(scope="session", autouse=True)
def _small_heads_count():
    """A phantom's brain is smaller than any real one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visit_head, "MIN_BRAIN_ML", heads.MIN_BRAIN_ML)
        yield


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """The ordinary visit: FLAIR and T1w of 1 mm with the skull."""
    root = tmp_path_factory.mktemp("plain")
    heads.write_bids(root, heads.head())
    with pytest.MonkeyPatch.context() as patch:
        heads.teach(patch, heads.head())
        (visit,) = find_visits(root)
        return process_visit(visit)
