"""Which files of a folder made elsewhere belong to a known visit.

What the files are called is in `mslesion.io.lesion_masks` and `mslesion.io.anatomy_files`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from mslesion.errors import DatasetError
from mslesion.io.dataset import Visit, as_label
from mslesion.io.names import without_labels

ENDING = r"\.(nii|nii\.gz|mgz)$"
"""How the name of an image ends, as a pattern."""

LONGEST_LABEL = 8
"""So many words of a path at most are the label of a subject."""

_IMAGE = re.compile(ENDING, re.IGNORECASE)


class ImageFolder:
    """A folder of images made elsewhere. It is walked once, for all visits.

    Parameters
    ----------
    path : str or Path
        Where the images are.
    skip : re.Pattern
        File names that are passed over, the labels of the visit apart.
    what : str
        What the images are, in the plural, for errors.
    option : str
        The command's option that names the folder, for errors.

    Raises
    ------
    DatasetError
        If there is no such folder.
    """

    def __init__(self, path: str | Path, *, skip: re.Pattern, what: str, option: str):
        self.path, self.what, self._skip = Path(path), what, skip
        if not self.path.is_dir():
            raise DatasetError(
                f"{path} is not a folder, but {what} are expected there. Check {option}."
            )
        self._images = [
            _Image(path, path.relative_to(self.path))
            for path in sorted(self.path.rglob("*"))
            if _IMAGE.search(path.name) and not path.name.startswith(".")
        ]
        self._by_labels: dict[tuple[str, ...], list[_Image]] = {}
        self._by_text: dict[str, list[_Image]] = {}
        for image in self._images:
            for depth in range(1, len(image.labels) + 1):
                self._by_labels.setdefault(image.labels[:depth], []).append(image)
            for text in image.texts:
                self._by_text.setdefault(text, []).append(image)

    def images_of(self, visit: Visit) -> list[Path]:
        """The images that belong to a visit.

        Looked for in ``sub-X/ses-Y`` and ``X/Y`` below the folder, then among all files
        whose path holds both labels, the subject's first.

        Parameters
        ----------
        visit : Visit
            Visit of the images.

        Returns
        -------
        list of Path
            In order of their names.
        """
        whose = (visit.subject, visit.session) if visit.session else (visit.subject,)
        own = self._kept(self._by_labels.get(whose, ()), visit)
        if not own:
            label = visit.subject
            named = [one for text in (label, "sub" + label) for one in self._by_text.get(text, ())]
            named = sorted(dict.fromkeys(named), key=lambda image: image.path)
            own = self._kept((image for image in named if image.names(visit)), visit)
        return own

    def _kept(self, images: Iterable["_Image"], visit: Visit) -> list[Path]:
        """The files that are not passed over."""
        labels = (visit.subject, visit.session)
        return [
            image.path
            for image in images
            if not self._skip.search(without_labels(image.path.name, labels))
        ]


def matching(
    files: Sequence[Path], pattern: str, *, visit: Visit, below: Path | None = None
) -> list[Path]:
    """The files whose name matches a pattern, capitals or not, the labels of the visit apart.

    Parameters
    ----------
    files : sequence of Path
        The files.
    pattern : str
        A regular expression.
    visit : Visit
        Whose files they are.
    below : Path, optional
        Look for the pattern in the path below this folder too, with forward slashes: in the name
        of any folder that is not called as the participant or session is.

    Returns
    -------
    list of Path
    """
    labels = (visit.subject, visit.session)
    found = []
    for path in files:
        parts = [without_labels(path.name, labels)]
        if below is not None:
            folders = path.relative_to(below).parts[:-1]
            parts = [name for name in folders if not _is_called(name, visit)] + parts
        if re.search(pattern, "/".join(parts), re.IGNORECASE):
            found.append(path)
    return found


def _is_called(folder: str, visit: Visit) -> bool:
    """Whether a folder has the name of the participant or the session."""
    return as_label(folder, "sub") == visit.subject or as_label(folder, "ses") == visit.session


def only_one(found: Sequence[Path], *, folder: ImageFolder, visit: Visit) -> Path | None:
    """The one file of a visit.

    Parameters
    ----------
    found : sequence of Path
        What may be it; files in MNI space are passed over where there is another.
    folder : ImageFolder
        Where it was looked for.
    visit : Visit
        Whose it is.

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
        names = ", ".join(str(path.relative_to(folder.path)) for path in found[:4])
        raise DatasetError(
            f"{folder.path} has {len(found)} {folder.what} of {visit.name} ({names}), but one is "
            "expected. Keep one."
        )
    return found[0] if found else None


class _Image:
    """An image, and the labels and words that its path is made of."""

    def __init__(self, path: Path, below: Path):
        self.path = path
        folders = zip(below.parts[:-1], ("sub", "ses"), strict=False)
        self.labels = tuple(as_label(name, kind) for name, kind in folders)
        """What its first two folders are as labels of a subject and a session."""
        self._words = (_words(below.name), _words(below.parent.as_posix()))

    @property
    def texts(self) -> set[str]:
        """Whatever could be the label of its subject: runs of words in its path."""
        runs = {
            "".join(words[start:end])
            for words in self._words
            for start in range(len(words))
            for end in range(start + 1, min(len(words), start + LONGEST_LABEL) + 1)
        }
        return runs | set(self.labels[:1])

    def names(self, visit: Visit) -> bool:
        """Whether the path holds the labels of a visit: the subject's, then the session's."""
        in_name = self._words[0]
        is_subjects = self.labels[:1] == (visit.subject,)
        if is_subjects and visit.session and _end_of(in_name, visit.session, "ses"):
            return True
        for words in self._words:
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
