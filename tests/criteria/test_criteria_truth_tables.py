"""A truth table for each rule, written out from its source, and the golden cases."""

import pytest

from mslesion.criteria import CRITERIA, CRITERIA_BY_NAME, Facts, evaluate_criterion

SHORT = {
    "t2": "lesion_count", "pv": "periventricular_count", "jc": "juxtacortical_count",
    "ic": "intracortical_count", "it": "infratentorial_count", "cord": "cord_count",
    "optic": "optic_nerve_lesion", "gd": "gd_count", "dark": "non_enhancing_count",
    "s_it": "symptomatic_infratentorial_count", "s_cord": "symptomatic_cord_count",
    "six": "cvs_select_six", "prl": "prl_count", "ocb": "oligoclonal_bands",
    "kappa": "kappa_index_positive", "new": "new_t2_count", "grown": "enlarging_count",
    "gd2": "followup_gd_count", "cua": "combined_unique_active_count",
    "loss": "brain_loss_pct_per_year",
    "relapses": "relapse_count", "attacks": "clinical_dissemination_in_time",
    "year": "progression_12_months", "chance": "incidental", "excluded": "other_causes_excluded",
    "age": "age_years", "vascular": "vascular_comorbidity", "headache": "headache_disorder",
}  # fmt: skip
Y, N, U = True, False, None


def facts(**short):
    return Facts(**{SHORT[name]: value for name, value in short.items()})


def no_lesions(**others):
    return {"t2": 0, "pv": 0, "jc": 0, "ic": 0, "it": 0, "cord": 0, "optic": N} | others


def no_support(**others):
    nothing = {"gd": 0, "dark": 0, "new": 0, "gd2": 0, "attacks": N, "ocb": N, "kappa": N}
    return nothing | {"six": N, "prl": 0} | others


