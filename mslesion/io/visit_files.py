"""Which files of a folder made elsewhere belong to a visit."""

import re
from collections.abc import Sequence
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit, as_label

ENDING = r"\.(nii|nii\.gz|mgz)$"
"""How the name of an image ends, as a pattern."""

_IMAGE = re.compile(ENDING, re.IGNORECASE)


def files_of_visit(
    folder: Path, visit: Visit, *, skip: re.Pattern, what: str, option: str
) -> list[Path]:
    """The images in a folder that belong to a visit.

    Looked for in ``sub-X/ses-Y`` and ``X/Y`` below the folder, then among all files
    whose path holds both labels, the subject's first.

    Parameters
    ----------
    folder : Path
        Where the images are.
    visit : Visit
        Whose images.
    skip : re.Pattern
        Names that are passed over.
    what : str
        What the images are, in the plural, for the error.
    option : str
        The command's option that names the folder, for the error.

    Returns
    -------
    list of Path
        In order of their names.

    Raises
    ------
    DatasetError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is no folder, but {what} are expected there. Check {option}.")
    files = [path for path in sorted(folder.rglob("*")) if _IMAGE.search(path.name)]
    files = [path for path in files if not skip.search(path.name)]
    own = [path for path in files if _is_in_folder_of(path.relative_to(folder), visit)]
    return own or [path for path in files if _names(path.relative_to(folder), visit)]


def matching(files: Sequence[Path], pattern: str, *, below: Path) -> list[Path]:
    """The files whose path below a folder matches a pattern, capitals or not.

    Parameters
    ----------
    files : sequence of Path
        The files.
    pattern : str
        A regular expression, looked for in the path with forward slashes.
    below : Path
        The folder.

    Returns
    -------
    list of Path
    """
    return [
        path
        for path in files
        if re.search(pattern, path.relative_to(below).as_posix(), re.IGNORECASE)
    ]


def only_one(found: Sequence[Path], *, folder: Path, visit: Visit, what: str) -> Path | None:
    """The one file of a visit.

    Parameters
    ----------
    found : sequence of Path
        What may be it; files in MNI space are passed over where there is another.
    folder : Path
        Where it was looked for.
    visit : Visit
        Whose it is.
    what : str
        What it is, in the plural, for the error.

    Returns
    -------
    Path or None
        None where nothing was found.

    Raises
    ------
    DatasetError
        If there are several.
    """
    found = [path for path in found if "space-mni" not in path.name.lower()] or found
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found[:4])
        raise DatasetError(
            f"{folder} has {len(found)} {what} of {visit.name} ({names}), but one is expected. "
            "Keep one."
        )
    return found[0] if found else None


def _is_in_folder_of(path: Path, visit: Visit) -> bool:
    """Whether a path starts with the folders of a visit."""
    wanted = [visit.subject, visit.session] if visit.session else [visit.subject]
    folders = zip(path.parts[:-1], ("sub", "ses"), strict=False)
    return [as_label(name, kind) for name, kind in folders][: len(wanted)] == wanted


def _names(path: Path, visit: Visit) -> bool:
    """Whether a path holds the labels of a visit: the subject's, then the session's."""
    in_name, in_folders = (_words(text) for text in (path.name, path.parent.as_posix()))
    is_subjects = len(path.parts) > 1 and as_label(path.parts[0], "sub") == visit.subject
    if is_subjects and visit.session and _end_of(in_name, visit.session, "ses"):
        return True
    for words in (in_name, in_folders):
        after = _end_of(words, visit.subject, "sub")
        if after and (not visit.session or _end_of(words[after:], visit.session, "ses")):
            return True
    return False


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z0-9]+", text)


def _end_of(words: list[str], label: str, prefix: str) -> int:
    """Where the first run of words ends that together are a label; 0 if none is.

    A date 20200131 may be written as 2020-01-31, a subject P01 as P_01. What stands
    behind the other prefix is none: ses-02 is no subject 02.
    """
    for start in range(len(words)):
        if start and words[start - 1] in {"sub", "ses"} - {prefix}:
            continue
        run = ""
        for end in range(start, len(words)):
            run += words[end]
            if run in (label, prefix + label):
                return end + 1
    return 0
