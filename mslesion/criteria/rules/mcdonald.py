"""The rules of dissemination in space and time, 2005 to 2024.

Lesions are those of 3 mm or more (`min_size`), in contact with ventricle or cortex within
the contact distance of the lesion table. Some rules with other counts circulate on the
internet: 3 periventricular lesions belong to MAGNIMS 2016 and Barkhof, 2 cord lesions to
the rules of progressive disease; 2017 and 2024 require one lesion per region.
"""

from mslesion.criteria.logic import (
    all_of,
    any_of,
    at_least,
    at_least_of,
    negate,
    present,
)
from mslesion.criteria.verdicts import Criterion

MCDONALD_2001 = "McDonald 2001, 10.1002/ana.1032; Polman 2005, 10.1002/ana.20703"
POLMAN_2011 = "Polman 2011, 10.1002/ana.22366"
THOMPSON_2018 = "Thompson 2018, 10.1016/S1474-4422(17)30470-2"
FILIPPI_2016 = "Filippi 2016, 10.1016/S1474-4422(15)00393-2"
MONTALBAN_2025 = "Montalban 2025, 10.1016/S1474-4422(25)00270-4"

PERIVENTRICULAR = at_least(1, "periventricular_count")
JUXTACORTICAL = at_least(1, "juxtacortical_count")
CORTICAL = at_least(1, "juxtacortical_count", "intracortical_count")
INFRATENTORIAL = at_least(1, "infratentorial_count")
CORD = at_least(1, "cord_count")
OPTIC_NERVE = present("optic_nerve_lesion")

REGIONS_2017 = (PERIVENTRICULAR, CORTICAL, INFRATENTORIAL, CORD)
REGIONS_2024 = (*REGIONS_2017, OPTIC_NERVE)

NEW_AT_FOLLOWUP = any_of(at_least(1, "new_t2_count"), at_least(1, "followup_gd_count"))
IN_TIME_BY_MRI = any_of(
    all_of(at_least(1, "gd_count"), at_least(1, "non_enhancing_count")),
    NEW_AT_FOLLOWUP,
)
IN_TIME = any_of(IN_TIME_BY_MRI, present("clinical_dissemination_in_time"))
POSITIVE_CSF = any_of(present("oligoclonal_bands"), present("kappa_index_positive"))
SELECT_SIX = present("cvs_select_six")
RIM = at_least(1, "prl_count")

BARKHOF = at_least_of(
    3,
    any_of(at_least(1, "gd_count"), at_least(9, "lesion_count", "cord_count")),
    at_least(1, "infratentorial_count", "cord_count"),
    JUXTACORTICAL,
    at_least(3, "periventricular_count"),
)
IN_SPACE_2017 = at_least_of(2, *REGIONS_2017)
IN_SPACE_2024 = at_least_of(2, *REGIONS_2024)
FOUR_REGIONS_2024 = at_least_of(4, *REGIONS_2024)

