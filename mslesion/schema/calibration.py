"""calibration.csv: what the comparison finds in a patient's synthetic follow-up."""

from mslesion.schema.columns import (
    COUNT,
    DERIVED,
    IDENTIFIER,
    NO_SESSION,
    NUMBER,
    PARTICIPANT,
    SETTING,
    TEXT,
    Column,
    Table,
    described,
)
from mslesion.schema.identifiers import SESSION

ITEMS = {
    "new_3_to_5_mm": "new lesions of 3 to 5 mm diameter",
    "new_5_to_10_mm": "new lesions of 5 to 10 mm diameter",
    "enlarging": "lesions of the patient that were enlarged; false: unchanged lesions called "
    "enlarging",
    "shrinking": "lesions of the patient that were made smaller; false: unchanged lesions "
    "called shrinking or resolved",
    "untouched": "unchanged lesions of the patient that are found unchanged",
    "false_new": "lesions called new that were not inserted",
    "brain_volume": "brain volume",
}

CALIBRATION = Table(
    "calibration",
    "One row per kind of change in a synthetic follow-up of the visit. The follow-up consists "
    "of the visit's own scans, moved, with another gain, noise and a known change, and goes "
    "through the same comparison. Skull stripping and scanner are the same at both visits, so "
    "the figures are upper bounds.",
    (
        PARTICIPANT,
        Column("session_id", TEXT, "Session of the baseline.", prefix=SESSION,
               method=IDENTIFIER, empty_when=NO_SESSION),
        Column("item", TEXT, "Kind of change.", levels=ITEMS, method=IDENTIFIER),
        *described(
        DERIVED,
        Column("made_count", COUNT, "Number of changes that were made.", method=SETTING,
               empty_when="the item is brain volume or lesions called new in error"),
        Column("recovered_count", COUNT, "Number of these changes that were found.",
               empty_when="the item is brain volume or lesions called new in error, or the pair "
               "could not be compared"),
        Column("false_count", COUNT, "Number of changes that were found but not made.",
               empty_when="no such change can be told for the item, or the pair could not be "
               "compared"),
        Column("made_pct", NUMBER, "Simulated change of volume.", "percent", method=SETTING,
               empty_when="the item is none of brain volume"),
        Column("recovered_pct", NUMBER, "Measured change of volume.", "percent",
               empty_when="the item is none of brain volume, or it was not measured"),
        Column("note", TEXT, "Caveat, or the reason why nothing could be compared.",
               empty_when="there is none"),
        ),
    ),
    ("participant_id", "session_id", "item"),
)  # fmt: skip
