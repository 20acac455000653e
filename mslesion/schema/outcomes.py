"""Results of the jobs of a run, from `run_dataset`: one row per job. It is not written."""

from mslesion.schema.columns import NUMBER, PARTICIPANT, SESSION_OF_ROW, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

OUTCOMES = Table(
    "outcomes",
    "One row per job of a run: a visit, a pair, a calibration or a page, and how it ended.",
    (
        PARTICIPANT,
        SESSION_OF_ROW,
        Column(
            "session_from", TEXT, "First visit of a pair; empty for other jobs.", prefix=SESSION
        ),
        Column("step", TEXT, "What was done.",
               levels={"visit": "a visit was segmented and measured",
                       "pair": "two visits of a person were compared",
                       "calibration": "a known change was compared",
                       "page": "the page of a participant was made, and its rows of all tables"}),
        Column("inputs", TEXT, "Scans of the visit, separated by semicolons."),
        Column("state", TEXT, "How the job ended.",
               levels={"done": "finished in this run",
                       "unchanged": "finished before, and nothing it depends on has changed",
                       "failed": "not finished; error and reason say why",
                       "planned": "not started, as the run was a dry run"}),
        Column("error", TEXT, "Kind of error; empty unless the job failed."),
        Column("reason", TEXT, "What is wrong and what to do; empty unless the job failed."),
        Column("seconds", NUMBER, "Time the job took.", "s"),
    ),
    ("participant_id", "session_id", "session_from", "step"),
)  # fmt: skip
