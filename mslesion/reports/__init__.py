"""Figures and pages: one page per participant and one for the cohort."""
