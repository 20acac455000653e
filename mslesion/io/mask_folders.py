"""Lesion masks of a folder without scans: the paths themselves say whose each mask is.

Where the visits are known, their masks are looked for (`mslesion.io.lesion_masks`).
"""

import re
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import as_label
from mslesion.io.visit_files import ENDING

_FOLDER = r"^(?:sub-[A-Za-z0-9]+_)?{}-([A-Za-z0-9]+)(?:_|$)"
_NAME = r"(?:^|_){}-([A-Za-z0-9]+)"
"""How a label stands in the name of a folder (at its start) and in that of a file."""
_ENDING = re.compile(ENDING, re.IGNORECASE)


def list_masks(folder: str | Path, *, pattern: str = "*") -> dict[tuple[str, str], list[Path]]:
    """Images of a folder by participant and session.

    The labels are those after ``sub-`` and ``ses-`` in the path. Without them a path
    PATIENT/VISIT.nii.gz or PATIENT/VISIT/... gives them, and a file directly in the folder
    is a participant of its own.

    Parameters
    ----------
    folder : str or Path
        Where the masks are.
    pattern : str
        Which files, such as ``*_mask.nii.gz``.

    Returns
    -------
    dict of (str, str) to list of Path
        Files by participant and session label, without ``sub-`` and ``ses-``; the session
        is empty where there is none. Hidden files are left out.

    Raises
    ------
    DatasetError
        If there is no such folder, or no image in it that fits the pattern.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder, but masks are expected in it. Check it.")
    masks: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(folder.rglob(pattern)):
        if _ENDING.search(path.name) and not path.name.startswith("."):
            masks.setdefault(_labels(path.relative_to(folder)), []).append(path)
    if not masks:
        raise DatasetError(
            f"{folder} has no image that fits {pattern!r}, but masks are expected in it. Check the "
            "folder and the pattern."
        )
    return masks


def the_only_mask(paths: list[Path], *, folder: str | Path) -> Path:
    """The mask of one visit.

    Parameters
    ----------
    paths : list of Path
        What `list_masks` found of it.
    folder : str or Path
        Where it was looked for, for the error.

    Returns
    -------
    Path

    Raises
    ------
    DatasetError
        If there is none, or more than one.
    """
    if len(paths) != 1:
        names = f" ({', '.join(path.name for path in paths)})" if paths else ""
        raise DatasetError(
            f"{folder} has {len(paths) or 'no'} mask{'s' * (len(paths) > 1)} of this visit{names}, "
            f"but one is expected. {'Choose one with a pattern' if paths else 'Add it'}."
        )
    return paths[0]


def _labels(path: Path) -> tuple[str, str]:
    """Participant and session label of a path below the folder."""
    subject, session = (_entity(path, entity) for entity in ("sub", "ses"))
    if subject:
        return subject, session
    parts = [*path.parts[:-1], _ENDING.sub("", path.name)]
    if len(parts) == 1:
        return as_label(parts[0], "sub"), ""
    return as_label(parts[0], "sub"), as_label(parts[1], "ses")


def _entity(path: Path, entity: str) -> str:
    """Label of an entity: of the first folder called so, else in the file's name; else empty."""
    found = [re.match(_FOLDER.format(entity), folder) for folder in path.parts[:-1]]
    found.append(re.search(_NAME.format(entity), path.name))
    return next((match[1] for match in found if match), "")