CASES = {
    # 3 of 4: Gd or 9 T2; 1 infratentorial (or cord); 1 juxtacortical; 3 periventricular
    "mcdonald2005_dis": [
        (no_lesions(t2=9, it=1, jc=1, gd=0), Y),
        (no_lesions(t2=9, it=1, jc=1), Y),  # nine lesions stand for enhancement
        (no_lesions(t2=8, it=1, jc=1, gd=0), N),
        (no_lesions(t2=8, it=1, jc=1, gd=1), Y),  # one enhancing lesion is enough
        (no_lesions(t2=8, it=1, jc=1), U),  # no contrast: may be
        (no_lesions(t2=5, pv=3, jc=1, it=1, gd=0), Y),
        (no_lesions(t2=5, pv=2, jc=1, it=1, gd=0), N),  # two periventricular are too few
        (no_lesions(t2=5, pv=3, jc=1, it=0, gd=0, cord=1), Y),  # a cord lesion is infratentorial
        (no_lesions(t2=5, pv=3, jc=1, it=0, gd=0, cord=U), U),
        (no_lesions(t2=8, pv=3, jc=0, it=0, gd=0, cord=1), Y),  # and is the ninth
        (no_lesions(t2=5, pv=3, ic=1, it=0, gd=1), N),  # intracortical does not count: 2 of 4
        (no_lesions(gd=0), N),
    ],
    # 2 of 4 regions of 2010: juxtacortical only, symptomatic lesions left out
    "mcdonald2010_dis": [
        (no_lesions(pv=1, jc=1), Y),
        (no_lesions(pv=1, ic=1), N),
        (no_lesions(pv=1, it=1, s_it=0), Y),
        (no_lesions(pv=1, it=1, s_it=1), N),
        (no_lesions(pv=1, it=1), U),  # it may be the symptomatic one
        (no_lesions(pv=1, it=2, s_it=1), Y),
        (no_lesions(it=1, s_it=0, cord=1, s_cord=0), Y),
        (no_lesions(it=1, s_it=0, cord=1, s_cord=1), N),
        (no_lesions(pv=9), N),
    ],
    # 2 of 4 regions of 2017: cortical counts, symptomatic lesions count
    "mcdonald2017_dis": [
        (no_lesions(pv=1, ic=1), Y),
        (no_lesions(pv=1, jc=1), Y),
        (no_lesions(jc=1, ic=1), N),  # one region together
        (no_lesions(it=1, cord=1), Y),
        (no_lesions(pv=1, it=1, s_it=1), Y),
        (no_lesions(pv=5), N),
        (no_lesions(optic=Y, pv=1), N),  # the optic nerve came in 2024
        (no_lesions(), N),
        # cases worked out by hand
        ({"pv": 3, "jc": 1, "ic": 0, "it": 0, "cord": U}, Y),
        ({"pv": 1, "jc": 0, "ic": 0, "it": 0, "cord": U}, U),
        ({"pv": 1, "jc": 0, "ic": 0, "it": 0, "cord": 0}, N),
    ],
    # enhancing and non-enhancing at once, or new at follow-up
    "mcdonald2017_dit": [
        ({"gd": 1, "dark": 3, "new": U, "gd2": U}, Y),
        ({"gd": 2, "dark": 0, "new": 0, "gd2": 0}, N),  # all enhance, nothing new
        ({"gd": 0, "dark": 3, "new": 0, "gd2": 0}, N),
        ({"gd": 0, "dark": 3, "new": 1, "gd2": 0}, Y),
        ({"gd": 0, "dark": 3, "new": 0, "gd2": 1}, Y),
        ({"gd": 0, "dark": 3}, U),  # no follow-up
        ({"dark": 3, "new": 0, "gd2": 0}, U),  # no contrast
        ({"dark": 0, "new": 0, "gd2": 0}, N),
    ],
    # 2 of 3: brain lesion; 2 cord lesions; oligoclonal bands
    "mcdonald2017_ppms": [
        (no_lesions(pv=1, cord=2, ocb=N), Y),
        (no_lesions(pv=1, cord=1, ocb=N), N),
        (no_lesions(pv=1, cord=1, ocb=Y), Y),
        (no_lesions(ic=1, cord=0, ocb=Y), Y),
        (no_lesions(cord=2, ocb=Y), Y),
        (no_lesions(cord=2, ocb=N), N),
        (no_lesions(it=1, cord=U, ocb=N), U),
        (no_lesions(it=1, cord=0, ocb=U), U),
        (no_lesions(t2=20, cord=1, ocb=N), N),
    ],
    # 2 of 5, and 3 periventricular lesions
    "magnims2016_dis": [
        (no_lesions(pv=3, jc=1), Y),
        (no_lesions(pv=2, jc=1), N),
        (no_lesions(pv=2, jc=1, optic=Y), Y),
        (no_lesions(pv=2, ic=1, it=1), Y),
        (no_lesions(cord=1, optic=Y), Y),
        (no_lesions(pv=2, jc=1, optic=U), U),
        (no_lesions(pv=2, optic=U), N),
    ],
    # 2 of 5, one lesion each
    "mcdonald2024_dis": [
        (no_lesions(pv=1, optic=Y), Y),
        (no_lesions(pv=1, jc=1, ic=1), Y),
        (no_lesions(pv=1), N),
        (no_lesions(pv=1, cord=U, optic=N), U),
        (no_lesions(pv=1, it=1, cord=U, optic=U), Y),
        (no_lesions(cord=2), N),  # two cord lesions are one region
    ],
    # 4 of 5
    "mcdonald2024_four_regions": [
        (no_lesions(pv=1, jc=1, it=1, cord=1), Y),  # golden: 4 of 5
        (no_lesions(pv=1, jc=1, it=1, cord=0, optic=Y), Y),
        (no_lesions(pv=1, jc=1, it=1), N),
        (no_lesions(pv=1, jc=1, it=1, optic=U), U),
        (no_lesions(pv=1, jc=1, it=0, cord=U, optic=U), U),
        (no_lesions(pv=1, jc=0, it=0, cord=U, optic=U), N),
        (no_lesions(pv=1, jc=1, ic=1, it=1), N),  # cortical and juxtacortical are one
    ],
    # 2 regions and time, CSF or veins
    "mcdonald2024_two_regions": [
        (no_lesions(pv=1, jc=1) | no_support(), N),
        (no_lesions(pv=1, jc=1) | no_support(new=1), Y),
        (no_lesions(pv=1, jc=1) | no_support(gd=1, dark=1), Y),
        (no_lesions(pv=1, jc=1) | no_support(attacks=Y), Y),
        (no_lesions(pv=1, jc=1) | no_support(ocb=Y), Y),
        (no_lesions(pv=1, jc=1) | no_support(kappa=Y), Y),
        (no_lesions(pv=1, jc=1) | no_support(six=Y), Y),
        (no_lesions(pv=1, jc=1) | no_support(prl=4), N),  # a rim is no support here
        (no_lesions(pv=1, jc=1) | no_support(ocb=U), U),
        (no_lesions(pv=1) | no_support(ocb=Y, new=1, six=Y), N),
        (no_lesions(pv=1, optic=U) | no_support(ocb=Y), U),
    ],
    # 1 region, veins or a rim, and time or CSF
    "mcdonald2024_one_region": [
        (no_lesions(pv=1) | no_support(six=Y, ocb=Y), Y),
        (no_lesions(pv=1) | no_support(prl=1, ocb=Y), Y),
        (no_lesions(pv=1) | no_support(six=Y, new=1), Y),
        (no_lesions(pv=1) | no_support(prl=1, attacks=Y), Y),
        (no_lesions(pv=1) | no_support(prl=1, six=Y), N),  # neither time nor CSF
        (no_lesions(pv=1) | no_support(ocb=Y, new=1), N),  # neither vein nor rim
        (no_lesions() | no_support(six=Y, ocb=Y), N),
        (no_lesions(pv=1) | no_support(prl=U, ocb=Y), U),
    ],
    # progression, 2 regions or 2 cord lesions, and support
    "mcdonald2024_progressive": [
        (no_lesions(pv=1, it=1, year=Y) | no_support(ocb=Y), Y),
        (no_lesions(cord=2, year=Y) | no_support(ocb=Y), Y),
        (no_lesions(cord=1, year=Y) | no_support(ocb=Y), N),
        (no_lesions(cord=2, year=Y) | no_support(), N),
        (no_lesions(cord=2, year=Y) | no_support(six=Y), Y),
        (no_lesions(pv=1, jc=1, it=1, cord=1, year=Y) | no_support(), Y),  # 4 of 5
        (no_lesions(pv=1, it=1, year=N) | no_support(ocb=Y), N),
        (no_lesions(pv=1, it=1, year=U) | no_support(ocb=Y), U),
        (no_lesions(pv=1, cord=U, year=Y) | no_support(ocb=Y), U),
    ],
    # found by chance, 2 regions, and time by MRI, CSF or veins
    "mcdonald2024_incidental": [
        (no_lesions(pv=1, jc=1, chance=Y) | no_support(ocb=Y), Y),
        (no_lesions(pv=1, jc=1, chance=Y) | no_support(new=1), Y),
        (no_lesions(pv=1, jc=1, chance=Y) | no_support(six=Y), Y),
        (no_lesions(pv=1, jc=1, chance=Y) | no_support(attacks=Y), N),
        (no_lesions(pv=1, jc=1, chance=Y) | no_support(), N),
        (no_lesions(pv=1, chance=Y) | no_support(ocb=Y), N),
        (no_lesions(pv=1, jc=1, chance=N) | no_support(ocb=Y), N),
        (no_lesions(pv=1, jc=1, chance=U) | no_support(ocb=Y), U),
    ],
    # caution: 50 or more, vascular or headache, and no cord lesion, CSF or veins
    "mcdonald2024_caution": [
        ({"age": 50, "vascular": N, "headache": N, "cord": 0} | no_support(), Y),
        ({"age": 49.9, "vascular": N, "headache": N, "cord": 0} | no_support(), N),
        ({"age": 30, "vascular": Y, "headache": N, "cord": 0} | no_support(), Y),
        ({"age": 30, "vascular": N, "headache": Y, "cord": 0} | no_support(), Y),
        ({"age": 60, "vascular": Y, "headache": N, "cord": 1} | no_support(), N),
        ({"age": 60, "vascular": Y, "headache": N, "cord": 0} | no_support(ocb=Y), N),
        ({"age": 60, "vascular": Y, "headache": N, "cord": 0} | no_support(six=Y), N),
        ({"age": 60, "vascular": Y, "headache": N, "cord": U} | no_support(), U),
        ({"age": 60, "vascular": Y, "headache": N, "cord": 0} | no_support(prl=3), Y),
    ],
    # mcdonald2005_dis, by chance, other causes excluded
    "ris2009": [
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=Y, excluded=Y), Y),
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=Y, excluded=U), U),
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=U, excluded=Y), U),
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=N, excluded=Y), N),
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=Y, excluded=N), N),
        (no_lesions(t2=8, it=1, jc=1, gd=0, chance=Y, excluded=Y), N),
    ],
    # ris2009, or 1 region with 2 of: cord, bands, new at follow-up
    "ris2023": [
        (no_lesions(t2=9, it=1, jc=1, gd=0, chance=Y, excluded=Y) | no_support(), Y),
        (no_lesions(t2=1, pv=1, cord=1, chance=Y, excluded=Y) | no_support(ocb=Y), Y),
        (no_lesions(t2=1, pv=1, cord=1, chance=Y, excluded=Y) | no_support(new=1), Y),
        (no_lesions(t2=1, pv=1, cord=0, chance=Y, excluded=Y) | no_support(ocb=Y, gd2=1), Y),
        (no_lesions(t2=1, pv=1, cord=1, chance=Y, excluded=Y) | no_support(), N),
        (no_lesions(t2=1, pv=1, cord=1, chance=Y, excluded=Y) | no_support(kappa=Y), N),
        (no_lesions(t2=1, pv=1, cord=1, chance=Y, excluded=Y) | no_support(ocb=U), U),
        (no_lesions(chance=Y, excluded=Y) | no_support(ocb=Y, new=1), N),
        (no_lesions(t2=1, pv=1, cord=1, chance=N, excluded=Y) | no_support(ocb=Y), N),
    ],
    "neda3_mri": [
        ({"new": 0, "grown": 0, "gd2": 0}, Y),
        ({"new": 1, "grown": U, "gd2": U}, N),
        ({"new": 0, "grown": 1, "gd2": 0}, N),
        ({"new": 0, "grown": 0, "gd2": 1}, N),
        ({"new": 0, "grown": 0, "gd2": U}, U),
    ],
    "neda4_mri": [
        ({"new": 0, "grown": 0, "gd2": 0, "loss": 0.39}, Y),
        ({"new": 0, "grown": 0, "gd2": 0, "loss": 0.4}, N),  # on the threshold: failure
        ({"new": 0, "grown": 0, "gd2": 0, "loss": -0.3}, Y),  # a gain
        ({"new": 0, "grown": 0, "gd2": 0, "loss": U}, U),
        ({"new": 1, "grown": 0, "gd2": 0, "loss": U}, N),
        ({"new": 0, "grown": 0, "gd2": U, "loss": 0.5}, N),
    ],
    "lublin2013_activity": [
        ({"new": 1}, Y),
        ({"grown": 1}, Y),
        ({"gd2": 1}, Y),
        ({"new": 0, "grown": 0, "gd2": 0}, N),
        ({"new": 0, "grown": 0}, U),  # indeterminate if not assessed
        ({}, U),
    ],
    # 1 or 2 new, no relapse, no enhancement
    "meda": [
        ({"relapses": 0, "gd2": 0, "new": 0}, N),
        ({"relapses": 0, "gd2": 0, "new": 1}, Y),
        ({"relapses": 0, "gd2": 0, "new": 2}, Y),
        ({"relapses": 0, "gd2": 0, "new": 3}, N),
        ({"relapses": 1, "gd2": 0, "new": 1}, N),
        ({"relapses": 0, "gd2": 1, "new": 1}, N),
        ({"relapses": U, "gd2": 0, "new": 1}, U),
        ({"relapses": U, "gd2": U, "new": 3}, N),
    ],
    "rio_mri": [
        ({"cua": 2, "new": 2, "grown": 0, "gd2": 2}, N),
        ({"cua": 3, "new": 1, "grown": 1, "gd2": 1}, Y),
        ({"new": 2, "grown": 1}, Y),
        ({"gd2": 3}, Y),
        ({"new": 1, "grown": 0, "gd2": 2}, U),  # 2 or 3 lesions, by overlap
    ],
}  # fmt: skip

