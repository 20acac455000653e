"""Pairs of visits: which there are, and the record of each that is finished."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path

from mslesion.pipeline.visit.records import IS_THERE, READ, digest, read_json_record
from mslesion.schema.session_order import order_of_labels
from mslesion.schema.time import iso_day
from mslesion.schema.version import package_version

PAIR_FORMAT = 10
"""Raised when records of older versions can no longer be read."""
PAIR_KEYS = (
    "subject", "session_from", "session_to", "made_from", "change", "lesions", "links",
    "expansions", "checks", "to_first",
)  # fmt: skip
"""What the record of every pair has."""

Record = Mapping


@dataclass(frozen=True, slots=True)
class Pair:
    """Two visits of one subject that are compared."""

    subject: str
    session_from: str
    session_to: str
    is_with_before: bool
    """Whether the first visit is the one just before the second."""

    @property
    def name(self) -> str:
        """Such as ``sub-01_ses-1_ses-2``."""
        return f"sub-{self.subject}_ses-{self.session_from}_ses-{self.session_to}"


def day_of(record: Record) -> date | None:
    """Day of a visit.

    Parameters
    ----------
    record : mapping
        The visit's record.

    Returns
    -------
    date or None
    """
    return next((iso_day(row.get("visit_date")) for row in record["visits"]), None)


def in_time(records: Sequence[Record]) -> list[Record]:
    """Visits of one subject, the earliest first.

    Labels that say an order clearly (`order_of_labels`) are in this order; if dates contradict
    it, one of them is wrong, and the pair's check of the days says so. Other labels are ordered
    by the dates, if all are known. Without them any order would be a guess: it is that of the
    alphabet, and pairs of which it is not known which visit came first are not assessable.

    Parameters
    ----------
    records : sequence of mapping
        Records of the visits.

    Returns
    -------
    list of mapping

    Examples
    --------
    >>> def visit(label, day=None):
    ...     return {"session": label, "visits": [{"visit_date": day}]}
    >>> [r["session"] for r in in_time([visit("M12"), visit("M6")])]
    ['M6', 'M12']
    >>> [r["session"] for r in in_time([visit("a", "2021-01-01"), visit("b", "2020-01-01")])]
    ['b', 'a']
    """
    by_session = {record["session"]: record for record in records}
    order = order_of_labels(list(by_session))
    if order is not None:
        return [by_session[session] for session in order]
    by_label = sorted(records, key=lambda record: _parts(record["session"]))
    return by_label if None in map(day_of, by_label) else sorted(by_label, key=day_of)


def is_order_sure(records: Sequence[Record]) -> bool:
    """Whether `in_time` gives any of these visits the same order, whichever of them are missing.

    Parameters
    ----------
    records : sequence of mapping
        Records of the visits.

    Returns
    -------
    bool
        True where the labels say the order clearly, or else the known dates, and what labels say
        of two of the visits, agree with the alphabet.

    Examples
    --------
    >>> def visit(label, day=None):
    ...     return {"session": label, "visits": [{"visit_date": day}]}
    >>> is_order_sure([visit("M12"), visit("M6")])
    True
    >>> is_order_sure([visit("a", "2021-01-01"), visit("b", "2020-01-01")])
    False
    """
    by_label = sorted(records, key=lambda record: _parts(record["session"]))
    labels = [record["session"] for record in by_label]
    if order_of_labels(labels) is not None:
        return True
    if any(order_of_labels(two) == [*reversed(two)] for two in combinations(labels, 2)):
        return False
    days = [day for record in by_label if (day := day_of(record))]
    return days == sorted(days)


def pairs_of(records: Sequence[Record]) -> list[Pair]:
    """The pairs of one subject: each visit with the one before it, and with the first.

    Parameters
    ----------
    records : sequence of mapping
        Records of all its finished visits.

    Returns
    -------
    list of Pair
    """
    visits = in_time(records)
    pairs = []
    for position, visit in enumerate(visits[1:], start=1):
        for start in sorted({0, position - 1}):
            first = visits[start]["session"]
            with_before = start == position - 1
            pairs.append(Pair(visit["subject"], first, visit["session"], with_before))
    return pairs


def pairs_folder(output: Path, subject: str) -> Path:
    """Where the records of the pairs of a subject lie.

    Parameters
    ----------
    output : Path
        The output dataset.
    subject : str
        Label without ``sub-``.

    Returns
    -------
    Path
    """
    return output / "logs" / "pairs" / f"sub-{subject}"


def pair_path(output: Path, pair: Pair) -> Path:
    """Where the record of a pair lies.

    Parameters
    ----------
    output : Path
        The output dataset.
    pair : Pair
        The pair.

    Returns
    -------
    Path
    """
    return pairs_folder(output, pair.subject) / f"{pair.name}.json"


def pair_fingerprint(pair: Pair, *, records: tuple[Record, Record], rule: str) -> dict:
    """What the comparison of a pair depends on.

    Parameters
    ----------
    pair : Pair
        The pair.
    records : tuple of mapping, shape (2,)
        Records of both visits.
    rule : str
        Rule of the size classes.

    Returns
    -------
    dict
        Plain values.
    """
    return {
        "format": PAIR_FORMAT,
        "version": package_version(),
        "visits": [digest(record["made_from"]) for record in records],
        "with_before": pair.is_with_before,
        "rule": rule,
    }


def read_pair(path: Path) -> dict:
    """The record of a finished pair, and its `Part` of the page as "part".

    Parameters
    ----------
    path : Path
        Of the record.

    Returns
    -------
    dict

    Raises
    ------
    DatasetError
        If it cannot be read or lacks something.
    """
    record = read_json_record(path, keys=PAIR_KEYS, what="compared pair", part=READ)
    return record | {"path": path}


def check_pair(path: Path) -> dict:
    """The record of a pair, without its pictures, which must be there.

    Parameters
    ----------
    path : Path
        Of the record.

    Returns
    -------
    dict

    Raises
    ------
    DatasetError
        If it cannot be read or lacks something.
    """
    return read_json_record(path, keys=PAIR_KEYS, what="compared pair", part=IS_THERE)


def finished_pairs(output: Path, records: Sequence[Record]) -> list[dict]:
    """Records of the pairs of one subject that are finished and of its visits as they are.

    Parameters
    ----------
    output : Path
        The output dataset.
    records : sequence of mapping
        Records of the subject's visits.

    Returns
    -------
    list of dict
        In order of time. What is left of a pair whose visit was done again since is not
        among them.

    Raises
    ------
    DatasetError
        If a record cannot be read.
    """
    by_session = {record["session"]: record for record in records}
    found = []
    for pair in pairs_of(records):
        path = pair_path(output, pair)
        if not path.is_file():
            continue
        record = read_pair(path)
        visits = (by_session[pair.session_from], by_session[pair.session_to])
        if record["made_from"]["visits"] == [digest(visit["made_from"]) for visit in visits]:
            found.append(record)
    return found


def _parts(label: str) -> list:
    """Texts and numbers of a label, in turn."""
    return [int(p) if n % 2 else p for n, p in enumerate(re.split(r"(\d+)", label))]
