"""Biomarkers of multiple sclerosis from brain MRI."""
