"""The rules of activity since the previous visit, and of response to treatment.

The baseline should be a scan from some months after treatment start; an interval that
includes the start is flagged (`in_pseudoatrophy_window`), not corrected.
"""

from mslesion.criteria.logic import all_of, any_of, at_least, fewer_than, none_of
from mslesion.criteria.verdicts import Criterion

NEDA_BRAIN_LOSS_PCT_PER_YEAR = 0.4
"""Brain loss of at least this much per year is a failure of NEDA-4 (Beadnall 2019)."""
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
        also in use, for which no source was found.

    Returns
    -------
    Criterion
    """
    points = (at_least(new_lesions + 1, "new_t2_count"), _RELAPSE, _TWO_RELAPSES)
    return Criterion(
        name="modified_rio",
        title="Modified Rio score of 1 or more",
        version="2013",
        text=f"1 point for more than {new_lesions} new T2 lesions, 1 for a relapse, 2 for two or "
        "more relapses; first year of treatment.",
        condition=any_of(*points),
        score_conditions=points,
        source="Sormani 2013, 10.1177/1352458512460605, PMID 23012253",
        evidence="seen: more than 5, in the abstract; recalled: that 4 is also in use",
    )


ACTIVITY_CRITERIA = (
    Criterion(
        name="neda3_mri",
        title="NEDA-3, MRI part",
        version="2015",
        text="No new, no enlarging T2 lesion and no enhancing lesion since the baseline.",
        condition=all_of(*_NO_ACTIVITY),
        source="Giovannoni 2015, 10.1016/j.msard.2015.04.006",
        evidence="seen",
    ),
    Criterion(
        name="neda4_mri",
        title="NEDA-4, MRI part",
        version="2016",
        text="NEDA-3 and brain volume loss below 0.4 % per year: a threshold of the literature, "
        "not age-adjusted. Loss measured by mslesion counts only where its 95 % interval lies on "
        "one side of 0.4 %.",
        condition=all_of(
            *_NO_ACTIVITY, fewer_than(NEDA_BRAIN_LOSS_PCT_PER_YEAR, "brain_loss_pct_per_year")
        ),
        source="Beadnall 2019, 10.1177/1756286418823462; Guevara 2019, 10.3389/fneur.2019.00788",
        evidence="seen; at exactly 0.4 the two sources differ (no failure by Guevara)",
    ),
    Criterion(
        name="lublin2013_activity",
        title="Lublin 2013 MRI activity",
        version="2013",
        text="An enhancing, new or enlarging lesion. It is to be assessed at least once a year.",
        condition=any_of(
            at_least(1, "followup_gd_count"),
            at_least(1, "new_t2_count"),
            at_least(1, "enlarging_count"),
        ),
        source="Lublin 2014, 10.1212/WNL.0000000000000560; PMC6858896, table 2",
        evidence="seen",
    ),
    Criterion(
        name="magnims2016_score",
        title="MAGNIMS score of 1 or more",
        version="2016",
        text="0: no relapse and under 3 new T2 lesions; 1: no relapse and 3 or more, or 1 relapse "
        "and under 3; 2: 1 relapse and 3 or more, or 2 or more relapses; first year of treatment.",
        condition=any_of(*_MAGNIMS_POINTS),
        score_conditions=_MAGNIMS_POINTS,
        source=PROSPERINI_2020,
        evidence="seen",
    ),
    Criterion(
        name="meda",
        title="Minimal evidence of disease activity (MEDA)",
        version="2020",
        text="No relapse, no enhancing lesion and 1 or 2 new T2 lesions.",
        condition=all_of(
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
        name="rio_mri",
        title="Rio score, MRI part",
        version="2009",
        text="More than 2 active lesions (new, enlarging or enhancing) in the first year of "
        "treatment.",
        condition=any_of(
            at_least(3, "combined_unique_active_count"),
            at_least(3, "new_t2_count", "enlarging_count"),
            at_least(3, "followup_gd_count"),
        ),
        source="Rio 2009, 10.1177/1352458509104591, PMID 19542263",
        evidence="seen: the definition of an active lesion; recalled: more than 2",
        provisional=True,
    ),
)
"""Rules on activity and scores of response to treatment."""
