"""The version of the package."""

from functools import cache
from importlib.metadata import version


@cache
def package_version() -> str:
    """The version, read once: it stands in every record.

    Returns
    -------
    str
    """
    return version("mslesion")
