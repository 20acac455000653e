"""Panels: a row per domain with its state, error and evidence, and never a sum."""
