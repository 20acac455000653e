"""A whole dataset: its jobs, merged tables and pages."""
