"""Links and pointers that stand for a file whose content is not on this computer.

A dataset of DataLad or git-annex holds links, one of git-lfs text files, until the content of a
file is asked for.
"""

from pathlib import Path

MAX_POINTER_BYTES = 1024
"""A larger file is not a pointer (exclusive)."""
_ANNEX_FOLDER = "annex/objects/"
_ANNEX_POINTER, _LFS_POINTER = b"/annex/objects/", b"version https://git-lfs.github.com/spec/"


def missing_content(path: str | Path) -> str:
    """Why a file that has a name has no content.

    Parameters
    ----------
    path : str or Path
        A file, link or pointer.

    Returns
    -------
    str
        What it is and how to get its content: the text of an error. Empty if the content is
        there, or if there is no such name.
    """
    path = Path(path)
    if path.is_symlink() and not path.exists():
        target = path.readlink().as_posix()
        if _ANNEX_FOLDER in target:
            return _text(path, "a link of git-annex", "datalad get", "git annex get")
        return (
            f"{path} is a link to {target}, which does not exist, but its content is needed. "
            "Correct the link, or put the file there."
        )
    try:
        is_small = path.is_file() and path.stat().st_size <= MAX_POINTER_BYTES
        start = path.read_bytes() if is_small else b""
    except OSError:  # whoever needs the content says why it cannot be read
        return ""
    if start.startswith(_ANNEX_POINTER):
        return _text(path, "a pointer of git-annex", "datalad get", "git annex get")
    if start.startswith(_LFS_POINTER):
        return (
            f"{path} is a pointer of git-lfs without its content, but the content is needed. "
            "Download it with: git lfs pull."
        )
    return ""


def _text(path: Path, what: str, *commands: str) -> str:
    ways = ", or ".join(f"{command} {path.name}" for command in commands)
    return (
        f"{path} is {what} without its content, but the content is needed. Download it in its "
        f"folder with: {ways}."
    )
