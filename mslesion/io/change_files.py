"""The change map of a pair of visits and its transforms, as files."""

from pathlib import Path

import numpy as np
import pandas as pd

from mslesion.imaging.itk import LPS
from mslesion.io.derivatives import map_path, write_map
from mslesion.io.nifti import Scan, write_bytes
from mslesion.io.tables import write_tsv
from mslesion.schema.change_map import CHANGE_NAMES


def change_path(folder: str | Path, name: str, *, with_before: bool) -> Path:
    """Where the change map of a pair lies: in the folder of its second visit.

    Parameters
    ----------
    folder : str or Path
        The second visit's ``anat`` folder.
    name : str
        Start of its file names, such as ``sub-01_ses-2``.
    with_before : bool
        Whether the first visit is the one just before; the pair with an earlier one gets
        ``desc-first``.

    Returns
    -------
    Path
    """
    more = "" if with_before else "desc-first_"
    return map_path(folder, name, f"seg-lesionchange_{more}dseg")


def write_change_map(path: Path, change_map: np.ndarray, *, scan: Scan, **more) -> None:
    """Write a change map, its sidecar and its lookup table.

    Parameters
    ----------
    path : Path
        As `change_path` gives it.
    change_map : (I, J, K) uint8 array
        Values of `CHANGE_NAMES`.
    scan : Scan
        The second visit's scan, whose grid it lies on.
    **more
        Further entries of the sidecar.
    """
    write_map(path, change_map, scan=scan, description="Lesion change since another visit", **more)
    lookup = pd.DataFrame({"index": list(CHANGE_NAMES), "name": list(CHANGE_NAMES.values())})
    write_tsv(lookup, path.with_suffix("").with_suffix(".tsv"))


def transform_label(text: str) -> str:
    """A modality or session as BIDS label.

    Parameters
    ----------
    text : str
        Such as ``T1wGd``.

    Returns
    -------
    str

    Examples
    --------
    >>> transform_label("T1wGd"), transform_label("ses-01")
    ('T1wGd', 'ses01')
    """
    return "".join(letter for letter in text if letter.isalnum())


def transform_path(folder: str | Path, name: str, start: str) -> Path:
    """Where a transform to a visit's own grid lies.

    Parameters
    ----------
    folder : str or Path
        The visit's ``anat`` folder.
    name : str
        Start of its file names.
    start : str
        Label of what it comes from.

    Returns
    -------
    Path
    """
    return Path(folder) / f"{name}_from-{start}_to-orig_mode-image_xfm.txt"


def write_transform(matrix: np.ndarray, folder: str | Path, *, name: str, start: str) -> Path:
    """Write a rigid transform in ITK's format: images from `start` come to the visit's grid.

    Parameters
    ----------
    matrix : (4, 4) array
        From world points of the visit to those of `start`, in mm, RAS+: an image is
        brought over by asking for each of its points.
    folder : str or Path
        The visit's ``anat`` folder.
    name : str
        Start of its file names.
    start : str
        Label of what it comes from.

    Returns
    -------
    Path
    """
    lps = LPS @ np.asarray(matrix, np.float64) @ LPS
    numbers = " ".join(repr(float(v)) for v in [*lps[:3, :3].ravel(), *lps[:3, 3]])
    text = (
        "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_3_3\n"
        f"Parameters: {numbers}\nFixedParameters: 0 0 0\n"
    )
    path = transform_path(folder, name, start)
    write_bytes(text.encode(), path)
    return path
