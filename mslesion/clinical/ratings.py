"""Clinical data and ratings: BIDS tables and CSV files with the columns of `RATED_COLUMNS`.

What is not given is not known; it never means "no". A file with one wrong cell is refused as
a whole.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mslesion.clinical.cells import SESSIONS_FILE, Cell, read_cells, wrong
from mslesion.clinical.checks import check_dates, check_visit
from mslesion.errors import TableError
from mslesion.schema.identifiers import SUBJECT, identifier
from mslesion.schema.ratings import (
    COLUMN_BY_NAME,
    KEYS,
    LESION,
    MAY_DISAGREE,
    PERSON,
    VISIT,
    LesionRating,
    Place,
    Ratings,
    Statement,
)

BIDS_TABLES = ("participants.tsv", "sessions.tsv")
"""Tables of a whole BIDS dataset."""
RATINGS_FOLDER = "ratings"
"""Folder of a dataset whose .csv files are read, beside its BIDS tables."""


def read_ratings(paths: str | Path | Iterable[str | Path]) -> Ratings:
    """Read clinical data and ratings.

    Parameters
    ----------
    paths : str, Path or iterable of them
        CSV or TSV files, or folders. Of a BIDS folder ``participants.tsv``,
        ``sessions.tsv`` and ``sub-*/sub-*_sessions.tsv`` are read, of another folder every
        ``.csv`` directly in it. Other columns of BIDS tables are ignored; in CSV files every
        column must be declared. Of two files that disagree on a date, an age or a scanner the
        later one is used.

    Returns
    -------
    Ratings

    Raises
    ------
    TableError
        If a file cannot be read, a column or value is not as declared, a row is repeated, or
        values contradict each other.
    """
    paths = [paths] if isinstance(paths, str | Path) else list(paths)
    cells: dict[Place, dict[str, list[Cell]]] = {}
    lesions: dict[Place, list[LesionRating]] = {}
    for path in (file for given in paths for file in _files(Path(given))):
        for (subject, session), row in _read_file(path):
            for name, cell in row.items():
                of = COLUMN_BY_NAME[name].of
                if of != LESION:
                    place = (subject, None if of == PERSON else session)
                    _add(cells.setdefault(place, {}), name, cell)
            rating = {n: cell for n, cell in row.items() if COLUMN_BY_NAME[n].of == LESION}
            if rating:
                lesions.setdefault((subject, session), []).append(_lesion(rating))
    used = {place: {name: found[0] for name, found in row.items()} for place, row in cells.items()}
    for place in dict.fromkeys([*cells, *lesions]):
        person, visit = used.get((place[0], None), {}), used.get(place, {})
        check_dates({**person, **visit})
        check_visit({**person, **visit}, lesions.get(place, ()))
    return Ratings(
        facts={
            place: {name: cell.value for name, cell in row.items()} for place, row in used.items()
        },
        lesions={place: tuple(rated) for place, rated in lesions.items()},
        folders=tuple(Path(given) for given in paths if Path(given).is_dir()),
        statements={
            place: {name: tuple(map(_statement, found)) for name, found in row.items()}
            for place, row in cells.items()
        },
    )


def find_ratings(
    root: str | Path,
    more: str | Path | Iterable[str | Path] = (),
    *,
    participants: Iterable[str] = (),
) -> list[Path]:
    """Find the files and folders of clinical data: those of a dataset, and those named.

    Parameters
    ----------
    root : str or Path
        The dataset. Its BIDS tables and the folder `RATINGS_FOLDER` count, where they are.
    more : str, Path or iterable of them
        Other files or folders.
    participants : iterable of str
        Only the ``sub-X_sessions.tsv`` of these labels, with or without ``sub-``; all if empty.

    Returns
    -------
    list of Path
        Each path once, in the order in which `read_ratings` needs them: later ones are used
        where two disagree.
    """
    root = Path(root)
    more = [more] if isinstance(more, str | Path) else more
    own = [path for name in BIDS_TABLES if _is_named(path := root / name)]
    subjects = [identifier(label, SUBJECT) for label in participants] or ["sub-*"]
    own += sorted(path for name in subjects for path in root.glob(f"{name}/sub-*_sessions.tsv"))
    folder = root / RATINGS_FOLDER
    own += [folder] if folder.is_dir() and _has_file(folder) else []
    found = {path.resolve(): path for path in [*own, *map(Path, more)]}
    inside = {
        path.resolve() for other in found.values() if other.is_dir() for path in other.iterdir()
    }
    return [path for key, path in found.items() if key not in inside or path.is_dir()]


def dataset_ratings(
    root: str | Path,
    more: str | Path | Iterable[str | Path] = (),
    *,
    participants: Iterable[str] = (),
) -> Ratings:
    """Read all clinical data and ratings of a dataset.

    Parameters
    ----------
    root : str or Path
        The dataset. If the folder does not exist, only `more` is read.
    more : str, Path or iterable of them
        Other files or folders.
    participants : iterable of str
        As for `find_ratings`.

    Returns
    -------
    Ratings
        Empty if there are no tables.

    Raises
    ------
    TableError
        As by `read_ratings`.
    """
    paths = find_ratings(root, more, participants=participants)
    return read_ratings(paths) if paths else Ratings()


def _is_named(path: Path) -> bool:
    """Whether there is a file, or a link whose content is missing, which is an error later."""
    return path.is_file() or path.is_symlink()


def _has_file(folder: Path) -> bool:
    """Whether there is anything in a folder but hidden files, such as ``.gitkeep``."""
    return any(not path.name.startswith(".") for path in folder.iterdir())


def _files(path: Path) -> list[Path]:
    """The files to read: the path itself, or those of a folder."""
    if not path.is_dir():
        return [path]
    files = [path / name for name in BIDS_TABLES if _is_named(path / name)]
    files += sorted(path.glob("sub-*/sub-*_sessions.tsv"))
    files = files or sorted(path.glob("*.csv"))
    if not files:
        raise TableError(
            f"{path} has no table, but participants.tsv, sub-*/sub-*_sessions.tsv or "
            "a .csv file is expected. Check the path."
        )
    return files


def _read_file(path: Path) -> list[tuple[Place, dict[str, Cell]]]:
    """Known values of each row of one file, with the place they belong to; no row twice."""
    by_name = SESSIONS_FILE.fullmatch(path.name)
    named = by_name[1] if by_name else ""
    is_bids = bool(named) or path.name in BIDS_TABLES
    rows: list[tuple[Place, dict[str, Cell]]] = []
    seen: dict[tuple, int] = {}
    for row in read_cells(path, strict=not is_bids):
        subject = row["participant_id"].value if "participant_id" in row else named
        place = (subject, row["session_id"].value if "session_id" in row else None)
        facts = {n: cell for n, cell in row.items() if n not in KEYS and cell.value is not None}
        if place[1] is None:
            _check_holds_for_all(facts)
        lesion = tuple(facts[n].value for n in ("lesion", "x_mm", "y_mm", "z_mm") if n in facts)
        line = next(iter(row.values())).row
        if (place, lesion) in seen:
            raise TableError(
                f"{path}, row {line} repeats row {seen[place, lesion]} (sub-{subject}), but one "
                "row is expected. Remove one of them."
            )
        seen[place, lesion] = line
        rows.append((place, facts))
    return rows


def _check_holds_for_all(facts: Mapping[str, Cell]) -> None:
    """Raise for a value of one visit or lesion in a row without a session."""
    for name, cell in facts.items():
        if COLUMN_BY_NAME[name].of in (VISIT, LESION):
            raise wrong(
                cell,
                "a session_id in the same row",
                "Add the column session_id; leave its cell empty if the visits have no label.",
            )


def _add(facts: dict[str, list[Cell]], name: str, cell: Cell) -> None:
    """Put a value before those of earlier tables; only some facts may have two."""
    there = facts.setdefault(name, [])
    if there and name not in MAY_DISAGREE and there[0].value != cell.value:
        first = there[0]
        raise wrong(cell, f"{str(first.value)!r}, as in {first.place},", "Correct one of them.")
    there.insert(0, cell)


def _statement(cell: Cell) -> Statement:
    """A value and its source: the file name alone, since a path names the machine."""
    return Statement(cell.value, f"{cell.path.name}, column {cell.column!r}")


def _lesion(row: Mapping[str, Cell]) -> LesionRating:
    """One rated lesion; it must say which lesion it is."""
    cell = next(iter(row.values()))
    values = {name: value.value for name, value in row.items()}
    position = tuple(values.pop(axis, None) for axis in ("x_mm", "y_mm", "z_mm"))
    if None in position and position != (None, None, None):
        raise TableError(
            f"{cell.path}, row {cell.row} has only some of x_mm, y_mm, z_mm, but a position "
            "needs all three. Give all of them, or the number of the lesion."
        )
    if None in position and "lesion" not in values:
        raise TableError(
            f"{cell.path}, row {cell.row} does not identify the rated lesion, but x_mm, y_mm, "
            "z_mm or lesion is required. Add one of them."
        )
    return LesionRating(
        **values,
        position_mm=None if None in position else position,
        place=f"{cell.path}, row {cell.row}",
    )
