"""trajectories.csv: the course of a quantity over all visits."""

from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    NUMBER,
    PARTICIPANT,
    TEXT,
    Column,
    Table,
    described,
)

TRAJECTORIES = Table(
    "trajectories",
    "One row per quantity and segment. A segment has three or more comparable visits.",
    (
        PARTICIPANT,
        *described(
        DERIVED,
        Column("measure", TEXT, "Column of visits.csv; pbvc_pct, lesion_volume_joint_ml or "
               "lesion_count_joint since the first visit; or lesion_volume_mm3 of a track."),
        Column("track_id", COUNT, "Lesion number over all visits.",
               empty_when="the measure is none of a single lesion"),
        Column("segment", COUNT, "Number of the segment, from 1."),
        Column("starts_with", TEXT, "Reason why the segment begins.",
               levels={"first visit": "nothing before", "scanner change": "another scanner",
                       "treatment": "half a year after a treatment began",
                       "change not assessable": "volumes of the brain only: their change since "
                       "the visit before is not given"}),
        Column("date_from", TEXT, "First visit of the segment."),
        Column("date_to", TEXT, "Last visit of the segment."),
        Column("visit_count", COUNT, "Visits with a value."),
        Column("span_years", NUMBER, "Time between the first and the last of these "
                                     "visits.", "year"),
        Column("scanner_count", COUNT, "Scanners.", empty_when="none is known"),
        Column("slope_per_year", NUMBER, "Theil-Sen slope, in units of the measure per year.",
               source="Sen 1968, 10.1080/01621459.1968.10480934"),
        Column("ci95_low", NUMBER, "Lower end of its rank-based 95 % interval.",
               empty_when="the segment has three visits"),
        Column("ci95_high", NUMBER, "Upper end.", empty_when="the segment has three visits"),
        ),
    ),
    ("participant_id", "measure", "track_id", "segment"),
)  # fmt: skip
