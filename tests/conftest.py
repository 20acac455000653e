"""What several tests share."""

import builtins
import io
import os
from collections import Counter
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


@pytest.fixture
def opened(monkeypatch) -> Counter[str]:
    """How often each file was opened to be read, by its name."""
    counts: Counter[str] = Counter()
    real = io.open

    def counting(file, mode="r", *args, **options):
        if mode[0] == "r" and isinstance(file, str | Path):
            counts[Path(file).name] += 1
        return real(file, mode, *args, **options)

    monkeypatch.setattr(io, "open", counting)  # what pathlib calls
    monkeypatch.setattr(builtins, "open", counting)
    return counts
