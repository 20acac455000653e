"""What several tests share."""

import os
from pathlib import Path

import pytest

collect_ignore_glob = ["*conftest.py"]
"""They hold no examples, and two of them looked through in one run would clash."""
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Real scans with manual masks that the developers have; not part of the project."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans; the test skips where it is absent."""
    folder = Path(os.environ.get("MSLESION_SHARED_DATA", SHARED))
    if not folder.is_dir():
        pytest.skip("the developers' real scans (../shared/data) are not here")
    return folder
