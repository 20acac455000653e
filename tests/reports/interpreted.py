"""A small cohort as merged tables: two visits, another scanner, facts from outside."""

from html_values import Page

from mslesion.criteria import make_criteria_tables
from mslesion.io.tables import format_value
from mslesion.reports.participant.page import Pair, participant_page
from mslesion.reports.parts import Part
from mslesion.schema import CHANGES, CRITERIA, LESIONS, PANELS, VISITS, as_table
from mslesion.schema.identifiers import bare_label
from mslesion.schema.ratings import LesionRating, Ratings

SESSIONS = {"01": ["1", "2"], "02": [""]}
_COMMON = {
    "inputs": "FLAIR;T1w", "flair_dim": "3D", "flair_voxel_mm": "1.00x1.00x1.00",
    "t1_type": "plain", "skull_stripped": False, "segmenter": "mslesion", "quality_state": "pass",
}  # fmt: skip


def _visit(subject, session, day, **values):
    who = {"participant_id": subject, "session_id": session or None, "visit_date": day}
    return _COMMON | who | values


def _lesion(subject, session, number, location, **values):
    near = {"periventricular": (1.0, 9.0), "juxtacortical": (9.0, 1.0)}.get(location, (8.0, 8.0))
    return {
        "participant_id": subject, "session_id": session or None, "lesion_id": number,
        "location": location, "center_count": 1, "volume_mm3": 100.0 * number,
        "ventricle_distance_mm": near[0], "cortex_distance_mm": near[1], "is_cap_like": False,
    } | values  # fmt: skip


def tables():
    """Merged tables by name."""
    counts = {
        "lesion_count": 3, "lesion_volume_ml": 0.6123456, "periventricular_count": 1,
        "periventricular_lesion_volume_ml": 0.1,
        "juxtacortical_count": 1, "juxtacortical_lesion_volume_ml": 0.2, "intracortical_count": 0,
        "intracortical_lesion_volume_ml": 0.0, "infratentorial_count": 0,
        "infratentorial_lesion_volume_ml": 0.0, "deep_white_count": 1,
        "deep_white_lesion_volume_ml": 0.3123456, "deep_grey_count": 0,
        "deep_grey_lesion_volume_ml": 0.0, "t1_hypointense_volume_ml": 0.0123456, "bpf": 0.8123456,
        "thalamus_ml": 14.56789, "lateral_ventricles_ml": 22.2222, "tiv_ml": 1400.0,
        "age_years": 46.0,
        "brain_ml": 1103.47,
    }  # fmt: skip
    visits = as_table(
        [
            _visit("01", "1", "2018-01-01", **counts),
            _visit("01", "2", "2020-01-02", **counts | {"lesion_volume_ml": 0.7654321}),
            _visit("02", "", None, lesion_count=0, lesion_volume_ml=0.0, quality_state="warn",
                   flags="lesion_volume_ml:warn;flair_signal_to_noise:warn"),
        ],
        VISITS,
    )  # fmt: skip
    places = ("periventricular", "juxtacortical", "deep_white")
    lesions = as_table(
        [
            _lesion("01", session, n, place)
            for session in ("1", "2")
            for n, place in enumerate(places, start=1)
        ],
        LESIONS,
    )
    changes = as_table(
        [
            {
                "participant_id": "01", "session_from": "1", "session_to": "2", "days": 731,
                "interval_years": 2.0013689, "same_scanner": False, "change_assessable": True,
                "change_rule": "radial", "new_t2_count": 2, "enlarging_count": 1,
                "shrinking_count": 0, "resolved_count": 1, "net_change_ml": 0.1530865,
                "pbvc_pct_per_year": -1.1234567, "pbvc_ci95_low": -1.5, "pbvc_ci95_high": -0.7469,
                "pvvc_pct_per_year": 4.4321, "thalamus_pct_per_year": -0.8, "quality_state": "warn",
                "pseudoatrophy_window": True, "sel_candidate_count": 0,
                "atrophied_lesion_volume_mm3": 40.0,
                "atrophied_lesion_volume_noise_mm3": 12.5,
            }
        ],
        CHANGES,
    )  # fmt: skip
    ratings = Ratings(
        facts={
            ("01", None): {"incidental": False, "oligoclonal_bands": True},
            ("01", "2"): {"cord_count": 3, "relapse_count": 1, "cvs_positive_count": 2,
                          "cvs_eligible_count": 4},
            ("02", None): {"incidental": True, "other_causes_excluded": True},
        },
        lesions={("01", "1"): (LesionRating(lesion=1, prl=True), LesionRating(lesion=2))},
    )  # fmt: skip
    criteria, panels = make_criteria_tables(visits, lesions, changes=changes, ratings=ratings)
    named = ((VISITS, visits), (LESIONS, lesions), (CHANGES, changes))
    return {table.name: frame for table, frame in named} | {
        CRITERIA.name: criteria,
        PANELS.name: panels,
    }


def page_of(found, subject="01", *, sessions=None, parts=None, **more):
    """The page of a person of these tables, without pictures unless there are parts."""
    sessions = sessions or SESSIONS[subject]
    changes = found.get(CHANGES.name)
    ends = (
        () if changes is None else zip(changes["session_from"], changes["session_to"], strict=True)
    )
    pairs = [
        Pair(bare_label(format_value(a)), bare_label(format_value(b)), Part())
        for a, b in ends
        if subject == "01" and bare_label(format_value(b)) in sessions
    ]
    visits = {session: (parts or {}).get(session, Part()) for session in sessions}
    return participant_page(subject, found, visits=visits, pairs=pairs, version="1.2", **more)


def rooms_of(html):
    """The text of each room of a page, parsed, by its name."""
    found = {}
    for part in html.split("<section id=")[1:]:
        name, _, rest = part.partition('"')[2].partition('"')
        found[name] = Page("<section" + rest.split("</section>")[0] + "</section>")
    return found
