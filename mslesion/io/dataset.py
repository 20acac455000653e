"""Which scans a folder holds: BIDS datasets and plain trees, visit by visit."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from mslesion.clinical.file_content import missing_content
from mslesion.clinical.ratings import dataset_ratings
from mslesion.clinical.sidecars import facts_of_sidecars
from mslesion.clinical.visit_facts import VisitFacts, resolve_facts
from mslesion.errors import DatasetError
from mslesion.io.names import bids_modality, plain_modality
from mslesion.io.scan_choice import ScanChoice, choose_scan
from mslesion.schema.modalities import NAMES, reference_of
from mslesion.schema.ratings import Ratings

NO_FILE = (
    "{0} has no file, but scans are expected. If it is a DataLad subdataset or a git submodule, "
    "install it (datalad get -n {0}); otherwise remove the folder."
)


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit: whose, when, and which files."""

    subject: str
    """Label of letters and digits, without ``sub-``."""
    session: str
    """Label of letters and digits, without ``ses-``; empty if there is none."""
    scans: Mapping[str, Path]
    """Path by modality, of `mslesion.schema.modalities`."""
    facts: VisitFacts = field(default_factory=VisitFacts)
    choices: tuple[ScanChoice, ...] = ()
    """Which scan was taken of each modality that has several."""
    problem: str = ""
    """Why the visit cannot be used; empty if it can."""

    @property
    def name(self) -> str:
        """Start of the names of all its files, such as ``sub-01_ses-2``."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Its folder in a BIDS dataset, such as ``sub-01/ses-2``."""
        folder = Path(f"sub-{self.subject}")
        return folder / f"ses-{self.session}" if self.session else folder


def find_visits(
    root: str | Path,
    *,
    participants: tuple[str, ...] = (),
    sessions: tuple[str, ...] = (),
    prefer: str = "",
    ratings: str | Path | Iterable[str | Path] | Ratings = (),
) -> list[Visit]:
    """All visits of a BIDS dataset or a plain tree, in order.

    A folder with ``sub-*`` folders is taken for BIDS. Else every folder
    ``PATIENT/VISIT`` (or ``PATIENT``) with NIfTI files is a visit; scans are recognised by
    ``flair``, ``t1``, ``t2`` in their names, visit folders may be dates.

    Parameters
    ----------
    root : str or Path
        The dataset.
    participants, sessions : tuple of str
        Labels to keep, with or without ``sub-`` and ``ses-``; empty keeps all.
    prefer : str
        Where a visit has several scans of one modality, one whose name holds this text is
        taken (`mslesion.io.scan_choice.choose_scan`).
    ratings : str, Path or iterable of them, or Ratings
        Files and folders of clinical data beside those of the dataset itself; or all of it, as
        `mslesion.clinical.ratings.dataset_ratings` reads it.

    Returns
    -------
    list of Visit
        Visits without FLAIR and T1w, or whose files cannot be read, carry the reason in
        `problem`.

    Raises
    ------
    DatasetError
        If the folder does not exist, or nothing in it can be used, or a label that
        was asked for is not there.
    TableError
        If a table of clinical data has a wrong cell, or values contradict each other.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as root:
    ...     anat = Path(root) / "sub-01" / "ses-1" / "anat"
    ...     anat.mkdir(parents=True)
    ...     (anat / "sub-01_ses-1_FLAIR.nii.gz").touch()
    ...     [(visit.name, list(visit.scans)) for visit in find_visits(root)]
    [('sub-01_ses-1', ['FLAIR'])]
    """
    root = Path(root)
    try:
        if not root.is_dir():
            raise DatasetError(
                f"{root} is not a folder, but a dataset is expected. Check the path."
            )
        if not isinstance(ratings, Ratings):
            ratings = dataset_ratings(root, ratings, participants=participants)
        find = partial(
            _bids_visits if _is_bids(root) else _plain_visits, root, prefer=prefer, ratings=ratings
        )
        wanted = {as_label(label, "sub") for label in participants}
        visits = find(wanted=wanted)
        if wanted - {visit.subject for visit in visits}:  # the error names those that are there
            visits = find(wanted=set())
    except PermissionError as error:
        raise DatasetError(
            f"{error.filename} cannot be read, but the whole dataset is read. Change the "
            "permissions of the folder."
        ) from error
    if not visits:
        raise DatasetError(
            f"{root} has no scans, but sub-*/[ses-*/]anat/*_FLAIR.nii.gz (BIDS) or "
            "PATIENT/VISIT/*flair*.nii.gz is expected. Check the path and the file names."
        )
    _check_labels(visits, root)
    visits = keep_labelled(visits, participants, attribute="subject", root=root)
    return keep_labelled(visits, sessions, attribute="session", root=root)


