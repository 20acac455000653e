"""The viewer's section of a page: what is shown, the volumes, and the scripts that show them."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from markupsafe import Markup

from mslesion.reports.figures import LOCATION_COLORS, STRUCTURE_COLORS, WHITE
from mslesion.reports.pair_figures import LINES
from mslesion.reports.templating import render
from mslesion.reports.viewer.volumes import ANATOMY, CHANGE, LESIONS
from mslesion.schema.change_map import KEPT
from mslesion.schema.identifiers import session_name
from mslesion.schema.locations import LOCATION_CLASSES
from mslesion.schema.structures import STRUCTURES

ENGINE = "viewer/niivue.umd.js.gz"
"""NiiVue 0.69.0 as published at npm, packed; its licence and those of its parts lie beside it."""
KEPT_COLOR = (204, 121, 167)
"""Of a lesion at both visits, whose line is grey in the pictures: a grey area cannot be seen."""
MAPS = (LESIONS, CHANGE, ANATOMY)
"""What can be laid over a scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedVisit:
    """A visit as the viewer shows it."""

    session: str
    """Label without ``ses-``."""
    day: str
    """When it was, as text; may be empty."""
    volumes: Mapping[str, bytes]
    """Of `mslesion.reports.viewer.volumes.visit_volumes`."""
    locations: Mapping[int, str | None]
    """Location class of each lesion by its number."""
    is_oriented: bool
    """Whether left and right are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewedPair:
    """Two visits side by side."""

    session_from: str
    session_to: str
    to_first: np.ndarray
    """(4, 4) array: from world points of the second visit to those of the first, in mm."""
    change: bytes | None
    """Of `mslesion.reports.viewer.volumes.change_volume`; None without a change map."""


def viewer_section(visits: Sequence[ViewedVisit], pairs: Sequence[ViewedPair]) -> Markup:
    """The section of a page in which the reader looks through the scans.

    Parameters
    ----------
    visits : sequence of ViewedVisit
        In order of time.
    pairs : sequence of ViewedPair
        Pairs of these visits that were brought into one frame.

    Returns
    -------
    Markup
        Empty where no visit has a scan.
    """
    shown = [visit for visit in visits if _scans(visit)]
    if not shown:
        return Markup()
    place = {visit.session: n for n, visit in enumerate(shown)}
    data, described = {}, []

    def keep(content: bytes, name: str) -> str:
        data[name] = base64.b64encode(content).decode()
        return name

    for n, visit in enumerate(shown):
        called = session_name(visit.session) if visit.session else "visit"
        names = {what: keep(content, f"{n}-{what}") for what, content in visit.volumes.items()}
        described.append(
            {
                "session": visit.session,
                "name": ", ".join(filter(None, (called, visit.day))),
                "scans": _scans(visit),
                "volumes": names,
                "locations": {str(number): name for number, name in visit.locations.items()},
                "isOriented": visit.is_oriented,
            }
        )
    linked = [
        {
            "from": place[pair.session_from],
            "to": place[pair.session_to],
            "toFirst": np.asarray(pair.to_first, float).tolist(),
            "change": pair.change and keep(pair.change, f"pair-{n}"),
        }
        for n, pair in enumerate(pairs)
        if pair.session_from in place and pair.session_to in place
    ]
    about = {"visits": described, "pairs": linked, "keys": _keys(), "unknown": WHITE}
    maps = {name for visit in shown for name in visit.volumes}
    maps |= {CHANGE} if any(pair["change"] for pair in linked) else set()
    return Markup(
        render(
            "viewer.html",
            about=about,
            maps=[name for name in MAPS if name in maps],
            scans=list(dict.fromkeys(name for visit in shown for name in _scans(visit))),
            data=data,
            engine=_engine(),
            licences=_text("viewer/LICENCES.txt"),
        )
    )


def _scans(visit: ViewedVisit) -> list[str]:
    """Modalities of a visit that can be looked at."""
    return [name for name in visit.volumes if name not in MAPS]


def _keys() -> dict:
    """Of each map its values (of lesions, their location class), in words, and their colours."""
    colors = {number: color for number, (_, color, _, _) in LINES.items()} | {KEPT: KEPT_COLOR}
    return {
        LESIONS: [(one.name, one.words, LOCATION_COLORS[one.name]) for one in LOCATION_CLASSES],
        CHANGE: [(number, line[-1], colors[number]) for number, line in LINES.items()],
        ANATOMY: [(part.number, part.name, STRUCTURE_COLORS[part.number]) for part in STRUCTURES],
    }


@cache
def _engine() -> str:
    """The packed script of NiiVue."""
    return base64.b64encode(files("mslesion.reports").joinpath(ENGINE).read_bytes()).decode()


def _text(name: str) -> str:
    """A text of this package."""
    return files("mslesion.reports").joinpath(name).read_text("utf-8")
