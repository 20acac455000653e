"""The rules of lesions found by chance: the radiologically isolated syndrome.

An older table ("2 of 4 locations", AJNR 2020) is another rule and is not mixed in.
"""

from mslesion.criteria.logic import all_of, any_of, at_least_of, present
from mslesion.criteria.rules.mcdonald import BARKHOF, CORD, NEW_AT_FOLLOWUP, REGIONS_2017
from mslesion.criteria.verdicts import Criterion

OKUDA_2009 = "Okuda 2009, 10.1212/01.wnl.0000335764.14513.1a"
LEBRUN_2023 = "Lebrun-Frenay 2023, 10.1093/brain/awad073"

_BY_CHANCE = (present("incidental"), present("other_causes_excluded"))

ISOLATED = (
    Criterion(
        id="CR-14",
        name="RIS 2009",
        version="2009",
        text="Found by chance, other causes excluded, and 3 or more of the 4 parts of CR-1. "
        "Lesions are to be ovoid, well circumscribed and over 3 mm; the lesion table holds "
        "those of 3 mm or more, and their look is for a reader to judge.",
        rule=all_of(BARKHOF, *_BY_CHANCE),
        source=OKUDA_2009,
        evidence="seen: dissemination in space (EAN 2023); recalled: form and size of lesions",
    ),
    Criterion(
        id="CR-15",
        name="RIS 2023",
        version="2023",
        text="Found by chance, other causes excluded, and either CR-14, or 1 or more T2 lesions "
        "in 1 of the 4 regions of 2017 with 2 of: a cord lesion; CSF-restricted oligoclonal "
        "bands; a new T2 or enhancing lesion at follow-up.",
        rule=all_of(
            any_of(
                BARKHOF,
                all_of(
                    at_least_of(1, *REGIONS_2017),
                    at_least_of(2, CORD, present("oligoclonal_bands"), NEW_AT_FOLLOWUP),
                ),
            ),
            *_BY_CHANCE,
        ),
        source=LEBRUN_2023,
        evidence="seen",
    ),
)  # fmt: skip
"""CR-14 and CR-15."""