def _is_bids(root: Path) -> bool:
    """Whether a folder has a folder of a BIDS subject."""
    return any(path.name.startswith("sub-") and path.is_dir() for path in root.iterdir())


def _bids_visits(root: Path, *, prefer: str, ratings: Ratings, wanted: set[str]) -> list[Visit]:
    """Visits of a BIDS dataset: of some subjects, or of all if none is named."""
    visits = []
    for folder in _folders(root, "sub-", names={f"sub-{label}" for label in wanted}):
        subject = folder.name.removeprefix("sub-")
        for part in [folder, *_folders(folder, "ses-")]:
            files = sorted((part / "anat").iterdir()) if (part / "anat").is_dir() else []
            by_modality = _by_modality(files, bids_modality)
            session = part.name.removeprefix("ses-") if part is not folder else ""
            if not by_modality:
                if _has_no_file(part):
                    visits.append(Visit(subject, session, {}, problem=NO_FILE.format(part)))
                continue
            visit = _choose(Visit(subject, session, {}), by_modality, prefer=prefer, root=root)
            visits.append(_with_facts(visit, ratings, root=root))
    return visits


def _has_no_file(part: Path) -> bool:
    """Whether a participant or session is an empty folder, as one that was not installed.

    Of a participant with sessions each session is looked at.
    """
    is_above_sessions = part.name.startswith("sub-") and _folders(part, "ses-")
    return not is_above_sessions and all(path.is_dir() for path in part.rglob("*"))


def _plain_visits(root: Path, *, prefer: str, ratings: Ratings, wanted: set[str]) -> list[Visit]:
    """Visits of a tree PATIENT[/VISIT]/scans: of some patients, or of all if none is named."""
    visits = []
    patients = [one for one in _folders(root) if not wanted or as_label(one.name, "sub") in wanted]
    for folder in sorted([*patients, *(part for one in patients for part in _folders(one))]):
        parts = folder.relative_to(root).parts
        subject = as_label(parts[0], "sub")
        session = as_label(parts[1], "ses") if len(parts) == 2 else ""
        modality_of = partial(plain_modality, labels=(subject, session))
        by_modality = _by_modality(sorted(folder.iterdir()), modality_of)
        if not by_modality:
            continue
        visit = _choose(Visit(subject, session, {}), by_modality, prefer=prefer)
        visits.append(_with_facts(visit, ratings, folder=parts[-1]))
    return visits


def _by_modality(files: Iterable[Path], modality_of: Callable[[str], str]) -> dict[str, list[Path]]:
    """The files that are scans, by modality."""
    found: dict[str, list[Path]] = {}
    for path in files:
        if modality := modality_of(path.name):
            found.setdefault(modality, []).append(path)
    return found


def _folders(folder: Path, start: str = "", *, names: Collection[str] = ()) -> list[Path]:
    """Folders in a folder, hidden ones left out; unlike a glob it passes over none.

    A glob takes a folder that may not be read for an empty one, and passes over a link that leads
    nowhere: its patients would be missing without a word.
    """
    found = [path for path in folder.iterdir() if path.name.startswith(start)]
    found = [path for path in found if path.name in names] if names else found
    for path in found if start else ():
        if path.is_symlink() and (problem := missing_content(path)):
            raise DatasetError(problem)
    return sorted(path for path in found if path.is_dir() and not path.name.startswith("."))


