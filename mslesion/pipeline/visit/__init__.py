"""One visit: prepared, segmented, measured, written."""
