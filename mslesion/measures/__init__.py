"""Measures of one visit: lesion load, location, look, brain volumes, quality."""
