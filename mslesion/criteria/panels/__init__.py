"""Panels: one row per domain with its state, error and evidence, never summed up."""