MCDONALD_CRITERIA = (
    Criterion(
        name="mcdonald2005_dis",
        title="McDonald 2005 dissemination in space (Barkhof)",
        version="2005",
        text="3 or more of: 1 enhancing or 9 T2 lesions; 1 infratentorial; 1 juxtacortical; "
        "3 periventricular lesions. A cord lesion counts as an infratentorial lesion and towards "
        "the 9.",
        condition=BARKHOF,
        source=MCDONALD_2001,
        evidence="seen: the four parts, and that a cord lesion may replace a brain lesion (2001 "
        "table) or an infratentorial one (2005, as cited by EAN); recalled: that it counts "
        "towards the 9",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2010_dis",
        title="McDonald 2010 dissemination in space",
        version="2010",
        text="1 or more lesions in 2 or more of: periventricular, juxtacortical, infratentorial, "
        "cord. Symptomatic brainstem and cord lesions are excluded.",
        condition=at_least_of(
            2,
            PERIVENTRICULAR,
            JUXTACORTICAL,
            at_least(1, "infratentorial_count", without=("symptomatic_infratentorial_count",)),
            at_least(1, "cord_count", without=("symptomatic_cord_count",)),
        ),
        source=POLMAN_2011,
        evidence="seen",
    ),
    Criterion(
        name="mcdonald2017_dis",
        title="McDonald 2017 dissemination in space",
        version="2017",
        text="1 or more T2 lesions in 2 or more of: periventricular, cortical or juxtacortical, "
        "infratentorial, cord. Symptomatic lesions count.",
        condition=IN_SPACE_2017,
        source=THOMPSON_2018,
        evidence="seen",
    ),
    Criterion(
        name="mcdonald2017_dit",
        title="McDonald 2017 dissemination in time by MRI",
        version="2017",
        text="Enhancing and non-enhancing lesions at one visit, or a new T2 or enhancing lesion at "
        "follow-up, at any interval.",
        condition=IN_TIME_BY_MRI,
        source=THOMPSON_2018,
        evidence="seen",
    ),
    Criterion(
        name="mcdonald2017_ppms",
        title="McDonald 2017 primary progressive, MRI and CSF part",
        version="2017",
        text="2 or more of: 1 T2 lesion that is periventricular, cortical, juxtacortical or "
        "infratentorial; 2 cord lesions; CSF-restricted oligoclonal bands. The year of "
        "progression that is also required is not part of this rule.",
        condition=at_least_of(
            2,
            any_of(PERIVENTRICULAR, CORTICAL, INFRATENTORIAL),
            at_least(2, "cord_count"),
            present("oligoclonal_bands"),
        ),
        source=THOMPSON_2018,
        evidence="seen",
    ),
    Criterion(
        name="magnims2016_dis",
        title="MAGNIMS 2016 dissemination in space",
        version="2016",
        text="2 or more of: 3 periventricular lesions; 1 cortical or juxtacortical; "
        "1 infratentorial; 1 cord; 1 optic nerve lesion.",
        condition=at_least_of(
            2,
            at_least(3, "periventricular_count"),
            CORTICAL,
            INFRATENTORIAL,
            CORD,
            OPTIC_NERVE,
        ),
        source=FILIPPI_2016,
        evidence="seen",
    ),
    Criterion(
        name="mcdonald2024_dis",
        title="McDonald 2024 dissemination in space",
        version="2024",
        text="1 or more lesions in 2 or more of: periventricular, cortical or juxtacortical, "
        "infratentorial, cord, optic nerve; symptomatic or not.",
        condition=IN_SPACE_2024,
        source=MONTALBAN_2025,
        evidence="seen in abstracts and reviews, not in the paper",
    ),
    Criterion(
        name="mcdonald2024_four_regions",
        title="McDonald 2024, four regions",
        version="2024",
        text="Lesions in 4 or more of the 5 regions; no further evidence is required.",
        condition=FOUR_REGIONS_2024,
        source=MONTALBAN_2025,
        evidence="seen in reviews, not in the paper",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2024_two_regions",
        title="McDonald 2024, two or more regions with support",
        version="2024",
        text="2 or more of the 5 regions, and 1 of: dissemination in time (MRI or a second "
        "attack); oligoclonal bands or kappa index; select six of the central vein sign.",
        condition=all_of(IN_SPACE_2024, any_of(IN_TIME, POSITIVE_CSF, SELECT_SIX)),
        source=MONTALBAN_2025,
        evidence="parts seen in reviews; the combination seen in public code only "
        "(AnasZakarya/MSpectrum)",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2024_one_region",
        title="McDonald 2024, one region with support",
        version="2024",
        text="1 or more of the 5 regions, and select six or 1 paramagnetic rim lesion, and "
        "dissemination in time or positive CSF.",
        condition=all_of(
            at_least_of(1, *REGIONS_2024),
            any_of(SELECT_SIX, RIM),
            any_of(IN_TIME, POSITIVE_CSF),
        ),
        source=MONTALBAN_2025,
        evidence="recalled; two public implementations agree (AnasZakarya/MSpectrum and a "
        "Dutch calculator); not seen in the paper",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2024_progressive",
        title="McDonald 2024, progressive course",
        version="2024",
        text="12 months of progression; 2 or more of the 5 regions, or 2 cord lesions; and 1 of: "
        "dissemination in time, positive CSF, select six, 4 of the 5 regions.",
        condition=all_of(
            present("progression_12_months"),
            any_of(IN_SPACE_2024, at_least(2, "cord_count")),
            any_of(IN_TIME, POSITIVE_CSF, SELECT_SIX, FOUR_REGIONS_2024),
        ),
        source=MONTALBAN_2025 + "; Brownlee 2025, 10.1002/ana.27145",
        evidence="unconfirmed: that 2 cord lesions replace a second region is seen in public "
        "code and in Brownlee 2025 as a proposal; in one review they replace the CSF finding",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2024_incidental",
        title="McDonald 2024, incidental finding",
        version="2024",
        text="Incidental finding; 2 or more of the 5 regions; and 1 of: dissemination in time by "
        "MRI, positive CSF, select six.",
        condition=all_of(
            present("incidental"), IN_SPACE_2024, any_of(IN_TIME_BY_MRI, POSITIVE_CSF, SELECT_SIX)
        ),
        source=MONTALBAN_2025,
        evidence="seen: the recommendations as quoted by others, not the paper",
        provisional=True,
    ),
    Criterion(
        name="mcdonald2024_caution",
        title="McDonald 2024 caution: required further evidence is absent",
        version="2024",
        text="Age of 50 or more, vascular comorbidity or a headache disorder, and none of: "
        "a cord lesion, positive CSF, select six.",
        condition=all_of(
            any_of(
                at_least(50, "age_years"),
                present("vascular_comorbidity"),
                present("headache_disorder"),
            ),
            negate(any_of(CORD, POSITIVE_CSF, SELECT_SIX)),
        ),
        source=MONTALBAN_2025,
        evidence="seen in the abstract: that there is guidance for 50 years or more and for "
        "comorbidities; in public code only: the three kinds of evidence; recalled: headache",
        provisional=True,
    ),
)  # fmt: skip
"""The McDonald and MAGNIMS criteria, oldest first."""