def _with_facts(
    visit: Visit, ratings: Ratings, *, root: Path | None = None, folder: str = ""
) -> Visit:
    """The visit with its facts, or with the problem of reading its sidecars."""
    try:
        sidecars = facts_of_sidecars(visit.scans, root=root)
    except DatasetError as error:
        return replace(visit, problem=visit.problem or str(error))
    who = {"subject": visit.subject, "session": visit.session}
    return replace(visit, facts=resolve_facts(ratings, **who, sidecars=sidecars, folder=folder))


def as_label(text: str, prefix: str) -> str:
    """The BIDS label that a folder's name or an asked-for label becomes.

    Parameters
    ----------
    text : str
        Name with or without the prefix.
    prefix : {"sub", "ses"}
        Taken off where a number or a sign follows it.

    Returns
    -------
    str
        Letters and digits only.

    Examples
    --------
    >>> as_label("sub-01", "sub"), as_label("subject_01", "sub"), as_label("2020-01-31", "ses")
    ('01', 'subject01', '20200131')
    """
    bare = re.sub(rf"^{prefix}(?=[^A-Za-z])", "", text)
    return re.sub(r"[^A-Za-z0-9]", "", bare)


def _choose(
    visit: Visit, by_modality: dict[str, list[Path]], *, prefer: str, root: Path | None = None
) -> Visit:
    """The visit with one scan of each modality, or with its problem."""
    scans, choices = {}, []
    try:
        for modality in (name for name in NAMES if name in by_modality):
            found = by_modality[modality]
            choice = choose_scan(modality, found, prefer=prefer, root=root)
            scans[modality] = choice.path
            if choice.others:
                choices.append(choice)
        problem = next(filter(None, map(missing_content, scans.values())), "")
    except DatasetError as error:
        problem = str(error)
    if not problem and reference_of(scans) is None:
        problem = (
            f"{visit.name} has {' and '.join(scans) or 'no scan'}, but FLAIR or T1w is needed. "
            "Add one of them or leave the visit out."
        )
    return replace(visit, scans=scans, choices=tuple(choices), problem=problem)


def _check_labels(visits: list[Visit], root: Path) -> None:
    """Raise if two folders came to have the same labels."""
    seen = set()
    for visit in visits:
        if not visit.subject or visit.name in seen:
            raise DatasetError(
                f"{root} has two folders that become {visit.name}, but labels keep only letters "
                "and digits and must differ. Rename one of them."
            )
        seen.add(visit.name)


def keep_labelled(
    visits: Sequence[Visit], labels: Sequence[str], *, attribute: str, root: Path
) -> list[Visit]:
    """Only the visits whose subject or session is asked for.

    Parameters
    ----------
    visits : sequence of Visit
        Visits of a dataset.
    labels : sequence of str
        Labels to keep, with or without ``sub-`` and ``ses-``; empty keeps all.
    attribute : {"subject", "session"}
        What they are labels of.
    root : Path
        The dataset, for the error.

    Returns
    -------
    list of Visit

    Raises
    ------
    DatasetError
        If a label that was asked for is not there.
    """
    if not labels:
        return list(visits)
    prefix = {"subject": "sub", "session": "ses"}[attribute]
    wanted = [as_label(label, prefix) for label in labels]
    there = {getattr(visit, attribute) for visit in visits}
    missing = [label for label in wanted if label not in there]
    if missing:
        raise DatasetError(
            f"{root} has no {prefix}-{missing[0]}, but it was requested. Choose among: "
            f"{', '.join(sorted(there)[:20])}."
        )
    return [visit for visit in visits if getattr(visit, attribute) in wanted]