# New T2 lesions by relapses: the table of Prosperini 2020
MAGNIMS_SCORES = {
    (0, 0): 0, (0, 2): 0, (0, 3): 1, (0, 9): 1,
    (1, 0): 1, (1, 2): 1, (1, 3): 2, (1, 9): 2,
    (2, 0): 2, (2, 2): 2, (2, 3): 2, (5, 0): 2,
}  # fmt: skip
# Sormani 2013: a point for more than 5 new lesions, 0, 1 or 2 for the relapses
MODIFIED_RIO_SCORES = {
    (0, 5): 0, (0, 6): 1, (1, 5): 1, (1, 6): 2, (2, 5): 2, (2, 6): 3, (4, 0): 2,
}  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "case", "expected"),
    [(rule, case, met) for rule, cases in CASES.items() for case, met in cases],
)
def test_truth_table(rule, case, expected):
    assert evaluate_criterion(CRITERIA_BY_NAME[rule], facts(**case)).met is expected


@pytest.mark.parametrize(
    ("rule", "relapses", "new", "score"),
    [("magnims2016_score", *key, score) for key, score in MAGNIMS_SCORES.items()]
    + [("modified_rio", *key, score) for key, score in MODIFIED_RIO_SCORES.items()],
)
def test_scores(rule, relapses, new, score):
    verdict = evaluate_criterion(CRITERIA_BY_NAME[rule], facts(relapses=relapses, new=new))
    assert verdict.score == (score, score)
    assert verdict.met is (score >= 1)


@pytest.mark.parametrize(
    ("rule", "known", "score", "met"),
    [
        ("magnims2016_score", {"relapses": 0}, (0, 1), None),
        ("magnims2016_score", {"relapses": 1}, (1, 2), True),
        ("magnims2016_score", {"relapses": 2}, (2, 2), True),
        ("magnims2016_score", {"new": 2}, (0, 2), None),
        ("magnims2016_score", {"new": 3}, (1, 2), True),
        ("magnims2016_score", {}, (0, 2), None),
        ("modified_rio", {"relapses": 2}, (2, 3), True),
        ("modified_rio", {"new": 0}, (0, 2), None),
    ],
)
def test_scores_of_partial_facts_are_intervals(rule, known, score, met):
    verdict = evaluate_criterion(CRITERIA_BY_NAME[rule], facts(**known))
    assert (verdict.score, verdict.met) == (score, met)


def test_every_rule_has_a_table_with_all_three_outcomes():
    for criterion in CRITERIA:
        if criterion.name in ("magnims2016_score", "modified_rio"):
            continue
        assert {met for _, met in CASES[criterion.name]} == {True, False, None}, criterion.name
