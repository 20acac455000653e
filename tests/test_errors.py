"""The errors: one family, caught by ordinary ``except`` clauses, and described."""

import inspect
import pickle

import pytest

from mslesion import errors

FAMILY = {
    name: item
    for name, item in vars(errors).items()
    if inspect.isclass(item) and issubclass(item, Exception)
}
OWN = {name: item for name, item in FAMILY.items() if name != "MSLesionError"}


def test_family():
    assert set(OWN) == {
        "ImageError", "GeometryError", "MaskError", "TableError", "DatasetError",
        "SettingsError", "OutputError", "MissingToolError", "ExecutorError", "StepError",
    }  # fmt: skip


@pytest.mark.parametrize("error", OWN.values(), ids=OWN)
def test_caught_as_ours_and_as_an_ordinary_one(error):
    ordinary = {
        "OutputError": OSError, "MissingToolError": ImportError, "ExecutorError": RuntimeError,
    }  # fmt: skip
    assert issubclass(error, errors.MSLesionError)
    assert issubclass(error, ordinary.get(error.__name__, ValueError))


def test_ours_is_no_ordinary_one():
    """`except ValueError` must not catch a missing tool or a full disk."""
    assert not issubclass(errors.MSLesionError, ValueError)
    assert not issubclass(errors.OutputError, ValueError)
    assert not issubclass(errors.MissingToolError, ValueError)
    assert not issubclass(errors.ExecutorError, ValueError)


@pytest.mark.parametrize("error", FAMILY.values(), ids=FAMILY)
def test_described_and_drawn(error):
    assert error.__doc__.strip().endswith(".")
    assert error.__name__ in errors.__doc__


@pytest.mark.parametrize("error", FAMILY.values(), ids=FAMILY)
def test_message_survives_another_process(error):
    """Workers send their errors to the process that reports them."""
    text = "scan.nii is not a file, but a scan is expected. Check the path."
    back = pickle.loads(pickle.dumps(error(text)))
    assert type(back) is error
    assert str(back) == text
