"""Columns of the visit table that need a lesion map."""

from mslesion.schema.visits import BIOMARKERS

LESION_BIOMARKERS = tuple(n for n, column in BIOMARKERS.items() if "lesion_map" in column.requires)
