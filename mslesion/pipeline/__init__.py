"""Whole runs: one visit, and many visits."""
