"""The rules of activity since the visit before, and of response to treatment.

Baselines are to be scans from some months after a treatment began; an interval that
holds the start is flagged (`in_pseudoatrophy_window`), not corrected.
"""

from mslesion.criteria.logic import all_of, any_of, at_least, fewer_than, none_of
from mslesion.criteria.verdicts import Criterion

NEDA_BRAIN_LOSS_PCT_PER_YEAR = 0.4
"""Brain loss of this much or more a year is a failure of NEDA-4 (Beadnall 2019)."""
MODIFIED_RIO_NEW_LESIONS = 5
"""More new T2 lesions than this give a point (abstract of Sormani 2013)."""

PROSPERINI_2020 = "Prosperini 2020, 10.1136/jnnp-2019-322348"

_NO_ACTIVITY = none_of("new_t2_count"), none_of("enlarging_count"), none_of("followup_gd_count")
_RELAPSE, _TWO_RELAPSES = at_least(1, "relapse_count"), at_least(2, "relapse_count")
_THREE_NEW = at_least(3, "new_t2_count")
_MAGNIMS_POINTS = (
    any_of(_RELAPSE, _THREE_NEW),
    any_of(_TWO_RELAPSES, all_of(_RELAPSE, _THREE_NEW)),
)


def modified_rio(*, new_lesions: int = MODIFIED_RIO_NEW_LESIONS) -> Criterion:
    """The modified Rio score.

    Parameters
    ----------
    new_lesions : int
        More new T2 lesions than this give a point (exclusive). The abstract says 5; 4 is
        used as well, for which no source could be found.

    Returns
    -------
    Criterion
    """
    points = (at_least(new_lesions + 1, "new_t2_count"), _RELAPSE, _TWO_RELAPSES)
    return Criterion(
        id="CR-21",
        name="Modified Rio score of 1 or more",
        version="2013",
        text=f"1 point for more than {new_lesions} new T2 lesions, 1 for a relapse, 2 for two or "
        "more relapses; first year of treatment.",
        rule=any_of(*points),
        points=points,
        source="Sormani 2013, 10.1177/1352458512460605, PMID 23012253",
        evidence="seen: more than 5, in the abstract; recalled: that 4 is used as well",
    )


ACTIVITY = (
    Criterion(
        id="CR-16",
        name="NEDA-3, MRI part",
        version="2015",
        text="No new, no enlarging T2 lesion and no enhancing lesion since the baseline.",
        rule=all_of(*_NO_ACTIVITY),
        source="Giovannoni 2015, 10.1016/j.msard.2015.04.006",
        evidence="seen",
    ),
    Criterion(
        id="CR-17",
        name="NEDA-4, MRI part",
        version="2016",
        text="NEDA-3 and brain volume loss under 0.4 % a year: a threshold of the literature, not "
        "age-adjusted, and inside the noise of one year.",
        rule=all_of(
            *_NO_ACTIVITY, fewer_than(NEDA_BRAIN_LOSS_PCT_PER_YEAR, "brain_loss_pct_per_year")
        ),
        source="Beadnall 2019, 10.1177/1756286418823462; Guevara 2019, 10.3389/fneur.2019.00788",
        evidence="seen; at exactly 0.4 the two sources differ (Guevara lets it pass)",
    ),
    Criterion(
        id="CR-18",
        name="MRI activity (Lublin)",
        version="2013",
        text="An enhancing, new or enlarging lesion. Meant to be looked for once a year or more.",
        rule=any_of(
            at_least(1, "followup_gd_count"),
            at_least(1, "new_t2_count"),
            at_least(1, "enlarging_count"),
        ),
        source="Lublin 2014, 10.1212/WNL.0000000000000560; PMC6858896, table 2",
        evidence="seen",
    ),
    Criterion(
        id="CR-19",
        name="MAGNIMS score of 1 or more",
        version="2016",
        text="0: no relapse and under 3 new T2 lesions; 1: no relapse and 3 or more, or 1 relapse "
        "and under 3; 2: 1 relapse and 3 or more, or 2 or more relapses; first year of treatment.",
        rule=any_of(*_MAGNIMS_POINTS),
        points=_MAGNIMS_POINTS,
        source=PROSPERINI_2020,
        evidence="seen",
    ),
    Criterion(
        id="CR-20",
        name="Minimal activity (MEDA)",
        version="2020",
        text="No relapse, no enhancing lesion and 1 or 2 new T2 lesions.",
        rule=all_of(
            none_of("relapse_count"),
            none_of("followup_gd_count"),
            at_least(1, "new_t2_count"),
            fewer_than(3, "new_t2_count"),
        ),
        source=PROSPERINI_2020,
        evidence="seen",
    ),
    modified_rio(),
    Criterion(
        id="CR-22",
        name="Rio score, MRI part",
        version="2009",
        text="More than 2 active lesions (new, enlarging or enhancing) in the first year of "
        "treatment.",
        rule=any_of(
            at_least(3, "combined_unique_active_count"),
            at_least(3, "new_t2_count", "enlarging_count"),
            at_least(3, "followup_gd_count"),
        ),
        source="Rio 2009, 10.1177/1352458509104591, PMID 19542263",
        evidence="seen: what an active lesion is; recalled: more than 2",
    ),
)
"""CR-16 to CR-22."""
