"""calibration.csv: what the comparison finds in a patient's synthetic follow-up."""

from mslesion.schema.columns import COUNT, NUMBER, PARTICIPANT, TEXT, Column, Table
from mslesion.schema.identifiers import SESSION

ITEMS = {
    "new_3_to_5_mm": "new lesions of 3 to 5 mm diameter",
    "new_5_to_10_mm": "new lesions of 5 to 10 mm diameter",
    "enlarging": "lesions of the patient that were grown; false: untouched ones called so",
    "shrinking": "lesions of the patient that were shrunk; false: untouched ones called "
    "shrinking or resolved",
    "untouched": "lesions of the patient that were left as they are and are found so",
    "false_new": "lesions called new that were not made",
    "brain_volume": "the brain's volume",
}

CALIBRATION = Table(
    "calibration",
    "One row a kind of change in a synthetic follow-up of the visit: the own scans, moved, with "
    "other gain, noise and known change, through the same comparison. The skull is off alike at "
    "both visits and the scanner is the same: figures are the best that can be hoped for.",
    (
        PARTICIPANT,
        Column("session_id", TEXT, "Session of the baseline.", prefix=SESSION),
        Column("item", TEXT, "Kind of change.", levels=ITEMS),
        Column("made_count", COUNT, "How many were made."),
        Column("recovered_count", COUNT, "How many of them were found; empty if the pair could "
               "not be compared."),
        Column("false_count", COUNT, "How many were found that were not made."),
        Column("made_pct", NUMBER, "Change of volume that was made.", "percent"),
        Column("recovered_pct", NUMBER, "Change of volume that was measured.", "percent"),
        Column("note", TEXT, "Caveat, or why nothing could be compared."),
    ),
    ("participant_id", "session_id", "item"),
)  # fmt: skip
