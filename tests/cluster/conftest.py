"""A Slurm of one node, and the sample data done without it."""

import pytest
import slurm_node
from sample_runs import ROOT, WHOLE, contents, mslesion


@pytest.fixture(scope="session")
def slurm():
    """The environment in which Slurm's commands work."""
    if problem := slurm_node.why_not():
        pytest.skip(problem)
    with slurm_node.slurm_node() as environment:
        yield environment | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """What one run on this machine makes of the participants."""
    if WHOLE:
        return contents(WHOLE)
    output = tmp_path_factory.mktemp("local") / "out"
    for level in ("participant", "group"):
        code, text = mslesion(output, level=level)
        assert code == 0, text
    return contents(output)
