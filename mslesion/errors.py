"""The errors of mslesion. Every message ends with what the user can do.

::

    MSLesionError
    ├── ImageError       a scan that cannot be read or used
    ├── GeometryError    grids, affines and sizes that do not fit
    ├── MaskError        a file that is not a mask, or the mask of another scan
    ├── TableError       a table with a wrong column, type or value
    ├── DatasetError     a folder without the files or names expected
    ├── SettingsError    a setting that does not exist or cannot be
    ├── OutputError      a file that cannot be written
    ├── MissingToolError a package that is not installed
    ├── ExecutorError    a cluster that does not take the jobs, or is lost
    └── StepError        a step that gave nothing one can trust

Each is a `ValueError` as well (`OutputError` an `OSError`, `MissingToolError` an
`ImportError`, `ExecutorError` a `RuntimeError`), so that an ordinary ``except`` catches it.
"""


class MSLesionError(Exception):
    """Any error that mslesion raises on purpose."""


class ImageError(MSLesionError, ValueError):
    """A scan cannot be read, or holds nothing that can be measured."""


class GeometryError(MSLesionError, ValueError):
    """Grids, affines or sizes do not fit."""


class MaskError(MSLesionError, ValueError):
    """A mask is not binary, or belongs to another scan."""


class TableError(MSLesionError, ValueError):
    """A table has a wrong column, type or value."""


class DatasetError(MSLesionError, ValueError):
    """A folder lacks the files or names that are expected."""


class SettingsError(MSLesionError, ValueError):
    """A setting does not exist, or has a value it cannot have."""


class OutputError(MSLesionError, OSError):
    """A file cannot be written."""


class MissingToolError(MSLesionError, ImportError):
    """A package that is asked for is not installed."""


class ExecutorError(MSLesionError, RuntimeError):
    """The cluster that does the jobs cannot do them, or is lost."""


class StepError(MSLesionError, ValueError):
    """A step of the work gave nothing that can be trusted."""
