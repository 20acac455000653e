"""The rules of the radiologically isolated syndrome (RIS).

The table "2 of 4 locations" (AJNR 2020) is another rule and is not included.
"""

from mslesion.criteria.logic import all_of, any_of, at_least_of, present
from mslesion.criteria.rules.mcdonald import BARKHOF, CORD, NEW_AT_FOLLOWUP, REGIONS_2017
from mslesion.criteria.verdicts import Criterion

OKUDA_2009 = "Okuda 2009, 10.1212/01.wnl.0000335764.14513.1a"
LEBRUN_2023 = "Lebrun-Frenay 2023, 10.1093/brain/awad073"

_INCIDENTAL = (present("incidental"), present("other_causes_excluded"))

RIS_CRITERIA = (
    Criterion(
        name="ris2009",
        title="RIS 2009",
        version="2009",
        text="Incidental finding, other causes excluded, and dissemination in space of McDonald "
        "2005. Lesions should be ovoid, well circumscribed and over 3 mm; the lesion table "
        "contains those of 3 mm or more, and a reader must assess their shape.",
        condition=all_of(BARKHOF, *_INCIDENTAL),
        source=OKUDA_2009,
        evidence="seen: dissemination in space (EAN 2023); recalled: shape and size of lesions",
    ),
    Criterion(
        name="ris2023",
        title="RIS 2023",
        version="2023",
        text="Incidental finding, other causes excluded, and either RIS 2009, or 1 or more T2 "
        "lesions in 1 of the 4 regions of 2017 with 2 of: a cord lesion; CSF-restricted "
        "oligoclonal bands; a new T2 or enhancing lesion at follow-up.",
        condition=all_of(
            any_of(
                BARKHOF,
                all_of(
                    at_least_of(1, *REGIONS_2017),
                    at_least_of(2, CORD, present("oligoclonal_bands"), NEW_AT_FOLLOWUP),
                ),
            ),
            *_INCIDENTAL,
        ),
        source=LEBRUN_2023,
        evidence="seen",
    ),
)  # fmt: skip
"""Both versions of the radiologically isolated syndrome."""
