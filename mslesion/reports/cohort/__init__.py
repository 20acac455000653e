"""The page of a cohort: charts, a quality overview, and one row per visit."""
